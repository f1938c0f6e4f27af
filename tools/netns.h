/* SPDX-License-Identifier: GPL-2.0 */
/* The network namespace that is read. */
#ifndef TCPSTATE_NETNS_H
#define TCPSTATE_NETNS_H

#include <stdbool.h>
#include <stdint.h>
#include <limits.h>

#define NETNS_NO_ID	(-1)

struct netns {
	uint64_t inode;			/* 0: not known */
	int32_t nsid;			/* as the caller's namespace numbers it */
	char name[NAME_MAX + 1];	/* in /run/netns, or empty */
};

/*
 * Finds out what the namespace is and enters it: a name of ip-netns(8), a process id, a path,
 * or NULL for the caller's own. Exits with one line where it cannot.
 */
void netns_enter(struct netns *netns, const char *which);

#endif
