/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Listening sockets by port and address. Until 5.18 their chains are of another
 * kind than those of established sockets, and a macro walks them.
 */
#ifndef TCPSTATE_COMPAT_LISTEN_H
#define TCPSTATE_COMPAT_LISTEN_H

#include <net/inet_connection_sock.h>
#include <net/inet_hashtables.h>

/* Under RCU. A listening socket is not freed before a grace period. */
static inline void tcpstate_visit_listeners(struct inet_listen_hashbucket *bucket,
					    void (*visit)(const struct sock *sk, void *data),
					    void *data)
{
#ifdef inet_lhash2_for_each_icsk_rcu
	struct inet_connection_sock *icsk;

	inet_lhash2_for_each_icsk_rcu(icsk, &bucket->head)
		visit((struct sock *)icsk, data);
#else
	struct hlist_nulls_node *node;
	struct sock *sk;

	sk_nulls_for_each_rcu(sk, node, &bucket->nulls_head)
		visit(sk, data);
#endif
}

#endif
