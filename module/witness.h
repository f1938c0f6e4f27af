/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The witness: the engine predicts, the socket commits.
 */
#ifndef TCPSTATE_WITNESS_H
#define TCPSTATE_WITNESS_H

#include <linux/atomic.h>
#include <linux/types.h>

#include "fsm.h"

struct flow;
struct sock;
struct tcpstate_net;

/* How often a socket that was found is looked at again: a moment later, then a while later. */
#define WITNESS_SEEDED	2

enum witness_mode {
	WITNESS_OFF,		/* the engine alone */
	WITNESS_COMMIT,		/* local ends move when their sockets do */
	WITNESS_OBSERVE,	/* the engine moves them, the sockets are compared */
};

/*
 * Why engine and socket differed, as far as that is no error: closed lists.
 * Silent: the socket moved and no segment could tell. Withheld: a segment
 * announced a move that the socket did not make. Names: witness_cause_name().
 */
enum witness_cause {
	CAUSE_NONE,
	/* silent */
	SILENT_UNSENT_FIN,	/* closed, and the FIN waits behind data or a closed window */
	SILENT_CLOSED,		/* closed or disconnected without a segment */
	SILENT_TIMED_OUT,	/* retransmissions, keepalive or user timeout ran out */
	SILENT_UNREACHABLE,	/* an ICMP error ended the attempt */
	SILENT_ABORTED,		/* destroyed from outside (ss -K) */
	SILENT_RESET,		/* reset, by a number that fits what the socket has not dropped */
	SILENT_REPAIRED,	/* moved under TCP_REPAIR */
	SILENT_NO_TIMEWAIT,	/* closed for good: no timewait socket could be had */
	SILENT_REQUEST_EXPIRED,	/* SYN-ACK retransmissions ran out, or no room and a RST */
	SILENT_TIMEWAIT_EXPIRED, /* the timewait socket's time is over */
	SILENT_SYN_DEFERRED,	/* connected, but the SYN waits for data (Fast Open) or a route */
	/* withheld */
	WITHHELD_OVERFLOW,	/* the accept queue is full */
	WITHHELD_DEFERRED,	/* TCP_DEFER_ACCEPT waits for data */
	WITHHELD_FILTER,	/* a socket filter dropped the segment */
	WITHHELD_SIGNATURE,	/* MD5 or AO did not match */
	WITHHELD_MINTTL,	/* IP_MINTTL or IPV6_MINHOPCOUNT dropped the segment */
	WITHHELD_NO_ROOM,	/* its receive buffer was full, or there was no memory for TCP */
	WITHHELD_BACKLOG,	/* the socket is busy, or its backlog is full */
	CAUSES,
};

static inline bool witness_cause_silent(enum witness_cause cause)
{
	return cause >= SILENT_UNSENT_FIN && cause < WITHHELD_OVERFLOW;
}

/**
 * struct witness_counters - one namespace's differences
 * @causes: by cause and the state moved from (silent) or kept (withheld)
 * @corrections: the engine was wrong: by its state and the socket's
 */
struct witness_counters {
	atomic64_t causes[CAUSES][FSM_STATES];
	atomic_t corrections[FSM_STATES][FSM_STATES];
};

/**
 * struct witness_news - what a socket says of itself
 * @state: the state that ss would print
 * @socket: enum flow_socket
 * @cause: a cause that could explain a difference
 * @device: sk_bound_dev_if
 * @deadline: when its timer fires, in jiffies, with @timed
 * @timed: @deadline is set
 * @known: @facts is filled
 * @facts: its sequence space
 */
struct witness_news {
	u8 state;
	u8 socket;
	u8 cause;
	int device;
	unsigned long deadline;
	bool timed;
	bool known;
	struct fsm_facts facts;
};

bool witness_commits(const struct flow *flow, unsigned int e);
bool witness_watches(void);
enum witness_mode witness_mode(void);
void witness_commit(struct flow *flow, unsigned int e, const struct witness_news *news);
void witness_withheld(struct flow *flow, unsigned int e, u8 kept, enum witness_cause cause);
void witness_expect(struct flow *flow, unsigned int e);
void witness_judge(struct flow *flow, unsigned int e, bool received);
void witness_conclude(struct flow *flow, unsigned int e);
void witness_seed(struct flow *flow, unsigned int e, const struct witness_news *news);
void witness_doubt(struct flow *flow, unsigned int e);
void witness_look_again(struct flow *flow, unsigned int e);
void witness_check(struct flow *flow, unsigned int e);

/* probe.c */
void witness_look(const struct sock *sk);
int witness_start(void);
void witness_stop(void);

/* cause.c */
const char *witness_cause_name(enum witness_cause cause);
bool witness_cause_explains(enum witness_cause cause, u8 engine, u8 socket);

/* deferred.c */
bool deferred_add(struct sock *sk);
void deferred_init(void);
void deferred_flush(void);

#endif
