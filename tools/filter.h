/* SPDX-License-Identifier: GPL-2.0 */
/* The filter language: words to a tree, and whether a flow fits it. Pure: no I/O. */
#ifndef TCPSTATE_FILTER_H
#define TCPSTATE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "flow.h"

#define FILTER_NODES	256
#define FILTER_DEPTH	64	/* of parentheses and nots */
#define FILTER_ERROR	128

enum node_kind {
	NODE_AND,
	NODE_OR,
	NODE_NOT,
	/* One of a set, a bit each: */
	NODE_FAMILY,		/* enum filter_family */
	NODE_PATH,		/* 1 << enum tcpstate_path */
	NODE_ROLE,		/* 1 << enum tcpstate_role, of src */
	NODE_PROVENANCE,	/* 1 << enum tcpstate_provenance */
	NODE_STATE,		/* 1 << enum tcpstate_state, of src */
	NODE_PEER_STATE,	/* of dst */
	NODE_EITHER_STATE,	/* of one or both */
	/* A range: */
	NODE_SPORT,
	NODE_DPORT,
	/* A beginning: */
	NODE_SRC,
	NODE_DST,
};

enum filter_family {
	FILTER_IPV4 = 1,
	FILTER_IPV6 = 2,
};

#define FILTER_STATES	0xffeu		/* all of them */

struct node {
	enum node_kind kind;
	union {
		uint16_t operand[2];	/* nodes that stand before this one; a NOT has one */
		uint32_t set;
		struct {
			int low, high;	/* none where low is above high */
		} ports;
		struct prefix prefix;
	};
};

/* The last node is the root; without nodes every flow fits. */
struct filter {
	struct node node[FILTER_NODES];
	unsigned int nodes;
};

struct filter_error {
	char text[FILTER_ERROR];
	size_t at;			/* of the character that is wrong, from 0 */
};

bool filter_parse(struct filter *filter, const char *text, struct filter_error *error);

/* Lets only these families pass; false: too long. */
bool filter_families(struct filter *filter, unsigned int families);

bool filter_match(const struct filter *filter, const struct flow *flow);

#endif
