#!/usr/bin/env bash
# compiler.sh: in a build stage, puts a BPF compiler of 65 MB in the place of the 230 MB that Debian's libbcc loads.
# libLLVM and libclang-cpp hold every target and every tool, and bring Z3, libxml2 and ICU along. Debian has the same objects as static
# archives: this links from them what libbcc calls, and what that calls, into one library that answers to both names.
set -euo pipefail
libraries=/usr/lib/$(gcc -print-multiarch)
bcc=$libraries/libbcc.so.0
work=$(mktemp -d)
cd "$work"

apt-get download llvm-14-dev libclang-14-dev
for package in *.deb; do dpkg -x "$package" archives; done
objects=archives/usr/lib/llvm-14/lib

# What libbcc needs of the two are the link's roots. What it has itself as well (templates, inline data) must be one for all: exported.
nm -D --undefined-only "$bcc" | awk '{print $2}' | grep -E '@LLVM_14$|^[^@]+$' | sed 's/@.*//' | grep -E 'LLVM|4llvm|5clang' >roots
nm -D "$bcc" | awk '{print $NF}' | sed 's/@.*//' | grep -E 'LLVM|4llvm|5clang' | sort -u >names
{
    echo 'LLVM_14 { global:'
    sed 's/$/;/' names
    echo 'local: *; };'
} >exports
sed -i 's/^/-Wl,--undefined=/' roots

# Clang asks for this optimiser of loops by name. It is not for BPF: an empty one.
cat >polly.cc <<'END'
#include <llvm/Passes/PassPlugin.h>
llvm::PassPluginLibraryInfo getPollyPluginInfo() { return {LLVM_PLUGIN_API_VERSION, "none", "", [](llvm::PassBuilder &) {}}; }
END
g++ -c -fPIC -O1 -fno-rtti -Iarchives/usr/include/llvm-14 -Iarchives/usr/include/llvm-c-14 polly.cc

mapfile -t archives < <(find "$objects" -name 'libclang*.a' -o -name 'libLLVM*.a' | grep -vE 'libclang\.a|Tidy|StaticAnalyzer' | sort)
g++ -shared -s -o compiler.so -Wl,-soname,libLLVM-14.so.1 @roots polly.o \
    -Wl,--start-group "${archives[@]}" -Wl,--end-group \
    -Wl,--version-script=exports -Wl,--gc-sections -Wl,-z,defs -Wl,-z,pack-relative-relocs -Wl,--hash-style=gnu \
    -Wl,--as-needed "$libraries/libz.so.1" "$libraries/libtinfo.so.6" -ldl -lpthread -lm

rm -f "$libraries"/libLLVM-14* "$libraries"/libclang-cpp.so.14*
install -m 644 compiler.so "$libraries/libLLVM-14.so.1"
ln -s libLLVM-14.so.1 "$libraries/libclang-cpp.so.14"
rm -rf "$work"
# all of it is there: nothing is left to be missed when a program is compiled
said=$(LD_BIND_NOW=1 ldd -r "$bcc")
! grep -E 'undefined|not found' <<<"$said"
