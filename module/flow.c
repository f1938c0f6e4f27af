// SPDX-License-Identifier: GPL-2.0
/*
 * The flow table: one global array of chains, keyed with a random secret, so
 * that nobody outside can choose a chain. Readers go under RCU and write
 * nothing; a bucket's lock is taken to insert and to remove.
 */
#include <linux/cache.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/rculist.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <net/netns/hash.h>

#include "flow.h"

#define FLOW_LOCKS	1024	/* bucket locks; a power of two */
#define FLOW_SHARE	8192	/* bytes of memory for each flow that max_flows allows */
#define FLOW_EMBRYONIC	8	/* at most this part of max_flows is half-open forwarded flows */
#define FLOW_GUEST	2	/* and this part is for all namespaces of other user namespaces */

static unsigned int max_flows __read_mostly;
module_param(max_flows, uint, 0400);
MODULE_PARM_DESC(max_flows, "flows at most, in all namespaces (default: one for each 8 KiB of memory)");

static struct hlist_head *table __read_mostly;
static unsigned int table_mask __read_mostly;
static raw_spinlock_t locks[FLOW_LOCKS];
static siphash_key_t secret __read_mostly __aligned(SIPHASH_ALIGNMENT);
static struct kmem_cache *cache __read_mostly;
static atomic_t flows = ATOMIC_INIT(0);
static atomic_t guests = ATOMIC_INIT(0);	/* those in namespaces of other user namespaces */

static raw_spinlock_t *bucket_lock(u32 hash)
{
	return &locks[hash & (FLOW_LOCKS - 1)];
}

static struct hlist_head *bucket(u32 hash)
{
	return &table[hash & table_mask];
}

/**
 * flow_key_init - make the key of a segment's or socket's connection
 * @key: filled whole
 * @net: namespace
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @src: address of one endpoint
 * @dst: address of the other
 * @sport: port of the first
 * @dport: port of the other
 * @scope: interface scope, 0 for none
 *
 * Return: the index of the first endpoint in the key, 0 or 1; the other has
 * the other. A socket connected to itself has 0 twice.
 */
unsigned int flow_key_init(struct flow_key *key, const struct net *net, u8 family,
			   const union nf_inet_addr *src, const union nf_inet_addr *dst,
			   __be16 sport, __be16 dport, u32 scope)
{
	size_t size = family == NFPROTO_IPV4 ? sizeof(src->ip) : sizeof(*src);
	int order = memcmp(src, dst, size);
	unsigned int first;

	if (!order)
		order = (int)ntohs(sport) - (int)ntohs(dport);
	first = order > 0;

	BUILD_BUG_ON(sizeof(*key) != 2 * sizeof(*src) + 2 * sizeof(sport) + 3 * sizeof(u32));
	memset(key, 0, sizeof(*key));
	memcpy(&key->addr[first], src, size);
	memcpy(&key->addr[!first], dst, size);
	key->port[first] = sport;
	key->port[!first] = dport;
	key->scope = scope;
	key->mix = net_hash_mix(net);
	key->family = family;
	return first;
}

static bool key_is_self(const struct flow_key *key)
{
	return key->port[0] == key->port[1] &&
	       !memcmp(&key->addr[0], &key->addr[1], sizeof(key->addr[0]));
}

static struct flow *lookup(const struct net *net, const struct flow_key *key, u32 hash)
{
	struct flow *flow;

	hlist_for_each_entry_rcu(flow, bucket(hash), node, true)
		if (flow->hash == hash && flow->net == net &&
		    !memcmp(&flow->key, key, sizeof(*key)))
			return flow;
	return NULL;
}

static u32 key_hash(const struct flow_key *key)
{
	return (u32)siphash(key, sizeof(*key), &secret);
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
 * @net: namespace
 * @key: from flow_key_init()
 * @flags: for flow_unlock()
 *
 * Any context, under RCU. Return: the locked flow, or NULL.
 */
struct flow *flow_find(const struct net *net, const struct flow_key *key, unsigned long *flags)
{
	struct flow *flow = lookup(net, key, key_hash(key));

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
	INIT_HLIST_NODE(&flow->node);
	INIT_HLIST_NODE(&flow->due);
	flow->net = net;
	flow->key = *key;
	flow->hash = hash;
	flow->slot = -1;
	flow->seen = jiffies;
	flow->class = key_is_self(key) ? CLASS_SELF : class;
	flow->initiator = key_is_self(key) ? 0 : initiator;
	flow->armed = false;
	flow->embryonic = false;
	flow->dead = false;
	fsm_init(&flow->fsm, flow->class == CLASS_SELF);
	for (e = 0; e < 2; e++)
		flow->end[e] = (struct flow_end){
			.shown = FSM_CLOSE,
			.sock = FSM_CLOSE,
			.local = counters_column(flow->class, e == flow->initiator) == COLUMN_LOCAL,
		};
	return flow;
}

static bool is_guest(const struct tcpstate_net *tn)
{
	return tn->net->user_ns != &init_user_ns;
}

/* Take a place under the limits; given back by flow_put_place(). */
static bool flow_get_place(struct tcpstate_net *tn, enum flow_class class)
{
	if (READ_ONCE(tn->dying))
		return false;
	if (class == CLASS_FORWARDED &&
	    atomic_read(&tn->embryonic) >= flow_limit() / FLOW_EMBRYONIC)
		return false;
	if (atomic_inc_return(&flows) > flow_limit())
		goto full;
	/* Who is root only there must not starve the others. */
	if (is_guest(tn) && atomic_inc_return(&guests) > flow_limit() / FLOW_GUEST) {
		atomic_dec(&guests);
		goto full;
	}
	atomic_inc(&tn->flows);
	return true;
full:
	atomic_dec(&flows);
	return false;
}

/*
 * Before the flow leaves its chain: a namespace without flows, or none that a
 * walk still finds, may go at once. It is not touched any more.
 */
static void flow_put_place(struct tcpstate_net *tn)
{
	if (is_guest(tn))
		atomic_dec(&guests);
	atomic_dec_return_release(&tn->flows);
	atomic_dec(&flows);
}

/**
 * flow_create - add a flow, both ends in close, and lock it
 * @net: namespace
 * @key: from flow_key_init()
 * @class: its class; a key of two equal ends is %CLASS_SELF
 * @initiator: index of the initiator
 * @flags: for flow_unlock()
 *
 * Atomic context, under RCU, not on PREEMPT_RT with preemption off. If
 * another CPU was faster, its flow is returned.
 *
 * Return: the locked flow; NULL if there is no place or no memory, which is
 * counted as untracked.
 */
struct flow *flow_create(struct net *net, const struct flow_key *key, enum flow_class class,
			 unsigned int initiator, unsigned long *flags)
{
	struct tcpstate_net *tn = tcpstate_pernet(net);
	u32 hash = key_hash(key);
	struct flow *flow, *other;
	bool again = true;

retry:
	if (!flow_get_place(tn, class))
		goto untracked;
	if (!counters_ready(&tn->counters))
		goto no_memory;
	flow = flow_alloc(net, key, hash, class, initiator);
	if (!flow)
		goto no_memory;

	raw_spin_lock_irqsave(&flow->lock, *flags);
	raw_spin_lock(bucket_lock(hash));
	other = lookup(net, key, hash);
	if (other && READ_ONCE(other->dead))
		other = NULL;
	if (!other)
		hlist_add_head_rcu(&flow->node, bucket(hash));
	raw_spin_unlock(bucket_lock(hash));
	if (!other) {
		counters_born(&tn->counters, flow->class);
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
}

/* Change class and roles. Ends that change their column leave the old one and enter the new. */
static void flow_reclass(struct flow *flow, enum flow_class class, unsigned int initiator)
{
	struct counters *c = &flow_pernet(flow)->counters;
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
	flow_move(flow, 0, FSM_CLOSE);
	flow_move(flow, 1, FSM_CLOSE);
	counters_gone(c, flow->class);
	flow->class = class;
	flow->initiator = initiator;
	counters_born(c, class);
	flow_move(flow, 0, shown[0]);
	flow_move(flow, 1, shown[1]);
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

/* An end opens anew: from here on it is the initiator, unless both open at once. */
static void flow_opens(struct flow *flow, unsigned int e)
{
	u8 other = flow->end[!e].shown;

	if (flow->class == CLASS_SELF || e == flow->initiator ||
	    other == FSM_SYN_SENT || other == FSM_SYN_RECV)
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
		   (initiator == FSM_SYN_SENT || initiator == FSM_SYN_RECV ||
		    responder == FSM_SYN_SENT || responder == FSM_SYN_RECV);

	if (now == flow->embryonic)
		return;
	flow->embryonic = now;
	if (now)
		atomic_inc(n);
	else
		atomic_dec(n);
}

/* Take it out of the table and let go of it; the caller's lock and RCU keep it alive. */
static void flow_remove(struct flow *flow)
{
	struct tcpstate_net *tn = flow_pernet(flow);

	lockdep_assert_held(&flow->lock);
	WRITE_ONCE(flow->dead, true);
	flow_embryonic(flow);
	flow_move(flow, 0, FSM_CLOSE);
	flow_move(flow, 1, FSM_CLOSE);
	counters_gone(&tn->counters, flow->class);
	expire_forget(flow);
	flow_put_place(tn);

	raw_spin_lock(bucket_lock(flow->hash));
	hlist_del_rcu(&flow->node);
	raw_spin_unlock(bucket_lock(flow->hash));
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

/**
 * flow_purge - remove flows by namespace
 * @match: which namespaces
 *
 * Process context; may sleep between buckets. Nobody creates flows in the
 * namespaces that match.
 */
void flow_purge(bool (*match)(const struct net *net))
{
	unsigned long flags;
	struct flow *flow;
	unsigned int i;

	for (i = 0; i <= table_mask && atomic_read(&flows); i++) {
		rcu_read_lock();
		hlist_for_each_entry_rcu(flow, &table[i], node) {
			if (!match(flow->net) || !flow_relock(flow, &flags))
				continue;
			flow_remove(flow);
			flow_unlock(flow, flags);
		}
		rcu_read_unlock();
		cond_resched();
	}
}

/**
 * flow_limit - how many flows there may be
 */
unsigned int flow_limit(void)
{
	return max_flows;
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
	unsigned int i;

	if (!max_flows)
		max_flows = clamp_t(u64, (u64)totalram_pages() * PAGE_SIZE / FLOW_SHARE,
				    4096, 1 << 26);
	table_mask = roundup_pow_of_two(max_t(unsigned int, max_flows / 2, FLOW_LOCKS)) - 1;
	for (i = 0; i < FLOW_LOCKS; i++)
		raw_spin_lock_init(&locks[i]);
	get_random_bytes(&secret, sizeof(secret));

	table = kvcalloc((size_t)table_mask + 1, sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	cache = kmem_cache_create("tcpstate_flow", sizeof(struct flow), 0,
				  SLAB_HWCACHE_ALIGN, flow_construct);
	if (!cache) {
		kvfree(table);
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
	kvfree(table);
}
