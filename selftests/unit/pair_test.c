// SPDX-License-Identifier: GPL-2.0
/*
 * Two sockets over a network that loses, repeats and reorders. On a socket's
 * own host the engine must show its state after every event; the state of a
 * remote one, of which it sees only what passes, when nothing is left to be
 * repeated.
 */
#include <stdio.h>
#include <stdlib.h>

#include "model.h"
#include "tap.h"

#define RUNS	20000
#define ACTIONS	120
#define WIRE	12
#define WINDOW	16384

/**
 * struct end - one socket
 * @m: its state and numbers
 * @iss: its initial sequence number
 * @fin: has sent a FIN, the octet before @m.nxt
 */
struct end {
	struct model m;
	uint32_t iss;
	bool fin;
};

/**
 * struct packet - a segment under way
 * @s: the segment
 * @to: whom to
 */
struct packet {
	struct segment s;
	unsigned int to;
};

/**
 * struct world - two sockets, the network and the mirror
 * @end: the sockets
 * @wire: what is under way
 * @packets: how many are
 * @mirror: the engine
 * @local: which ends are where the mirror is
 * @seed: of all that is random
 */
struct world {
	struct end end[2];
	struct packet wire[WIRE];
	unsigned int packets;
	struct fsm mirror;
	bool local[2];
	uint32_t seed;
};

static bool trace;

static void tell(const struct world *w, const char *what, unsigned int e, const struct segment *s)
{
	if (!trace)
		return;
	printf("# %c %s", "AB"[e], what);
	if (s)
		printf(" %s%s%s%s %u..%u, ack %u", s->flags & SYN ? "S" : "",
		       s->flags & FIN ? "F" : "", s->flags & RST ? "R" : "",
		       s->flags & ACK ? "A" : "", s->seq, s->end, s->ack);
	printf(": %s and %s, mirror %s and %s\n", fsm_name(w->end[0].m.state),
	       fsm_name(w->end[1].m.state), fsm_name(w->mirror.end[0].state),
	       fsm_name(w->mirror.end[1].state));
}

static uint32_t scatter(struct world *w)
{
	w->seed ^= w->seed << 13;
	w->seed ^= w->seed >> 17;
	w->seed ^= w->seed << 5;
	return w->seed;
}

static bool one_in(struct world *w, uint32_t n)
{
	return scatter(w) % n == 0;
}

static void transmit(struct world *w, unsigned int e, uint8_t flags, uint32_t seq, uint32_t len)
{
	struct model *m = &w->end[e].m;
	struct segment s = {
		.seq = seq, .len = len, .flags = flags, .window = WINDOW,
		.end = seq + len + !!(flags & SYN) + !!(flags & FIN),
	};
	struct fsm_result r;

	if (flags & ACK) {
		s.ack = m->rcv;
		m->wup = m->rcv;
		m->edge = m->rcv + WINDOW;
	}
	if (w->local[e])
		fsm_sent(&w->mirror, e, &s, true, &r);
	if (w->local[e] && !w->local[!e])
		fsm_received(&w->mirror, !e, &s, false, &r);
	tell(w, "sends", e, &s);
	/* A RST is never lost here: nothing would ever tell. */
	if (w->packets < WIRE)
		w->wire[w->packets++] = (struct packet){ s, !e };
	else if (flags & RST)
		w->wire[0] = (struct packet){ s, !e };
}

/* RFC 9293 3.10.7.1: to a segment that belongs to no connection. */
static void refuse(struct world *w, unsigned int e, const struct segment *s)
{
	struct model *m = &w->end[e].m;

	if (s->flags & ACK) {
		transmit(w, e, RST, s->ack, 0);
	} else {
		m->rcv = s->end;
		transmit(w, e, RST_ACK, 0, 0);
	}
}

static void start(struct world *w, unsigned int e, uint8_t state)
{
	struct end *end = &w->end[e];

	end->iss = scatter(w);
	/* Newer numbers follow closely (RFC 6528), or a late SYN looks like a new one. */
	if (end->m.nxt)
		end->iss = end->m.nxt + 1 + scatter(w) % 1000;
	end->fin = false;
	end->m = (struct model){
		.state = state, .request = state == SYN_RECV,
		.first = end->iss + (state == SYN_RECV), .una = end->iss, .nxt = end->iss + 1,
	};
}

static void accept_syn(struct world *w, unsigned int e, const struct segment *s)
{
	start(w, e, SYN_RECV);
	w->end[e].m.rcv = s->seq + 1;
	transmit(w, e, SYN_ACK, w->end[e].iss, 0);
}

static void answer_in_syn_recv(struct world *w, unsigned int e, const struct segment *s)
{
	struct model *m = &w->end[e].m;

	if (s->flags & ACK && (!after(s->ack, m->una) || after(s->ack, m->nxt)))
		transmit(w, e, RST, s->ack, 0);
	else if (s->flags & SYN && s->seq == m->rcv - 1)
		transmit(w, e, SYN_ACK, m->una, 0);
	else
		transmit(w, e, ACK, m->nxt, 0);
}

/* What the socket answers, once model_receive() has moved it from where it @was. */
static void answer(struct world *w, unsigned int e, const struct segment *s,
		   const struct model *was)
{
	struct model *m = &w->end[e].m;
	bool speaks = s->end != s->seq;

	if (was->state == SYN_SENT && m->state == ESTABLISHED) {
		m->una = s->ack;
		transmit(w, e, ACK, m->nxt, 0);
	} else if (was->state == SYN_SENT && m->state == SYN_RECV) {
		transmit(w, e, SYN_ACK, m->una, 0);
	} else if (s->flags & RST) {
		/* RFC 5961 3.2: was it meant? */
		if (m->state != CLOSE && m->state != SYN_SENT && m->state != TIME_WAIT &&
		    !before(s->seq, m->wup) && !after(s->seq, m->edge))
			transmit(w, e, ACK, m->nxt, 0);
	} else if (m->state == CLOSE && was->state == LAST_ACK && m->una == m->nxt) {
		return;
	} else if (was->state == CLOSE || m->state == CLOSE) {
		refuse(w, e, s);
	} else if (was->state == SYN_SENT) {
		if (s->flags & ACK && (!after(s->ack, m->una) || after(s->ack, m->nxt)))
			transmit(w, e, RST, s->ack, 0);
	} else if (m->state == SYN_RECV) {
		answer_in_syn_recv(w, e, s);
	} else if (speaks || (m->state != TIME_WAIT && before(s->seq, m->wup))) {
		transmit(w, e, ACK, m->nxt, 0);
	}
}

static void receive(struct world *w, unsigned int e, const struct segment *s)
{
	struct model *m = &w->end[e].m;
	struct model was = *m;
	bool syn = (s->flags & (SYN | ACK | RST)) == SYN;

	if (syn && (m->state == CLOSE || (m->state == TIME_WAIT && after(s->seq, m->rcv)))) {
		accept_syn(w, e, s);
	} else {
		model_receive(m, s);
		answer(w, e, s, &was);
	}
}

/*
 * On the way to a remote end a late copy that nobody will repeat is not lost: it
 * takes an inferred state back, and without an answer only time would bring it
 * again. Nor is what reaches a closed end: its RST tells who has not closed yet.
 */
static bool may_lose(const struct world *w, const struct packet *p)
{
	const struct model *from = &w->end[!p->to].m;

	if (w->local[0] && w->local[1])
		return true;
	if (p->s.flags & RST || w->end[p->to].m.state == CLOSE)
		return false;
	return p->s.end == p->s.seq || (from->state != CLOSE && before(from->una, p->s.end));
}

static void deliver(struct world *w, unsigned int i, bool lossy)
{
	struct packet p = w->wire[i];
	bool repeat = lossy && one_in(w, 6);
	bool lost = lossy && one_in(w, 5) && may_lose(w, &p);
	struct fsm_result r;

	if (!repeat)
		w->wire[i] = w->wire[--w->packets];
	if (!w->local[0] && !w->local[1]) {
		fsm_sent(&w->mirror, !p.to, &p.s, false, &r);
		fsm_received(&w->mirror, p.to, &p.s, false, &r);
	}
	if (lost) {
		tell(w, "never gets", p.to, &p.s);
		return;
	}
	if (w->local[p.to]) {
		if (!w->local[!p.to])
			fsm_sent(&w->mirror, !p.to, &p.s, false, &r);
		fsm_received(&w->mirror, p.to, &p.s, true, &r);
	}
	receive(w, p.to, &p.s);
	tell(w, "got", p.to, &p.s);
}

/* Return: whether there was something to repeat. */
static bool repeat(struct world *w, unsigned int e)
{
	struct end *end = &w->end[e];
	struct model *m = &end->m;

	if (m->state == CLOSE || m->una == m->nxt)
		return false;
	if (m->state == SYN_SENT)
		transmit(w, e, SYN, m->una, 0);
	else if (m->state == SYN_RECV)
		transmit(w, e, SYN_ACK, m->una, 0);
	else
		transmit(w, e, end->fin ? FIN_ACK : ACK, m->una, m->nxt - m->una - end->fin);
	return true;
}

static void send_data(struct world *w, unsigned int e, bool fin)
{
	struct model *m = &w->end[e].m;
	uint32_t len = scatter(w) % 4;

	if (m->state != ESTABLISHED && m->state != CLOSE_WAIT)
		return;
	if (fin) {
		m->state = m->state == ESTABLISHED ? FIN_WAIT1 : LAST_ACK;
		w->end[e].fin = true;
	} else if (!len) {
		return;
	}
	m->nxt += len + fin;
	transmit(w, e, fin ? FIN_ACK : ACK, m->nxt - len - fin, len);
}

static void reset(struct world *w, unsigned int e)
{
	struct model *m = &w->end[e].m;

	if (m->state == CLOSE || m->state == SYN_SENT || m->state == SYN_RECV ||
	    m->state == TIME_WAIT)
		return;
	m->state = CLOSE;
	transmit(w, e, RST_ACK, m->nxt, 0);
}

/* A timer fires or a connect() is given up: no segment says so, the witness does. */
static void vanish(struct world *w, unsigned int e)
{
	struct model *m = &w->end[e].m;

	if (!w->local[0] || !w->local[1] ||
	    (m->state != SYN_SENT && m->state != SYN_RECV && m->state != TIME_WAIT))
		return;
	m->state = CLOSE;
	fsm_adopt(&w->mirror, e, FSM_CLOSE, NULL);
	tell(w, "vanishes", e, NULL);
}

static void act(struct world *w)
{
	unsigned int e = scatter(w) & 1;

	switch (scatter(w) % 16) {
	case 0:
		if (w->end[e].m.state == CLOSE &&
		    ((w->local[0] && w->local[1]) || !w->end[e].m.nxt)) {
			start(w, e, SYN_SENT);
			transmit(w, e, SYN, w->end[e].iss, 0);
		}
		break;
	case 1:
	case 2:
		send_data(w, e, false);
		break;
	case 3:
		send_data(w, e, true);
		break;
	case 4:
		if (one_in(w, 8))
			reset(w, e);
		break;
	case 5:
		vanish(w, e);
		break;
	case 6:
	case 7:
		repeat(w, e);
		break;
	default:
		if (w->packets)
			deliver(w, scatter(w) % w->packets, true);
	}
}

/*
 * A remote end's FIN may be seen in its repetition first, which acknowledges the
 * peer's FIN as the FIN itself did not: who closed first is lost on the mirror.
 */
static bool equal(const struct world *w, unsigned int e)
{
	uint8_t shown = w->mirror.end[e].state;
	uint8_t is = w->end[e].m.state;

	return shown == is || (!w->local[e] && shown == CLOSE && is == TIME_WAIT);
}

/* Until nothing is under way and nothing has to be repeated. */
static bool settle(struct world *w)
{
	for (unsigned int i = 0; i < 1000; i++) {
		bool busy = w->packets;

		while (w->packets && i < 1000) {
			deliver(w, 0, false);
			i++;
		}
		for (unsigned int e = 0; e < 2; e++)
			busy |= repeat(w, e);
		if (!busy)
			return true;
	}
	return false;
}

static bool run(uint32_t seed, unsigned int locals)
{
	struct world w = { .local = { locals > 0, locals > 1 }, .seed = seed };
	unsigned int i;
	bool good = true;

	w.end[0].m.state = CLOSE;
	w.end[1].m.state = CLOSE;
	fsm_init(&w.mirror, false);
	for (i = 0; i < ACTIONS && good; i++) {
		act(&w);
		good = (!w.local[0] || equal(&w, 0)) && (!w.local[1] || equal(&w, 1));
	}
	if (good && locals < 2)
		good = settle(&w) && equal(&w, 0) && equal(&w, 1);
	if (!good)
		printf("# %#x %u, action %u: %s and %s, not %s and %s\n", seed, locals, i,
		       fsm_name(w.mirror.end[0].state), fsm_name(w.mirror.end[1].state),
		       fsm_name(w.end[0].m.state), fsm_name(w.end[1].m.state));
	return good;
}

static bool runs(unsigned int locals)
{
	struct world w = { .seed = 0x6a09e667 };

	for (unsigned int i = 0; i < RUNS; i++)
		if (!run(scatter(&w), locals))
			return false;
	return true;
}

/* With a seed and the number of local ends: that run alone, told event by event. */
int main(int argc, char **argv)
{
	if (argc > 2) {
		trace = true;
		return !run(strtoul(argv[1], NULL, 0), strtoul(argv[2], NULL, 0));
	}
	tap_plan(3);
	tap_result(runs(2), "%u pairs of sockets, seen from their host (RFC 9293 3.10)", RUNS);
	tap_result(runs(1), "%u pairs of sockets, seen from one's host (RFC 9293 3.10)", RUNS);
	tap_result(runs(0), "%u pairs of sockets, seen from a router (RFC 9293 3.10)", RUNS);
	return tap_exit();
}
