/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The short way through the engine, for the segments of which there are most: data and ACKs in
 * order, between two ends that are known to be ESTABLISHED. Pure, as fsm.c is.
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

static __always_inline bool pass_end(const struct fsm_end *end)
{
	return end->state == FSM_ESTABLISHED &&
	       (end->flags & (PASS_KNOWN | PASS_ODD)) == PASS_KNOWN;
}

static __always_inline bool pass_segment(const struct segment *s)
{
	__u8 flags = SEGMENT_SYN | SEGMENT_FIN | SEGMENT_RST | SEGMENT_ACK;

	return (s->flags & flags) == SEGMENT_ACK && !(s->options & ~SEGMENT_HAS_TS);
}

/**
 * fsm_pass_sent - an end sent a segment, and goes on as it is
 * @f: the connection, of two ends
 * @e: which end sent it
 * @s: the segment
 * @certain: as for fsm_sent()
 *
 * Does what fsm_sent() does, which accepts and moves no state. Pure.
 *
 * Return: false for all that is not so plain: then nothing was done.
 */
static __always_inline bool fsm_pass_sent(struct fsm *f, unsigned int e,
					  const struct segment *s, bool certain)
{
	struct fsm_end *me = &f->end[e & 1], *peer = &f->end[!(e & 1)];
	__u32 edge;

	if (!pass_segment(s) || !pass_end(me) || !pass_end(peer))
		return false;
	/* No gap, within the window, nothing old; it acknowledges what was sent. */
	if (seq_after(s->seq, me->nxt) || seq_after(s->seq, peer->edge) ||
	    s->end - peer->rcv >= PASS_NEAR || s->ack - peer->una >= PASS_NEAR ||
	    seq_after(s->ack, peer->nxt))
		return false;
	edge = s->ack + ((__u32)s->window << scale(me, peer));
	/* It may have refused what it had no room for (learn()). */
	if (certain && seq_before(edge, me->rcv))
		return false;

	raise(&me->edge, edge, true);
	raise(&me->rcv, s->ack, true);
	if (!seq_before(s->ack, me->wup)) {
		me->wup = s->ack;
		me->flags &= ~FSM_SACK;
	}
	raise(&me->nxt, s->end, true);
	return true;
}

/**
 * fsm_pass_received - a segment reached an end, which goes on as it is
 * @f: the connection, of two ends
 * @e: which end received it
 * @s: the segment
 * @certain: as for fsm_received()
 *
 * Does what fsm_received() does, which accepts it, or knows not yet whether it arrived, and
 * moves no state. Pure.
 *
 * Return: false for all that is not so plain: then nothing was done.
 */
static __always_inline bool fsm_pass_received(struct fsm *f, unsigned int e,
					      const struct segment *s, bool certain)
{
	struct fsm_end *me = &f->end[e & 1], *peer = &f->end[!(e & 1)];
	bool ts = s->options & SEGMENT_HAS_TS;

	if (!pass_segment(s) || !pass_end(me) || !pass_end(peer))
		return false;
	/* Of data only its acknowledgment tells that it arrived. */
	if (!certain && s->end != s->seq)
		return true;
	if (s->end - me->wup >= PASS_NEAR || seq_after(s->seq, me->edge) ||
	    s->ack - me->una >= PASS_NEAR || seq_after(s->ack, me->nxt) ||
	    (s->ack ^ me->una) & PASS_LAP)
		return false;
	if (!certain) {
		me->una = s->ack;
		return true;
	}

	/* In order, with room for it, and no older than what came before (PAWS). */
	if ((s->end != s->seq && (s->seq != me->rcv || !seq_after(me->edge, me->rcv))) ||
	    (ts && me->flags & FSM_TS && (__s32)(me->ts - s->tsval) > PAWS_WINDOW))
		return false;
	me->una = s->ack;
	if (s->window > f->window[e & 1])
		f->window[e & 1] = s->window;
	if (ts && !seq_after(s->seq, me->wup))
		keep_ts(me, s->tsval);
	if (s->end != s->seq)
		me->rcv = s->end;
	return true;
}

#endif
