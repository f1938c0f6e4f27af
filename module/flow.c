// SPDX-License-Identifier: GPL-2.0
/*
 * Flows: how they begin, change and end, and how many there may be.
 */
#include <linux/cache.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "flow.h"

#define FLOW_SHARE	8192	/* bytes of memory for each flow that max_flows allows */
#define FLOW_EMBRYONIC	8	/* at most this part of max_flows is half-open forwarded flows */
#define FLOW_GUEST	2	/* and this part is for all namespaces of other user namespaces */

static unsigned int max_flows __read_mostly;
module_param(max_flows, uint, 0400);
MODULE_PARM_DESC(max_flows, "flows at most, in all namespaces (default: one for each 8 KiB of memory)");

static struct kmem_cache *cache __read_mostly;
static atomic_t flows = ATOMIC_INIT(0);
static atomic_t guests = ATOMIC_INIT(0);	/* those in namespaces of other user namespaces */

static bool key_is_self(const struct flow_key *key)
{
	return key->port[0] == key->port[1] &&
	       !memcmp(&key->addr[0], &key->addr[1], sizeof(key->addr[0]));
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
	raw_spin_lock_irqsave(&flow->lock, *flags);
	if (!flow->dead)
		return true;
	raw_spin_unlock_irqrestore(&flow->lock, *flags);
	return false;
}

/**
 * flow_unlock - end what flow_find(), flow_create() or flow_relock() began
 * @flow: the flow
 * @flags: from there
 */
void flow_unlock(struct flow *flow, unsigned long flags)
{
	raw_spin_unlock_irqrestore(&flow->lock, flags);
}

/**
 * flow_find - look a flow up and lock it
 * @key: from flow_key_init()
 * @flags: for flow_unlock()
 *
 * Any context, under RCU. Return: the locked flow, or NULL.
 */
struct flow *flow_find(const struct flow_key *key, unsigned long *flags)
{
	struct flow *flow = table_lookup(key, table_hash(key));

	return flow && flow_relock(flow, flags) ? flow : NULL;
}

static void flow_free(struct rcu_head *rcu)
{
	kmem_cache_free(cache, container_of(rcu, struct flow, rcu));
}

static struct flow *flow_alloc(struct net *net, const struct flow_key *key, u32 hash,
			       enum flow_class class, unsigned int initiator)
{
	struct flow *flow = kmem_cache_alloc(cache, GFP_ATOMIC | __GFP_NOWARN);
	unsigned int e;

	if (!flow)
		return NULL;
	INIT_HLIST_NODE(&flow->due);
	flow->net = net;
	flow->key = *key;
	flow->hash = hash;
	flow->slot = -1;
	flow->seen = (u32)jiffies;
	flow->born = ktime_get_mono_fast_ns();
	flow->provenance = TCPSTATE_PROVENANCE_HANDSHAKE;
	flow->class = key_is_self(key) ? CLASS_SELF : class;
	flow->initiator = key_is_self(key) ? 0 : initiator;
	flow->heard = 0;
	flow->armed = false;
	flow->embryonic = false;
	flow->dead = false;
	fsm_init(&flow->fsm, flow->class == CLASS_SELF);
	for (e = 0; e < 2; e++)
		flow->end[e] = (struct flow_end){
			.shown = FSM_CLOSE,
			.sock = FSM_CLOSE,
			.entered = get_jiffies_64(),
			.local = counters_column(flow->class, e == flow->initiator) == COLUMN_LOCAL,
		};
	return flow;
}

/*
 * Before the flow leaves its chain: a namespace without flows, or none that a
 * walk still finds, may go at once. It is not touched any more.
 */
static void flow_put_place(struct tcpstate_net *tn)
{
	if (netns_is_guest(tn))
		atomic_dec(&guests);
	atomic_dec_return_release(&tn->flows);
	atomic_dec(&flows);
}

/* Take a place under the limits; given back by flow_put_place(). */
static bool flow_get_place(struct tcpstate_net *tn, enum flow_class class)
{
	if (READ_ONCE(tn->dying))
		return false;
	if (class == CLASS_FORWARDED &&
	    atomic_read(&tn->embryonic) >= flow_embryonic_limit(tn))
		return false;
	if (atomic_inc_return(&flows) > flow_limit())
		goto full;
	/* Who is root only there must not starve the others. */
	if (netns_is_guest(tn) && atomic_inc_return(&guests) > flow_limit() / FLOW_GUEST) {
		atomic_dec(&guests);
		goto full;
	}
	if (atomic_inc_return(&tn->flows) <= flow_netns_limit(tn))
		return true;
	flow_put_place(tn);
	return false;
full:
	atomic_dec(&flows);
	return false;
}

/**
 * flow_create - add a flow, both ends in close, and lock it
 * @net: namespace
 * @key: from flow_key_init()
 * @class: its class; a key of two equal ends is %CLASS_SELF
 * @initiator: index of the initiator
 * @flags: for flow_unlock()
 *
 * Atomic context, under RCU, no flow locked, not on PREEMPT_RT with preemption
 * off. Where there is no place, a flow that is worth less goes (evict.c). If
 * another CPU was faster, its flow is returned.
 *
 * Return: the locked flow; NULL if there is no place or no memory, which is
 * counted as untracked.
 */
struct flow *flow_create(struct net *net, const struct flow_key *key, enum flow_class class,
			 unsigned int initiator, unsigned long *flags)
{
	struct tcpstate_net *tn = tcpstate_pernet(net);
	u32 hash = table_hash(key);
	struct flow *flow, *other;
	bool again = true;

retry:
	if (!flow_get_place(tn, class) &&
	    !(evict_for(tn, class, hash) && flow_get_place(tn, class)))
		goto untracked;
	if (!counters_ready(&tn->counters))
		goto no_memory;
	flow = flow_alloc(net, key, hash, class, initiator);
	if (!flow)
		goto no_memory;

	raw_spin_lock_irqsave(&flow->lock, *flags);
	other = table_insert(flow);
	if (!other) {
		counters_born(&tn->counters, flow->class);
		sampler_wake();
		return flow;
	}

	raw_spin_unlock_irqrestore(&flow->lock, *flags);
	kmem_cache_free(cache, flow);
	flow_put_place(tn);
	if (flow_relock(other, flags))
		return other;
	/* It left meanwhile: it is not in the way any more. */
	if (again) {
		again = false;
		goto retry;
	}
	goto untracked;

no_memory:
	flow_put_place(tn);
untracked:
	netns_untracked(tn);
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
	struct flow_end *end;

	lockdep_assert_held(&flow->lock);
	if (flow->class == CLASS_SELF)
		e = 0;
	end = &flow->end[e];
	if (end->shown == to)
		return;
	counters_move(&flow_pernet(flow)->counters, flow->class, e == flow->initiator,
		      end->shown, to, flow->end[!e].shown);
	end->shown = to;
	end->entered = get_jiffies_64();
}

/**
 * flow_socket - something else stands behind a local end
 * @flow: the flow, locked
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
	u64 entered[2] = { flow->end[0].entered, flow->end[1].entered };
	u8 shown[2] = { flow->end[0].shown, flow->end[1].shown };
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
		flow->end[e].entered = entered[e];
}

static enum flow_class class_of(const struct flow *flow, unsigned int initiator)
{
	if (flow->end[0].local && flow->end[1].local)
		return CLASS_LOOPBACK;
	if (flow->end[initiator].local)
		return CLASS_LOCAL_INITIATOR;
	if (flow->end[!initiator].local)
		return CLASS_LOCAL_RESPONDER;
	return CLASS_FORWARDED;
}

/**
 * flow_local - a socket of this namespace turned out to be an end
 * @flow: the flow, locked
 * @e: which end
 */
void flow_local(struct flow *flow, unsigned int e)
{
	lockdep_assert_held(&flow->lock);
	if (flow->end[e].local || flow->class == CLASS_SELF)
		return;
	flow->end[e].local = true;
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
	flow->end[e].local = false;
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
	u8 other = flow->end[!e].shown;

	if (e != flow->initiator && (other == FSM_SYN_SENT || other == FSM_SYN_RECV))
		return;
	flow->born = ktime_get_mono_fast_ns();
	flow->provenance = TCPSTATE_PROVENANCE_HANDSHAKE;
	flow->heard = 0;
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
	u8 initiator = flow->end[flow->initiator].shown;
	u8 responder = flow->end[!flow->initiator].shown;
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
	flow_embryonic(flow);
	for (e = 0; e < 2; e++) {
		flow_socket(flow, e, SOCKET_NONE);
		flow_move(flow, e, FSM_CLOSE);
	}
	counters_gone(&tn->counters, flow->class);
	expire_forget(flow);
	flow_put_place(tn);

	table_remove(flow);
	call_rcu(&flow->rcu, flow_free);
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
	const struct flow_end *a = &flow->end[0], *b = &flow->end[1];
	unsigned long when;

	lockdep_assert_held(&flow->lock);
	if (a->shown == FSM_CLOSE && b->shown == FSM_CLOSE &&
	    a->socket == SOCKET_NONE && b->socket == SOCKET_NONE && !a->differs && !b->differs) {
		flow_remove(flow);
		return;
	}
	flow_embryonic(flow);
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

	for (i = 0; i < table_buckets() && atomic_read(left ?: &flows); i++) {
		table_visit(i, purge, &p);
		cond_resched();
	}
	return p.removed;
}

/**
 * flow_any - is there any flow?
 */
bool flow_any(void)
{
	return atomic_read(&flows);
}

/**
 * flow_limit - how many flows there may be
 */
unsigned int flow_limit(void)
{
	return READ_ONCE(max_flows);
}

/**
 * flow_set_limit - how many flows there may be from now on
 * @limit: at least 1
 *
 * Those that are there stay. The table keeps its size: above what it was made
 * for its chains are longer.
 */
void flow_set_limit(unsigned int limit)
{
	WRITE_ONCE(max_flows, limit);
}

/**
 * flow_netns_limit - how many flows a namespace may have
 * @tn: the namespace
 */
unsigned int flow_netns_limit(const struct tcpstate_net *tn)
{
	return READ_ONCE(tn->max_flows) ?: flow_limit();
}

/**
 * flow_embryonic_limit - how many half-open forwarded flows it may have
 * @tn: the namespace
 */
unsigned int flow_embryonic_limit(const struct tcpstate_net *tn)
{
	unsigned int limit = min(flow_netns_limit(tn), flow_limit());

	return READ_ONCE(tn->max_embryonic) ?: max(limit / FLOW_EMBRYONIC, 1U);
}

/**
 * flow_memory - what a number of flows costs, the table apart
 * @n: how many
 *
 * Return: bytes.
 */
size_t flow_memory(unsigned int n)
{
	return (size_t)n * ALIGN(kmem_cache_size(cache), cache_line_size());
}

/* Also keeps the cache from being merged with others: its objects are ours to count. */
static void flow_construct(void *object)
{
	struct flow *flow = object;

	raw_spin_lock_init(&flow->lock);
}

/**
 * flow_init - allocate the table
 *
 * Return: 0 or -ENOMEM.
 */
int flow_init(void)
{
	int err;

	max_flows = min_t(unsigned int, max_flows, FLOW_LIMIT_MAX);
	if (!max_flows)
		max_flows = clamp_t(u64, (u64)totalram_pages() * PAGE_SIZE / FLOW_SHARE,
				    4096, FLOW_LIMIT_MAX);
	err = table_init(max_flows);
	if (err)
		return err;
	cache = kmem_cache_create("tcpstate_flow", sizeof(struct flow), 0,
				  SLAB_HWCACHE_ALIGN, flow_construct);
	if (!cache) {
		table_exit();
		return -ENOMEM;
	}
	return 0;
}

/**
 * flow_exit - free the table, which is empty and unused
 */
void flow_exit(void)
{
	rcu_barrier();
	kmem_cache_destroy(cache);
	table_exit();
}
