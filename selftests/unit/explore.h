/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Follows a vantage point through all that it can see, the mirror beside what
 * can be known.
 */
#ifndef TCPSTATE_EXPLORE_H
#define TCPSTATE_EXPLORE_H

#include "knowledge.h"

/**
 * struct node - after some history
 * @mirror: the engine
 * @history: what was seen, by number
 * @first: its worlds, in the level's list
 * @count: how many
 * @midway: the vantage point came after the beginning
 * @born: the mirror's end was something else than CLOSE
 * @syns: SYNs that the end was seen to send; 2 is many
 * @fins: FINs likewise
 */
struct node {
	struct fsm mirror;
	uint32_t history;
	uint32_t first;
	uint32_t count;
	bool midway;
	bool born[2];
	uint8_t syns[2];
	uint8_t fins[2];
};

/* What was seen last, and the history before it. */
struct history {
	uint64_t seen;
	uint32_t before;
};

/* All nodes with histories of one length. */
struct level {
	struct node *node;
	uint32_t nodes;
	uint32_t room;
	struct set worlds;
};

/* Where something that is seen may lead. */
struct sight {
	uint64_t seen;
	uint32_t to;
};

/**
 * struct search - one vantage point in one atlas
 * @a: the atlas
 * @v: who looks
 * @judge: told of each node what can be known there
 * @arg: for @judge
 * @depth: the longest history
 * @nodes: how many were judged
 * @closure: scratch
 * @level: the nodes of this length and the next
 * @history: all of it
 * @histories: how many
 * @history_room: allocated
 * @old: hashes of all nodes that were seen
 * @old_slots: size of that table
 * @old_count: how many are in it
 * @sight: scratch
 * @sights: how many
 * @sight_room: allocated
 */
struct search {
	const struct atlas *a;
	enum vantage v;
	void (*judge)(struct search *se, const struct node *n, const struct known *k);
	void *arg;
	unsigned int depth;
	uint64_t nodes;
	struct closure closure;
	struct level level[2];
	struct history *history;
	uint32_t histories;
	uint32_t history_room;
	uint64_t *old;
	uint32_t old_slots;
	uint32_t old_count;
	struct sight *sight;
	uint32_t sights;
	uint32_t sight_room;
};

/* Initial sequence numbers: 2^31 is near. */
static inline uint32_t initial(unsigned int e)
{
	return e ? 0x7ffffffc : 0x7ffffffd;
}

static inline struct segment segment_of(const struct wire *s)
{
	uint32_t seq = s->zero ? 0 : initial(s->from) + s->seq;

	return (struct segment){
		.seq = seq, .end = seq + s->len + !!(s->flags & SYN) + !!(s->flags & FIN),
		.ack = s->flags & ACK ? initial(!s->from) + s->ack : 0,
		.len = s->len, .flags = s->flags, .window = 16384,
	};
}

static inline bool is_at(enum vantage v, unsigned int e)
{
	return v == BOTH_HOSTS || v == (e ? HOST_B : HOST_A);
}

static inline void note_births(struct node *n, const struct fsm_result *r)
{
	for (unsigned int i = 0; i < r->steps; i++)
		n->born[r->step[i].end] |= r->step[i].to != CLOSE;
}

static inline void event(struct node *n, unsigned int e, const struct wire *w, bool certain,
			 bool received)
{
	struct segment s = segment_of(w);
	struct fsm_result r;

	if (n->midway && !n->born[0] && !n->born[1] && !received &&
	    fsm_pickup(&n->mirror, e, &s, &r))
		note_births(n, &r);
	if (received)
		fsm_received(&n->mirror, e, &s, certain, &r);
	else
		fsm_sent(&n->mirror, e, &s, certain, &r);
	note_births(n, &r);
	if (received)
		return;
	n->syns[e] += w->flags & SYN && n->syns[e] < 2;
	n->fins[e] += w->flags & FIN && n->fins[e] < 2;
}

/* Shows the mirror what was seen, as the hooks do. */
static inline void show(struct node *n, enum vantage v, uint64_t seen)
{
	if (seen >> 32) {
		struct wire w = code_wire(seen >> 32);

		if (!is_at(v, w.from))
			event(n, w.from, &w, false, false);
		event(n, !w.from, &w, true, true);
	}
	if ((uint32_t)seen) {
		struct wire w = code_wire(seen);

		event(n, w.from, &w, is_at(v, w.from), false);
		if (!is_at(v, !w.from) && !(seen & SEEN_DROPPED))
			event(n, !w.from, &w, false, true);
	}
}

static inline void tell_one(const char *what, uint32_t code)
{
	struct wire s = code_wire(code);

	printf(" %c%s%s%s%s%s %u+%u", "AB"[s.from], what, s.flags & SYN ? "S" : "",
	       s.flags & FIN ? "F" : "", s.flags & RST ? "R" : "", s.flags & ACK ? "A" : "",
	       s.seq, s.len);
	if (s.flags & ACK)
		printf("/%u", s.ack);
	printf("%s,", code & SEEN_DROPPED ? " dropped" : "");
}

/* Prints a history: who, what, the number, the length and the acknowledgment. */
static inline void tell(const struct search *se, uint32_t h)
{
	uint64_t seen = se->history[h].seen;

	if (h)
		tell(se, se->history[h].before);
	if (seen >> 32)
		tell_one(" arrives ", seen >> 32);
	if ((uint32_t)seen)
		tell_one(" sends ", (uint32_t)seen);
}

static inline uint32_t remember(struct search *se, uint64_t seen, uint32_t before)
{
	if (se->histories == se->history_room) {
		se->history_room = se->history_room ? 2 * se->history_room : 1024;
		se->history = grow(se->history, se->history_room * sizeof(*se->history));
	}
	se->history[se->histories] = (struct history){ seen, before };
	return se->histories++;
}

/* The same worlds and the same mirror have the same future, whatever led there. */
static inline bool is_new(struct search *se, uint64_t hash)
{
	uint32_t at;

	hash |= 1;
	if (2 * se->old_count >= se->old_slots) {
		uint32_t slots = se->old_slots;
		uint64_t *was = se->old;

		se->old_slots = slots ? 2 * slots : 1 << 12;
		se->old = grow(NULL, se->old_slots * sizeof(*se->old));
		memset(se->old, 0, se->old_slots * sizeof(*se->old));
		se->old_count = 0;
		for (uint32_t i = 0; i < slots; i++)
			if (was[i])
				is_new(se, was[i]);
		free(was);
	}
	at = hash >> 16 & (se->old_slots - 1);
	for (; se->old[at]; at = (at + 1) & (se->old_slots - 1))
		if (se->old[at] == hash)
			return false;
	se->old[at] = hash;
	se->old_count++;
	return true;
}

static inline int by_sight(const void *one, const void *other)
{
	const struct sight *a = one, *b = other;

	if (a->seen != b->seen)
		return a->seen < b->seen ? -1 : 1;
	return a->to < b->to ? -1 : a->to > b->to;
}

/* Everything that may be seen next, in order. */
static inline void collect_sights(struct search *se)
{
	const struct set *set = &se->closure.set;
	const struct atlas *a = se->a;

	se->sights = 0;
	for (uint32_t i = 0; i < set->count; i++) {
		uint32_t world = set->id[i];

		for (uint32_t m = a->first[world]; m < a->first[world + 1]; m++) {
			uint64_t seen;

			if (!look_at(&a->move[m], se->v, &seen) || !seen)
				continue;
			if (se->sights == se->sight_room) {
				se->sight_room = se->sight_room ? 2 * se->sight_room : 1024;
				se->sight = grow(se->sight, se->sight_room * sizeof(*se->sight));
			}
			se->sight[se->sights++] = (struct sight){ seen, a->move[m].to };
		}
	}
	qsort(se->sight, se->sights, sizeof(*se->sight), by_sight);
}

static inline void add_node(struct level *level, const struct node *n)
{
	if (level->nodes == level->room) {
		level->room = level->room ? 2 * level->room : 1024;
		level->node = grow(level->node, level->room * sizeof(*level->node));
	}
	level->node[level->nodes++] = *n;
}

static inline void expand(struct search *se, const struct node *n, const struct level *here,
			  struct level *next)
{
	struct known k;

	closure_make(&se->closure, se->a, se->v, &here->worlds.id[n->first], n->count);
	know(&k, se->a, &se->closure.set);
	se->nodes++;
	se->judge(se, n, &k);
	collect_sights(se);
	for (uint32_t i = 0; i < se->sights; ) {
		uint64_t seen = se->sight[i].seen;
		struct node new = *n;
		uint64_t hash;

		new.first = next->worlds.count;
		for (; i < se->sights && se->sight[i].seen == seen; i++)
			if (next->worlds.count == new.first ||
			    next->worlds.id[next->worlds.count - 1] != se->sight[i].to)
				set_add(&next->worlds, se->sight[i].to);
		new.count = next->worlds.count - new.first;
		show(&new, se->v, seen);
		hash = hash_bytes(new.mirror.end, sizeof(new.mirror.end), 1);
		hash = hash_bytes(new.syns, sizeof(new.syns), hash);
		hash = hash_bytes(new.fins, sizeof(new.fins), hash);
		hash = hash_bytes(&next->worlds.id[new.first], new.count * sizeof(uint32_t), hash);
		if (is_new(se, hash)) {
			new.history = remember(se, seen, n->history);
			add_node(next, &new);
		} else {
			next->worlds.count = new.first;
		}
	}
}

/* From the first world, or from any, and what the mirror shows there, as far as it goes. */
static inline void search(struct search *se, const struct node *start)
{
	struct node n = *start;

	se->closure.mark = grow(NULL, se->a->worlds * sizeof(*se->closure.mark));
	memset(se->closure.mark, 0, se->a->worlds * sizeof(*se->closure.mark));
	n.history = remember(se, 0, 0);
	n.first = 0;
	n.count = n.midway ? se->a->worlds : 1;
	for (uint32_t i = 0; i < n.count; i++)
		set_add(&se->level[0].worlds, i);
	add_node(&se->level[0], &n);
	for (; se->level[se->depth & 1].nodes; se->depth++) {
		struct level *here = &se->level[se->depth & 1];
		struct level *next = &se->level[!(se->depth & 1)];

		next->nodes = 0;
		next->worlds.count = 0;
		for (uint32_t i = 0; i < here->nodes; i++)
			expand(se, &here->node[i], here, next);
	}
	for (unsigned int i = 0; i < 2; i++) {
		free(se->level[i].node);
		free(se->level[i].worlds.id);
	}
	free(se->closure.mark);
	free(se->closure.set.id);
	free(se->history);
	free(se->old);
	free(se->sight);
}

#endif
