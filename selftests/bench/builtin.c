// SPDX-License-Identifier: GPL-2.0
/*
 * What bench needs in User Mode Linux: there is no userspace, /proc is not mounted, memory has
 * never been touched, the processor is shared with others, and nothing comes after it.
 */
#define pr_fmt(fmt) "bench: " fmt
#include <linux/init.h>
#include <linux/init_syscalls.h>
#include <linux/mm.h>
#include <linux/reboot.h>
#include <linux/sizes.h>
#include <linux/time64.h>

#include "bench.h"

#define TOUCHED	SZ_1G	/* the host gives them before anything is measured */

static void __init touch(void)
{
	struct page *page, *next;
	unsigned long n;
	LIST_HEAD(pages);

	for (n = 0; n < TOUCHED >> PAGE_SHIFT; n++) {
		page = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!page)
			break;
		list_add(&page->lru, &pages);
	}
	list_for_each_entry_safe(page, next, &pages, lru)
		__free_page(page);
}

/**
 * builtin_clock - the time that this machine had a processor, in nanoseconds
 *
 * The host's clock_gettime(CLOCK_THREAD_CPUTIME_ID): while others run, it stands.
 */
u64 builtin_clock(void)
{
	struct {
		long sec;
		long nsec;
	} time;
	long result;

	asm volatile("syscall" : "=a" (result) : "a" (228), "D" (3), "S" (&time)
		     : "rcx", "r11", "memory");
	return time.sec * NSEC_PER_SEC + time.nsec;
}

/**
 * builtin_begin - before anything else
 */
void __init builtin_begin(void)
{
	if (init_mkdir("/proc", 0555) | init_mount("proc", "/proc", "proc", 0, NULL))
		pr_err("no /proc\n");
	touch();
}

/**
 * builtin_end - the machine's end
 */
void __init builtin_end(void)
{
	kernel_power_off();
}
