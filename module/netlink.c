// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family and its operations. No alias: the module is
 * loaded by an administrator, not by whoever asks for the family.
 */
#include <linux/module.h>

#include "netlink.h"

static const struct nla_policy counters_policy[TCPSTATE_A_COUNTERS_TABLES + 1] = {
	[TCPSTATE_A_COUNTERS_TABLES] = NLA_POLICY_MASK(NLA_U32, TCPSTATE_TABLE_MASK),
};

/* For requests without attributes: older kernels pass over what they bring. */
static const struct nla_policy no_policy[2] = {
	[1] = { .type = NLA_REJECT },
};

static const struct genl_ops ops[] = {
	{
		.cmd = TCPSTATE_CMD_COUNTERS_GET,
		.doit = netlink_counters_get,
		.policy = counters_policy,
		.maxattr = ARRAY_SIZE(counters_policy) - 1,
	},
	{
		.cmd = TCPSTATE_CMD_FLOW_GET,
		.doit = netlink_flow_get,
		.start = netlink_flow_dump_start,
		.dumpit = netlink_flow_dump,
		.done = netlink_flow_dump_done,
		.policy = netlink_flow_policy,
		.maxattr = ARRAY_SIZE(netlink_flow_policy) - 1,
		.flags = GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd = TCPSTATE_CMD_FLOW_COUNT,
		.doit = netlink_flow_count,
		.policy = netlink_flow_policy,
		.maxattr = ARRAY_SIZE(netlink_flow_policy) - 1,
		.flags = GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd = TCPSTATE_CMD_FLOW_DEL,
		.doit = netlink_flow_del,
		.policy = netlink_flow_policy,
		.maxattr = ARRAY_SIZE(netlink_flow_policy) - 1,
		.flags = GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd = TCPSTATE_CMD_FLOW_FLUSH,
		.doit = netlink_flow_flush,
		.policy = no_policy,
		.maxattr = ARRAY_SIZE(no_policy) - 1,
		.flags = GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd = TCPSTATE_CMD_CONFIG_GET,
		.doit = netlink_config_get,
		.policy = no_policy,
		.maxattr = ARRAY_SIZE(no_policy) - 1,
	},
	{
		.cmd = TCPSTATE_CMD_CONFIG_SET,
		.doit = netlink_config_set,
		.policy = netlink_config_policy,
		.maxattr = ARRAY_SIZE(netlink_config_policy) - 1,
		.flags = GENL_UNS_ADMIN_PERM,
	},
};

struct genl_family netlink_family __ro_after_init = {
	.name = TCPSTATE_FAMILY_NAME,
	.version = TCPSTATE_FAMILY_VERSION,
	.module = THIS_MODULE,
	.netnsok = true,
	.parallel_ops = true,
	.ops = ops,
	.n_ops = ARRAY_SIZE(ops),
};

/**
 * netlink_init - offer the family
 *
 * Return: 0 or a negative error.
 */
int __init netlink_init(void)
{
	return genl_register_family(&netlink_family);
}

/**
 * netlink_exit - withdraw it; no operation runs after it
 */
void netlink_exit(void)
{
	genl_unregister_family(&netlink_family);
}
