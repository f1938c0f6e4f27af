/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The generic netlink family: Documentation/netlink/specs/tcpstate.yaml. All
 * operations run in process context, may run side by side, and act on the
 * namespace of the socket that asks, which lives as long as the request.
 */
#ifndef TCPSTATE_NETLINK_H
#define TCPSTATE_NETLINK_H

#include <linux/tcpstate.h>
#include <net/genetlink.h>

#include "netns.h"

extern struct genl_family netlink_family;

static inline struct tcpstate_net *netlink_pernet(struct genl_info *info)
{
	return tcpstate_pernet(genl_info_net(info));
}

/* netlink_counters.c */
int netlink_counters_get(struct sk_buff *skb, struct genl_info *info);

/* netlink_flow.c */
extern const struct nla_policy netlink_flow_policy[TCPSTATE_A_FLOW_FILTER + 1];
int netlink_flow_get(struct sk_buff *skb, struct genl_info *info);
int netlink_flow_dump_start(struct netlink_callback *cb);
int netlink_flow_dump(struct sk_buff *skb, struct netlink_callback *cb);
int netlink_flow_dump_done(struct netlink_callback *cb);
int netlink_flow_count(struct sk_buff *skb, struct genl_info *info);
int netlink_flow_del(struct sk_buff *skb, struct genl_info *info);
int netlink_flow_flush(struct sk_buff *skb, struct genl_info *info);

/* netlink_config.c */
extern const struct nla_policy netlink_config_policy[TCPSTATE_A_CONFIG_MAX + 1];
int netlink_config_get(struct sk_buff *skb, struct genl_info *info);
int netlink_config_set(struct sk_buff *skb, struct genl_info *info);

int netlink_init(void);
void netlink_exit(void);

#endif
