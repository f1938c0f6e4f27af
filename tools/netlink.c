// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <errno.h>
#include <sys/socket.h>

#include "exit.h"
#include "netlink.h"

void netlink_send(const struct mnl_socket *socket, const struct nlmsghdr *nlh)
{
	while (mnl_socket_sendto(socket, nlh, nlh->nlmsg_len) < 0)
		if (errno != EINTR)
			err(EXIT_COULD_NOT, "cannot send to the kernel");
}

ssize_t netlink_receive(const struct mnl_socket *socket, void *bytes, size_t size)
{
	struct sockaddr_nl from = {0};
	struct iovec iov = { .iov_base = bytes, .iov_len = size };
	struct msghdr msg = {
		.msg_name = &from,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t n;

	do {
		msg.msg_namelen = sizeof(from);
		n = recvmsg(mnl_socket_get_fd(socket), &msg, 0);
	} while ((n < 0 && errno == EINTR) || (n >= 0 && from.nl_pid != 0));
	if (n >= 0 && msg.msg_flags & MSG_TRUNC)
		errx(EXIT_COULD_NOT, "the kernel is too new: its answer has no room here");
	return n;
}
