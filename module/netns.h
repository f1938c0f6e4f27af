/* SPDX-License-Identifier: GPL-2.0 */
/* What the module keeps for each network namespace. */
#ifndef TCPSTATE_NETNS_H
#define TCPSTATE_NETNS_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/tcpstate.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "counters.h"
#include "sampler.h"
#include "witness.h"

/* Segments that moved nothing, by the reason. Names: netns_reason_name(). */
enum netns_reason {
	REASON_IGNORED,		/* retransmissions, segments of unknown connections */
	REASON_OUT_OF_WINDOW,	/* sequence or acknowledgment number not acceptable */
	REASON_CHALLENGED,	/* RST or SYN that RFC 5961 answers with an ACK */
	REASON_MALFORMED,	/* header that no socket would accept */
	REASON_BAD_CHECKSUM,	/* a wrong checksum */
	REASON_INJECTED,	/* left through LOCAL_OUT without a TCP socket */
	REASONS,
};

/* How long a flow without a socket to ask may be silent: attributes less one. */
#define TIMEOUT(attribute)	(TCPSTATE_A_TIMEOUTS_##attribute - 1)
#define TIMEOUTS		TCPSTATE_A_TIMEOUTS_MAX

/* Paths as bits. A loopback flow is seen where local ones are. */
#define PATH_LOCAL		(BIT(TCPSTATE_PATH_LOCAL) | BIT(TCPSTATE_PATH_LOOPBACK))
#define PATH_FORWARDED		BIT(TCPSTATE_PATH_FORWARDED)
#define PATH_ALL		(PATH_LOCAL | PATH_FORWARDED)

/**
 * struct tcpstate_net - one namespace; under 4 KB before its first flow
 * @list: all namespaces, under netns_mutex
 * @net: the namespace
 * @proc: /proc/net/tcpstate
 * @hooked: paths whose hooks are registered; written under netns_mutex
 * @config: serializes what changes in it by request, flush included
 * @dying: set in .pre_exit: no flow may be created any more
 * @complete: every connection of the watched paths could be seen
 * @paths: the paths that are watched, as bits; written under netns_mutex
 * @max_flows: limit of this namespace; 0: that of all
 * @max_embryonic: limit of half-open forwarded flows; 0: a part of that of all
 * @timeouts: by TIMEOUT(), in seconds
 * @flows: flows in the table
 * @wholes: whole ones among them: struct flow
 * @embryonic: forwarded ones among them without a completed handshake
 * @untracked: connections that got no flow: table full, cap, no memory
 * @evicted: flows that went in favour of others
 * @sampled: when it needed a place last that somebody had, the lower half of jiffies
 * @spent: what it spent in that tick on finding who could go
 * @seeding: sockets that exist are looked for: by whom; this and the next five
 *	     are theirs
 * @seeds: among the namespaces that are seeded together
 * @incomplete: not all of them could be found
 * @listeners: listening sockets found
 * @listened_ports: theirs, as bits
 * @missed: netns_missed() when it began
 * @sums: the kernel's numbers against ours; written by the sampler alone
 * @crowded: too many request sockets to look at each of them all the time
 * @reasons: segments that moved nothing
 * @counters: gauges and totals
 * @witness: where sockets and engine differed
 */
struct tcpstate_net {
	struct list_head list;
	struct net *net;
	struct proc_dir_entry *proc;
	u32 hooked;
	struct mutex config;	/* changes by request */
	bool dying;
	bool complete;
	u32 paths;
	u32 max_flows;
	u32 max_embryonic;
	u32 timeouts[TIMEOUTS];
	atomic_t flows;
	atomic_t wholes;
	atomic_t embryonic;
	atomic64_t untracked;
	atomic64_t evicted;
	u32 sampled;
	u32 spent;
	const void *seeding;
	struct list_head seeds;
	bool incomplete;
	u32 listeners;
	unsigned long *listened_ports;
	u64 missed;
	struct sampler_checksum sums[SUMS];
	bool crowded;
	atomic64_t reasons[REASONS];
	struct counters counters;
	struct witness_counters witness;
};

extern unsigned int tcpstate_netns_id;

/**
 * tcpstate_pernet - what the module keeps for a namespace
 * @net: namespace
 *
 * Return: never NULL while the namespace's memory lives and the module is registered.
 */
static inline struct tcpstate_net *tcpstate_pernet(const struct net *net)
{
	return net_generic(net, tcpstate_netns_id);
}

const char *netns_reason_name(enum netns_reason reason);
void netns_untracked(struct tcpstate_net *tn);
void netns_evicted(struct tcpstate_net *tn);
bool netns_visit(void (*visit)(struct tcpstate_net *tn, void *data), void *data);
int netns_enable(bool enable);
bool netns_enabled(void);
int netns_set_paths(struct tcpstate_net *tn, u32 paths);
u64 netns_flush(struct tcpstate_net *tn);
int netns_init(void);
void netns_exit(void);

/* hooks.c */
int hooks_register(struct net *net, u32 paths);
void hooks_unregister(struct net *net, u32 paths);

/* procfs.c */
int procfs_register(struct tcpstate_net *tn);
void procfs_unregister(struct tcpstate_net *tn);

/* Are flows of a path to be kept? Never any more in a namespace that goes. */
static inline bool netns_watches(const struct tcpstate_net *tn, enum tcpstate_path path)
{
	return !READ_ONCE(tn->dying) && READ_ONCE(tn->paths) & BIT(path);
}

/* Whose root may be anybody. */
static inline bool netns_is_guest(const struct tcpstate_net *tn)
{
	return tn->net->user_ns != &init_user_ns;
}

/* Connections that the table lacks. */
static inline u64 netns_missed(const struct tcpstate_net *tn)
{
	return atomic64_read(&tn->untracked) + atomic64_read(&tn->evicted);
}

static inline void netns_count(struct tcpstate_net *tn, enum netns_reason reason)
{
	atomic64_inc(&tn->reasons[reason]);
}

#endif
