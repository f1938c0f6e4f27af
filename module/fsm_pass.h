/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The short way through the engine, for the segments of which there are most. Pure, as fsm.c is.
 */
#ifndef TCPSTATE_FSM_PASS_H
#define TCPSTATE_FSM_PASS_H

#include "fsm.h"
#include "fsm_window.h"

/* What must be known of both ends, and what must not be. */
#define PASS_KNOWN	(FSM_SEQ | FSM_RCV | FSM_EDGE)
#define PASS_ODD	(FSM_INFERRED | FSM_FIN | FSM_SIGNED)
/* Numbers that lie closer together than that have one order, whatever the window scales are. */
#define PASS_NEAR	0x40000000u
/* Where @syn may have to follow @una (acknowledged()). */
#define PASS_LAP	0xf0000000u

static inline bool pass_end(const struct fsm_end *end)
{
	return end->state == FSM_ESTABLISHED &&
	       (end->flags & (PASS_KNOWN | PASS_ODD)) == PASS_KNOWN;
}

/**
 * fsm_pass - a segment of a connection that goes on as it is
 * @f: the connection, of two ends
 * @e: which end sent it
 * @s: the segment
 *
 * What fsm_sent() and then fsm_received() do, neither certain, with data and ACKs in order
 * between two ends that are known to be ESTABLISHED; both accept, and no state moves. Pure.
 *
 * Return: false for anything else: then nothing was done.
 */
static inline bool fsm_pass(struct fsm *f, unsigned int e, const struct segment *s)
{
	struct fsm_end *me = &f->end[e & 1], *peer = &f->end[!(e & 1)];
	__u32 edge;

	if ((s->flags & (SEGMENT_SYN | SEGMENT_FIN | SEGMENT_RST | SEGMENT_ACK)) != SEGMENT_ACK ||
	    s->options & ~SEGMENT_HAS_TS || !pass_end(me) || !pass_end(peer))
		return false;
	/* No gap, within the window, nothing old; it acknowledges what was sent. */
	if (seq_after(s->seq, me->nxt) || seq_after(s->seq, peer->edge) ||
	    s->end - peer->rcv >= PASS_NEAR || s->end - peer->wup >= PASS_NEAR ||
	    s->ack - peer->una >= PASS_NEAR || seq_after(s->ack, peer->nxt) ||
	    (s->ack ^ peer->una) & PASS_LAP)
		return false;

	edge = s->ack + ((__u32)s->window << scale(me, peer));
	raise(&me->edge, edge, true);
	raise(&me->rcv, s->ack, true);
	if (!seq_before(s->ack, me->wup)) {
		me->wup = s->ack;
		me->flags &= ~FSM_SACK;
	}
	raise(&me->nxt, s->end, true);
	/* Of data only its acknowledgment tells that it arrived. */
	if (s->seq == s->end)
		peer->una = s->ack;
	return true;
}

#endif
