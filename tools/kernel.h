/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's own lists over netlink, that the module has no part in. */
#ifndef TCPSTATE_KERNEL_H
#define TCPSTATE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernel_list {
	const char *name;		/* for messages */
	const char *module;		/* that it needs, or NULL */
	int protocol;			/* NETLINK_* */
	uint16_t request, answer;	/* types of messages */
	const void *header;		/* what follows the request's own */
	size_t size;

	/* Takes an answer's payload; false, and a reason in error, where it is damaged. */
	bool (*take)(void *data, const void *payload, size_t size, char *error);
	void *data;
};

/*
 * Asks in the namespace that the process is in, and takes the answer to its end; exits with one
 * line where there is none. Returns false where the list changed so much meanwhile that the kernel
 * says so: it is to be asked again.
 */
bool kernel_ask(const struct kernel_list *list);

#endif
