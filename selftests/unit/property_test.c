// SPDX-License-Identifier: GPL-2.0
/*
 * What holds whatever the events are: RFC 9293 figure 5, plus the ways that
 * Linux and the mirror's own doubts add.
 */
#include "property.h"
#include "tap.h"

/* Each round is a new connection of this many random events. */
#define ROUNDS	20000
#define EVENTS	60

static uint32_t scatter(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* A number near something that matters to the connection, or anywhere. */
static uint32_t near(const struct fsm_end *end, uint32_t *seed)
{
	const uint32_t base[] = {
		end->nxt, end->nxt, end->nxt, end->nxt, end->una, end->mark, end->syn,
		scatter(seed),
	};
	const uint32_t off[] = {
		0, 0, 0, 0, 0, 1, -1, 2, 10, -10, 16384, -16384, 0x10000, 0x7fffffff, 0x80000000,
	};

	return base[scatter(seed) % 8] + off[scatter(seed) % (sizeof(off) / sizeof(off[0]))];
}

static struct segment random_segment(const struct fsm *f, unsigned int from, uint32_t *seed)
{
	static const uint8_t likely[] = {
		SEGMENT_SYN, SEGMENT_SYN | SEGMENT_ACK, SEGMENT_ACK, SEGMENT_ACK, SEGMENT_ACK,
		SEGMENT_ACK, SEGMENT_FIN | SEGMENT_ACK, SEGMENT_FIN | SEGMENT_ACK,
		SEGMENT_FIN | SEGMENT_ACK, SEGMENT_RST, SEGMENT_RST | SEGMENT_ACK,
	};
	static const uint32_t lens[] = { 0, 0, 0, 0, 1, 10, 10, 1460, 65536 };
	uint32_t choice = scatter(seed);
	struct segment s = {
		.seq = near(&f->end[from], seed),
		.ack = near(&f->end[fsm_self(f) ? 0 : !from], seed),
		.len = lens[scatter(seed) % (sizeof(lens) / sizeof(lens[0]))],
		.window = scatter(seed) % 3 ? 16384 : scatter(seed) % 2000,
		.flags = choice % 16 ? likely[choice / 16 % sizeof(likely)] : choice / 16 & 0x3f,
	};

	if (scatter(seed) % 8 == 0) {
		s.options = scatter(seed) & 7;
		s.wscale = scatter(seed) % (SEGMENT_WSCALE_MAX + 1);
		s.tsval = scatter(seed) % 1000;
		s.sack = near(&f->end[fsm_self(f) ? 0 : !from], seed);
	}
	s.end = s.seq + s.len + !!(s.flags & SEGMENT_SYN) + !!(s.flags & SEGMENT_FIN);
	return s;
}

static bool random_events(uint32_t seed, bool self)
{
	uint32_t start = seed;
	uint32_t state = seed;
	struct fsm f;

	fsm_init(&f, self);
	for (unsigned int i = 0; i < EVENTS; i++) {
		/* Most segments are whole: sent, then received. */
		unsigned int from = scatter(&state) & 1;
		struct segment s = random_segment(&f, from, &state);
		uint32_t sides = scatter(&state);

		for (unsigned int side = 0; side < 2; side++) {
			struct happening h = {
				.end = from ^ side, .received = side, .certain = sides & 2 << side,
			};
			const char *wrong;

			if (sides % 8 == side)
				continue;
			wrong = wrong_with(&f, &s, &h);
			if (wrong) {
				printf("# seed %#x%s, event %u, flags %#x, %s, %s %u: %s\n", start,
				       self ? ", self" : "", i, s.flags,
				       h.certain ? "certain" : "uncertain",
				       side ? "received by" : "sent by", h.end, wrong);
				return false;
			}
		}
	}
	return true;
}

static bool many_random_events(bool self)
{
	uint32_t seed = 0x9e3779b9;

	for (unsigned int i = 0; i < ROUNDS; i++)
		if (!random_events(scatter(&seed), self))
			return false;
	return true;
}

/* Every pair of states, as fsm_adopt() sets them, and every kind of event. */
static bool every_event(unsigned int mine, unsigned int theirs)
{
	static const uint32_t seqs[] = { -2, -1, 0, 1, 16384, 0x7fffffff, 0x80000000 };
	const struct fsm_facts me = {
		.nxt = 100, .una = 90, .rcv = 1000, .wup = 990, .edge = 1000 + 16384,
		.fin = has_sent_fin(mine),
	};
	const struct fsm_facts peer = {
		.nxt = 1000, .una = 990, .rcv = 100, .wup = 90, .edge = 100 + 16384,
		.fin = has_sent_fin(theirs),
	};
	struct fsm start;

	fsm_init(&start, false);
	fsm_adopt(&start, 0, mine, &me);
	fsm_adopt(&start, 1, theirs, &peer);
	for (unsigned int n = 0; n < 64 * 7 * 7 * 3 * 4; n++) {
		static const uint32_t lens[] = { 0, 1, 10 };
		struct happening h = { .received = n & 1, .certain = n & 2 };
		struct segment s = {
			.flags = n / 4 % 64, .len = lens[n / 256 % 3], .window = 16384,
			.seq = (h.received ? me.rcv : me.nxt) + seqs[n / 768 % 7],
			.ack = (h.received ? me.nxt : me.rcv) + seqs[n / 768 / 7],
		};
		struct fsm f = start;
		const char *wrong;

		s.end = s.seq + s.len + !!(s.flags & SEGMENT_SYN) + !!(s.flags & SEGMENT_FIN);
		wrong = wrong_with(&f, &s, &h);
		if (wrong) {
			printf("# %s and %s, flags %#x, seq %u, ack %u, %s, %s: %s\n",
			       fsm_name(mine), fsm_name(theirs), s.flags, s.seq, s.ack,
			       h.certain ? "certain" : "uncertain",
			       h.received ? "received" : "sent", wrong);
			return false;
		}
	}
	return true;
}

static bool every_pair(void)
{
	for (unsigned int n = 0; n < FSM_STATES * FSM_STATES; n++) {
		unsigned int mine = n / FSM_STATES, theirs = n % FSM_STATES;

		if (mine && mine != FSM_LISTEN && theirs && theirs != FSM_LISTEN &&
		    !every_event(mine, theirs))
			return false;
	}
	return true;
}

int main(void)
{
	tap_plan(3);
	tap_result(many_random_events(false), "%u random events (RFC 9293 3.3.2, figure 5)",
		   ROUNDS * EVENTS);
	tap_result(many_random_events(true), "%u random events of a socket connected to itself",
		   ROUNDS * EVENTS);
	tap_result(every_pair(), "every event in every pair of states (RFC 9293 3.3.2, figure 5)");
	return tap_exit();
}
