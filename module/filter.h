/* SPDX-License-Identifier: GPL-2.0 */
/* Which flows a request is about. */
#ifndef TCPSTATE_FILTER_H
#define TCPSTATE_FILTER_H

#include <net/netlink.h>

#include "view.h"

/**
 * struct filter_prefix - the beginning of an address
 * @addr: the address, bits after the prefix cleared
 * @mask: the bits that count
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6; 0: any address
 */
struct filter_prefix {
	union nf_inet_addr addr;
	union nf_inet_addr mask;
	u32 family;
};

/**
 * struct filter - what a flow must fulfil
 * @family: its family; 0: any
 * @paths: its path is one of these bits
 * @roles: the role of its src
 * @states: the state of its src
 * @peer_states: the state of its dst
 * @either_states: the state of one of them
 * @sport_min: lowest port of src
 * @sport_max: highest
 * @dport_min: lowest port of dst
 * @dport_max: highest
 * @src: address of src
 * @dst: address of dst
 */
struct filter {
	u32 family;
	u32 paths;
	u32 roles;
	u32 states;
	u32 peer_states;
	u32 either_states;
	u16 sport_min;
	u16 sport_max;
	u16 dport_min;
	u16 dport_max;
	struct filter_prefix src;
	struct filter_prefix dst;
};

extern const struct nla_policy filter_policy[TCPSTATE_A_FILTER_MAX + 1];

int filter_parse(struct filter *filter, const struct nlattr *attr, struct netlink_ext_ack *extack);
bool filter_match(const struct filter *filter, const struct view *view);

#endif
