// SPDX-License-Identifier: GPL-2.0
/*
 * tcpstate: mirrors both endpoints' TCP state of every connection.
 */
#include <linux/module.h>
#include <net/tcp_states.h>

#include "flow.h"
#include "netlink.h"

static bool enabled = true;	/* as the module was loaded */
static bool ready;

static int enabled_set(const char *value, const struct kernel_param *kp)
{
	bool enable;
	int err;

	err = kstrtobool(value, &enable);
	if (err)
		return err;
	if (ready)
		return netns_enable(enable);
	enabled = enable;
	return 0;
}

static int enabled_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%c\n", (ready ? netns_enabled() : enabled) ? 'Y' : 'N');
}

static const struct kernel_param_ops enabled_ops = {
	.set = enabled_set,
	.get = enabled_get,
};

module_param_cb(enabled, &enabled_ops, NULL, 0600);
MODULE_PARM_DESC(enabled, "watch (default); 0 takes hooks and probe away and drops the flows");

static int __init tcpstate_init(void)
{
	int err;

	BUILD_BUG_ON((int)FSM_ESTABLISHED - TCP_ESTABLISHED);
	BUILD_BUG_ON((int)FSM_TIME_WAIT - TCP_TIME_WAIT);
	BUILD_BUG_ON((int)FSM_CLOSING - TCP_CLOSING);

	err = flow_init();
	if (err)
		return err;
	err = expire_init();
	if (err)
		goto err_flow;
	err = netns_init();
	if (err)
		goto err_expire;
	/* The parameter's file is there before this function ends. */
	kernel_param_lock(THIS_MODULE);
	if (enabled)
		err = netns_enable(true);
	ready = !err;
	kernel_param_unlock(THIS_MODULE);
	if (err)
		goto err_netns;
	err = netlink_init();
	if (err)
		goto err_enabled;
	return 0;

err_enabled:
	kernel_param_lock(THIS_MODULE);
	ready = false;
	kernel_param_unlock(THIS_MODULE);
	netns_enable(false);
err_netns:
	netns_exit();
err_expire:
	expire_exit();
err_flow:
	flow_exit();
	return err;
}

static void __exit tcpstate_exit(void)
{
	/* The parameter's file outlives this function. */
	kernel_param_lock(THIS_MODULE);
	ready = false;
	kernel_param_unlock(THIS_MODULE);
	netlink_exit();
	netns_enable(false);
	netns_exit();
	expire_exit();
	flow_exit();
}

module_init(tcpstate_init);
module_exit(tcpstate_exit);

MODULE_DESCRIPTION("TCP state of both endpoints of every connection, counted");
MODULE_LICENSE("GPL");
