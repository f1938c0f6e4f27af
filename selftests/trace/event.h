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
	EVENT_SENT,		/* a segment enters LOCAL_OUT, before every rule */
	EVENT_RECEIVED,		/* TCP is given a segment, after the last rule of LOCAL_IN */
	EVENT_KINDS,
};

/* SND.NXT, SND.UNA, RCV.NXT, the last acknowledgment sent, the right edge of the window */
#define NUMBERS		5

/* Addresses in network order, an IPv4 one in the first four bytes; ports in host order. */
struct event {
	unsigned long long time;
	unsigned long long socket;
	unsigned int netns;
	unsigned int device;		/* that the socket is bound to */
	unsigned short local_port;
	unsigned short remote_port;
	unsigned char local[16];
	unsigned char remote[16];
	unsigned char kind;
	unsigned char ipv6;
	unsigned char from;
	unsigned char to;
	unsigned int numbers[NUMBERS];	/* of a full socket */
};

#define HEADER_MAX	60

enum sender {
	SENDER_NONE,
	SENDER_OWNER,		/* a TCP socket of that name */
	SENDER_CONTROL,		/* the kernel's own, for those that have none */
};

/* A segment: `socket` is its buffer, `local` the end that sent or received it. */
struct segment_event {
	struct event event;
	unsigned int total;		/* octets, the header's too */
	unsigned char program;		/* which of the two tells */
	unsigned char sender;		/* enum sender, of what was sent */
	unsigned char header[HEADER_MAX];
};

#endif
