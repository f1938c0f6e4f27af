// SPDX-License-Identifier: GPL-2.0
/*
 * Flows: how they begin, change and end.
 */
#include <linux/percpu.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "flow.h"
#include "table.h"

/* Flows are counted by their caches. Until 6.5 it takes a flag that keeps kmemleak away, too. */
#ifndef SLAB_NO_MERGE
#define SLAB_NO_MERGE	SLAB_NOLEAKTRACE
#endif

/* A forwarded flow of IPv4 has no addresses of IPv6 and no sockets. */
#define FLOW_CUT	offsetof(struct flow, addr)
/* Divides it: no place is lost, and no flow lies in more lines than it must. */
#define FLOW_ALIGN	32

static DEFINE_PER_CPU(u32, serial);	/* of the last connection that began there */
static struct kmem_cache *cache __read_mostly;		/* of whole flows */
static struct kmem_cache *cache_cut __read_mostly;	/* of those that are not */

static bool key_is_self(const struct flow_key *key)
{
	return key->word[0] == key->word[1] && key->port[0] == key->port[1] &&
	       (!(key->scope & FLOW_IPV6) ||
		ipv6_addr_equal(&key->addr[0].in6, &key->addr[1].in6));
}

/**
 * flow_relock - take the lock of a flow that was found before
 * @flow: the flow, kept by RCU
 * @flags: for flow_unlock()
 *
 * Return: false, and nothing is locked, if it left the table meanwhile.
 */
bool flow_relock(struct flow *flow, unsigned long *flags)
{
	flow_lock(flow, flags);
	if (!flow->dead)
		return true;
	flow_unlock(flow, *flags);
	return false;
}

/**
 * flow_find - look a flow up and lock it
 * @key: from flow_key_init()
 * @hash: of @key
 * @flags: for flow_unlock()
 *
 * Any context, under RCU. Return: the locked flow, or NULL.
 */
struct flow *flow_find(const struct flow_key *key, u32 hash, unsigned long *flags)
{
	struct flow *flow = table_lookup(key, hash);

	return flow && flow_relock(flow, flags) ? flow : NULL;
}

static void release(struct flow *flow)
{
	kmem_cache_free(flow->whole ? cache : cache_cut, flow);
}

static void flow_free(struct rcu_head *rcu)
{
	release(container_of(rcu, struct flow, rcu));
}

/* Has it an end that may have a socket, or a long name? */
static bool is_whole(const struct flow_key *key, enum flow_class class)
{
	return class != CLASS_FORWARDED || key->scope & FLOW_IPV6 || key_is_self(key);
}

/* A connection begins, of another id than any before it. */
static void flow_begin(struct flow *flow)
{
	flow->born = flow_clock();
	flow->serial = this_cpu_inc_return(serial);
	flow->provenance = TCPSTATE_PROVENANCE_HANDSHAKE;
	flow->heard = 0;
}

static struct flow *flow_alloc(struct net *net, const struct flow_key *key,
			       enum flow_class class, unsigned int initiator)
{
	bool whole = is_whole(key, class);
	struct flow *flow = kmem_cache_alloc(whole ? cache : cache_cut,
					     GFP_ATOMIC | __GFP_NOWARN);
	unsigned int e;

	if (!flow)
		return NULL;
	raw_spin_lock_init(&flow->lock);
	INIT_HLIST_NODE(&flow->due);
	flow->net = net;
	flow->scope = key->scope;
	flow->seen = (u32)jiffies;
	flow_begin(flow);
	flow->class = key_is_self(key) ? CLASS_SELF : class;
	flow->initiator = key_is_self(key) ? 0 : initiator;
	flow->local = 0;
	flow->whole = whole;
	flow->calm = false;
	flow->armed = false;
	flow->embryonic = false;
	flow->dead = false;
	fsm_init(&flow->fsm, flow->class == CLASS_SELF);
	for (e = 0; e < 2; e++) {
		flow->word[e] = key->word[e];
		flow->port[e] = key->port[e];
		flow->shown[e] = FSM_CLOSE;
		flow->entered[e] = flow_clock();
		if (counters_column(flow->class, e == flow->initiator) == COLUMN_LOCAL)
			flow->local |= BIT(e);
		if (key->scope & FLOW_IPV6)
			flow->addr[e] = key->addr[e].in6;
		if (whole)
			flow->end[e] = (struct flow_end){ .sock = FSM_CLOSE };
	}
	return flow;
}

/**
 * flow_create - add a flow, both ends in close, and lock it
 * @net: namespace
 * @key: from flow_key_init()
 * @hash: of @key
 * @class: its class; a key of two equal ends is %CLASS_SELF
 * @initiator: index of the initiator
 * @flags: for flow_unlock()
 *
 * Atomic context, under RCU, no flow locked, not on PREEMPT_RT with preemption
 * off. Where there is no place, a flow that is worth less goes (evict.c). If
 * another CPU was faster, its flow is returned; but one that cannot have what this
 * class needs is in the way, and forgotten.
 *
 * Return: the locked flow; NULL if there is no place or no memory, which is
 * counted as untracked.
 */
struct flow *flow_create(struct net *net, const struct flow_key *key, u32 hash,
			 enum flow_class class, unsigned int initiator, unsigned long *flags)
{
	struct tcpstate_net *tn = tcpstate_pernet(net);
	struct flow *flow, *other;
	enum limit limit;
	bool again = true;

retry:
	limit = limit_get_place(tn, class);
	if (limit && (!evict_for(tn, limit, hash) || limit_get_place(tn, class)))
		goto untracked;
	if (!counters_ready(&tn->counters))
		goto no_memory;
	flow = flow_alloc(net, key, class, initiator);
	if (!flow)
		goto no_memory;

	flow_lock(flow, flags);
	other = table_insert(flow, key, hash);
	if (!other) {
		if (flow->whole)
			atomic_inc(&tn->wholes);
		counters_born(&tn->counters, flow->class);
		sampler_wake();
		return flow;
	}

	flow_unlock(flow, *flags);
	release(flow);
	limit_put_place(tn);
	if (flow_relock(other, flags)) {
		if (other->whole || !is_whole(key, class))
			return other;
		flow_remove(other);
		flow_unlock(other, *flags);
	}
	/* It is not in the way any more. */
	if (again) {
		again = false;
		goto retry;
	}
	goto untracked;

no_memory:
	limit_put_place(tn);
untracked:
	netns_untracked(tn);
	return NULL;
}

/**
 * flow_find_whole - look up and lock the flow of a connection that a socket here is an end of
 * @key: from flow_key_init()
 * @hash: of @key
 * @flags: for flow_unlock()
 *
 * A forwarded connection of that name was another, and is forgotten where it has no room for
 * sockets. Any context, under RCU. Return: the locked flow, or NULL.
 */
struct flow *flow_find_whole(const struct flow_key *key, u32 hash, unsigned long *flags)
{
	struct flow *flow = flow_find(key, hash, flags);

	if (!flow || flow->whole)
		return flow;
	flow_remove(flow);
	flow_unlock(flow, *flags);
	return NULL;
}

/**
 * flow_move - let an end's counted state change
 * @flow: the flow, locked
 * @e: which end
 * @to: its state from now on
 */
void flow_move(struct flow *flow, unsigned int e, u8 to)
{
	lockdep_assert_held(&flow->lock);
	if (flow->class == CLASS_SELF)
		e = 0;
	if (flow->shown[e] == to)
		return;
	counters_move(&flow_pernet(flow)->counters, flow->class, e == flow->initiator,
		      flow->shown[e], to, flow->shown[!e]);
	flow->shown[e] = to;
	flow->entered[e] = flow_clock();
}

/**
 * flow_socket - something else stands behind a local end
 * @flow: the flow, locked, whole
 * @e: which end
 * @socket: what, from now on
 */
void flow_socket(struct flow *flow, unsigned int e, enum flow_socket socket)
{
	struct flow_end *end = &flow->end[e];
	int change = (socket == SOCKET_TIMEWAIT) - (end->socket == SOCKET_TIMEWAIT);

	lockdep_assert_held(&flow->lock);
	if (change)
		counters_timewait(&flow_pernet(flow)->counters, change);
	end->socket = socket;
}

/* Change class and roles. Ends that change their column leave the old one and enter the new. */
static void flow_reclass(struct flow *flow, enum flow_class class, unsigned int initiator)
{
	struct counters *c = &flow_pernet(flow)->counters;
	u32 entered[2] = { flow->entered[0], flow->entered[1] };
	u8 shown[2] = { flow->shown[0], flow->shown[1] };
	bool same = true;
	unsigned int e;

	for (e = 0; e < 2; e++)
		same &= counters_column(flow->class, e == flow->initiator) ==
			counters_column(class, e == initiator);
	if (same) {
		counters_reclass(c, flow->class, class, shown[flow->initiator],
				 shown[!flow->initiator], initiator != flow->initiator);
		flow->class = class;
		flow->initiator = initiator;
		return;
	}
	/* Other columns, but the same states since the same time. */
	flow_move(flow, 0, FSM_CLOSE);
	flow_move(flow, 1, FSM_CLOSE);
	counters_gone(c, flow->class);
	flow->class = class;
	flow->initiator = initiator;
	counters_born(c, class);
	flow_move(flow, 0, shown[0]);
	flow_move(flow, 1, shown[1]);
	for (e = 0; e < 2; e++)
		flow->entered[e] = entered[e];
}

static enum flow_class class_of(const struct flow *flow, unsigned int initiator)
{
	if (flow->local == (BIT(0) | BIT(1)))
		return CLASS_LOOPBACK;
	if (flow_is_local(flow, initiator))
		return CLASS_LOCAL_INITIATOR;
	if (flow_is_local(flow, !initiator))
		return CLASS_LOCAL_RESPONDER;
	return CLASS_FORWARDED;
}

/**
 * flow_local - a socket of this namespace turned out to be an end
 * @flow: the flow, locked, whole: flow_find_whole()
 * @e: which end
 */
void flow_local(struct flow *flow, unsigned int e)
{
	lockdep_assert_held(&flow->lock);
	if (flow_is_local(flow, e) || flow->class == CLASS_SELF)
		return;
	flow->local |= BIT(e);
	flow_reclass(flow, class_of(flow, flow->initiator), flow->initiator);
}

/**
 * flow_remote - an end that was taken for local is not
 * @flow: the flow, locked
 * @e: which end; it never had a socket
 */
void flow_remote(struct flow *flow, unsigned int e)
{
	lockdep_assert_held(&flow->lock);
	if (flow->class != CLASS_LOOPBACK || flow->end[e].socket != SOCKET_NONE ||
	    flow->end[e].sock != FSM_CLOSE)
		return;
	flow->local &= ~BIT(e);
	flow->end[e].differs = false;
	flow->end[e].checking = false;
	flow_reclass(flow, class_of(flow, flow->initiator), flow->initiator);
}

/*
 * An end opens anew: another connection, with another id. From here on the end
 * is the initiator, unless both open at once.
 */
static void flow_opens(struct flow *flow, unsigned int e)
{
	u8 other = flow->shown[!e];

	if (e != flow->initiator && (other == FSM_SYN_SENT || other == FSM_SYN_RECV))
		return;
	flow_begin(flow);
	if (flow->class == CLASS_SELF || e == flow->initiator)
		return;
	flow_reclass(flow, class_of(flow, e), e);
}

/**
 * flow_apply - book what the engine said
 * @flow: the flow, locked
 * @r: the steps
 *
 * Ends whose sockets commit do not move here: the step is an expectation.
 */
void flow_apply(struct flow *flow, const struct fsm_result *r)
{
	unsigned int i;

	lockdep_assert_held(&flow->lock);
	for (i = 0; i < r->steps; i++) {
		const struct fsm_step *step = &r->step[i];

		if (step->to == FSM_SYN_SENT)
			flow_opens(flow, step->end);
		if (!witness_commits(flow, step->end))
			flow_move(flow, step->end, step->to);
		witness_expect(flow, step->end);
	}
}

static void flow_embryonic(struct flow *flow)
{
	atomic_t *n = &flow_pernet(flow)->embryonic;
	u8 initiator = flow->shown[flow->initiator];
	u8 responder = flow->shown[!flow->initiator];
	bool now = !flow->dead && flow->class == CLASS_FORWARDED &&
		   (flow_one_sided(flow) ||
		    initiator == FSM_SYN_SENT || initiator == FSM_SYN_RECV ||
		    responder == FSM_SYN_SENT || responder == FSM_SYN_RECV);

	if (now == flow->embryonic)
		return;
	flow->embryonic = now;
	if (now)
		atomic_inc(n);
	else
		atomic_dec(n);
}

/**
 * flow_remove - forget a flow; its connection is not touched
 * @flow: the flow, locked; kept alive by the lock's section of RCU alone
 */
void flow_remove(struct flow *flow)
{
	struct tcpstate_net *tn = flow_pernet(flow);
	unsigned int e;

	lockdep_assert_held(&flow->lock);
	WRITE_ONCE(flow->dead, true);
	WRITE_ONCE(flow->calm, false);
	flow_embryonic(flow);
	for (e = 0; e < 2; e++) {
		if (flow->whole)
			flow_socket(flow, e, SOCKET_NONE);
		flow_move(flow, e, FSM_CLOSE);
	}
	counters_gone(&tn->counters, flow->class);
	if (flow->whole)
		atomic_dec(&tn->wholes);
	expire_forget(flow);
	limit_put_place(tn);

	table_remove(flow);
	call_rcu(&flow->rcu, flow_free);
}

static bool end_is_calm(const struct flow *flow, unsigned int e)
{
	const struct flow_end *end = &flow->end[e];

	if (flow->shown[e] != FSM_ESTABLISHED || flow->fsm.end[e].state != FSM_ESTABLISHED)
		return false;
	return !flow->whole || (!end->differs && !end->seeded &&
				(!flow_is_local(flow, e) || !witness_watches() ||
				 end->sock == FSM_ESTABLISHED));
}

/* Where sockets are not looked at, an end may turn out to be elsewhere: flow_remote(). */
static bool flow_is_calm(const struct flow *flow)
{
	return flow->heard == (BIT(0) | BIT(1)) && flow->class != CLASS_SELF &&
	       (flow->class != CLASS_LOOPBACK || witness_watches()) &&
	       end_is_calm(flow, 0) && end_is_calm(flow, 1);
}

/* Does nothing stand behind an end that was closed, and is nothing left to be judged? */
static bool end_is_over(const struct flow *flow, unsigned int e)
{
	return flow->shown[e] == FSM_CLOSE &&
	       (!flow->whole ||
		(flow->end[e].socket == SOCKET_NONE && !flow->end[e].differs));
}

/**
 * flow_settle - what follows from an event: removal, or the next deadline
 * @flow: the flow, locked; out of the table afterwards if nothing is left of it
 *
 * A socket may close before it sends its RST: while engine and socket differ
 * the flow stays.
 */
void flow_settle(struct flow *flow)
{
	unsigned long when;

	lockdep_assert_held(&flow->lock);
	if (end_is_over(flow, 0) && end_is_over(flow, 1)) {
		flow_remove(flow);
		return;
	}
	flow_embryonic(flow);
	WRITE_ONCE(flow->calm, flow_is_calm(flow));
	if (expire_deadline(flow, &when))
		expire_arm(flow, when);
}

struct purge {
	bool (*match)(const struct flow *flow, const void *data);
	const void *data;
	u64 removed;
};

static int purge(struct flow *flow, void *data)
{
	struct purge *p = data;
	unsigned long flags;

	/* Asked twice: most flows are not meant, and stay untouched. */
	if (!p->match(flow, p->data) || !flow_relock(flow, &flags))
		return 0;
	if (p->match(flow, p->data)) {
		flow_remove(flow);
		p->removed++;
	}
	flow_unlock(flow, flags);
	return 0;
}

/**
 * flow_purge - remove flows
 * @match: which ones; called under RCU, and again with the flow locked
 * @data: for @match
 *
 * @left: how many there may be at most: the walk ends when it is 0
 *
 * Process context; may sleep between buckets. What comes meanwhile may stay.
 *
 * Return: how many were removed.
 */
u64 flow_purge(bool (*match)(const struct flow *flow, const void *data), const void *data,
	       const atomic_t *left)
{
	struct purge p = { .match = match, .data = data };
	unsigned int i;

	for (i = 0; i < table_buckets() && (left ? atomic_read(left) : limit_any()); i++) {
		table_visit(i, purge, &p);
		cond_resched();
	}
	return p.removed;
}

/**
 * flow_memory - what a namespace's flows cost, the table apart
 * @tn: the namespace
 * @n: how many flows it has
 *
 * Return: bytes.
 */
size_t flow_memory(const struct tcpstate_net *tn, unsigned int n)
{
	size_t whole = min_t(unsigned int, n, atomic_read(&tn->wholes));

	return whole * kmem_cache_size(cache) + (n - whole) * kmem_cache_size(cache_cut);
}

/**
 * flow_init - allocate the table
 *
 * Return: 0 or -ENOMEM.
 */
int flow_init(void)
{
	int err = table_init(limit_init());
	int cpu;

	BUILD_BUG_ON(IS_ENABLED(CONFIG_64BIT) && sizeof(raw_spinlock_t) == sizeof(u32) &&
		     FLOW_CUT != 160);
	if (err)
		return err;
	for_each_possible_cpu(cpu)
		per_cpu(serial, cpu) = get_random_u32();
	cache = kmem_cache_create("tcpstate_flow", sizeof(struct flow), FLOW_ALIGN,
				  SLAB_NO_MERGE, NULL);
	cache_cut = kmem_cache_create("tcpstate_forward", FLOW_CUT, FLOW_ALIGN, SLAB_NO_MERGE,
				      NULL);
	if (cache && cache_cut)
		return 0;
	flow_exit();
	return -ENOMEM;
}

/**
 * flow_exit - free the table, which is empty and unused
 */
void flow_exit(void)
{
	rcu_barrier();
	kmem_cache_destroy(cache);
	kmem_cache_destroy(cache_cut);
	table_exit();
}
