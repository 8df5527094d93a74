/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Reading a packet's headers in cgroup_skb, where it begins with layer 3: addresses, ports, and how many bytes are headers.
 * No maps here: bcc rewrites map accesses in the main file only.
 */
#ifndef WEIR_PACKET_H
#define WEIR_PACKET_H

#define MAX_EXTENSION_HEADERS 6
#define JUMBO_HEADER 8
#define IPV4_MAPPED bpf_htonl(0xffff)

struct packet {
	struct {             /* as IPv6 has it; of IPv4 only the addresses are filled in, mapped */
		__be32 version;
		__be16 length;
		__u8 next, hops;
		__u32 source[4], target[4];
	} ip;
	__u32 headers;       /* bytes of layers 3 and 4 */
	__u32 jumbo;         /* of these, bytes that say how long a packet of more than 64 KiB is */
	__u16 source_port;   /* host order; both 0: none */
	__u16 target_port;
	__u8 protocol;
	__u8 tcp_flags;
	__u32 ack;           /* host order; TCP's acknowledgement number */
};

/* Layer 4 of a packet that is whole or a first fragment. Returns non-zero if it ends too early. */
static __always_inline int read_transport(struct __sk_buff *skb, struct packet *packet)
{
	struct { __be16 source, target; __be32 seq, ack; __u8 offset, flags; } __attribute__((packed)) l4 = {};

	if (packet->protocol == IPPROTO_TCP) {
		if (bpf_skb_load_bytes(skb, packet->headers, &l4, 14))
			return -1;
		packet->headers += (l4.offset >> 4) * 4;
		packet->tcp_flags = l4.flags;
		packet->ack = bpf_ntohl(l4.ack);
	} else if (packet->protocol == IPPROTO_UDP) {
		if (bpf_skb_load_bytes(skb, packet->headers, &l4, 4))
			return -1;
		packet->headers += 8;
	} else {
		return 0;
	}
	packet->source_port = bpf_ntohs(l4.source);
	packet->target_port = bpf_ntohs(l4.target);
	return 0;
}

static __always_inline int read_ipv4(struct __sk_buff *skb, struct packet *packet)
{
	struct { __u8 version_length, tos; __be16 length, id, fragment; __u8 ttl, protocol; __be16 sum; __u32 source, target; } head;

	if (bpf_skb_load_bytes(skb, 0, &head, sizeof(head)))
		return LOST_UNREADABLE;
	packet->ip.source[2] = packet->ip.target[2] = IPV4_MAPPED;
	packet->ip.source[3] = head.source;
	packet->ip.target[3] = head.target;
	packet->headers = (head.version_length & 15) * 4;
	packet->protocol = head.protocol;
	if (head.fragment & bpf_htons(0x1fff))
		return -1; /* a later fragment carries no ports */
	return read_transport(skb, packet) ? LOST_UNREADABLE : -1;
}

static __always_inline int read_ipv6(struct __sk_buff *skb, struct packet *packet)
{
	struct { __u8 next, length; __be16 fragment; } head;

	if (bpf_skb_load_bytes(skb, 0, &packet->ip, sizeof(packet->ip)))
		return LOST_UNREADABLE;
	packet->protocol = packet->ip.next;
	packet->headers = sizeof(packet->ip);
	if (!packet->ip.length && packet->protocol == IPPROTO_HOPOPTS)
		packet->jumbo = JUMBO_HEADER;
#pragma unroll
	for (int i = 0; i <= MAX_EXTENSION_HEADERS; i++) {
		__u8 kind = packet->protocol;

		if (kind != IPPROTO_HOPOPTS && kind != IPPROTO_ROUTING && kind != IPPROTO_FRAGMENT && kind != IPPROTO_DSTOPTS &&
		    kind != IPPROTO_AH)
			return read_transport(skb, packet) ? LOST_UNREADABLE : -1;
		if (i == MAX_EXTENSION_HEADERS)
			break;
		if (bpf_skb_load_bytes(skb, packet->headers, &head, sizeof(head)))
			return LOST_UNREADABLE;
		packet->protocol = head.next;
		packet->headers += kind == IPPROTO_FRAGMENT ? 8 : kind == IPPROTO_AH ? (head.length + 2) * 4 : (head.length + 1) * 8;
		if (kind == IPPROTO_FRAGMENT && (head.fragment & bpf_htons(0xfff8)))
			return -1;
	}
	return LOST_EXTENSION_HEADERS;
}

/* Returns -1, or the reason why the packet cannot be read. */
static __always_inline int read_packet(struct __sk_buff *skb, struct packet *packet)
{
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return read_ipv4(skb, packet);
	return skb->protocol == bpf_htons(ETH_P_IPV6) ? read_ipv6(skb, packet) : LOST_UNREADABLE;
}

#endif
