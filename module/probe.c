// SPDX-License-Identifier: GPL-2.0
/*
 * The probe: full sockets tell of each change of their state, at once, through
 * the tracepoint inet_sock_set_state.
 */
#include <linux/tcp.h>
#include <linux/tracepoint.h>
#include <net/tcp_states.h>
#include <trace/events/sock.h>

#include "flow.h"
#include "socket.h"
#include "table.h"

/* A flow that no segment announced: its local end is what the socket says. */
static struct flow *adopt(struct net *net, const struct flow_key *key, unsigned int e,
			  int from, const struct witness_news *news, unsigned long *flags)
{
	bool responder = from == TCP_SYN_RECV;
	struct flow *flow;
	u8 far;

	flow = flow_create(net, key, table_hash(key),
			   responder ? CLASS_LOCAL_RESPONDER : CLASS_LOCAL_INITIATOR,
			   responder ? !e : e, flags);
	/* It waits for data to send its SYN with. */
	if (!flow || news->state == FSM_SYN_SENT)
		return flow;
	if (!responder && flow->shown[e] == FSM_CLOSE)
		flow->provenance = TCPSTATE_PROVENANCE_MIDSTREAM;
	if (flow->class == CLASS_SELF || flow->shown[!e] != FSM_CLOSE ||
	    flow_is_local(flow, !e))
		return flow;
	far = news->state == FSM_CLOSE_WAIT ? FSM_FIN_WAIT2 : FSM_ESTABLISHED;
	fsm_adopt(&flow->fsm, !e, far, NULL);
	flow->fsm.end[!e].flags |= FSM_INFERRED;
	flow_move(flow, !e, far);
	return flow;
}

/*
 * A closed socket may live on as a timewait socket; a request may have followed
 * it already. Return: whether another full socket, the child that won, has its place.
 */
static bool replaced(struct net *net, const struct flow_key *key, unsigned int e, int device,
		     struct witness_news *news)
{
	struct witness_news other;

	if (!socket_lookup(net, key, e, device, &other))
		return false;
	if (other.socket == SOCKET_FULL)
		return true;
	*news = other;
	return false;
}

/* A socket is in state @to. Return: whether its connection has a flow, @create making one. */
static bool look(const struct sock *sk, int from, int to, bool create)
{
	struct net *net = sock_net(sk);
	struct witness_news news;
	struct flow_key key;
	unsigned long flags;
	struct flow *flow;
	unsigned int e;

	if (!socket_key(sk, &key, &e))
		return true;
	socket_news(sk, to, &news);
	if (to == TCP_CLOSE && replaced(net, &key, e, news.device, &news))
		return true;
	flow = flow_find_whole(&key, table_hash(&key), &flags);
	if (!flow && create)
		flow = adopt(net, &key, e, from, &news, &flags);
	if (!flow)
		return false;
	/* Segments pass unseen: the engine cannot know. */
	if (!(READ_ONCE(flow_pernet(flow)->hooked) & PATH_LOCAL)) {
		flow->end[0].seeded = WITNESS_SEEDED;
		flow->end[1].seeded = WITNESS_SEEDED;
	}
	witness_commit(flow, e, &news);
	flow_settle(flow);
	flow_unlock(flow, flags);
	return true;
}

/**
 * witness_look - look at a socket whose event was put off
 * @sk: a full socket, with a reference
 *
 * Process context.
 */
void witness_look(const struct sock *sk)
{
	struct tcpstate_net *tn = tcpstate_pernet(sock_net(sk));
	struct flow_key key;
	unsigned long flags;
	struct flow *flow;
	unsigned int e;
	int state;

	rcu_read_lock();
	state = READ_ONCE(sk->sk_state);
	if (!netns_watches(tn, TCPSTATE_PATH_LOCAL) || state == TCP_CLOSE || state == TCP_LISTEN ||
	    !socket_key(sk, &key, &e))
		goto out;
	/* What it did since, it has reported itself; or the flow is of a connection before it. */
	flow = flow_find_whole(&key, table_hash(&key), &flags);
	if (!flow) {
		look(sk, state == TCP_SYN_SENT ? TCP_CLOSE : TCP_SYN_RECV, state, true);
		/* It may have closed before there was a flow to find. */
		flow = flow_find_whole(&key, table_hash(&key), &flags);
	}
	if (flow) {
		witness_look_again(flow, e);
		flow_settle(flow);
		flow_unlock(flow, flags);
	}
out:
	rcu_read_unlock();
}

static void defer(struct tcpstate_net *tn, const struct sock *sk)
{
	if (!deferred_add((struct sock *)sk))
		netns_untracked(tn);
}

/*
 * Before the store: the arguments count, not sk->sk_state. With preemption
 * off, in process or softirq context, mostly under the socket's lock.
 */
static void probe(void *data, const struct sock *sk, const int from, const int to)
{
	struct tcpstate_net *tn;
	bool create;

	if (sk->sk_protocol != IPPROTO_TCP)
		return;
	rcu_read_lock();
	tn = tcpstate_pernet(sock_net(sk));
	/* A kernel socket may be older, or live longer, than our part of its namespace. */
	if (!tn || !netns_watches(tn, TCPSTATE_PATH_LOCAL))
		goto out;
	if (to == TCP_LISTEN || (from == TCP_LISTEN && to == TCP_CLOSE)) {
		counters_listen(&tn->counters, to == TCP_LISTEN);
		goto out;
	}
	/* A clone has no address yet. */
	if (from == TCP_LISTEN)
		goto out;
	/* There may be no port yet: the SYN at LOCAL_OUT tells, unless it waits for data. */
	if (to == TCP_SYN_SENT) {
		if (tcp_sk(sk)->fastopen_connect)
			defer(tn, sk);
		goto out;
	}
	/*
	 * No segment announced it: SYN cookies, TCP_REPAIR. Not with preemption off on
	 * PREEMPT_RT.
	 */
	create = to == TCP_ESTABLISHED || to == TCP_CLOSE_WAIT;
	if (!look(sk, from, to, create && !IS_ENABLED(CONFIG_PREEMPT_RT)) &&
	    create && IS_ENABLED(CONFIG_PREEMPT_RT))
		defer(tn, sk);
out:
	rcu_read_unlock();
}

static struct tracepoint *tracepoint;

static void find_tracepoint(struct tracepoint *tp, void *name)
{
	if (!strcmp(tp->name, name))
		tracepoint = tp;
}

/**
 * witness_start - begin to listen to the sockets
 *
 * Return: 0; -ENOENT if this kernel lacks the tracepoint.
 */
int witness_start(void)
{
	if (!witness_watches())
		return 0;
	deferred_init();
	for_each_kernel_tracepoint(find_tracepoint, "inet_sock_set_state");
	if (!tracepoint)
		return -ENOENT;
	return tracepoint_probe_register(tracepoint, probe, NULL);
}

/**
 * witness_stop - stop listening; no probe runs after it
 */
void witness_stop(void)
{
	if (!witness_watches())
		return;
	tracepoint_probe_unregister(tracepoint, probe, NULL);
	tracepoint_synchronize_unregister();
	deferred_flush();
}
