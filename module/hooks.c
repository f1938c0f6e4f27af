// SPDX-License-Identifier: GPL-2.0
/*
 * Where segments are seen. LOCAL_OUT before any rule: the socket has acted
 * whatever the rule says. LOCAL_IN after the last rule: what was dropped never
 * happened. FORWARD first and last: sent, and received unless dropped between.
 *
 * Every path accepts. Nothing is written, held or dropped.
 */
#include <linux/netfilter_ipv4.h>
#include <net/l3mdev.h>
#include <net/request_sock.h>

#include "flow.h"
#include "fsm_pass.h"
#include "skb.h"
#include "socket.h"
#include "table.h"

#define SEGMENT_RARE	(SEGMENT_SYN | SEGMENT_FIN | SEGMENT_RST)

/**
 * struct event - one segment at one hook
 * @net: namespace
 * @p: the segment
 * @key: its flow's key
 * @hash: of @key
 * @src: index of the sender in @key
 * @dst: index of the receiver, the same for a socket connected to itself
 */
struct event {
	struct net *net;
	struct packet p;
	struct flow_key key;
	u32 hash;
	unsigned int src;
	unsigned int dst;
};

static void count(const struct event *ev, enum netns_reason reason)
{
	netns_count(tcpstate_pernet(ev->net), reason);
}

static bool opens(const struct segment *s)
{
	return (s->flags & (SEGMENT_SYN | SEGMENT_ACK | SEGMENT_RST)) == SEGMENT_SYN;
}

/*
 * Return: whether it is TCP that counts. What was read at an earlier hook is not counted
 * again; what is plain was not read there.
 */
static __always_inline bool event_read(struct event *ev, const struct sk_buff *skb,
				       const struct nf_hook_state *state, bool again)
{
	ev->net = state->net;
	switch (skb_read(skb, state->pf, &ev->p)) {
	case PACKET_OK:
		return true;
	case PACKET_MALFORMED:
		if (!again || skb_is_plain(skb, state->pf))
			count(ev, REASON_MALFORMED);
		return false;
	default:
		return false;
	}
}

/*
 * A socket takes nothing that is damaged: neither an ACK that would move its state, nor data or
 * a timestamp by which later segments would look old.
 */
static bool event_intact(const struct event *ev, const struct sk_buff *skb, bool again)
{
	if (likely(skb_is_vouched_for(skb)) || skb_checksum_ok(skb, &ev->p))
		return true;
	if (!again)
		count(ev, REASON_BAD_CHECKSUM);
	return false;
}

static struct flow *event_lookup(struct event *ev, u32 scope)
{
	const struct packet *p = &ev->p;

	ev->src = flow_key_init(&ev->key, ev->net, p->family, &p->src, &p->dst,
				htons(p->s.sport), htons(p->s.dport), scope);
	ev->dst = !ev->src;
	ev->hash = table_hash(&ev->key);
	return table_lookup(&ev->key, ev->hash);
}

/*
 * The flow of a segment that no socket speaks for. A socket that is not bound
 * to the VRF that its segments pass has no scope.
 */
static struct flow *event_flow(struct event *ev, u32 scope)
{
	struct flow *flow = event_lookup(ev, scope);

	/* A connection that begins in a VRF has nothing to do with one of that name elsewhere. */
	return flow || !scope || opens(&ev->p.s) ? flow : event_lookup(ev, 0);
}

static void event_count(const struct event *ev, enum fsm_verdict verdict)
{
	switch (verdict) {
	case FSM_ACCEPTED:
		break;
	case FSM_IGNORED:
		count(ev, REASON_IGNORED);
		break;
	case FSM_OUT_OF_WINDOW:
		count(ev, REASON_OUT_OF_WINDOW);
		break;
	case FSM_CHALLENGED:
		count(ev, REASON_CHALLENGED);
		break;
	}
}

static enum fsm_verdict sent(struct flow *flow, const struct event *ev, bool certain)
{
	enum fsm_verdict verdict;
	struct fsm_result r;

	verdict = fsm_sent(&flow->fsm, ev->src, &ev->p.s, certain, &r);
	flow_apply(flow, &r);
	/* Neither repeated SYNs nor rubbish keep a flow; a repeated FIN tells of a living end. */
	if (verdict == FSM_ACCEPTED ||
	    (verdict == FSM_IGNORED && ev->p.s.flags & SEGMENT_FIN))
		flow->seen = (u32)jiffies;
	if (verdict == FSM_ACCEPTED)
		flow->heard |= BIT(ev->src);
	return verdict;
}

static enum fsm_verdict received(struct flow *flow, const struct event *ev, bool certain)
{
	enum fsm_verdict verdict;
	struct fsm_result r;

	verdict = fsm_received(&flow->fsm, ev->dst, &ev->p.s, certain, &r);
	flow_apply(flow, &r);
	/* Neither repetitions nor rubbish keep a flow. */
	if (verdict == FSM_ACCEPTED)
		flow->seen = (u32)jiffies;
	return verdict;
}

/*
 * Does it move nothing but numbers? Then that was done, and nothing is left to do. What a local
 * end does is seen where its socket does it: there it is the @sender, or the @receiver. If it turns
 * out only at the receiver that it does more, the sender is asked again, which changes nothing.
 */
static __always_inline bool passes(struct flow *flow, const struct event *ev, bool sender,
				   bool receiver)
{
	unsigned long flags;
	bool done;

	if (!READ_ONCE(flow->calm))
		return false;
	flow_lock(flow, &flags);
	done = flow->calm && (!sender || flow_is_local(flow, ev->src)) &&
	       (!receiver || flow_is_local(flow, ev->dst)) &&
	       ((!sender && flow_is_local(flow, ev->src)) ||
		fsm_pass_sent(&flow->fsm, ev->src, &ev->p.s, sender)) &&
	       ((!receiver && flow_is_local(flow, ev->dst)) ||
		fsm_pass_received(&flow->fsm, ev->dst, &ev->p.s, receiver));
	if (done && flow->seen != (u32)jiffies)
		flow->seen = (u32)jiffies;
	flow_unlock(flow, flags);
	return done;
}

static bool answers(const struct segment *s)
{
	return (s->flags & (SEGMENT_SYN | SEGMENT_ACK | SEGMENT_RST)) ==
	       (SEGMENT_SYN | SEGMENT_ACK);
}

/*
 * A local flow begins with the SYN of a socket, or with the SYN-ACK of one: a
 * SYN-ACK that nobody owns is a cookie and leaves nothing behind.
 */
static struct flow *local_create(const struct event *ev, const struct net_device *out,
				 unsigned long *flags)
{
	bool loopback = out->flags & IFF_LOOPBACK || netif_is_l3_master(out);
	struct witness_news news;

	if (opens(&ev->p.s))
		return flow_create(ev->net, &ev->key, ev->hash,
				   loopback ? CLASS_LOOPBACK : CLASS_LOCAL_INITIATOR,
				   ev->src, flags);
	if (!answers(&ev->p.s))
		return NULL;
	/* Redirected here, the initiator has a socket of another name. */
	if (loopback)
		loopback = socket_lookup(ev->net, &ev->key, ev->dst, 0, &news);
	return flow_create(ev->net, &ev->key, ev->hash,
			   loopback ? CLASS_LOOPBACK : CLASS_LOCAL_RESPONDER, ev->dst, flags);
}

/*
 * The flow of a segment that a socket sent. One that has no room for a socket was another
 * connection's, which was forwarded.
 */
static struct flow *owner_flow(const struct event *ev, const struct net_device *out,
			       struct flow *flow, unsigned long *flags)
{
	bool other = flow && !flow->whole;

	flow = other ? flow_find_whole(&ev->key, ev->hash, flags) :
	       flow && flow_relock(flow, flags) ? flow : NULL;
	if (!flow)
		flow = local_create(ev, out, flags);
	/* Its socket tells of itself when it changes, not before. */
	if (!flow && other)
		netns_untracked(tcpstate_pernet(ev->net));
	return flow;
}

/* The owner's state is clear from a SYN or SYN-ACK; later its tracepoint tells. */
static void owner_commit(struct flow *flow, const struct event *ev, const struct sock *sk,
			 enum flow_socket owner)
{
	const struct flow_end *end = &flow->end[ev->src];
	struct witness_news news;

	if (opens(&ev->p.s) && owner == SOCKET_FULL)
		socket_news(sk, FSM_SYN_SENT, &news);
	else if (answers(&ev->p.s) && owner == SOCKET_FULL &&
		 READ_ONCE(sk->sk_state) == TCP_SYN_RECV)
		socket_news(sk, FSM_SYN_RECV, &news);
	else if (answers(&ev->p.s) && owner == SOCKET_REQUEST && end->socket != SOCKET_FULL)
		socket_news(sk, FSM_SYN_RECV, &news);
	else
		return;
	/*
	 * The flow begins with the SYN-ACK: what the SYN offered, the window scale above all, the
	 * socket knows. With witness=0 too: the owner of what leaves is no look-up.
	 */
	if (flow->fsm.end[ev->src].state == FSM_SYN_RECV && news.state == FSM_SYN_RECV)
		fsm_adopt(&flow->fsm, ev->src, FSM_SYN_RECV, &news.facts);
	if (witness_watches())
		witness_commit(flow, ev->src, &news);
}

/* What it sends shows that it did not take what the engine saw it receive. */
static void owner_takes_back(struct flow *flow, const struct event *ev, const struct sock *sk,
			     enum flow_socket owner, u8 before)
{
	u8 after = flow->fsm.end[ev->src].state;
	struct witness_news news;

	/* It was thought established, and repeats its SYN-ACK. */
	if (owner == SOCKET_REQUEST && before == FSM_ESTABLISHED && after == FSM_SYN_RECV) {
		socket_news(sk, FSM_SYN_RECV, &news);
		witness_withheld(flow, ev->src, FSM_SYN_RECV, news.cause ?: WITHHELD_BACKLOG);
	}
	/* It closed while the peer's FIN waited for it. */
	if (before == FSM_CLOSE_WAIT && (after == FSM_FIN_WAIT1 || after == FSM_CLOSING))
		witness_withheld(flow, ev->src, FSM_ESTABLISHED, WITHHELD_BACKLOG);
}

static void owner_sent(struct flow *flow, const struct event *ev, const struct sock *sk,
		       enum flow_socket owner)
{
	u8 before = flow->fsm.end[ev->src].state;

	flow_local(flow, ev->src);
	if (opens(&ev->p.s))
		witness_conclude(flow, ev->src);
	witness_judge(flow, ev->src, false);
	event_count(ev, sent(flow, ev, true));
	if (witness_watches())
		owner_takes_back(flow, ev, sk, owner, before);
	owner_commit(flow, ev, sk, owner);
}

/*
 * A reset from the kernel's control socket, for a socket that closed just before (tcp_reset() on
 * data that nobody can read any more), or that is closed right after it: a timewait socket in
 * FIN_WAIT_2.
 */
static bool resets_for(const struct flow *flow, const struct event *ev, const struct sock *sk)
{
	const struct flow_end *end = &flow->end[ev->src];

	if (!(ev->p.s.flags & SEGMENT_RST) || !flow_is_local(flow, ev->src) ||
	    !socket_is_control(sk))
		return false;
	return end->socket == SOCKET_NONE ||
	       (end->socket == SOCKET_TIMEWAIT && end->sock == FSM_FIN_WAIT2);
}

static unsigned int hook_local_out(void *priv, struct sk_buff *skb,
				   const struct nf_hook_state *state)
{
	enum flow_socket owner;
	unsigned long flags;
	struct flow *flow;
	struct event ev __uninitialized;

	if (!event_read(&ev, skb, state, false))
		return NF_ACCEPT;
	/* A VRF runs the hook twice: act on the device below it, but for its own addresses. */
	if (netif_is_l3_master(state->out) && !skb_to_self(skb, &ev.p))
		return NF_ACCEPT;
	owner = socket_owner(ev.net, skb->sk, &ev.p.s);
	if (owner == SOCKET_NONE) {
		flow = event_flow(&ev, skb_scope(skb, &ev.p, state->out, &ev.p.dst));
	} else {
		flow = event_lookup(&ev, socket_scope(skb->sk, ev.p.family, &ev.p.dst));
		if (flow && owner == SOCKET_FULL && passes(flow, &ev, true, false))
			return NF_ACCEPT;
	}
	if (owner != SOCKET_NONE)
		flow = owner_flow(&ev, state->out, flow, &flags);
	else if (flow && !flow_relock(flow, &flags))
		flow = NULL;
	if (!flow)
		return NF_ACCEPT;

	if (flow->class == CLASS_SELF)
		ev.dst = ev.src;
	if (owner != SOCKET_NONE)
		owner_sent(flow, &ev, skb->sk, owner);
	else if (resets_for(flow, &ev, skb->sk ?: state->sk))
		event_count(&ev, sent(flow, &ev, true));
	else
		count(&ev, REASON_INJECTED);
	if (!flow_is_local(flow, ev.dst))
		received(flow, &ev, false);
	flow_settle(flow);
	flow_unlock(flow, flags);
	return NF_ACCEPT;
}

static unsigned int hook_local_in(void *priv, struct sk_buff *skb,
				  const struct nf_hook_state *state)
{
	unsigned long flags;
	struct flow *flow;
	struct event ev __uninitialized;

	if (skb->pkt_type != PACKET_HOST || !event_read(&ev, skb, state, false) ||
	    !event_intact(&ev, skb, false))
		return NF_ACCEPT;
	flow = event_flow(&ev, skb_scope(skb, &ev.p, state->in, &ev.p.src));
	if (!flow || passes(flow, &ev, false, true) || !flow_relock(flow, &flags))
		return NF_ACCEPT;

	if (flow->class == CLASS_SELF)
		ev.dst = ev.src;
	/* An address of this host was translated on the way out: the peer is elsewhere. */
	if (!(state->in->flags & IFF_LOOPBACK) && !netif_is_l3_master(state->in))
		flow_remote(flow, ev.src);
	witness_judge(flow, ev.dst, true);
	if (!flow_is_local(flow, ev.src))
		sent(flow, &ev, false);
	event_count(&ev, received(flow, &ev, flow_is_local(flow, ev.dst)));
	witness_doubt(flow, ev.dst);
	flow_settle(flow);
	flow_unlock(flow, flags);
	return NF_ACCEPT;
}

/*
 * A connection that is older than what is known. It is half-open until its other
 * direction is heard. Servers have the lower port, mostly.
 */
static struct flow *forward_pickup(const struct event *ev, unsigned long *flags)
{
	struct fsm_result r;
	struct flow *flow;
	struct fsm fsm;

	fsm_init(&fsm, false);
	if (!fsm_pickup(&fsm, ev->src, &ev->p.s, &r))
		return NULL;
	flow = flow_create(ev->net, &ev->key, ev->hash, CLASS_FORWARDED,
			   ev->p.s.sport < ev->p.s.dport ? ev->dst : ev->src, flags);
	/* Somebody may have been faster, and know more. */
	if (flow && !flow->heard) {
		flow->provenance = TCPSTATE_PROVENANCE_MIDSTREAM;
		flow->fsm = fsm;
		flow_apply(flow, &r);
	}
	return flow;
}

/*
 * SYN, FIN and RST count as sent at the first hook, whatever a rule does next;
 * all else is judged once, at the last one. What passes that one is received, as far as
 * that can be told.
 */
static unsigned int forward(struct sk_buff *skb, const struct nf_hook_state *state, bool last)
{
	unsigned long flags;
	struct flow *flow;
	struct event ev __uninitialized;
	bool rare;

	if (!event_read(&ev, skb, state, last))
		return NF_ACCEPT;
	rare = ev.p.s.flags & SEGMENT_RARE;
	/* Only its acknowledgment tells whether a SYN or FIN arrives. */
	if (last ? rare && !(ev.p.s.flags & SEGMENT_RST) : !rare)
		return NF_ACCEPT;
	if (!event_intact(&ev, skb, rare && last))
		return NF_ACCEPT;
	flow = event_lookup(&ev, l3mdev_master_ifindex_rcu(state->in));
	if (flow && passes(flow, &ev, false, false))
		return NF_ACCEPT;
	if (flow && !flow_relock(flow, &flags))
		flow = NULL;
	if (!flow && !last && opens(&ev.p.s))
		flow = flow_create(ev.net, &ev.key, ev.hash, CLASS_FORWARDED, ev.src, &flags);
	if (!flow && rare != last)
		flow = forward_pickup(&ev, &flags);
	if (!flow)
		return NF_ACCEPT;
	if (rare != last && !flow_is_local(flow, ev.src))
		event_count(&ev, sent(flow, &ev, false));
	if (last && !flow_is_local(flow, ev.dst))
		received(flow, &ev, false);
	flow_settle(flow);
	flow_unlock(flow, flags);
	return NF_ACCEPT;
}

static unsigned int hook_forward_first(void *priv, struct sk_buff *skb,
				       const struct nf_hook_state *state)
{
	return skb_is_plain(skb, state->pf) ? NF_ACCEPT : forward(skb, state, false);
}

static unsigned int hook_forward_last(void *priv, struct sk_buff *skb,
				      const struct nf_hook_state *state)
{
	return forward(skb, state, true);
}

#define HOOK(function, number, prio) {		\
	.hook = (function),			\
	.pf = NFPROTO_INET,			\
	.hooknum = (number),			\
	.priority = (prio),			\
}

static const struct nf_hook_ops local[] = {
	HOOK(hook_local_out, NF_INET_LOCAL_OUT, NF_IP_PRI_FIRST),
	HOOK(hook_local_in, NF_INET_LOCAL_IN, NF_IP_PRI_LAST),
};

static const struct nf_hook_ops forwarded[] = {
	HOOK(hook_forward_first, NF_INET_FORWARD, NF_IP_PRI_FIRST),
	HOOK(hook_forward_last, NF_INET_FORWARD, NF_IP_PRI_LAST),
};

/**
 * hooks_register - see a namespace's segments
 * @net: namespace
 * @paths: of which paths, as bits: %PATH_LOCAL, %PATH_FORWARDED
 *
 * Return: 0 or a negative error, with nothing registered.
 */
int hooks_register(struct net *net, u32 paths)
{
	int err = 0;

	if (paths & PATH_LOCAL)
		err = nf_register_net_hooks(net, local, ARRAY_SIZE(local));
	if (err || !(paths & PATH_FORWARDED))
		return err;
	err = nf_register_net_hooks(net, forwarded, ARRAY_SIZE(forwarded));
	if (err)
		hooks_unregister(net, paths & PATH_LOCAL);
	return err;
}

/**
 * hooks_unregister - no hook begins after it; one may still run until a grace period
 * @net: namespace
 * @paths: of which paths, which are registered
 */
void hooks_unregister(struct net *net, u32 paths)
{
	if (paths & PATH_LOCAL)
		nf_unregister_net_hooks(net, local, ARRAY_SIZE(local));
	if (paths & PATH_FORWARDED)
		nf_unregister_net_hooks(net, forwarded, ARRAY_SIZE(forwarded));
}
