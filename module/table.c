// SPDX-License-Identifier: GPL-2.0
/*
 * The hash table of all flows: one array of chains for all namespaces, keyed
 * with a random secret, so that nobody outside can choose a chain. Readers go
 * under RCU and write nothing; a bucket's lock is taken to insert and to remove.
 */
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/siphash.h>

#include "table.h"

#define TABLE_LOCKS	1024	/* bucket locks; a power of two */

struct flow_table flow_table __read_mostly;
static raw_spinlock_t locks[TABLE_LOCKS];
static siphash_key_t secret __read_mostly __aligned(SIPHASH_ALIGNMENT);

static raw_spinlock_t *bucket_lock(u32 hash)
{
	return &locks[hash & (TABLE_LOCKS - 1)];
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
		u32 born;
		u32 serial;
		union nf_inet_addr addr[2];
		__be16 port[2];
		u32 scope;
		u32 netns;
		u32 zero;
	} connection = {
		.born = flow->born,
		.serial = flow->serial,
		.port = { flow->port[0], flow->port[1] },
		.scope = flow->scope,
		.netns = flow->net->ns.inum,
	};
	unsigned int e;

	for (e = 0; e < 2; e++) {
		if (flow->scope & FLOW_IPV6)
			connection.addr[e].in6 = flow->addr[e];
		else
			connection.addr[e].all[0] = flow->word[e];
	}
	return siphash(&connection, sizeof(connection), &secret);
}

/**
 * table_insert - put a flow into the table, unless its connection has one
 * @flow: the flow, complete, locked
 * @key: what it was made with
 * @hash: of @key
 *
 * Return: the flow that has the place already, or NULL.
 */
struct flow *table_insert(struct flow *flow, const struct flow_key *key, u32 hash)
{
	struct flow __rcu **head = table_bucket(hash);
	struct flow *other;

	raw_spin_lock(bucket_lock(hash));
	other = table_lookup(key, hash);
	if (other && READ_ONCE(other->dead))
		other = NULL;
	if (!other) {
		RCU_INIT_POINTER(flow->next, rcu_access_pointer(*head));
		rcu_assign_pointer(*head, flow);
	}
	raw_spin_unlock(bucket_lock(hash));
	return other;
}

/**
 * table_remove - take a flow out of the table
 * @flow: the flow, locked; readers may see it until a grace period
 */
void table_remove(struct flow *flow)
{
	struct flow __rcu **at;
	struct flow_key key;
	u32 hash;

	flow_key_of(flow, &key);
	hash = table_hash(&key);
	at = table_bucket(hash);
	raw_spin_lock(bucket_lock(hash));
	while (rcu_access_pointer(*at) != flow)
		at = &rcu_dereference_protected(*at, true)->next;
	rcu_assign_pointer(*at, rcu_access_pointer(flow->next));
	raw_spin_unlock(bucket_lock(hash));
}

/**
 * table_buckets - how many buckets there are to visit
 */
unsigned int table_buckets(void)
{
	return flow_table.mask + 1;
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
	for (flow = rcu_dereference(flow_table.bucket[i]); flow && !err;
	     flow = rcu_dereference(flow->next))
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

	flow_table.mask = roundup_pow_of_two(max_t(unsigned int, flows / 2, TABLE_LOCKS)) - 1;
	for (i = 0; i < TABLE_LOCKS; i++)
		raw_spin_lock_init(&locks[i]);
	get_random_bytes(&flow_table.place, sizeof(flow_table.place));
	get_random_bytes(&secret, sizeof(secret));
	flow_table.bucket = kvcalloc((size_t)flow_table.mask + 1, sizeof(*flow_table.bucket),
				     GFP_KERNEL);
	return flow_table.bucket ? 0 : -ENOMEM;
}

/**
 * table_exit - free the table, which is empty and unused
 */
void table_exit(void)
{
	kvfree(flow_table.bucket);
}
