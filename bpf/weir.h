/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What the kernel side and user space say to each other. bpf/layout.py mirrors this file; a test compares the two byte by byte.
 *
 * Addresses are 16 bytes in network order, IPv4 as ::ffff:a.b.c.d. Times are CLOCK_MONOTONIC nanoseconds.
 *
 * Which port is the service's, and who is the server:
 *   1. TCP whose handshake was seen: the socket that connected is the client, the one that was accepted the server.
 *   2. A TCP socket in state LISTEN is the server.
 *   3. UDP, if the programs saw the socket being made, and neither port is below 32768: who sends first asks.
 *      A socket whose first packet was received is the server, on its own port, whoever chose that port; so is one that was bound to a port
 *      where another socket received already (SO_REUSEPORT, connected servers). A socket whose first packet was sent is a client of the port
 *      that it was sent to, and so a resolver that binds a random port is one of its upstream's port. Of other ports it is a client, too, if
 *      the kernel chose its own port; if the application did, rule 4 decides.
 *      Where this fails: two that send to one another before either has received are both clients; a server that asks, from its server's
 *      socket, a server on another port is one of two servers; and where one of two sockets is older than the programs and the server's port
 *      is the higher one, the two disagree. So a role here is one end's opinion: which of two views counts must not rest on it.
 *   4. Otherwise (a port below 32768, a socket that is older than the programs or the kernel's own): the lower port is the service's, and
 *      the side that has it is the server. Both ends know both ports, and come to the same.
 *   5. UDP and rule 4, equal ports: that port, role unknown.
 *   6. No ports in the packet (other protocols, later fragments): service port 0, role unknown.
 *
 * Why a connection failed: a RST answered the SYN (refused), or a second went by since the SYN, after which it is sent again, and nothing
 * answered (timed out), whether the kernel gave up or the application. Otherwise the cause is not known: an application that gave up
 * sooner, or an ICMP error, which no program here gets to see. It ends the attempt within a round trip of the SYN; or, where it comes at
 * once, from this machine's own firewall, only when it comes again for the SYN sent again. So what ends within ICMP_NS of that one is not
 * known either. A neighbour that does not answer is reported to the socket after about three seconds: timed out.
 * A connection still undecided when a window ends is counted in the window in which it ends.
 *
 * What a packet is: what passes between the socket and layer 3. Large segments are unrolled into the packets that they become. A datagram that
 * is cut into fragments below its socket, or was put together from them, is one packet with one header. What the kernel says on its own, for
 * no socket (answers for closed ports, in TIME_WAIT, SYN cookies, ICMP errors), belongs to nobody, and is counted at most for the root cgroup.
 */
#ifndef WEIR_H
#define WEIR_H

#include <linux/types.h>

#include "histogram.h"

#define SILENCE_NS 1000000000ULL /* TCP's first retransmission timeout */
#define ICMP_NS 50000000ULL

enum flow_role { ROLE_UNKNOWN, ROLE_CLIENT, ROLE_SERVER };

struct flow_key {
	__u64 cgroup;          /* cgroup v2 id of the socket's owner */
	__u32 local_ip[4];
	__u32 remote_ip[4];
	__u16 service_port;    /* host order */
	__u8 protocol;         /* IP protocol number */
	__u8 role;             /* enum flow_role: the local side's part */
	__u32 padding;         /* always 0: keys are compared as bytes */
};

struct flow_counters {
	__u64 first_ns;        /* first and last packet in this map */
	__u64 last_ns;
	__u64 bytes_sent;      /* layer 3 as on the wire, large segments unrolled */
	__u64 bytes_received;
	__u64 packets_sent;
	__u64 packets_received;
	__u64 payload_bytes_sent;
	__u64 payload_bytes_received;
	__u64 rtt_us_sum;      /* smoothed round-trip times, sampled when a packet arrives */
	__u32 rtt_us_max;
	__u32 rtt_count;
	__u32 connections_opened;  /* handshakes completed, on either side */
	__u32 connections_closed;  /* of those opened */
	__u32 connections_failed;  /* connect() that never completed its handshake */
	__u32 connections_refused;   /* of those failed: a RST answered the SYN */
	__u32 connections_timed_out; /* of those failed: nothing answered for a second */
	__u32 connections_reset;   /* of those opened: a RST was sent or received; they count as closed, too */
	__u32 retransmits;         /* segments sent again */
	__u32 padding;
	__u32 rtt[BUCKETS];        /* histogram.h; the samples of rtt_us_sum */
	__u32 connect[BUCKETS];    /* from SYN to established, of clients' connections whose SYN was seen */
};

/* Why something could not be counted in a flow. The order is that of bpf/layout.py's LOSS_REASONS. */
enum loss_reason {
	LOST_MAP_FULL,          /* no room (or memory) for one more flow */
	LOST_UNREADABLE,        /* the packet ends before its headers do, or is neither IPv4 nor IPv6 */
	LOST_EXTENSION_HEADERS, /* IPv6: a longer chain than is followed */
	LOST_DOMAINS_FULL,      /* no packet, an event: an address of a DNS answer found no room */
	LOST_DOMAINS_UNREAD,    /* no packet, an event: a DNS answer is longer than is read, or names more addresses */
	LOSS_REASONS,
};

struct loss {
	__u64 packets;
	__u64 bytes;
	__u64 events;          /* connection events (opened, closed, ...) and DNS answers, which are no packets */
};

#define DOMAIN_BYTES 254
#define DOMAIN_WORDS 32

/* Whose socket asked, and a public address that it was answered with. */
struct domain_key {
	__u64 cgroup;
	__u32 address[4];
};

/* What it had asked for, from the answer on until the answer's time is over. */
struct domain {
	__u64 asked_ns;
	__u64 expires_ns;
	__u64 contested_until_ns; /* not 0: another name had the address within that time, and none is right until both times are over */
	__u16 length;
	__u8 name[DOMAIN_BYTES];  /* lower case, dots between labels; zeros behind */
};

#endif
