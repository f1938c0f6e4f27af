/* SPDX-License-Identifier: GPL-2.0 */
/* What names a local end, or its socket. Pure: no I/O. */
#ifndef TCPSTATE_ENDPOINT_H
#define TCPSTATE_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "flow.h"

struct endpoint {
	struct address local, peer;	/* of one family, no IPv4-mapped ones */
	uint32_t scope;			/* a link-local peer's interface, or a VRF, or 0 */
	uint16_t local_port, peer_port;
};

/* As strcmp(). */
int endpoint_compare(const struct endpoint *a, const struct endpoint *b);

/* That of the flow's src or dst. */
void endpoint_of_flow(struct endpoint *endpoint, const struct flow *flow, int end);

/* Whether it is connected to itself: then the flow's two ends are this one. */
bool endpoint_is_own_peer(const struct endpoint *endpoint);

bool endpoint_is_link_local(const struct endpoint *endpoint);	/* its peer is */

#endif
