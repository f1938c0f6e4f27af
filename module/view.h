/* SPDX-License-Identifier: GPL-2.0 */
/* A flow as it is shown: a copy, taken at one moment. */
#ifndef TCPSTATE_VIEW_H
#define TCPSTATE_VIEW_H

#include <linux/types.h>

#include "flow.h"

/**
 * struct view_end - one endpoint
 * @addr: its address; IPv4 in the first word
 * @port: its port
 * @state: its state
 * @local: a socket of the namespace terminates it
 * @inferred: @state is the best guess
 * @age: milliseconds since it entered @state
 */
struct view_end {
	union nf_inet_addr addr;
	__be16 port;
	u8 state;
	bool local;
	bool inferred;
	u64 age;
};

/**
 * struct view - a flow
 * @id: from table_id()
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @scope: as in struct flow_key
 * @path: enum tcpstate_path
 * @role: what @src is, enum tcpstate_role
 * @provenance: enum tcpstate_provenance
 * @age: milliseconds since it became known
 * @src: the local end; of loopback and forwarded flows the initiator
 * @dst: the other
 */
struct view {
	u64 id;
	u32 family;
	u32 scope;
	u8 path;
	u8 role;
	u8 provenance;
	u64 age;
	struct view_end src;
	struct view_end dst;
};

void view_flow(struct view *view, const struct flow *flow);

#endif
