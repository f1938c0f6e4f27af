// SPDX-License-Identifier: GPL-2.0
/*
 * What bench needs in User Mode Linux: there is no userspace, /proc is not mounted, memory has
 * never been touched, the processor is shared with others, and nothing comes after it.
 */
#define pr_fmt(fmt) "bench: " fmt
#include <linux/inetdevice.h>
#include <linux/init.h>
#include <linux/init_syscalls.h>
#include <linux/mm.h>
#include <linux/reboot.h>
#include <linux/rtnetlink.h>
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

static int give(struct net_device *dev, __be32 address, __be32 mask)
{
	struct ifreq request = {};
	struct sockaddr_in *sin = (struct sockaddr_in *)&request.ifr_addr;
	int err;

	strscpy(request.ifr_name, dev->name, IFNAMSIZ);
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = address;
	err = devinet_ioctl(dev_net(dev), SIOCSIFADDR, &request);
	if (err)
		return err;
	sin->sin_addr.s_addr = mask;
	err = devinet_ioctl(dev_net(dev), SIOCSIFNETMASK, &request);
	if (err)
		return err;
	rtnl_lock();
	IN_DEV_CONF_SET(__in_dev_get_rtnl(dev), FORWARDING, 1);
	rtnl_unlock();
	return 0;
}

/**
 * builtin_route - be a router between initiators and responders
 *
 * Return: 0 or a negative error.
 */
int builtin_route(void)
{
	return give(device_in(), htonl(0x0afffffe), htonl(0xff000000)) ?:
	       give(device_out(), htonl(0xc0a800fe), htonl(0xffffff00));
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
