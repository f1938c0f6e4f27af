// SPDX-License-Identifier: GPL-2.0
#include <linux/tcpstate.h>
#include <sys/socket.h>

#include "compile.h"

static const uint32_t whole[BOX_SETS] = {
	[BOX_FAMILY] = FILTER_IPV4 | FILTER_IPV6,
	[BOX_PATH] = (1u << (TCPSTATE_PATH_MAX + 1)) - 1,
	[BOX_ROLE] = (1u << (TCPSTATE_ROLE_MAX + 1)) - 1,
	[BOX_STATE] = FILTER_STATES,
	[BOX_PEER_STATE] = FILTER_STATES,
	[BOX_EITHER_STATE] = FILTER_STATES,
};

static struct box everything(bool exact)
{
	struct box box = { .high = { UINT16_MAX, UINT16_MAX }, .exact = exact };

	for (int i = 0; i < BOX_SETS; i++)
		box.set[i] = whole[i];
	return box;
}

bool box_is_empty(const struct box *box)
{
	for (int i = 0; i < BOX_SETS; i++)
		if (!box->set[i])
			return true;
	return box->low[SRC] > box->high[SRC] || box->low[DST] > box->high[DST];
}

static struct box nothing(void)
{
	struct box box = everything(true);

	box.set[BOX_FAMILY] = 0;
	return box;
}

static unsigned int family_bit(const struct prefix *prefix)
{
	return prefix->address.family == AF_INET ? FILTER_IPV4 : FILTER_IPV6;
}

/* Whether all that passes `inner` passes `outer`, of addresses. */
static bool prefix_covers(const struct prefix *outer, const struct prefix *inner)
{
	return !outer->address.family || (inner->address.family && prefix_within(inner, outer));
}

static bool box_covers(const struct box *outer, const struct box *inner)
{
	for (int i = 0; i < BOX_SETS; i++)
		if (inner->set[i] & ~outer->set[i])
			return false;
	for (int end = SRC; end <= DST; end++)
		if (inner->low[end] < outer->low[end] || inner->high[end] > outer->high[end] ||
		    !prefix_covers(&outer->prefix[end], &inner->prefix[end]))
			return false;
	return true;
}

/* Both must pass. */
static struct box both(const struct box *a, const struct box *b)
{
	struct box box = *a;

	box.exact = a->exact && b->exact;
	for (int i = 0; i < BOX_SETS; i++)
		box.set[i] &= b->set[i];
	/* Two ends may fulfil two such conditions, one each: only the stricter one is kept. */
	if (a->set[BOX_EITHER_STATE] & ~b->set[BOX_EITHER_STATE]) {
		box.set[BOX_EITHER_STATE] = b->set[BOX_EITHER_STATE];
		if (b->set[BOX_EITHER_STATE] & ~a->set[BOX_EITHER_STATE])
			box.exact = false;
	}
	for (int end = SRC; end <= DST; end++) {
		if (b->low[end] > box.low[end])
			box.low[end] = b->low[end];
		if (b->high[end] < box.high[end])
			box.high[end] = b->high[end];
		if (prefix_covers(&a->prefix[end], &b->prefix[end]))
			box.prefix[end] = b->prefix[end];
		else if (!prefix_covers(&b->prefix[end], &a->prefix[end]))
			return nothing();
	}
	return box_is_empty(&box) ? nothing() : box;
}

/* In how many conditions they differ. */
static int differences(const struct box *a, const struct box *b)
{
	int n = 0;

	for (int i = 0; i < BOX_SETS; i++)
		n += a->set[i] != b->set[i];
	for (int end = SRC; end <= DST; end++) {
		n += a->low[end] != b->low[end] || a->high[end] != b->high[end];
		n += !prefix_covers(&a->prefix[end], &b->prefix[end]) ||
		     !prefix_covers(&b->prefix[end], &a->prefix[end]);
	}
	return n;
}

/* The smallest box around two that do not cover one another. */
static struct box around(const struct box *a, const struct box *b)
{
	struct box box = *a;

	box.exact = a->exact && b->exact && differences(a, b) == 1;
	for (int i = 0; i < BOX_SETS; i++)
		box.set[i] |= b->set[i];
	for (int end = SRC; end <= DST; end++) {
		const struct prefix *p = &a->prefix[end], *q = &b->prefix[end];

		/* A gap between the two ranges would be filled. */
		if (a->high[end] + 1 < b->low[end] || b->high[end] + 1 < a->low[end])
			box.exact = false;
		if (b->low[end] < box.low[end])
			box.low[end] = b->low[end];
		if (b->high[end] > box.high[end])
			box.high[end] = b->high[end];
		if (p->address.family && p->address.family == q->address.family)
			box.prefix[end] = prefix_common(p, q);
		else
			box.prefix[end] = (struct prefix){0};
		if (!prefix_covers(p, &box.prefix[end]) && !prefix_covers(q, &box.prefix[end]))
			box.exact = false;
	}
	return box;
}

/* One of them must pass. */
static struct box either(const struct box *a, const struct box *b)
{
	if (box_is_empty(a) || (b->exact && box_covers(b, a)))
		return *b;
	if (box_is_empty(b) || (a->exact && box_covers(a, b)))
		return *a;
	return around(a, b);
}

static struct box compile_set(enum box_set set, uint32_t bits, bool negated)
{
	struct box box = everything(true);

	box.set[set] = negated ? whole[set] & ~bits : bits;
	/* That neither end is in these states is a condition on each. */
	if (set == BOX_EITHER_STATE && negated) {
		box.set[BOX_STATE] = box.set[set];
		box.set[BOX_PEER_STATE] = box.set[set];
		box.set[set] = whole[set];
	}
	return box_is_empty(&box) ? nothing() : box;
}

static struct box compile_ports(int end, int low, int high, bool negated)
{
	struct box box = everything(true);

	if (negated && low > high)
		return box;
	if (negated && low > 0 && high < UINT16_MAX)
		return everything(false);
	box.low[end] = negated && low == 0 ? high + 1 : negated ? 0 : low;
	box.high[end] = negated && low > 0 ? low - 1 : negated ? UINT16_MAX : high;
	return box_is_empty(&box) ? nothing() : box;
}

static struct box compile_prefix(int end, const struct prefix *prefix, bool negated)
{
	struct box box = everything(true);

	if (negated && prefix->length)
		return everything(false);
	box.set[BOX_FAMILY] = family_bit(prefix);
	if (negated)
		box.set[BOX_FAMILY] ^= whole[BOX_FAMILY];
	else if (prefix->length)
		box.prefix[end] = *prefix;
	return box;
}

static struct box compile_node(const struct filter *filter, unsigned int number, bool negated)
{
	const struct node *node = &filter->node[number];
	struct box a, b;

	switch (node->kind) {
	case NODE_AND:
	case NODE_OR:
		a = compile_node(filter, node->operand[0], negated);
		b = compile_node(filter, node->operand[1], negated);
		return (node->kind == NODE_AND) != negated ? both(&a, &b) : either(&a, &b);
	case NODE_NOT:
		return compile_node(filter, node->operand[0], !negated);
	case NODE_FAMILY:
		return compile_set(BOX_FAMILY, node->set, negated);
	case NODE_PATH:
		return compile_set(BOX_PATH, node->set, negated);
	case NODE_ROLE:
		return compile_set(BOX_ROLE, node->set, negated);
	case NODE_STATE:
		return compile_set(BOX_STATE, node->set, negated);
	case NODE_PEER_STATE:
		return compile_set(BOX_PEER_STATE, node->set, negated);
	case NODE_EITHER_STATE:
		return compile_set(BOX_EITHER_STATE, node->set, negated);
	case NODE_SPORT:
	case NODE_DPORT:
		return compile_ports(node->kind == NODE_DPORT, node->ports.low, node->ports.high,
				     negated);
	case NODE_SRC:
	case NODE_DST:
		return compile_prefix(node->kind == NODE_DST, &node->prefix, negated);
	case NODE_PROVENANCE:
		break;		/* not known to the kernel */
	}
	return everything(false);
}

void filter_compile(const struct filter *filter, struct box *box)
{
	*box = filter->nodes ? compile_node(filter, filter->nodes - 1, false) : everything(true);
}

static void put_set(struct nlmsghdr *nlh, uint16_t type, const struct box *box, enum box_set set)
{
	if (box->set[set] != whole[set])
		mnl_attr_put_u32(nlh, type, box->set[set]);
}

static void put_prefix(struct nlmsghdr *nlh, uint16_t type, const struct prefix *prefix)
{
	struct nlattr *nest;

	if (!prefix->address.family)
		return;
	nest = mnl_attr_nest_start(nlh, type);
	if (prefix->address.family == AF_INET)
		mnl_attr_put(nlh, TCPSTATE_A_PREFIX_IPV4, 4, prefix->address.byte);
	else
		mnl_attr_put(nlh, TCPSTATE_A_PREFIX_IPV6, 16, prefix->address.byte);
	mnl_attr_put_u32(nlh, TCPSTATE_A_PREFIX_LENGTH, prefix->length);
	mnl_attr_nest_end(nlh, nest);
}

void box_put(struct nlmsghdr *nlh, const struct box *box)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, TCPSTATE_A_FLOW_FILTER);

	if (box_is_empty(box)) {
		/* No flow has an end that listens. */
		mnl_attr_put_u32(nlh, TCPSTATE_A_FILTER_STATES, 1u << TCPSTATE_STATE_LISTEN);
		mnl_attr_nest_end(nlh, nest);
		return;
	}
	if (box->set[BOX_FAMILY] != whole[BOX_FAMILY])
		mnl_attr_put_u32(nlh, TCPSTATE_A_FILTER_FAMILY,
				 box->set[BOX_FAMILY] == FILTER_IPV4 ? AF_INET : AF_INET6);
	put_set(nlh, TCPSTATE_A_FILTER_PATHS, box, BOX_PATH);
	if (box->set[BOX_ROLE] != whole[BOX_ROLE])
		mnl_attr_put_u32(nlh, TCPSTATE_A_FILTER_ROLE,
				 box->set[BOX_ROLE] == 1u << TCPSTATE_ROLE_INITIATOR ?
				 TCPSTATE_ROLE_INITIATOR : TCPSTATE_ROLE_RESPONDER);
	put_set(nlh, TCPSTATE_A_FILTER_STATES, box, BOX_STATE);
	put_set(nlh, TCPSTATE_A_FILTER_PEER_STATES, box, BOX_PEER_STATE);
	put_set(nlh, TCPSTATE_A_FILTER_EITHER_STATES, box, BOX_EITHER_STATE);
	if (box->low[SRC] > 0)
		mnl_attr_put_u16(nlh, TCPSTATE_A_FILTER_SPORT_MIN, box->low[SRC]);
	if (box->high[SRC] < UINT16_MAX)
		mnl_attr_put_u16(nlh, TCPSTATE_A_FILTER_SPORT_MAX, box->high[SRC]);
	if (box->low[DST] > 0)
		mnl_attr_put_u16(nlh, TCPSTATE_A_FILTER_DPORT_MIN, box->low[DST]);
	if (box->high[DST] < UINT16_MAX)
		mnl_attr_put_u16(nlh, TCPSTATE_A_FILTER_DPORT_MAX, box->high[DST]);
	put_prefix(nlh, TCPSTATE_A_FILTER_SRC, &box->prefix[SRC]);
	put_prefix(nlh, TCPSTATE_A_FILTER_DST, &box->prefix[DST]);
	mnl_attr_nest_end(nlh, nest);
}
