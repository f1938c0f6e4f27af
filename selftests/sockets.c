// SPDX-License-Identifier: GPL-2.0
/*
 * sockets - TCP sockets in any network namespace, moved by commands
 *
 * Reads a command a line and answers each with one line, "ok [TEXT]" or "error TEXT". One process
 * holds every socket of a test, at both ends of a connection. SOCKET is a name or a glob(7) of
 * names; NAME*N makes N sockets NAME.0, NAME.1 ... An address with a colon makes an AF_INET6
 * socket.
 *
 *   netns NAME              where later sockets are made
 *   protocol tcp|mptcp      what they speak
 *   device [INTERFACE]      what they are bound to; without a name to none
 *   bind NAME ADDRESS PORT  make and bind only, to set options before the next two
 *   listen NAME ADDRESS PORT [BACKLOG]
 *   connect NAME[*N] ADDRESS PORT [FROM FROMPORT]
 *                           does not wait
 *   accept LISTENER NAME[*N]
 *                           waits for each connection
 *   wait SOCKET STATE       until the sockets are in that state
 *   set SOCKET OPTION VALUE
 *   send SOCKET BYTES
 *   fill SOCKET             send until nothing more is taken
 *   read SOCKET BYTES
 *   eof SOCKET              read to the end of data
 *   shutdown SOCKET         end of our data, the socket stays
 *   hold SOCKET MS          busy for so long, then it sends one octet
 *   move SOCKET             to another socket, under TCP_REPAIR
 *   close SOCKET
 *   error SOCKET            the pending errors
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "busy.h"
#include "options.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP	262
#endif

#define NAME_LEN	40
#define MAX_SOCKETS	8192
#define MAX_ARGS	8
#define PATIENCE_MS	20000

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static struct {
	char name[NAME_LEN];
	int fd;
} sockets[MAX_SOCKETS];
static int nr_sockets;
static int protocol;

static char answer[4096];
static char device[IFNAMSIZ];

static const char * const state_names[] = {
	"none", "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait",
	"close", "close_wait", "last_ack", "listen", "closing",
};

static const struct {
	const char *name;
	int level;
	int option;
} options[] = {
	{ "rcvbuf", SOL_SOCKET, SO_RCVBUF },
	{ "sndbuf", SOL_SOCKET, SO_SNDBUF },
	{ "keepalive", SOL_SOCKET, SO_KEEPALIVE },
	{ "keepidle", IPPROTO_TCP, TCP_KEEPIDLE },
	{ "keepintvl", IPPROTO_TCP, TCP_KEEPINTVL },
	{ "keepcnt", IPPROTO_TCP, TCP_KEEPCNT },
	{ "user_timeout", IPPROTO_TCP, TCP_USER_TIMEOUT },
	{ "cork", IPPROTO_TCP, TCP_CORK },
	{ "linger2", IPPROTO_TCP, TCP_LINGER2 },
	{ "defer_accept", IPPROTO_TCP, TCP_DEFER_ACCEPT },
	{ "fastopen", IPPROTO_TCP, TCP_FASTOPEN },
	{ "fastopen_connect", IPPROTO_TCP, TCP_FASTOPEN_CONNECT },
	{ "repair", IPPROTO_TCP, TCP_REPAIR },
	{ "minttl", IPPROTO_IP, IP_MINTTL },
	{ "minhops", IPPROTO_IPV6, IPV6_MINHOPCOUNT },
	{ "transparent", IPPROTO_IP, IP_TRANSPARENT },
};

static int fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(answer, sizeof(answer), format, args);
	va_end(args);
	return -1;
}

static int fail_errno(const char *what, const char *name)
{
	return fail("%s %s: %s", what, name, strerror(errno));
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static int parse_number(const char *text, long max, long *number)
{
	char *end;

	errno = 0;
	*number = strtol(text, &end, 10);
	if (errno || end == text || *end || *number > max)
		return fail("bad number %s", text);
	return 0;
}

static int parse_address(const char *address, const char *port, struct sockaddr_storage *to,
			 socklen_t *len)
{
	struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_family = strchr(address, ':') ? AF_INET6 : AF_INET,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *info;
	int ret;

	*to = (struct sockaddr_storage){0};
	*len = 0;
	ret = getaddrinfo(address, port, &hints, &info);
	if (ret)
		return fail("%s port %s: %s", address, port, gai_strerror(ret));
	memcpy(to, info->ai_addr, info->ai_addrlen);
	*len = info->ai_addrlen;
	freeaddrinfo(info);
	return 0;
}

/* The index of the next socket that matches, at or after the given one, or -1. */
static int match(const char *pattern, int from)
{
	for (int i = from; i < nr_sockets; i++)
		if (!fnmatch(pattern, sockets[i].name, 0))
			return i;
	return -1;
}

static int find(const char *name)
{
	for (int i = 0; i < nr_sockets; i++)
		if (!strcmp(name, sockets[i].name))
			return i;
	return -1;
}

static int add(const char *name, int fd)
{
	if (fd < 0)
		return fail_errno("socket", name);
	if (nr_sockets == MAX_SOCKETS || find(name) >= 0 || strlen(name) >= NAME_LEN) {
		close(fd);
		return fail("no room for %s, or it is there already", name);
	}
	snprintf(sockets[nr_sockets].name, NAME_LEN, "%s", name);
	sockets[nr_sockets].fd = fd;
	return nr_sockets++;
}

/* Makes a socket of the address's family and binds it where an address to bind to is given. */
static int make(const char *name, int family, const char *from, const char *port)
{
	struct sockaddr_storage address;
	socklen_t len;
	int one = 1;
	int i;

	i = add(name, socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
	if (i < 0)
		return -1;
	setsockopt(sockets[i].fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (device[0] && setsockopt(sockets[i].fd, SOL_SOCKET, SO_BINDTODEVICE, device,
				    sizeof(device)))
		return fail_errno("device", name);
	if (!from)
		return i;
	if (parse_address(from, port, &address, &len))
		return -1;
	if (bind(sockets[i].fd, (struct sockaddr *)&address, len))
		return fail_errno("bind", name);
	return i;
}

/* Splits NAME*N; a plain name counts as one. */
static int parse_count(char *name, int *count)
{
	char *star = strchr(name, '*');
	long number = 0;

	if (star) {
		*star = '\0';
		if (parse_number(star + 1, MAX_SOCKETS, &number))
			return -1;
	}
	*count = number;
	return 0;
}

static void nth_name(char *to, const char *name, int count, int nth)
{
	if (count)
		snprintf(to, NAME_LEN, "%.28s.%d", name, nth);
	else
		snprintf(to, NAME_LEN, "%.38s", name);
}

static int state_of(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		return 0;
	return info.tcpi_state;
}

static int do_netns(int argc, char **argv)
{
	char path[PATH_MAX];
	int ret;
	int fd;

	(void)argc;
	snprintf(path, sizeof(path), "/run/netns/%s", argv[1]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno("open", path);
	ret = setns(fd, CLONE_NEWNET);
	close(fd);
	return ret ? fail_errno("setns", path) : 0;
}

static int do_protocol(int argc, char **argv)
{
	(void)argc;
	if (strcmp(argv[1], "tcp") && strcmp(argv[1], "mptcp"))
		return fail("no protocol %s", argv[1]);
	protocol = argv[1][0] == 'm' ? IPPROTO_MPTCP : 0;
	return 0;
}

static int do_device(int argc, char **argv)
{
	snprintf(device, sizeof(device), "%s", argc > 1 ? argv[1] : "");
	return 0;
}

static int do_bind(int argc, char **argv)
{
	int family = strchr(argv[2], ':') ? AF_INET6 : AF_INET;

	(void)argc;
	return make(argv[1], family, argv[2], argv[3]) < 0 ? -1 : 0;
}

static int do_listen(int argc, char **argv)
{
	long backlog = 1024;
	int i;

	if (argc > 4 && parse_number(argv[4], INT_MAX, &backlog))
		return -1;
	i = find(argv[1]);
	if (i < 0 && do_bind(argc, argv))
		return -1;
	i = find(argv[1]);
	return listen(sockets[i].fd, backlog) ? fail_errno("listen", argv[1]) : 0;
}

static int connect_one(char *name, char **argv, const char *from, const char *port)
{
	struct sockaddr_storage to;
	socklen_t len;
	int i;

	if (parse_address(argv[2], argv[3], &to, &len))
		return -1;
	i = find(name);
	if (i < 0)
		i = make(name, to.ss_family, from, port);
	if (i < 0)
		return -1;
	if (connect(sockets[i].fd, (struct sockaddr *)&to, len) && errno != EINPROGRESS)
		return fail_errno("connect", name);
	return 0;
}

static int do_connect(int argc, char **argv)
{
	char name[NAME_LEN];
	char port[24] = "";
	long from = 0;
	int count;

	if (parse_count(argv[1], &count))
		return -1;
	if (argc > 5 && parse_number(argv[5], 65535, &from))
		return -1;
	for (int i = 0; !i || i < count; i++) {
		nth_name(name, argv[1], count, i);
		snprintf(port, sizeof(port), "%ld", from ? from + i : 0);
		if (connect_one(name, argv, argc > 5 ? argv[4] : NULL, port))
			return -1;
	}
	return 0;
}

static int do_accept(int argc, char **argv)
{
	struct pollfd p = { .events = POLLIN };
	char name[NAME_LEN];
	int count;
	int i;

	(void)argc;
	i = find(argv[1]);
	if (i < 0)
		return fail("no listener %s", argv[1]);
	if (parse_count(argv[2], &count))
		return -1;
	p.fd = sockets[i].fd;
	for (int n = 0; !n || n < count; n++) {
		if (poll(&p, 1, PATIENCE_MS) != 1)
			return fail("nothing to accept at %s after %d", argv[1], n);
		nth_name(name, argv[2], count, n);
		if (add(name, accept4(p.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) < 0)
			return -1;
	}
	return 0;
}

static int wait_state(int i, const char *state)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	long long end = now_ms() + PATIENCE_MS;

	for (;;) {
		int now = state_of(sockets[i].fd);

		if (!strcmp(state, state_names[now]))
			return 0;
		if (now_ms() > end)
			return fail("%s is %s, not %s", sockets[i].name, state_names[now], state);
		nanosleep(&pause, NULL);
	}
}

static int send_bytes(int i, long bytes)
{
	struct pollfd p = { .fd = sockets[i].fd, .events = POLLOUT };
	static const char zeros[65536];

	while (bytes > 0) {
		ssize_t n;

		if (poll(&p, 1, PATIENCE_MS) != 1)
			return fail("%s takes no more", sockets[i].name);
		n = send(p.fd, zeros, bytes < 65536 ? bytes : 65536, MSG_NOSIGNAL);
		if (n < 0)
			return fail_errno("send", sockets[i].name);
		bytes -= n;
	}
	return 0;
}

static int fill(int i)
{
	struct pollfd p = { .fd = sockets[i].fd, .events = POLLOUT };
	static const char zeros[65536];

	while (poll(&p, 1, 300) == 1)
		if (send(p.fd, zeros, sizeof(zeros), MSG_NOSIGNAL) < 0 && errno != EAGAIN)
			return fail_errno("send", sockets[i].name);
	return 0;
}

/* Reads that many bytes, or with -1 all of them to the end. */
static int read_bytes(int i, long bytes)
{
	struct pollfd p = { .fd = sockets[i].fd, .events = POLLIN };
	static char buffer[65536];

	while (bytes) {
		ssize_t n;

		if (poll(&p, 1, PATIENCE_MS) != 1)
			return fail("nothing to read at %s", sockets[i].name);
		n = recv(p.fd, buffer, bytes > 0 && bytes < 65536 ? bytes : 65536, 0);
		if (n < 0)
			return fail_errno("recv", sockets[i].name);
		if (!n)
			return bytes < 0 ? 0 : fail("%s ends early", sockets[i].name);
		if (bytes > 0)
			bytes -= n;
	}
	return 0;
}

static int set_option(int i, const char *option, int value)
{
	struct linger linger = { .l_onoff = 1, .l_linger = value };
	int fd = sockets[i].fd;
	int ret = -1;

	errno = EINVAL;
	if (!strcmp(option, "linger"))
		ret = setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	else if (!strcmp(option, "drop"))
		ret = drop_all(fd);
	else if (!strcmp(option, "drop_fins"))
		ret = drop_fins(fd, value);
	else if (!strcmp(option, "sign"))
		ret = sign(fd, value);
	else if (!strcmp(option, "pad"))
		ret = pad(fd);
	for (size_t n = 0; n < ARRAY_SIZE(options); n++)
		if (!strcmp(option, options[n].name))
			ret = setsockopt(fd, options[n].level, options[n].option, &value,
					 sizeof(value));
	return ret ? fail_errno("set", option) : 0;
}

static const char *error_name(int error)
{
	static const struct {
		int error;
		const char *name;
	} names[] = {
		{ 0, "none" },
		{ ECONNREFUSED, "refused" },
		{ ECONNRESET, "reset" },
		{ EPIPE, "pipe" },
		{ ETIMEDOUT, "timedout" },
		{ EHOSTUNREACH, "unreachable" },
		{ ECONNABORTED, "aborted" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].error == error)
			return names[i].name;
	return strerror(error);
}

static void add_error(int i)
{
	size_t used = strlen(answer);
	int error = 0;
	socklen_t len = sizeof(error);

	getsockopt(sockets[i].fd, SOL_SOCKET, SO_ERROR, &error, &len);
	snprintf(answer + used, sizeof(answer) - used, "%s%s", used ? " " : "",
		 error_name(error));
}

static void forget(int i)
{
	close(sockets[i].fd);
	nr_sockets--;
	memmove(sockets + i, sockets + i + 1, (nr_sockets - i) * sizeof(sockets[0]));
}

/* The commands that act on each of the sockets that match. */
static int act(int i, int argc, char **argv)
{
	const char *name = argv[0];
	long value = 0;

	if (!strcmp(name, "wait"))
		return wait_state(i, argv[2]);
	if (argc > 2 && parse_number(argv[argc - 1], INT_MAX, &value))
		return -1;
	if (!strcmp(name, "send"))
		return send_bytes(i, value);
	if (!strcmp(name, "read"))
		return read_bytes(i, value);
	if (!strcmp(name, "set"))
		return set_option(i, argv[2], value);
	if (!strcmp(name, "fill"))
		return fill(i);
	if (!strcmp(name, "eof"))
		return read_bytes(i, -1);
	if (!strcmp(name, "move"))
		return move(sockets[i].fd) ? fail_errno("move", sockets[i].name) : 0;
	if (!strcmp(name, "hold"))
		return busy(sockets[i].fd, (int)value) ?
			fail("%s is not held", sockets[i].name) : 0;
	if (!strcmp(name, "shutdown"))
		return shutdown(sockets[i].fd, SHUT_WR) ?
			fail_errno("shutdown", sockets[i].name) : 0;
	add_error(i);
	return 0;
}

static int do_each(int argc, char **argv)
{
	int i = match(argv[1], 0);

	if (i < 0)
		return fail("no socket %s", argv[1]);
	for (; i >= 0; i = match(argv[1], i + 1))
		if (act(i, argc, argv))
			return -1;
	return 0;
}

static int do_close(int argc, char **argv)
{
	int i = match(argv[1], 0);

	(void)argc;
	if (i < 0)
		return fail("no socket %s", argv[1]);
	for (; i >= 0; i = match(argv[1], i))
		forget(i);
	return 0;
}

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	int min_args;
	int max_args;
} commands[] = {
	{ "netns", do_netns, 1, 1 },
	{ "device", do_device, 0, 1 },
	{ "protocol", do_protocol, 1, 1 },
	{ "bind", do_bind, 3, 3 },
	{ "listen", do_listen, 3, 4 },
	{ "connect", do_connect, 3, 5 },
	{ "accept", do_accept, 2, 2 },
	{ "wait", do_each, 2, 2 },
	{ "send", do_each, 2, 2 },
	{ "read", do_each, 2, 2 },
	{ "set", do_each, 3, 3 },
	{ "fill", do_each, 1, 1 },
	{ "eof", do_each, 1, 1 },
	{ "shutdown", do_each, 1, 1 },
	{ "hold", do_each, 2, 2 },
	{ "move", do_each, 1, 1 },
	{ "error", do_each, 1, 1 },
	{ "close", do_close, 1, 1 },
};

static int obey(char *line)
{
	char *argv[MAX_ARGS];
	int argc = 0;

	for (char *word = strtok(line, "\n "); word; word = strtok(NULL, "\n "))
		if (argc < MAX_ARGS)
			argv[argc++] = word;
	for (size_t i = 0; argc && i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[0], commands[i].name) && argc > commands[i].min_args &&
		    argc <= commands[i].max_args + 1)
			return commands[i].run(argc, argv);
	return fail("no such command, or not so many words");
}

int main(void)
{
	struct rlimit files = { MAX_SOCKETS + 64, MAX_SOCKETS + 64 };
	char line[1024];

	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	setrlimit(RLIMIT_NOFILE, &files);
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin)) {
		int ret;

		answer[0] = '\0';
		ret = obey(line);
		printf("%s%s%s\n", ret ? "error" : "ok", answer[0] ? " " : "", answer);
	}
	return 0;
}
