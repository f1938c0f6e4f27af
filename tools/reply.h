/* SPDX-License-Identifier: GPL-2.0 */
/* The messages that answer a request. Pure: no I/O, and nothing in them is trusted. */
#ifndef TCPSTATE_REPLY_H
#define TCPSTATE_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPLY_TEXT	256

struct reply {
	uint16_t type;			/* expected of every message, as are: */
	uint32_t seq;
	uint32_t portid;
	size_t header;			/* bytes between a message's header and its attributes */

	/* Takes a message's attributes; false: damaged says why. May be NULL. */
	bool (*take)(void *data, const void *attributes, size_t size, char *error);
	void *data;

	/* As it ended. */
	int error;			/* 0, or what errno would be */
	bool torn;			/* what was dumped changed meanwhile */
	uint32_t offset;		/* of the request's attribute that is wrong, or 0 */
	char text[REPLY_TEXT];		/* what the kernel says of the error, or empty */
	char damaged[REPLY_TEXT];
};

enum reply_is {
	REPLY_MORE,			/* to come */
	REPLY_WHOLE,
	REPLY_DAMAGED,
};

/* Takes what one read gave: `bytes` must be aligned for a struct nlmsghdr. */
enum reply_is reply_take(struct reply *reply, const void *bytes, size_t size);

#endif
