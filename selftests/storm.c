// SPDX-License-Identifier: GPL-2.0
/*
 * storm - TCP connections as many as can be, whose two ends act at random
 *
 * usage: storm [-c NETNS] [-s NETNS] [-t SECONDS] [-w WORKERS] [-r SEED] ADDRESS PORT
 *
 * Each of WORKERS servers listens at ADDRESS in one namespace (ports from PORT on), each of as many
 * clients dials one of them from the other, SOCKETS connections at a time. Either end of each draws
 * what it does from its worker's random numbers: how much it sends, how much and how often it
 * reads, whether its buffers are small, how and when it closes: before, after or in the midst of
 * data, with unread data, with a FIN, a RST or a half-close. The two know nothing of each other, so
 * errors are no failures. At the end all are closed. Prints "storm: N connections, seed S"; exits 1
 * if there was none.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "netns.h"
#include "random.h"

#define SOCKETS		48	/* of each worker */
#define MAX_WORKERS	16
#define CHUNK		65536
#define TURNS		24	/* of a socket at most */

enum closing {
	CLOSE,			/* close() */
	LINGER,			/* close() with SO_LINGER 0: a RST */
	SHUTDOWN,		/* shutdown(SHUT_WR) before */
	SHUTDOWN_BOTH,		/* SHUT_RDWR */
	CLOSINGS,
};

struct end {
	int fd;
	int turns;		/* left until it closes */
	int to_send;		/* bytes */
	int reads;		/* one of so many turns reads; 0: none */
	int appetite;		/* bytes of a read */
	enum closing closing;
	bool half_closed;
};

static const char usage[] =
	"usage: storm [-c NETNS] [-s NETNS] [-t SECONDS] [-w WORKERS] [-r SEED] ADDRESS PORT";

static char data[CHUNK];
static uint64_t state;
static unsigned long *made;

static void die(const char *what)
{
	fprintf(stderr, "storm: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void begin(struct end *e, int fd)
{
	static const int amounts[] = { 0, 0, 1, 100, 1000, 10000, 100000, 1000000 };
	int small = 2048 + random_below(&state, 8192);

	*e = (struct end){
		.fd = fd,
		.turns = random_below(&state, random_once(&state, 4) ? TURNS : 4),
		.to_send = amounts[random_below(&state, 8)],
		.reads = random_below(&state, 4),
		.appetite = 1 + random_below(&state, random_below(&state, 2) ? 100 : CHUNK),
		.closing = random_below(&state, 8) ? random_below(&state, CLOSINGS) : CLOSE,
	};
	if (random_once(&state, 4))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	if (random_once(&state, 8))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
}

static void end(struct end *e)
{
	static const struct linger reset = { .l_onoff = 1 };

	if (e->closing == LINGER)
		setsockopt(e->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	else if (e->closing == SHUTDOWN_BOTH)
		shutdown(e->fd, SHUT_RDWR);
	close(e->fd);
	e->fd = -1;
}

/* One turn of an end. */
static void act(struct end *e)
{
	ssize_t n;

	if (e->to_send > 0) {
		n = send(e->fd, data, e->to_send < CHUNK ? e->to_send : CHUNK,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		e->to_send -= n > 0 ? n : 0;
	}
	if (e->reads && random_once(&state, e->reads) &&
	    !recv(e->fd, data, e->appetite, MSG_DONTWAIT) && random_below(&state, 2))
		e->turns = 0;
	if (e->closing == SHUTDOWN && !e->half_closed && random_once(&state, 3)) {
		shutdown(e->fd, SHUT_WR);
		e->half_closed = true;
		e->to_send = 0;
	}
	if (e->turns-- <= 0)
		end(e);
}

static int tcp(const struct addrinfo *address)
{
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	return fd;
}

static int listener(const struct addrinfo *address)
{
	int fd = tcp(address);

	if (bind(fd, address->ai_addr, address->ai_addrlen) || listen(fd, SOCKETS / 2))
		die("listen");
	return fd;
}

/* Return: a new socket, or -1. */
static int another(const struct addrinfo *address, int from)
{
	int fd;

	if (from >= 0)
		return accept4(from, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	fd = tcp(address);
	if (!connect(fd, address->ai_addr, address->ai_addrlen) || errno == EINPROGRESS)
		return fd;
	close(fd);
	return -1;
}

static sig_atomic_t over;

static void stop(int signal)
{
	(void)signal;
	over = 1;
}

/* A client, or with a listening socket a server. */
static void work(const struct addrinfo *address, int from, unsigned int seed, unsigned long *count)
{
	struct end ends[SOCKETS];
	int i, fd;

	state = seed;
	for (i = 0; i < SOCKETS; i++)
		ends[i].fd = -1;
	while (!over) {
		bool idle = true;

		for (i = 0; i < SOCKETS; i++) {
			if (ends[i].fd >= 0) {
				act(&ends[i]);
				idle &= ends[i].fd >= 0 && ends[i].to_send <= 0;
				continue;
			}
			fd = another(address, from);
			if (fd < 0)
				break;
			begin(&ends[i], fd);
			++*count;
			idle = false;
		}
		if (idle)
			poll(NULL, 0, 1);
	}
	for (i = 0; i < SOCKETS; i++)
		if (ends[i].fd >= 0)
			end(&ends[i]);
	if (from >= 0)
		close(from);
	exit(0);
}

static struct addrinfo *resolve(const char *host, unsigned int port)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
	struct addrinfo *address;
	char name[8];

	snprintf(name, sizeof(name), "%u", port);
	if (getaddrinfo(host, name, &hints, &address)) {
		fprintf(stderr, "storm: no address: %s\n", host);
		exit(2);
	}
	return address;
}

int main(int argc, char **argv)
{
	const char *client = NULL, *server = NULL;
	unsigned int workers = 2, seed, i, seconds = 0;
	struct addrinfo *address[MAX_WORKERS];
	int from[MAX_WORKERS], option;
	pid_t child[2 * MAX_WORKERS];
	unsigned long connections = 0;
	long until;

	seed = (unsigned int)time(NULL) ^ (unsigned int)getpid();
	while ((option = getopt(argc, argv, "c:s:t:w:r:")) != -1) {
		switch (option) {
		case 'c':
			client = optarg;
			break;
		case 's':
			server = optarg;
			break;
		case 't':
			seconds = strtoul(optarg, NULL, 10);
			break;
		case 'w':
			workers = strtoul(optarg, NULL, 10);
			break;
		case 'r':
			seed = strtoul(optarg, NULL, 10);
			break;
		default:
			fprintf(stderr, "%s\n", usage);
			return 2;
		}
	}
	if (argc - optind != 2 || !workers || workers > MAX_WORKERS) {
		fprintf(stderr, "%s\n", usage);
		return 2;
	}
	made = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (made == MAP_FAILED)
		die("mmap");
	signal(SIGTERM, stop);
	signal(SIGINT, stop);
	enter(server);
	for (i = 0; i < workers; i++) {
		address[i] = resolve(argv[optind], strtoul(argv[optind + 1], NULL, 10) + i);
		from[i] = listener(address[i]);
	}
	for (i = 0; i < workers; i++) {
		child[i] = fork();
		if (!child[i])
			work(address[i], from[i], seed + i, &made[i]);
	}
	for (i = 0; i < workers; i++)
		close(from[i]);
	enter(client);
	for (i = 0; i < workers; i++) {
		child[workers + i] = fork();
		if (!child[workers + i])
			work(address[i], -1, seed + MAX_WORKERS + i, &made[workers + i]);
	}
	until = now_ms() + (long)seconds * 1000;
	while (!over && (!seconds || now_ms() < until))
		poll(NULL, 0, 100);
	/* The clients first: then no connection is refused for the server's sake alone. */
	for (i = 2 * workers; i-- > 0;) {
		kill(child[i], SIGTERM);
		waitpid(child[i], NULL, 0);
	}
	for (i = 0; i < workers; i++)
		connections += made[i];
	printf("storm: %lu connections, seed %u\n", connections, seed);
	return !connections;
}
