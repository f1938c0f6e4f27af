/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two naive endpoints and a network that loses, repeats and reorders: every
 * world that they can come to, and every move from one to the next.
 */
#ifndef TCPSTATE_WORLD_H
#define TCPSTATE_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rfc.h"

#define POOL	4

/* Where a segment is: before the middle of the way, or behind it. */
enum { UPSTREAM, DOWNSTREAM };

/**
 * struct world - everything at one moment
 * @end: the endpoints
 * @pool: what is under way, sorted: the order in which it was sent means nothing
 * @packets: how much that is
 * @losses: how many segments the network may still lose
 * @copies: how many it may still repeat
 * @drops: how many the router's rules may still drop
 */
struct world {
	struct rfc end[2];
	struct wire pool[POOL];
	uint8_t packets;
	uint8_t losses;
	uint8_t copies;
	uint8_t drops;
};

/* What becomes of a segment that is sent, or that reaches the middle. */
enum fate { PASSES, IS_LOST, IS_DROPPED };

/**
 * struct move - one thing that happens
 * @got: the segment that is received, if any (@has_got)
 * @sent: the segment that is sent, or reaches the middle, if any (@has_sent)
 * @fate: what becomes of @sent
 * @from: the world before
 * @to: the world after
 * @has_got: there is a @got
 * @has_sent: there is a @sent
 */
struct move {
	struct wire got;
	struct wire sent;
	enum fate fate;
	uint32_t from;
	uint32_t to;
	bool has_got;
	bool has_sent;
};

/**
 * struct scope - where it begins and how far it may go
 * @start: the first world
 * @opens: which ends may open actively
 * @delayed: segments wait on both sides of the middle, not only behind it
 */
struct scope {
	struct world start;
	bool opens[2];
	bool delayed;
};

/**
 * struct atlas - all worlds of a scope
 * @scope: whose
 * @world: the worlds
 * @worlds: how many
 * @first: of each world, its first move in @move; one more than @worlds
 * @move: the moves
 * @moves: how many
 * @slot: hash table of the worlds
 * @slots: its size
 * @room: allocated worlds
 * @move_room: allocated moves
 */
struct atlas {
	const struct scope *scope;
	struct world *world;
	uint32_t worlds;
	uint32_t *first;
	struct move *move;
	uint32_t moves;
	uint32_t *slot;
	uint32_t slots;
	uint32_t room;
	uint32_t move_room;
};

static inline void *grow(void *old, size_t size)
{
	void *new = size ? realloc(old, size) : NULL;

	if (!new) {
		fprintf(stderr, "out of memory\n");
		exit(1);
	}
	return new;
}

static inline uint64_t hash_bytes(const void *bytes, size_t size, uint64_t hash)
{
	const unsigned char *byte = bytes;

	while (size--)
		hash = (hash ^ *byte++) * 0x100000001b3;
	return hash ^ hash >> 29;
}

static inline void atlas_rehash(struct atlas *a)
{
	a->slots = a->slots ? 2 * a->slots : 1 << 12;
	a->slot = grow(a->slot, a->slots * sizeof(*a->slot));
	memset(a->slot, 0xff, a->slots * sizeof(*a->slot));
	for (uint32_t i = 0; i < a->worlds; i++) {
		uint32_t at = hash_bytes(&a->world[i], sizeof(*a->world), 1) & (a->slots - 1);

		while (a->slot[at] != UINT32_MAX)
			at = (at + 1) & (a->slots - 1);
		a->slot[at] = i;
	}
}

/* The number of a world, which may be a new one. */
static inline uint32_t atlas_find(struct atlas *a, const struct world *w)
{
	uint32_t at;

	if (2 * a->worlds >= a->slots)
		atlas_rehash(a);
	at = hash_bytes(w, sizeof(*w), 1) & (a->slots - 1);
	for (; a->slot[at] != UINT32_MAX; at = (at + 1) & (a->slots - 1))
		if (!memcmp(&a->world[a->slot[at]], w, sizeof(*w)))
			return a->slot[at];
	if (a->worlds == a->room) {
		a->room = a->room ? 2 * a->room : 1 << 12;
		a->world = grow(a->world, a->room * sizeof(*a->world));
	}
	a->slot[at] = a->worlds;
	a->world[a->worlds] = *w;
	return a->worlds++;
}

static inline void atlas_move(struct atlas *a, const struct move *move, const struct world *after)
{
	if (a->moves == a->move_room) {
		a->move_room = a->move_room ? 2 * a->move_room : 1 << 14;
		a->move = grow(a->move, a->move_room * sizeof(*a->move));
	}
	a->move[a->moves] = *move;
	a->move[a->moves++].to = atlas_find(a, after);
}

static inline bool world_put(struct world *w, const struct wire *s)
{
	unsigned int i = w->packets;

	if (i == POOL)
		return false;
	for (; i && memcmp(&w->pool[i - 1], s, sizeof(*s)) > 0; i--)
		w->pool[i] = w->pool[i - 1];
	w->pool[i] = *s;
	w->packets++;
	return true;
}

static inline void world_take(struct world *w, unsigned int i)
{
	w->packets--;
	memmove(&w->pool[i], &w->pool[i + 1], (w->packets - i) * sizeof(*w->pool));
	memset(&w->pool[w->packets], 0, sizeof(*w->pool));
}

/*
 * @sent leaves its sender, or the middle, and has any of the fates. A SYN, FIN
 * or RST is seen before the router drops it; of everything else only what
 * passes is, so that a drop is a loss.
 */
static inline void move_sent(struct atlas *a, struct move *move, const struct world *after)
{
	struct world w = *after;

	move->has_sent = true;
	move->fate = PASSES;
	/* What the network has no room for is lost behind the middle. */
	world_put(&w, &move->sent);
	atlas_move(a, move, &w);
	if (after->losses) {
		w = *after;
		w.losses--;
		move->fate = IS_LOST;
		atlas_move(a, move, &w);
	}
	if (after->drops && move->sent.flags & (SYN | FIN | RST)) {
		w = *after;
		w.drops--;
		move->fate = IS_DROPPED;
		atlas_move(a, move, &w);
	}
}

/* An endpoint sends. */
static inline void move_send(struct atlas *a, struct move *move, struct world *w, unsigned int e,
			     struct wire s)
{
	s.from = e;
	s.stage = a->scope->delayed ? UPSTREAM : DOWNSTREAM;
	move->sent = s;
	if (!a->scope->delayed) {
		move_sent(a, move, w);
	} else if (world_put(w, &s)) {
		/* Nothing that the middle sees: it does when it passes. */
		atlas_move(a, move, w);
	}
}

/* What its user or its timers make an endpoint do. */
static inline void moves_of_end(struct atlas *a, uint32_t from, unsigned int e)
{
	const struct world before = a->world[from];
	const struct rfc *was = &before.end[e];
	struct move move = { .from = from };
	struct world w;

	if (was->state == CLOSE && !was->been && a->scope->opens[e]) {
		w = before;
		move_send(a, &move, &w, e, rfc_open(&w.end[e]));
	}
	if (rfc_may_send(was)) {
		w = before;
		move_send(a, &move, &w, e, rfc_send(&w.end[e], 1, false));
	}
	if (rfc_may_close(was)) {
		w = before;
		move_send(a, &move, &w, e, rfc_send(&w.end[e], 0, true));
		if (rfc_may_send(was)) {
			w = before;
			move_send(a, &move, &w, e, rfc_send(&w.end[e], 1, true));
		}
	}
	if (rfc_may_abort(was)) {
		w = before;
		move_send(a, &move, &w, e, rfc_abort(&w.end[e]));
	}
	if (was->owes || rfc_may_ack(was)) {
		w = before;
		w.end[e].acks -= !was->owes;
		move_send(a, &move, &w, e, rfc_make(&w.end[e], ACK, was->nxt, 0));
	}
	if (rfc_may_repeat(was)) {
		w = before;
		move_send(a, &move, &w, e, rfc_repeat(&w.end[e], false));
		if (was->una && was->nxt - was->una > 1) {
			w = before;
			move_send(a, &move, &w, e, rfc_repeat(&w.end[e], true));
		}
	}
}

static inline void move_receive(struct atlas *a, struct move *move, struct world *w,
				const struct wire *s)
{
	struct wire answer;

	move->got = *s;
	move->has_got = true;
	if (rfc_receive(&w->end[!s->from], s, &answer))
		move_send(a, move, w, !s->from, answer);
	else
		atlas_move(a, move, w);
}

/* What the network does with one segment. */
static inline void moves_of_packet(struct atlas *a, uint32_t from, unsigned int i)
{
	const struct world before = a->world[from];
	struct wire s = before.pool[i];
	bool up = s.stage == UPSTREAM;

	/* Identical segments have the same future. */
	if (i && !memcmp(&before.pool[i - 1], &s, sizeof(s)))
		return;
	s.stage = DOWNSTREAM;
	for (unsigned int copy = 0; copy < 2; copy++) {
		struct move move = { .from = from };
		struct world w = before;

		if (copy && !before.copies)
			break;
		if (copy)
			w.copies--;
		else
			world_take(&w, i);
		if (up) {
			move.sent = s;
			move_sent(a, &move, &w);
		} else {
			move_receive(a, &move, &w, &s);
		}
	}
	if (before.losses) {
		struct move move = { .from = from };
		struct world w = before;

		w.losses--;
		world_take(&w, i);
		atlas_move(a, &move, &w);
	}
}

/* Finds them all. */
static inline void atlas_make(struct atlas *a, const struct scope *scope)
{
	uint32_t room = 0;

	*a = (struct atlas){ .scope = scope };
	atlas_find(a, &scope->start);
	for (uint32_t i = 0; i < a->worlds; i++) {
		if (i + 2 > room) {
			room = 2 * (i + 2);
			a->first = grow(a->first, room * sizeof(*a->first));
		}
		a->first[i] = a->moves;
		for (unsigned int e = 0; e < 2; e++)
			moves_of_end(a, i, e);
		for (unsigned int p = 0; p < a->world[i].packets; p++)
			moves_of_packet(a, i, p);
		a->first[i + 1] = a->moves;
	}
}

/* In how many ways it can go on from a world; no world comes again. */
static inline double atlas_ways(const struct atlas *a, uint32_t world, double *ways)
{
	if (!ways[world])
		for (uint32_t m = a->first[world]; m < a->first[world + 1]; m++)
			ways[world] += atlas_ways(a, a->move[m].to, ways);
	if (!ways[world])
		ways[world] = 1;
	return ways[world];
}

static inline void atlas_free(struct atlas *a)
{
	free(a->world);
	free(a->first);
	free(a->move);
	free(a->slot);
}

static inline bool world_rests(const struct world *w)
{
	return !w->packets && rfc_rests(&w->end[0]) && rfc_rests(&w->end[1]);
}

#endif
