// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ends.h"

#define CONNECTED	(0xfffu & ~(1u << TCP_CLOSE | 1u << TCP_LISTEN))

struct request {
	struct nlmsghdr header;
	struct inet_diag_req_v2 body;
};

int diag_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (fd < 0)
		err(3, "NETLINK_SOCK_DIAG");
	return fd;
}

static void ask(int fd, struct request *request, uint16_t flags)
{
	request->header = (struct nlmsghdr){
		.nlmsg_len = sizeof(*request),
		.nlmsg_type = SOCK_DIAG_BY_FAMILY,
		.nlmsg_flags = NLM_F_REQUEST | flags,
	};
	if (send(fd, request, sizeof(*request), 0) != sizeof(*request))
		err(3, "asking for sockets");
}

static void read_end(struct end *end, const struct inet_diag_msg *msg)
{
	size_t size = msg->idiag_family == AF_INET ? 4 : 16;

	memset(end, 0, sizeof(*end));
	end->family = msg->idiag_family;
	memcpy(end->local, msg->id.idiag_src, size);
	memcpy(end->remote, msg->id.idiag_dst, size);
	end->lport = ntohs(msg->id.idiag_sport);
	end->rport = ntohs(msg->id.idiag_dport);
	end->state = msg->idiag_state;
}

/* Reads one datagram of an answer. Returns whether more follows. */
static bool read_some(int fd, struct ends *ends)
{
	static char buffer[65536] __attribute__((aligned(8)));
	ssize_t size = recv(fd, buffer, sizeof(buffer), 0);
	const struct nlmsghdr *msg = (const void *)buffer;

	if (size < 0)
		err(3, "reading sockets");
	for (; NLMSG_OK(msg, (unsigned int)size); msg = NLMSG_NEXT(msg, size)) {
		struct end end;

		if (msg->nlmsg_type == NLMSG_DONE || msg->nlmsg_type == NLMSG_ERROR)
			return false;
		read_end(&end, NLMSG_DATA(msg));
		ends_add(ends, &end);
	}
	return true;
}

void diag_dump(int fd, struct ends *ends)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };

	for (unsigned int i = 0; i < 2; i++) {
		struct request request = {
			.body.sdiag_family = families[i],
			.body.sdiag_protocol = IPPROTO_TCP,
			.body.idiag_states = CONNECTED,
		};

		ask(fd, &request, NLM_F_DUMP);
		while (read_some(fd, ends))
			;
	}
	ends_sort(ends);
}

/* The state of one socket; TCP_CLOSE if there is none. */
uint8_t diag_state(int fd, const struct end *name)
{
	struct request request = {
		.body.sdiag_family = name->family,
		.body.sdiag_protocol = IPPROTO_TCP,
		.body.idiag_states = CONNECTED,
		.body.id.idiag_sport = htons(name->lport),
		.body.id.idiag_dport = htons(name->rport),
		.body.id.idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE },
	};
	struct ends ends = { 0 };
	uint8_t state = TCP_CLOSE;

	memcpy(request.body.id.idiag_src, name->local, sizeof(name->local));
	memcpy(request.body.id.idiag_dst, name->remote, sizeof(name->remote));
	ask(fd, &request, 0);
	read_some(fd, &ends);
	/* Without a socket of that name it is the listener. */
	if (ends.count && ends.end->state != TCP_LISTEN)
		state = ends.end->state;
	ends_free(&ends);
	return state;
}
