/* SPDX-License-Identifier: GPL-2.0 */
/* A set of flow ids. Pure: no I/O. */
#ifndef TCPSTATE_SEEN_H
#define TCPSTATE_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen {
	uint64_t *id;			/* open addressing; 0 is a free place */
	size_t places;			/* a power of two */
	size_t used;
	bool zero;			/* the id 0 is in it */
};

enum seen_is { SEEN_NEW, SEEN_BEFORE, SEEN_NO_MEMORY };

/* Adds the id; begin with a struct seen of zeros. */
enum seen_is seen_add(struct seen *seen, uint64_t id);
void seen_free(struct seen *seen);

#endif
