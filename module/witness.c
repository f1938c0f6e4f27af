// SPDX-License-Identifier: GPL-2.0
/*
 * The witness: how local ends equal their sockets without polling.
 *
 * A full socket reports each change through the tracepoint inet_sock_set_state,
 * synchronously. Request and timewait sockets have no tracepoint: they are
 * looked at when their own timer is due, and shortly after a segment that
 * might have ended them. What engine and socket disagree on for longer than a
 * moment is silent, withheld, or an error of the engine, and is counted.
 */
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/tcp.h>
#include <linux/tracepoint.h>
#include <net/tcp_states.h>
#include <trace/events/sock.h>

#include "flow.h"
#include "socket.h"

/* For how long engine and socket may differ before it is judged; longer if it would be an error. */
#define GRACE		(HZ / 5)
#define PATIENCE	(2 * HZ)
/* How soon after a doubtful segment a request or timewait socket is looked at. */
#define DOUBT		2
/* How often the full socket that is bound to a device is looked at. */
#define REBOUND		(60 * HZ)

static const char *const modes[] = {
	[WITNESS_OFF] = "0",
	[WITNESS_COMMIT] = "1",
	[WITNESS_OBSERVE] = "observe",
};

static enum witness_mode mode __read_mostly = WITNESS_COMMIT;

static int mode_set(const char *value, const struct kernel_param *kp)
{
	int i = sysfs_match_string(modes, value);

	if (i < 0)
		return i;
	mode = i;
	return 0;
}

static int mode_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", modes[mode]);
}

static const struct kernel_param_ops mode_ops = {
	.set = mode_set,
	.get = mode_get,
};

module_param_cb(witness, &mode_ops, NULL, 0400);
MODULE_PARM_DESC(witness, "1: sockets move local ends (default), observe: they are only compared, 0: not looked at");

#define BIT_OF(state)	(1 << (state))
#define ANY		((1 << FSM_STATES) - 1)

/*
 * The closed list: what each cause may explain, the engine's state by the
 * socket's. Everything else is a correction. Documentation/fsm.rst repeats it.
 */
static const struct {
	const char *name;
	u16 engine;
	u16 socket;
} causes[CAUSES] = {
	[SILENT_UNSENT_FIN] = {
		"unsent_fin",
		BIT_OF(FSM_ESTABLISHED) | BIT_OF(FSM_CLOSE_WAIT) | BIT_OF(FSM_SYN_RECV),
		BIT_OF(FSM_FIN_WAIT1) | BIT_OF(FSM_LAST_ACK),
	},
	[SILENT_CLOSED] = {
		"closed",
		ANY & ~(BIT_OF(FSM_ESTABLISHED) | BIT_OF(FSM_CLOSE_WAIT) | BIT_OF(FSM_TIME_WAIT)),
		BIT_OF(FSM_CLOSE),
	},
	[SILENT_TIMED_OUT] = { "timed_out", ANY, BIT_OF(FSM_CLOSE) },
	[SILENT_UNREACHABLE] = {
		"unreachable",
		BIT_OF(FSM_SYN_SENT) | BIT_OF(FSM_SYN_RECV),
		BIT_OF(FSM_CLOSE),
	},
	[SILENT_ABORTED] = { "aborted", ANY, BIT_OF(FSM_CLOSE) },
	[SILENT_REPAIRED] = { "repaired", ANY, ANY },
	[SILENT_NO_TIMEWAIT] = {
		"no_timewait",
		BIT_OF(FSM_TIME_WAIT) | BIT_OF(FSM_FIN_WAIT2),
		BIT_OF(FSM_CLOSE),
	},
	[SILENT_REQUEST_EXPIRED] = { "request_expired", BIT_OF(FSM_SYN_RECV), BIT_OF(FSM_CLOSE) },
	[SILENT_TIMEWAIT_EXPIRED] = {
		"timewait_expired",
		BIT_OF(FSM_TIME_WAIT) | BIT_OF(FSM_FIN_WAIT2),
		BIT_OF(FSM_CLOSE),
	},
	[SILENT_SYN_DEFERRED] = { "syn_deferred", BIT_OF(FSM_CLOSE), BIT_OF(FSM_SYN_SENT) },
	[WITHHELD_OVERFLOW] = { "overflow", BIT_OF(FSM_ESTABLISHED) | BIT_OF(FSM_CLOSE_WAIT),
				BIT_OF(FSM_SYN_RECV) },
	[WITHHELD_DEFERRED] = { "deferred", BIT_OF(FSM_ESTABLISHED), BIT_OF(FSM_SYN_RECV) },
	[WITHHELD_FILTER] = { "filter", ANY, ANY },
	[WITHHELD_SIGNATURE] = { "signature", ANY, ANY },
	[WITHHELD_MINTTL] = { "min_ttl", ANY, ANY },
	[WITHHELD_BACKLOG] = { "backlog", ANY, ANY },
};

/**
 * witness_cause_name - a cause's name as it is printed
 * @cause: the cause
 *
 * Return: a constant string, or NULL for %CAUSE_NONE.
 */
const char *witness_cause_name(enum witness_cause cause)
{
	return causes[cause].name;
}

/**
 * witness_watches - are sockets looked at?
 */
bool witness_watches(void)
{
	return mode != WITNESS_OFF;
}

/**
 * witness_commits - does this end move when its socket does?
 * @flow: the flow
 * @e: which end
 *
 * Return: false for ends that the engine moves.
 */
bool witness_commits(const struct flow *flow, unsigned int e)
{
	return mode == WITNESS_COMMIT && flow->end[e].local;
}

static void look_at(struct flow_end *end, unsigned long when)
{
	if (end->checking && !time_before(when, end->check))
		return;
	end->check = when;
	end->checking = true;
}

/*
 * A bound socket may be bound elsewhere, or its VRF may go: then it reports
 * under another key, and this flow would never hear of it again.
 */
static void look_slowly(struct flow_end *end)
{
	if (end->device && end->socket == SOCKET_FULL)
		look_at(end, jiffies + REBOUND);
}

static bool explains(enum witness_cause cause, u8 engine, u8 socket)
{
	return cause != CAUSE_NONE && causes[cause].engine & BIT_OF(engine) &&
	       causes[cause].socket & BIT_OF(socket);
}

/* Return: what explains the difference of an end, %CAUSE_NONE if nothing does. */
static enum witness_cause explanation(const struct flow *flow, unsigned int e)
{
	const struct flow_end *end = &flow->end[e];
	u8 engine = flow->fsm.end[e].state;
	enum witness_cause cause = end->cause;

	if (cause == SILENT_CLOSED && explains(SILENT_NO_TIMEWAIT, engine, end->sock))
		cause = SILENT_NO_TIMEWAIT;
	if (explains(cause, engine, end->sock) && witness_cause_silent(cause) == end->silent)
		return cause;
	return CAUSE_NONE;
}

/* When the difference of an end is to be judged. */
static unsigned long judgement(const struct flow *flow, unsigned int e)
{
	return flow->end[e].since + (explanation(flow, e) ? GRACE : PATIENCE);
}

/* Book the difference of an end and let the engine follow the socket. */
static void judge(struct flow *flow, unsigned int e)
{
	struct witness_counters *w = &flow_pernet(flow)->witness;
	enum witness_cause cause = explanation(flow, e);
	struct flow_end *end = &flow->end[e];
	u8 engine = flow->fsm.end[e].state;

	if (cause)
		atomic64_inc(&w->causes[cause][end->silent ? engine : end->sock]);
	else
		atomic_inc(&w->corrections[engine][end->sock]);
	end->differs = false;
	fsm_adopt(&flow->fsm, e, end->sock, NULL);
	if (!witness_commits(flow, e))
		flow_move(flow, e, end->sock);
}

/* One of the two moved: do they differ now, and since when? */
static void compare(struct flow *flow, unsigned int e, bool silent, enum witness_cause cause)
{
	struct flow_end *end = &flow->end[e];

	end->differs = flow->fsm.end[e].state != end->sock;
	if (!end->differs)
		return;
	end->since = jiffies;
	end->silent = silent;
	end->cause = cause;
	/* Nothing else would come back to it. */
	if (mode == WITNESS_OBSERVE || end->socket == SOCKET_NONE)
		look_at(end, end->since + GRACE + 1);
}

/**
 * witness_expect - the engine moved a local end; its socket should follow
 * @flow: the flow, locked
 * @e: which end
 */
void witness_expect(struct flow *flow, unsigned int e)
{
	lockdep_assert_held(&flow->lock);
	if (flow->end[e].local && witness_watches())
		compare(flow, e, false, CAUSE_NONE);
}

/**
 * witness_judge - has an end differed from its socket for too long?
 * @flow: the flow, locked
 * @e: which end
 *
 * Called with each event of the flow, before it. What the engine expected and
 * the socket withheld needs a look at the socket, which is done elsewhere.
 */
void witness_judge(struct flow *flow, unsigned int e)
{
	struct flow_end *end = &flow->end[e];

	lockdep_assert_held(&flow->lock);
	if (likely(!end->differs))
		return;
	if (!end->silent) {
		if (time_after_eq(jiffies, end->since + GRACE))
			look_at(end, jiffies);
	} else if (time_after_eq(jiffies, judgement(flow, e))) {
		judge(flow, e);
	}
}

/**
 * witness_conclude - an end opens anew: what was not judged yet is now
 * @flow: the flow, locked
 * @e: which end
 */
void witness_conclude(struct flow *flow, unsigned int e)
{
	lockdep_assert_held(&flow->lock);
	if (flow->end[e].differs && flow->end[e].silent)
		judge(flow, e);
}

/**
 * witness_withheld - the engine took back what it had expected
 * @flow: the flow, locked
 * @e: which end
 * @cause: why its socket did not make the move
 */
void witness_withheld(struct flow *flow, unsigned int e, enum witness_cause cause)
{
	struct witness_counters *w = &flow_pernet(flow)->witness;

	lockdep_assert_held(&flow->lock);
	atomic64_inc(&w->causes[cause][flow->end[e].sock]);
}

/**
 * witness_commit - a socket told its state
 * @flow: the flow, locked
 * @e: the socket's end
 * @news: what it told
 */
void witness_commit(struct flow *flow, unsigned int e, const struct witness_news *news)
{
	struct flow_end *end = &flow->end[e];
	bool changed = end->sock != news->state;
	bool by_timer = news->cause == SILENT_REQUEST_EXPIRED ||
			news->cause == SILENT_TIMEWAIT_EXPIRED;

	lockdep_assert_held(&flow->lock);
	flow_local(flow, e);
	flow->seen = jiffies;
	end->socket = news->state == FSM_CLOSE ? SOCKET_NONE : news->socket;
	end->device = news->device;
	end->misses = 0;
	end->checking = false;
	if (news->timed)
		look_at(end, news->deadline);
	else
		look_slowly(end);
	if (!changed)
		return;

	end->sock = news->state;
	if (flow->fsm.end[e].state == FSM_CLOSE && news->known && news->state != FSM_CLOSE &&
	    news->state != FSM_SYN_SENT) {
		/* Not a word of it was seen on the wire: SYN cookies, TCP_REPAIR. */
		fsm_adopt(&flow->fsm, e, news->state, &news->facts);
		if (!witness_commits(flow, e))
			flow_move(flow, e, news->state);
	}
	if (witness_commits(flow, e))
		flow_move(flow, e, news->state);
	compare(flow, e, true, news->cause);
	/* No segment will ever tell. */
	if (end->differs && by_timer)
		judge(flow, e);
}

/**
 * witness_doubt - a segment may have ended a socket that has no tracepoint
 * @flow: the flow, locked
 * @e: the end that the segment went to
 */
void witness_doubt(struct flow *flow, unsigned int e)
{
	struct flow_end *end = &flow->end[e];

	lockdep_assert_held(&flow->lock);
	if (end->socket == SOCKET_REQUEST || end->socket == SOCKET_TIMEWAIT)
		look_at(end, jiffies + DOUBT);
}

/* The socket is not to be found: once may be chance. */
static void missed(struct flow *flow, unsigned int e)
{
	struct flow_end *end = &flow->end[e];
	struct witness_news news = {
		.state = FSM_CLOSE,
		.device = end->device,
	};

	if (!end->misses++) {
		look_at(end, jiffies + DOUBT);
		return;
	}
	if (end->socket == SOCKET_REQUEST)
		news.cause = SILENT_REQUEST_EXPIRED;
	else if (end->socket == SOCKET_TIMEWAIT)
		news.cause = SILENT_TIMEWAIT_EXPIRED;
	else
		netns_untracked(flow_pernet(flow));	/* it lives on under another key */
	witness_commit(flow, e, &news);
}

/**
 * witness_check - look at an end's socket, by deadline or doubt
 * @flow: the flow, not locked
 * @e: which end
 *
 * Process context, under RCU. The look-up stands outside the flow's lock; if
 * the socket reported meanwhile, its word stands.
 */
void witness_check(struct flow *flow, unsigned int e)
{
	struct flow_end *end = &flow->end[e];
	struct witness_news news;
	u8 sock, socket;
	unsigned long flags;
	bool found;
	int device;

	if (!flow_relock(flow, &flags))
		return;
	/* Its socket table lives for a grace period after this was false. */
	if (READ_ONCE(flow_pernet(flow)->dying)) {
		flow_unlock(flow, flags);
		return;
	}
	sock = end->sock;
	socket = end->socket;
	device = end->device;
	flow_unlock(flow, flags);

	local_bh_disable();
	found = socket_lookup(flow->net, &flow->key, e, device, &news);
	local_bh_enable();

	if (!flow_relock(flow, &flags))
		return;
	if (end->sock == sock && end->socket == socket) {
		if (!found && socket != SOCKET_NONE) {
			missed(flow, e);
		} else if (found && news.socket == SOCKET_FULL && socket != SOCKET_FULL &&
			   !end->misses++) {
			look_at(end, jiffies + DOUBT);	/* its event is on its way */
		} else if (found && (news.socket != SOCKET_FULL || socket != SOCKET_FULL)) {
			witness_commit(flow, e, &news);
		} else {
			end->misses = 0;
			look_slowly(end);
		}
		if (end->differs && found && !end->silent)
			end->cause = news.cause;
		if (end->differs && time_after_eq(jiffies, judgement(flow, e)))
			judge(flow, e);
		else if (end->differs)
			look_at(end, judgement(flow, e) + 1);
	}
	flow_settle(flow);
	flow_unlock(flow, flags);
}

/* A flow that no segment announced: its local end is what the socket says. */
static struct flow *adopt(struct net *net, const struct flow_key *key, unsigned int e,
			  int from, const struct witness_news *news, unsigned long *flags)
{
	bool responder = from == TCP_SYN_RECV;
	struct flow *flow;
	u8 far;

	flow = flow_create(net, key, responder ? CLASS_LOCAL_RESPONDER : CLASS_LOCAL_INITIATOR,
			   responder ? !e : e, flags);
	if (!flow || flow->class == CLASS_SELF || flow->end[!e].shown != FSM_CLOSE ||
	    flow->end[!e].local)
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
	flow = flow_find(net, &key, &flags);
	if (!flow && create)
		flow = adopt(net, &key, e, from, &news, &flags);
	if (!flow)
		return false;
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
	if (READ_ONCE(tn->dying) || state == TCP_CLOSE || state == TCP_LISTEN ||
	    !socket_key(sk, &key, &e))
		goto out;
	/* What it did since, it has reported itself. */
	flow = flow_find(sock_net(sk), &key, &flags);
	if (flow) {
		flow_unlock(flow, flags);
		goto out;
	}
	look(sk, state == TCP_SYN_SENT ? TCP_CLOSE : TCP_SYN_RECV, state, true);
	/* It may have closed before there was a flow to find. */
	flow = flow_find(sock_net(sk), &key, &flags);
	if (flow) {
		look_at(&flow->end[e], jiffies + DOUBT);
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
	if (!tn || READ_ONCE(tn->dying))
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
