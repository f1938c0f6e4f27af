/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a flow is worth to a table that is full. Pure, as fsm.c is.
 */
#ifndef TCPSTATE_EVICT_H
#define TCPSTATE_EVICT_H

#include "fsm.h"

/* The least first. */
enum evict_worth {
	WORTH_CLOSED,		/* one end is closed, the other did not hear of it */
	WORTH_HALF_OPEN,	/* the handshake is not complete, or one side alone was heard */
	WORTH_TIME_WAIT,	/* over, but for what was delayed */
	WORTH_CLOSING,		/* an end has sent its FIN */
	WORTH_KEEPING,		/* established: never evicted */
};

static inline bool evict_opens(__u8 state)
{
	return state == FSM_SYN_SENT || state == FSM_SYN_RECV;
}

/**
 * evict_worth - what a flow without a socket is worth
 * @a: the state of one end
 * @b: that of the other, the same if there is one alone
 * @one_sided: a forwarded flow of which one side alone was heard
 *
 * Pure. Return: its worth; a flow with a socket is %WORTH_KEEPING.
 */
static inline enum evict_worth evict_worth(__u8 a, __u8 b, bool one_sided)
{
	bool waits = a == FSM_TIME_WAIT || b == FSM_TIME_WAIT;

	if (evict_opens(a) || evict_opens(b))
		return WORTH_HALF_OPEN;
	if (!waits && (a == FSM_CLOSE || b == FSM_CLOSE))
		return WORTH_CLOSED;
	if (one_sided)
		return WORTH_HALF_OPEN;
	if (waits)
		return WORTH_TIME_WAIT;
	return a == FSM_ESTABLISHED && b == FSM_ESTABLISHED ? WORTH_KEEPING : WORTH_CLOSING;
}

/**
 * evict_rather - is it this flow that goes?
 * @worth: its worth
 * @silence: for how long it was not heard of
 * @than: the worth of another
 * @silent: for how long that one was not
 *
 * Pure. Return: false if it is the other.
 */
static inline bool evict_rather(enum evict_worth worth, __u32 silence,
				enum evict_worth than, __u32 silent)
{
	return worth < than || (worth == than && silence > silent);
}

#endif
