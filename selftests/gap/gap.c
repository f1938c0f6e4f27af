// SPDX-License-Identifier: GPL-2.0
/*
 * gap: for how long does a processor not serve its timers, or its softirqs?
 *
 * A hard hrtimer on each CPU, and one that a softirq serves, fire every millisecond and keep the
 * longest time between two of their calls. /sys/module/gap/parameters/longest and longest_softirq
 * tell it in microseconds; writing begins anew. A number of milliseconds written to `stall` keeps
 * the writer's CPU from its timers for so long, written to `stall_softirq` from its softirqs alone.
 */
#include <linux/bottom_half.h>
#include <linux/cpu.h>
#include <linux/hrtimer.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/processor.h>

#define PERIOD		NSEC_PER_MSEC
#define STALL_MAX	1000

enum kind { HARD, SOFT, KINDS };

struct pulse {
	struct hrtimer timer;
	u64 last;
	u64 longest;
};

struct pulses {
	struct pulse kind[KINDS];
};

static DEFINE_PER_CPU(struct pulses, pulses);
static enum kind kinds[] = { HARD, SOFT };
static const enum hrtimer_mode modes[] = {
	[HARD] = HRTIMER_MODE_REL_PINNED_HARD,
	[SOFT] = HRTIMER_MODE_REL_PINNED_SOFT,
};

static enum hrtimer_restart beat(struct hrtimer *timer)
{
	struct pulse *p = container_of(timer, struct pulse, timer);
	u64 now = ktime_get_ns();

	if (now - p->last > READ_ONCE(p->longest))
		WRITE_ONCE(p->longest, now - p->last);
	p->last = now;
	hrtimer_forward_now(timer, ns_to_ktime(PERIOD));
	return HRTIMER_RESTART;
}

static int longest_set(const char *value, const struct kernel_param *kp)
{
	enum kind kind = *(enum kind *)kp->arg;
	unsigned int cpu;

	for_each_online_cpu(cpu)
		WRITE_ONCE(per_cpu(pulses, cpu).kind[kind].longest, 0);
	return 0;
}

static int longest_get(char *buffer, const struct kernel_param *kp)
{
	enum kind kind = *(enum kind *)kp->arg;
	unsigned int cpu;
	u64 longest = 0;

	for_each_online_cpu(cpu)
		longest = max(longest, READ_ONCE(per_cpu(pulses, cpu).kind[kind].longest));
	return sysfs_emit(buffer, "%llu\n", longest / NSEC_PER_USEC);
}

static const struct kernel_param_ops longest_ops = {
	.set = longest_set,
	.get = longest_get,
};

module_param_cb(longest, &longest_ops, &kinds[HARD], 0600);
MODULE_PARM_DESC(longest, "longest time between two calls of a timer of 1 ms, in microseconds");
module_param_cb(longest_softirq, &longest_ops, &kinds[SOFT], 0600);
MODULE_PARM_DESC(longest_softirq, "the same of a timer that a softirq serves");

static void spin(unsigned int ms)
{
	u64 end = ktime_get_ns() + ms * NSEC_PER_MSEC;

	while (ktime_get_ns() < end)
		cpu_relax();
}

static int stall_set(const char *value, const struct kernel_param *kp)
{
	unsigned int ms;
	int err;

	err = kstrtouint(value, 0, &ms);
	if (err)
		return err;
	if (ms > STALL_MAX)
		return -ERANGE;
	if (*(enum kind *)kp->arg == HARD) {
		local_irq_disable();
		spin(ms);
		local_irq_enable();
	} else {
		local_bh_disable();
		spin(ms);
		local_bh_enable();
	}
	return 0;
}

static const struct kernel_param_ops stall_ops = {
	.set = stall_set,
};

module_param_cb(stall, &stall_ops, &kinds[HARD], 0200);
MODULE_PARM_DESC(stall, "spin with interrupts off, in milliseconds, at most 1000");
module_param_cb(stall_softirq, &stall_ops, &kinds[SOFT], 0200);
MODULE_PARM_DESC(stall_softirq, "spin with softirqs off, in milliseconds, at most 1000");

/* On the CPU that it is for. */
static void start(void *unused)
{
	enum kind kind;

	for (kind = 0; kind < KINDS; kind++) {
		struct pulse *p = &this_cpu_ptr(&pulses)->kind[kind];

		p->last = ktime_get_ns();
		hrtimer_start(&p->timer, ns_to_ktime(PERIOD), modes[kind]);
	}
}

static void init(struct hrtimer *timer, enum hrtimer_mode mode)
{
#ifdef HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, beat, CLOCK_MONOTONIC, mode);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, mode);
	timer->function = beat;
#endif
}

static int __init gap_init(void)
{
	unsigned int cpu;
	enum kind kind;

	for_each_possible_cpu(cpu)
		for (kind = 0; kind < KINDS; kind++)
			init(&per_cpu(pulses, cpu).kind[kind].timer, modes[kind]);
	on_each_cpu(start, NULL, 1);
	return 0;
}

static void __exit gap_exit(void)
{
	unsigned int cpu;
	enum kind kind;

	for_each_possible_cpu(cpu)
		for (kind = 0; kind < KINDS; kind++)
			hrtimer_cancel(&per_cpu(pulses, cpu).kind[kind].timer);
}

module_init(gap_init);
module_exit(gap_exit);

MODULE_DESCRIPTION("Longest time for which a processor does not serve its timers, or softirqs");
MODULE_LICENSE("GPL");
