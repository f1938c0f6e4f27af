// SPDX-License-Identifier: GPL-2.0
/*
 * How much more two processors do than one: each with a flow of its own, and each with one
 * direction of the same flow.
 */
#define pr_fmt(fmt) "bench: " fmt
#include <linux/cpumask.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/tcp.h>

#include "bench.h"

#define CPUS	2
#define SHARED	64	/* segments after which a direction tells the other how far it is */

/**
 * struct worker - one processor's part
 * @lane: a lane of its own, with the chain of all
 * @flow: number of its flow
 * @step: what its own flow sends next
 * @sent: segments that it sent of the flow that is shared
 * @told: as many as the other knows of
 * @other: who has the other direction; NULL for an own flow
 * @ready: how many have come to the start
 * @runners: how many there are
 * @packets: to send
 * @began: when it began
 * @ended: and ended
 * @done: it has
 */
struct worker {
	struct lane lane;
	u32 flow;
	u32 step;
	u32 sent;
	u32 told;
	struct worker *other;
	atomic_t *ready;
	unsigned int runners;
	unsigned int packets;
	u64 began;
	u64 ended;
	struct completion done;
} ____cacheline_aligned_in_smp;

/* The next of a direction: data, and an acknowledgment of what is known of the other. */
static bool send_shared(struct worker *w, bool reply)
{
	u32 own = w->sent++, others = READ_ONCE(w->other->told);
	struct segment s = {
		.flow = w->flow,
		.reply = reply,
		.seq = (reply ? ISN_RESPONDER : ISN_INITIATOR) + 1 + own * PAYLOAD,
		.ack = (reply ? ISN_INITIATOR : ISN_RESPONDER) + 1 + others * PAYLOAD,
		.flags = TCP_FLAG_ACK | TCP_FLAG_PSH,
		.len = PAYLOAD,
		.stamp = STAMP + own,
		.echo = STAMP + others,
	};

	if (!traffic_pass(&w->lane, &s, true))
		return false;
	if (w->sent % SHARED == 0)
		WRITE_ONCE(w->told, w->sent);
	return true;
}

static int work(void *data)
{
	struct worker *w = data;
	bool reply = w->other && w->other < w;
	unsigned int i;

	local_bh_disable();
	rcu_read_lock();
	atomic_inc(w->ready);
	while (atomic_read(w->ready) < w->runners)
		cpu_relax();
	w->began = ktime_get_ns();
	for (i = 0; i < w->packets; i++)
		if (!(w->other ? send_shared(w, reply) :
				 traffic_exchange(&w->lane, w->flow, w->step++, true)))
			break;
	w->ended = ktime_get_ns();
	rcu_read_unlock();
	local_bh_enable();
	complete(&w->done);
	return 0;
}

/* Return: how long it took until the last was ready, or a negative error. */
static s64 race(struct worker *workers, unsigned int first, unsigned int n)
{
	struct task_struct *tasks[CPUS];
	atomic_t ready = ATOMIC_INIT(0);
	u64 began = U64_MAX, ended = 0;
	unsigned int i;

	for (i = first; i < first + n; i++) {
		struct worker *w = &workers[i];

		w->ready = &ready;
		w->runners = n;
		init_completion(&w->done);
		tasks[i] = kthread_create(work, w, "bench/%u", i);
		if (IS_ERR(tasks[i])) {
			while (i-- > first)
				kthread_stop(tasks[i]);
			return -ENOMEM;
		}
		kthread_bind(tasks[i], i);
	}
	for (i = first; i < first + n; i++)
		wake_up_process(tasks[i]);
	for (i = first; i < first + n; i++) {
		wait_for_completion(&workers[i].done);
		began = min(began, workers[i].began);
		ended = max(ended, workers[i].ended);
		if (workers[i].lane.dropped)
			return -EIO;
	}
	return ended - began;
}

/* Return: how many times as much two do as one, in thousandths, or a negative error. */
static int speed(struct worker *workers)
{
	s64 first = race(workers, 0, 1), second, both;

	if (first < 0)
		return first;
	second = race(workers, 1, 1);
	if (second < 0)
		return second;
	both = race(workers, 0, CPUS);
	if (both < 0)
		return both;
	return div64_u64((first + second) * 1000, both);
}

static void worker_free(struct worker *w)
{
	if (!w->lane.skb)
		return;
	if (!w->lane.dropped)
		kfree_skb(w->lane.skb);
	kfree_skb(w->lane.skb);
}

/* One that sends so many packets of a flow, which perhaps begins now. */
static int worker_make(struct worker *w, const struct lane *lane, u32 flow, bool begins,
		       unsigned int packets)
{
	/* The windows of SYN and SYN-ACK are not scaled; this one's is. */
	struct segment update = {
		.flow = flow,
		.reply = true,
		.seq = ISN_RESPONDER + 1,
		.ack = ISN_INITIATOR + 1,
		.flags = TCP_FLAG_ACK,
		.stamp = STAMP - 1,
		.echo = STAMP - 1,
	};

	w->lane.chain = lane->chain;
	w->lane.family = lane->family;
	w->lane.skb = segment_buffer(lane->family);
	w->flow = flow;
	w->packets = packets;
	if (!w->lane.skb)
		return -ENOMEM;
	skb_get(w->lane.skb);
	if (!begins)
		return 0;
	local_bh_disable();
	rcu_read_lock();
	if (traffic_handshake(&w->lane, flow, true))
		traffic_pass(&w->lane, &update, true);
	rcu_read_unlock();
	local_bh_enable();
	return w->lane.dropped ? -EIO : 0;
}

/**
 * processors_measure - two processors against one
 * @lane: a tracker's
 * @flow: number of the first of three flows; the third is shared
 * @packets: of each processor in each race; two races are within a window
 * @own: how many times as much two do, in thousandths, each with a flow
 * @shared: the same, each with one direction of a flow
 *
 * Return: how many flows were made, or a negative error.
 */
int processors_measure(struct lane *lane, u32 flow, unsigned int packets, u32 *own, u32 *shared)
{
	struct worker *workers = kcalloc(2 * CPUS, sizeof(*workers), GFP_KERNEL);
	unsigned int i;
	int err = 0;

	if (!workers)
		return -ENOMEM;
	for (i = 0; i < CPUS && !err; i++)
		err = worker_make(&workers[i], lane, flow + i, true, packets);
	if (!err)
		err = speed(workers);
	if (err > 0) {
		*own = err;
		err = 0;
	}
	for (; i < 2 * CPUS && !err; i++)
		err = worker_make(&workers[i], lane, flow + CPUS, i == CPUS, packets);
	if (!err) {
		workers[CPUS].other = &workers[CPUS + 1];
		workers[CPUS + 1].other = &workers[CPUS];
		err = speed(workers + CPUS);
	}
	if (err > 0) {
		*shared = err;
		err = 0;
	}
	for (i = 0; i < 2 * CPUS; i++) {
		lane->passed += workers[i].lane.passed;
		lane->tracked += workers[i].lane.tracked;
		worker_free(&workers[i]);
	}
	kfree(workers);
	return err ?: CPUS + 1;
}
