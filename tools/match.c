// SPDX-License-Identifier: GPL-2.0
#include "filter.h"

static bool in_set(uint32_t set, unsigned int bit)
{
	return set >> bit & 1;
}

static bool in_range(const struct node *node, uint16_t port)
{
	return port >= node->ports.low && port <= node->ports.high;
}

static bool match(const struct filter *filter, unsigned int number, const struct flow *flow)
{
	const struct node *node = &filter->node[number];
	const struct end *src = &flow->end[SRC], *dst = &flow->end[DST];

	switch (node->kind) {
	case NODE_AND:
		return match(filter, node->operand[0], flow) &&
		       match(filter, node->operand[1], flow);
	case NODE_OR:
		return match(filter, node->operand[0], flow) ||
		       match(filter, node->operand[1], flow);
	case NODE_NOT:
		return !match(filter, node->operand[0], flow);
	case NODE_FAMILY:
		return node->set & (src->address.family == AF_INET ? FILTER_IPV4 : FILTER_IPV6);
	case NODE_PATH:
		return in_set(node->set, flow->path);
	case NODE_ROLE:
		return in_set(node->set, flow->role);
	case NODE_PROVENANCE:
		return in_set(node->set, flow->provenance);
	case NODE_STATE:
		return in_set(node->set, src->state);
	case NODE_PEER_STATE:
		return in_set(node->set, dst->state);
	case NODE_EITHER_STATE:
		return in_set(node->set, src->state) || in_set(node->set, dst->state);
	case NODE_SPORT:
		return in_range(node, src->port);
	case NODE_DPORT:
		return in_range(node, dst->port);
	case NODE_SRC:
		return prefix_has(&node->prefix, &src->address);
	case NODE_DST:
		return prefix_has(&node->prefix, &dst->address);
	}
	return false;
}

bool filter_match(const struct filter *filter, const struct flow *flow)
{
	return !filter->nodes || match(filter, filter->nodes - 1, flow);
}
