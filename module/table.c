// SPDX-License-Identifier: GPL-2.0
/*
 * The hash table of all flows: one array of chains for all namespaces, keyed
 * with a random secret, so that nobody outside can choose a chain. Readers go
 * under RCU and write nothing; a bucket's lock is taken to insert and to remove.
 */
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/siphash.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>

#include "flow.h"

#define TABLE_LOCKS	1024	/* bucket locks; a power of two */

static struct flow __rcu **table __read_mostly;
static unsigned int mask __read_mostly;
static raw_spinlock_t locks[TABLE_LOCKS];
static hsiphash_key_t place __read_mostly;	/* what decides on the chain */
static siphash_key_t secret __read_mostly __aligned(SIPHASH_ALIGNMENT);

static raw_spinlock_t *bucket_lock(u32 hash)
{
	return &locks[hash & (TABLE_LOCKS - 1)];
}

static struct flow __rcu **bucket(u32 hash)
{
	return &table[hash & mask];
}

static bool same(const struct flow_key *a, const struct flow_key *b)
{
	u32 differs = a->netns ^ b->netns;

	differs |= a->scope ^ b->scope;
	differs |= a->ipv6 ^ b->ipv6;
	differs |= (__force u16)(a->port[0] ^ b->port[0]) | (__force u16)(a->port[1] ^ b->port[1]);
	differs |= (__force u32)(a->addr[0].ip ^ b->addr[0].ip);
	differs |= (__force u32)(a->addr[1].ip ^ b->addr[1].ip);
	if (differs || !a->ipv6)
		return !differs;
	return ipv6_addr_equal(&a->addr[0].in6, &b->addr[0].in6) &&
	       ipv6_addr_equal(&a->addr[1].in6, &b->addr[1].in6);
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
unsigned int flow_key_init(struct flow_key *key, const struct net *net, u8 family,
			   const union nf_inet_addr *src, const union nf_inet_addr *dst,
			   __be16 sport, __be16 dport, u32 scope)
{
	unsigned int first;

	BUILD_BUG_ON(sizeof(*key) != 2 * sizeof(*src) + 2 * sizeof(sport) + 2 * sizeof(u32));
	/* Without it all namespaces have the same number. */
	BUILD_BUG_ON(!IS_ENABLED(CONFIG_PROC_FS));
	memset(key, 0, sizeof(*key));
	if (family == NFPROTO_IPV4) {
		first = src->ip == dst->ip ? ntohs(sport) > ntohs(dport) :
					     ntohl(src->ip) > ntohl(dst->ip);
		key->addr[first].ip = src->ip;
		key->addr[!first].ip = dst->ip;
	} else {
		int order = memcmp(src, dst, sizeof(*src));

		first = order ? order > 0 : ntohs(sport) > ntohs(dport);
		key->addr[first].in6 = src->in6;
		key->addr[!first].in6 = dst->in6;
		key->ipv6 = 1;
	}
	key->port[first] = sport;
	key->port[!first] = dport;
	key->netns = net->ns.inum;
	key->scope = scope;
	return first;
}

/**
 * table_hash - where a key belongs
 * @key: from flow_key_init()
 *
 * Return: a number that must not leave the kernel: it tells which chain.
 */
u32 table_hash(const struct flow_key *key)
{
	if (key->ipv6)
		return hsiphash(key, sizeof(*key), &place);
	return hsiphash_4u32((__force u32)key->addr[0].ip, (__force u32)key->addr[1].ip,
			     (u32)(__force u16)key->port[0] << 16 | (__force u16)key->port[1],
			     key->netns ^ key->scope << 4, &place);
}

/**
 * table_id - the id of a connection
 * @flow: its flow
 *
 * Return: a number that is the same for as long as the connection lives, and
 * that says nothing of memory, of time or of the table.
 */
u64 table_id(const struct flow *flow)
{
	struct {
		u64 born;
		struct flow_key key;
	} connection = {
		.born = flow->born,
		.key = flow->key,
	};

	return siphash(&connection, sizeof(u64) + sizeof(struct flow_key), &secret);
}

/**
 * table_lookup - look a flow up
 * @key: from flow_key_init()
 * @hash: of @key
 *
 * Under RCU or the bucket's lock. Return: the flow, or NULL.
 */
struct flow *table_lookup(const struct flow_key *key, u32 hash)
{
	struct flow *flow;

	for (flow = rcu_dereference_raw(*bucket(hash)); flow;
	     flow = rcu_dereference_raw(flow->next))
		if (same(&flow->key, key))
			break;
	return flow;
}

/**
 * table_insert - put a flow into the table, unless its connection has one
 * @flow: the flow, complete, locked
 *
 * Return: the flow that has the place already, or NULL.
 */
struct flow *table_insert(struct flow *flow)
{
	struct flow __rcu **head = bucket(flow->hash);
	struct flow *other;

	raw_spin_lock(bucket_lock(flow->hash));
	other = table_lookup(&flow->key, flow->hash);
	if (other && READ_ONCE(other->dead))
		other = NULL;
	if (!other) {
		RCU_INIT_POINTER(flow->next, rcu_access_pointer(*head));
		rcu_assign_pointer(*head, flow);
	}
	raw_spin_unlock(bucket_lock(flow->hash));
	return other;
}

/**
 * table_remove - take a flow out of the table
 * @flow: the flow, locked; readers may see it until a grace period
 */
void table_remove(struct flow *flow)
{
	struct flow __rcu **at = bucket(flow->hash);

	raw_spin_lock(bucket_lock(flow->hash));
	while (rcu_access_pointer(*at) != flow)
		at = &rcu_dereference_protected(*at, true)->next;
	rcu_assign_pointer(*at, rcu_access_pointer(flow->next));
	raw_spin_unlock(bucket_lock(flow->hash));
}

/**
 * table_buckets - how many buckets there are to visit
 */
unsigned int table_buckets(void)
{
	return mask + 1;
}

/**
 * table_visit - visit the flows of one bucket
 * @i: which bucket
 * @visit: called for each flow, not locked, under RCU; may remove it; ends the
 *	   visit with a value that is not 0
 * @data: for @visit
 *
 * A flow that is in the table throughout is visited once. Return: 0, or what
 * ended the visit.
 */
int table_visit(unsigned int i, int (*visit)(struct flow *flow, void *data), void *data)
{
	struct flow *flow;
	int err = 0;

	rcu_read_lock();
	for (flow = rcu_dereference(table[i]); flow && !err; flow = rcu_dereference(flow->next))
		err = visit(flow, data);
	rcu_read_unlock();
	return err;
}

/**
 * table_init - allocate the table
 * @flows: how many it will hold at most
 *
 * Return: 0 or -ENOMEM.
 */
int table_init(unsigned int flows)
{
	unsigned int i;

	mask = roundup_pow_of_two(max_t(unsigned int, flows / 2, TABLE_LOCKS)) - 1;
	for (i = 0; i < TABLE_LOCKS; i++)
		raw_spin_lock_init(&locks[i]);
	get_random_bytes(&place, sizeof(place));
	get_random_bytes(&secret, sizeof(secret));
	table = kvcalloc((size_t)mask + 1, sizeof(*table), GFP_KERNEL);
	return table ? 0 : -ENOMEM;
}

/**
 * table_exit - free the table, which is empty and unused
 */
void table_exit(void)
{
	kvfree(table);
}
