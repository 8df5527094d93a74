#!/usr/bin/env bash
# pki.sh DIRECTORY SERVER_IP NODE...: one authority, the API server's certificate, a client's certificate and kubeconfig for each part.
set -euo pipefail
directory=$(realpath -m "$1") server=$2
shift 2
mkdir -p "$directory"
cd "$directory"

key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)

# signed NAME SUBJECT EXTENSION
signed() {
    openssl req "${key[@]}" -subj "$2" -keyout "$1.key" -out "$1.csr" 2>/dev/null
    openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out "$1.crt" -extfile <(echo "$3") 2>/dev/null
}

# client NAME SUBJECT
client() {
    signed "$1" "$2" extendedKeyUsage=clientAuth
    cat >"$1.kubeconfig" <<END
apiVersion: v1
kind: Config
clusters: [{name: weir, cluster: {server: "https://$server:6443", certificate-authority: $directory/ca.crt}}]
users: [{name: $1, user: {client-certificate: $directory/$1.crt, client-key: $directory/$1.key}}]
contexts: [{name: weir, context: {cluster: weir, user: $1}}]
current-context: weir
END
}

openssl req -x509 "${key[@]}" -days 2 -subj /CN=weir-test -keyout ca.key -out ca.crt 2>/dev/null
openssl genrsa -out accounts.key 2048 2>/dev/null
signed apiserver /CN=kube-apiserver "subjectAltName=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,IP:10.96.0.1,IP:$server"
client admin /O=system:masters/CN=admin
client kubelet-client /O=system:masters/CN=apiserver-to-kubelet
client controller-manager /CN=system:kube-controller-manager
client scheduler /CN=system:kube-scheduler
client proxy /CN=system:kube-proxy
for node in "$@"; do client "$node" "/O=system:nodes/CN=system:node:$node"; done
