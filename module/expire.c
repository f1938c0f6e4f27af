// SPDX-License-Identifier: GPL-2.0
/*
 * Deadlines.
 *
 * Most flows have none: an established local socket reports by itself. What
 * has one hangs in a wheel of two levels. A flow is armed lazily: a later
 * deadline leaves it where it is, and when its slot fires it is asked again.
 * The work runs only when a slot is due; it costs what is due, and with an
 * empty wheel nothing wakes up.
 */
#include <linux/bitmap.h>
#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "flow.h"

#define WHEEL_BITS	3	/* of the number of wheels: by where the flow lies */
#define WHEELS		BIT(WHEEL_BITS)
#define LEVELS		2
#define SLOTS		256	/* of each level */
#define BATCH		64	/* flows taken out under one lock */

/* A slot of level 0 is about 16 ms, so the level spans 4 s; level 1 spans 17 minutes. */
#define SLOT_SHIFT(level)	(ilog2(HZ / 32 ? HZ / 32 : 1) + 8 * (level))

/* For flows without a socket to ask, in seconds. */
static const u32 timeouts[TIMEOUTS] = {
	[TIMEOUT(TIME_WAIT)] = 120,
	[TIMEOUT(SYN_RECV)] = 65,	/* the last of five repetitions comes after 63 s */
	[TIMEOUT(SYN_SENT)] = 130,	/* of six, after 127 s */
	[TIMEOUT(LAST_ACK)] = 30,
	[TIMEOUT(FIN_WAIT)] = 120,
	[TIMEOUT(HALF_CLOSED)] = 3600,
	[TIMEOUT(ESTABLISHED)] = 5 * 24 * 3600,
	[TIMEOUT(ONE_SIDED)] = 300,
};

/**
 * struct wheel - flows by the time at which they want to be asked
 * @lock: guards the rest, and flow::due and flow::fires of its flows
 * @work: runs when the next busy slot is due
 * @clock: the last tick that was worked off, of each level
 * @next: when @work is to run, in jiffies, with @scheduled
 * @scheduled: @work is queued
 * @busy: slots that are not empty
 * @slot: the flows
 */
struct wheel {
	raw_spinlock_t lock;
	struct delayed_work work;
	u64 clock[LEVELS];
	u64 next;
	bool scheduled;
	DECLARE_BITMAP(busy[LEVELS], SLOTS);
	struct hlist_head slot[LEVELS][SLOTS];
};

static struct wheel *wheels __read_mostly;
static struct workqueue_struct *queue __read_mostly;

static struct wheel *wheel_of(const struct flow *flow)
{
	return &wheels[hash_ptr(flow, WHEEL_BITS)];
}

/* Ticks from the clock to the first busy slot; SLOTS if there is none. */
static unsigned int distance(const struct wheel *w, unsigned int level)
{
	unsigned int from = (unsigned int)(w->clock[level] + 1) % SLOTS;
	unsigned int at = find_next_bit(w->busy[level], SLOTS, from);

	if (at == SLOTS)
		at = find_next_bit(w->busy[level], from, 0);
	else
		return at - from + 1;
	return at == from ? SLOTS : at + SLOTS - from + 1;
}

/* Let the clocks follow the time as far as no busy slot is passed over. */
static void advance(struct wheel *w, u64 now)
{
	unsigned int level;

	for (level = 0; level < LEVELS; level++) {
		u64 tick = now >> SLOT_SHIFT(level);
		unsigned int ahead;

		if (tick <= w->clock[level])
			continue;
		ahead = distance(w, level);
		if (ahead < SLOTS)
			tick = min(tick, w->clock[level] + ahead - 1);
		w->clock[level] = tick;
	}
}

/* When the first busy slot fires. Return: whether there is one. */
static bool earliest(const struct wheel *w, u64 *when)
{
	bool found = false;
	unsigned int level;

	for (level = 0; level < LEVELS; level++) {
		unsigned int ahead = distance(w, level);
		u64 fires = (w->clock[level] + ahead) << SLOT_SHIFT(level);

		if (ahead == SLOTS)
			continue;
		if (!found || fires < *when)
			*when = fires;
		found = true;
	}
	return found;
}

/* A tick of the wheel as flow::fires has it: half of a clock's, and the level. */
static u32 fires_at(unsigned int level, u64 tick)
{
	return (u32)tick << 1 | level;
}

static unsigned int fires_level(u32 fires)
{
	return fires & 1;
}

static unsigned int fires_slot(u32 fires)
{
	return (fires >> 1) % SLOTS;
}

/* Level 0 rounds up; level 1 rounds down, and the flow is armed again from there. */
static u64 tick_of(u64 target, unsigned int level)
{
	return (level ? target : target + (1 << SLOT_SHIFT(0)) - 1) >> SLOT_SHIFT(level);
}

/* Does it fire at that time anyway, or earlier? */
static bool fires_by(u32 fires, u64 target)
{
	unsigned int level = fires_level(fires);

	return (s32)(fires_at(level, tick_of(target, level)) - fires) >= 0;
}

static void unlink_flow(struct wheel *w, struct flow *flow)
{
	unsigned int level = fires_level(flow->fires), slot = fires_slot(flow->fires);

	hlist_del_init(&flow->due);
	if (hlist_empty(&w->slot[level][slot]))
		__clear_bit(slot, w->busy[level]);
}

/* Return: when it fires, in 64-bit jiffies. */
static u64 link_flow(struct wheel *w, struct flow *flow, u64 target)
{
	u64 tick = max(tick_of(target, 0), w->clock[0] + 1);
	unsigned int level = 0;

	if (tick > w->clock[0] + SLOTS - 1) {
		u64 coarse = min(tick_of(target, 1), w->clock[1] + SLOTS - 1);

		if (coarse > w->clock[1]) {
			level = 1;
			tick = coarse;
		} else {
			tick = w->clock[0] + SLOTS - 1;
		}
	}
	flow->fires = fires_at(level, tick);
	hlist_add_head(&flow->due, &w->slot[level][tick % SLOTS]);
	__set_bit(tick % SLOTS, w->busy[level]);
	return tick << SLOT_SHIFT(level);
}

static unsigned long delay_until(u64 when)
{
	u64 now = get_jiffies_64();

	return when > now ? when - now : 0;
}

/**
 * expire_arm - have a flow asked at a time
 * @flow: the flow, locked, in the table
 * @when: in jiffies
 *
 * If it is to be asked earlier anyway nothing changes, and no lock is taken.
 * Any context.
 */
void expire_arm(struct flow *flow, unsigned long when)
{
	long wait = max(0L, (long)(when - jiffies));
	struct wheel *w = wheel_of(flow);
	u64 now = get_jiffies_64(), fires;

	lockdep_assert_held(&flow->lock);
	if (flow->armed && fires_by(flow->fires, now + wait))
		return;
	flow->armed = true;

	raw_spin_lock(&w->lock);
	if (!hlist_unhashed(&flow->due))
		unlink_flow(w, flow);
	advance(w, now);
	fires = link_flow(w, flow, now + wait);
	if (!w->scheduled || fires < w->next) {
		w->scheduled = true;
		w->next = fires;
		mod_delayed_work(queue, &w->work, delay_until(w->next));
	}
	raw_spin_unlock(&w->lock);
}

/**
 * expire_forget - a flow leaves the table
 * @flow: the flow, locked
 */
void expire_forget(struct flow *flow)
{
	struct wheel *w = wheel_of(flow);

	lockdep_assert_held(&flow->lock);
	raw_spin_lock(&w->lock);
	if (!hlist_unhashed(&flow->due))
		unlink_flow(w, flow);
	raw_spin_unlock(&w->lock);
}

static bool either(const struct flow *flow, u8 state)
{
	return flow->shown[0] == state || flow->shown[1] == state;
}

static unsigned int timeout_index(const struct flow *flow)
{
	if (either(flow, FSM_TIME_WAIT))
		return TIMEOUT(TIME_WAIT);
	if (either(flow, FSM_SYN_RECV))
		return TIMEOUT(SYN_RECV);
	if (either(flow, FSM_SYN_SENT))
		return TIMEOUT(SYN_SENT);
	if (either(flow, FSM_LAST_ACK) || either(flow, FSM_CLOSING))
		return TIMEOUT(LAST_ACK);
	if (either(flow, FSM_FIN_WAIT1) || either(flow, FSM_CLOSE))
		return TIMEOUT(FIN_WAIT);
	if (either(flow, FSM_FIN_WAIT2) || either(flow, FSM_CLOSE_WAIT))
		return TIMEOUT(HALF_CLOSED);
	return TIMEOUT(ESTABLISHED);
}

static unsigned long timeout_of(const struct flow *flow, unsigned int index)
{
	return READ_ONCE(flow_pernet(flow)->timeouts[index]) * (unsigned long)HZ;
}

/* When a flow that has no socket has been silent for too long, in jiffies. */
static unsigned long silent_until(const struct flow *flow)
{
	const u32 *timeout = flow_pernet(flow)->timeouts;
	u32 seconds = READ_ONCE(timeout[timeout_index(flow)]);

	if (flow_one_sided(flow))
		seconds = min(seconds, READ_ONCE(timeout[TIMEOUT(ONE_SIDED)]));
	return jiffies - ((u32)jiffies - flow->seen) + seconds * (unsigned long)HZ;
}

/**
 * expire_defaults - a namespace's timeouts, unless it changes them
 * @tn: the namespace
 */
void expire_defaults(struct tcpstate_net *tn)
{
	/* flow::seen is 32 bits wide. */
	BUILD_BUG_ON((u64)TCPSTATE_TIMEOUT_MAX * HZ > S32_MAX);
	memcpy(tn->timeouts, timeouts, sizeof(timeouts));
}

static bool has_socket(const struct flow *flow)
{
	return flow->whole && (flow->end[0].socket != SOCKET_NONE ||
			       flow->end[1].socket != SOCKET_NONE);
}

/**
 * expire_deadline - when a flow has to be asked next
 * @flow: the flow, locked
 * @when: in jiffies
 *
 * Return: false if never, as for a flow with a full local socket.
 */
bool expire_deadline(const struct flow *flow, unsigned long *when)
{
	bool any = !has_socket(flow);
	unsigned int e;

	if (any)
		*when = silent_until(flow);
	/* A handshake has less time when it goes on: asked by then, it need not be armed again. */
	if (any && flow->embryonic) {
		unsigned long soon = jiffies + timeout_of(flow, TIMEOUT(SYN_RECV));

		if (time_before(soon, *when))
			*when = soon;
	}
	for (e = 0; flow->whole && e < 2; e++) {
		unsigned long check = flow_jiffies(flow->end[e].check);

		if (!flow->end[e].checking)
			continue;
		if (!any || time_before(check, *when))
			*when = check;
		any = true;
	}
	return any;
}

/* A flow without a socket was silent for too long. */
static void time_out(struct flow *flow)
{
	unsigned int e;

	for (e = 0; e < 2; e++) {
		fsm_adopt(&flow->fsm, e, FSM_CLOSE, NULL);
		flow_move(flow, e, FSM_CLOSE);
		/* Nothing is left that could be judged: it must not keep the flow. */
		if (flow->whole)
			flow->end[e].differs = false;
	}
}

/* Under RCU. */
static void ask(struct flow *flow)
{
	unsigned long flags;
	unsigned int e;

	for (e = 0; flow->whole && e < 2; e++) {
		bool check;

		if (!flow_relock(flow, &flags))
			return;
		check = flow->end[e].checking && flow_is_due(flow->end[e].check);
		if (check)
			flow->end[e].checking = false;
		flow_unlock(flow, flags);
		if (check)
			witness_check(flow, e);
	}

	if (!flow_relock(flow, &flags))
		return;
	flow->armed = false;
	if (!has_socket(flow) && time_after_eq(jiffies, silent_until(flow)))
		time_out(flow);
	flow_settle(flow);
	flow_unlock(flow, flags);
}

/* Take up to a batch of due flows out. Return: how many. */
static unsigned int take(struct wheel *w, struct flow **due)
{
	unsigned int n = 0, level;
	unsigned long flags;
	u64 now;

	raw_spin_lock_irqsave(&w->lock, flags);
	now = get_jiffies_64();
	for (level = LEVELS; level-- && n < BATCH;) {
		unsigned int ahead;

		while (n < BATCH && (ahead = distance(w, level)) < SLOTS &&
		       w->clock[level] + ahead <= now >> SLOT_SHIFT(level)) {
			unsigned int slot = (unsigned int)(w->clock[level] + ahead) % SLOTS;
			struct hlist_head *head = &w->slot[level][slot];

			while (n < BATCH && !hlist_empty(head)) {
				due[n] = hlist_entry(head->first, struct flow, due);
				unlink_flow(w, due[n++]);
			}
		}
	}
	if (!n) {
		w->scheduled = earliest(w, &w->next);
		if (w->scheduled)
			mod_delayed_work(queue, &w->work, delay_until(w->next));
	}
	raw_spin_unlock_irqrestore(&w->lock, flags);
	return n;
}

static void expire_work(struct work_struct *work)
{
	struct wheel *w = container_of(to_delayed_work(work), struct wheel, work);
	struct flow *due[BATCH];
	unsigned int n, i;

	do {
		rcu_read_lock();
		n = take(w, due);
		for (i = 0; i < n; i++)
			ask(due[i]);
		rcu_read_unlock();
		cond_resched();
	} while (n);
}

/**
 * expire_init - make the wheels
 *
 * Return: 0 or -ENOMEM.
 */
int expire_init(void)
{
	u64 now = get_jiffies_64();
	unsigned int i, level;

	queue = alloc_workqueue("tcpstate", WQ_UNBOUND, 0);
	if (!queue)
		return -ENOMEM;
	wheels = kvcalloc(WHEELS, sizeof(*wheels), GFP_KERNEL);
	if (!wheels) {
		destroy_workqueue(queue);
		return -ENOMEM;
	}
	for (i = 0; i < WHEELS; i++) {
		raw_spin_lock_init(&wheels[i].lock);
		INIT_DELAYED_WORK(&wheels[i].work, expire_work);
		for (level = 0; level < LEVELS; level++)
			wheels[i].clock[level] = now >> SLOT_SHIFT(level);
	}
	return 0;
}

/**
 * expire_exit - stop; no flow is left, none can come
 */
void expire_exit(void)
{
	unsigned int i;

	for (i = 0; i < WHEELS; i++)
		cancel_delayed_work_sync(&wheels[i].work);
	destroy_workqueue(queue);
	kvfree(wheels);
}
