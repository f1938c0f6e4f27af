/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Judging sequence numbers: what lies in whose window. Included by fsm.c and fsm_pass.h alone.
 */
#ifndef TCPSTATE_FSM_WINDOW_H
#define TCPSTATE_FSM_WINDOW_H

#include "fsm.h"

/* The largest window without scaling; how far below the left edge an old segment may lie. */
#define WINDOW_MAX	0xffffu
/* The widest window scale (RFC 7323, 2.3). */
#define WSCALE_MAX	14
/* How far a timestamp may go back (TCP_PAWS_WINDOW). */
#define PAWS_WINDOW	1
/* How much later than its first SYN an endpoint may have sent what is echoed. */
#define ECHO_WINDOW	0x8000000u

/* Its SYN gives an endpoint its sequence space. */
static inline void start(struct fsm_end *me, const struct segment *s)
{
	me->una = s->seq;
	me->nxt = s->end;
	me->flags |= FSM_SEQ;
	/* What may be acknowledged: of a socket's SYN all, of a request's what follows it. */
	me->syn = s->flags & SEGMENT_ACK ? s->seq + 1 : s->seq;
	/* A SYN-ACK echoes what came with the SYN; a SYN waits for its echo. */
	if (!(s->options & SEGMENT_HAS_TS))
		me->flags |= FSM_NO_TS;
	else
		me->ts = s->flags & SEGMENT_ACK ? s->tsecr : s->tsval;
	if (s->flags & SEGMENT_ACK)
		me->flags |= FSM_TS;
	if (s->options & SEGMENT_HAS_MD5)
		me->flags |= FSM_SIGNED;
	if (s->options & SEGMENT_HAS_WSCALE) {
		me->flags |= FSM_WSCALE;
		me->wscale = s->wscale;
	}
	if (s->len)
		me->flags |= FSM_FAST_OPEN;
}

/* It expects this number next, and has acknowledged all before it. */
static inline void expect(struct fsm_end *me, __u32 seq)
{
	me->rcv = seq;
	me->wup = seq;
	me->flags |= FSM_RCV;
}

/* RFC 7323, 2.2: the scale counts if both SYNs offered one, and never in a SYN. */
static inline __u8 scale(const struct fsm_end *me, const struct fsm_end *peer)
{
	return me->flags & peer->flags & FSM_WSCALE ? me->wscale : 0;
}

/* The window of a SYN-ACK, which is not scaled, as if it were (RFC 7323, 2.2). */
static inline __u16 descale(__u16 window, __u8 scale)
{
	return (window + (1u << scale) - 1) >> scale;
}

/* What the segment says of its sender's receive side. */
static inline void learn(struct fsm_end *me, const struct fsm_end *peer, const struct segment *s,
			 bool certain)
{
	__u32 edge = s->window;

	if (!(s->flags & SEGMENT_SYN))
		edge <<= scale(me, peer);
	edge += s->ack;

	if (!(me->flags & FSM_RCV)) {
		me->rcv = s->ack;
		me->wup = s->ack;
	}
	if (!(me->flags & FSM_EDGE) || seq_after(edge, me->edge))
		me->edge = edge;
	/* An ACK repeated: it refused what has no room; what has some may be in the backlog. */
	if (seq_after(s->ack, me->rcv) || (certain && s->end == s->seq && s->ack == me->wup &&
					   seq_before(edge, me->rcv)))
		me->rcv = s->ack;
	if (!seq_before(s->ack, me->wup)) {
		me->wup = s->ack;
		me->flags &= ~FSM_SACK;
		/* A block below the acknowledgment is a D-SACK (RFC 2883). */
		if (s->options & SEGMENT_HAS_SACK && seq_after(s->sack, s->ack) &&
		    !(me->flags & FSM_MARK)) {
			me->sack = s->sack;
			me->flags |= FSM_SACK;
		}
	}
	me->flags |= FSM_RCV | FSM_EDGE;
	if (certain)
		me->flags &= ~FSM_SIGNED;
	if (certain && s->options & SEGMENT_HAS_MD5)
		me->flags |= FSM_SIGNED;
}

/* RFC 7323 4.3, tcp_replace_ts_recent(): it never goes back. */
static inline void keep_ts(struct fsm_end *me, __u32 tsval)
{
	if (!(me->flags & FSM_TS) || seq_before(me->ts, tsval))
		me->ts = tsval;
	me->flags |= FSM_TS;
}

static inline void raise(__u32 *seq, __u32 to, bool known)
{
	if (!known || seq_after(to, *seq))
		*seq = to;
}

static inline void recall_scale(struct fsm_end *end, __u8 scale)
{
	if (!(end->flags & FSM_WSCALE))
		end->wscale = scale;
	end->flags |= FSM_WSCALE;
}

/*
 * What the socket of an endpoint remembers, of SYNs that nobody may have seen
 * too. A segment that passed already may be new to it: nothing goes back.
 */
static inline void recall(struct fsm_end *me, struct fsm_end *peer, const struct fsm_facts *facts)
{
	__u16 known;

	/* What was before is over. */
	if (me->state == FSM_CLOSE)
		*me = (struct fsm_end){ .state = FSM_CLOSE };
	known = me->flags;
	raise(&me->nxt, facts->nxt, known & FSM_SEQ);
	raise(&me->una, facts->una, known & FSM_SEQ);
	raise(&me->rcv, facts->rcv, known & FSM_RCV);
	raise(&me->wup, facts->wup, known & FSM_RCV);
	raise(&me->edge, facts->edge, known & FSM_EDGE);
	me->flags |= FSM_SEQ | FSM_RCV | FSM_EDGE | (facts->fin ? FSM_FIN : 0);
	if (facts->no_ts)
		me->flags |= FSM_NO_TS;
	if (facts->sign)
		me->flags |= FSM_SIGNED;
	if (!(peer->flags & FSM_SEQ)) {
		peer->nxt = facts->rcv;
		peer->una = facts->rcv;
		peer->flags |= FSM_SEQ;
	}
	if (!(peer->flags & FSM_RCV))
		expect(peer, facts->una);
	/* Both SYNs offered one, or none counts. */
	if (facts->scaled) {
		recall_scale(me, facts->scale);
		recall_scale(peer, facts->peer_scale);
	}
}

/* tcp_receive_window(): what was taken beyond the edge leaves a window of 0, not less. */
static inline bool beyond_edge(const struct fsm_end *me, __u32 seq)
{
	return me->flags & FSM_EDGE && seq_after(seq, me->edge) &&
	       !(me->flags & FSM_RCV && !seq_after(seq, me->rcv));
}

/* RFC 5961 5.2, tcp_ack(): the oldest ACK that it takes; of a socket none before its SYN. */
static inline __u32 oldest_ack(const struct fsm_end *me, __u32 window, bool certain)
{
	if (certain && !(me->flags & FSM_SYN_SEEN) && me->una - me->syn < window)
		return me->syn;
	return me->una - window;
}

static inline void acknowledged(struct fsm_end *me, __u32 ack)
{
	me->una = ack;
	/* It must not come near again after 2^32. */
	if (!(me->flags & FSM_SYN_SEEN) && me->una - me->syn > 0x80000000)
		me->syn = me->una - 0x40000000;
}

/* RFC 2385, tcp_inbound_md5_hash(): is it signed though @to signs nothing, or the reverse? */
static inline bool strange(const struct fsm_end *to, const struct segment *s)
{
	return to->state != FSM_CLOSE && to->state != FSM_TIME_WAIT && to->flags & FSM_SEQ &&
	       !(to->flags & FSM_SIGNED) != !(s->options & SEGMENT_HAS_MD5);
}

/* tcp_rcv_synsent_state_process(): does it answer a SYN of another time? */
static inline bool untimely(const struct fsm_end *me, const struct segment *s)
{
	return s->flags & SEGMENT_ACK && s->options & SEGMENT_HAS_TS && s->tsecr && me->ts &&
	       s->tsecr - me->ts > ECHO_WINDOW;
}

/* May the endpoint have sent this? Only a segment that its peer would look at counts. */
static inline bool plausible(const struct fsm_end *me, const struct fsm_end *peer,
			     const struct segment *s)
{
	/* What overran the window may have a sequel. */
	if (beyond_edge(peer, s->seq) && !(me->flags & FSM_SEQ && s->seq == me->nxt))
		return false;
	if (peer->flags & FSM_RCV &&
	    seq_before(s->end, peer->rcv - (WINDOW_MAX << scale(peer, me))))
		return false;
	if (!(peer->flags & FSM_SEQ))
		return true;
	return !seq_after(s->ack, peer->nxt) &&
	       !seq_before(s->ack, peer->una - (WINDOW_MAX << scale(me, peer)));
}

/* It has received its peer's FIN, and is no timewait socket. */
static inline bool has_fin(const struct fsm_end *end)
{
	return end->state == FSM_CLOSE_WAIT || end->state == FSM_LAST_ACK ||
	       end->state == FSM_CLOSING;
}

/*
 * RFC 5961 3.2, tcp_validate_incoming(), tcp_reset_check(): would @to take a
 * reset with this number? What a remote end has received is known only as far
 * as it acknowledged, so there the next number of the sender serves as well.
 */
static inline bool reset_exact(const struct fsm_end *to, const struct fsm_end *from,
			       const struct segment *s, bool certain)
{
	if (to->flags & FSM_RCV) {
		if (s->seq == to->rcv)
			return true;
		if (to->flags & FSM_SACK && s->seq == to->sack)
			return true;
		if (s->seq == to->rcv - 1 && has_fin(to))
			return true;
	}
	return !certain && from->flags & FSM_SEQ && s->seq == from->nxt;
}

static inline bool acks_fin(const struct fsm_end *end, __u32 ack)
{
	return end->flags & FSM_FIN && ack == end->nxt;
}

/* Is it the number of a SYN that the endpoint sent before? A new one lies elsewhere. */
static inline bool spent(const struct fsm_end *end, __u32 seq)
{
	return end->flags & FSM_SEQ && !seq_after(seq, end->nxt) &&
	       !seq_before(seq, end->una - WINDOW_MAX);
}

/* tcp_sequence(): from what was acknowledged last to the right edge. A request: tcp_in_window(). */
static inline bool in_window(const struct fsm_end *me, const struct segment *s)
{
	if (me->state == FSM_SYN_RECV && !(me->flags & (FSM_CROSSED | FSM_FAST_OPEN)))
		return s->seq == me->rcv ||
		       (seq_after(s->end, me->rcv) && seq_before(s->seq, me->edge)) ||
		       (s->seq == me->edge && s->seq == s->end);
	if (me->flags & FSM_RCV && seq_before(s->end, me->wup))
		return false;
	return !beyond_edge(me, s->seq);
}

#endif
