# shellcheck shell=bash
# What the set-up scripts share: how to speak, how to fail, how to install a Debian package.

say() { printf 'set-up: %s\n' "$*" >&2; }
fail() {
    say "$*"
    exit 1
}

# retry TIMES COMMAND...: registries hiccup; a second attempt is cheaper than a failed set-up.
retry() {
    local times=$1 attempt
    shift
    for ((attempt = 1; attempt <= times; attempt++)); do
        "$@" && return 0
        ((attempt == times)) || { say "'$1' failed (attempt $attempt of $times), once more"; sleep $((attempt * 2)); }
    done
    return 1
}

is_root() { [[ $EUID -eq 0 ]]; }

# installed NAME: dpkg's own file is read, since asking dpkg-query takes ten times as long.
installed() {
    grep -A 2 -Fx "Package: $1" /var/lib/dpkg/status 2>/dev/null | grep -qFx 'Status: install ok installed'
}

# apt-get without questions and without chatter; what it said is shown when it fails.
quiet_apt() {
    local said
    said=$(DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" </dev/null 2>&1) && return 0
    tail -n 5 <<<"$said" >&2
    return 1
}

apt_lists() {
    compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null && return 0
    say "reading Debian's package lists"
    retry 3 quiet_apt update
}

# apt_install WHY NAME...: installs those of the packages that are missing. Fails, having said why, without root.
apt_install() {
    local why=$1 name missing=()
    shift
    for name in "$@"; do installed "$name" || missing+=("$name"); done
    ((${#missing[@]})) || return 0
    is_root || { say "$why needs root: sudo apt-get install ${missing[*]}"; return 1; }
    say "installing $why: ${missing[*]}"
    dpkg --configure -a --force-confold </dev/null >/dev/null 2>&1 || true # an interrupted run leaves packages half configured
    apt_lists
    quiet_apt install -y --no-install-recommends "${missing[@]}" && return 0
    say "that failed; reading Debian's package lists again, they may be too old"
    retry 3 quiet_apt update
    quiet_apt install -y --no-install-recommends "${missing[@]}"
}

# alone: waits until no other set-up of this clone is at work, and keeps others waiting until this script ends.
alone() {
    mkdir -p .cache
    exec 8>.cache/set-up.lock
    flock --nonblock 8 && return 0
    say "another set-up of this clone is at work: waiting for it"
    flock 8
}
