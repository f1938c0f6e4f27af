// SPDX-License-Identifier: GPL-2.0
/*
 * bench: what a forwarded TCP segment costs in tcpstate, in nf_conntrack and in neither.
 *
 * The hooks that both have registered are called as the kernel calls them, with valid segments, in
 * softirq context. Rounds alternate: nothing, tcpstate, nf_conntrack. Each prints a line
 *
 *	bench: NAME ROUND BASE TCPSTATE CONNTRACK
 *
 * with picoseconds for each packet (hot, random) or connection (new). At the end both must have
 * tracked every segment and have every flow.
 */
#define pr_fmt(fmt) "bench: " fmt
#include <linux/interrupt.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <net/netfilter/nf_conntrack.h>

#include "bench.h"

static unsigned int family = 4;
module_param(family, uint, 0400);
MODULE_PARM_DESC(family, "4 or 6");

static unsigned int flows = 200000;
module_param(flows, uint, 0400);
MODULE_PARM_DESC(flows, "flows for random and new");

static unsigned int rounds = 20;
module_param(rounds, uint, 0400);
MODULE_PARM_DESC(rounds, "rounds of each measurement");

static unsigned int trackers = BIT(TCPSTATE) | BIT(CONNTRACK);
module_param(trackers, uint, 0400);
MODULE_PARM_DESC(trackers, "2: tcpstate, 4: nf_conntrack, 6: both");

static unsigned int packets = 20000;
module_param(packets, uint, 0400);
MODULE_PARM_DESC(packets, "packets of a round of hot");

static unsigned int race;
module_param(race, uint, 0400);
MODULE_PARM_DESC(race, "packets of each of two processors, at most 50000; 0: no such race");

static struct lane lanes[TRACKERS];
static struct net *net;
static u32 *order;		/* of the flows, random */
/* What was there before. */
static long ours_before, theirs_before, refused_before;

static u8 pf(void)
{
	return family == 6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
}

/* Those that are not wanted have a chain of dummies. */
static enum tracker really(unsigned int i)
{
	return trackers & BIT(i) ? i : BASE;
}

/* The last flow of all is the hot one. */
static u32 hot_flow(void)
{
	return flows;
}

/* One flow, all in the cache. */
static unsigned int hot(struct lane *lane)
{
	unsigned int i;

	for (i = 0; i < packets; i++)
		if (!traffic_exchange(lane, hot_flow(), lane->step++, true))
			break;
	return packets;
}

/* The same flow through the whole stack, with no hooks but those of this tracker. */
static unsigned int forward(struct lane *lane)
{
	unsigned int i;

	chain_install(&lane->lean);
	for (i = 0; i < packets; i++) {
		struct segment s = traffic_exchanged(hot_flow(), lane->step++);

		if (device_forward(pf(), &s, &lane->tracked)) {
			lane->dropped = true;
			break;
		}
		lane->passed++;
	}
	return packets;
}

/* One segment of every flow. */
static unsigned int random(struct lane *lane)
{
	unsigned int i;

	for (i = 0; i < flows; i++)
		if (!traffic_exchange(lane, order[i], lane->turn, true))
			break;
	lane->turn++;
	return flows;
}

/* The next flows, in the end all. */
static unsigned int new(struct lane *lane)
{
	unsigned int i, n = flows / rounds;

	for (i = 0; i < n; i++)
		if (!traffic_handshake(lane, lane->made++, true))
			break;
	return n;
}

static u64 timed(struct lane *lane, unsigned int (*work)(struct lane *lane))
{
	unsigned int n;
	u64 began, took;

	local_bh_disable();
	rcu_read_lock();
	began = builtin_clock();
	n = work(lane);
	took = builtin_clock() - began;
	rcu_read_unlock();
	local_bh_enable();
	cond_resched();
	return div_u64(took * 1000, n);
}

static int complain(const char *name)
{
	pr_err("%s: a packet was dropped\n", name);
	return -EIO;
}

static int measure(const char *name, unsigned int (*work)(struct lane *lane))
{
	unsigned int round, i;
	u64 cost[TRACKERS];

	for (round = 0; round < rounds; round++) {
		for (i = 0; i < TRACKERS; i++) {
			cost[i] = timed(&lanes[i], work);
			if (lanes[i].dropped)
				return complain(name);
		}
		pr_info("%s%u %u %llu %llu %llu\n", name, family, round, cost[BASE],
			cost[TCPSTATE], cost[CONNTRACK]);
	}
	return 0;
}

static int race_all(void)
{
	u32 own[TRACKERS], shared[TRACKERS], flow = hot_flow() + 1;
	unsigned int round, i;
	int n;

	for (round = 0; round < rounds; round++) {
		for (i = 0; i < TRACKERS; i++) {
			n = processors_measure(&lanes[i], flow, race, &own[i], &shared[i]);
			if (n < 0)
				return n;
			lanes[i].made += n;
		}
		flow += n;
		pr_info("own%u %u %u %u %u\n", family, round, own[BASE], own[TCPSTATE],
			own[CONNTRACK]);
		pr_info("shared%u %u %u %u %u\n", family, round, shared[BASE],
			shared[TCPSTATE], shared[CONNTRACK]);
	}
	return 0;
}

/* The hot flow begins with checksums that software verifies: they are right. */
static int begin(void)
{
	unsigned int i, step;

	ours_before = count_flows();
	theirs_before = nf_conntrack_count(net);
	refused_before = count_refused();
	for (i = 0; i < TRACKERS; i++) {
		struct lane *lane = &lanes[i];

		local_bh_disable();
		rcu_read_lock();
		traffic_handshake(lane, hot_flow(), false);
		for (step = 0; step < 2 * STEPS; step++)
			traffic_exchange(lane, hot_flow(), lane->step++, false);
		rcu_read_unlock();
		local_bh_enable();
		if (lane->dropped)
			return complain("handshake");
	}
	return 0;
}

static int check(void)
{
	long ours = count_flows() - ours_before, refused = count_refused() - refused_before;
	long theirs = nf_conntrack_count(net) - theirs_before, n = lanes[BASE].made + 1;
	unsigned int i;

	pr_info("flows %ld tcpstate %ld nf_conntrack %ld refused %ld\n", n, ours, theirs, refused);
	for (i = 0; i < TRACKERS; i++)
		if (lanes[i].tracked != (really(i) == CONNTRACK ? lanes[i].passed : 0)) {
			pr_err("tracker %u: of %llu packets conntrack has %llu\n", i,
			       lanes[i].passed, lanes[i].tracked);
			return -EIO;
		}
	if (ours == (really(TCPSTATE) ? n : 0) && theirs == (really(CONNTRACK) ? n : 0) && !refused)
		return 0;
	pr_err("not every flow and segment was tracked\n");
	return -EIO;
}

static int shuffle(void)
{
	struct rnd_state state;
	u32 i;

	order = kvmalloc_array(flows, sizeof(*order), GFP_KERNEL);
	if (!order)
		return -ENOMEM;
	prandom_seed_state(&state, 1);
	for (i = 0; i < flows; i++) {
		u32 j = prandom_u32_state(&state) % (i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	return 0;
}

static void lanes_free(void)
{
	unsigned int i;

	for (i = 0; i < TRACKERS; i++) {
		chain_free(&lanes[i].chain);
		chain_free(&lanes[i].lean);
		if (!lanes[i].skb)
			continue;
		if (!lanes[i].dropped)
			kfree_skb(lanes[i].skb);
		kfree_skb(lanes[i].skb);
	}
}

static int lanes_make(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < TRACKERS; i++) {
		lanes[i].family = pf();
		lanes[i].skb = segment_buffer(pf());
		if (!lanes[i].skb)
			return -ENOMEM;
		skb_get(lanes[i].skb);
		err = chain_make(&lanes[i].chain, really(i), net, pf(), true) ?:
		      chain_make(&lanes[i].lean, really(i), net, pf(), false);
		if (err)
			return err;
	}
	return 0;
}

static int run(void)
{
	int err;

	err = shuffle() ?: lanes_make() ?: begin();
	if (err)
		return err;
	err = measure("new", new) ?: measure("random", random) ?: measure("hot", hot);
	/* Nobody else could give it addresses. */
	if (!err && pf() == NFPROTO_IPV4 && !builtin_route())
		err = measure("forward", forward);
	if (!err && race)
		err = race_all();
	return err ?: check();
}

static int __init bench_init(void)
{
	int err;

	builtin_begin();
	net = current->nsproxy->net_ns;
	rounds = clamp(rounds, 1U, 1000U);
	race = min(race, 50000U);
	flows -= flows % rounds;
	err = nf_ct_netns_get(net, NFPROTO_INET);
	if (err)
		return err;
	err = device_make(net);
	if (err)
		goto err_conntrack;
	err = run();
	if (err)
		pr_err("failed: %d\n", err);
	else
		pr_info("done\n");
	builtin_end();
	lanes_free();
	kvfree(order);
	if (err)
		goto err_device;
	return 0;

err_device:
	device_free();
err_conntrack:
	nf_ct_netns_put(net, NFPROTO_INET);
	return err;
}

static void __exit bench_exit(void)
{
	device_free();
	nf_ct_netns_put(net, NFPROTO_INET);
}

/* Built in, it is the last to begin. */
late_initcall(bench_init);
module_exit(bench_exit);

MODULE_DESCRIPTION("What a TCP segment costs in tcpstate and in nf_conntrack");
MODULE_LICENSE("GPL");
