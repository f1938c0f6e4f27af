// SPDX-License-Identifier: GPL-2.0
/*
 * Every change of state of every TCP socket, in order. Full sockets tell by the tracepoint
 * inet_sock_set_state. Request and timewait sockets have none: what makes and ends them is traced.
 *
 * If the loader wants them, the segments too, in the same order: at LOCAL_OUT before the first rule
 * runs, and where TCP is given what the last rule of LOCAL_IN let pass.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

#include "event.h"

#define AF_INET6	10
#define IPPROTO_TCP	6
#define RING_BYTES	(16 << 20)
#define SOCK_RAW	3
#define TCP_TIME_WAIT	6
#define TCP_LISTEN	10
#define TCP_NEW_SYN_RECV	12
#define NFPROTO_IPV4	2
#define NFPROTO_IPV6	10
#define NF_INET_LOCAL_OUT	3
#define IPV6_HEADER	40

/* What is read of the kernel's structures; the loader finds where it is. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

struct hlist_node {
	struct hlist_node **pprev;
};

struct in6_addr {
	unsigned char bytes[16];
};

struct sock_common {
	__u32 skc_daddr;
	__u32 skc_rcv_saddr;
	__u16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	unsigned char skc_state;
	int skc_bound_dev_if;
	struct {
		struct net *net;
	} skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	struct hlist_node skc_node;
};

struct sock {
	struct sock_common __sk_common;
	__u16 sk_type;
	__u16 sk_protocol;
};

struct inet_sock {
	__u16 inet_sport;
};

struct tcp_sock {
	__u32 snd_nxt;
	__u32 snd_una;
	__u32 rcv_nxt;
	__u32 rcv_wup;
	__u32 rcv_wnd;
	__u8 repair : 1;
};

struct timer_list {
	void *function;
};

struct request_sock {
	struct sock_common __req_common;
	struct timer_list rsk_timer;
};

struct inet_timewait_sock {
	struct sock_common __tw_common;
	unsigned char tw_substate;
};

struct net_device {
	struct {
		struct net *net;
	} nd_net;
};

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	unsigned int len;
	__u16 network_header;
	unsigned char *head;
	unsigned char *data;
};

struct nf_hook_state {
	unsigned char hook;
	unsigned char pf;
	struct sock *sk;
	struct net *net;
};

#pragma clang attribute pop

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} events SEC(".maps");

unsigned long long lost;

/* The first or the second of its kind. */
unsigned char program;

char program_license[] SEC("license") = "GPL";

/* The port is not the socket's own number once it is being closed. */
static __always_inline void tell(enum event_kind kind, const void *socket,
				 const struct sock_common *c, unsigned short port, int from, int to,
				 const struct tcp_sock *tp)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e) {
		__sync_fetch_and_add(&lost, 1);
		return;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->time = bpf_ktime_get_ns();
	e->socket = (unsigned long)socket;
	e->netns = BPF_CORE_READ(c, skc_net.net, ns.inum);
	e->device = BPF_CORE_READ(c, skc_bound_dev_if);
	e->kind = kind;
	e->from = from;
	e->to = to;
	e->local_port = port;
	e->remote_port = bpf_ntohs(BPF_CORE_READ(c, skc_dport));
	e->ipv6 = BPF_CORE_READ(c, skc_family) == AF_INET6;
	if (e->ipv6) {
		BPF_CORE_READ_INTO(&e->local, c, skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&e->remote, c, skc_v6_daddr);
	} else {
		BPF_CORE_READ_INTO((__u32 *)&e->local, c, skc_rcv_saddr);
		BPF_CORE_READ_INTO((__u32 *)&e->remote, c, skc_daddr);
	}
	if (tp) {
		e->numbers[0] = BPF_CORE_READ(tp, snd_nxt);
		e->numbers[1] = BPF_CORE_READ(tp, snd_una);
		e->numbers[2] = BPF_CORE_READ(tp, rcv_nxt);
		e->numbers[3] = BPF_CORE_READ(tp, rcv_wup);
		e->numbers[4] = e->numbers[3] + BPF_CORE_READ(tp, rcv_wnd);
	}
	bpf_ringbuf_submit(e, 0);
}

static __always_inline void tell_full(enum event_kind kind, const struct sock *sk, int from, int to)
{
	const struct inet_sock *inet = (const void *)sk;

	tell(kind, sk, &sk->__sk_common, bpf_ntohs(BPF_CORE_READ(inet, inet_sport)), from, to,
	     kind == EVENT_STATE ? (const void *)sk : NULL);
}

/* Request and timewait sockets keep their number. */
static __always_inline void tell_small(enum event_kind kind, const struct sock_common *c, int to)
{
	tell(kind, c, c, BPF_CORE_READ(c, skc_num), 0, to, NULL);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(state, const struct sock *sk, int from, int to)
{
	if (BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP)
		tell_full(EVENT_STATE, sk, from, to);
	return 0;
}

/* A SYN is about to go, but for TCP_REPAIR. */
SEC("fentry/tcp_connect")
int BPF_PROG(connect, const struct sock *sk)
{
	if (!BPF_CORE_READ_BITFIELD_PROBED((const struct tcp_sock *)sk, repair))
		tell_full(EVENT_CONNECT, sk, 0, 0);
	return 0;
}

/* Not there again if the hash has one of its name: who reads this knows. */
SEC("fentry/inet_csk_reqsk_queue_hash_add")
int BPF_PROG(request, const struct sock *sk, const struct request_sock *req)
{
	tell_small(EVENT_REQUEST, &req->__req_common, 0);
	return 0;
}

static __always_inline bool is_hashed(const struct request_sock *req)
{
	return BPF_CORE_READ(req, __req_common.skc_node.pprev);
}

SEC("fentry/inet_csk_reqsk_queue_drop")
int BPF_PROG(drop, const struct sock *sk, const struct request_sock *req)
{
	if (is_hashed(req))
		tell_small(EVENT_DROPPED, &req->__req_common, 0);
	return 0;
}

SEC("fentry/inet_csk_reqsk_queue_drop_and_put")
int BPF_PROG(drop_and_put, const struct sock *sk, const struct request_sock *req)
{
	if (is_hashed(req))
		tell_small(EVENT_DROPPED, &req->__req_common, 0);
	return 0;
}

SEC("fexit/reqsk_timer_handler")
int BPF_PROG(request_timer, const struct timer_list *timer)
{
	const struct request_sock *req = (const void *)timer -
		__builtin_preserve_field_info(((struct request_sock *)0)->rsk_timer,
					      BPF_FIELD_BYTE_OFFSET);

	if (!is_hashed(req))
		tell_small(EVENT_DROPPED, &req->__req_common, 0);
	return 0;
}

SEC("fexit/tcp_try_fastopen")
int BPF_PROG(fastopen, const struct sock *sk, const void *skb, const void *req, const void *cookie,
	     const void *dst, const struct sock *child)
{
	if (child)
		tell_full(EVENT_FASTOPEN, child, 0, 0);
	return 0;
}

SEC("fexit/inet_twsk_alloc")
int BPF_PROG(timewait, const struct sock *sk, const void *dr, int to,
	     const struct inet_timewait_sock *tw)
{
	if (tw && BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP)
		tell_full(EVENT_TIMEWAIT, sk, 0, to);
	return 0;
}

SEC("fexit/tcp_timewait_state_process")
int BPF_PROG(substate, const struct inet_timewait_sock *tw)
{
	tell_small(EVENT_SUBSTATE, &tw->__tw_common, BPF_CORE_READ(tw, tw_substate));
	return 0;
}

SEC("fentry/inet_twsk_kill")
int BPF_PROG(killed, const struct inet_timewait_sock *tw)
{
	tell_small(EVENT_KILLED, &tw->__tw_common, 0);
	return 0;
}

/* Sockets that answer for others have none of its ports. */
static __always_inline bool owns(const struct sock *sk, __be16 sport, __be16 dport)
{
	unsigned char state = BPF_CORE_READ(sk, __sk_common.skc_state);

	if (state == TCP_LISTEN || BPF_CORE_READ(sk, __sk_common.skc_dport) != dport)
		return false;
	if (state == TCP_NEW_SYN_RECV || state == TCP_TIME_WAIT)
		return BPF_CORE_READ(sk, __sk_common.skc_num) == bpf_ntohs(sport);
	return BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP &&
	       BPF_CORE_READ((const struct inet_sock *)sk, inet_sport) == sport;
}

static __always_inline enum sender sender_of(const struct sock *sk, __be16 sport, __be16 dport)
{
	unsigned char state;

	if (!sk)
		return SENDER_NONE;
	if (owns(sk, sport, dport))
		return SENDER_OWNER;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (state == TCP_NEW_SYN_RECV || state == TCP_TIME_WAIT ||
	    BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP ||
	    BPF_CORE_READ(sk, sk_type) != SOCK_RAW)
		return SENDER_NONE;
	return SENDER_CONTROL;
}

static __always_inline void address(unsigned char *to, bool ipv6, const unsigned char *from)
{
	if (ipv6)
		bpf_probe_read_kernel(to, 16, from);
	else
		bpf_probe_read_kernel(to, 4, from);
}

static __always_inline void tell_segment(enum event_kind kind, const struct sk_buff *skb,
					 const struct sock *sk, unsigned int netns, bool ipv6,
					 const unsigned char *ip, const unsigned char *tcp)
{
	const unsigned char *source = ip + (ipv6 ? 8 : 12);
	const unsigned char *target = source + (ipv6 ? 16 : 4);
	struct segment_event *e;
	__be16 port[2];

	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		__sync_fetch_and_add(&lost, 1);
		return;
	}
	__builtin_memset(e, 0, sizeof(*e));
	bpf_probe_read_kernel(&e->header, sizeof(e->header), tcp);
	__builtin_memcpy(port, e->header, sizeof(port));
	e->event.time = bpf_ktime_get_ns();
	e->event.socket = (unsigned long)skb;
	e->event.netns = netns;
	e->event.kind = kind;
	e->event.ipv6 = ipv6;
	e->event.local_port = bpf_ntohs(port[kind == EVENT_RECEIVED]);
	e->event.remote_port = bpf_ntohs(port[kind == EVENT_SENT]);
	address(e->event.local, ipv6, kind == EVENT_SENT ? source : target);
	address(e->event.remote, ipv6, kind == EVENT_SENT ? target : source);
	e->total = BPF_CORE_READ(skb, len) - (tcp - BPF_CORE_READ(skb, data));
	e->program = program;
	e->sender = sender_of(sk, port[0], port[1]);
	bpf_ringbuf_submit(e, 0);
}

SEC("fentry/nf_hook_slow")
int BPF_PROG(sent, const struct sk_buff *skb, const struct nf_hook_state *at)
{
	const unsigned char *ip = BPF_CORE_READ(skb, data);
	const struct sock *sk = BPF_CORE_READ(skb, sk);
	unsigned char pf = BPF_CORE_READ(at, pf);
	unsigned int netns = BPF_CORE_READ(at, net, ns.inum);
	unsigned char start[10];

	if (BPF_CORE_READ(at, hook) != NF_INET_LOCAL_OUT)
		return 0;
	if (!sk)
		sk = BPF_CORE_READ(at, sk);
	bpf_probe_read_kernel(start, sizeof(start), ip);
	if (pf == NFPROTO_IPV4 && start[9] == IPPROTO_TCP)
		tell_segment(EVENT_SENT, skb, sk, netns, false, ip, ip + 4 * (start[0] & 15));
	else if (pf == NFPROTO_IPV6 && start[6] == IPPROTO_TCP)
		tell_segment(EVENT_SENT, skb, sk, netns, true, ip, ip + IPV6_HEADER);
	return 0;
}

static __always_inline void received(const struct sk_buff *skb, bool ipv6)
{
	tell_segment(EVENT_RECEIVED, skb, NULL, BPF_CORE_READ(skb, dev, nd_net.net, ns.inum), ipv6,
		     BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, network_header),
		     BPF_CORE_READ(skb, data));
}

SEC("fentry/tcp_v4_rcv")
int BPF_PROG(received_ipv4, const struct sk_buff *skb)
{
	received(skb, false);
	return 0;
}

SEC("fentry/tcp_v6_rcv")
int BPF_PROG(received_ipv6, const struct sk_buff *skb)
{
	received(skb, true);
	return 0;
}
