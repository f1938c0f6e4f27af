// SPDX-License-Identifier: GPL-2.0
/*
 * reuse - one pair of addresses and ports, connection after connection
 *
 * usage: reuse [-c NETNS] [-s NETNS] [-n N] ADDRESS PORT FROM FROMPORT
 *
 * The client dials ADDRESS from FROM, N times, and each connection follows the one before it as
 * fast as it can: they end by turns as enum manner says. Prints "reuse: N connections, N errors";
 * exits 1 if there was an error.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_S	20
#define DEFAULT_N	1000

enum manner {
	CLIENT_RESETS,
	SERVER_RESETS,
	DISCONNECT,	/* the client resets, and dials again with the same socket */
	SERVER_FIRST,	/* the server's time_wait is opened again */
	NR_MANNERS,
};

struct end {
	int netns;
	struct sockaddr_storage address;
	socklen_t len;
};

static unsigned int errors;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void error(const char *what, enum manner manner)
{
	fprintf(stderr, "reuse: manner %d: %s: %s\n", manner, what, strerror(errno));
	errors++;
}

static int open_netns(const char *name)
{
	char path[PATH_MAX] = "/proc/self/ns/net";
	int fd;

	if (name)
		snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(path);
	return fd;
}

static void enter(const struct end *end)
{
	if (setns(end->netns, CLONE_NEWNET))
		die("setns");
}

static int new_socket(const struct end *end)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };
	int one = 1;
	int fd;

	fd = socket(end->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (bind(fd, (const struct sockaddr *)&end->address, end->len))
		die("bind");
	return fd;
}

static void reset(int fd)
{
	struct linger linger = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

/* Waits for the other end's end, and closes. */
static void follow(int fd, bool was_reset, enum manner manner)
{
	ssize_t n;
	char byte;

	n = recv(fd, &byte, 1, 0);
	if (was_reset ? n != -1 || errno != ECONNRESET : n != 0)
		error("end awaited", manner);
	close(fd);
}

/* Ends a connection. Returns the client's socket if it is to dial again, or -1. */
static int finish(int client, int server, enum manner manner)
{
	struct sockaddr nobody = { .sa_family = AF_UNSPEC };

	switch (manner) {
	case CLIENT_RESETS:
		reset(client);
		follow(server, true, manner);
		return -1;
	case SERVER_RESETS:
		reset(server);
		follow(client, true, manner);
		return -1;
	case DISCONNECT:
		if (connect(client, &nobody, sizeof(nobody)))
			error("disconnect", manner);
		follow(server, true, manner);
		return client;
	default:
		shutdown(server, SHUT_WR);
		follow(client, false, manner);
		follow(server, false, manner);
		return -1;
	}
}

static void run(const struct end *from, const struct end *to, unsigned int n)
{
	int client = -1;
	int listener;

	enter(to);
	listener = new_socket(to);
	if (listen(listener, 1))
		die("listen");
	enter(from);
	for (unsigned int i = 0; i < n; i++) {
		enum manner manner = i % NR_MANNERS;
		int server;

		if (client < 0)
			client = new_socket(from);
		if (connect(client, (const struct sockaddr *)&to->address, to->len)) {
			error("connect", manner);
			close(client);
			client = -1;
			continue;
		}
		server = accept(listener, NULL, NULL);
		if (server < 0)
			die("accept");
		client = finish(client, server, manner);
	}
	if (client >= 0)
		close(client);
	close(listener);
}

static void fill_end(struct end *end, const char *netns, const char *address, const char *port)
{
	struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *info;

	if (getaddrinfo(address, port, &hints, &info))
		die(address);
	memcpy(&end->address, info->ai_addr, info->ai_addrlen);
	end->len = info->ai_addrlen;
	freeaddrinfo(info);
	end->netns = open_netns(netns);
}

int main(int argc, char **argv)
{
	unsigned int n = DEFAULT_N;
	const char *client = NULL;
	const char *server = NULL;
	struct end from = { 0 };
	struct end to = { 0 };
	int option;

	while ((option = getopt(argc, argv, "c:s:n:")) != -1) {
		if (option == 'c')
			client = optarg;
		else if (option == 's')
			server = optarg;
		else if (option == 'n')
			n = strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (argc - optind != 4) {
		fprintf(stderr,
			"usage: reuse [-c NETNS] [-s NETNS] [-n N] ADDRESS PORT FROM FROMPORT\n");
		return 2;
	}
	fill_end(&to, server, argv[optind], argv[optind + 1]);
	fill_end(&from, client, argv[optind + 2], argv[optind + 3]);
	run(&from, &to, n);
	printf("reuse: %u connections, %u errors\n", n, errors);
	return errors != 0;
}
