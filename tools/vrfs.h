/* SPDX-License-Identifier: GPL-2.0 */
/* Which interfaces are in a VRF. */
#ifndef TCPSTATE_VRFS_H
#define TCPSTATE_VRFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct link {
	uint32_t index;
	uint32_t master;		/* or 0 */
	bool vrf;
};

struct vrfs {
	struct link *link;
	size_t count;
	size_t room;
};

/* Asks the kernel for the namespace's interfaces; exits with one line where it does not answer. */
void vrfs_get(struct vrfs *vrfs);

/* The index of the VRF that the interface is or belongs to, or 0. */
uint32_t vrfs_of(const struct vrfs *vrfs, uint32_t index);

void vrfs_free(struct vrfs *vrfs);

/* Pure: reads a message's payload; false, and a reason in error, where it is no interface. */
bool link_read(struct link *link, const void *payload, size_t size, char *error);

#endif
