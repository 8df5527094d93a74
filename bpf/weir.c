/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Counts every socket's traffic below the cgroup that these programs are attached to.
 *
 * 1. sock_ops marks a TCP socket as client or server at its handshake and counts what becomes of the connection. UDP sockets are marked
 *    when they are made, and when they are bound.
 * 2. cgroup_skb reads a packet's headers and forms the flow's key: from the socket and its mark (TCP), or from the packet (and the mark: UDP).
 * 3. It adds bytes, packets and times to the key's entry in the active map; whatever finds no place is counted as lost, by reason.
 * 4. User space points `active` at the other map; the kernel returns from that once no program uses the old one, which is then read at leisure.
 *
 * The kernel is told "GPL", as its helpers ask; the file itself may be used under either licence above.
 */
#define BPF_LICENSE GPL

#include <uapi/linux/bpf.h>
#include <uapi/linux/if_ether.h>
#include <uapi/linux/in.h>
#include <uapi/linux/in6.h>
#include <uapi/linux/tcp.h>

#include "weir.h"
#include "packet.h"
#include "dns.h"
#include "udp_role.h"

#define RTT_INTERVAL_NS 100000000ULL /* at most one sample in 100 ms and connection */
#define MAX_SYN_DATA 65536
#define STREAM 1                     /* SOCK_STREAM */
#define TCP_FLAG_BYTE_RST 0x04
#define TCP_FLAG_BYTE_ACK 0x10
#define READ(field) (*(volatile typeof(field) *)&(field)) /* keeps the compiler from computing addresses within a socket */
#define ADD(field, amount) __sync_fetch_and_add(&(field), (amount))

/* What is known of a TCP socket. A listener's mark is copied to the sockets that it accepts (BPF_F_CLONE). */
struct mark {
	struct flow_key key; /* valid once key.cgroup is not 0 */
	__u64 owner;         /* cgroup id; sock_ops cannot ask for it, cgroup_skb can */
	__u64 next_rtt_ns;
	__u64 syn_ns;        /* 0: the SYN was not seen */
	__u64 syn_again_ns;  /* when it was sent for the second time */
	__u32 connect_us;
	__u8 role;
	__u8 opened;
	__u8 closed;
	__u8 reset;
	__u8 refused;
	__u8 unsaid;         /* opened before the owner was known: said with the next packet */
};

/* Not preallocated: 65,536 entries twice would pin 80 MB on every node, and an edge of the service graph is rare. One takes 1 KiB. */
BPF_F_TABLE("hash", struct flow_key, struct flow_counters, flows0, MAP_ENTRIES, BPF_F_NO_PREALLOC);
BPF_F_TABLE("hash", struct flow_key, struct flow_counters, flows1, MAP_ENTRIES, BPF_F_NO_PREALLOC);
BPF_ARRAY_OF_MAPS(active, "flows0", 1);
BPF_PERCPU_ARRAY(blank, struct flow_counters, 1); /* a fresh entry, too large for the stack: zeros but for its times */
BPF_PERCPU_ARRAY(lost, struct loss, LOSS_REASONS);
BPF_F_TABLE("sk_storage", int, struct mark, marks, 0, BPF_F_NO_PREALLOC | BPF_F_CLONE);
BPF_F_TABLE("sk_storage", int, struct udp_mark, udp_marks, 0, BPF_F_NO_PREALLOC);

#ifdef DOMAIN_ENTRIES
enum { READ_ANSWER, NOTE_QUESTION, READ_RECORDS, PROGRAMS_AFTER };

BPF_PROG_ARRAY(then, PROGRAMS_AFTER); /* domains.c, for what port 53 is told and says */
#endif

static __always_inline void lose(int reason, __u64 packets, __u64 bytes, __u64 events)
{
	struct loss *loss = lost.lookup(&reason);

	if (loss) {
		ADD(loss->packets, packets);
		ADD(loss->bytes, bytes);
		ADD(loss->events, events);
	}
}

static __always_inline struct flow_counters *entry(struct flow_key *key, __u64 now)
{
	int slot = 0;
	void *flows = active.lookup(&slot);
	struct flow_counters *counters;

	if (!flows)
		return NULL;
	counters = bpf_map_lookup_elem(flows, key);
	if (!counters) {
		struct flow_counters *fresh = blank.lookup(&slot);

		if (!fresh)
			return NULL;
		fresh->first_ns = fresh->last_ns = now; /* an interrupt's packet may put its own here: add_packet() sets that right */
		bpf_map_update_elem(flows, key, fresh, BPF_NOEXIST); /* another CPU may have been first: look again */
		counters = bpf_map_lookup_elem(flows, key);
	}
	return counters;
}

static __always_inline void add_sample(__u32 *histogram, __u32 us)
{
	__u32 bucket = bucket_of(us);

	asm volatile("" : "+r"(bucket)); /* the verifier follows the register that is compared here, and no other */
	if (bucket < BUCKETS)
		ADD(histogram[bucket], 1);
}

static __always_inline void fold_ports(struct flow_key *key, __u16 local, __u16 remote)
{
	if (key->role == ROLE_UNKNOWN && local != remote)
		key->role = local < remote ? ROLE_SERVER : ROLE_CLIENT;
	key->service_port = key->role == ROLE_CLIENT ? remote : local;
}

static __always_inline void key_of_socket(struct flow_key *key, struct bpf_sock *sk, __u64 owner, __u8 role)
{
	__u32 local4 = READ(sk->src_ip4), remote4 = READ(sk->dst_ip4);
	int ipv4 = READ(sk->family) == AF_INET;

	key->protocol = IPPROTO_TCP;
	key->role = role;
#pragma unroll
	for (int word = 0; word < 3; word++) {
		__u32 mapped = word == 2 ? IPV4_MAPPED : 0;
		__u32 local = READ(sk->src_ip6[word]), remote = READ(sk->dst_ip6[word]);

		key->local_ip[word] = ipv4 ? mapped : local;
		key->remote_ip[word] = ipv4 ? mapped : remote;
	}
	key->local_ip[3] = ipv4 ? local4 : READ(sk->src_ip6[3]);
	key->remote_ip[3] = ipv4 ? remote4 : READ(sk->dst_ip6[3]);
	fold_ports(key, READ(sk->src_port), bpf_ntohs(READ(sk->dst_port)));
	barrier(); /* the cgroup says that the rest is valid */
	key->cgroup = owner;
}

static __always_inline void key_of_packet(struct flow_key *key, struct packet *packet, int sent, __u64 owner, __u8 role)
{
	__builtin_memcpy(key->local_ip, sent ? packet->ip.source : packet->ip.target, 16);
	__builtin_memcpy(key->remote_ip, sent ? packet->ip.target : packet->ip.source, 16);
	key->cgroup = owner;
	key->protocol = packet->protocol;
	key->role = ROLE_UNKNOWN;
	if (packet->source_port | packet->target_port) {
		key->role = role;
		fold_ports(key, sent ? packet->source_port : packet->target_port, sent ? packet->target_port : packet->source_port);
	}
}

/* The mark of a TCP socket; NULL for every other one, and for the minimal sockets of TIME_WAIT and half-open connections. */
static __always_inline struct mark *tcp_mark(struct bpf_sock *sk)
{
	struct mark *mark = marks.sk_storage_get(sk, 0, 0);

	if (mark)
		return mark;
	sk = bpf_sk_fullsock(sk);
	if (!sk || sk->type != STREAM || sk->protocol != IPPROTO_TCP)
		return NULL;
	return marks.sk_storage_get(sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
}

/* The key of a UDP packet's flow, or of any other that has no socket with a handshake. */
static __always_inline void key_without_handshake(struct flow_key *key, struct __sk_buff *skb, struct packet *packet, int sent)
{
	struct bpf_sock *sk = skb->sk;
	struct udp_mark *mark = sk && packet->protocol == IPPROTO_UDP ? udp_marks.sk_storage_get(sk, 0, 0) : NULL;
	__u8 role = ROLE_UNKNOWN;

	if (!mark) {
		key_of_packet(key, packet, sent, bpf_skb_cgroup_id(skb), ROLE_UNKNOWN);
		return;
	}
	if (!mark->owner)
		mark->owner = bpf_skb_cgroup_id(skb);
	if (packet->source_port | packet->target_port)
		role = sent ? udp_role(mark, 1, packet->source_port, packet->target_port)
			    : udp_role(mark, 0, packet->target_port, packet->source_port);
	key_of_packet(key, packet, sent, mark->owner, role);
}

static __always_inline void sample_rtt(struct flow_counters *counters, struct mark *mark, struct bpf_sock *sk, __u64 now)
{
	struct bpf_tcp_sock *tcp = bpf_tcp_sock(sk);
	__u32 rtt = tcp ? tcp->srtt_us >> 3 : 0;

	if (!rtt)
		return;
	mark->next_rtt_ns = now + RTT_INTERVAL_NS;
	ADD(counters->rtt_us_sum, rtt);
	ADD(counters->rtt_count, 1);
	add_sample(counters->rtt, rtt);
	if (rtt > counters->rtt_us_max)
		counters->rtt_us_max = rtt;
}

static __always_inline void add_packet(struct flow_counters *counters, int sent, __u64 packets, __u64 bytes, __u64 payload, __u64 now)
{
	if (sent) {
		ADD(counters->packets_sent, packets);
		ADD(counters->bytes_sent, bytes);
		ADD(counters->payload_bytes_sent, payload);
	} else {
		ADD(counters->packets_received, packets);
		ADD(counters->bytes_received, bytes);
		ADD(counters->payload_bytes_received, payload);
	}
	if (now < counters->first_ns)
		counters->first_ns = now;
	if (now > counters->last_ns)
		counters->last_ns = now;
}

static __always_inline void add_opened(struct flow_counters *counters, struct mark *mark)
{
	ADD(counters->connections_opened, 1);
	if (mark->role == ROLE_CLIENT && mark->syn_ns)
		add_sample(counters->connect, mark->connect_us);
}

/*
 * Does this RST, which has just arrived, end the connection's attempt? TCP heeds it if it acknowledges the SYN and what may have come with it.
 * snd_nxt does not tell how much that is: an answer may be here before the call that sent the SYN has returned.
 */
static __always_inline int refuses(struct bpf_sock *sk, struct packet *packet)
{
	struct bpf_tcp_sock *tcp = sk->state == BPF_TCP_SYN_SENT ? bpf_tcp_sock(sk) : NULL;

	return tcp && (packet->tcp_flags & TCP_FLAG_BYTE_ACK) && packet->ack - tcp->snd_una - 1 < MAX_SYN_DATA;
}

static __always_inline void add_signals(struct flow_counters *counters, struct mark *mark, struct bpf_sock *sk, struct packet *packet,
					int sent, __u64 now)
{
	if (mark->unsaid) {
		mark->unsaid = 0;
		add_opened(counters, mark);
	}
	if (packet->tcp_flags & TCP_FLAG_BYTE_RST) {
		if (mark->opened && !mark->reset) {
			mark->reset = 1;
			ADD(counters->connections_reset, 1);
		} else if (!mark->opened && !sent && refuses(sk, packet)) {
			mark->refused = 1;
		}
	}
	if (!sent && now >= mark->next_rtt_ns)
		sample_rtt(counters, mark, sk, now);
}

static __always_inline int count(struct __sk_buff *skb, int sent)
{
	struct packet packet = {};
	struct flow_key key = {};
	struct flow_counters *counters;
	struct mark *mark = NULL;
	struct bpf_sock *sk;
	__u64 now = bpf_ktime_get_ns(), packets = 1, payload, bytes, added;
	int reason = read_packet(skb, &packet);

	if (reason >= 0) {
		lose(reason, 1, skb->len, 0);
		return 1;
	}
	payload = skb->len > packet.headers ? skb->len - packet.headers : 0;
	if (skb->gso_size && payload)
		packets = (payload + skb->gso_size - 1) / skb->gso_size;
	added = skb->gso_size ? packet.jumbo : 0; /* the kernel's own note on a large segment: gone before the wire */
	bytes = skb->len - added + (packets - 1) * (packet.headers - added);
	sk = skb->sk;
	if (sk && packet.protocol == IPPROTO_TCP)
		mark = tcp_mark(sk);
	if (mark && !mark->owner)
		mark->owner = bpf_skb_cgroup_id(skb);
	if (mark && sk->state == BPF_TCP_LISTEN) {
		mark->role = ROLE_SERVER;
		key_of_packet(&key, &packet, sent, mark->owner, ROLE_SERVER);
		mark = NULL; /* of a connection that has no socket yet */
	} else if (!mark) {
		key_without_handshake(&key, skb, &packet, sent);
	} else if (!mark->key.cgroup) {
		key_of_socket(&mark->key, sk, mark->owner, mark->role);
	}
	counters = entry(mark ? &mark->key : &key, now);
	if (!counters) {
		lose(LOST_MAP_FULL, packets, bytes, 0);
		return 1;
	}
	add_packet(counters, sent, packets, bytes, payload, now);
	if (mark)
		add_signals(counters, mark, sk, &packet, sent, now);
#ifdef DOMAIN_ENTRIES
	if ((sent ? packet.target_port : packet.source_port) == DNS_PORT)
		then.call(skb, sent ? NOTE_QUESTION : READ_ANSWER);
#endif
	return 1;
}

int count_sent(struct __sk_buff *skb)
{
	return count(skb, 1);
}

int count_received(struct __sk_buff *skb)
{
	return count(skb, 0);
}

static __always_inline struct flow_counters *entry_for_event(struct mark *mark)
{
	struct flow_counters *counters = NULL;

	if (mark->key.cgroup)
		counters = entry(&mark->key, bpf_ktime_get_ns());
	if (!counters)
		lose(LOST_MAP_FULL, 0, 0, 1);
	return counters;
}

static __always_inline void connecting(struct mark *mark)
{
	mark->key.cgroup = 0; /* a socket may connect more than once */
	mark->role = ROLE_CLIENT;
	mark->opened = mark->closed = mark->reset = mark->refused = mark->unsaid = 0;
	mark->syn_ns = bpf_ktime_get_ns();
	mark->syn_again_ns = 0;
}

static __always_inline __u32 since_us(__u64 ns)
{
	__u64 us = (bpf_ktime_get_ns() - ns) / 1000;

	return us < ~0U ? us : ~0U;
}

static __always_inline void opened(struct mark *mark, struct bpf_sock *sk, __u8 role)
{
	struct flow_counters *counters;

	mark->role = role;
	mark->opened = 1;
	if (role == ROLE_CLIENT)
		mark->connect_us = since_us(mark->syn_ns);
	if (!mark->owner) {
		mark->unsaid = 1;
		return;
	}
	key_of_socket(&mark->key, sk, mark->owner, role);
	counters = entry_for_event(mark);
	if (counters)
		add_opened(counters, mark);
}

/* weir.h tells what a time-out is. */
static __always_inline int timed_out(struct mark *mark)
{
	__u64 now = bpf_ktime_get_ns();

	return mark->syn_ns && now - mark->syn_ns >= SILENCE_NS && now - mark->syn_again_ns >= ICMP_NS;
}

static __always_inline void closed(struct mark *mark)
{
	struct flow_counters *counters;

	if (mark->closed || (!mark->opened && mark->role != ROLE_CLIENT))
		return;
	mark->closed = 1;
	counters = entry_for_event(mark);
	if (!counters)
		return;
	if (mark->opened) {
		ADD(counters->connections_closed, 1);
		return;
	}
	ADD(counters->connections_failed, 1);
	if (mark->refused)
		ADD(counters->connections_refused, 1);
	else if (timed_out(mark))
		ADD(counters->connections_timed_out, 1);
}

int follow_connection(struct bpf_sock_ops *ops)
{
	struct mark *mark;
	struct flow_counters *counters;
	struct bpf_sock *sk = ops->sk;
	__u32 op = ops->op;

	if (op != BPF_SOCK_OPS_TCP_CONNECT_CB && op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB && op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB &&
	    op != BPF_SOCK_OPS_RETRANS_CB && op != BPF_SOCK_OPS_STATE_CB)
		return 1;
	if (!sk)
		return 1;
	mark = marks.sk_storage_get(sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!mark) {
		lose(LOST_MAP_FULL, 0, 0, 1);
		return 1;
	}
	if (op == BPF_SOCK_OPS_RETRANS_CB) {
		if (!mark->opened && !mark->syn_again_ns)
			mark->syn_again_ns = bpf_ktime_get_ns();
		counters = entry_for_event(mark);
		if (counters)
			ADD(counters->retransmits, ops->args[1]);
	} else if (op == BPF_SOCK_OPS_STATE_CB) {
		if (ops->args[1] == BPF_TCP_CLOSE)
			closed(mark);
	} else {
		if (op == BPF_SOCK_OPS_TCP_CONNECT_CB)
			connecting(mark);
		else
			opened(mark, sk, op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB ? ROLE_CLIENT : ROLE_SERVER);
		bpf_sock_ops_cb_flags_set(ops, BPF_SOCK_OPS_RETRANS_CB_FLAG | BPF_SOCK_OPS_STATE_CB_FLAG);
	}
	return 1;
}

int note_udp_socket(struct bpf_sock *sk)
{
	if (sk->type == DGRAM && sk->protocol == IPPROTO_UDP)
		udp_marks.sk_storage_get(sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	return 1;
}

static __always_inline int note_bind(struct bpf_sock_addr *wanted, int ipv6)
{
	struct bpf_sock *sk = wanted->sk, *other;
	struct bpf_sock_tuple tuple = {};
	struct udp_mark *mark;

	if (wanted->type != DGRAM || wanted->protocol != IPPROTO_UDP || !sk)
		return 1;
	mark = udp_marks.sk_storage_get(sk, 0, 0);
	if (!mark || mark->begun)
		return 1;
	if (ipv6) {
		tuple.ipv6.daddr[0] = wanted->user_ip6[0];
		tuple.ipv6.daddr[1] = wanted->user_ip6[1];
		tuple.ipv6.daddr[2] = wanted->user_ip6[2];
		tuple.ipv6.daddr[3] = wanted->user_ip6[3];
		tuple.ipv6.dport = wanted->user_port;
	} else {
		tuple.ipv4.daddr = wanted->user_ip4;
		tuple.ipv4.dport = wanted->user_port;
	}
	other = bpf_sk_lookup_udp(wanted, &tuple, ipv6 ? sizeof(tuple.ipv6) : sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	note_port(mark, wanted->user_port, other != NULL);
	if (other)
		bpf_sk_release(other);
	return 1;
}

int note_bind4(struct bpf_sock_addr *wanted)
{
	return note_bind(wanted, 0);
}

int note_bind6(struct bpf_sock_addr *wanted)
{
	return note_bind(wanted, 1);
}
