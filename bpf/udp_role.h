/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Client or server of a UDP socket that the programs saw being made; weir.h has the rule in words.
 * No maps here: bcc rewrites map accesses in the main file only.
 */
#ifndef WEIR_UDP_ROLE_H
#define WEIR_UDP_ROLE_H

#define DGRAM 2 /* SOCK_DGRAM */
/* From here on kernels choose ports themselves, by default. streams/attribution/canonical.py knows the same bound. */
#define EPHEMERAL 32768

struct udp_mark {
	__u64 owner;      /* cgroup id; 0: not known yet */
	__u8 begun;       /* it has sent or received */
	__u8 serves;
	__u8 chose_port;  /* bind() with a port of the application's choice */
	__u8 padding[3];
	__u16 asked_port; /* to which its first packet went */
};

/* What bind() with this port says of the socket; `taken`: another socket receives there already. */
static __always_inline void note_port(struct udp_mark *mark, __u32 port, int taken)
{
	mark->chose_port = port != 0;
	mark->serves = port != 0 && taken;
}

/* ROLE_UNKNOWN: the ports decide. */
static __always_inline __u8 udp_role(struct udp_mark *mark, int sent, __u16 local, __u16 remote)
{
	if (!mark->begun) {
		mark->begun = 1;
		if (sent)
			mark->asked_port = remote;
		else
			mark->serves = 1;
	}
	if (local == remote || local < EPHEMERAL || remote < EPHEMERAL)
		return ROLE_UNKNOWN;
	if (mark->serves)
		return ROLE_SERVER;
	return remote == mark->asked_port || !mark->chose_port ? ROLE_CLIENT : ROLE_UNKNOWN;
}

#endif
