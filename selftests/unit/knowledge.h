/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a vantage point can know: of all worlds, those in which it would have
 * seen exactly what it saw.
 *
 * For each history that a vantage point can see, the set of worlds that agree
 * with it is followed beside the mirror that saw the same. The set knows nothing
 * of the engine, the engine nothing of the set.
 */
#ifndef TCPSTATE_KNOWLEDGE_H
#define TCPSTATE_KNOWLEDGE_H

#include "world.h"

/* Who looks. */
enum vantage {
	BOTH_HOSTS,		/* loopback: sees each end send and receive */
	HOST_A,
	HOST_B,
	MIDDLE,			/* sees whatever is sent; it may be lost behind it */
	MIDDLE_LOSSY,		/* sees what is not lost before it */
	VANTAGES,
};

/* Something seen: a segment received, then a segment sent; each may be missing. */
#define SEEN		0x80000000u
#define SEEN_DROPPED	0x40000000u

static inline uint32_t wire_code(const struct wire *s, bool dropped)
{
	return SEEN | (dropped ? SEEN_DROPPED : 0) | s->from << 29 | s->zero << 28 |
	       s->flags << 16 | s->len << 12 | s->seq << 6 | s->ack;
}

static inline struct wire code_wire(uint32_t code)
{
	return (struct wire){
		.from = code >> 29 & 1, .zero = code >> 28 & 1, .flags = code >> 16 & 0x3f,
		.len = code >> 12 & 15, .seq = code >> 6 & 0x3f, .ack = code & 0x3f,
	};
}

/**
 * look_at - what a vantage point sees of a move
 * @m: the move
 * @v: who looks
 * @seen: what: 0 for nothing
 *
 * Return: false if it takes the move for impossible.
 */
static inline bool look_at(const struct move *m, enum vantage v, uint64_t *seen)
{
	unsigned int host = v == HOST_B;
	uint32_t got = 0, sent = 0;

	if (v < MIDDLE) {
		if (m->has_sent && m->fate == IS_DROPPED)
			return false;
		if (m->has_got && (v == BOTH_HOSTS || m->got.from != host))
			got = wire_code(&m->got, false);
		if (m->has_sent && (v == BOTH_HOSTS || m->sent.from == host))
			sent = wire_code(&m->sent, false);
	} else if (m->has_sent && m->fate == IS_LOST) {
		if (v == MIDDLE)
			return false;
	} else if (m->has_sent) {
		sent = wire_code(&m->sent, m->fate == IS_DROPPED);
	}
	*seen = (uint64_t)got << 32 | sent;
	return true;
}

/**
 * struct set - worlds, by number
 * @id: sorted where it says so
 * @count: how many
 * @room: allocated
 */
struct set {
	uint32_t *id;
	uint32_t count;
	uint32_t room;
};

static inline void set_add(struct set *set, uint32_t id)
{
	if (set->count == set->room) {
		set->room = set->room ? 2 * set->room : 64;
		set->id = grow(set->id, set->room * sizeof(*set->id));
	}
	set->id[set->count++] = id;
}

/**
 * struct closure - a set and all that can follow from it unseen
 * @set: the worlds
 * @mark: of each world of the atlas, the last closure that it was in
 * @now: the number of this one
 */
struct closure {
	struct set set;
	uint32_t *mark;
	uint32_t now;
};

static inline void closure_add(struct closure *c, uint32_t id)
{
	if (c->mark[id] == c->now)
		return;
	c->mark[id] = c->now;
	set_add(&c->set, id);
}

static inline void closure_make(struct closure *c, const struct atlas *a, enum vantage v,
				const uint32_t *id, uint32_t count)
{
	c->set.count = 0;
	c->now++;
	for (uint32_t i = 0; i < count; i++)
		closure_add(c, id[i]);
	for (uint32_t i = 0; i < c->set.count; i++) {
		uint32_t world = c->set.id[i];

		for (uint32_t m = a->first[world]; m < a->first[world + 1]; m++) {
			uint64_t seen;

			if (look_at(&a->move[m], v, &seen) && !seen)
				closure_add(c, a->move[m].to);
		}
	}
}

/*
 * Facts of an endpoint, which only become more: it sent a SYN, received one,
 * had its own acknowledged; the same of the FIN; it is closed.
 */
enum {
	SENT_SYN = 0x01,
	GOT_SYN = 0x02,
	SYN_IS_ACKED = 0x04,
	SENT_FIN = 0x08,
	GOT_FIN = 0x10,
	FIN_IS_ACKED = 0x20,
	IS_OVER = 0x40,
	ALL_FACTS = 0x7f,
};

/* RFC 9293 3.3.2: what it means to be in a state. */
static const uint8_t facts_of_state[FSM_STATES] = {
	[SYN_SENT] = SENT_SYN,
	[SYN_RECV] = SENT_SYN | GOT_SYN,
	[ESTABLISHED] = SENT_SYN | GOT_SYN | SYN_IS_ACKED,
	[FIN_WAIT1] = SENT_SYN | GOT_SYN | SENT_FIN,
	[FIN_WAIT2] = SENT_SYN | GOT_SYN | SYN_IS_ACKED | SENT_FIN | FIN_IS_ACKED,
	[CLOSING] = SENT_SYN | GOT_SYN | SENT_FIN | GOT_FIN,
	[TIME_WAIT] = SENT_SYN | GOT_SYN | SYN_IS_ACKED | SENT_FIN | GOT_FIN | FIN_IS_ACKED |
		      IS_OVER,
	[CLOSE_WAIT] = SENT_SYN | GOT_SYN | SYN_IS_ACKED | GOT_FIN,
	[LAST_ACK] = SENT_SYN | GOT_SYN | SYN_IS_ACKED | GOT_FIN | SENT_FIN,
	[CLOSE] = IS_OVER,
};

static inline uint8_t facts_of(const struct rfc *end)
{
	uint8_t facts = end->been & BEEN_CLOSED ? IS_OVER : 0;

	for (unsigned int state = 1; state < FSM_STATES; state++)
		if (state != CLOSE && end->been >> state & 1)
			facts |= facts_of_state[state];
	return facts;
}

/**
 * struct known - what follows from a set of worlds
 * @pair: [state of A][state of B]: possible
 * @rest: possible when nothing is under way and nobody waits
 * @facts: [facts of A][facts of B]: possible
 * @certain: of each end, the facts that hold in all of them
 * @rests: some world is at rest
 */
struct known {
	bool pair[FSM_STATES][FSM_STATES];
	bool rest[FSM_STATES][FSM_STATES];
	bool facts[ALL_FACTS + 1][ALL_FACTS + 1];
	uint8_t certain[2];
	bool rests;
};

/* A listener is no endpoint of the connection yet. */
static inline uint8_t state_of(const struct rfc *end)
{
	return end->state == LISTEN ? CLOSE : end->state;
}

static inline void know(struct known *k, const struct atlas *a, const struct set *set)
{
	*k = (struct known){ .certain = { ALL_FACTS, ALL_FACTS } };
	for (uint32_t i = 0; i < set->count; i++) {
		const struct world *w = &a->world[set->id[i]];
		uint8_t one = state_of(&w->end[0]), other = state_of(&w->end[1]);
		uint8_t facts[2] = { facts_of(&w->end[0]), facts_of(&w->end[1]) };

		k->pair[one][other] = true;
		k->facts[facts[0]][facts[1]] = true;
		k->certain[0] &= facts[0];
		k->certain[1] &= facts[1];
		if (world_rests(w)) {
			k->rest[one][other] = true;
			if (one == TIME_WAIT)
				k->rest[CLOSE][other] = true;
			if (other == TIME_WAIT)
				k->rest[one][CLOSE] = true;
			if (one == TIME_WAIT && other == TIME_WAIT)
				k->rest[CLOSE][CLOSE] = true;
			k->rests = true;
		}
	}
}

#endif
