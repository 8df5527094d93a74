/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Reading a DNS answer: which addresses belong to the name that was asked for, directly or through a chain of CNAMEs.
 * No maps here: bcc rewrites map accesses in the main file only.
 *
 * 1. read_question: a response without error to one question of class IN, for A or AAAA; its name in lower case, with dots.
 * 2. step: one byte or one label of the answer section at a time, so that one small loop reads records, skips names and compares them.
 *    A record counts whose owner is the name in force: the question's at first, then the target of the last CNAME of it.
 *    Names may be compressed; their letters' case says nothing.
 *
 * All that a step knows is in memory (struct dns), where the verifier does not follow it: it sees the same state at the head of each round.
 * An answer that breaks a rule is dropped as a whole.
 */
#ifndef WEIR_DNS_H
#define WEIR_DNS_H

#define DNS_PORT 53
#define DNS_BYTES 4096       /* of a message that is read; a power of 2 */
#define DNS_HEADER 12
#define DNS_FOUND 64         /* addresses of one answer; a power of 2 */
#define DNS_STEPS 128        /* in one run of the program ... */
#define DNS_RUNS 28          /* ... which calls itself so often at most */
#define DNS_CHECKED 0xfa0f   /* response, opcode, truncated, code of the error ... */
#define DNS_RESPONSE 0x8000  /* ... of which only the first is set */
#define DNS_A 1
#define DNS_CNAME 5
#define DNS_AAAA 28
#define DNS_IN 1
#define DNS_POINTER 0xc0
#define DNS_TTL_LEAST 1      /* seconds: of an answer that must not be kept, the connection that follows */
#define DNS_TTL_MOST 86400

enum dns_state { DNS_OWNER, DNS_COMPARE, DNS_TARGET, DNS_READ, DNS_BROKEN };

struct dns {
	__u32 length;            /* of the message */
	__u32 runs;
	__u32 state;             /* enum dns_state: what `at` stands in */
	__u32 at;                /* in a name */
	__u32 left;              /* bytes of its label to come */
	__u32 other;             /* while two names are compared: in the other one */
	__u32 name;              /* where the name in force begins */
	__u32 owner;             /* the record: where it begins, its data, and the next record */
	__u32 data;
	__u32 next;
	__u32 type;
	__u32 ttl;
	__u32 records;           /* to come, this one included */
	__u32 wanted;            /* A or AAAA */
	__u32 found;
	__u32 more;              /* addresses that found no room in `addresses` */
	struct { __u32 at, ttl; } addresses[DNS_FOUND];
	struct domain domain;
	__u8 message[DNS_BYTES];
};

static __always_inline __u32 dns_u8(struct dns *dns, __u32 at)
{
	return dns->message[at & (DNS_BYTES - 1)];
}

static __always_inline __u32 dns_u16(struct dns *dns, __u32 at)
{
	return dns_u8(dns, at) << 8 | dns_u8(dns, at + 1);
}

static __always_inline __u32 dns_lower(__u32 byte)
{
	return byte - 'A' < 26 ? byte | 0x20 : byte;
}

/* Is a byte one of a-z, 0-9, '-' and '_'? Other bytes would need quoting wherever the name is shown. */
static __always_inline int dns_plain(__u32 byte)
{
	__u64 letters = byte & 64 ? 0x07fffffe80000000ULL : 0x03ff200000000000ULL;

	return byte < 128 && (letters >> (byte & 63)) & 1;
}

/* The question's name and type. Returns non-zero for a message that is no answer to such a question. */
static __always_inline int read_question(struct dns *dns)
{
	__u64 *words = (__u64 *)&dns->domain.length;

#pragma unroll
	for (int i = 0; i < DOMAIN_WORDS; i++)
		words[i] = 0;
	if ((dns_u16(dns, 2) & DNS_CHECKED) != DNS_RESPONSE || dns_u16(dns, 4) != 1)
		return -1;
	dns->records = dns_u16(dns, 6);
	dns->left = 0;
	dns->at = 0;
	for (int i = 0; i <= DOMAIN_BYTES; i++) {
		__u32 byte = dns_u8(dns, DNS_HEADER + i), left = dns->left;

		barrier();
		if (left) {
			byte = dns_lower(byte);
			if (!dns_plain(byte))
				return -1;
			dns->left = left - 1;
		} else if (!byte) {
			dns->domain.length = i ? i - 1 : 0;
			dns->at = DNS_HEADER + i + 1;
			break;
		} else if (byte > 63) {
			return -1;
		} else {
			dns->left = byte;
			byte = '.';
		}
		if (i)
			dns->domain.name[i - 1] = byte;
	}
	barrier();
	dns->wanted = dns_u16(dns, dns->at);
	dns->owner = dns->at + 4;
	if (!dns->domain.length || dns->owner > dns->length || dns_u16(dns, dns->at + 2) != DNS_IN)
		return -1;
	return dns->wanted != DNS_A && dns->wanted != DNS_AAAA;
}

static __always_inline void begin_records(struct dns *dns)
{
	dns->runs = dns->found = dns->more = dns->left = 0;
	dns->name = DNS_HEADER;
	dns->at = dns->owner;
	dns->state = dns->records ? DNS_OWNER : DNS_READ;
}

static __always_inline void next_record(struct dns *dns)
{
	dns->records--;
	dns->at = dns->owner = dns->next;
	dns->state = dns->records ? DNS_OWNER : DNS_READ;
}

/* The record belongs to the name in force. */
static __always_inline void take_record(struct dns *dns)
{
	if (dns->type == DNS_CNAME) {
		dns->at = dns->data;
		dns->state = DNS_TARGET;
		return;
	}
	if (dns->found < DNS_FOUND) {
		__u32 index = dns->found & (DNS_FOUND - 1);

		dns->addresses[index].at = dns->data;
		dns->addresses[index].ttl = dns->ttl;
		dns->found++;
	} else {
		dns->more = 1;
	}
	next_record(dns);
}

/* The record's owner ends at `end`, with a pointer or a zero. */
static __always_inline void read_record(struct dns *dns, __u32 end, __u32 last)
{
	__u32 size = dns_u16(dns, end + 8);

	dns->type = dns_u16(dns, end);
	dns->ttl = dns_u16(dns, end + 4) << 16 | dns_u16(dns, end + 6);
	dns->data = end + 10;
	dns->next = end + 10 + size;
	if (dns->next > dns->length) {
		dns->state = DNS_BROKEN;
	} else if (dns_u16(dns, end + 2) != DNS_IN || (dns->type != DNS_CNAME && dns->type != dns->wanted)) {
		next_record(dns);
	} else if (dns->type == dns->wanted && size != (dns->wanted == DNS_A ? 4 : 16)) {
		dns->state = DNS_BROKEN;
	} else if (dns->name == DNS_HEADER && last == DNS_POINTER && dns_u8(dns, end - 1) == DNS_HEADER && end - 2 == dns->owner) {
		take_record(dns); /* the usual case: a pointer to the question's name and nothing else */
	} else {
		dns->at = dns->owner;
		dns->other = dns->name;
		dns->left = 0;
		dns->state = DNS_COMPARE;
	}
}

/* Where the pointer at `at` leads: backwards only, and not into the header. Of a broken one, 0. */
static __always_inline __u32 dns_target(struct dns *dns, __u32 at)
{
	__u32 target = dns_u16(dns, at) & 0x3fff;

	return target >= DNS_HEADER && target < at && at + 1 < dns->length ? target : 0;
}

static __always_inline void compare(struct dns *dns, __u32 at, __u32 byte)
{
	__u32 other = dns->other, counterpart = dns_u8(dns, other);
	int same = byte == counterpart;

	if (other >= dns->length) {
		dns->state = DNS_BROKEN;
		return;
	}
	if (dns->left) {
		same = dns_lower(byte) == dns_lower(counterpart);
		dns->left--;
	} else if (byte >= DNS_POINTER) {
		dns->at = dns_target(dns, at);
		if (!dns->at)
			dns->state = DNS_BROKEN;
		return;
	} else if (counterpart >= DNS_POINTER) {
		dns->other = dns_target(dns, other);
		if (!dns->other)
			dns->state = DNS_BROKEN;
		return;
	} else if (byte > 63 || counterpart > 63) {
		dns->state = DNS_BROKEN;
		return;
	} else if (same && !byte) {
		take_record(dns);
		return;
	} else {
		dns->left = byte;
	}
	dns->at = at + 1;
	dns->other = other + 1;
	if (!same)
		next_record(dns);
}

static __always_inline void step(struct dns *dns)
{
	__u32 at = dns->at, byte = dns_u8(dns, at), end;

	if (at >= dns->length) {
		dns->state = DNS_BROKEN;
		return;
	}
	if (dns->state == DNS_COMPARE) {
		compare(dns, at, byte);
		return;
	}
	if (byte && byte <= 63) {
		dns->at = at + 1 + byte;
		return;
	}
	end = byte ? at + 2 : at + 1;
	if ((byte && byte < DNS_POINTER) || end > dns->length) {
		dns->state = DNS_BROKEN;
	} else if (dns->state == DNS_OWNER) {
		read_record(dns, end, byte);
	} else if (end != dns->next) {
		dns->state = DNS_BROKEN;
	} else {
		dns->name = dns->data;
		next_record(dns);
	}
}

static __always_inline void read_found(struct dns *dns, __u32 at, struct domain_key *key)
{
	__u8 *address = (__u8 *)key->address;
	int first = dns->wanted == DNS_A ? 12 : 0;

	key->address[0] = key->address[1] = 0;
	key->address[2] = bpf_htonl(0xffff);
#pragma unroll
	for (int i = 0; i < 16; i++)
		if (i >= first)
			address[i] = dns_u8(dns, at + i - first);
}

/* Not loopback, private, shared by a provider's customers, link-local, group or nobody's: within these, a name says nothing of the outside. */
static __always_inline int is_public(const __u32 *address)
{
	__u32 first = bpf_ntohl(address[0]), ipv4 = bpf_ntohl(address[3]);

	if (address[0] | address[1] | (address[2] ^ bpf_htonl(0xffff)))
		return first && first >> 25 != 0xfc >> 1 && first >> 22 != 0xfe80 >> 6 && first >> 24 != 0xff;
	return ipv4 >> 24 && ipv4 >> 24 != 127 && ipv4 >> 24 != 10 && ipv4 >> 20 != 0xac1 && ipv4 >> 16 != 0xc0a8 && ipv4 >> 16 != 0xa9fe &&
	       ipv4 >> 22 != 0x64400000 >> 22 && ipv4 >> 28 < 14;
}

#endif
