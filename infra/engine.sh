# shellcheck shell=bash
# A container engine: the one that runs, or one of our own for as long as a script takes. To be read after infra/lib.sh, at the top of the clone.

engine_state=$PWD/.cache/containers

# lock_engine: one script of this clone at a time; the lock is file 9, to be closed for what outlives the script.
lock_engine() {
    mkdir -p "$engine_state"
    exec 9>"$engine_state/lock"
    flock --nonblock 9 || { say "another run of this clone has the containers: waiting for it"; flock 9; }
}

engine_answers() { command -v docker >/dev/null && docker version >/dev/null 2>&1; }

# an_engine: returns when `docker` is answered
an_engine() {
    export PATH=$PATH:/usr/sbin:/sbin
    engine_answers || start_engine
}

# An engine of our own: its socket and its data are apart from whatever else the machine may have, its firewall and routing are let
# alone (published ports are served by a process), and the bridge goes with it.
start_engine() {
    local log=$engine_state/dockerd.log
    is_root || fail "no container engine answers, and starting one needs root: start Docker"
    apt_install "a container engine" docker.io iptables || fail "a container engine is missing: apt-get install docker.io"
    say "starting a container engine in $engine_state"
    [[ -e /sys/class/net/docker0 ]] || engine_bridge=docker0
    dockerd --host "unix://$engine_state/docker.sock" --data-root "$engine_state/data" --exec-root "$engine_state/run" \
        --pidfile "$engine_state/dockerd.pid" --iptables=false --ip6tables=false --ip-masq=false --ip-forward=false >"$log" 2>&1 9>&- &
    engine=$!
    export DOCKER_HOST=unix://$engine_state/docker.sock
    for _ in {1..150}; do
        engine_answers && return 0
        kill -0 "$engine" 2>/dev/null || break
        sleep 0.2
    done
    tail -n 5 "$log" >&2
    fail "the container engine did not start: its log is $log"
}

# stop_engine: ends the engine, if it is ours
stop_engine() {
    [[ -z ${engine:-} ]] || { kill "$engine" 2>/dev/null && wait "$engine" 2>/dev/null; } || true
    umount "$engine_state/run/netns/default" 2>/dev/null || true # dockerd leaves it, and no folder above it could be removed
    [[ -z ${engine_bridge:-} ]] || ip link delete "$engine_bridge" 2>/dev/null || true
}
