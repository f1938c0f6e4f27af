// SPDX-License-Identifier: GPL-2.0
/*
 * Eviction: which flow goes when there is no place for another.
 *
 * Of a small sample the one that is worth least, and among equals the one that
 * was silent for longest. Never one that is established, and never one with a
 * socket: local ends must equal their sockets, which the kernel bounds itself.
 *
 * WHOSE. A namespace at its own limit finds room among its own flows alone. So
 * does, among half-open ones, whoever forwards too many of them: were the
 * newcomer refused instead, a slow flood of SYNs would keep all others out for
 * as long as its flows take to expire. At a limit of all, a namespace of
 * another user namespace than the initial one takes the place of its like;
 * what the others have it cannot touch. These may take any flow's place.
 *
 * COST. A sample is bounded, and so are the samples of a second, those in vain
 * above all: a table full of established flows costs hardly more than a refusal.
 * Under a flood that is faster, chance decides who gets a place; what belongs to
 * no flow asks again with its next segment.
 */
#include <linux/jiffies.h>

#include "evict.h"
#include "flow.h"

#define SAMPLE_FLOWS	32	/* looked at, at most */
#define SAMPLE_BUCKETS	1024	/* 8 KiB; mostly empty where a limit is far below its size */
#define BUDGET_SECOND	16000	/* samples that a namespace has in a second, tick by tick */
#define BUDGET		DIV_ROUND_UP(BUDGET_SECOND, HZ)
#define VAIN		8	/* of these for one in vain */

/* Among which flows. */
enum scope {
	SCOPE_EMBRYONIC,	/* the namespace's half-open forwarded ones */
	SCOPE_OWN,		/* the namespace's */
	SCOPE_GUESTS,		/* those of all namespaces of other user namespaces */
	SCOPE_ALL,
};

/**
 * struct sample - a few flows, and which of them can go
 * @tn: the namespace that needs a place
 * @scope: whose flows count
 * @left: how many may still be looked at
 * @victim: the one so far, not locked
 * @worth: its worth
 * @silence: for how long it was silent, in jiffies
 */
struct sample {
	const struct tcpstate_net *tn;
	enum scope scope;
	unsigned int left;
	struct flow *victim;
	enum evict_worth worth;
	u32 silence;
};

static enum scope scope_of(const struct tcpstate_net *tn, enum limit limit)
{
	switch (limit) {
	case LIMIT_EMBRYONIC:
		return SCOPE_EMBRYONIC;
	case LIMIT_NETNS:
		return SCOPE_OWN;
	default:
		return netns_is_guest(tn) ? SCOPE_GUESTS : SCOPE_ALL;
	}
}

static bool in_scope(const struct flow *flow, const struct sample *s)
{
	switch (s->scope) {
	case SCOPE_EMBRYONIC:
		return flow->net == s->tn->net && flow->embryonic;
	case SCOPE_OWN:
		return flow->net == s->tn->net;
	case SCOPE_GUESTS:
		return netns_is_guest(flow_pernet(flow));
	default:
		return true;
	}
}

/* Of a locked flow: what is out of the table has no namespace any more. */
static enum evict_worth worth_of(const struct flow *flow, const struct sample *s)
{
	bool self = flow->class == CLASS_SELF;
	unsigned int e;

	lockdep_assert_held(&flow->lock);
	if (!in_scope(flow, s))
		return WORTH_KEEPING;
	/* It has a socket, or there may be one that did not tell of itself yet. */
	for (e = 0; flow->whole && e < 2; e++)
		if (flow->end[e].socket != SOCKET_NONE || flow->end[e].checking)
			return WORTH_KEEPING;
	return evict_worth(flow->shown[0], flow->shown[!self], flow_one_sided(flow));
}

static int look(struct flow *flow, void *sample)
{
	struct sample *s = sample;
	enum evict_worth worth;
	unsigned long flags;
	u32 silence;

	if (flow_relock(flow, &flags)) {
		worth = worth_of(flow, s);
		silence = (u32)jiffies - flow->seen;
		flow_unlock(flow, flags);
		if (evict_rather(worth, silence, s->worth, s->silence)) {
			s->victim = flow;
			s->worth = worth;
			s->silence = silence;
		}
	}
	return !--s->left;
}

/* Return: false if it has gone, or is worth more by now. */
static bool remove(struct flow *flow, const struct sample *s)
{
	unsigned long flags;
	bool removes;

	if (!flow_relock(flow, &flags))
		return false;
	removes = worth_of(flow, s) <= s->worth;
	if (removes) {
		netns_evicted(flow_pernet(flow));
		flow_remove(flow);
	}
	flow_unlock(flow, flags);
	return removes;
}

/* Others may spend at the same time: it is not exact. */
static bool is_spent(struct tcpstate_net *tn)
{
	u32 now = jiffies;

	if (READ_ONCE(tn->sampled) != now) {
		WRITE_ONCE(tn->sampled, now);
		WRITE_ONCE(tn->spent, 0);
	}
	return READ_ONCE(tn->spent) >= BUDGET;
}

/**
 * evict_for - let a flow go in favour of another one
 * @tn: the namespace of the other, which found no place
 * @limit: the one that is reached
 * @hash: of its key
 *
 * Any context, under RCU, no flow locked. Who asks again in another tick has
 * another sample.
 *
 * Return: whether one went; its place may be somebody else's already.
 */
bool evict_for(struct tcpstate_net *tn, enum limit limit, u32 hash)
{
	struct sample s = {
		.tn = tn,
		.scope = scope_of(tn, limit),
		.left = SAMPLE_FLOWS,
		.worth = WORTH_KEEPING,
		.silence = U32_MAX,
	};
	unsigned int mask = table_buckets() - 1, i;
	u32 first = hash + (u32)jiffies;
	bool removed;

	if (limit == LIMIT_DYING || is_spent(tn))
		return false;
	for (i = 0; i < SAMPLE_BUCKETS && i <= mask && s.left; i++)
		table_visit((first + i) & mask, look, &s);
	removed = s.victim && remove(s.victim, &s);
	WRITE_ONCE(tn->spent, READ_ONCE(tn->spent) + (removed ? 1 : VAIN));
	return removed;
}
