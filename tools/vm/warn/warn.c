// SPDX-License-Identifier: GPL-2.0
// A module that warns when it loads: the harness must tell of it.

#include <linux/module.h>

static int __init warn_init(void)
{
	WARN(1, "on purpose\n");
	return 0;
}

static void __exit warn_exit(void)
{
}

module_init(warn_init);
module_exit(warn_exit);
MODULE_DESCRIPTION("Warns when it loads");
MODULE_LICENSE("GPL");
