// SPDX-License-Identifier: GPL-2.0
/*
 * Gauges and totals over netlink: the numbers of /proc/net/tcpstate.
 */
#include <linux/slab.h>

#include "flow.h"
#include "netlink.h"

/* The attributes of a column in a state's row, and of a kind in a transition. */
static const struct {
	u8 gauge;
	u8 entered;
	u8 moved;
} columns[COLUMNS] = {
	[COLUMN_LOCAL] = {
		TCPSTATE_A_STATE_COUNTERS_LOCAL,
		TCPSTATE_A_STATE_COUNTERS_ENTERED_LOCAL,
		TCPSTATE_A_TRANSITION_LOCAL,
	},
	[COLUMN_REMOTE] = {
		TCPSTATE_A_STATE_COUNTERS_REMOTE,
		TCPSTATE_A_STATE_COUNTERS_ENTERED_REMOTE,
		TCPSTATE_A_TRANSITION_REMOTE,
	},
	[COLUMN_FORWARDED_INITIATOR] = {
		TCPSTATE_A_STATE_COUNTERS_FORWARDED_INITIATOR,
		TCPSTATE_A_STATE_COUNTERS_ENTERED_FORWARDED_INITIATOR,
		TCPSTATE_A_TRANSITION_FORWARDED_INITIATOR,
	},
	[COLUMN_FORWARDED_RESPONDER] = {
		TCPSTATE_A_STATE_COUNTERS_FORWARDED_RESPONDER,
		TCPSTATE_A_STATE_COUNTERS_ENTERED_FORWARDED_RESPONDER,
		TCPSTATE_A_TRANSITION_FORWARDED_RESPONDER,
	},
};

static size_t size_of(unsigned int nests, unsigned int words, unsigned int longs)
{
	return nests * (nla_total_size(0) + words * nla_total_size(sizeof(u32)) +
			longs * nla_total_size_64bit(sizeof(u64)));
}

/* At most, whatever the counters say. */
static size_t reply_size(u32 tables)
{
	unsigned int states = FSM_STATES - FSM_ESTABLISHED;
	size_t size = nla_total_size(sizeof(u32));

	if (tables & TCPSTATE_TABLE_STATES)
		size += size_of(states, 1, 2 * COLUMNS + 1);
	if (tables & TCPSTATE_TABLE_PAIRS)
		size += size_of((TCPSTATE_PATH_MAX + 1) * states * states, 3, 1);
	if (tables & TCPSTATE_TABLE_TRANSITIONS)
		size += size_of(states * states, 2, COLUMNS);
	if (tables & TCPSTATE_TABLE_STAT)
		size += size_of(1, 5, 3);
	return size;
}

static bool put_u64(struct sk_buff *skb, int type, u64 value, int pad)
{
	return !nla_put_u64_64bit(skb, type, value, pad);
}

static bool put_state(struct sk_buff *skb, const struct counters_sum *sum, u8 state)
{
	struct nlattr *nest = nla_nest_start(skb, TCPSTATE_A_COUNTERS_STATES);
	const int pad = TCPSTATE_A_STATE_COUNTERS_PAD;
	enum counters_column column;

	if (!nest || nla_put_u32(skb, TCPSTATE_A_STATE_COUNTERS_STATE, state) ||
	    !put_u64(skb, TCPSTATE_A_STATE_COUNTERS_LOCAL_INITIATOR,
		     counters_initiators(sum, state), pad))
		return false;
	for (column = 0; column < COLUMNS; column++)
		if (!put_u64(skb, columns[column].gauge, counters_gauge(sum, column, state), pad) ||
		    !put_u64(skb, columns[column].entered,
			     counters_entered(sum, column, state), pad))
			return false;
	nla_nest_end(skb, nest);
	return true;
}

static bool put_pair(struct sk_buff *skb, enum tcpstate_path path, u8 row, u8 column, u64 n)
{
	struct nlattr *nest = nla_nest_start(skb, TCPSTATE_A_COUNTERS_PAIRS);

	if (!nest || nla_put_u32(skb, TCPSTATE_A_PAIR_PATH, path) ||
	    nla_put_u32(skb, TCPSTATE_A_PAIR_STATE, row) ||
	    nla_put_u32(skb, TCPSTATE_A_PAIR_PEER_STATE, column) ||
	    !put_u64(skb, TCPSTATE_A_PAIR_FLOWS, n, TCPSTATE_A_PAIR_PAD))
		return false;
	nla_nest_end(skb, nest);
	return true;
}

static bool put_pairs(struct sk_buff *skb, const struct counters_sum *sum)
{
	enum tcpstate_path path;
	u8 row, column;

	for (path = 0; path <= TCPSTATE_PATH_MAX; path++) {
		for (row = FSM_ESTABLISHED; row < FSM_STATES; row++) {
			for (column = FSM_ESTABLISHED; column < FSM_STATES; column++) {
				u64 n = counters_pairs(sum, path, row, column);

				if (n && !put_pair(skb, path, row, column, n))
					return false;
			}
		}
	}
	return true;
}

static bool put_transition(struct sk_buff *skb, const struct counters_sum *sum, u8 from, u8 to)
{
	enum counters_column column;
	struct nlattr *nest;
	u64 any = 0;

	for (column = 0; column < COLUMNS; column++)
		any |= sum->moved[column][from][to];
	if (!any)
		return true;
	nest = nla_nest_start(skb, TCPSTATE_A_COUNTERS_TRANSITIONS);
	if (!nest || nla_put_u32(skb, TCPSTATE_A_TRANSITION_FROM, from) ||
	    nla_put_u32(skb, TCPSTATE_A_TRANSITION_TO, to))
		return false;
	for (column = 0; column < COLUMNS; column++)
		if (!put_u64(skb, columns[column].moved, sum->moved[column][from][to],
			     TCPSTATE_A_TRANSITION_PAD))
			return false;
	nla_nest_end(skb, nest);
	return true;
}

static bool put_stat(struct sk_buff *skb, const struct tcpstate_net *tn,
		     const struct counters_sum *sum)
{
	struct nlattr *nest = nla_nest_start(skb, TCPSTATE_A_COUNTERS_STAT);
	u32 flows = atomic_read(&tn->flows);

	if (!nest || nla_put_u32(skb, TCPSTATE_A_STAT_FLOWS, flows) ||
	    nla_put_u32(skb, TCPSTATE_A_STAT_SELF_CONNECTED, counters_self(sum)) ||
	    nla_put_u32(skb, TCPSTATE_A_STAT_EMBRYONIC, atomic_read(&tn->embryonic)) ||
	    nla_put_u32(skb, TCPSTATE_A_STAT_MAX_FLOWS, limit_flows()) ||
	    !put_u64(skb, TCPSTATE_A_STAT_MEMORY, flow_memory(tn, flows), TCPSTATE_A_STAT_PAD) ||
	    !put_u64(skb, TCPSTATE_A_STAT_UNTRACKED, atomic64_read(&tn->untracked),
		     TCPSTATE_A_STAT_PAD) ||
	    nla_put_u32(skb, TCPSTATE_A_STAT_COMPLETE, READ_ONCE(tn->complete)) ||
	    !put_u64(skb, TCPSTATE_A_STAT_EVICTED, atomic64_read(&tn->evicted),
		     TCPSTATE_A_STAT_PAD))
		return false;
	nla_nest_end(skb, nest);
	return true;
}

static bool put_tables(struct sk_buff *skb, const struct tcpstate_net *tn,
		       const struct counters_sum *sum, u32 tables)
{
	u8 state, to;

	if (nla_put_u32(skb, TCPSTATE_A_COUNTERS_COMPLETE, READ_ONCE(tn->complete)))
		return false;
	for (state = FSM_ESTABLISHED; state < FSM_STATES; state++)
		if (tables & TCPSTATE_TABLE_STATES && !put_state(skb, sum, state))
			return false;
	if (tables & TCPSTATE_TABLE_PAIRS && !put_pairs(skb, sum))
		return false;
	for (state = FSM_ESTABLISHED; state < FSM_STATES; state++)
		for (to = FSM_ESTABLISHED; to < FSM_STATES; to++)
			if (tables & TCPSTATE_TABLE_TRANSITIONS &&
			    !put_transition(skb, sum, state, to))
				return false;
	return !(tables & TCPSTATE_TABLE_STAT) || put_stat(skb, tn, sum);
}

/**
 * netlink_counters_get - gauges and totals of the namespace
 * @skb: the request
 * @info: its attributes
 *
 * Costs the same for any number of flows. Return: 0 or a negative error.
 */
int netlink_counters_get(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *attr = info->attrs[TCPSTATE_A_COUNTERS_TABLES];
	struct tcpstate_net *tn = netlink_pernet(info);
	u32 tables = attr ? nla_get_u32(attr) : TCPSTATE_TABLE_MASK;
	struct counters_sum *sum;
	struct sk_buff *reply;
	int err = -ENOMEM;
	void *header;

	reply = genlmsg_new(reply_size(tables), GFP_KERNEL_ACCOUNT);
	sum = kmalloc(sizeof(*sum), GFP_KERNEL_ACCOUNT);
	if (!reply || !sum)
		goto free;
	err = -EMSGSIZE;
	header = genlmsg_put_reply(reply, info, &netlink_family, 0, TCPSTATE_CMD_COUNTERS_GET);
	if (!header)
		goto free;
	counters_read(&tn->counters, sum);
	if (!put_tables(reply, tn, sum, tables))
		goto free;
	kfree(sum);
	genlmsg_end(reply, header);
	return genlmsg_reply(reply, info);

free:
	kfree(sum);
	nlmsg_free(reply);
	return err;
}
