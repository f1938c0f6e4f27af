// SPDX-License-Identifier: GPL-2.0
/* What is found, in words; and what can be seen of a change without an engine. */
#include <stdarg.h>
#include <stdio.h>

#include "replay.h"

/* A reset may come a little before the change that it tells of. */
#define BEFORE		1000.0
/* How many segments are named for a booking, and how far back they may lie. */
#define NAMED		3
#define NAMED_MS	5000.0

void finding(struct run *run, const char *format, ...)
{
	va_list arguments;

	run->findings++;
	if (run->quiet)
		return;
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

void tell_end(const struct run *run, int end)
{
	const struct name *n = &run->in->names[end];

	if (!run->quiet)
		printf("  %s %u to %s %u in %u\n", n->local, n->local_port, n->remote,
		       n->remote_port, n->netns);
}

void tell_segment(const struct run *run, const struct record *r)
{
	unsigned char flags = r->s.flags;

	if (!run->quiet)
		printf("  %s at %.3f:%s%s%s%s seq %u ack %u, %u octets\n",
		       r->what == WHAT_SENT ? "sent" : "received", r->time,
		       flags & SEGMENT_SYN ? " SYN" : "", flags & SEGMENT_FIN ? " FIN" : "",
		       flags & SEGMENT_RST ? " RST" : "", flags & SEGMENT_ACK ? " ACK" : "",
		       r->s.seq, r->s.ack, r->s.len);
}

/* The last segments that moved an end of that namespace out of the state that was booked. */
void tell_visible(struct run *run, const struct booking *b)
{
	int i, named = 0;

	for (i = run->nr_steps; i-- && named < NAMED;) {
		const struct step *s = &run->steps[i];

		if (run->in->names[s->record->end].netns != b->netns || s->from != b->state ||
		    run->quiet)
			continue;
		if (s->record->time < b->since - NAMED_MS)
			break;
		named++;
		printf(" a segment told of %s %s:\n", fsm_name(s->from), fsm_name(s->to));
		tell_end(run, s->record->end);
		tell_segment(run, s->record);
	}
}

/* The segment that announced it to anyone who looks, whatever the engine made of it. */
static const struct record *announced(const struct run *run, const struct difference *d)
{
	const struct end *e = &run->ends[d->end];

	if (d->socket == FSM_CLOSE && e->reset && e->reset->time >= d->since - BEFORE)
		return e->reset;
	if (d->socket == FSM_FIN_WAIT1 || d->socket == FSM_LAST_ACK)
		return e->fin;
	if (d->engine == FSM_LAST_ACK || d->engine == FSM_CLOSING)
		return e->fin_acked;
	return NULL;
}

/* The engine saw nothing of it; nor must anyone else. */
void judge_silent(struct run *run, const struct difference *d, const struct booking *b)
{
	const struct record *r = announced(run, d);

	/* That there was a RST it says itself, and that its number did not fit. */
	if (!r || (b->cause == cause_find("silent_reset") && r->s.flags & SEGMENT_RST))
		return;
	finding(run, "%s %s, booked in %u at %.3f, was visible: the socket went to %s",
		b->cause->name, fsm_name(b->state), b->netns, b->until, fsm_name(d->socket));
	tell_end(run, d->end);
	tell_segment(run, r);
}
