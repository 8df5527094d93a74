/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What the sockets below the cgroup asked DNS for. Compiled behind weir.c, as one file with it, where names are wanted (DOMAIN_ENTRIES).
 *
 * 1. weir.c hands every packet to or from port 53 to these programs, by a tail call, once it is counted. No other packet comes here.
 * 2. A question's id is noted beside its socket. An answer is read if this socket asked under its id (UDP), or opened the connection (TCP:
 *    one message in one segment).
 * 3. Every public address of the answer gets the question's name, for the time that the answer gives it.
 * 4. A second name within that time makes the address contested until both times are over.
 */
#define QUESTIONS 16 /* under way of one socket; more: the oldest is forgotten, and its answer not read */
#define ASKED 0x10000
#define SECOND_NS 1000000000ULL
#ifndef barrier_var
#define barrier_var(var) asm volatile("" : "+r"(var))
#endif

struct questions {
	__u32 next;
	__u32 ids[QUESTIONS]; /* ASKED | id */
};

BPF_F_TABLE("hash", struct domain_key, struct domain, domains, DOMAIN_ENTRIES, BPF_F_NO_PREALLOC);
BPF_F_TABLE("sk_storage", int, struct questions, asked, 0, BPF_F_NO_PREALLOC);
BPF_PERCPU_ARRAY(messages, struct dns, 1);

static __always_inline struct questions *questions_of(struct __sk_buff *skb, __u64 flags)
{
	struct questions *found, none = {};
	struct bpf_sock *sk = skb->sk;

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk)
		return NULL;
	found = flags ? asked.sk_storage_get(sk, &none, flags) : asked.sk_storage_get(sk, 0, 0);
	return found;
}

int note_question(struct __sk_buff *skb)
{
	struct packet packet = {};
	struct questions *questions;
	__be16 id;

	if (read_packet(skb, &packet) >= 0 || packet.protocol != IPPROTO_UDP || bpf_skb_load_bytes(skb, packet.headers, &id, sizeof(id)))
		return 1;
	questions = questions_of(skb, BPF_SK_STORAGE_GET_F_CREATE);
	if (questions)
		questions->ids[questions->next++ & (QUESTIONS - 1)] = ASKED | id;
	return 1;
}

/* Whether the socket asked under this id; once. */
static __always_inline int was_asked(struct __sk_buff *skb, __u32 id)
{
	struct questions *questions = questions_of(skb, 0);

	if (!questions)
		return 0;
#pragma unroll
	for (int i = 0; i < QUESTIONS; i++) {
		if (questions->ids[i] == (ASKED | id)) {
			questions->ids[i] = 0;
			return 1;
		}
	}
	return 0;
}

static __always_inline int is_client(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct mark *mark;

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk || sk->type != STREAM)
		return 0;
	mark = marks.sk_storage_get(sk, 0, 0);
	return mark && mark->role == ROLE_CLIENT;
}

/* The message's place in the packet; 0 where there is none that is to be read. */
static __always_inline __u32 message_at(struct __sk_buff *skb, struct packet *packet)
{
	__be16 first;

	if (bpf_skb_load_bytes(skb, packet->headers, &first, sizeof(first)))
		return 0;
	if (packet->protocol == IPPROTO_UDP)
		return was_asked(skb, first) ? packet->headers : 0;
	if (packet->protocol != IPPROTO_TCP || bpf_ntohs(first) != skb->len - packet->headers - 2 || !is_client(skb))
		return 0;
	return packet->headers + 2;
}

int read_answer(struct __sk_buff *skb)
{
	struct packet packet = {};
	struct dns *dns;
	__s64 length;
	__u32 at;
	int slot = 0;

	if (read_packet(skb, &packet) >= 0)
		return 1;
	at = message_at(skb, &packet);
	dns = messages.lookup(&slot);
	if (!at || !dns)
		return 1;
	length = (__s64)skb->len - at;
	barrier_var(length); /* from here on, the verifier compares what it later bounds the copy with */
	if (length < DNS_HEADER)
		return 1;
	if (length > DNS_BYTES) {
		lose(LOST_DOMAINS_UNREAD, 0, 0, 1);
		return 1;
	}
	if (bpf_skb_load_bytes(skb, at, dns->message, length))
		return 1;
	dns->length = length;
	if (read_question(dns))
		return 1;
	begin_records(dns);
	then.call(skb, READ_RECORDS);
	return 1;
}

static __always_inline int same_name(struct domain *one, struct domain *other)
{
	__u64 *words = (__u64 *)&one->length, *others = (__u64 *)&other->length, different = 0;

#pragma unroll
	for (int i = 0; i < DOMAIN_WORDS; i++)
		different |= words[i] ^ others[i];
	return !different;
}

static __always_inline void keep_name(struct domain_key *key, struct domain *domain)
{
	struct domain *known = domains.lookup(key);

	if (known && domain->asked_ns > known->expires_ns && domain->asked_ns > known->contested_until_ns) {
		domains.update(key, domain);
		return;
	}
	if (!known) {
		if (!domains.insert(key, domain))
			return;
		known = domains.lookup(key); /* another CPU may have been first */
		if (!known) {
			lose(LOST_DOMAINS_FULL, 0, 0, 1);
			return;
		}
	}
	if (same_name(known, domain)) {
		if (domain->expires_ns > known->expires_ns)
			known->expires_ns = domain->expires_ns;
	} else if (domain->expires_ns > known->contested_until_ns) {
		known->contested_until_ns = domain->expires_ns;
	}
}

static __always_inline void keep_names(struct __sk_buff *skb, struct dns *dns)
{
	struct domain_key key = {.cgroup = bpf_skb_cgroup_id(skb)};

	dns->domain.asked_ns = bpf_ktime_get_ns();
	dns->domain.contested_until_ns = 0;
	for (__u32 i = 0; i < DNS_FOUND; i++) {
		__u32 ttl = dns->addresses[i].ttl;

		if (i >= dns->found)
			break;
		if (!ttl || ttl >> 31)
			ttl = DNS_TTL_LEAST;
		if (ttl > DNS_TTL_MOST)
			ttl = DNS_TTL_MOST;
		dns->domain.expires_ns = dns->domain.asked_ns + ttl * SECOND_NS;
		read_found(dns, dns->addresses[i].at, &key);
		if (is_public(key.address))
			keep_name(&key, &dns->domain);
	}
}

int read_records(struct __sk_buff *skb)
{
	struct dns *dns;
	int slot = 0;

	dns = messages.lookup(&slot);
	if (!dns)
		return 1;
	for (int i = 0; i < DNS_STEPS; i++) {
		if (dns->state >= DNS_READ)
			break;
		step(dns);
		barrier();
	}
	if (dns->state < DNS_READ && dns->runs++ < DNS_RUNS)
		then.call(skb, READ_RECORDS);
	if (dns->state == DNS_READ)
		keep_names(skb, dns);
	if (dns->state < DNS_READ || dns->more)
		lose(LOST_DOMAINS_UNREAD, 0, 0, 1);
	return 1;
}
