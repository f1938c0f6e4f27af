/* SPDX-License-Identifier: GPL-2.0 */
/* A TCP socket, as the kernel's sock_diag tells of it. Pure: no I/O, and nothing is trusted. */
#ifndef TCPSTATE_SOCKET_H
#define TCPSTATE_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "endpoint.h"

struct socket {
	struct endpoint endpoint;	/* its scope is not yet that of a VRF */
	uint32_t device;		/* what it is bound to, or 0 */
	uint64_t cookie;		/* one for each connection */
	uint8_t state;			/* enum tcpstate_state */
	bool timewait;			/* what is left of one, in time_wait or fin_wait2 */
};

/* Reads a message's payload; false, and a reason in error, where it is no socket. */
bool socket_read(struct socket *socket, const void *payload, size_t size, char *error);

#endif
