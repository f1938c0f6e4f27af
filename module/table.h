/* SPDX-License-Identifier: GPL-2.0 */
/* From a connection's addresses and ports to its flow: what each segment has to go through. */
#ifndef TCPSTATE_TABLE_H
#define TCPSTATE_TABLE_H

#include <linux/prefetch.h>
#include <linux/rcupdate.h>
#include <linux/siphash.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/netns/hash.h>

#include "flow.h"

/**
 * struct flow_table - the chains
 * @bucket: their heads
 * @mask: how many there are, less one
 * @place: what decides on the chain
 */
struct flow_table {
	struct flow __rcu **bucket;
	unsigned int mask;
	hsiphash_key_t place;
};

extern struct flow_table flow_table;

static inline struct flow __rcu **table_bucket(u32 hash)
{
	return &flow_table.bucket[hash & flow_table.mask];
}

/* The first words tell most connections apart. */
static inline bool flow_key_equal(const struct flow_key *a, const struct flow_key *b)
{
	return a->word[0] == b->word[0] && a->word[1] == b->word[1] && a->net == b->net &&
	       a->port[0] == b->port[0] && a->port[1] == b->port[1] && a->scope == b->scope &&
	       (!(a->scope & FLOW_IPV6) || (ipv6_addr_equal(&a->addr[0].in6, &b->addr[0].in6) &&
					    ipv6_addr_equal(&a->addr[1].in6, &b->addr[1].in6)));
}

/* Is it the flow of this connection? */
static inline bool flow_is(const struct flow *flow, const struct flow_key *key)
{
	u32 differs = (flow->word[0] ^ key->word[0]) | (flow->word[1] ^ key->word[1]) |
		      (flow->scope ^ key->scope);

	differs |= (__force u16)(flow->port[0] ^ key->port[0]);
	differs |= (__force u16)(flow->port[1] ^ key->port[1]);
	if (differs || flow->net != key->net)
		return false;
	return !(key->scope & FLOW_IPV6) || (ipv6_addr_equal(&flow->addr[0], &key->addr[0].in6) &&
					     ipv6_addr_equal(&flow->addr[1], &key->addr[1].in6));
}

/**
 * flow_key_of - the key that a flow was made with
 * @flow: the flow
 * @key: filled whole
 */
static inline void flow_key_of(const struct flow *flow, struct flow_key *key)
{
	unsigned int e;

	for (e = 0; e < 2; e++) {
		key->word[e] = flow->word[e];
		key->port[e] = flow->port[e];
		if (flow->scope & FLOW_IPV6)
			key->addr[e].in6 = flow->addr[e];
		else
			key->addr[e].ip = (__force __be32)flow->word[e];
	}
	key->net = flow->net;
	key->scope = flow->scope;
}

/* Is the first of two IPv6 addresses the larger one? @equal if they are equal. */
static inline bool flow_addr_after(const union nf_inet_addr *a, const union nf_inet_addr *b,
				   bool equal)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(a->ip6); i++)
		if (a->ip6[i] != b->ip6[i])
			return ntohl(a->ip6[i]) > ntohl(b->ip6[i]);
	return equal;
}

/**
 * flow_key_init - make the key of a segment's or socket's connection
 * @key: filled whole
 * @net: namespace
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @src: address of one endpoint
 * @dst: address of the other
 * @sport: port of the first
 * @dport: port of the other
 * @scope: interface scope, 0 for none
 *
 * Return: the index of the first endpoint in the key, 0 or 1; the other has
 * the other. A socket connected to itself has 0 twice.
 */
static inline unsigned int flow_key_init(struct flow_key *key, const struct net *net, u8 family,
					 const union nf_inet_addr *src,
					 const union nf_inet_addr *dst,
					 __be16 sport, __be16 dport, u32 scope)
{
	unsigned int first;

	if (family == NFPROTO_IPV4) {
		first = src->ip == dst->ip ? ntohs(sport) > ntohs(dport) :
					     ntohl(src->ip) > ntohl(dst->ip);
		key->addr[first].ip = src->ip;
		key->addr[!first].ip = dst->ip;
		key->word[first] = (__force u32)src->ip;
		key->word[!first] = (__force u32)dst->ip;
	} else {
		first = flow_addr_after(src, dst, ntohs(sport) > ntohs(dport));
		key->addr[first].in6 = src->in6;
		key->addr[!first].in6 = dst->in6;
		key->word[first] = src->all[3];
		key->word[!first] = dst->all[3];
		scope |= FLOW_IPV6;
	}
	key->net = net;
	key->port[first] = sport;
	key->port[!first] = dport;
	key->scope = scope;
	return first;
}

/**
 * table_hash - where a key belongs
 * @key: from flow_key_init()
 *
 * Return: a number that must not leave the kernel: it tells which chain.
 */
static inline u32 table_hash(const struct flow_key *key)
{
	u32 ports = (u32)(__force u16)key->port[0] << 16 | (__force u16)key->port[1], hash;

	BUILD_BUG_ON(sizeof(*key) - offsetof(struct flow_key, port) !=
		     sizeof(key->port) + sizeof(key->scope) + sizeof(key->addr));
	if (key->scope & FLOW_IPV6)
		hash = hsiphash(&key->port, sizeof(*key) - offsetof(struct flow_key, port),
				&flow_table.place);
	else if (likely(!key->scope))
		hash = hsiphash_3u32(key->word[0], key->word[1], ports, &flow_table.place);
	else
		hash = hsiphash_4u32(key->word[0], key->word[1], ports, key->scope,
				     &flow_table.place);
	/* That number is as secret: what namespaces have in common falls into other places. */
	return hash ^ net_hash_mix(key->net);
}

/**
 * table_lookup - look a flow up
 * @key: from flow_key_init()
 * @hash: of @key
 *
 * Under RCU or the bucket's lock. Return: the flow, or NULL.
 */
static inline struct flow *table_lookup(const struct flow_key *key, u32 hash)
{
	struct flow *flow;

	for (flow = rcu_dereference_raw(*table_bucket(hash)); flow;
	     flow = rcu_dereference_raw(flow->next)) {
		/* What comes after the comparison lies in the next line. */
		prefetch(&flow->fsm.end[0].una);
		prefetch(&flow->fsm.end[1].wscale);
		if (flow_is(flow, key))
			break;
	}
	return flow;
}

#endif
