// SPDX-License-Identifier: GPL-2.0
/*
 * churn - TCP connections one after another, closed in every manner, and none may fail
 *
 * usage: churn [-c NETNS] [-s NETNS] [-t SECONDS] [-p MILLISECONDS] [-k] ADDRESS PORT
 *
 * The server listens at ADDRESS in one namespace, the client dials it from the other. A connection
 * exchanges MESSAGE bytes each way and then ends as its first byte says (enum manner); some more
 * live as long as the program and exchange a message now and then. Between connections it pauses.
 * With -k a silent peer is asked every second, so that a lost RST is noticed. Ends after SECONDS or
 * at SIGTERM and prints "churn: N connections, N errors"; exits 1 if there was an error or no
 * connection.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "netns.h"

#define MESSAGE		1000
#define NR_KEPT		8
#define MAX_CLIENTS	64
#define PATIENCE_S	20

enum manner {
	CLIENT_FIRST,	/* the client shuts down, the server follows */
	SERVER_FIRST,
	CLIENT_RESETS,
	SERVER_RESETS,
	HALF_CLOSED,	/* the client shuts down, the server sends a message more */
	BOTH,		/* both shut down at once */
	NR_MANNERS,
	KEPT = NR_MANNERS,
};

struct client {
	int fd;
	int got;
	enum manner manner;
	bool answered;
};

static const char usage[] =
	"usage: churn [-c NETNS] [-s NETNS] [-t SECONDS] [-p MILLISECONDS] [-k] ADDRESS PORT";

static unsigned int errors;
static bool keep_alive;
static char message[MESSAGE];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void error(const char *what, enum manner manner)
{
	fprintf(stderr, "churn: manner %d: %s: %s\n", manner, what, strerror(errno));
	errors++;
}

static void set_keep_alive(int fd)
{
	int one = 1;

	if (!keep_alive)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
}

static void reset(int fd)
{
	struct linger linger = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

/* Answers the message just got. Returns whether the connection stays. */
static bool answer(struct client *client)
{
	switch (client->manner) {
	case SERVER_RESETS:
		reset(client->fd);
		return false;
	case KEPT:
		client->got = 0;
		break;
	default:
		break;
	}
	if (send(client->fd, message, MESSAGE, MSG_NOSIGNAL) != MESSAGE)
		error("answer", client->manner);
	if (client->manner == SERVER_FIRST) {
		close(client->fd);
		return false;
	}
	if (client->manner == BOTH)
		shutdown(client->fd, SHUT_WR);
	client->answered = true;
	return true;
}

/* The end of the client's data, or its reset. */
static void finish(const struct client *client)
{
	if (client->manner == HALF_CLOSED &&
	    send(client->fd, message, MESSAGE, MSG_NOSIGNAL) != MESSAGE)
		error("answer the end", client->manner);
	close(client->fd);
}

/* Returns whether the connection stays. */
static bool serve_one(struct client *client)
{
	char buffer[MESSAGE];
	ssize_t n;

	n = recv(client->fd, buffer, MESSAGE - client->got % MESSAGE, 0);
	if (n <= 0) {
		if (n < 0 && client->manner != CLIENT_RESETS)
			error("server's recv", client->manner);
		finish(client);
		return false;
	}
	if (!client->got)
		client->manner = (unsigned char)buffer[0];
	client->got += n;
	return client->got < MESSAGE || answer(client);
}

/* Serves until the other end of the leash is closed and no client is left. */
static int serve(int listener, int leash)
{
	struct client clients[MAX_CLIENTS] = { 0 };
	struct pollfd polls[MAX_CLIENTS + 2];
	bool stop = false;
	int nr = 0;

	while (!stop || nr) {
		int kept = 0;

		for (int i = 0; i < nr; i++)
			polls[i] = (struct pollfd){ .fd = clients[i].fd, .events = POLLIN };
		polls[nr] = (struct pollfd){ .fd = listener, .events = POLLIN };
		polls[nr + 1] = (struct pollfd){ .fd = stop ? -1 : leash, .events = POLLIN };
		if (poll(polls, nr + 2, -1) < 0)
			die("poll");
		if (polls[nr + 1].revents)
			stop = true;
		if (nr < MAX_CLIENTS && polls[nr].revents) {
			polls[nr].revents = 0;
			clients[nr] = (struct client){ .fd = accept(listener, NULL, NULL) };
			nr += clients[nr].fd >= 0;
		}
		for (int i = 0; i < nr; i++)
			if (!polls[i].revents || serve_one(&clients[i]))
				clients[kept++] = clients[i];
		nr = kept;
	}
	return errors > 255 ? 255 : errors;
}

static int dial(const struct addrinfo *to)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };
	int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	set_keep_alive(fd);
	if (!connect(fd, to->ai_addr, to->ai_addrlen))
		return fd;
	close(fd);
	return -1;
}

static bool get_message(int fd)
{
	char buffer[MESSAGE];

	return recv(fd, buffer, MESSAGE, MSG_WAITALL) == MESSAGE &&
	       !memcmp(buffer, message, MESSAGE);
}

static bool put_message(int fd, enum manner manner)
{
	char buffer[MESSAGE];

	memcpy(buffer, message, MESSAGE);
	buffer[0] = manner;
	return send(fd, buffer, MESSAGE, MSG_NOSIGNAL) == MESSAGE;
}

static bool at_end(int fd)
{
	char byte;

	return recv(fd, &byte, 1, 0) == 0;
}

/* One whole connection. */
static void visit(const struct addrinfo *to, enum manner manner)
{
	int fd = dial(to);
	char byte;

	if (fd < 0) {
		error("connect", manner);
		return;
	}
	if (!put_message(fd, manner))
		error("send", manner);
	if (manner == SERVER_RESETS) {
		if (recv(fd, &byte, 1, 0) != -1 || errno != ECONNRESET)
			error("reset awaited", manner);
		close(fd);
		return;
	}
	if (!get_message(fd))
		error("recv", manner);
	if (manner == CLIENT_RESETS) {
		reset(fd);
		return;
	}
	if (manner != SERVER_FIRST)
		shutdown(fd, SHUT_WR);
	if (manner == HALF_CLOSED && !get_message(fd))
		error("recv after the end", manner);
	if (!at_end(fd))
		error("end awaited", manner);
	close(fd);
}

static void exchange(const int *kept)
{
	for (int i = 0; i < NR_KEPT; i++)
		if (!put_message(kept[i], KEPT) || !get_message(kept[i]))
			error("kept", KEPT);
}

/* SIGTERM is blocked, so that it interrupts no call. */
static bool told_to_stop(void)
{
	sigset_t pending;

	sigpending(&pending);
	return sigismember(&pending, SIGTERM);
}

static unsigned int drive(const struct addrinfo *to, int seconds, int pause)
{
	struct timespec idle = { pause / 1000, pause % 1000 * 1000000L };
	unsigned int connections = 0;
	int kept[NR_KEPT];
	time_t end;

	for (int i = 0; i < NR_KEPT; i++) {
		kept[i] = dial(to);
		if (kept[i] < 0)
			die("connect");
	}
	end = time(NULL) + seconds;
	while (!told_to_stop() && (!seconds || time(NULL) < end)) {
		visit(to, connections % NR_MANNERS);
		if (++connections % 16 == 0)
			exchange(kept);
		if (pause)
			nanosleep(&idle, NULL);
	}
	for (int i = 0; i < NR_KEPT; i++) {
		shutdown(kept[i], SHUT_WR);
		if (!at_end(kept[i]))
			error("end of a kept one", KEPT);
		close(kept[i]);
	}
	return connections;
}

static int listen_at(const struct addrinfo *at)
{
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	set_keep_alive(fd);
	if (bind(fd, at->ai_addr, at->ai_addrlen) || listen(fd, 128))
		die("listen");
	return fd;
}

static int run(const struct addrinfo *to, const char *client, const char *server, int seconds,
	       int pause)
{
	unsigned int connections;
	int listener;
	sigset_t term;
	int leash[2];
	int status;
	pid_t child;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	if (pipe(leash))
		die("pipe");
	enter(server);
	listener = listen_at(to);
	child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		close(leash[1]);
		exit(serve(listener, leash[0]));
	}
	close(listener);
	close(leash[0]);
	enter(client);
	connections = drive(to, seconds, pause);
	close(leash[1]);
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		die("server");
	errors += WEXITSTATUS(status);
	printf("churn: %u connections, %u errors\n", connections, errors);
	return errors || !connections;
}

int main(int argc, char **argv)
{
	struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	const char *client = NULL;
	const char *server = NULL;
	struct addrinfo *to;
	int seconds = 0;
	int pause = 0;
	int option;

	while ((option = getopt(argc, argv, "c:s:t:p:k")) != -1) {
		if (option == 'c')
			client = optarg;
		else if (option == 's')
			server = optarg;
		else if (option == 't')
			seconds = atoi(optarg);
		else if (option == 'p')
			pause = atoi(optarg);
		else if (option == 'k')
			keep_alive = true;
		else
			return 2;
	}
	if (argc - optind != 2 || getaddrinfo(argv[optind], argv[optind + 1], &hints, &to)) {
		fprintf(stderr, "%s\n", usage);
		return 2;
	}
	for (int i = 0; i < MESSAGE; i++)
		message[i] = 'a' + i % 26;
	return run(to, client, server, seconds, pause);
}
