// SPDX-License-Identifier: GPL-2.0
/*
 * dial - connections at a steady pace, and how many of them are answered in time
 *
 * usage: dial [-c NETNS] [-s NETNS] [-t SECONDS] [-p MS] [-w MS] ADDRESS PORT
 *
 * Listens at ADDRESS in one namespace and dials it from the other, once in -p milliseconds, for
 * SECONDS. Each connection sends an octet and waits until it comes back; then both ends reset it,
 * so that nothing of it stays. What takes more than -w milliseconds is given up. Prints "dial: N
 * dialled, M answered".
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "netns.h"

#define MAX_ENDS	1024
#define BACKLOG		128

struct end {
	long until;
	int fd;
	bool dials;		/* the end that dialled */
	bool sent;
};

static struct end ends[MAX_ENDS];
static int nr_ends;
static unsigned long dialled, answered;

static const char usage[] =
	"usage: dial [-c NETNS] [-s NETNS] [-t SECONDS] [-p MS] [-w MS] ADDRESS PORT";

static void misused(void)
{
	errx(2, "%s", usage);
}

static int tcp(const struct addrinfo *address)
{
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0)
		err(1, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	return fd;
}

static int listener(const struct addrinfo *address)
{
	int fd = tcp(address);

	if (bind(fd, address->ai_addr, address->ai_addrlen) || listen(fd, BACKLOG))
		err(1, "listen");
	return fd;
}

static void begin(int fd, bool dials, long until)
{
	if (nr_ends == MAX_ENDS)
		errx(1, "too many at once");
	ends[nr_ends++] = (struct end){ .fd = fd, .dials = dials, .until = until };
}

static void dial(const struct addrinfo *address, long until)
{
	int fd = tcp(address);

	if (connect(fd, address->ai_addr, address->ai_addrlen) && errno != EINPROGRESS)
		err(1, "connect");
	dialled++;
	begin(fd, true, until);
}

static void reset(int fd)
{
	struct linger linger = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

/* Something happened to it. Returns whether it stays. */
static bool act(struct end *end)
{
	char octet = 'x';
	ssize_t n;

	if (end->dials && !end->sent) {
		end->sent = send(end->fd, &octet, 1, MSG_NOSIGNAL) == 1;
		return end->sent;
	}
	n = recv(end->fd, &octet, 1, 0);
	if (end->dials) {
		answered += n == 1;
		return false;
	}
	return n == 1 && send(end->fd, &octet, 1, MSG_NOSIGNAL) == 1;
}

/* Waits for at most @timeout and lets each end act. */
static void turn(int from, int timeout)
{
	struct pollfd polls[MAX_ENDS + 1];
	int kept = 0, n = nr_ends, fd;
	long now;

	for (int i = 0; i < n; i++)
		polls[i] = (struct pollfd){
			.fd = ends[i].fd,
			.events = ends[i].dials && !ends[i].sent ? POLLOUT : POLLIN,
		};
	polls[n] = (struct pollfd){ .fd = from, .events = POLLIN };
	if (poll(polls, n + 1, timeout) < 0)
		err(1, "poll");
	now = now_ms();
	for (int i = 0; i < n; i++) {
		if ((!polls[i].revents || act(&ends[i])) && now < ends[i].until)
			ends[kept++] = ends[i];
		else
			reset(ends[i].fd);
	}
	nr_ends = kept;
	if (polls[n].revents) {
		fd = accept4(from, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			begin(fd, false, LONG_MAX);
	}
}

static bool any_dials(void)
{
	for (int i = 0; i < nr_ends; i++)
		if (ends[i].dials)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	const char *client = NULL, *server = NULL;
	long seconds = 1, pause = 100, patience = 1000, next, end;
	struct addrinfo *address;
	int option, from;

	while ((option = getopt(argc, argv, "c:s:t:p:w:")) != -1) {
		if (option == 'c')
			client = optarg;
		else if (option == 's')
			server = optarg;
		else if (option == 't')
			seconds = strtol(optarg, NULL, 10);
		else if (option == 'p')
			pause = strtol(optarg, NULL, 10);
		else if (option == 'w')
			patience = strtol(optarg, NULL, 10);
		else
			misused();
	}
	if (argc - optind != 2 || pause < 1 ||
	    getaddrinfo(argv[optind], argv[optind + 1], &hints, &address))
		misused();
	enter(server);
	from = listener(address);
	enter(client);
	next = now_ms();
	end = next + seconds * 1000;
	while (next < end || any_dials()) {
		long now = now_ms();

		if (next < end && now >= next) {
			dial(address, now + patience);
			next += pause;
			continue;
		}
		turn(from, next < end && next - now < 20 ? next - now : 20);
	}
	printf("dial: %lu dialled, %lu answered\n", dialled, answered);
	return 0;
}
