/* SPDX-License-Identifier: GPL-2.0 */
/* What the module keeps for each network namespace. */
#ifndef TCPSTATE_NETNS_H
#define TCPSTATE_NETNS_H

#include <linux/list.h>
#include <net/net_namespace.h>

#include "counters.h"
#include "witness.h"

/* Segments that moved nothing, by the reason. Names: netns_reason_name(). */
enum netns_reason {
	REASON_IGNORED,		/* retransmissions, segments of unknown connections */
	REASON_OUT_OF_WINDOW,	/* sequence or acknowledgment number not acceptable */
	REASON_CHALLENGED,	/* RST or SYN that RFC 5961 answers with an ACK */
	REASON_MALFORMED,	/* header that no socket would accept */
	REASON_BAD_CHECKSUM,	/* SYN, FIN or RST with a wrong checksum */
	REASON_INJECTED,	/* left through LOCAL_OUT without a TCP socket */
	REASONS,
};

/**
 * struct tcpstate_net - one namespace; under 4 KB before its first flow
 * @list: all namespaces, under netns_mutex
 * @net: the namespace
 * @proc: /proc/net/tcpstate
 * @hooked: hooks are registered, under netns_mutex
 * @dying: set in .pre_exit: no flow may be created any more
 * @complete: every connection of this namespace could be seen
 * @flows: flows in the table
 * @embryonic: forwarded ones among them without a completed handshake
 * @untracked: connections that got no flow: table full, cap, no memory
 * @reasons: segments that moved nothing
 * @counters: gauges and totals
 * @witness: where sockets and engine differed
 */
struct tcpstate_net {
	struct list_head list;
	struct net *net;
	struct proc_dir_entry *proc;
	bool hooked;
	bool dying;
	bool complete;
	atomic_t flows;
	atomic_t embryonic;
	atomic64_t untracked;
	atomic64_t reasons[REASONS];
	struct counters counters;
	struct witness_counters witness;
};

struct tcpstate_net *tcpstate_pernet(const struct net *net);
const char *netns_reason_name(enum netns_reason reason);
void netns_untracked(struct tcpstate_net *tn);
int netns_enable(bool enable);
int netns_init(void);
void netns_exit(void);

/* hooks.c */
int hooks_register(struct net *net);
void hooks_unregister(struct net *net);

/* procfs.c */
int procfs_register(struct tcpstate_net *tn);
void procfs_unregister(struct tcpstate_net *tn);

static inline void netns_count(struct tcpstate_net *tn, enum netns_reason reason)
{
	atomic64_inc(&tn->reasons[reason]);
}

#endif
