/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A naive TCP: RFC 9293 section 3.10, read without the engine at hand.
 *
 * Small enough that all its states can be counted: an octet is one number from
 * the initial one, windows never close, the sender repeats when told to. Where
 * Linux does otherwise the text says so, and it is this:
 *
 *	[1]	a segment is old if it ends below the last acknowledgment sent,
 *		not below RCV.NXT (tcp_sequence)
 *	[2]	after a FIN, a RST at the FIN's own number counts (tcp_reset_check)
 *	[3]	a passive SYN_RECV has no user: it is neither closed nor aborted
 *	[4]	an abort's RST carries an ACK (tcp_send_active_reset)
 *	[5]	a listener accepts one connection, then it is gone
 */
#ifndef TCPSTATE_RFC_H
#define TCPSTATE_RFC_H

#include <stdbool.h>
#include <stdint.h>

#include "words.h"

/* The eleventh state; and in @been: closed after it was open. */
#define LISTEN		FSM_LISTEN
#define BEEN_CLOSED	1

/**
 * struct wire - a segment under way
 * @flags: control bits
 * @seq: from the sender's initial sequence number
 * @ack: from the receiver's
 * @len: octets of text
 * @from: its sender
 * @zero: its number is 0, wherever the sender's sequence space is
 * @stage: how far it has come; the network's
 */
struct wire {
	uint8_t flags;
	uint8_t seq;
	uint8_t ack;
	uint8_t len;
	uint8_t from;
	uint8_t zero;
	uint8_t stage;
};

/**
 * struct rfc - an endpoint: RFC 9293 3.3.1
 * @been: states that it was in, as bits; and %BEEN_CLOSED
 * @held: octets received, as bits, from RCV.NXT on
 * @state: where it is
 * @passive: came from LISTEN
 * @una: SND.UNA
 * @nxt: SND.NXT
 * @rcv: RCV.NXT
 * @wup: the last acknowledgment sent
 * @fin: the number of its FIN; 0: none
 * @their_fin: the number of the peer's, once seen
 * @owes: an ACK
 * @data: octets that its user still has
 * @repeats: how often it may still retransmit
 * @aborts: whether its user may abort
 * @acks: how many ACKs it may send that it does not owe
 * @padding: nothing; endpoints are compared byte by byte
 */
struct rfc {
	uint16_t been;
	uint16_t held;
	uint8_t state;
	uint8_t passive;
	uint8_t una;
	uint8_t nxt;
	uint8_t rcv;
	uint8_t wup;
	uint8_t fin;
	uint8_t their_fin;
	uint8_t owes;
	uint8_t data;
	uint8_t repeats;
	uint8_t aborts;
	uint8_t acks;
	uint8_t padding;
};

static inline uint8_t wire_end(const struct wire *s)
{
	return s->seq + s->len + !!(s->flags & SYN) + !!(s->flags & FIN);
}

static inline void rfc_enter(struct rfc *me, uint8_t state)
{
	me->state = state;
	me->been |= 1 << state;
	/* The connection is deleted: nothing of it stays. */
	if (state == CLOSE)
		*me = (struct rfc){ .state = CLOSE, .been = me->been | BEEN_CLOSED };
}

static inline struct wire rfc_make(struct rfc *me, uint8_t flags, uint8_t seq, uint8_t len)
{
	struct wire s = { .flags = flags, .seq = seq, .len = len };

	if (flags & ACK) {
		s.ack = me->rcv;
		me->wup = me->rcv;
		me->owes = false;
	}
	return s;
}

/* 3.10.1, OPEN: active. */
static inline struct wire rfc_open(struct rfc *me)
{
	rfc_enter(me, SYN_SENT);
	me->nxt = 1;
	return rfc_make(me, SYN, 0, 0);
}

/* 3.10.2, SEND, and 3.10.4, CLOSE, with @len octets before the FIN. */
static inline bool rfc_may_send(const struct rfc *me)
{
	return me->data && (me->state == ESTABLISHED || me->state == CLOSE_WAIT);
}

static inline bool rfc_may_close(const struct rfc *me)
{
	return me->state == ESTABLISHED || me->state == CLOSE_WAIT ||
	       (me->state == SYN_RECV && !me->passive);
}

static inline struct wire rfc_send(struct rfc *me, uint8_t len, bool fin)
{
	uint8_t seq = me->nxt;

	me->data -= len;
	me->nxt += len + fin;
	if (fin) {
		me->fin = me->nxt - 1;
		rfc_enter(me, me->state == CLOSE_WAIT ? LAST_ACK : FIN_WAIT1);
	}
	return rfc_make(me, fin ? FIN_ACK : ACK, seq, len);
}

/* 3.10.5, ABORT [3, 4]. */
static inline bool rfc_may_abort(const struct rfc *me)
{
	return me->aborts && (me->state == ESTABLISHED || me->state == FIN_WAIT1 ||
			      me->state == FIN_WAIT2 || me->state == CLOSE_WAIT ||
			      (me->state == SYN_RECV && !me->passive));
}

static inline struct wire rfc_abort(struct rfc *me)
{
	struct wire s = rfc_make(me, RST_ACK, me->nxt, 0);

	rfc_enter(me, CLOSE);
	return s;
}

/* 3.8.6: an ACK that nothing asked for, as for a window update. */
static inline bool rfc_may_ack(const struct rfc *me)
{
	return me->acks && me->rcv && (me->state == ESTABLISHED || me->state == FIN_WAIT1 ||
				       me->state == FIN_WAIT2 || me->state == CLOSE_WAIT ||
				       me->state == LAST_ACK || me->state == CLOSING);
}

/* 3.8.1, 3.10.8: the retransmission timer, for the first octet or @all that wait. */
static inline bool rfc_may_repeat(const struct rfc *me)
{
	return me->repeats && me->una != me->nxt;
}

static inline struct wire rfc_repeat(struct rfc *me, bool all)
{
	uint8_t end = all ? me->nxt : me->una + 1;
	bool fin = me->fin && end == me->nxt;

	me->repeats--;
	if (!me->una)
		return rfc_make(me, me->state == SYN_SENT ? SYN : SYN_ACK, 0, 0);
	return rfc_make(me, fin ? FIN_ACK : ACK, me->una, end - me->una - fin);
}

/* 3.10.7.1 and 3.5.2: <SEQ=SEG.ACK><CTL=RST>, or <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>. */
static inline struct wire rfc_refuse(const struct wire *s)
{
	if (s->flags & ACK)
		return (struct wire){ .flags = RST, .seq = s->ack };
	return (struct wire){ .flags = RST_ACK, .zero = true, .ack = wire_end(s) };
}

/* 3.10.7.2. Return: whether there is an answer, as of all that follow. */
static inline bool rfc_in_listen(struct rfc *me, const struct wire *s, struct wire *answer)
{
	if (s->flags & RST)
		return false;
	if (s->flags & ACK) {
		*answer = rfc_refuse(s);
		return true;
	}
	if (!(s->flags & SYN))
		return false;
	rfc_enter(me, SYN_RECV);
	me->passive = true;
	me->nxt = 1;
	me->rcv = s->seq + 1;
	*answer = rfc_make(me, SYN_ACK, 0, 0);
	return true;
}

/* 3.10.7.3 */
static inline bool rfc_in_syn_sent(struct rfc *me, const struct wire *s, struct wire *answer)
{
	if (s->flags & ACK && (s->ack <= 0 || s->ack > me->nxt)) {
		if (s->flags & RST)
			return false;
		*answer = rfc_refuse(s);
		return true;
	}
	if (s->flags & RST) {
		if (s->flags & ACK)
			rfc_enter(me, CLOSE);
		return false;
	}
	if (!(s->flags & SYN))
		return false;
	me->rcv = s->seq + 1;
	if (s->flags & ACK) {
		me->una = s->ack;
		rfc_enter(me, ESTABLISHED);
		me->owes = true;
		return false;
	}
	rfc_enter(me, SYN_RECV);
	*answer = rfc_make(me, SYN_ACK, 0, 0);
	return true;
}

/* 3.10.7.4, first check [1]. */
static inline bool rfc_acceptable(const struct rfc *me, const struct wire *s)
{
	if (s->zero)
		return false;
	if (me->state == SYN_RECV && me->passive)
		return s->seq == me->rcv || wire_end(s) > me->rcv;
	return wire_end(s) >= me->wup;
}

/* Fifth check. Return: whether the segment goes on. */
static inline bool rfc_take_ack(struct rfc *me, const struct wire *s)
{
	if (s->ack > me->nxt) {
		me->owes = true;
		return false;
	}
	if (s->ack > me->una)
		me->una = s->ack;
	if (!me->fin || me->una != me->nxt)
		return true;
	if (me->state == FIN_WAIT1)
		rfc_enter(me, FIN_WAIT2);
	else if (me->state == CLOSING)
		rfc_enter(me, TIME_WAIT);
	else if (me->state == LAST_ACK)
		rfc_enter(me, CLOSE);
	return me->state != CLOSE;
}

/* Seventh and eighth check; RFC 5681 4.2: what fills a gap is acknowledged at once. */
static inline bool rfc_take_text(struct rfc *me, const struct wire *s, struct wire *answer)
{
	bool gap = me->held;

	if (s->seq == wire_end(s))
		return false;
	me->owes = true;
	if (me->state != ESTABLISHED && me->state != FIN_WAIT1 && me->state != FIN_WAIT2)
		return false;
	for (uint8_t octet = s->seq; octet < wire_end(s); octet++)
		if (octet >= me->rcv)
			me->held |= 1 << octet;
	if (s->flags & FIN)
		me->their_fin = wire_end(s) - 1;
	if (!(me->held >> me->rcv & 1))
		return false;
	while (me->held >> me->rcv & 1)
		me->held &= ~(1 << me->rcv++);
	if (me->their_fin && me->rcv == me->their_fin + 1)
		rfc_enter(me, me->state == ESTABLISHED ? CLOSE_WAIT :
			      me->state == FIN_WAIT1 ? CLOSING : TIME_WAIT);
	if (gap)
		*answer = rfc_make(me, ACK, me->nxt, 0);
	return gap;
}

/* 3.10.7.4 */
static inline bool rfc_in_others(struct rfc *me, const struct wire *s, struct wire *answer)
{
	bool crossed = me->state == SYN_RECV && !me->passive;

	/* 3.5, figure 7: the SYN-ACK that crosses ours acknowledges our SYN. */
	if (crossed && s->flags == SYN_ACK && s->ack == me->nxt) {
		me->una = s->ack;
		rfc_enter(me, ESTABLISHED);
		me->owes = true;
		return false;
	}
	if (s->flags & RST) {
		bool fins = me->state == CLOSE_WAIT || me->state == LAST_ACK ||
			    me->state == CLOSING;

		if (!s->zero && (s->seq == me->rcv || (fins && s->seq + 1 == me->rcv)))
			rfc_enter(me, CLOSE);
		else if (rfc_acceptable(me, s))
			me->owes = true;
		return false;
	}
	if (!rfc_acceptable(me, s) || s->flags & SYN) {
		me->owes = true;
		return false;
	}
	if (!(s->flags & ACK))
		return false;
	if (me->state == SYN_RECV) {
		if (s->ack <= me->una || s->ack > me->nxt) {
			*answer = rfc_refuse(s);
			return true;
		}
		rfc_enter(me, ESTABLISHED);
	}
	return rfc_take_ack(me, s) && rfc_take_text(me, s, answer);
}

/* 3.10.7, SEGMENT ARRIVES. Return: whether there is an @answer at once. */
static inline bool rfc_receive(struct rfc *me, const struct wire *s, struct wire *answer)
{
	switch (me->state) {
	case CLOSE:
		if (s->flags & RST)
			return false;
		*answer = rfc_refuse(s);
		return true;
	case LISTEN:
		return rfc_in_listen(me, s, answer);
	case SYN_SENT:
		return rfc_in_syn_sent(me, s, answer);
	default:
		return rfc_in_others(me, s, answer);
	}
}

/* Nothing that it waits for. */
static inline bool rfc_rests(const struct rfc *me)
{
	return me->state == CLOSE || me->state == LISTEN || (me->una == me->nxt && !me->owes);
}

#endif
