// SPDX-License-Identifier: GPL-2.0
/*
 * The sampler: sockets that went without a packet, an event or a timer of their
 * own, as those that ss -K or bpf_sock_destroy() takes out of request and
 * timewait.
 *
 * While there are flows, two numbers of each namespace are compared with the
 * kernel's own, at a cost that does not depend on the number of sockets. If
 * ours is higher, and still so a moment later, the table is walked and the
 * sockets in question are looked at, a limited number in each slice. Under
 * churn the numbers never quite agree: then the walk is a slow sampling of all
 * of them. A surplus that a whole walk does not explain starts no second one.
 *
 * Request sockets have no such number. While they are few each is looked at
 * every 750 ms (witness.c); in a flood their own timers must do.
 */
#include <linux/jiffies.h>
#include <linux/workqueue.h>
#include <net/ip.h>
#include <net/snmp.h>

#include "compat/timewaits.h"
#include "flow.h"
#include "sampler.h"

#define PERIOD		(HZ / 2)	/* between two comparisons */
#define SLICE		(HZ / 10)	/* between two slices of a walk, and before a second look */
#define LOOKS		410		/* in a slice: 4,096 a second */
#define BUCKETS		32768		/* in a slice */
#define REQUESTS	4096		/* that many are few */

static void sample(struct work_struct *work);
static DECLARE_DELAYED_WORK(sampler, sample);
static bool awake;
static unsigned int cursor;		/* the next bucket of the walk */
static bool walking;

static int curr_estab(const struct net *net)
{
	unsigned int cpu;
	int n = 0;

	for_each_possible_cpu(cpu)
		n += snmp_get_cpu_field(net->mib.tcp_statistics, cpu, TCP_MIB_CURRESTAB);
	return n;
}

static int theirs(const struct net *net, enum sampler_sum i)
{
	return i == SUM_TIMEWAIT ? tcpstate_timewaits(net) : curr_estab(net);
}

static int ours(const struct counters *c, enum sampler_sum i)
{
	if (i == SUM_TIMEWAIT)
		return counters_timewaits(c);
	return counters_local(c, FSM_ESTABLISHED) + counters_local(c, FSM_CLOSE_WAIT);
}

struct comparison {
	bool suspects;	/* a walk is to be made */
	bool doubts;	/* or may be */
};

static void compare(struct tcpstate_net *tn, void *data)
{
	struct comparison *c = data;
	enum sampler_sum i;

	WRITE_ONCE(tn->crowded, false);
	if (!atomic_read(&tn->flows))
		return;
	WRITE_ONCE(tn->crowded, counters_local(&tn->counters, FSM_SYN_RECV) > REQUESTS);
	for (i = 0; i < SUMS; i++) {
		struct sampler_checksum *sum = &tn->sums[i];
		int before = sum->surplus, n = ours(&tn->counters, i);

		sum->surplus = n > 0 ? n - theirs(tn->net, i) : 0;
		/* What is gone may come back for another reason. */
		sum->known = min(sum->known, max(sum->surplus, 0));
		/* A walk changed nothing: something else explains it. */
		if (sum->suspect && sum->surplus == before)
			sum->known = before;
		sum->suspect = false;
		if (sum->surplus <= 0 || sum->surplus == sum->known)
			continue;
		sum->suspect = before > 0;
		c->suspects |= sum->suspect;
		c->doubts |= !sum->suspect;
	}
}

static bool counts_in(const struct flow_end *end, enum sampler_sum i)
{
	u8 socket = READ_ONCE(end->socket), state = READ_ONCE(end->sock);

	if (i == SUM_TIMEWAIT)
		return socket == SOCKET_TIMEWAIT;
	return socket == SOCKET_FULL && (state == FSM_ESTABLISHED || state == FSM_CLOSE_WAIT);
}

static int look(struct flow *flow, void *looks)
{
	const struct tcpstate_net *tn = flow_pernet(flow);
	enum sampler_sum i;
	unsigned int e;

	for (e = 0; flow->whole && e < 2; e++) {
		for (i = 0; i < SUMS; i++) {
			if (!READ_ONCE(tn->sums[i].suspect) || !counts_in(&flow->end[e], i))
				continue;
			witness_check(flow, e);
			++*(unsigned int *)looks;
		}
	}
	return 0;
}

/* A slice of the walk. */
static void walk(void)
{
	unsigned int looks = 0, i;

	for (i = 0; i < BUCKETS && looks < LOOKS && cursor < table_buckets(); i++) {
		table_visit(cursor++, look, &looks);
		cond_resched();
	}
	if (cursor < table_buckets())
		return;
	cursor = 0;
	walking = false;
}

static void sample(struct work_struct *work)
{
	unsigned long next = SLICE;
	struct comparison c = {};

	if (walking) {
		walk();
	} else if (!limit_any()) {
		WRITE_ONCE(awake, false);
		/* One may have come that saw it awake. */
		smp_mb();
		if (!limit_any() || xchg(&awake, true))
			return;
	} else if (netns_visit(compare, &c)) {
		walking = c.suspects;
		if (!c.suspects && !c.doubts)
			next = PERIOD;
	}
	queue_delayed_work(system_unbound_wq, &sampler, next);
}

/**
 * sampler_wake - there are flows
 *
 * Any context.
 */
void sampler_wake(void)
{
	if (likely(READ_ONCE(awake)) || !witness_watches() || xchg(&awake, true))
		return;
	queue_delayed_work(system_unbound_wq, &sampler, PERIOD);
}

/**
 * sampler_stop - stop; no flow can come meanwhile
 */
void sampler_stop(void)
{
	cancel_delayed_work_sync(&sampler);
	WRITE_ONCE(awake, false);
	walking = false;
	cursor = 0;
}
