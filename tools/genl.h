/* SPDX-License-Identifier: GPL-2.0 */
/* The module's generic netlink family, and a socket to it. */
#ifndef TCPSTATE_GENL_H
#define TCPSTATE_GENL_H

#include <libmnl/libmnl.h>
#include <linux/tcpstate.h>
#include <stdint.h>

#include "reply.h"

#define GENL_REQUEST	4096	/* no request is larger */

struct genl {
	struct mnl_socket *socket;
	uint16_t family;
	uint32_t seq;
	union {
		struct nlmsghdr header;
		char bytes[GENL_REQUEST];
	} request;
};

/* Opens it in the namespace that the process is in, or exits with one line. */
void genl_open(struct genl *genl);
void genl_close(struct genl *genl);

/* Begins a request, whose attributes follow; flags are NLM_F_DUMP or 0. */
struct nlmsghdr *genl_request(struct genl *genl, uint8_t command, uint16_t flags);

/*
 * Sends the request and takes the answer to its end. Returns 0 or what errno would be, and leaves
 * more in reply, of which `take` and `data` are the caller's. Exits where the answer is damaged.
 */
int genl_ask(struct genl *genl, struct reply *reply);

/* The same, and exits with one line that says what to do on any error. */
void genl_must(struct genl *genl, struct reply *reply);

/* That line. */
__attribute__((noreturn))
void genl_fail(const struct genl *genl, const struct reply *reply);

#endif
