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

#include "flow.h"
#include "socket.h"
#include "table.h"

/* For how long engine and socket may differ before it is judged; longer if it would be an error. */
#define GRACE		(HZ / 5)
#define PATIENCE	(2 * HZ)
/* How soon after a doubtful segment a request or timewait socket is looked at. */
#define DOUBT		2
/* How often the full socket that is bound to a device is looked at. */
#define REBOUND		(60 * HZ)
/* How often a request socket is looked at while there are few. */
#define REQUEST		(3 * HZ / 4)

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

/**
 * witness_watches - are sockets looked at?
 */
bool witness_watches(void)
{
	return mode != WITNESS_OFF;
}

/**
 * witness_mode - what are sockets used for?
 */
enum witness_mode witness_mode(void)
{
	return mode;
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
	return mode == WITNESS_COMMIT && flow_is_local(flow, e);
}

static void look_at(struct flow_end *end, unsigned long when)
{
	if (end->checking && !time_before(when, flow_jiffies(end->check)))
		return;
	end->check = (u32)when;
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

/* One may be destroyed without a word, and nothing counts them (sampler.c). */
static void look_at_request(struct flow *flow, unsigned int e)
{
	if (flow->end[e].socket == SOCKET_REQUEST && !READ_ONCE(flow_pernet(flow)->crowded))
		look_at(&flow->end[e], jiffies + REQUEST);
}

/* Return: what explains the difference of an end, %CAUSE_NONE if nothing does. */
static enum witness_cause explanation(const struct flow *flow, unsigned int e)
{
	const struct flow_end *end = &flow->end[e];
	u8 engine = flow->fsm.end[e].state;
	enum witness_cause cause = end->cause;

	if (cause == SILENT_CLOSED && witness_cause_explains(SILENT_NO_TIMEWAIT, engine, end->sock))
		cause = SILENT_NO_TIMEWAIT;
	if (witness_cause_explains(cause, engine, end->sock) &&
	    witness_cause_silent(cause) == end->silent)
		return cause;
	return CAUSE_NONE;
}

/* When the difference of an end is to be judged. A busy socket may still do what is expected. */
static unsigned long judgement(const struct flow *flow, unsigned int e)
{
	enum witness_cause cause = explanation(flow, e);

	return flow_jiffies(flow->end[e].since) +
	       (cause && cause != WITHHELD_BACKLOG ? GRACE : PATIENCE);
}

/* Book the difference of an end and let the engine follow the socket. */
static void judge(struct flow *flow, unsigned int e)
{
	struct witness_counters *w = &flow_pernet(flow)->witness;
	enum witness_cause cause = explanation(flow, e);
	struct flow_end *end = &flow->end[e];
	u8 engine = flow->fsm.end[e].state;

	/* What was read of a socket while it changed is no ground to judge the engine. */
	if (end->seeded)
		;
	else if (cause)
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
	end->since = (u32)jiffies;
	end->silent = silent;
	end->cause = cause;
	/* Nothing else would come back to it. */
	if (mode == WITNESS_OBSERVE || end->socket == SOCKET_NONE)
		look_at(end, jiffies + GRACE + 1);
}

/**
 * witness_expect - the engine moved a local end; its socket should follow
 * @flow: the flow, locked
 * @e: which end
 */
void witness_expect(struct flow *flow, unsigned int e)
{
	lockdep_assert_held(&flow->lock);
	if (flow_is_local(flow, e) && witness_watches())
		compare(flow, e, false, CAUSE_NONE);
}

/* Has its socket closed, with the FIN still to come, or in SYN_SENT, without one? */
static bool closed_unheard(const struct flow *flow, unsigned int e)
{
	enum witness_cause cause = explanation(flow, e);

	return cause == SILENT_UNSENT_FIN ||
	       (cause && flow->fsm.end[e].state == FSM_SYN_SENT && flow->end[e].sock == FSM_CLOSE);
}

/**
 * witness_judge - has an end differed from its socket for too long?
 * @flow: the flow, locked
 * @e: which end
 * @received: the event is a segment for it
 *
 * Called with each event of the flow, before it. What the engine expected and
 * the socket withheld needs a look at the socket, which is done elsewhere. A
 * socket that closed takes what is received as one that closed, though its FIN
 * did not leave yet, or none will: there the engine must be, too.
 */
void witness_judge(struct flow *flow, unsigned int e, bool received)
{
	struct flow_end *end = &flow->end[e];

	lockdep_assert_held(&flow->lock);
	if (likely(!flow->whole || !end->differs))
		return;
	if (!end->silent) {
		if (flow_is_due(end->since + GRACE))
			look_at(end, jiffies);
	} else if (time_after_eq(jiffies, judgement(flow, e)) ||
		   (received && closed_unheard(flow, e))) {
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
	if (flow->whole && flow->end[e].differs && flow->end[e].silent)
		judge(flow, e);
}

/**
 * witness_withheld - the engine took back what it had expected
 * @flow: the flow, locked
 * @e: which end
 * @kept: the state that its socket did not leave when the segment came
 * @cause: why it did not
 */
void witness_withheld(struct flow *flow, unsigned int e, u8 kept, enum witness_cause cause)
{
	struct witness_counters *w = &flow_pernet(flow)->witness;

	lockdep_assert_held(&flow->lock);
	atomic64_inc(&w->causes[cause][kept]);
}

/*
 * What passed LOCAL_IN the socket may have dropped, or not: no room. Then a reset that fits
 * the socket does not fit what the engine has seen. And what a cookie brings back has a flow from
 * then on: a RST may have passed before. Otherwise a reset is no excuse.
 */
static enum witness_cause cause_of(const struct flow *flow, unsigned int e,
				   const struct witness_news *news)
{
	if (news->cause != SILENT_RESET || news->facts.rcv != flow->fsm.end[e].rcv ||
	    !(flow->heard & BIT(!e)))
		return news->cause;
	return SILENT_CLOSED;
}

/*
 * Not a word of it was seen on the wire: SYN cookies, TCP_REPAIR. What brings a cookie back may
 * carry a FIN.
 */
static bool unseen(const struct flow *flow, unsigned int e, const struct witness_news *news)
{
	if (!news->known || news->state == FSM_CLOSE || news->state == FSM_SYN_SENT)
		return false;
	return flow->fsm.end[e].state == FSM_CLOSE ||
	       (!flow->heard && news->state == FSM_CLOSE_WAIT);
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
	enum witness_cause cause = cause_of(flow, e, news);
	bool changed = end->sock != news->state, resets;
	bool by_timer = news->cause == SILENT_REQUEST_EXPIRED ||
			news->cause == SILENT_TIMEWAIT_EXPIRED;

	lockdep_assert_held(&flow->lock);
	flow_local(flow, e);
	flow->seen = (u32)jiffies;
	flow_socket(flow, e, news->state == FSM_CLOSE ? SOCKET_NONE : news->socket);
	end->device = news->device;
	end->misses = 0;
	end->checking = false;
	if (news->timed)
		look_at(end, news->deadline);
	else
		look_slowly(end);
	look_at_request(flow, e);
	if (!changed)
		return;

	/* It was closed while the SYN-ACK was looking for it. */
	if (end->differs && !end->silent && end->sock == FSM_SYN_SENT &&
	    news->state == FSM_CLOSE && flow->fsm.end[e].state == FSM_ESTABLISHED) {
		witness_withheld(flow, e, FSM_SYN_SENT, WITHHELD_BACKLOG);
		fsm_adopt(&flow->fsm, e, FSM_SYN_SENT, NULL);
		flow_move(flow, e, FSM_SYN_SENT);
	}
	/* A reset waits in its backlog, behind what moved it now. */
	resets = end->differs && !end->silent && flow->fsm.end[e].state == FSM_CLOSE;
	end->sock = news->state;
	if (unseen(flow, e, news) && !resets) {
		if (flow->fsm.end[e].state == FSM_CLOSE)
			flow->heard = 0;
		fsm_adopt(&flow->fsm, e, news->state, &news->facts);
		if (!witness_commits(flow, e))
			flow_move(flow, e, news->state);
	}
	if (witness_commits(flow, e))
		flow_move(flow, e, news->state);
	if (resets) {
		end->differs = news->state != FSM_CLOSE;
		/* The socket that a timewait socket has replaced held it. */
		if (news->socket == SOCKET_TIMEWAIT) {
			end->cause = WITHHELD_BACKLOG;
			look_at(end, judgement(flow, e) + 1);
		}
	} else {
		compare(flow, e, true, cause);
	}
	/* No segment will ever tell. */
	if (end->differs && by_timer)
		judge(flow, e);
}

/**
 * witness_seed - a socket was found that never told of itself
 * @flow: the flow, locked
 * @e: the socket's end, without a socket so far
 * @news: what it is
 *
 * The engine begins where the socket is. A second look follows: it may have
 * changed before there was a flow.
 */
void witness_seed(struct flow *flow, unsigned int e, const struct witness_news *news)
{
	struct flow_end *end = &flow->end[e];

	lockdep_assert_held(&flow->lock);
	flow_local(flow, e);
	flow->seen = (u32)jiffies;
	flow_socket(flow, e, news->socket);
	end->device = news->device;
	end->sock = news->state;
	end->misses = 0;
	end->differs = false;
	end->seeded = WITNESS_SEEDED;
	fsm_adopt(&flow->fsm, e, news->state, news->known ? &news->facts : NULL);
	flow_move(flow, e, news->state);
	if (news->timed)
		look_at(end, news->deadline);
	look_at(end, jiffies + DOUBT);
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
	if (flow->whole && (end->socket == SOCKET_REQUEST || end->socket == SOCKET_TIMEWAIT))
		look_at(end, jiffies + DOUBT);
}

/**
 * witness_look_again - what was read of a socket may have changed meanwhile
 * @flow: the flow, locked
 * @e: the socket's end
 */
void witness_look_again(struct flow *flow, unsigned int e)
{
	lockdep_assert_held(&flow->lock);
	look_at(&flow->end[e], jiffies + DOUBT);
}

/* The socket is not there any more. */
static void gone(struct flow *flow, unsigned int e)
{
	struct flow_end *end = &flow->end[e];
	struct witness_news news = {
		.state = FSM_CLOSE,
		.device = end->device,
	};

	if (end->socket == SOCKET_REQUEST)
		news.cause = SILENT_REQUEST_EXPIRED;
	else if (end->socket == SOCKET_TIMEWAIT)
		news.cause = SILENT_TIMEWAIT_EXPIRED;
	else if (end->device)
		netns_untracked(flow_pernet(flow));	/* it lives on under another key */
	witness_commit(flow, e, &news);
}

/* The socket is not to be found: once may be chance. */
static void missed(struct flow *flow, unsigned int e)
{
	if (flow->end[e].misses++)
		gone(flow, e);
	else
		look_at(&flow->end[e], jiffies + DOUBT);
}

/*
 * A full socket is in another state than it told: it is about to be, or it told
 * before there was a flow. Once may be chance.
 */
static void overtaken(struct flow *flow, unsigned int e, const struct witness_news *news)
{
	if (flow->end[e].misses)
		witness_seed(flow, e, news);
	else
		look_at(&flow->end[e], jiffies + DOUBT);
	flow->end[e].misses = !flow->end[e].misses;
}

/* Room is no excuse where it has received all. */
static enum witness_cause withheld_cause(const struct flow *flow, unsigned int e,
					 const struct witness_news *news)
{
	if (news->cause == WITHHELD_NO_ROOM && !seq_before(news->facts.rcv, flow->fsm.end[e].rcv))
		return CAUSE_NONE;
	return news->cause;
}

/*
 * A look at a socket that was found: the engine learns what it missed. After the
 * last one it is judged.
 */
static void settle_seed(struct flow *flow, unsigned int e, const struct witness_news *news)
{
	struct flow_end *end = &flow->end[e];

	end->differs = false;
	fsm_adopt(&flow->fsm, e, end->sock, news->known ? &news->facts : NULL);
	if (--end->seeded)
		look_at(end, jiffies + GRACE);
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
	struct flow_key key;
	u8 sock, socket;
	unsigned long flags;
	bool found;
	int device;

	if (!flow->whole || !flow_relock(flow, &flags))
		return;
	/* Its socket table lives for a grace period after this was false. */
	if (READ_ONCE(flow_pernet(flow)->dying)) {
		flow_unlock(flow, flags);
		return;
	}
	sock = end->sock;
	socket = end->socket;
	device = end->device;
	flow_key_of(flow, &key);
	flow_unlock(flow, flags);

	local_bh_disable();
	found = socket_lookup(flow->net, &key, e, device, &news);
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
			/* Another connection took its name, and its SYN did not leave yet. */
			if (socket == SOCKET_TIMEWAIT && news.state == FSM_SYN_SENT) {
				gone(flow, e);
				flow->fsm.end[e] = (struct fsm_end){ .state = FSM_CLOSE };
				news.cause = SILENT_SYN_DEFERRED;
			}
			witness_commit(flow, e, &news);
		} else if (found && news.state != sock) {
			overtaken(flow, e, &news);
		} else {
			end->misses = 0;
			look_slowly(end);
		}
		if (found && end->seeded && end->sock == news.state)
			settle_seed(flow, e, &news);
		/* A timewait socket withholds nothing; what it has replaced may have. */
		if (end->differs && found && !end->silent && news.socket != SOCKET_TIMEWAIT)
			end->cause = withheld_cause(flow, e, &news);
		if (end->differs && time_after_eq(jiffies, judgement(flow, e)))
			judge(flow, e);
		else if (end->differs)
			look_at(end, judgement(flow, e) + 1);
	}
	flow_settle(flow);
	flow_unlock(flow, flags);
}
