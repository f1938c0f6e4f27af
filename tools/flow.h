/* SPDX-License-Identifier: GPL-2.0 */
/* One flow, as the module tells of it. Pure: no I/O. */
#ifndef TCPSTATE_FLOW_H
#define TCPSTATE_FLOW_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"

struct end {
	struct address address;
	uint16_t port;
	uint8_t state;			/* enum tcpstate_state */
	bool local;
	bool inferred;
	uint64_t age;			/* milliseconds in this state */
};

enum { SRC, DST };

struct flow {
	uint64_t id;
	uint64_t age;			/* milliseconds since it became known */
	uint32_t scope;			/* an interface's index, or 0 */
	uint8_t path;			/* enum tcpstate_path */
	uint8_t role;			/* of src, enum tcpstate_role */
	uint8_t provenance;		/* enum tcpstate_provenance */
	struct end end[2];		/* both of one family */
};

/* Reads a reply's attributes; false, and a reason in error, where they make no flow. */
bool flow_read(struct flow *flow, const void *attributes, size_t size, char *error);

/* Puts what names the flow in a request. */
void flow_put_key(struct nlmsghdr *nlh, const struct flow *flow);

#endif
