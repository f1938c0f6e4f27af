/* SPDX-License-Identifier: GPL-2.0 */
/* What the BPF program tells its loader. */
#ifndef TRACE_EVENT_H
#define TRACE_EVENT_H

enum event_kind {
	EVENT_STATE,		/* a full socket goes from one state to another */
	EVENT_CONNECT,		/* a socket is about to send its SYN: all its addresses are known */
	EVENT_REQUEST,		/* a request socket is hashed */
	EVENT_DROPPED,		/* a request socket leaves the hash without a child */
	EVENT_FASTOPEN,		/* a child is made by a SYN with data */
	EVENT_TIMEWAIT,		/* a full socket is about to leave a timewait one, in `to` */
	EVENT_SUBSTATE,		/* a timewait socket shows state `to` from now on */
	EVENT_KILLED,		/* a timewait socket leaves the hash */
	EVENT_KINDS,
};

/* Addresses in network order, an IPv4 one in the first four bytes; ports in host order. */
struct event {
	unsigned long long time;
	unsigned long long socket;
	unsigned int netns;
	unsigned short local_port;
	unsigned short remote_port;
	unsigned char local[16];
	unsigned char remote[16];
	unsigned char kind;
	unsigned char ipv6;
	unsigned char from;
	unsigned char to;
};

#endif
