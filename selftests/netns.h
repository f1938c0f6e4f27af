/* SPDX-License-Identifier: GPL-2.0 */
/* Into a named network namespace. */
#ifndef TCPSTATE_SELFTESTS_NETNS_H
#define TCPSTATE_SELFTESTS_NETNS_H

#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

/* NULL is where the process is already. */
static inline void enter(const char *netns)
{
	char path[PATH_MAX];
	int fd;

	if (!netns)
		return;
	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		err(1, "%s", path);
	close(fd);
}

#endif
