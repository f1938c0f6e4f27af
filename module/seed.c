// SPDX-License-Identifier: GPL-2.0
/*
 * Seeding: flows for the sockets that exist already.
 *
 * Hooks and probe are on before the walk begins, so that what changes from
 * then on is told; a socket whose end is known in another state is passed over. What
 * changed between a look at a socket and its flow's place in the table is found
 * by a second look, a moment later: each seeded end has one.
 *
 * The kernel's tables are walked bucket by bucket, under RCU in each. A socket
 * may be freed and become another one meanwhile: it is held while it is read,
 * and a chain that ends elsewhere is walked again.
 */
#include <linux/bitmap.h>
#include <linux/delay.h>
#include <linux/inetdevice.h>
#include <linux/mm.h>
#include <linux/rculist_nulls.h>
#include <net/addrconf.h>
#include <net/route.h>

#include "compat/listen.h"
#include "flow.h"
#include "seed.h"
#include "socket.h"
#include "table.h"

#define PORTS		65536
#define CHAIN_TRIES	16	/* how often a chain is walked that keeps changing */
#define LISTEN_TRIES	10	/* how often listening sockets are counted until they rest */
#define LISTEN_PAUSE	20	/* between two counts, in milliseconds */

/* What the far end is likely to be in, while the near one is in @state. */
static u8 far_state(u8 state)
{
	switch (state) {
	case FSM_SYN_SENT:
	case FSM_TIME_WAIT:
		return FSM_CLOSE;
	case FSM_SYN_RECV:
		return FSM_SYN_SENT;
	case FSM_FIN_WAIT2:
		return FSM_CLOSE_WAIT;
	case FSM_CLOSE_WAIT:
	case FSM_LAST_ACK:
	case FSM_CLOSING:
		return FSM_FIN_WAIT2;
	default:
		return FSM_ESTABLISHED;
	}
}

static bool is_here(struct net *net, const struct flow_key *key, unsigned int e)
{
	const union nf_inet_addr *addr = &key->addr[e];

	if (flow_key_family(key) == NFPROTO_IPV4)
		return inet_addr_type(net, addr->ip) == RTN_LOCAL;
#if IS_ENABLED(CONFIG_IPV6)
	return ipv6_chk_addr(net, &addr->in6, NULL, 0);
#else
	return false;
#endif
}

/* Who opened it: a connection to a port that somebody listens on came from outside. */
static bool is_responder(const struct tcpstate_net *tn, const struct flow_key *key,
			 unsigned int e, const struct witness_news *news)
{
	if (news->socket == SOCKET_REQUEST)
		return true;
	return news->state != FSM_SYN_SENT && test_bit(ntohs(key->port[e]), tn->listened_ports);
}

/* Return: a new flow, locked, or NULL. */
static struct flow *create(struct tcpstate_net *tn, const struct flow_key *key, unsigned int e,
			   const struct witness_news *news, unsigned long *flags)
{
	bool responder = is_responder(tn, key, e, news);
	enum flow_class class = CLASS_LOCAL_INITIATOR;
	struct flow *flow;

	if (is_here(tn->net, key, !e))
		class = CLASS_LOOPBACK;
	else if (responder)
		class = CLASS_LOCAL_RESPONDER;
	flow = flow_create(tn->net, key, table_hash(key), class, responder ? !e : e, flags);
	if (!flow)
		return NULL;
	flow->provenance = TCPSTATE_PROVENANCE_SEEDED;
	if (!flow_is_local(flow, !e) && flow->shown[!e] == FSM_CLOSE) {
		u8 far = far_state(news->state);

		fsm_adopt(&flow->fsm, !e, far, NULL);
		flow->fsm.end[!e].flags |= FSM_INFERRED;
		flow_move(flow, !e, far);
	}
	return flow;
}

/* A socket that is held. */
static void seed_socket(struct tcpstate_net *tn, const struct sock *sk)
{
	int state = READ_ONCE(sk->sk_state);
	struct witness_news news;
	struct flow_key key;
	unsigned long flags;
	struct flow *flow;
	unsigned int e;

	if (state == TCP_CLOSE || state == TCP_LISTEN || !socket_key(sk, &key, &e))
		return;
	socket_news(sk, state, &news);
	flow = flow_find_whole(&key, table_hash(&key), &flags);
	if (!flow)
		flow = create(tn, &key, e, &news, &flags);
	if (!flow)
		return;
	if (flow->class == CLASS_SELF)
		e = 0;
	/* It may have told of itself when the hooks were not there yet. */
	if (flow->end[e].socket == SOCKET_NONE || flow->end[e].sock == news.state)
		witness_seed(flow, e, &news);
	flow_settle(flow);
	flow_unlock(flow, flags);
}

/* Return: the namespace of ours that a socket is to be seeded in, or NULL. */
static struct tcpstate_net *wanted(const struct sock *sk, const struct list_head *nets)
{
	struct tcpstate_net *tn = tcpstate_pernet(sock_net(sk));

	return tn && READ_ONCE(tn->seeding) == nets ? tn : NULL;
}

/* Return: false if the chain changed below the walk. */
static bool seed_chain(struct inet_hashinfo *table, unsigned int i, const struct list_head *nets)
{
	struct hlist_nulls_node *node;
	struct tcpstate_net *tn;
	struct sock *sk;

	sk_nulls_for_each_rcu(sk, node, &table->ehash[i].chain) {
		if (!wanted(sk, nets) || !refcount_inc_not_zero(&sk->sk_refcnt))
			continue;
		/* It may have become another one before it was held. */
		tn = wanted(sk, nets);
		if (tn)
			seed_socket(tn, sk);
		sock_gen_put(sk);
	}
	return get_nulls_value(node) == i;
}

static void seed_table(struct inet_hashinfo *table, struct list_head *nets)
{
	unsigned int i, tries;

	for (i = 0; i <= table->ehash_mask; i++) {
		if (hlist_nulls_empty(&table->ehash[i].chain))
			continue;
		rcu_read_lock();
		local_bh_disable();
		for (tries = 0; tries < CHAIN_TRIES && !seed_chain(table, i, nets); tries++)
			;
		local_bh_enable();
		rcu_read_unlock();
		cond_resched();
	}
}

static void count_listener(const struct sock *sk, void *nets)
{
	struct tcpstate_net *tn = wanted(sk, nets);

	if (!tn || READ_ONCE(sk->sk_state) != TCP_LISTEN)
		return;
	tn->listeners++;
	__set_bit(inet_sk(sk)->inet_num, tn->listened_ports);
}

static void count_listeners(struct inet_hashinfo *table, struct list_head *nets)
{
	unsigned int i;

	for (i = 0; i <= table->lhash2_mask; i++) {
		rcu_read_lock();
		tcpstate_visit_listeners(&table->lhash2[i], count_listener, nets);
		rcu_read_unlock();
		if (!(i % 256))
			cond_resched();
	}
}

/* Each of the kernel's tables once: namespaces may share one, the initial one's. */
static void each_table(struct list_head *nets,
		       void (*visit)(struct inet_hashinfo *table, struct list_head *nets))
{
	struct inet_hashinfo *shared = init_net.ipv4.tcp_death_row.hashinfo;
	struct tcpstate_net *tn;
	bool any = false;

	list_for_each_entry(tn, nets, seeds) {
		struct inet_hashinfo *table = tn->net->ipv4.tcp_death_row.hashinfo;

		if (table == shared)
			any = true;
		else
			visit(table, nets);
	}
	if (any)
		visit(shared, nets);
}

/*
 * A listening socket tells of itself before it can be found, and after it could
 * be: so they are counted until two counts agree between which none told.
 */
static void seed_listeners(struct list_head *nets)
{
	struct tcpstate_net *tn;
	unsigned int try;

	for (try = 0; try < LISTEN_TRIES; try++) {
		bool again = false;

		list_for_each_entry(tn, nets, seeds)
			tn->listeners = 0;
		each_table(nets, count_listeners);
		list_for_each_entry(tn, nets, seeds)
			again |= !counters_listening(&tn->counters, tn->listeners);
		if (!again)
			return;
		msleep(LISTEN_PAUSE);
	}
	list_for_each_entry(tn, nets, seeds)
		tn->incomplete = true;
}

/* A router has flows that no socket tells of. */
static bool forwards(struct net *net)
{
	struct net_device *dev;
	bool found = false;

	rcu_read_lock();
	for_each_netdev_rcu(net, dev) {
		struct in_device *in4 = __in_dev_get_rcu(dev);
#if IS_ENABLED(CONFIG_IPV6)
		struct inet6_dev *in6 = __in6_dev_get(dev);

		found |= in6 && READ_ONCE(in6->cnf.forwarding);
#endif
		found |= in4 && IN_DEV_FORWARD(in4);
	}
	rcu_read_unlock();
	return found;
}

/* Return: whether the namespace is to be seeded and there is memory for it. */
static bool begin(struct tcpstate_net *tn, const struct list_head *nets)
{
	if (!netns_watches(tn, TCPSTATE_PATH_LOCAL) || !witness_watches())
		return false;
	tn->listened_ports = kvcalloc(BITS_TO_LONGS(PORTS), sizeof(long), GFP_KERNEL);
	if (!tn->listened_ports)
		return false;
	tn->incomplete = false;
	tn->missed = netns_missed(tn);
	WRITE_ONCE(tn->seeding, nets);
	return true;
}

static void end(struct tcpstate_net *tn)
{
	bool complete = !tn->incomplete &&
			!(tn->paths & PATH_FORWARDED && forwards(tn->net));

	WRITE_ONCE(tn->seeding, NULL);
	kvfree(tn->listened_ports);
	tn->listened_ports = NULL;
	WRITE_ONCE(tn->complete, complete);
	/* It says so before and after it is missed. */
	if (netns_missed(tn) != tn->missed)
		WRITE_ONCE(tn->complete, false);
}

/**
 * seed - make flows for sockets that have none
 * @nets: the namespaces, by tcpstate_net::seeds, which do not go meanwhile and
 *	  are seeded by nobody else; empty afterwards
 *
 * Hooks and probe are on. What is whole afterwards says so. Process context;
 * takes the longer the more sockets there are, and sleeps between them.
 */
void seed(struct list_head *nets)
{
	struct tcpstate_net *tn, *next;

	list_for_each_entry_safe(tn, next, nets, seeds)
		if (!begin(tn, nets))
			list_del(&tn->seeds);
	if (list_empty(nets))
		return;
	seed_listeners(nets);
	each_table(nets, seed_table);
	list_for_each_entry_safe(tn, next, nets, seeds) {
		list_del(&tn->seeds);
		end(tn);
	}
}
