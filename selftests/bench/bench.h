/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of bench share. */
#ifndef BENCH_H
#define BENCH_H

#include <linux/ktime.h>
#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include <net/net_namespace.h>

/* What stands in the chains: nothing, this module, the other one. Prints the same names. */
enum tracker {
	BASE,
	TCPSTATE,
	CONNTRACK,
	TRACKERS,
};

/* The hooks that a forwarded packet passes. */
enum place {
	PRE_ROUTING,
	FORWARD,
	POST_ROUTING,
	PLACES,
};

/* Segments of one exchange, and octets of its data. */
#define STEPS		4
#define PAYLOAD		64
#define ISN_INITIATOR	0x10000000
#define ISN_RESPONDER	0xd0000000
#define STAMP		1000

/**
 * struct chain - what a forwarded packet passes, with one tracker or none
 * @at: hooks by place; dummies instead of the other tracker's
 * @state: of the packet at that place
 */
struct chain {
	struct nf_hook_entries *at[PLACES];
	struct nf_hook_state state[PLACES];
};

/**
 * struct lane - one tracker's, which the segments of one after the other pass
 * @chain: its hooks, with dummies for the others
 * @lean: its hooks alone
 * @skb: the packet, again and again
 * @step: what the hot flow sends next
 * @turn: what all flows send next
 * @made: how many flows there are
 * @passed: packets that passed
 * @tracked: those that carried a conntrack entry
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @dropped: one did not pass
 */
struct lane {
	struct chain chain;
	struct chain lean;
	struct sk_buff *skb;
	u32 step;
	u32 turn;
	u32 made;
	u64 passed;
	u64 tracked;
	u8 family;
	bool dropped;
};

/**
 * struct segment - a TCP segment to be written
 * @flow: number of its flow, which names addresses and ports
 * @reply: it comes from the responder
 * @seq: its sequence number
 * @ack: its acknowledgment number
 * @stamp: its timestamp
 * @echo: the timestamp it echoes
 * @flags: TCP_FLAG_*
 * @len: octets of payload
 */
struct segment {
	u32 flow;
	bool reply;
	u32 seq;
	u32 ack;
	u32 stamp;
	u32 echo;
	__be32 flags;
	unsigned int len;
};

/* chain.c */
int chain_make(struct chain *chain, enum tracker tracker, struct net *net, u8 family,
	       bool padded);
void chain_install(const struct chain *chain);
void chain_free(struct chain *chain);

/* segment.c */
struct sk_buff *segment_buffer(u8 family);
void segment_prepare(struct sk_buff *skb, u8 family);
void segment_write(struct sk_buff *skb, u8 family, const struct segment *s);

/* traffic.c */
bool traffic_pass(struct lane *lane, const struct segment *s, bool verified);
bool traffic_handshake(struct lane *lane, u32 flow, bool verified);
struct segment traffic_exchanged(u32 flow, u32 step);
bool traffic_exchange(struct lane *lane, u32 flow, u32 step, bool verified);

/* processors.c */
int processors_measure(struct lane *lane, u32 flow, unsigned int packets, u32 *own, u32 *shared);

/* device.c */
int device_make(struct net *net);
void device_free(void);
struct net_device *device_in(void);
struct net_device *device_out(void);
int device_forward(u8 family, const struct segment *s, u64 *tracked);

/* builtin.c */
#ifdef MODULE
static inline void builtin_begin(void) {}
static inline void builtin_end(void) {}
static inline u64 builtin_clock(void) { return ktime_get_ns(); }
static inline int builtin_route(void) { return -EOPNOTSUPP; }
#else
void builtin_begin(void);
void builtin_end(void);
u64 builtin_clock(void);
int builtin_route(void);
#endif

/* count.c */
long count_flows(void);
long count_refused(void);

#endif
