/* SPDX-License-Identifier: GPL-2.0 */
/* A socket that is busy: its owner sends from a page that does not come yet (userfaultfd(2)). */
#ifndef TCPSTATE_SELFTESTS_BUSY_H
#define TCPSTATE_SELFTESTS_BUSY_H

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BUSY_SETUP_MS	10000

/* When the page is missed, the socket is locked: says so, and brings it so much later. */
static int busy_page(int fault, struct uffdio_range page, int ready, int ms)
{
	struct uffdio_zeropage zero = { .range = page };
	struct pollfd p = { .fd = fault, .events = POLLIN };

	if (poll(&p, 1, BUSY_SETUP_MS) == 1 && write(ready, "", 1) == 1)
		poll(NULL, 0, ms);
	return ioctl(fault, UFFDIO_ZEROPAGE, &zero) != 0;
}

/* In a process of its own. */
static int busy_send(int fd, int ready, int ms)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fault = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	range.range.start = (unsigned long)page;
	range.range.len = size;
	if (page == MAP_FAILED || fault < 0 || ioctl(fault, UFFDIO_API, &api) ||
	    ioctl(fault, UFFDIO_REGISTER, &range))
		return 1;
	switch (fork()) {
	case -1:
		return 1;
	case 0:
		close(fd);
		return busy_page(fault, range.range, ready, ms);
	}
	close(ready);
	return send(fd, page, 1, MSG_NOSIGNAL) != 1;
}

/*
 * For so long, from now on: its lock is held, and what comes waits in its backlog. The caller has
 * SIGCHLD ignored. Return: 0, or -1 if it could not be.
 */
static int busy(int fd, int ms)
{
	char byte;
	int ready[2], n;

	if (pipe(ready))
		return -1;
	switch (fork()) {
	case -1:
		close(ready[0]);
		break;
	case 0:
		/* No other socket may live longer for it. */
		dup2(ready[1], STDOUT_FILENO);
		dup2(fd, STDIN_FILENO);
		syscall(SYS_close_range, 3, ~0U, 0);
		_exit(busy_send(STDIN_FILENO, STDOUT_FILENO, ms));
	}
	close(ready[1]);
	n = (int)read(ready[0], &byte, 1);
	close(ready[0]);
	return n == 1 ? 0 : -1;
}

#endif
