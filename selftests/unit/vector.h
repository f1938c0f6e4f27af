/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Test vectors of the state engine, and the function that runs them.
 *
 * A vector is a name, the section of the RFC or the kernel function that it is
 * from, and a script: one segment a line, with the states of both ends after it.
 *
 *	SEG(A, SYN,     0, 0, SYN_SENT, CLOSE)	A sends, B receives
 *	SENT(A, SYN,    0, 0, ...)		A sends, it is lost or still on its way
 *	GOT(A, SYN,     0, 0, ...)		B receives what A sent before
 *	FORGED(A, SYN,  0, 0, ...)		B receives what A never sent
 *
 * Sequence numbers count from the ISN of the end that they belong to: seq from
 * the sender's, ack and SACK edges from the receiver's. What is seldom needed
 * follows by name: .len = 10, .window = 100, TS(1, 0), .is = FSM_CHALLENGED.
 *
 * Expected states, of A and then of B:
 *
 *	X		X, wherever the end is
 *	LATE(X)		X for a local end; a remote one stays where it was: its
 *			own next segment has to prove that it received this one
 *	GUESS(X)	X, and inferred for a remote end
 *	KNOWN(X)	X, and not inferred
 *	EITHER(X, Y)	X for a local end, Y for a remote one
 *	ANY		not judged
 *
 * Each vector runs where it says (EVERYWHERE, or some of the four places), with
 * the ends in both places of the struct, and with all initial sequence numbers
 * that make some number of the script 0, 2^31 or their neighbour (with ONCE in
 * the environment: with two pairs of them).
 */
#ifndef TCPSTATE_VECTOR_H
#define TCPSTATE_VECTOR_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fsm.h"
#include "tap.h"
#include "words.h"

enum { A, B };

/* Expectations: the state at a local end, at a remote one, and what of FSM_INFERRED. */
enum {
	ANY = 0,
	WANT_STATE = 0x0f,
	WANT_UNMOVED = 0xf0,
	WANT_GUESS = 0x100,
	WANT_KNOWN = 0x200,
};

#define LATE(x)		((x) | WANT_UNMOVED)
#define GUESS(x)	((x) | WANT_GUESS)
#define KNOWN(x)	((x) | WANT_KNOWN)
#define EITHER(x, y)	((x) | (y) << 4)

/* Where the module stands: which ends are local. */
enum {
	FORWARDED = 0x1,
	A_LOCAL = 0x2,
	B_LOCAL = 0x4,
	LOOPBACK = 0x8,
	A_REMOTE = B_LOCAL | FORWARDED,
	B_REMOTE = A_LOCAL | FORWARDED,
	EVERYWHERE = 0xf,
};

enum kind { END_OF_SCRIPT, KIND_SEG, KIND_SENT, KIND_GOT, KIND_FORGED };

#define WINDOW		16384
#define ZERO_WINDOW	0x10000

/**
 * struct event - one line of a script
 * @kind: which of its two sides happen
 * @from: A or B
 * @flags: control bits
 * @seq: from the sender's ISN
 * @ack: from the receiver's ISN
 * @want: expected states of A and B
 * @len: payload
 * @window: not scaled; 0 is %WINDOW
 * @is: a verdict that the sender's or the receiver's side must have, plus one; 0: not judged
 * @via: a state that some end must have passed through
 * @steps: expected number of steps, plus one; 0: not judged
 * @options: which of the following are there
 * @wscale: window scale
 * @tsval: timestamp, in the sender's time
 * @tsecr: timestamp, in the receiver's time
 * @sack: right edge of the rightmost block, from the receiver's ISN
 */
struct event {
	uint8_t kind;
	uint8_t from;
	uint8_t flags;
	uint32_t seq;
	uint32_t ack;
	uint16_t want[2];
	uint32_t len;
	uint32_t window;
	uint8_t is;
	uint8_t via;
	uint8_t steps;
	uint8_t options;
	uint8_t wscale;
	uint32_t tsval;
	uint32_t tsecr;
	uint32_t sack;
};

#define LINE(k, who, bits, number, answer, a, b, ...) \
	{ .kind = (k), .from = (who), .flags = (bits), .seq = (number), .ack = (answer), \
	  .want = { a, b }, ##__VA_ARGS__ }
#define SEG(...)	LINE(KIND_SEG, __VA_ARGS__)
#define SENT(...)	LINE(KIND_SENT, __VA_ARGS__)
#define GOT(...)	LINE(KIND_GOT, __VA_ARGS__)
#define FORGED(...)	LINE(KIND_FORGED, __VA_ARGS__)

#define IS(verdict)	.is = FSM_##verdict + 1
#define STEPS(n)	.steps = (n) + 1
#define WSCALE(shift)	.options = SEGMENT_HAS_WSCALE, .wscale = (shift)
#define TS(val, ecr)	.options = SEGMENT_HAS_TS, .tsval = (val), .tsecr = (ecr)
#define MD5		.options = SEGMENT_HAS_MD5
#define SACK(edge)	.options = SEGMENT_HAS_SACK, .sack = (edge)

#define SCRIPT_MAX	24

/**
 * struct vector - one test
 * @name: what it shows
 * @section: RFC and section, or the kernel function
 * @where: the places it runs at
 * @self: the connection's two ends are one socket
 * @script: up to a line of %END_OF_SCRIPT
 */
struct vector {
	const char *name;
	const char *section;
	unsigned int where;
	bool self;
	struct event script[SCRIPT_MAX + 1];
};

#define V(n, s, w, ...)	{ .name = n, .section = s, .where = w, .script = { __VA_ARGS__ } }

/* A opens, B accepts: both have used one sequence number. */
#define HANDSHAKE \
	SEG(A, SYN, 0, 0, SYN_SENT, CLOSE), \
	SEG(B, SYN_ACK, 0, 1, LATE(ESTABLISHED), SYN_RECV), \
	SEG(A, ACK, 1, 1, ESTABLISHED, GUESS(ESTABLISHED))

/* Both have sent ten octets since, and each knows that the other has them. */
#define OPEN \
	HANDSHAKE, \
	SEG(A, ACK, 1, 1, ESTABLISHED, ESTABLISHED, .len = 10), \
	SEG(B, ACK, 1, 11, ESTABLISHED, KNOWN(ESTABLISHED), .len = 10), \
	SEG(A, ACK, 11, 11, KNOWN(ESTABLISHED), ESTABLISHED)

/**
 * struct run - one way to run a vector
 * @isn: initial sequence numbers of A and B
 * @place: one of the four
 * @swap: A is end[1]
 */
struct run {
	uint32_t isn[2];
	unsigned int place;
	bool swap;
};

static const char *place_name(unsigned int place)
{
	return place == FORWARDED ? "forwarded" : place == A_LOCAL ? "A local" :
	       place == B_LOCAL ? "B local" : "loopback";
}

static bool is_local(const struct run *run, unsigned int end)
{
	return run->place == LOOPBACK || run->place == (end == A ? A_LOCAL : B_LOCAL);
}

static struct segment make_segment(const struct event *e, const struct run *run)
{
	uint32_t mine = run->isn[e->from];
	uint32_t theirs = run->isn[!e->from];

	return (struct segment){
		.seq = mine + e->seq,
		.end = mine + e->seq + e->len + !!(e->flags & SYN) + !!(e->flags & FIN),
		.ack = e->flags & ACK ? theirs + e->ack : 0,
		.len = e->len,
		.flags = e->flags,
		.window = e->window ? (uint16_t)e->window : WINDOW,
		.options = e->options,
		.wscale = e->wscale,
		.tsval = mine + e->tsval,
		.tsecr = theirs + e->tsecr,
		.sack = theirs + e->sack,
	};
}

static void complain(const struct event *e, unsigned int line, const struct run *run,
		     const char *format, ...)
{
	static const char * const kinds[] = { "", "SEG", "SENT", "GOT", "FORGED" };
	va_list args;

	printf("# line %u: %s(%c, %s%s%s%s, %u, %u), %s, ISN %#x and %#x%s: ", line,
	       kinds[e->kind], "AB"[e->from], e->flags & SYN ? "S" : "", e->flags & FIN ? "F" : "",
	       e->flags & RST ? "R" : "", e->flags & ACK ? "A" : "", e->seq, e->ack,
	       place_name(run->place), run->isn[A], run->isn[B], run->swap ? ", swapped" : "");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* The steps of one event must start and end where the ends were before and are after, as known. */
static bool steps_chain(const struct fsm *before, const struct fsm *after,
			const struct fsm_result *r)
{
	uint8_t state[2] = { before->end[0].state, before->end[1].state };
	const struct fsm_step *last[2] = { NULL, NULL };

	if (r->steps > FSM_STEPS)
		return false;
	for (unsigned int i = 0; i < r->steps; i++) {
		const struct fsm_step *step = &r->step[i];

		if (step->end > 1 || step->from != state[step->end] || step->to == step->from)
			return false;
		if (!step->to || step->to >= FSM_STATES || step->to == FSM_LISTEN)
			return false;
		state[step->end] = step->to;
		last[step->end] = step;
		/* An end that begins anew has certainly ended. */
		if (step->to == FSM_CLOSE && i + 1 < r->steps && step[1].end == step->end &&
		    step->inferred)
			return false;
	}
	for (unsigned int e = 0; e < 2; e++)
		if (last[e] && last[e]->inferred != !!(after->end[e].flags & FSM_INFERRED))
			return false;
	return state[0] == after->end[0].state && state[1] == after->end[1].state;
}

/* Where an end is to be after a line; @was: where it was to be before it. */
static unsigned int expected(unsigned int want, unsigned int was, bool local)
{
	if (local || !(want & WANT_UNMOVED))
		return want & WANT_STATE;
	if ((want & WANT_UNMOVED) == WANT_UNMOVED)
		return was;
	return (want & WANT_UNMOVED) >> 4;
}

static bool run_line(struct fsm *f, const struct event *e, unsigned int line,
		     const struct run *run, unsigned int was[2], bool self)
{
	bool sender_local = is_local(run, e->from);
	const struct segment s = make_segment(e, run);
	unsigned int source = self ? 0 : e->from ^ run->swap;
	unsigned int destination = self ? 0 : !e->from ^ run->swap;
	bool waits = s.end != s.seq && !(s.flags & RST) && !is_local(run, !e->from);
	bool is = !e->is || (waits && e->kind != KIND_SENT && sender_local);
	unsigned int steps = 0;
	bool via = !e->via;

	for (unsigned int side = 0; side < 2; side++) {
		const struct fsm before = *f;
		enum fsm_verdict verdict;
		struct fsm_result r;

		if (!side ? e->kind == KIND_GOT || (e->kind == KIND_FORGED && sender_local) :
			    e->kind == KIND_SENT)
			continue;
		memset(&r, 0xa5, sizeof(r));
		verdict = side ? fsm_received(f, destination, &s, is_local(run, !e->from), &r) :
				 fsm_sent(f, source, &s, sender_local, &r);
		if (!steps_chain(&before, f, &r)) {
			complain(e, line, run, "steps that do not chain");
			return false;
		}
		steps += r.steps;
		for (unsigned int i = 0; i < r.steps; i++)
			via |= r.step[i].to == e->via;
		is |= verdict == e->is - 1u || (waits && e->kind == KIND_GOT);
	}
	for (unsigned int end = A; end <= (self ? A : B); end++) {
		const struct fsm_end *it = &f->end[self ? 0 : end ^ run->swap];
		bool local = is_local(run, end);

		was[end] = expected(e->want[end], was[end], local);
		if (was[end] && it->state != was[end]) {
			complain(e, line, run, "%c is %s, not %s", "AB"[end], fsm_name(it->state),
				 fsm_name(was[end]));
			return false;
		}
		if (!was[end])
			was[end] = it->state;
		if (local && (it->flags & FSM_INFERRED)) {
			complain(e, line, run, "%c is local and inferred", "AB"[end]);
			return false;
		}
		if (((e->want[end] & WANT_GUESS) && !local && !(it->flags & FSM_INFERRED)) ||
		    ((e->want[end] & WANT_KNOWN) && (it->flags & FSM_INFERRED))) {
			complain(e, line, run, "%c is %sinferred", "AB"[end],
				 it->flags & FSM_INFERRED ? "" : "not ");
			return false;
		}
	}
	if (!is || !via || (e->steps && steps != e->steps - 1u)) {
		complain(e, line, run, "%s", !is ? "another verdict" : !via ? "another way" :
			 "another number of steps");
		return false;
	}
	return true;
}

static bool run_once(const struct vector *v, const struct run *run)
{
	unsigned int was[2] = { CLOSE, CLOSE };
	struct fsm f;

	memset(&f, 0x5a, sizeof(f));
	fsm_init(&f, v->self);
	for (unsigned int i = 0; v->script[i].kind; i++)
		if (!run_line(&f, &v->script[i], i + 1, run, was, v->self))
			return false;
	return true;
}

static bool run_places(const struct vector *v, uint32_t a, uint32_t b)
{
	for (unsigned int place = FORWARDED; place <= LOOPBACK; place <<= 1) {
		if (!(v->where & place))
			continue;
		for (unsigned int swap = 0; swap < (v->self ? 1 : 2); swap++) {
			const struct run run = {
				.isn = { a, v->self ? a : b }, .place = place, .swap = swap,
			};

			if (!run_once(v, &run))
				return false;
		}
	}
	return true;
}

/* A fixed sequence: a failure is there again the next time. */
static uint32_t scatter(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* Initial sequence numbers that bring @number, counted from one, to every turn of the space. */
static bool run_turns(const struct vector *v, uint32_t number, uint32_t *seed)
{
	for (uint32_t turn = 0; turn < 2; turn++)
		for (uint32_t near = 0; near < 3; near++) {
			uint32_t isn = (turn << 31) + near - 1 - number;

			if (!run_places(v, isn, isn) || !run_places(v, isn, scatter(seed)) ||
			    !run_places(v, scatter(seed), isn))
				return false;
		}
	return true;
}

static bool run_vector(const struct vector *v)
{
	uint32_t seed = 0x2545f491;

	if (!run_places(v, 0, 0) || !run_places(v, scatter(&seed), scatter(&seed)))
		return false;
	if (getenv("ONCE"))
		return true;
	for (const struct event *e = v->script; e->kind; e++)
		if (!run_turns(v, e->seq, &seed) || !run_turns(v, e->ack, &seed) ||
		    !run_turns(v, e->seq + e->len, &seed) ||
		    !run_turns(v, e->seq + e->len + 1, &seed))
			return false;
	return true;
}

static inline int run_vectors(const struct vector *v, size_t count)
{
	tap_plan(count);
	for (size_t i = 0; i < count; i++)
		tap_result(run_vector(&v[i]), "%s (%s)", v[i].name, v[i].section);
	return tap_exit();
}

#endif
