// SPDX-License-Identifier: GPL-2.0
/*
 * The state engine. Bit 0 of byte 0 of the input connects a socket to itself; the rest is a
 * sequence of events. What must hold of each is in the unit tests' property.h.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "segment.h"
#include "fsm.h"
#include "../../selftests/unit/property.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* How an event byte is used. */
#define EVENT_END	0x01
#define EVENT_RECEIVED	0x02
#define EVENT_CERTAIN	0x04
#define EVENT_BOTH	0x08	/* sent, then received by the other end, certain as bit 4 says */
#define EVENT_CERTAIN2	0x10
#define EVENT_RAW	0x20	/* the segment comes as bytes */
#define EVENT_ADOPT	0x40	/* no segment: a socket's state and facts */

/**
 * struct input - what is left
 * @at: next byte
 * @left: how many; beyond them all is zero
 */
struct input {
	const uint8_t *at;
	size_t left;
};

static uint32_t take(struct input *in, unsigned int bytes)
{
	uint32_t value = 0;

	while (bytes--) {
		value <<= 8;
		if (in->left) {
			value |= *in->at++;
			in->left--;
		}
	}
	return value;
}

/* A number of the connection and a small offset, or any number: 2 or 5 bytes. */
static uint32_t take_number(struct input *in, const struct fsm_end *mine,
			    const struct fsm_end *theirs)
{
	const uint32_t base[] = {
		mine->nxt, mine->una, mine->mark, mine->syn, theirs->rcv, theirs->edge,
		theirs->sack,
	};
	uint8_t which = take(in, 1) & 7;

	if (which == 7)
		return take(in, 4);
	return base[which] + (int8_t)take(in, 1);
}

static struct segment take_segment(struct input *in, const struct fsm_end *mine,
				   const struct fsm_end *theirs)
{
	struct segment s = { .flags = take(in, 1) & 0x3f };
	uint8_t more;

	s.seq = take_number(in, mine, theirs);
	s.ack = take_number(in, theirs, mine);
	s.window = take(in, 2);
	more = take(in, 1);
	if (more & 0x80)
		s.len = take(in, 2);
	if (more & 0x40)
		s.len <<= 8;
	s.options = more & 0xf;
	if (s.options & SEGMENT_HAS_WSCALE)
		s.wscale = take(in, 1) % (SEGMENT_WSCALE_MAX + 1);
	if (s.options & SEGMENT_HAS_TS) {
		s.tsval = take(in, 4);
		s.tsecr = take(in, 4);
	}
	if (s.options & SEGMENT_HAS_SACK)
		s.sack = take_number(in, theirs, mine);
	s.end = s.seq + s.len + !!(s.flags & SEGMENT_SYN) + !!(s.flags & SEGMENT_FIN);
	return s;
}

static bool take_raw(struct input *in, struct segment *s)
{
	uint8_t bytes[SEGMENT_HEADER_MAX];
	uint32_t linear = take(in, 1) % (sizeof(bytes) + 1);
	uint32_t beyond = take(in, 2);

	for (uint32_t i = 0; i < linear; i++)
		bytes[i] = take(in, 1);
	return segment_parse(s, bytes, linear, linear + beyond) == SEGMENT_OK;
}

static void adopt(struct input *in, struct fsm *f, unsigned int end)
{
	uint8_t state = 1 + take(in, 1) % (FSM_STATES - 1);
	struct fsm_facts facts = { .fin = has_sent_fin(state) };

	facts.nxt = take(in, 4);
	facts.una = take(in, 4);
	facts.rcv = take(in, 4);
	facts.wup = take(in, 4);
	facts.edge = take(in, 4);
	if (state == FSM_LISTEN)
		return;
	fsm_adopt(f, end, state, state & 1 ? &facts : NULL);
	if (f->end[fsm_self(f) ? 0 : end].state != state)
		abort();
}

static void happen(struct fsm *f, const struct segment *s, unsigned int end, bool received,
		   bool certain)
{
	const struct happening h = { .end = end, .received = received, .certain = certain };
	const char *wrong = wrong_with(f, s, &h);

	if (wrong) {
		fprintf(stderr, "ERROR: flags %#x, %s, %s %u: %s\n", s->flags,
			certain ? "certain" : "uncertain", received ? "received by" : "sent by",
			end, wrong);
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { .at = data, .left = size };
	struct fsm f;

	fsm_init(&f, take(&in, 1) & 1);
	while (in.left) {
		uint8_t event = take(&in, 1);
		unsigned int end = event & EVENT_END;
		bool received = event & EVENT_RECEIVED && !(event & EVENT_BOTH);
		/* The source of the segment is whom it was sent by. */
		unsigned int from = fsm_self(&f) ? 0 : end ^ received;
		struct segment s;

		if (event & EVENT_ADOPT) {
			adopt(&in, &f, end);
			continue;
		}
		if (event & EVENT_RAW) {
			if (!take_raw(&in, &s))
				continue;
		} else {
			s = take_segment(&in, &f.end[from], &f.end[fsm_self(&f) ? 0 : !from]);
		}
		happen(&f, &s, end, received, event & EVENT_CERTAIN);
		if (event & EVENT_BOTH)
			happen(&f, &s, !end, true, event & EVENT_CERTAIN2);
	}
	return 0;
}
