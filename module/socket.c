// SPDX-License-Identifier: GPL-2.0
/*
 * The only reader of sockets. Nothing here takes a socket's lock: the hooks
 * run with it held. What is read is a snapshot.
 */
#include <linux/tcp.h>
#include <net/inet_timewait_sock.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include <net/request_sock.h>
#include <net/tcp.h>

#include "compat/lookup.h"
#include "socket.h"
#include "table.h"

/**
 * socket_owner - does a TCP socket stand behind a sent segment?
 * @net: namespace of the hook; a segment that crossed over may still have its socket (ipvlan)
 * @sk: skb->sk at LOCAL_OUT, may be NULL
 * @s: the segment
 *
 * Raw sockets and the control sockets that answer for nobody own nothing.
 * Under RCU. Return: %SOCKET_NONE for a segment that no TCP endpoint sent.
 */
enum flow_socket socket_owner(const struct net *net, const struct sock *sk,
			      const struct segment *s)
{
	__be16 sport = htons(s->sport), dport = htons(s->dport);

	if (!sk || !net_eq(sock_net(sk), net))
		return SOCKET_NONE;
	/* Request and timewait sockets have no more than struct sock_common. */
	switch (READ_ONCE(sk->sk_state)) {
	case TCP_NEW_SYN_RECV:
		if (inet_rsk(inet_reqsk(sk))->ir_num != s->sport ||
		    inet_rsk(inet_reqsk(sk))->ir_rmt_port != dport)
			return SOCKET_NONE;
		return SOCKET_REQUEST;
	case TCP_TIME_WAIT:
		if (inet_twsk(sk)->tw_sport != sport || inet_twsk(sk)->tw_dport != dport)
			return SOCKET_NONE;
		return SOCKET_TIMEWAIT;
	case TCP_LISTEN:
		return SOCKET_NONE;
	default:
		if (sk->sk_protocol != IPPROTO_TCP || sk->sk_type != SOCK_STREAM ||
		    inet_sk(sk)->inet_sport != sport || inet_sk(sk)->inet_dport != dport)
			return SOCKET_NONE;
		return SOCKET_FULL;
	}
}

/**
 * socket_is_control - does the kernel itself send with it, for connections without a socket?
 * @sk: skb->sk, or the hook's sk, at LOCAL_OUT, may be NULL
 *
 * tcp_v4_send_reset(), tcp_v6_send_response(). A user's raw socket looks the same. Under RCU.
 */
bool socket_is_control(const struct sock *sk)
{
	return sk && sk_fullsock(sk) && sk->sk_type == SOCK_RAW && sk->sk_protocol == IPPROTO_TCP;
}

/**
 * socket_scope - the interface scope of a socket's addresses
 * @sk: a socket of any kind
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @remote: its peer's address
 *
 * What it is bound to, as far as that tells connections apart: the interface
 * of a link-local peer, or a VRF. Under RCU. Return: an index, or 0.
 */
u32 socket_scope(const struct sock *sk, u8 family, const union nf_inet_addr *remote)
{
	int device = READ_ONCE(sk->sk_bound_dev_if);

	if (!device)
		return 0;
	if (family == NFPROTO_IPV6 && ipv6_addr_type(&remote->in6) & IPV6_ADDR_LINKLOCAL)
		return device;
	return l3mdev_master_ifindex_by_index(sock_net(sk), device);
}

/**
 * socket_key - the key of a socket's connection
 * @sk: request, timewait or full socket
 * @key: filled if it has both addresses
 * @e: index of the socket's own end
 *
 * Also right while a full socket is being closed: it rests on inet_sport, which
 * outlives inet_num. Under RCU. Return: false for a socket without a peer.
 */
bool socket_key(const struct sock *sk, struct flow_key *key, unsigned int *e)
{
	/* Request and timewait sockets have no more than struct sock_common. */
	__be16 sport = sk_fullsock(sk) ? inet_sk(sk)->inet_sport : htons(sk->sk_num);
	union nf_inet_addr local = {}, remote = {};
	__be16 dport = sk->sk_dport;
	u8 family = NFPROTO_IPV4;

	if (!sport || !dport)
		return false;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_daddr)) {
		family = NFPROTO_IPV6;
		local.in6 = sk->sk_v6_rcv_saddr;
		remote.in6 = sk->sk_v6_daddr;
	}
#endif
	if (family == NFPROTO_IPV4) {
		local.ip = sk->sk_rcv_saddr;
		remote.ip = sk->sk_daddr;
	}
	*e = flow_key_init(key, sock_net(sk), family, &local, &remote, sport, dport,
			   socket_scope(sk, family, &remote));
	return true;
}

/*
 * When a timer really fires. The wheel rounds up, coarser the longer the
 * timer: eight times for each level of 63 slots (kernel/time/timer.c).
 */
static unsigned long timer_fires(unsigned long expires)
{
	long left = expires - jiffies;
	unsigned int shift = 0;

	if (left <= 0)
		return jiffies + HZ / 10;
	while (left >= 63L << shift)
		shift += 3;
	return (((expires >> shift) + 1) << shift) + 1;
}

static bool signs(const struct tcp_sock *tp)
{
#ifdef CONFIG_TCP_MD5SIG
	return rcu_access_pointer(tp->md5sig_info);
#else
	return false;
#endif
}

/* tcp_try_rmem_schedule(): where there are data to be read, others may have had to go. */
static bool lacks_room(const struct sock *sk)
{
	return !tcp_sk(sk)->rcv_wnd ||
	       atomic_read(&sk->sk_rmem_alloc) > READ_ONCE(sk->sk_rcvbuf) ||
	       (atomic_read(&sk->sk_drops) && !skb_queue_empty_lockless(&sk->sk_receive_queue));
}

/* Why would this socket not do what a segment asks of it? */
static enum witness_cause withheld_by(const struct sock *sk)
{
	const struct inet_connection_sock *icsk = inet_csk(sk);
	const struct tcp_sock *tp = tcp_sk(sk);

	if (READ_ONCE(sk->sk_state) == TCP_LISTEN) {
		if (READ_ONCE(icsk->icsk_accept_queue.rskq_defer_accept))
			return WITHHELD_DEFERRED;
		if (sk_acceptq_is_full(sk))
			return WITHHELD_OVERFLOW;
	}
	if (rcu_access_pointer(sk->sk_filter))
		return WITHHELD_FILTER;
	if (signs(tp))
		return WITHHELD_SIGNATURE;
	if (READ_ONCE(inet_sk(sk)->min_ttl))
		return WITHHELD_MINTTL;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 && READ_ONCE(inet6_sk(sk)->min_hopcount))
		return WITHHELD_MINTTL;
#endif
	if (READ_ONCE(sk->sk_backlog.len) || READ_ONCE(sk->sk_lock.owned))
		return WITHHELD_BACKLOG;
	if (READ_ONCE(sk->sk_state) != TCP_LISTEN && lacks_room(sk))
		return WITHHELD_NO_ROOM;
	return CAUSE_NONE;
}

static enum witness_cause closed_by(const struct sock *sk)
{
	if (tcp_sk(sk)->repair)
		return SILENT_REPAIRED;
	switch (READ_ONCE(sk->sk_err)) {
	case ETIMEDOUT:
		return SILENT_TIMED_OUT;
	case ECONNABORTED:
		return SILENT_ABORTED;
	case ECONNRESET:
	case EPIPE:
		return SILENT_RESET;
	case ECONNREFUSED:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EPROTO:
	case ENOPROTOOPT:
	case ENONET:
	case EOPNOTSUPP:
	case EMSGSIZE:
	case EACCES:
		return SILENT_UNREACHABLE;
	default:
		return SILENT_CLOSED;
	}
}

static enum witness_cause silent_cause(const struct sock *sk, u8 state)
{
	switch (state) {
	case TCP_CLOSE:
		return closed_by(sk);
	case TCP_FIN_WAIT1:
	case TCP_LAST_ACK:
		return SILENT_UNSENT_FIN;
	case TCP_SYN_SENT:
		return SILENT_SYN_DEFERRED;
	case TCP_ESTABLISHED:
		return tcp_sk(sk)->repair ? SILENT_REPAIRED : CAUSE_NONE;
	default:
		return CAUSE_NONE;
	}
}

static void request_news(const struct request_sock *req, struct witness_news *news)
{
	const struct tcp_request_sock *rsk = tcp_rsk(req);

	news->state = FSM_SYN_RECV;
	news->socket = SOCKET_REQUEST;
	news->deadline = timer_fires(READ_ONCE(req->rsk_timer.expires));
	news->timed = true;
	news->known = true;
	news->facts = (struct fsm_facts){
		.nxt = rsk->snt_isn + 1,
		.una = rsk->snt_isn,
		.rcv = rsk->rcv_nxt,
		.wup = rsk->rcv_nxt,
		.edge = rsk->rcv_nxt + req->rsk_rcv_wnd,
		.scaled = inet_rsk(req)->wscale_ok,
		.scale = inet_rsk(req)->rcv_wscale,
		.peer_scale = inet_rsk(req)->snd_wscale,
		.no_ts = !inet_rsk(req)->tstamp_ok,
	};
	if (req->rsk_listener)
		news->cause = withheld_by(req->rsk_listener);
}

static bool fin_sent(const struct tcp_sock *tp, u8 state)
{
	return BIT(state) & (TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2 | TCPF_CLOSING | TCPF_LAST_ACK) &&
	       READ_ONCE(tp->snd_nxt) == READ_ONCE(tp->write_seq);
}

static u16 widest_window(const struct tcp_sock *tp)
{
	u32 unit = 1 << tp->rx_opt.snd_wscale;

	return min_t(u32, DIV_ROUND_UP(READ_ONCE(tp->max_window), unit), U16_MAX);
}

static void full_news(const struct sock *sk, u8 state, struct witness_news *news)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	/* A Fast Open child begins as if its SYN were acknowledged already. */
	bool early = state == FSM_SYN_RECV && rcu_access_pointer(tp->fastopen_rsk);

	news->state = state;
	news->socket = state == TCP_CLOSE ? SOCKET_NONE : SOCKET_FULL;
	news->cause = silent_cause(sk, state);
	news->known = true;
	news->facts = (struct fsm_facts){
		.nxt = READ_ONCE(tp->snd_nxt),
		.una = READ_ONCE(tp->snd_una) - early,
		.rcv = READ_ONCE(tp->rcv_nxt),
		.wup = READ_ONCE(tp->rcv_wup),
		.edge = READ_ONCE(tp->rcv_wup) + READ_ONCE(tp->rcv_wnd),
		.fin = fin_sent(tp, state),
		.scaled = tp->rx_opt.wscale_ok,
		.scale = tp->rx_opt.rcv_wscale,
		.peer_scale = tp->rx_opt.snd_wscale,
		.window = widest_window(tp),
		.no_ts = !tp->rx_opt.tstamp_ok,
		.sign = signs(tp),
	};
}

/**
 * socket_news - what a socket says of itself
 * @sk: request, timewait or full socket
 * @state: a full socket's state: its tracepoint fires before the store
 * @news: filled whole
 *
 * Under RCU, with a reference or inside the socket's own event.
 */
void socket_news(const struct sock *sk, u8 state, struct witness_news *news)
{
	*news = (struct witness_news){ .device = READ_ONCE(sk->sk_bound_dev_if) };
	switch (READ_ONCE(sk->sk_state)) {
	case TCP_NEW_SYN_RECV:
		request_news(inet_reqsk(sk), news);
		break;
	case TCP_TIME_WAIT:
		news->state = READ_ONCE(inet_twsk(sk)->tw_substate);
		news->socket = SOCKET_TIMEWAIT;
		news->deadline = timer_fires(READ_ONCE(inet_twsk(sk)->tw_timer.expires));
		news->timed = true;
		break;
	default:
		full_news(sk, state, news);
	}
}

static bool has_key(const struct sock *sk, const struct flow_key *key)
{
	struct flow_key own;
	unsigned int e;

	return socket_key(sk, &own, &e) && flow_key_equal(&own, key);
}

static struct sock *lookup(struct net *net, const struct flow_key *key, unsigned int e, int device)
{
	const union nf_inet_addr *local = &key->addr[e], *remote = &key->addr[!e];
	u16 port = ntohs(key->port[e]);

	if (!device)
		device = flow_key_scope(key);
	if (flow_key_family(key) == NFPROTO_IPV4)
		return tcpstate_lookup_ipv4(net, remote->ip, key->port[!e], local->ip, port,
					    device);
#if IS_ENABLED(CONFIG_IPV6)
	return tcpstate_lookup_ipv6(net, &remote->in6, key->port[!e], &local->in6, port, device);
#else
	return NULL;
#endif
}

/**
 * socket_lookup - which socket serves an end now?
 * @net: namespace
 * @key: the flow's key
 * @e: the end that should have a socket
 * @device: the sk_bound_dev_if it had, 0 for none
 * @news: filled if there is one; the cause is one that withholds
 *
 * Under RCU, no flow lock held. A miss is no proof: sockets are hashed before
 * their reference count is set. Return: whether a socket was found.
 */
bool socket_lookup(struct net *net, const struct flow_key *key, unsigned int e, int device,
		   struct witness_news *news)
{
	struct sock *sk = lookup(net, key, e, device);
	bool found = true;

	if (!sk)
		return false;
	socket_news(sk, READ_ONCE(sk->sk_state), news);
	if (sk_fullsock(sk)) {
		/* One that was bound elsewhere meanwhile reports under another key. */
		found = has_key(sk, key);
		news->cause = withheld_by(sk);
	}
	sock_gen_put(sk);
	return found;
}
