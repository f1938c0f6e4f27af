// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "oracle.h"
#include "socket.h"

/* Not in the C library's headers beside the kernel's. */
#define REPAIR_OFF	(-1)
#define SEND_QUEUE	2

/* The socket has acted: what it said about it, and where it is now. */
static void acted(struct connection *c)
{
	batch_drain(c->batch, false);
	if (c->batch->oracle)
		oracle_judge_engine(c->batch->oracle, c, true);
}

union name {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t name_of(const struct connection *c, bool local, union name *name)
{
	const uint8_t *address = local ? c->local : c->remote;
	uint16_t port = htons(local ? c->lport : c->rport);

	memset(name, 0, sizeof(*name));
	name->sa.sa_family = c->family;
	if (c->family == AF_INET) {
		memcpy(&name->in.sin_addr, address, 4);
		name->in.sin_port = port;
		return sizeof(name->in);
	}
	memcpy(&name->in6.sin6_addr, address, 16);
	name->in6.sin6_port = port;
	return sizeof(name->in6);
}

static void set(int fd, int level, int option, int value)
{
	setsockopt(fd, level, option, &value, sizeof(value));
}

/* A socket bound to the connection's port. Returns -1 where the port is taken. */
static int bound(struct connection *c)
{
	int fd = socket(c->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	union name name;
	socklen_t len = name_of(c, true, &name);

	if (fd < 0)
		err(3, "socket");
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (!bind(fd, &name.sa, len))
		return fd;
	connection_note(c, "local   bind: %s", strerror(errno));
	close(fd);
	return -1;
}

/* Its window may close. */
static void limit_buffers(struct connection *c, int fd)
{
	if (random_once(&c->random, 4))
		set(fd, SOL_SOCKET, SO_RCVBUF, 1024 << random_below(&c->random, 4));
	if (random_once(&c->random, 6))
		set(fd, SOL_SOCKET, SO_SNDBUF, 4096);
}

void socket_listen(struct connection *c)
{
	int backlog = random_once(&c->random, 12) ? 0 : 16;
	int defer = random_once(&c->random, 10) ? 1 + random_below(&c->random, 3) : 0;

	if (c->listener >= 0)
		return;
	c->listener = bound(c);
	if (c->listener < 0)
		return;
	limit_buffers(c, c->listener);
	if (defer)
		set(c->listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, defer);
	listen(c->listener, backlog);
	connection_note(c, "local   listen, backlog %d%s", backlog,
			defer ? ", TCP_DEFER_ACCEPT" : "");
}

/* So that the kernel's numbers wrap too; without SO_REUSEADDR afterwards. */
static void choose_isn(struct connection *c, int fd)
{
	uint32_t isn = UINT32_MAX - random_below(&c->random, 3000);

	set(fd, IPPROTO_TCP, TCP_REPAIR, 1);
	set(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, SEND_QUEUE);
	set(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, (int)isn);
	set(fd, IPPROTO_TCP, TCP_REPAIR, REPAIR_OFF);
}

void socket_connect(struct connection *c)
{
	union name name;
	socklen_t len = name_of(c, false, &name);
	int error;

	if (c->fd >= 0)
		socket_close(c);
	c->fd = bound(c);
	if (c->fd < 0)
		return;
	limit_buffers(c, c->fd);
	if (random_once(&c->random, 4))
		choose_isn(c, c->fd);
	c->kernel.syn = false;
	c->kernel.rst = false;
	c->obscured = false;
	c->shut = false;
	c->linger2 = false;
	error = connect(c->fd, &name.sa, len) && errno != EINPROGRESS ? errno : 0;
	connection_note(c, "local   connect%s%s", error ? ": " : "", error ? strerror(error) : "");
	acted(c);
	if (!error)
		return;
	close(c->fd);
	c->fd = -1;
}

void socket_accept(struct connection *c)
{
	int fd;

	if (c->listener < 0 || c->fd >= 0)
		return;
	fd = accept4(c->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	c->fd = fd;
	c->obscured = false;
	c->shut = false;
	c->linger2 = false;
	connection_note(c, "local   accept");
}

void socket_write(struct connection *c)
{
	static const char bytes[40000];
	size_t size = 1 + random_below(&c->random, 3000);
	ssize_t n;

	if (random_once(&c->random, 4))
		size = sizeof(bytes);
	if (c->fd < 0)
		return;
	n = send(c->fd, bytes, size, MSG_NOSIGNAL);
	connection_note(c, "local   write %zd", n);
	acted(c);
}

void socket_read(struct connection *c)
{
	static char bytes[65536];
	size_t size = 1 + random_below(&c->random, 2000);
	ssize_t n;

	if (random_once(&c->random, 2))
		size = sizeof(bytes);
	if (c->fd < 0)
		return;
	n = recv(c->fd, bytes, size, 0);
	connection_note(c, "local   read %zd", n);
	acted(c);
}

void socket_shutdown(struct connection *c)
{
	if (c->fd < 0)
		return;
	c->shut = random_once(&c->random, 6);
	connection_note(c, "local   shutdown%s", c->shut ? " both" : "");
	shutdown(c->fd, c->shut ? SHUT_RDWR : SHUT_WR);
	acted(c);
}

void socket_close(struct connection *c)
{
	if (c->fd < 0)
		return;
	c->linger2 = random_once(&c->random, 10);
	c->shut = true;
	if (c->linger2)
		set(c->fd, IPPROTO_TCP, TCP_LINGER2, -1);
	connection_note(c, "local   close%s", c->linger2 ? ", TCP_LINGER2 -1" : "");
	close(c->fd);
	c->fd = -1;
	acted(c);
}

void socket_reset(struct connection *c)
{
	struct linger linger = { .l_onoff = 1 };

	if (c->fd < 0)
		return;
	connection_note(c, "local   SO_LINGER 0");
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	socket_close(c);
}

void socket_disconnect(struct connection *c)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	if (c->fd < 0)
		return;
	connection_note(c, "local   disconnect");
	if (connect(c->fd, &none, sizeof(none)))
		return;
	acted(c);
	close(c->fd);
	c->fd = -1;
}

/* Drops every segment that the socket is sent. */
void socket_filter(struct connection *c)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = { .len = 1, .filter = &code };

	if (c->fd < 0)
		return;
	connection_note(c, "local   a filter drops all");
	setsockopt(c->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
	c->obscured = true;
}

void socket_min_ttl(struct connection *c, int ttl)
{
	if (c->fd < 0)
		return;
	connection_note(c, "local   IP_MINTTL %d", ttl);
	if (c->family == AF_INET)
		set(c->fd, IPPROTO_IP, IP_MINTTL, ttl);
	else
		set(c->fd, IPPROTO_IPV6, 73 /* IPV6_MINHOPCOUNT */, ttl);
	c->obscured = true;
}

/* TCP_MD5SIG: from now on the socket wants each segment signed. */
void socket_key(struct connection *c)
{
	struct tcp_md5sig key = { .tcpm_keylen = 4, .tcpm_key = "key" };
	union name name;
	socklen_t len = name_of(c, false, &name);

	if (c->fd < 0)
		return;
	connection_note(c, "local   TCP_MD5SIG");
	memcpy(&key.tcpm_addr, &name, len);
	setsockopt(c->fd, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof(key));
	c->obscured = true;
}

/* Returns whether the letter is one of a script's local operations. */
bool socket_act(struct connection *c, char letter)
{
	static const struct {
		char letter;
		void (*act)(struct connection *c);
	} acts[] = {
		{ 'C', socket_connect }, { 'A', socket_accept }, { 'W', socket_write },
		{ 'R', socket_read }, { 'S', socket_shutdown }, { 'X', socket_close },
		{ 'L', socket_reset }, { 'U', socket_disconnect },
	};

	for (unsigned int i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (acts[i].letter != letter)
			continue;
		acts[i].act(c);
		return true;
	}
	return false;
}

void socket_act_randomly(struct connection *c)
{
	static const char letters[] = "AAAAAAWWWWWWRRRRRRSSXXLU";

	socket_act(c, letters[random_below(&c->random, sizeof(letters) - 1)]);
}
