// SPDX-License-Identifier: GPL-2.0
/*
 * pingpong - exchanges over loopback by one process, for measuring
 *
 * usage: pingpong ADDRESS CONNECTIONS EXCHANGES
 *
 * Opens so many connections, one after another, exchanges one octet each way so many times over
 * each, and closes it, the client first. Prints how long that took, in nanoseconds. Both ends are
 * in this process, so that it never waits.
 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void pass(int from, int to)
{
	char octet = 0;

	if (send(from, &octet, 1, MSG_NOSIGNAL) != 1)
		die("send");
	if (recv(to, &octet, 1, 0) != 1)
		die("recv");
}

static long count(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (*end || number < 1) {
		fprintf(stderr, "pingpong: bad number %s\n", text);
		exit(2);
	}
	return number;
}

static int listen_at(const char *address, struct sockaddr_storage *to, socklen_t *len)
{
	struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *info;
	int fd;

	if (getaddrinfo(address, NULL, &hints, &info)) {
		fprintf(stderr, "pingpong: bad address %s\n", address);
		exit(2);
	}
	fd = socket(info->ai_family, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, info->ai_addr, info->ai_addrlen) || listen(fd, 8))
		die("listen");
	freeaddrinfo(info);
	*len = sizeof(*to);
	if (getsockname(fd, (struct sockaddr *)to, len))
		die("getsockname");
	return fd;
}

static void converse(int listener, const struct sockaddr_storage *to, socklen_t len,
		     long exchanges)
{
	int client = socket(to->ss_family, SOCK_STREAM, 0);
	char octet;
	int server;

	if (client < 0 || connect(client, (const struct sockaddr *)to, len))
		die("connect");
	server = accept(listener, NULL, NULL);
	if (server < 0)
		die("accept");
	for (long i = 0; i < exchanges; i++) {
		pass(client, server);
		pass(server, client);
	}
	close(client);
	if (recv(server, &octet, 1, 0))
		die("end of data");
	close(server);
}

int main(int argc, char **argv)
{
	struct timespec begin, end;
	struct sockaddr_storage to = { 0 };
	long connections, exchanges;
	socklen_t len;
	int listener;

	if (argc != 4) {
		fprintf(stderr, "usage: pingpong ADDRESS CONNECTIONS EXCHANGES\n");
		return 2;
	}
	connections = count(argv[2]);
	exchanges = count(argv[3]);
	listener = listen_at(argv[1], &to, &len);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (long i = 0; i < connections; i++)
		converse(listener, &to, len, exchanges);
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%lld\n", (end.tv_sec - begin.tv_sec) * 1000000000LL +
	       end.tv_nsec - begin.tv_nsec);
	return 0;
}
