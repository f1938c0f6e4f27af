// SPDX-License-Identifier: GPL-2.0
/*
 * Where engine and socket of an end differ, and which booking of the module belongs to it.
 *
 * The engine takes the socket's state where the module did: when it booked the difference.
 */
#include <math.h>

#include "replay.h"

/*
 * No difference is booked sooner: 200 ms, but jiffies may stand still for a while, and then hurry;
 * see least() for request and timewait sockets.
 */
#define GRACE		100.0
/* When something happens later than that the module has looked. */
#define ASKED		250.0
/* What lasts so long after that must have been booked, */
#define LONG		500.0
/* and so long in any case, but for what the socket withholds and nobody asks for. */
#define PATIENCE	2500.0

static bool small(enum kind kind)
{
	return kind == KIND_REQUEST || kind == KIND_TIMEWAIT;
}

/* The socket (@silent) or the engine of this end moved. */
void difference_compare(struct run *run, int end, bool silent, enum kind kind, double time)
{
	struct end *e = &run->ends[end];
	unsigned char engine = engine_of(run, end);
	int chain = run->nr_differences;

	if (e->open >= 0) {
		struct difference *d = &run->differences[e->open];

		chain = d->chain;
		d->until = time;
		d->told = run->now;
		d->merged = engine != e->socket;
	}
	e->open = -1;
	if (engine == e->socket)
		return;
	e->open = run->nr_differences;
	run->differences[run->nr_differences++] = (struct difference){
		.end = end,
		.silent = silent,
		.engine = engine,
		.socket = e->socket,
		.small = small(kind),
		.since = time,
		.until = INFINITY,
		.chain = chain,
		.aftermath = e->withheld,
	};
}

/* The socket moved, but it is still what the engine expected that it did not do. */
void difference_keep(struct run *run, int end, enum kind kind, double time)
{
	struct end *e = &run->ends[end];
	double since = run->differences[e->open].since;

	difference_compare(run, end, false, kind, time);
	if (e->open >= 0)
		run->differences[e->open].since = since;
}

static bool has(unsigned int bits, unsigned char state)
{
	return !bits || bits & 1u << state;
}

/* Is it one of the kind that this cause makes? */
static bool made_by(const struct cause *c, const struct difference *d)
{
	return c->silent == d->silent && has(c->engine, d->engine) &&
	       has(c->socket, d->socket) &&
	       (!c->silent || c->small == (d->small && d->socket == FSM_CLOSE));
}

/* May the booking be of this difference, whenever it was? */
static bool fits(const struct run *run, const struct difference *d, const struct booking *b)
{
	const struct cause *c = b->cause;

	return run->in->names[d->end].netns == b->netns && made_by(c, d) &&
	       b->state == (c->silent ? d->engine : d->socket) &&
	       !run->differences[d->chain].booked;
}

/* Does it wait for its FIN to be sent? */
static bool unsent(const struct difference *d)
{
	return d->silent && (d->socket == FSM_FIN_WAIT1 || d->socket == FSM_LAST_ACK);
}

/*
 * Timers tell at once, and so does a SYN-ACK that is sent once more. A socket whose FIN waits is
 * judged when something reaches it.
 */
static double least(const struct difference *d)
{
	return (d->silent && d->small) || (!d->silent && d->socket == FSM_SYN_RECV) ||
	       (unsent(d) && d->reached) ? 0 : GRACE;
}

static void book(struct run *run, struct difference *d, struct booking *b, double time)
{
	struct end *e = &run->ends[d->end];

	b->n--;
	run->differences[d->chain].booked = true;
	if (b->cause->silent) {
		run->silent++;
		judge_silent(run, d, b);
	} else {
		run->withheld++;
		e->withheld = true;
	}
	if (e->open < 0 || &run->differences[e->open] != d)
		return;
	d->until = time;
	e->open = -1;
	engine_adopt(run, d->end, d->socket);
}

/* Something is about to happen to an end: the module would judge it before. */
void difference_event(struct run *run, const struct record *r)
{
	struct end *e = &run->ends[r->end];
	double time = r->time;
	struct difference *d;
	int i;

	if (e->open < 0)
		return;
	d = &run->differences[e->open];
	if (time - run->differences[d->chain].since >= ASKED)
		run->differences[d->chain].asked = true;
	if (r->what == WHAT_RECEIVED)
		d->reached = true;
	if (time - d->since < least(d))
		return;
	d->looked = true;
	/* What the socket withholds is judged a moment later, when it was looked at. */
	if (!d->silent)
		return;
	for (i = 0; i < run->in->nr_bookings; i++) {
		struct booking *b = &run->bookings[i];

		if (b->n > 0 && b->cause && b->since < time && time <= b->until &&
		    fits(run, d, b)) {
			book(run, d, b, time);
			return;
		}
	}
}

static bool open(const struct difference *d)
{
	return isinf(d->until);
}

/* One that lasts was meant, and one at which the module had reason to look. */
static int weight(const struct difference *d)
{
	return 2 * open(d) + d->looked;
}

/* The likeliest difference of that time, and the first of them. */
static struct difference *candidate(struct run *run, const struct booking *b)
{
	struct difference *best = NULL;
	int i;

	for (i = 0; i < run->nr_differences; i++) {
		struct difference *d = &run->differences[i];

		if (fits(run, d, b) && d->until >= b->since && d->since <= b->until &&
		    fmin(d->until, b->until) - d->since >= least(d) &&
		    (!best || weight(d) > weight(best)))
			best = d;
	}
	return best;
}

/* All is replayed up to the end of this booking's time. */
void difference_settle(struct run *run, struct booking *b)
{
	struct difference *d;

	if (!b->cause) {
		finding(run, "%d times correction %s %s in %u at %.3f", b->n, fsm_name(b->state),
			fsm_name(b->to), b->netns, b->until);
		return;
	}
	while (b->n > 0) {
		d = candidate(run, b);
		if (!d) {
			finding(run, "%s %s, booked in %u at %.3f, was visible: no end is so",
				b->cause->name, fsm_name(b->state), b->netns, b->until);
			tell_visible(run, b);
			b->n--;
			continue;
		}
		book(run, d, b, b->until);
	}
}

/* For how long the end was in disagreement, if this is the last of it and not booked; else 0. */
static double lasted(const struct run *run, const struct difference *d)
{
	const struct difference *first = &run->differences[d->chain];

	return d->merged || first->booked ? 0 : fmin(d->until, run->in->end) - first->since;
}

static double age(const struct run *run, const struct difference *d)
{
	return fmin(d->until, run->in->end) - d->since;
}

/*
 * The socket withheld a segment and then took its repetition. The engine is deaf to that: when the
 * withholding was booked, it kept the numbers that it had expected.
 */
static bool known(const struct difference *first)
{
	return first->aftermath && first->silent && first->socket == FSM_ESTABLISHED;
}

/* Ought the module to have booked it? */
static bool due(const struct run *run, const struct difference *d)
{
	const struct difference *first = &run->differences[d->chain];

	if (d->silent && fmin(lasted(run, d), age(run, d)) >= PATIENCE)
		return !known(d);
	return first->asked && !known(first) &&
	       lasted(run, d) >= (d->silent ? LONG : PATIENCE);
}

/* For how long did this end, at most, differ after @time without a booking? */
double difference_after(const struct run *run, int end, double time)
{
	double longest = 0;
	int i;

	for (i = 0; i < run->nr_differences; i++) {
		const struct difference *d = &run->differences[i];

		if (d->end == end && d->until >= time)
			longest = fmax(longest, lasted(run, d));
	}
	return longest;
}

/* Is there one, not booked, that this booking would fit and that ended before it was due? */
bool difference_healed(const struct run *run, const struct booking *b)
{
	int i;

	for (i = 0; i < run->nr_differences; i++) {
		const struct difference *d = &run->differences[i];

		if (fits(run, d, b) && d->until >= b->since && d->since <= b->until &&
		    !open(d) && !due(run, d))
			return true;
	}
	return false;
}

void difference_finish(struct run *run)
{
	int i;

	for (i = 0; i < run->nr_differences; i++) {
		const struct difference *d = &run->differences[i];

		if (due(run, d)) {
			finding(run, "at %.3f %s: engine %s, socket %s; %.0f ms, not booked",
				d->since, d->silent ? "no segment told" : "the socket stayed",
				fsm_name(d->engine), fsm_name(d->socket), lasted(run, d));
			tell_end(run, d->end);
		} else if (lasted(run, d) >= GRACE) {
			run->late++;
		}
	}
}
