/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A filter as the kernel takes it: one condition of each kind, all together. It lets pass what the
 * filter does, or more. Pure: no I/O.
 */
#ifndef TCPSTATE_COMPILE_H
#define TCPSTATE_COMPILE_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "filter.h"

enum box_set {
	BOX_FAMILY,
	BOX_PATH,
	BOX_ROLE,
	BOX_STATE,
	BOX_PEER_STATE,
	BOX_EITHER_STATE,
	BOX_SETS,
};

/* Conditions that do not depend on one another. */
struct box {
	uint32_t set[BOX_SETS];		/* as in struct node */
	int low[2], high[2];		/* ports of src and dst */
	struct prefix prefix[2];	/* without a family: any address */
	bool exact;			/* it lets pass what the filter does, and no more */
};

void filter_compile(const struct filter *filter, struct box *box);

/* Whether it lets nothing pass. */
bool box_is_empty(const struct box *box);

/* Puts the kernel's filter in a request; none where everything passes. */
void box_put(struct nlmsghdr *nlh, const struct box *box);

#endif
