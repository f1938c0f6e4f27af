// SPDX-License-Identifier: GPL-2.0
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcpstate.h>
#include <netinet/in.h>

#include "kernel.h"
#include "sockets.h"
#include "vrfs.h"

/* All but `close`, and what newer kernels have beyond the eleven. */
#define WANTED	(((1u << (TCPSTATE_STATE_MAX + 1)) - 2) & ~(1u << TCPSTATE_STATE_CLOSE))

struct walk {
	void (*each)(void *data, const struct socket *socket);
	void *data;
	struct vrfs vrfs;
	bool vrfs_known;
};

static bool take_socket(void *data, const void *payload, size_t size, char *error)
{
	struct walk *walk = data;
	struct socket socket;

	if (!socket_read(&socket, payload, size, error))
		return false;
	if (!(1u << socket.state & WANTED))
		return true;
	if (socket.device && !socket.endpoint.scope && socket.state != TCPSTATE_STATE_LISTEN) {
		if (!walk->vrfs_known)
			vrfs_get(&walk->vrfs);
		walk->vrfs_known = true;
		socket.endpoint.scope = vrfs_of(&walk->vrfs, socket.device);
	}
	walk->each(walk->data, &socket);
	return true;
}

bool sockets_list(void (*each)(void *data, const struct socket *socket), void *data)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct walk walk = { .each = each, .data = data };
	bool whole = true;

	for (size_t i = 0; i < sizeof(families); i++) {
		const struct inet_diag_req_v2 header = {
			.sdiag_family = families[i],
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_states = WANTED,
		};
		const struct kernel_list list = {
			.name = "sockets",
			.module = "tcp_diag",
			.protocol = NETLINK_SOCK_DIAG,
			.request = SOCK_DIAG_BY_FAMILY,
			.answer = SOCK_DIAG_BY_FAMILY,
			.header = &header,
			.size = sizeof(header),
			.take = take_socket,
			.data = &walk,
		};

		if (!kernel_ask(&list))
			whole = false;
	}
	vrfs_free(&walk.vrfs);
	return whole;
}
