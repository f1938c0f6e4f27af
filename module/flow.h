/* SPDX-License-Identifier: GPL-2.0 */
/* The flow table. */
#ifndef TCPSTATE_FLOW_H
#define TCPSTATE_FLOW_H

#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/netfilter.h>
#include <linux/preempt.h>
#include <linux/spinlock.h>
#include <linux/tcpstate.h>
#include <linux/types.h>

#include "counters.h"
#include "fsm.h"
#include "netns.h"

/* No limit on flows may be higher. */
#define FLOW_LIMIT_MAX	TCPSTATE_FLOWS_MAX

/* In flow_key::scope: the addresses are IPv6, and not v4-mapped. */
#define FLOW_IPV6	0x80000000u

/**
 * struct flow_key - identity of a connection
 * @word: of each address what is compared first: IPv4, or the end of IPv6
 * @net: its namespace, no reference
 * @port: the two ports, in the order of the addresses
 * @scope: interface or VRF that the addresses are valid in, 0 for all; and %FLOW_IPV6
 * @addr: the two addresses, the smaller endpoint first; IPv4 in the first word, the rest is
 *	  undefined then
 *
 * Has no holes: from @port on it is hashed as bytes for IPv6.
 */
struct flow_key {
	u32 word[2];
	const struct net *net;
	__be16 port[2];
	u32 scope;
	union nf_inet_addr addr[2];
};

static inline u8 flow_key_family(const struct flow_key *key)
{
	return key->scope & FLOW_IPV6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
}

static inline u32 flow_key_scope(const struct flow_key *key)
{
	return key->scope & ~FLOW_IPV6;
}

/* Why a flow finds no place. */
enum limit {
	LIMIT_NONE,		/* it found one */
	LIMIT_DYING,		/* its namespace goes */
	LIMIT_EMBRYONIC,	/* of the namespace's half-open forwarded ones */
	LIMIT_NETNS,		/* of the namespace's */
	LIMIT_GUESTS,		/* of those in namespaces of other user namespaces */
	LIMIT_ALL,
};

/* What stands behind a local end. */
enum flow_socket {
	SOCKET_NONE,		/* nothing, or nothing known */
	SOCKET_FULL,		/* struct tcp_sock: its tracepoint reports */
	SOCKET_REQUEST,		/* struct request_sock: looked at by deadline and doubt */
	SOCKET_TIMEWAIT,	/* struct inet_timewait_sock: likewise */
};

/**
 * struct flow_end - what only an end needs that may have a socket of this namespace
 * @check: when to look at its socket, the lower half of jiffies, with @checking
 * @since: when engine and socket began to differ, likewise, with @differs
 * @device: the socket's sk_bound_dev_if
 * @sock: the state that its socket committed last; close without one
 * @socket: enum flow_socket
 * @cause: enum witness_cause of the difference, as far as the socket told
 * @seeded: how often its socket, which was found, is to be looked at once more
 * @misses: look-ups in a row that did not find what was expected
 * @checking: @check is set
 * @differs: @since is set
 * @silent: it was the socket that moved last, not the engine
 */
struct flow_end {
	u32 check;
	u32 since;
	int device;
	u8 sock;
	u8 socket;
	u8 cause;
	u8 seeded : 2;
	u8 misses : 2;
	u8 checking : 1;
	u8 differs : 1;
	u8 silent : 1;
};

/**
 * struct flow - one connection
 * @next: in its bucket; under the bucket's lock, read under RCU
 * @net: identity, written once: see struct flow_key
 * @word: likewise
 * @port: likewise
 * @scope: likewise
 * @lock: guards what follows, but for @due; raw, held for a few dozen instructions: it is
 *	  taken in tracepoint probes
 * @seen: when it was last heard of, the lower half of jiffies
 * @class: enum flow_class
 * @shown: the states of the ends that are counted, in the order of the key
 * @calm: established, and nothing is pending at either end; kept by flow_settle()
 * @dead: out of the table
 * @whole: not cut off before @addr; written once, read without the lock, too
 * @provenance: how the connection became known, enum tcpstate_provenance
 * @heard: the ends that something acceptable was heard of, as bits
 * @local: the ends that a socket of this namespace terminates, as bits
 * @initiator: index of the end that opened the connection
 * @armed: it hangs in the wheel, or was just taken out of it
 * @embryonic: counted in tcpstate_net::embryonic
 * @fsm: what the engine knows
 * @fires: the tick of the wheel at which it is to be asked, with @armed; under the
 *	   wheel's lock, too
 * @due: in that slot; under the wheel's lock
 * @rcu: for the release, out of the wheel
 * @born: when the connection became known: flow_clock()
 * @serial: tells it from others of the same name that were born at the same time
 * @entered: when the ends entered @shown: flow_clock()
 * @addr: the addresses, if they are IPv6
 * @end: the ends
 *
 * Lock order: flow, then bucket or wheel. Most segments need what stands before @fires, and of
 * IPv6 @addr. A forwarded flow of IPv4 is not @whole: it ends before @addr.
 */
struct flow {
	struct flow __rcu *next;
	struct net *net;
	u32 word[2];
	__be16 port[2];
	u32 scope;
	raw_spinlock_t lock;
	u32 seen;
	u8 class;
	u8 shown[2];
	bool calm;
	bool dead;
	bool whole;
	u8 provenance;
	u8 heard : 2;
	u8 local : 2;
	u8 initiator : 1;
	u8 armed : 1;
	u8 embryonic : 1;
	struct fsm fsm;
	u32 fires;
	union {
		struct hlist_node due;
		struct rcu_head rcu;
	};
	u32 born;
	u32 serial;
	u32 entered[2];

	struct in6_addr addr[2];
	struct flow_end end[2];
};

/* table.c */
u64 table_id(const struct flow *flow);
struct flow *table_insert(struct flow *flow, const struct flow_key *key, u32 hash);
void table_remove(struct flow *flow);
unsigned int table_buckets(void);
int table_visit(unsigned int i, int (*visit)(struct flow *flow, void *data), void *data);
int table_init(unsigned int flows);
void table_exit(void);

/* flow.c */
struct flow *flow_find(const struct flow_key *key, u32 hash, unsigned long *flags);
struct flow *flow_find_whole(const struct flow_key *key, u32 hash, unsigned long *flags);
struct flow *flow_create(struct net *net, const struct flow_key *key, u32 hash,
			 enum flow_class class, unsigned int initiator, unsigned long *flags);
bool flow_relock(struct flow *flow, unsigned long *flags);
void flow_move(struct flow *flow, unsigned int e, u8 to);
void flow_socket(struct flow *flow, unsigned int e, enum flow_socket socket);
void flow_local(struct flow *flow, unsigned int e);
void flow_remote(struct flow *flow, unsigned int e);
void flow_apply(struct flow *flow, const struct fsm_result *r);
void flow_settle(struct flow *flow);
void flow_remove(struct flow *flow);
u64 flow_purge(bool (*match)(const struct flow *flow, const void *data), const void *data,
	       const atomic_t *left);
size_t flow_memory(const struct tcpstate_net *tn, unsigned int flows);
int flow_init(void);
void flow_exit(void);

/* limit.c */
enum limit limit_get_place(struct tcpstate_net *tn, enum flow_class class);
void limit_put_place(struct tcpstate_net *tn);
bool limit_any(void);
unsigned int limit_flows(void);
void limit_set(unsigned int limit);
unsigned int limit_netns(const struct tcpstate_net *tn);
unsigned int limit_embryonic(const struct tcpstate_net *tn);
unsigned int limit_init(void);

/* Of flow_clock(), in jiffies. */
#define FLOW_TICK	(HZ > 100 ? HZ / 100 : 1)

/* What flow_lock() leaves instead of the state of interrupts, which it did not touch. */
#define FLOW_IRQ_KEPT	(~0UL)

/**
 * flow_lock - lock a flow
 * @flow: the flow, kept by RCU; it may have left the table: flow_relock()
 * @flags: for flow_unlock()
 *
 * Any context but hard interrupts, where no segment is seen and no socket changes: a softirq need
 * not keep them off.
 */
static inline void flow_lock(struct flow *flow, unsigned long *flags)
{
	*flags = FLOW_IRQ_KEPT;
	if (softirq_count())
		raw_spin_lock(&flow->lock);
	else
		raw_spin_lock_irqsave(&flow->lock, *flags);
}

/**
 * flow_unlock - end what flow_lock(), flow_find(), flow_create() or flow_relock() began
 * @flow: the flow
 * @flags: from there
 */
static inline void flow_unlock(struct flow *flow, unsigned long flags)
{
	if (flags == FLOW_IRQ_KEPT)
		raw_spin_unlock(&flow->lock);
	else
		raw_spin_unlock_irqrestore(&flow->lock, flags);
}

static inline bool flow_is_local(const struct flow *flow, unsigned int e)
{
	return flow->local & BIT(e);
}

/* A time of which the lower half was kept, half of that space before now or after it. */
static inline unsigned long flow_jiffies(u32 time)
{
	return jiffies + (s32)(time - (u32)jiffies);
}

static inline bool flow_is_due(u32 time)
{
	return (s32)((u32)jiffies - time) >= 0;
}

/* What counts the time that flows spend in states: some 10 ms each, for more than a year. */
static inline u32 flow_clock(void)
{
	return (u32)div_u64(get_jiffies_64(), FLOW_TICK);
}

/* How long ago that was, in milliseconds. */
static inline u64 flow_age(u32 since)
{
	return (u64)(flow_clock() - since) * jiffies_to_msecs(FLOW_TICK);
}

/* A forwarded flow of which one direction passes elsewhere, or is forged. */
static inline bool flow_one_sided(const struct flow *flow)
{
	return flow->class == CLASS_FORWARDED && flow->heard != (BIT(0) | BIT(1));
}

static inline struct tcpstate_net *flow_pernet(const struct flow *flow)
{
	return tcpstate_pernet(flow->net);
}

/* evict.c */
bool evict_for(struct tcpstate_net *tn, enum limit limit, u32 hash);

/* expire.c */
void expire_arm(struct flow *flow, unsigned long when);
void expire_forget(struct flow *flow);
bool expire_deadline(const struct flow *flow, unsigned long *when);
void expire_defaults(struct tcpstate_net *tn);
int expire_init(void);
void expire_exit(void);

#endif
