// SPDX-License-Identifier: GPL-2.0
/*
 * replay - was what the module booked as silent not to be seen?
 *
 * usage: replay [each] EVENTS BOOKINGS
 *
 * EVENTS is what `trace segments` wrote: each end's sockets, and the segments that passed the
 * module's hooks. BOOKINGS is what `sample` wrote: the rows silent_* and withheld_* of debug as
 * they grew. The segments go through module/fsm.c once more, beside the sockets. What must hold:
 *
 * - each booking of silent has an end of that namespace whose socket moved while its engine, with
 *   all segments up to then, stayed in the state booked; and no RST, FIN or ACK of a FIN tells of
 *   it to one who reads no more than flags and numbers;
 * - each booking of withheld has an end whose engine moved while its socket stayed in the state
 *   booked;
 * - engine and socket of no end differ for long without a booking.
 *
 * Exits 1 if it finds otherwise, 2 if it cannot read.
 *
 * With `each` the run is falsified in every way that follows, each time alone, and must be found
 * out: a RST or FIN that told of a change is left out, with its repetitions; a change that a
 * segment told of is booked as silent; a booking of silent is missing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay.h"

/* What changes later than that before the end need not be booked yet. */
#define REST		3000.0
/* What differed for no longer than that is no difference. */
#define HEALED		500.0

static void *zeroed(size_t n, size_t size)
{
	void *array = calloc(n + 1, size);

	if (!array) {
		perror("replay");
		exit(2);
	}
	return array;
}

static void prepare(struct run *run)
{
	const struct input *in = run->in;
	/* An event makes two results at most. */
	size_t most = 2 * (size_t)in->nr_records * FSM_STEPS;
	int i;

	run->ends = zeroed(in->nr_names, sizeof(*run->ends));
	run->links = zeroed(in->nr_names, sizeof(*run->links));
	run->sockets = zeroed(in->nr_sockets, sizeof(*run->sockets));
	run->bookings = zeroed(in->nr_bookings, sizeof(*run->bookings));
	run->steps = zeroed(most, sizeof(*run->steps));
	run->differences = zeroed(most, sizeof(*run->differences));
	for (i = 0; i < in->nr_names; i++)
		run->ends[i] = (struct end){ .socket = FSM_CLOSE, .owner = -1, .open = -1 };
	for (i = 0; i < in->nr_sockets; i++)
		run->sockets[i].end = -1;
	if (in->nr_bookings)
		memcpy(run->bookings, in->bookings, in->nr_bookings * sizeof(*in->bookings));
}

static void release(struct run *run)
{
	free(run->ends);
	free(run->links);
	free(run->sockets);
	free(run->bookings);
	free(run->steps);
	free(run->differences);
}

/* Return: what was found. */
static unsigned int replay(struct run *run)
{
	const struct input *in = run->in;
	int i, next = 0;

	prepare(run);
	for (i = 0; i < in->nr_records; i++) {
		const struct record *r = &in->records[i];

		for (; next < in->nr_bookings && in->bookings[next].until < r->time; next++)
			difference_settle(run, &run->bookings[next]);
		run->now = r;
		if (r->what == WHAT_SENT || r->what == WHAT_RECEIVED)
			engine_segment(run, r);
		else
			socket_event(run, r);
	}
	for (; next < in->nr_bookings; next++)
		difference_settle(run, &run->bookings[next]);
	difference_finish(run);
	return run->findings;
}

struct tally {
	const char *what;
	int tried;
	int found;
	int healed;
};

static bool found_out(const struct input *in)
{
	struct run run = { .in = in, .quiet = true };
	bool found = replay(&run);

	release(&run);
	return found;
}

/* Another segment may tell of it as well, before it could be missed. */
static bool found_without(const struct input *in, const struct record *r, struct tally *t)
{
	struct run run = { .in = in, .without = r, .quiet = true };
	bool found = replay(&run);

	if (!found && difference_after(&run, r->end, r->time) < HEALED) {
		t->healed++;
		t->tried--;
		t->found--;
		found = true;
	}
	release(&run);
	return found;
}

static void tally(struct tally *t, const struct run *run, const struct record *r, bool found)
{
	t->tried++;
	t->found += found;
	if (found)
		return;
	printf("not found out, %s:\n", t->what);
	if (!r)
		return;
	tell_end(run, r->end);
	tell_segment(run, r);
}

/* A cause that could be meant, if any. */
static const struct cause *cause_for(const struct step *s)
{
	if (s->to == FSM_FIN_WAIT1 || s->to == FSM_LAST_ACK)
		return cause_find("silent_unsent_fin");
	if (s->to != FSM_CLOSE)
		return NULL;
	if (!s->small)
		return cause_find("silent_closed");
	return cause_find(s->from == FSM_SYN_RECV ? "silent_request_expired" :
						    "silent_timewait_expired");
}

static bool found_forged(const struct input *in, const struct step *s, const struct cause *cause)
{
	struct input forged = *in;
	struct booking b = {
		.since = s->record->time + 200,
		.until = s->record->time + 300,
		.netns = in->names[s->record->end].netns,
		.cause = cause,
		.state = s->from,
		.n = 1,
	};
	int i, at = 0;
	bool found;

	forged.bookings = zeroed(in->nr_bookings + 1, sizeof(b));
	forged.nr_bookings++;
	while (at < in->nr_bookings && in->bookings[at].until <= b.until)
		at++;
	for (i = 0; i < in->nr_bookings; i++)
		forged.bookings[i + (i >= at)] = in->bookings[i];
	forged.bookings[at] = b;
	found = found_out(&forged);
	free(forged.bookings);
	return found;
}

/* The difference may have ended by itself a moment after it was booked. */
static bool found_missing(const struct input *in, int missing, struct tally *t)
{
	struct input falsified = *in;
	struct run run = { .in = &falsified, .quiet = true };
	bool found;

	falsified.bookings = zeroed(in->nr_bookings, sizeof(*in->bookings));
	memcpy(falsified.bookings, in->bookings, in->nr_bookings * sizeof(*in->bookings));
	falsified.bookings[missing].n--;
	found = replay(&run);
	if (!found && difference_healed(&run, &in->bookings[missing])) {
		t->healed++;
		t->tried--;
		t->found--;
		found = true;
	}
	release(&run);
	free(falsified.bookings);
	return found;
}

static int falsify(const struct input *in)
{
	struct tally without = { .what = "left out" };
	struct tally forged = { .what = "booked as silent" };
	struct tally missing = { .what = "booking missing" };
	const struct tally *tallies[] = { &without, &forged, &missing };
	struct run run = { .in = in, .quiet = true };
	int failed = replay(&run) != 0, i;

	run.quiet = false;
	for (i = 0; i < run.nr_steps; i++) {
		const struct record *r = run.steps[i].record;
		const struct cause *cause = cause_for(&run.steps[i]);

		if (r->time > in->end - REST)
			continue;
		if (r->s.flags & (SEGMENT_RST | SEGMENT_FIN))
			tally(&without, &run, r, found_without(in, r, &without));
		if (cause)
			tally(&forged, &run, r, found_forged(in, &run.steps[i], cause));
	}
	for (i = 0; i < in->nr_bookings; i++)
		if (in->bookings[i].cause && in->bookings[i].cause->silent &&
		    in->bookings[i].until <= in->end - REST)
			tally(&missing, &run, NULL, found_missing(in, i, &missing));
	release(&run);
	for (i = 0; i < 3; i++) {
		printf("%s: %d of %d found out\n", tallies[i]->what, tallies[i]->found,
		       tallies[i]->tried);
		failed |= !tallies[i]->tried || tallies[i]->found < tallies[i]->tried;
	}
	printf("left out, but soon told by another segment: %d of segments, %d of bookings\n",
	       without.healed, missing.healed);
	return failed;
}

int main(int argc, char **argv)
{
	bool each = argc == 4 && !strcmp(argv[1], "each");
	struct input in = { 0 };
	struct run run = { .in = &in };

	if (argc != 3 && !each) {
		fputs("usage: replay [each] EVENTS BOOKINGS\n", stderr);
		return 2;
	}
	if (!read_input(&in, argv[argc - 2], argv[argc - 1]))
		return 2;
	if (each)
		return falsify(&in);
	replay(&run);
	printf("%u segments, %u steps of sockets, %d of the engine; ", run.segments, run.moves,
	       run.nr_steps);
	printf("%u silent, %u withheld, %u late; %u wrong\n", run.silent, run.withheld, run.late,
	       run.findings);
	return run.findings || !run.segments || !run.moves;
}
