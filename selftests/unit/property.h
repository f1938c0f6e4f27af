/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What holds of every event of the state engine, for the unit tests and the fuzzer.
 */
#ifndef TCPSTATE_PROPERTY_H
#define TCPSTATE_PROPERTY_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "fsm.h"

/**
 * struct happening - one event, apart from its segment
 * @end: whom it happens to
 * @received: or sent
 * @certain: as the engine is told
 */
struct happening {
	unsigned int end;
	bool received;
	bool certain;
};

static inline bool has_sent_fin(unsigned int state)
{
	return state == FSM_FIN_WAIT1 || state == FSM_FIN_WAIT2 || state == FSM_CLOSING ||
	       state == FSM_TIME_WAIT || state == FSM_LAST_ACK;
}

/* RFC 9293 figure 5 as Linux walks it; what a receipt alone can do. */
static inline bool may_receive(unsigned int from, unsigned int to)
{
	switch (from) {
	case FSM_SYN_SENT:
		return to == FSM_ESTABLISHED || to == FSM_SYN_RECV || to == FSM_CLOSE;
	case FSM_SYN_RECV:
		return to == FSM_ESTABLISHED || to == FSM_CLOSE;
	case FSM_ESTABLISHED:
		return to == FSM_CLOSE_WAIT || to == FSM_CLOSE;
	case FSM_FIN_WAIT1:
		return to == FSM_FIN_WAIT2 || to == FSM_CLOSING || to == FSM_CLOSE;
	case FSM_FIN_WAIT2:
	case FSM_CLOSING:
		return to == FSM_TIME_WAIT || to == FSM_CLOSE;
	case FSM_CLOSE_WAIT:
	case FSM_LAST_ACK:
	case FSM_TIME_WAIT:
		return to == FSM_CLOSE;
	default:
		return false;
	}
}

/* What an endpoint does itself, or shows by what it sends that it has received. */
static inline bool may_send(unsigned int from, unsigned int to)
{
	switch (from) {
	case FSM_CLOSE:
		/* LAST_ACK: it repeats a FIN whose ACK was only assumed to arrive. */
		return to == FSM_SYN_SENT || to == FSM_SYN_RECV || to == FSM_LAST_ACK;
	case FSM_SYN_RECV:
		/* A crossed or Fast Open socket may close before it is open. */
		return to == FSM_ESTABLISHED || to == FSM_FIN_WAIT1 || to == FSM_CLOSE ||
		       to == FSM_CLOSE_WAIT;
	case FSM_ESTABLISHED:
		/* SYN_RECV: it repeats its SYN-ACK. */
		return to == FSM_CLOSE_WAIT || to == FSM_FIN_WAIT1 || to == FSM_SYN_RECV ||
		       to == FSM_CLOSE;
	case FSM_FIN_WAIT2:
	case FSM_TIME_WAIT:
		/* It repeats a FIN whose ACK was only assumed to arrive. */
		if (to == (from == FSM_FIN_WAIT2 ? FSM_FIN_WAIT1 : FSM_CLOSING))
			return true;
		break;
	case FSM_CLOSE_WAIT:
		/* FIN_WAIT1: the peer's FIN was not received yet after all. */
		if (to == FSM_LAST_ACK || to == FSM_FIN_WAIT1)
			return true;
		break;
	}
	return may_receive(from, to);
}

/* Lets the event happen. Return: what is wrong with it, or NULL. */
static inline const char *wrong_with(struct fsm *f, const struct segment *s,
				     const struct happening *h)
{
	unsigned int end = fsm_self(f) ? 0 : h->end;
	uint8_t state[2] = { f->end[0].state, f->end[1].state };
	enum fsm_verdict verdict;
	struct fsm_result r;

	memset(&r, 0xa5, sizeof(r));
	verdict = h->received ? fsm_received(f, h->end, s, h->certain, &r) :
				fsm_sent(f, h->end, s, h->certain, &r);
	if (r.steps > FSM_STEPS)
		return "too many steps";
	for (unsigned int i = 0; i < r.steps; i++) {
		const struct fsm_step *step = &r.step[i];
		/* A Fast Open socket closed before its SYN was acknowledged, and now it is. */
		bool closed_early = i && step[-1].from == FSM_SYN_RECV &&
				    step->from == FSM_ESTABLISHED && step->to == FSM_FIN_WAIT1;

		if (step->end > 1 || step->from != state[step->end] || step->to == step->from)
			return "steps that do not chain";
		if (!step->to || step->to >= FSM_STATES || step->to == FSM_LISTEN)
			return "no such state";
		if (step->end != end) {
			/*
			 * A SYN-ACK proves that the other end sent its SYN, the ACK of a
			 * SYN-ACK that passed elsewhere that it sent that: no more.
			 */
			bool synack = s->flags & SEGMENT_SYN &&
				      (step->to == FSM_SYN_SENT || step->to == FSM_CLOSE);
			bool elsewhere = !h->certain && !(s->flags & SEGMENT_SYN) &&
					 step->from == FSM_CLOSE && step->to == FSM_SYN_RECV;

			if (h->received || (!synack && !elsewhere))
				return "a step of the other end";
		} else if (!(h->received ? may_receive(step->from, step->to) || closed_early :
					   may_send(step->from, step->to) ||
					   step->to == FSM_CLOSE)) {
			return "a step that RFC 9293 does not know";
		}
		state[step->end] = step->to;
	}
	if (state[0] != f->end[0].state || state[1] != f->end[1].state)
		return "a state that moved without a step";
	if (r.steps && verdict != FSM_ACCEPTED)
		return "a step without FSM_ACCEPTED";
	if (h->received && !h->certain && !(s->flags & SEGMENT_RST) && s->end != s->seq &&
	    verdict != FSM_IGNORED)
		return "a segment that did not wait for its ACK";
	if (verdict > FSM_CHALLENGED)
		return "no such verdict";
	for (unsigned int i = 0; i < 2; i++)
		if (f->end[i].wscale > SEGMENT_WSCALE_MAX)
			return "a window scale beyond 14";
	return NULL;
}

#endif
