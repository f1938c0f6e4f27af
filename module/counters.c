// SPDX-License-Identifier: GPL-2.0
/*
 * Gauges and totals.
 *
 * One matrix of initiator state by responder state for each class holds every
 * gauge there is; a transition is one decrement and one increment in it and
 * one increment in the totals. Packets that move nothing touch none of it.
 *
 * Shards: transitions on different CPUs add to different memory; a few shards
 * rather than one per CPU keep a thousand namespaces affordable. They come in
 * atomic context, with a namespace's first flow.
 */
#include <linux/cpumask.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "counters.h"

static unsigned int shard_index(void)
{
	return raw_smp_processor_id() % min_t(unsigned int, nr_cpu_ids, COUNTERS_SHARDS_MAX);
}

/* Any shard serves: they are only ever read as a sum. The caller knows that one exists. */
static struct counters_shard *shard_get(struct counters *c)
{
	struct counters_shard *s = READ_ONCE(c->shard[shard_index()]);
	unsigned int i;

	for (i = 0; !s && i < COUNTERS_SHARDS_MAX; i++)
		s = READ_ONCE(c->shard[i]);
	return s;
}

/**
 * counters_ready - make sure that a flow can be counted
 * @c: the namespace's counters
 *
 * Called before a flow is created, so that no later step can fail. Atomic
 * context. Return: false if there is no memory for the first shard.
 */
bool counters_ready(struct counters *c)
{
	struct counters_shard **slot = &c->shard[shard_index()];
	struct counters_shard *s;

	BUILD_BUG_ON(sizeof(*s) > 8192);
	if (likely(READ_ONCE(*slot)))
		return true;
	s = kzalloc(sizeof(*s), GFP_ATOMIC | __GFP_NOWARN);
	if (s && cmpxchg(slot, NULL, s))
		kfree(s);
	return shard_get(c);
}

/**
 * counters_free - give the shards back
 * @c: the namespace's counters, which nobody uses any more
 */
void counters_free(struct counters *c)
{
	unsigned int i;

	for (i = 0; i < COUNTERS_SHARDS_MAX; i++)
		kfree(c->shard[i]);
}

/**
 * counters_column - where an end is counted
 * @class: its flow's class
 * @initiator: whether it is the initiator
 *
 * Return: the column; %COLUMN_NONE for the end that a self-connected flow lacks.
 */
enum counters_column counters_column(enum flow_class class, bool initiator)
{
	switch (class) {
	case CLASS_LOCAL_INITIATOR:
		return initiator ? COLUMN_LOCAL : COLUMN_REMOTE;
	case CLASS_LOCAL_RESPONDER:
		return initiator ? COLUMN_REMOTE : COLUMN_LOCAL;
	case CLASS_LOOPBACK:
		return COLUMN_LOCAL;
	case CLASS_SELF:
		return initiator ? COLUMN_LOCAL : COLUMN_NONE;
	default:
		return initiator ? COLUMN_FORWARDED_INITIATOR : COLUMN_FORWARDED_RESPONDER;
	}
}

static void count_ends(atomic64_t *total, enum flow_class class)
{
	enum counters_column responder = counters_column(class, false);

	atomic64_inc(&total[counters_column(class, true)]);
	if (responder != COLUMN_NONE)
		atomic64_inc(&total[responder]);
}

/**
 * counters_born - count a new flow, both ends in close
 * @c: the namespace's counters, after counters_ready()
 * @class: the flow's class
 */
void counters_born(struct counters *c, enum flow_class class)
{
	struct counters_shard *s = shard_get(c);

	count_ends(s->born, class);
	atomic_inc(&s->pairs[class][FSM_CLOSE][FSM_CLOSE]);
}

/**
 * counters_gone - count a flow's removal, both ends in close
 * @c: the namespace's counters
 * @class: the flow's class
 */
void counters_gone(struct counters *c, enum flow_class class)
{
	struct counters_shard *s = shard_get(c);

	count_ends(s->left, class);
	atomic_dec(&s->pairs[class][FSM_CLOSE][FSM_CLOSE]);
}

/**
 * counters_reclass - a flow changed its class or roles, no end its column
 * @c: the namespace's counters
 * @from: class so far
 * @to: class from now on
 * @initiator: state of the initiator so far
 * @responder: state of the responder so far
 * @swap: the two exchange their roles
 */
void counters_reclass(struct counters *c, enum flow_class from, enum flow_class to,
		      u8 initiator, u8 responder, bool swap)
{
	struct counters_shard *s = shard_get(c);

	atomic_dec(&s->pairs[from][initiator][responder]);
	if (swap)
		atomic_inc(&s->pairs[to][responder][initiator]);
	else
		atomic_inc(&s->pairs[to][initiator][responder]);
}

/**
 * counters_move - count one transition
 * @c: the namespace's counters
 * @class: the flow's class
 * @initiator: whether it is the initiator that moved
 * @from: its state so far
 * @to: its state from now on
 * @other: the other end's state; ignored where there is no other end
 *
 * Any context, under the flow's lock.
 */
void counters_move(struct counters *c, enum flow_class class, bool initiator,
		   u8 from, u8 to, u8 other)
{
	struct counters_shard *s = shard_get(c);

	atomic64_inc(&s->moved[counters_column(class, initiator)][from][to]);
	if (class == CLASS_SELF) {
		atomic_dec(&s->pairs[class][from][from]);
		atomic_inc(&s->pairs[class][to][to]);
	} else if (initiator) {
		atomic_dec(&s->pairs[class][from][other]);
		atomic_inc(&s->pairs[class][to][other]);
	} else {
		atomic_dec(&s->pairs[class][other][from]);
		atomic_inc(&s->pairs[class][other][to]);
	}
}

/**
 * counters_timewait - a timewait socket became an end, or went
 * @c: the namespace's counters, after counters_ready()
 * @n: 1 or -1
 */
void counters_timewait(struct counters *c, int n)
{
	atomic_add(n, &shard_get(c)->timewaits);
}

/**
 * counters_listen - count a listening socket
 * @c: the namespace's counters
 * @begins: it begins to listen, or ends
 *
 * The end of one that began unseen cannot be told from another's: the gauge
 * is right where the namespace is complete, and never negative.
 */
void counters_listen(struct counters *c, bool begins)
{
	atomic_inc(&c->told);
	if (begins) {
		atomic_inc(&c->listening);
		atomic64_inc(&c->listened);
	} else {
		atomic_dec_if_positive(&c->listening);
	}
}

/**
 * counters_listening - so many listening sockets were found
 * @c: the namespace's counters
 * @n: how many
 *
 * One after the other. Return: whether that is what had been counted, and none
 * told of itself since the last time.
 */
bool counters_listening(struct counters *c, unsigned int n)
{
	int told = atomic_read(&c->told);
	int before = atomic_read(&c->listening);
	bool rests = told == c->heard && before == n;

	c->heard = told;
	if (before == n)
		return rests;
	if (n > before)
		atomic64_add(n - before, &c->listened);
	atomic_set(&c->listening, n);
	return false;
}

/**
 * counters_deafen - listening sockets are not watched any more
 * @c: the namespace's counters
 */
void counters_deafen(struct counters *c)
{
	atomic_set(&c->listening, 0);
}

/**
 * counters_timewaits - how many local ends a timewait socket holds
 * @c: the namespace's counters
 */
int counters_timewaits(const struct counters *c)
{
	unsigned int i;
	int n = 0;

	for (i = 0; i < COUNTERS_SHARDS_MAX; i++) {
		const struct counters_shard *s = READ_ONCE(c->shard[i]);

		if (s)
			n += atomic_read(&s->timewaits);
	}
	return n;
}

/**
 * counters_local - local endpoints in a state now
 * @c: the namespace's counters
 * @state: enum fsm_state, not listen
 *
 * What counters_gauge() says of %COLUMN_LOCAL, for a fraction of the reads.
 */
int counters_local(const struct counters *c, u8 state)
{
	unsigned int i;
	int n = 0;
	u8 other;

	for (i = 0; i < COUNTERS_SHARDS_MAX; i++) {
		const struct counters_shard *s = READ_ONCE(c->shard[i]);

		for (other = 0; s && other < FSM_STATES; other++)
			n += atomic_read(&s->pairs[CLASS_LOCAL_INITIATOR][state][other]) +
			     atomic_read(&s->pairs[CLASS_LOCAL_RESPONDER][other][state]) +
			     atomic_read(&s->pairs[CLASS_LOOPBACK][state][other]) +
			     atomic_read(&s->pairs[CLASS_LOOPBACK][other][state]) +
			     atomic_read(&s->pairs[CLASS_SELF][state][other]);
	}
	return n;
}

/**
 * counters_read - add the shards up
 * @c: the namespace's counters
 * @sum: filled whole
 *
 * Costs the same for any number of flows. Transitions under way on other
 * CPUs may be half in it; at rest it is exact.
 */
void counters_read(const struct counters *c, struct counters_sum *sum)
{
	u64 listened = atomic64_read(&c->listened), ended;
	unsigned int i, a, b, k;

	memset(sum, 0, sizeof(*sum));
	for (i = 0; i < COUNTERS_SHARDS_MAX; i++) {
		const struct counters_shard *s = READ_ONCE(c->shard[i]);

		if (!s)
			continue;
		for (a = 0; a < FSM_STATES; a++) {
			for (b = 0; b < FSM_STATES; b++) {
				for (k = 0; k < CLASSES; k++)
					sum->pairs[k][a][b] += atomic_read(&s->pairs[k][a][b]);
				for (k = 0; k < COLUMNS; k++)
					sum->moved[k][a][b] += atomic64_read(&s->moved[k][a][b]);
			}
		}
		for (k = 0; k < COLUMNS; k++) {
			sum->born[k] += atomic64_read(&s->born[k]);
			sum->left[k] += atomic64_read(&s->left[k]);
		}
	}
	sum->listening = atomic_read(&c->listening);
	/* One may begin between the two reads. */
	ended = listened > sum->listening ? listened - sum->listening : 0;
	sum->born[COLUMN_LOCAL] += listened;
	sum->moved[COLUMN_LOCAL][FSM_CLOSE][FSM_LISTEN] = listened;
	sum->moved[COLUMN_LOCAL][FSM_LISTEN][FSM_CLOSE] = ended;
	sum->left[COLUMN_LOCAL] += ended;
}

/* The number of initiators (or responders) of one class in one state. */
static s64 gauge_of(const struct counters_sum *sum, enum flow_class class, bool initiator, u8 state)
{
	s64 n = 0;
	u8 other;

	for (other = 0; other < FSM_STATES; other++)
		n += initiator ? sum->pairs[class][state][other] : sum->pairs[class][other][state];
	return n;
}

static u64 not_negative(s64 n)
{
	return n < 0 ? 0 : n;
}

/**
 * counters_pairs - flows in a pair of states
 * @sum: from counters_read()
 * @path: their path
 * @row: state of the local end; loopback and forwarded: of the initiator
 * @column: state of the other end
 */
u64 counters_pairs(const struct counters_sum *sum, enum tcpstate_path path, u8 row, u8 column)
{
	s64 n;

	switch (path) {
	case TCPSTATE_PATH_LOCAL:
		n = sum->pairs[CLASS_LOCAL_INITIATOR][row][column] +
		    sum->pairs[CLASS_LOCAL_RESPONDER][column][row];
		break;
	case TCPSTATE_PATH_LOOPBACK:
		n = sum->pairs[CLASS_LOOPBACK][row][column] + sum->pairs[CLASS_SELF][row][column];
		break;
	default:
		n = sum->pairs[CLASS_FORWARDED][row][column];
	}
	return max_t(s64, n, 0);
}

/**
 * counters_gauge - endpoints in a state now
 * @sum: what counters_read() gave
 * @column: whose
 * @state: enum fsm_state
 */
u64 counters_gauge(const struct counters_sum *sum, enum counters_column column, u8 state)
{
	enum flow_class class;
	s64 n = 0;

	if (column == COLUMN_LOCAL && state == FSM_LISTEN)
		return sum->listening;
	for (class = 0; class < CLASSES; class++) {
		if (counters_column(class, true) == column)
			n += gauge_of(sum, class, true, state);
		if (counters_column(class, false) == column)
			n += gauge_of(sum, class, false, state);
	}
	return not_negative(n);
}

/**
 * counters_initiators - local endpoints in a state that opened their connection
 * @sum: what counters_read() gave
 * @state: enum fsm_state
 */
u64 counters_initiators(const struct counters_sum *sum, u8 state)
{
	return not_negative(gauge_of(sum, CLASS_LOCAL_INITIATOR, true, state) +
			    gauge_of(sum, CLASS_LOOPBACK, true, state) +
			    gauge_of(sum, CLASS_SELF, true, state));
}

/**
 * counters_entered - how often a state was entered, births counting for close
 * @sum: what counters_read() gave
 * @column: whose
 * @state: enum fsm_state
 */
u64 counters_entered(const struct counters_sum *sum, enum counters_column column, u8 state)
{
	u64 n = state == FSM_CLOSE ? sum->born[column] : 0;
	u8 from;

	for (from = 0; from < FSM_STATES; from++)
		n += sum->moved[column][from][state];
	return n;
}

/**
 * counters_self - flows whose one socket is connected to itself
 * @sum: what counters_read() gave
 */
u64 counters_self(const struct counters_sum *sum)
{
	s64 n = 0;
	u8 state;

	for (state = 0; state < FSM_STATES; state++)
		n += gauge_of(sum, CLASS_SELF, true, state);
	return not_negative(n);
}
