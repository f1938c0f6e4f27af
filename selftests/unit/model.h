/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A socket that receives a segment: an independent second reading of
 * tcp_rcv_state_process(), tcp_check_req() and tcp_timewait_state_process().
 *
 * Left out, for the segments do not tell: whether the socket is an orphan, and
 * how much was acknowledged in all (an ACK that is old, but not very old).
 * An ACK of the ISN itself opens a crossed SYN_RECV in Linux; here as in
 * RFC 9293 3.10.7.4 it does not.
 */
#ifndef TCPSTATE_MODEL_H
#define TCPSTATE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "fsm.h"
#include "words.h"

/**
 * struct model - a socket, in its own words
 * @state: sk_state
 * @request: a connection request, not a socket
 * @first: the first number that may be acknowledged
 * @una: SND.UNA
 * @nxt: SND.NXT
 * @rcv: RCV.NXT
 * @wup: RCV.WUP
 * @edge: right edge of the window
 */
struct model {
	uint8_t state;
	bool request;
	uint32_t first;
	uint32_t una;
	uint32_t nxt;
	uint32_t rcv;
	uint32_t wup;
	uint32_t edge;
};

static inline bool before(uint32_t a, uint32_t b)
{
	return a - b >= 0x80000000;
}

static inline bool after(uint32_t a, uint32_t b)
{
	return before(b, a);
}

static inline bool closing(uint8_t state)
{
	return state == CLOSE_WAIT || state == LAST_ACK || state == CLOSING;
}

static inline void model_data_queue(struct model *m, const struct segment *s)
{
	if (s->seq == s->end || !after(s->end, m->rcv) || after(s->seq, m->rcv))
		return;
	/* Newer kernels let a bare FIN pass at a closed window; 6.1 does not. */
	if (s->len && m->edge == m->rcv)
		return;
	m->rcv = s->end;
	if (!(s->flags & FIN))
		return;
	if (m->state == ESTABLISHED)
		m->state = CLOSE_WAIT;
	else if (m->state == FIN_WAIT1)
		m->state = CLOSING;
	else if (m->state == FIN_WAIT2)
		m->state = TIME_WAIT;
}

/* Return: whether the segment goes on. */
static inline bool model_validate(struct model *m, const struct segment *s)
{
	bool reset = s->seq == m->rcv - 1 && closing(m->state);

	if (before(s->end, m->wup) || after(s->seq, m->edge)) {
		if (s->flags & RST && reset)
			m->state = CLOSE;
		return false;
	}
	if (s->flags & RST) {
		if (s->seq == m->rcv || reset)
			m->state = CLOSE;
		return false;
	}
	if (s->flags & SYN)
		return m->state == SYN_RECV && !m->request && s->flags & ACK &&
		       s->seq + 1 == s->end && s->seq + 1 == m->rcv && s->ack == m->nxt;
	return true;
}

static inline void model_process(struct model *m, const struct segment *s)
{
	if (!(s->flags & (ACK | RST | SYN)) || !model_validate(m, s))
		return;
	if (after(s->ack, m->nxt) || before(s->ack, m->una - 0x10000) || before(s->ack, m->first))
		return;
	if (m->state == SYN_RECV) {
		/* tcp_ack() takes what acknowledges nothing, tcp_check_req() does not. */
		if (m->request ? !after(s->ack, m->una) : before(s->ack, m->una))
			return;
		m->state = ESTABLISHED;
	}
	if (after(s->ack, m->una))
		m->una = s->ack;
	if (m->state == FIN_WAIT1 && m->una == m->nxt)
		m->state = FIN_WAIT2;
	if (m->state == CLOSING && m->una == m->nxt) {
		m->state = TIME_WAIT;
		return;
	}
	if (m->state == LAST_ACK && m->una == m->nxt) {
		m->state = CLOSE;
		return;
	}
	if (closing(m->state)) {
		if (!before(s->seq, m->rcv))
			return;
		if (s->end != s->seq && after(s->end - !!(s->flags & FIN), m->rcv)) {
			m->state = CLOSE;
			return;
		}
	}
	model_data_queue(m, s);
}

static inline void model_syn_sent(struct model *m, const struct segment *s)
{
	if (s->flags & ACK) {
		if (!after(s->ack, m->una) || after(s->ack, m->nxt))
			return;
		if (s->flags & RST)
			m->state = CLOSE;
		else if (s->flags & SYN)
			m->state = ESTABLISHED;
	} else if (!(s->flags & RST) && s->flags & SYN) {
		m->state = SYN_RECV;
	}
	if (m->state == ESTABLISHED || m->state == SYN_RECV)
		m->rcv = s->seq + 1;
}

static inline void model_check_req(struct model *m, const struct segment *s)
{
	uint8_t flags = s->flags & (RST | SYN | ACK);

	if (s->seq == m->rcv - 1 && flags == SYN)
		return;
	if ((flags & (ACK | RST)) == ACK && s->ack != m->nxt)
		return;
	if (s->seq != m->rcv && !(after(s->end, m->rcv) && before(s->seq, m->edge)) &&
	    !(s->seq == m->edge && s->seq == s->end))
		return;
	if (s->seq == m->rcv - 1)
		flags &= ~SYN;
	if (flags & RST && s->seq != m->rcv)
		return;
	if (flags & (RST | SYN))
		m->state = CLOSE;
	else if (flags & ACK)
		model_process(m, s);
	m->request = m->state == SYN_RECV;
}

static inline void model_timewait(struct model *m, const struct segment *s)
{
	if (s->seq == m->rcv && s->flags & RST)
		m->state = CLOSE;
}

static inline void model_receive(struct model *m, const struct segment *s)
{
	if (m->state == SYN_SENT)
		model_syn_sent(m, s);
	else if (m->state == TIME_WAIT)
		model_timewait(m, s);
	else if (m->state != CLOSE && m->request)
		model_check_req(m, s);
	else if (m->state != CLOSE)
		model_process(m, s);
}

#endif
