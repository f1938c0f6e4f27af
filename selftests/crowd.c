// SPDX-License-Identifier: GPL-2.0
/*
 * crowd - many connections at once, from this namespace to itself
 *
 * usage: crowd [-t] CONNECTIONS PORT
 *
 * Dials 127.0.0.1 from as many addresses of 127/8 as it takes, and holds both ends; with -t each
 * connection is closed at once, by the one who dialled, and leaves a socket in TIME_WAIT. Prints
 * "crowd: N connections, M ms" when all are there, and ends when its input does.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

/* connect() tries the even ones of the ephemeral ports first, each of them. */
#define FROM_ONE_ADDRESS	10000

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT	24
#endif

static void die(const char *what)
{
	fprintf(stderr, "crowd: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct sockaddr_in address(uint32_t host, unsigned int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(host),
		.sin_port = htons(port),
	};
}

static int tcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	return fd;
}

static int listener(unsigned int port)
{
	struct sockaddr_in here = address(INADDR_LOOPBACK, port);
	int fd = tcp();

	if (bind(fd, (struct sockaddr *)&here, sizeof(here)) || listen(fd, 1024))
		die("listen");
	return fd;
}

static void connection(int from, unsigned int i, unsigned int port, bool closes)
{
	struct sockaddr_in here = address(INADDR_LOOPBACK + 1 + i / FROM_ONE_ADDRESS, 0);
	struct sockaddr_in there = address(INADDR_LOOPBACK, port);
	int fd = tcp(), other;

	if (bind(fd, (struct sockaddr *)&here, sizeof(here)))
		die("bind");
	if (connect(fd, (struct sockaddr *)&there, sizeof(there)))
		die("connect");
	other = accept(from, NULL, NULL);
	if (other < 0)
		die("accept");
	if (!closes)
		return;
	close(fd);
	close(other);
}

int main(int argc, char **argv)
{
	bool closes = argc > 1 && !strcmp(argv[1], "-t");
	unsigned int n, port, i;
	struct rlimit limit;
	long since;
	char end;
	int from;

	argv += closes;
	if (argc - closes != 3) {
		fputs("usage: crowd [-t] CONNECTIONS PORT\n", stderr);
		return 2;
	}
	n = strtoul(argv[1], NULL, 10);
	port = strtoul(argv[2], NULL, 10);
	limit.rlim_cur = closes ? 64 : 2 * n + 64;
	limit.rlim_max = limit.rlim_cur;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		die("so many files");
	from = listener(port);
	since = now_ms();
	for (i = 0; i < n; i++)
		connection(from, i, port, closes);
	printf("crowd: %u connections, %ld ms\n", n, now_ms() - since);
	fflush(stdout);
	while (read(0, &end, 1) > 0)
		;
	return 0;
}
