// SPDX-License-Identifier: GPL-2.0
/*
 * Configuration over netlink. Each namespace has its own, but for what
 * concerns all of them.
 */
#include <linux/netlink.h>
#include <net/sock.h>

#include "flow.h"
#include "netlink.h"

static struct netlink_range_validation timeout_range = {
	.min = 1,
	.max = TCPSTATE_TIMEOUT_MAX,
};

static struct netlink_range_validation flows_range = {
	.min = 1,
	.max = FLOW_LIMIT_MAX,
};

static const struct nla_policy timeouts_policy[TCPSTATE_A_TIMEOUTS_MAX + 1] = {
	[TCPSTATE_A_TIMEOUTS_TIME_WAIT] = NLA_POLICY_FULL_RANGE(NLA_U32, &timeout_range),
	[TCPSTATE_A_TIMEOUTS_SYN_RECV] = NLA_POLICY_FULL_RANGE(NLA_U32, &timeout_range),
	[TCPSTATE_A_TIMEOUTS_SYN_SENT] = NLA_POLICY_FULL_RANGE(NLA_U32, &timeout_range),
	[TCPSTATE_A_TIMEOUTS_LAST_ACK] = NLA_POLICY_FULL_RANGE(NLA_U32, &timeout_range),
	[TCPSTATE_A_TIMEOUTS_FIN_WAIT] = NLA_POLICY_FULL_RANGE(NLA_U32, &timeout_range),
	[TCPSTATE_A_TIMEOUTS_HALF_CLOSED] = NLA_POLICY_FULL_RANGE(NLA_U32, &timeout_range),
	[TCPSTATE_A_TIMEOUTS_ESTABLISHED] = NLA_POLICY_FULL_RANGE(NLA_U32, &timeout_range),
	[TCPSTATE_A_TIMEOUTS_ONE_SIDED] = NLA_POLICY_FULL_RANGE(NLA_U32, &timeout_range),
};

const struct nla_policy netlink_config_policy[TCPSTATE_A_CONFIG_MAX + 1] = {
	[TCPSTATE_A_CONFIG_ENABLED] = NLA_POLICY_MAX(NLA_U32, 1),
	[TCPSTATE_A_CONFIG_MAX_FLOWS] = NLA_POLICY_FULL_RANGE(NLA_U32, &flows_range),
	[TCPSTATE_A_CONFIG_NETNS_MAX_FLOWS] = NLA_POLICY_FULL_RANGE(NLA_U32, &flows_range),
	[TCPSTATE_A_CONFIG_MAX_EMBRYONIC] = NLA_POLICY_FULL_RANGE(NLA_U32, &flows_range),
	[TCPSTATE_A_CONFIG_PATHS] = NLA_POLICY_MASK(NLA_U32, PATH_ALL),
	[TCPSTATE_A_CONFIG_TIMEOUTS] = NLA_POLICY_NESTED(timeouts_policy),
};

static enum tcpstate_witness witness(void)
{
	switch (witness_mode()) {
	case WITNESS_COMMIT:
		return TCPSTATE_WITNESS_COMMIT;
	case WITNESS_OBSERVE:
		return TCPSTATE_WITNESS_OBSERVE;
	default:
		return TCPSTATE_WITNESS_OFF;
	}
}

static bool put_timeouts(struct sk_buff *skb, const struct tcpstate_net *tn)
{
	struct nlattr *nest = nla_nest_start(skb, TCPSTATE_A_CONFIG_TIMEOUTS);
	unsigned int i;

	if (!nest)
		return false;
	for (i = 0; i < TIMEOUTS; i++)
		if (nla_put_u32(skb, i + 1, READ_ONCE(tn->timeouts[i])))
			return false;
	nla_nest_end(skb, nest);
	return true;
}

static bool put_config(struct sk_buff *skb, const struct tcpstate_net *tn)
{
	return !nla_put_u32(skb, TCPSTATE_A_CONFIG_ENABLED, netns_enabled()) &&
	       !nla_put_u32(skb, TCPSTATE_A_CONFIG_WITNESS, witness()) &&
	       !nla_put_u32(skb, TCPSTATE_A_CONFIG_MAX_FLOWS, limit_flows()) &&
	       !nla_put_u32(skb, TCPSTATE_A_CONFIG_NETNS_MAX_FLOWS, limit_netns(tn)) &&
	       !nla_put_u32(skb, TCPSTATE_A_CONFIG_MAX_EMBRYONIC, limit_embryonic(tn)) &&
	       !nla_put_u32(skb, TCPSTATE_A_CONFIG_PATHS, READ_ONCE(tn->paths)) &&
	       put_timeouts(skb, tn);
}

/**
 * netlink_config_get - the configuration
 * @skb: the request
 * @info: its attributes
 *
 * Return: 0 or a negative error.
 */
int netlink_config_get(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *reply = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL_ACCOUNT);
	void *header;

	if (!reply)
		return -ENOMEM;
	header = genlmsg_put_reply(reply, info, &netlink_family, 0, TCPSTATE_CMD_CONFIG_GET);
	if (!header || !put_config(reply, netlink_pernet(info))) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, header);
	return genlmsg_reply(reply, info);
}

/* How many flows a bucket may have on average: more would cost each segment microseconds. */
#define CHAIN	24

/* Return: whether who sent the request may change what concerns all namespaces. */
static bool is_global_admin(struct sk_buff *skb, struct genl_info *info)
{
	return net_eq(genl_info_net(info), &init_net) && netlink_capable(skb, CAP_NET_ADMIN);
}

static int check(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *const *tb = info->attrs;
	struct nlattr *global = tb[TCPSTATE_A_CONFIG_ENABLED] ?: tb[TCPSTATE_A_CONFIG_MAX_FLOWS];
	struct nlattr *limit;
	u32 local;

	if (global && !is_global_admin(skb, info)) {
		NL_SET_ERR_MSG_ATTR(info->extack, global,
				    "concerns all namespaces: needs CAP_NET_ADMIN in the initial ones");
		return -EPERM;
	}
	limit = tb[TCPSTATE_A_CONFIG_MAX_FLOWS];
	if (limit && nla_get_u32(limit) / CHAIN > table_buckets()) {
		NL_SET_ERR_MSG_ATTR(info->extack, limit,
				    "the hash table was made for fewer: load the module with max_flows=");
		return -ERANGE;
	}
	if (!tb[TCPSTATE_A_CONFIG_PATHS])
		return 0;
	local = nla_get_u32(tb[TCPSTATE_A_CONFIG_PATHS]) & PATH_LOCAL;
	if (!local || local == PATH_LOCAL)
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, tb[TCPSTATE_A_CONFIG_PATHS],
			    "local and loopback go together");
	return -EINVAL;
}

/* What may fail comes first, and is taken back if the next fails. */
static int set_watching(struct tcpstate_net *tn, struct nlattr *const *tb)
{
	u32 before = READ_ONCE(tn->paths);
	int err = 0;

	if (tb[TCPSTATE_A_CONFIG_PATHS])
		err = netns_set_paths(tn, nla_get_u32(tb[TCPSTATE_A_CONFIG_PATHS]));
	if (err || !tb[TCPSTATE_A_CONFIG_ENABLED])
		return err;
	err = netns_enable(nla_get_u32(tb[TCPSTATE_A_CONFIG_ENABLED]));
	/* It is disabled: this does not fail. */
	if (err)
		netns_set_paths(tn, before);
	return err;
}

static int rearm(struct flow *flow, void *net)
{
	unsigned long flags;

	if (flow->net != net || !flow_relock(flow, &flags))
		return 0;
	flow_settle(flow);
	flow_unlock(flow, flags);
	return 0;
}

static int set_timeouts(struct tcpstate_net *tn, const struct nlattr *attr,
			struct netlink_ext_ack *extack)
{
	struct nlattr *tb[TCPSTATE_A_TIMEOUTS_MAX + 1];
	unsigned int i;
	int err;

	err = nla_parse_nested(tb, TCPSTATE_A_TIMEOUTS_MAX, attr, timeouts_policy, extack);
	if (err)
		return err;
	for (i = 0; i < TIMEOUTS; i++)
		if (tb[i + 1])
			WRITE_ONCE(tn->timeouts[i], nla_get_u32(tb[i + 1]));
	/* A flow may have been told to wait for longer. */
	for (i = 0; i < table_buckets() && atomic_read(&tn->flows); i++) {
		table_visit(i, rearm, tn->net);
		cond_resched();
	}
	return 0;
}

/**
 * netlink_config_set - change the configuration, all that is asked or nothing
 * @skb: the request
 * @info: its attributes
 *
 * Return: 0 or a negative error.
 */
int netlink_config_set(struct sk_buff *skb, struct genl_info *info)
{
	struct tcpstate_net *tn = netlink_pernet(info);
	struct nlattr *const *tb = info->attrs;
	int err;

	err = check(skb, info);
	if (err)
		return err;
	/* One change after the other. Only the dying give up: there is no answer then. */
	if (mutex_lock_killable(&tn->config))
		return -EINTR;
	err = set_watching(tn, tb);
	if (err)
		goto unlock;
	if (tb[TCPSTATE_A_CONFIG_MAX_FLOWS])
		limit_set(nla_get_u32(tb[TCPSTATE_A_CONFIG_MAX_FLOWS]));
	if (tb[TCPSTATE_A_CONFIG_NETNS_MAX_FLOWS])
		WRITE_ONCE(tn->max_flows, nla_get_u32(tb[TCPSTATE_A_CONFIG_NETNS_MAX_FLOWS]));
	if (tb[TCPSTATE_A_CONFIG_MAX_EMBRYONIC])
		WRITE_ONCE(tn->max_embryonic, nla_get_u32(tb[TCPSTATE_A_CONFIG_MAX_EMBRYONIC]));
	/* Its policy has been met: it cannot fail. */
	if (tb[TCPSTATE_A_CONFIG_TIMEOUTS])
		err = set_timeouts(tn, tb[TCPSTATE_A_CONFIG_TIMEOUTS], info->extack);
unlock:
	mutex_unlock(&tn->config);
	return err;
}
