// SPDX-License-Identifier: GPL-2.0
/*
 * How many flows there may be.
 */
#include <linux/mm.h>
#include <linux/module.h>

#include "flow.h"

#define FLOW_SHARE	8192	/* bytes of memory for each flow that max_flows allows */
#define FLOW_EMBRYONIC	8	/* at most this part of max_flows is half-open forwarded flows */
#define FLOW_GUEST	2	/* and this part is for all namespaces of other user namespaces */

static unsigned int max_flows __read_mostly;
module_param(max_flows, uint, 0400);
MODULE_PARM_DESC(max_flows, "flows at most, in all namespaces (default: one for each 8 KiB of memory)");

static atomic_t flows = ATOMIC_INIT(0);
static atomic_t guests = ATOMIC_INIT(0);	/* those in namespaces of other user namespaces */

/**
 * limit_put_place - give back the place of a flow
 * @tn: its namespace
 *
 * Before the flow leaves its chain: a namespace without flows, or none that a
 * walk still finds, may go at once. It is not touched any more.
 */
void limit_put_place(struct tcpstate_net *tn)
{
	if (netns_is_guest(tn))
		atomic_dec(&guests);
	atomic_dec_return_release(&tn->flows);
	atomic_dec(&flows);
}

/**
 * limit_get_place - take a place for a flow
 * @tn: its namespace
 * @class: its class
 *
 * Any context. Return: %LIMIT_NONE; else the limit that is reached, and no place was taken.
 */
enum limit limit_get_place(struct tcpstate_net *tn, enum flow_class class)
{
	if (READ_ONCE(tn->dying))
		return LIMIT_DYING;
	if (class == CLASS_FORWARDED &&
	    atomic_read(&tn->embryonic) >= limit_embryonic(tn))
		return LIMIT_EMBRYONIC;
	if (atomic_inc_return(&flows) > limit_flows()) {
		atomic_dec(&flows);
		return LIMIT_ALL;
	}
	/* Who is root only there must not starve the others. */
	if (netns_is_guest(tn) && atomic_inc_return(&guests) > limit_flows() / FLOW_GUEST) {
		atomic_dec(&guests);
		atomic_dec(&flows);
		return LIMIT_GUESTS;
	}
	if (atomic_inc_return(&tn->flows) <= limit_netns(tn))
		return LIMIT_NONE;
	limit_put_place(tn);
	return LIMIT_NETNS;
}

/**
 * limit_any - is there any flow?
 */
bool limit_any(void)
{
	return atomic_read(&flows);
}

/**
 * limit_flows - how many flows there may be
 */
unsigned int limit_flows(void)
{
	return READ_ONCE(max_flows);
}

/**
 * limit_set - how many flows there may be from now on
 * @limit: at least 1
 *
 * Those that are there stay. The table keeps its size: above what it was made
 * for its chains are longer.
 */
void limit_set(unsigned int limit)
{
	WRITE_ONCE(max_flows, limit);
}

/**
 * limit_netns - how many flows a namespace may have
 * @tn: the namespace
 */
unsigned int limit_netns(const struct tcpstate_net *tn)
{
	return READ_ONCE(tn->max_flows) ?: limit_flows();
}

/**
 * limit_embryonic - how many half-open forwarded flows it may have
 * @tn: the namespace
 */
unsigned int limit_embryonic(const struct tcpstate_net *tn)
{
	unsigned int limit = min(limit_netns(tn), limit_flows());

	return READ_ONCE(tn->max_embryonic) ?: max(limit / FLOW_EMBRYONIC, 1U);
}

/**
 * limit_init - how many flows there may be, unless the parameter says it
 *
 * Return: how many.
 */
unsigned int limit_init(void)
{
	max_flows = min_t(unsigned int, max_flows, FLOW_LIMIT_MAX);
	if (!max_flows)
		max_flows = clamp_t(u64, (u64)totalram_pages() * PAGE_SIZE / FLOW_SHARE,
				    4096, FLOW_LIMIT_MAX);
	return max_flows;
}
