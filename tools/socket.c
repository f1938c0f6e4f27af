// SPDX-License-Identifier: GPL-2.0
#include <linux/inet_diag.h>
#include <linux/tcpstate.h>
#include <string.h>

#include "fields.h"
#include "socket.h"

#define TIMER_TIMEWAIT	3

static bool is_mapped(const void *address)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(address, mapped, sizeof(mapped));
}

/* An IPv4 address is in four bytes of sixteen: the first, or of a mapped one the last. */
static void read_address(struct address *address, const void *bytes, uint8_t family, bool mapped)
{
	*address = (struct address){ .family = mapped ? AF_INET : family };
	if (mapped)
		memcpy(address->byte, (const char *)bytes + 12, 4);
	else
		memcpy(address->byte, bytes, family == AF_INET ? 4 : 16);
}

bool socket_read(struct socket *socket, const void *payload, size_t size, char *error)
{
	struct inet_diag_msg msg;
	bool mapped;

	if (size < sizeof(msg))
		return fields_wrong(error, "damaged: a socket is cut off");
	memcpy(&msg, payload, sizeof(msg));
	if (msg.idiag_family != AF_INET && msg.idiag_family != AF_INET6)
		return fields_wrong(error, "damaged: a socket's family is %u", msg.idiag_family);
	if (!msg.idiag_state || msg.idiag_state > TCPSTATE_STATE_MAX)
		return fields_wrong(error, "too new or damaged: a socket's state is %u",
				    msg.idiag_state);

	/* Its peer decides, as in the module. */
	mapped = msg.idiag_family == AF_INET6 && is_mapped(msg.id.idiag_dst);
	*socket = (struct socket){
		.endpoint.local_port = ntohs(msg.id.idiag_sport),
		.endpoint.peer_port = ntohs(msg.id.idiag_dport),
		.device = msg.id.idiag_if,
		.cookie = msg.id.idiag_cookie[0] | (uint64_t)msg.id.idiag_cookie[1] << 32,
		.state = msg.idiag_state,
		.timewait = msg.idiag_timer == TIMER_TIMEWAIT,
	};
	read_address(&socket->endpoint.local, msg.id.idiag_src, msg.idiag_family, mapped);
	read_address(&socket->endpoint.peer, msg.id.idiag_dst, msg.idiag_family, mapped);
	if (endpoint_is_link_local(&socket->endpoint))
		socket->endpoint.scope = socket->device;
	return true;
}
