/* SPDX-License-Identifier: GPL-2.0 */
/* The flow table. */
#ifndef TCPSTATE_FLOW_H
#define TCPSTATE_FLOW_H

#include <linux/netfilter.h>
#include <linux/spinlock.h>
#include <linux/tcpstate.h>
#include <linux/types.h>

#include "counters.h"
#include "fsm.h"
#include "netns.h"

/* No limit on flows may be higher. */
#define FLOW_LIMIT_MAX	TCPSTATE_FLOWS_MAX

/**
 * struct flow_key - identity of a connection
 * @addr: the two addresses, the smaller endpoint first; IPv4 in the first word
 * @port: the two ports, in the same order
 * @netns: inode number of the namespace: no two that live have the same
 * @scope: interface or VRF that the addresses are valid in, 0 for all
 * @ipv6: not IPv4, nor v4-mapped
 *
 * Has no holes: it is hashed as bytes.
 */
struct flow_key {
	union nf_inet_addr addr[2];
	__be16 port[2];
	u32 netns;
	u32 scope : 31;
	u32 ipv6 : 1;
};

static inline u8 flow_key_family(const struct flow_key *key)
{
	return key->ipv6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
}

/* What stands behind a local end. */
enum flow_socket {
	SOCKET_NONE,		/* nothing, or nothing known */
	SOCKET_FULL,		/* struct tcp_sock: its tracepoint reports */
	SOCKET_REQUEST,		/* struct request_sock: looked at by deadline and doubt */
	SOCKET_TIMEWAIT,	/* struct inet_timewait_sock: likewise */
};

/**
 * struct flow_end - one endpoint of a flow, beside what the engine keeps
 * @check: when to look at its socket, in jiffies, with @checking
 * @entered: when it entered @shown, in 64-bit jiffies
 * @since: when engine and socket began to differ, in jiffies, with @differs
 * @device: the socket's sk_bound_dev_if
 * @shown: the state that is counted
 * @sock: the state that its socket committed last; close without one
 * @socket: enum flow_socket
 * @cause: enum witness_cause of the difference, as far as the socket told
 * @misses: look-ups in a row that did not find what was expected
 * @local: a socket of this namespace terminates it
 * @checking: @check is set
 * @differs: @since is set
 * @silent: it was the socket that moved last, not the engine
 * @seeded: how often its socket, which was found, is to be looked at once more
 */
struct flow_end {
	unsigned long check;
	unsigned long since;
	u64 entered;
	int device;
	u8 shown;
	u8 sock;
	u8 socket;
	u8 cause;
	u8 misses;
	bool local;
	bool checking;
	bool differs;
	bool silent;
	u8 seeded;
};

/**
 * struct flow - one connection
 * @next: in its bucket; under the bucket's lock, read under RCU
 * @key: identity, written once
 * @lock: guards what follows, but for @due, @slot and @fires; raw, irqs off, held for a
 *	  few dozen instructions: it is taken in tracepoint probes
 * @seen: when it was last heard of, the lower half of jiffies
 * @class: enum flow_class
 * @heard: the ends that something acceptable was heard of, as bits
 * @initiator: index of the end that opened the connection
 * @dead: out of the table
 * @fsm: what the engine knows
 * @net: the namespace, no reference: its exit removes the flow
 * @hash: of @key
 * @slot: slot of the expiry wheel, or a negative number; under the wheel's lock
 * @due: in that slot; under the wheel's lock
 * @fires: when that slot fires, in 64-bit jiffies; under the wheel's lock
 * @asked: when it is to be asked again, in jiffies, with @armed
 * @born: when the connection became known, in nanoseconds since boot
 * @provenance: how the connection became known, enum tcpstate_provenance
 * @armed: it hangs in the wheel, or was just taken out of it
 * @embryonic: counted in tcpstate_net::embryonic
 * @end: the two ends, in the order of @key
 * @rcu: for the release
 *
 * Lock order: flow, then bucket or wheel. The first cache line and the second, where the
 * engine keeps what moves, are all that most forwarded segments touch.
 */
struct flow {
	struct flow __rcu *next;
	struct flow_key key;
	raw_spinlock_t lock;
	u32 seen;
	u8 class;
	u8 heard;
	u8 initiator;
	bool dead;

	struct fsm fsm ____cacheline_aligned;

	u32 hash;
	struct net *net;
	struct hlist_node due;
	u64 fires;
	unsigned long asked;
	u64 born;
	int slot;
	u8 provenance;
	bool armed;
	bool embryonic;
	struct flow_end end[2];
	struct rcu_head rcu;
};

/* table.c */
unsigned int flow_key_init(struct flow_key *key, const struct net *net, u8 family,
			   const union nf_inet_addr *src, const union nf_inet_addr *dst,
			   __be16 sport, __be16 dport, u32 scope);
u32 table_hash(const struct flow_key *key);
u64 table_id(const struct flow *flow);
struct flow *table_lookup(const struct flow_key *key, u32 hash);
struct flow *table_insert(struct flow *flow);
void table_remove(struct flow *flow);
unsigned int table_buckets(void);
int table_visit(unsigned int i, int (*visit)(struct flow *flow, void *data), void *data);
int table_init(unsigned int flows);
void table_exit(void);

/* flow.c */
struct flow *flow_find(const struct flow_key *key, unsigned long *flags);
struct flow *flow_create(struct net *net, const struct flow_key *key, enum flow_class class,
			 unsigned int initiator, unsigned long *flags);
bool flow_relock(struct flow *flow, unsigned long *flags);
void flow_unlock(struct flow *flow, unsigned long flags);
void flow_move(struct flow *flow, unsigned int e, u8 to);
void flow_socket(struct flow *flow, unsigned int e, enum flow_socket socket);
void flow_local(struct flow *flow, unsigned int e);
void flow_remote(struct flow *flow, unsigned int e);
void flow_apply(struct flow *flow, const struct fsm_result *r);
void flow_settle(struct flow *flow);
void flow_remove(struct flow *flow);
u64 flow_purge(bool (*match)(const struct flow *flow, const void *data), const void *data,
	       const atomic_t *left);
bool flow_any(void);
size_t flow_memory(unsigned int flows);
unsigned int flow_limit(void);
void flow_set_limit(unsigned int limit);
unsigned int flow_netns_limit(const struct tcpstate_net *tn);
unsigned int flow_embryonic_limit(const struct tcpstate_net *tn);
int flow_init(void);
void flow_exit(void);

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
bool evict_for(struct tcpstate_net *tn, enum flow_class class, u32 hash);

/* expire.c */
void expire_arm(struct flow *flow, unsigned long when);
void expire_forget(struct flow *flow);
bool expire_deadline(const struct flow *flow, unsigned long *when);
void expire_defaults(struct tcpstate_net *tn);
int expire_init(void);
void expire_exit(void);

#endif
