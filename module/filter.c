// SPDX-License-Identifier: GPL-2.0
/*
 * Filters: from a netlink attribute, on a copy of a flow.
 */
#include <net/netlink.h>

#include "filter.h"

#define STATES	GENMASK(TCPSTATE_STATE_MAX, TCPSTATE_STATE_ESTABLISHED)

static const struct nla_policy prefix_policy[TCPSTATE_A_PREFIX_MAX + 1] = {
	[TCPSTATE_A_PREFIX_IPV4] = { .type = NLA_U32 },
	[TCPSTATE_A_PREFIX_IPV6] = NLA_POLICY_EXACT_LEN(sizeof(struct in6_addr)),
	[TCPSTATE_A_PREFIX_LENGTH] = NLA_POLICY_MAX(NLA_U32, 128),
};

const struct nla_policy filter_policy[TCPSTATE_A_FILTER_MAX + 1] = {
	[TCPSTATE_A_FILTER_FAMILY] = { .type = NLA_U32 },
	[TCPSTATE_A_FILTER_PATHS] = NLA_POLICY_MASK(NLA_U32, PATH_ALL),
	[TCPSTATE_A_FILTER_ROLE] = NLA_POLICY_MAX(NLA_U32, TCPSTATE_ROLE_MAX),
	[TCPSTATE_A_FILTER_STATES] = NLA_POLICY_MASK(NLA_U32, STATES),
	[TCPSTATE_A_FILTER_PEER_STATES] = NLA_POLICY_MASK(NLA_U32, STATES),
	[TCPSTATE_A_FILTER_EITHER_STATES] = NLA_POLICY_MASK(NLA_U32, STATES),
	[TCPSTATE_A_FILTER_SPORT_MIN] = { .type = NLA_U16 },
	[TCPSTATE_A_FILTER_SPORT_MAX] = { .type = NLA_U16 },
	[TCPSTATE_A_FILTER_DPORT_MIN] = { .type = NLA_U16 },
	[TCPSTATE_A_FILTER_DPORT_MAX] = { .type = NLA_U16 },
	[TCPSTATE_A_FILTER_SRC] = NLA_POLICY_NESTED(prefix_policy),
	[TCPSTATE_A_FILTER_DST] = NLA_POLICY_NESTED(prefix_policy),
};

static int prefix_parse(struct filter_prefix *prefix, const struct nlattr *attr,
			struct netlink_ext_ack *extack)
{
	struct nlattr *tb[TCPSTATE_A_PREFIX_MAX + 1];
	unsigned int bits, i;
	int err;

	err = nla_parse_nested(tb, TCPSTATE_A_PREFIX_MAX, attr, prefix_policy, extack);
	if (err)
		return err;
	if (!tb[TCPSTATE_A_PREFIX_IPV4] == !tb[TCPSTATE_A_PREFIX_IPV6]) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "a prefix has one address, ipv4 or ipv6");
		return -EINVAL;
	}
	memset(prefix, 0, sizeof(*prefix));
	if (tb[TCPSTATE_A_PREFIX_IPV4]) {
		prefix->family = NFPROTO_IPV4;
		prefix->addr.ip = nla_get_in_addr(tb[TCPSTATE_A_PREFIX_IPV4]);
		bits = 32;
	} else {
		prefix->family = NFPROTO_IPV6;
		prefix->addr.in6 = nla_get_in6_addr(tb[TCPSTATE_A_PREFIX_IPV6]);
		bits = 128;
	}
	if (tb[TCPSTATE_A_PREFIX_LENGTH]) {
		u32 length = nla_get_u32(tb[TCPSTATE_A_PREFIX_LENGTH]);

		if (length > bits) {
			NL_SET_ERR_MSG_ATTR(extack, tb[TCPSTATE_A_PREFIX_LENGTH],
					    "longer than the address");
			return -ERANGE;
		}
		bits = length;
	}
	for (i = 0; i < ARRAY_SIZE(prefix->mask.all); i++) {
		unsigned int n = min(bits, 32U);

		prefix->mask.all[i] = (__force u32)htonl(n ? ~0U << (32 - n) : 0);
		prefix->addr.all[i] &= prefix->mask.all[i];
		bits -= n;
	}
	return 0;
}

static u32 mask_or(struct nlattr *const *tb, int type, u32 otherwise)
{
	return tb[type] ? nla_get_u32(tb[type]) : otherwise;
}

static u16 port_or(struct nlattr *const *tb, int type, u16 otherwise)
{
	return tb[type] ? nla_get_u16(tb[type]) : otherwise;
}

/**
 * filter_parse - read a filter
 * @filter: filled whole
 * @attr: the attribute %TCPSTATE_A_FLOW_FILTER; NULL: every flow matches
 * @extack: names the attribute that is wrong
 *
 * Return: 0 or a negative error.
 */
int filter_parse(struct filter *filter, const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	struct nlattr *tb[TCPSTATE_A_FILTER_MAX + 1] = {};
	int err = 0;

	if (attr)
		err = nla_parse_nested(tb, TCPSTATE_A_FILTER_MAX, attr, filter_policy, extack);
	if (err)
		return err;
	*filter = (struct filter){
		.family = mask_or(tb, TCPSTATE_A_FILTER_FAMILY, 0),
		.paths = mask_or(tb, TCPSTATE_A_FILTER_PATHS, PATH_ALL),
		.roles = ~0,
		.states = mask_or(tb, TCPSTATE_A_FILTER_STATES, STATES),
		.peer_states = mask_or(tb, TCPSTATE_A_FILTER_PEER_STATES, STATES),
		.either_states = mask_or(tb, TCPSTATE_A_FILTER_EITHER_STATES, STATES),
		.sport_min = port_or(tb, TCPSTATE_A_FILTER_SPORT_MIN, 0),
		.sport_max = port_or(tb, TCPSTATE_A_FILTER_SPORT_MAX, U16_MAX),
		.dport_min = port_or(tb, TCPSTATE_A_FILTER_DPORT_MIN, 0),
		.dport_max = port_or(tb, TCPSTATE_A_FILTER_DPORT_MAX, U16_MAX),
	};
	if (tb[TCPSTATE_A_FILTER_ROLE])
		filter->roles = BIT(nla_get_u32(tb[TCPSTATE_A_FILTER_ROLE]));
	if (tb[TCPSTATE_A_FILTER_FAMILY] && filter->family != NFPROTO_IPV4 &&
	    filter->family != NFPROTO_IPV6) {
		NL_SET_ERR_MSG_ATTR(extack, tb[TCPSTATE_A_FILTER_FAMILY],
				    "neither AF_INET nor AF_INET6");
		return -EAFNOSUPPORT;
	}
	if (tb[TCPSTATE_A_FILTER_SRC])
		err = prefix_parse(&filter->src, tb[TCPSTATE_A_FILTER_SRC], extack);
	if (!err && tb[TCPSTATE_A_FILTER_DST])
		err = prefix_parse(&filter->dst, tb[TCPSTATE_A_FILTER_DST], extack);
	return err;
}

static bool prefix_match(const struct filter_prefix *prefix, const struct view *view,
			 const struct view_end *end)
{
	unsigned int i;

	if (!prefix->family)
		return true;
	if (prefix->family != view->family)
		return false;
	for (i = 0; i < ARRAY_SIZE(prefix->mask.all); i++)
		if ((end->addr.all[i] ^ prefix->addr.all[i]) & prefix->mask.all[i])
			return false;
	return true;
}

/**
 * filter_match - does a flow fulfil it?
 * @filter: from filter_parse()
 * @view: the flow
 */
bool filter_match(const struct filter *filter, const struct view *view)
{
	u32 state = BIT(view->src.state), peer = BIT(view->dst.state);
	u16 sport = ntohs(view->src.port), dport = ntohs(view->dst.port);

	return (!filter->family || filter->family == view->family) &&
	       filter->paths & BIT(view->path) && filter->roles & BIT(view->role) &&
	       filter->states & state && filter->peer_states & peer &&
	       filter->either_states & (state | peer) &&
	       sport >= filter->sport_min && sport <= filter->sport_max &&
	       dport >= filter->dport_min && dport <= filter->dport_max &&
	       prefix_match(&filter->src, view, &view->src) &&
	       prefix_match(&filter->dst, view, &view->dst);
}
