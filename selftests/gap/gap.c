// SPDX-License-Identifier: GPL-2.0
/*
 * gap: for how long does a processor not serve its timers?
 *
 * A hard hrtimer on each CPU fires every millisecond and keeps the longest time between two of its
 * calls. /sys/module/gap/parameters/longest tells it in microseconds; writing begins anew. A number
 * of milliseconds written to `stall` keeps the writer's CPU from its timers for so long.
 */
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

struct pulse {
	struct hrtimer timer;
	u64 last;
	u64 longest;
};

static DEFINE_PER_CPU(struct pulse, pulses);

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
	unsigned int cpu;

	for_each_online_cpu(cpu)
		WRITE_ONCE(per_cpu(pulses, cpu).longest, 0);
	return 0;
}

static int longest_get(char *buffer, const struct kernel_param *kp)
{
	unsigned int cpu;
	u64 longest = 0;

	for_each_online_cpu(cpu)
		longest = max(longest, READ_ONCE(per_cpu(pulses, cpu).longest));
	return sysfs_emit(buffer, "%llu\n", longest / NSEC_PER_USEC);
}

static const struct kernel_param_ops longest_ops = {
	.set = longest_set,
	.get = longest_get,
};

module_param_cb(longest, &longest_ops, NULL, 0600);
MODULE_PARM_DESC(longest, "longest time between two calls of a timer of 1 ms, in microseconds");

static int stall_set(const char *value, const struct kernel_param *kp)
{
	unsigned int ms;
	u64 end;
	int err;

	err = kstrtouint(value, 0, &ms);
	if (err)
		return err;
	if (ms > STALL_MAX)
		return -ERANGE;
	local_irq_disable();
	end = ktime_get_ns() + ms * NSEC_PER_MSEC;
	while (ktime_get_ns() < end)
		cpu_relax();
	local_irq_enable();
	return 0;
}

static const struct kernel_param_ops stall_ops = {
	.set = stall_set,
};

module_param_cb(stall, &stall_ops, NULL, 0200);
MODULE_PARM_DESC(stall, "spin with interrupts off, in milliseconds, at most 1000");

/* On the CPU that it is for. */
static void start(void *unused)
{
	struct pulse *p = this_cpu_ptr(&pulses);

	p->last = ktime_get_ns();
	hrtimer_start(&p->timer, ns_to_ktime(PERIOD), HRTIMER_MODE_REL_PINNED_HARD);
}

static int __init gap_init(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		struct hrtimer *timer = &per_cpu(pulses, cpu).timer;

#ifdef HAVE_HRTIMER_SETUP
		hrtimer_setup(timer, beat, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
#else
		hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
		timer->function = beat;
#endif
	}
	on_each_cpu(start, NULL, 1);
	return 0;
}

static void __exit gap_exit(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		hrtimer_cancel(&per_cpu(pulses, cpu).timer);
}

module_init(gap_init);
module_exit(gap_exit);

MODULE_DESCRIPTION("Longest time for which a processor does not serve its timers");
MODULE_LICENSE("GPL");
