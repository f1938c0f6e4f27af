/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The state engine: two symmetric endpoints of one TCP connection.
 *
 * Pure: no kernel interface, no allocation, no clock. One segment event goes
 * in, the steps that the endpoints took come out. The same file is in the
 * module, in the reader, in the unit tests and in the fuzzers.
 *
 * A segment makes two events: its source *sent* it, its destination *received*
 * it. Each event moves one endpoint at most, the one it happens to: what an
 * endpoint sent proves what that endpoint has received before.
 */
#ifndef TCPSTATE_FSM_H
#define TCPSTATE_FSM_H

#include <linux/types.h>

#include "segment.h"

/* The kernel's numbers (include/net/tcp_states.h), RFC 9293's states. */
enum fsm_state {
	FSM_ESTABLISHED = 1,
	FSM_SYN_SENT,
	FSM_SYN_RECV,
	FSM_FIN_WAIT1,
	FSM_FIN_WAIT2,
	FSM_TIME_WAIT,
	FSM_CLOSE,
	FSM_CLOSE_WAIT,
	FSM_LAST_ACK,
	FSM_LISTEN,
	FSM_CLOSING,
	FSM_STATES,		/* not a state: the array size that holds all */
};

/* The state is assumed, not proved: the evidence for it may still be lost. */
#define FSM_INFERRED	0x01
/* Has sent a FIN; @nxt is the sequence number after it. */
#define FSM_FIN		0x02
/* @nxt and @una mean something: a segment of this endpoint was seen. */
#define FSM_SEQ		0x04
/* @rcv and @wup mean something. */
#define FSM_RCV		0x08
/* @edge means something. */
#define FSM_EDGE	0x10
/* Its SYN carried data, or its peer's did (RFC 7413): SYN_RECV may send. */
#define FSM_FAST_OPEN	0x20
/* Its SYN carried a window scale. */
#define FSM_WSCALE	0x40
/* @sack means something, but not with FSM_MARK: who has received the FIN lacks nothing. */
#define FSM_SACK	0x80
/* Acknowledged the peer's FIN in a segment that itself will be acknowledged: @mark. */
#define FSM_MARK	0x100
/* That segment was sent before, without it: @mark suggests, but proves nothing. */
#define FSM_MARK_AGAIN	0x2000
/* A RST closed it. */
#define FSM_RESET	0x4000
/* A SYN of this endpoint was seen while it was synchronized: @syn. */
#define FSM_SYN_SEEN	0x200
/* @ts means something. */
#define FSM_TS		0x400
/* Came to SYN_RECV from SYN_SENT: a socket, not a connection request. */
#define FSM_CROSSED	0x800
/* Its SYN carried no timestamp: what others say of time means nothing. */
#define FSM_NO_TS	0x1000
/* It signs what it sends (RFC 2385), and takes nothing else. */
#define FSM_SIGNED	0x8000

/**
 * struct fsm_end - what is known of one endpoint
 * @nxt: SND.NXT, after the highest octet that it sent
 * @una: SND.UNA, the highest acceptable acknowledgment that it received;
 *	 its initial sequence number until its SYN is acknowledged
 * @rcv: RCV.NXT, after the last octet that it received in order
 * @wup: the highest acknowledgment that it sent (tcp_sock::rcv_wup)
 * @edge: right edge of the widest window that it announced
 * @sack: right edge of the rightmost block in its last SACK, until @mark
 * @mark: the sequence number of the first segment with data or FIN in which it
 *	  acknowledged the peer's FIN: whoever acknowledges beyond it has seen that
 * @syn: with %FSM_SYN_SEEN the initial sequence number in a SYN that could not be
 *	 judged yet, else the first number that may be acknowledged, 0 if none was seen
 * @ts: the peer's TSval that it keeps as TS.Recent (RFC 7323, 4.3); in SYN_SENT
 *	the TSval of its own first SYN
 * @flags: FSM_INFERRED and so on
 * @state: enum fsm_state
 * @wscale: its window scale
 */
struct fsm_end {
	__u32 nxt;
	__u32 una;
	__u32 rcv;
	__u32 wup;
	__u32 edge;
	__u16 flags;
	__u8 state;
	__u8 wscale;
	union {
		__u32 sack;
		__u32 mark;
	};
	__u32 syn;
	__u32 ts;
};

/**
 * struct fsm - one connection
 * @end: the two endpoints; which is which is the caller's choice
 * @window: the widest window that each was told of (tcp_sock::max_window), of those
 *	    whose receptions are certain; not scaled, 0 if none
 */
struct fsm {
	struct fsm_end end[2];
	__u16 window[2];
};

/**
 * enum fsm_verdict - what a segment event was
 * @FSM_ACCEPTED: taken into account, whether or not a state moved
 * @FSM_IGNORED: nothing to say: no such connection, a retransmission of what
 *		 is known, or a segment that waits for its acknowledgment
 * @FSM_OUT_OF_WINDOW: sequence or acknowledgment number outside the window
 * @FSM_CHALLENGED: a RST or SYN that RFC 5961 answers with a challenge ACK
 */
enum fsm_verdict {
	FSM_ACCEPTED,
	FSM_IGNORED,
	FSM_OUT_OF_WINDOW,
	FSM_CHALLENGED,
};

/* No event takes more: CLOSE, SYN_RECV, ESTABLISHED, CLOSE_WAIT and the peer's birth. */
#define FSM_STEPS	6

/**
 * struct fsm_step - one transition of one endpoint
 * @end: which endpoint
 * @from: enum fsm_state
 * @to: enum fsm_state, another than @from
 * @inferred: assumed, not proved
 */
struct fsm_step {
	__u8 end;
	__u8 from;
	__u8 to;
	bool inferred;
};

/**
 * struct fsm_result - the steps that one event caused, in order
 * @steps: how many
 * @step: the steps
 */
struct fsm_result {
	unsigned int steps;
	struct fsm_step step[FSM_STEPS];
};

/**
 * struct fsm_facts - what a socket says of its own sequence space
 * @nxt: SND.NXT
 * @una: SND.UNA
 * @rcv: RCV.NXT
 * @wup: the last acknowledgment sent
 * @edge: right edge of the announced window
 * @fin: it has sent a FIN
 * @no_ts: the two agreed on no timestamps
 * @sign: it signs what it sends
 * @scaled: the two agreed on window scales
 * @scale: its own
 * @peer_scale: its peer's
 * @window: the widest window that it was told of, not scaled
 */
struct fsm_facts {
	__u32 nxt;
	__u32 una;
	__u32 rcv;
	__u32 wup;
	__u32 edge;
	bool fin;
	bool no_ts;
	bool sign;
	bool scaled;
	__u8 scale;
	__u8 peer_scale;
	__u16 window;
};

void fsm_init(struct fsm *f, bool self);
bool fsm_pickup(struct fsm *f, unsigned int e, const struct segment *s, struct fsm_result *r);
enum fsm_verdict fsm_sent(struct fsm *f, unsigned int e, const struct segment *s,
			  bool certain, struct fsm_result *r);
enum fsm_verdict fsm_received(struct fsm *f, unsigned int e, const struct segment *s,
			      bool certain, struct fsm_result *r);
void fsm_adopt(struct fsm *f, unsigned int e, enum fsm_state state,
	       const struct fsm_facts *facts);
const char *fsm_name(enum fsm_state state);

/* Are the endpoints one and the same socket (connected to itself)? Only the first is used then. */
static inline bool fsm_self(const struct fsm *f)
{
	return !f->end[1].state;
}

/* Serial number arithmetic (RFC 9293, 3.4): half of the space lies ahead. */
static inline bool seq_before(__u32 a, __u32 b)
{
	return (__s32)(a - b) < 0;
}

static inline bool seq_after(__u32 a, __u32 b)
{
	return seq_before(b, a);
}

#endif
