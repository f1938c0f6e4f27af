// SPDX-License-Identifier: GPL-2.0
/*
 * Every change of state of every TCP socket, in order. Full sockets tell by the tracepoint
 * inet_sock_set_state. Request and timewait sockets have none: what makes and ends them is traced.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

#include "event.h"

#define AF_INET6	10
#define IPPROTO_TCP	6
#define RING_BYTES	(16 << 20)

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
	struct {
		struct net *net;
	} skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	struct hlist_node skc_node;
};

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
};

struct inet_sock {
	__u16 inet_sport;
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

#pragma clang attribute pop

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} events SEC(".maps");

unsigned long long lost;

char program_license[] SEC("license") = "GPL";

/* The port is not the socket's own number once it is being closed. */
static __always_inline void tell(enum event_kind kind, const void *socket,
				 const struct sock_common *c, unsigned short port, int from, int to)
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
	bpf_ringbuf_submit(e, 0);
}

static __always_inline void tell_full(enum event_kind kind, const struct sock *sk, int from, int to)
{
	const struct inet_sock *inet = (const void *)sk;

	tell(kind, sk, &sk->__sk_common, bpf_ntohs(BPF_CORE_READ(inet, inet_sport)), from, to);
}

/* Request and timewait sockets keep their number. */
static __always_inline void tell_small(enum event_kind kind, const struct sock_common *c, int to)
{
	tell(kind, c, c, BPF_CORE_READ(c, skc_num), 0, to);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(state, const struct sock *sk, int from, int to)
{
	if (BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP)
		tell_full(EVENT_STATE, sk, from, to);
	return 0;
}

SEC("fentry/tcp_connect")
int BPF_PROG(connect, const struct sock *sk)
{
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
