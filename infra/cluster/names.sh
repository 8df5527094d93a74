# shellcheck shell=bash
# What the cluster's scripts share: its names, its addresses, and how to speak with a node. To be read at the top of the clone.
#
#   namespace $net:            10.250.0.1   etcd, the API server, controllers, scheduler; Kafka and ClickHouse of the tests; the tests
#   node n1, zone zone-a:      10.250.0.11  containerd, kubelet, kube-proxy; pods in 10.244.1.0/24
#   node n2, zone zone-b:      10.250.0.12  the same; pods in 10.244.2.0/24
#
# A node has network, mounts, processes and cgroups of its own: it sees of the machine what a machine would have, an agent on it counts
# its pods and no process of anyone else, and all of it ends with its first process.

state=$PWD/.cache/cluster
logs=$state/log
images_dir=$PWD/.cache/cluster-images
net=weir-$(cksum <<<"$PWD" | cut -d ' ' -f 1)
server=10.250.0.1
nodes=(n1 n2)

node_address() { echo "10.250.0.1${1#n}"; }
node_pods() { echo "10.244.${1#n}.0/24"; }
node_zone() { [[ $1 == n1 ]] && echo zone-a || echo zone-b; }

# first_process NODE: of its process namespace, as the machine counts
first_process() { pgrep --parent "$(<"$logs/$1.pid")"; }

# on NODE COMMAND...: runs it there
on() {
    local node=$1
    shift
    nsenter --target "$(first_process "$node")" --mount --pid --net --cgroup -- "$@"
}

beside() { nsenter --net="/run/netns/$net" "$@"; }
kubectl() { beside "$programs/kubectl" --kubeconfig "$state/pki/admin.kubeconfig" "$@"; }

# until_true SECONDS WHAT COMMAND...
until_true() {
    local seconds=$1 what=$2 end
    shift 2
    end=$((SECONDS + seconds))
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || fail "waited $seconds s for $what: the logs are in $logs"
        sleep 0.2
    done
}
