// SPDX-License-Identifier: GPL-2.0
/*
 * The hash table of all flows: one array of chains for all namespaces, keyed
 * with a random secret, so that nobody outside can choose a chain. Readers go
 * under RCU and write nothing; a bucket's lock is taken to insert and to remove.
 */
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/rculist.h>
#include <linux/siphash.h>
#include <net/netns/hash.h>

#include "flow.h"

#define TABLE_LOCKS	1024	/* bucket locks; a power of two */

static struct hlist_head *table __read_mostly;
static unsigned int mask __read_mostly;
static raw_spinlock_t locks[TABLE_LOCKS];
static siphash_key_t secret __read_mostly __aligned(SIPHASH_ALIGNMENT);

static raw_spinlock_t *bucket_lock(u32 hash)
{
	return &locks[hash & (TABLE_LOCKS - 1)];
}

static struct hlist_head *bucket(u32 hash)
{
	return &table[hash & mask];
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
	size_t size = family == NFPROTO_IPV4 ? sizeof(src->ip) : sizeof(*src);
	int order = memcmp(src, dst, size);
	unsigned int first;

	if (!order)
		order = (int)ntohs(sport) - (int)ntohs(dport);
	first = order > 0;

	BUILD_BUG_ON(sizeof(*key) != 2 * sizeof(*src) + 2 * sizeof(sport) + 3 * sizeof(u32));
	memset(key, 0, sizeof(*key));
	memcpy(&key->addr[first], src, size);
	memcpy(&key->addr[!first], dst, size);
	key->port[first] = sport;
	key->port[!first] = dport;
	key->scope = scope;
	key->mix = net_hash_mix(net);
	key->family = family;
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
	return (u32)siphash(key, sizeof(*key), &secret);
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
		struct flow_key key;
		u64 born;
	} connection = {
		.key = flow->key,
		.born = flow->born,
	};

	BUILD_BUG_ON(sizeof(connection) != sizeof(struct flow_key) + sizeof(u64));
	return siphash(&connection, sizeof(connection), &secret);
}

/**
 * table_lookup - look a flow up
 * @net: namespace
 * @key: from flow_key_init()
 * @hash: of @key
 *
 * Under RCU or the bucket's lock. Return: the flow, or NULL.
 */
struct flow *table_lookup(const struct net *net, const struct flow_key *key, u32 hash)
{
	struct flow *flow;

	hlist_for_each_entry_rcu(flow, bucket(hash), node, true)
		if (flow->hash == hash && flow->net == net &&
		    !memcmp(&flow->key, key, sizeof(*key)))
			return flow;
	return NULL;
}

/**
 * table_insert - put a flow into the table, unless its connection has one
 * @flow: the flow, complete, locked
 *
 * Return: the flow that has the place already, or NULL.
 */
struct flow *table_insert(struct flow *flow)
{
	struct flow *other;

	raw_spin_lock(bucket_lock(flow->hash));
	other = table_lookup(flow->net, &flow->key, flow->hash);
	if (other && READ_ONCE(other->dead))
		other = NULL;
	if (!other)
		hlist_add_head_rcu(&flow->node, bucket(flow->hash));
	raw_spin_unlock(bucket_lock(flow->hash));
	return other;
}

/**
 * table_remove - take a flow out of the table
 * @flow: the flow, locked; readers may see it until a grace period
 */
void table_remove(struct flow *flow)
{
	raw_spin_lock(bucket_lock(flow->hash));
	hlist_del_rcu(&flow->node);
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
	hlist_for_each_entry_rcu(flow, &table[i], node) {
		err = visit(flow, data);
		if (err)
			break;
	}
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
