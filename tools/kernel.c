// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <string.h>

#include "exit.h"
#include "kernel.h"
#include "netlink.h"
#include "reply.h"

#define SEQ	1

static struct mnl_socket *open_and_send(const struct kernel_list *list)
{
	union {
		struct nlmsghdr align;
		char bytes[512];
	} request;
	struct mnl_socket *socket = mnl_socket_open2(list->protocol, SOCK_CLOEXEC);
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(request.bytes);

	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID))
		err(EXIT_COULD_NOT, "cannot open a netlink socket");
	nlh->nlmsg_type = list->request;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = SEQ;
	memcpy(mnl_nlmsg_put_extra_header(nlh, list->size), list->header, list->size);
	netlink_send(socket, nlh);
	return socket;
}

bool kernel_ask(const struct kernel_list *list)
{
	union {
		struct nlmsghdr align;
		char bytes[NETLINK_BUFFER];
	} buffer;
	struct mnl_socket *socket = open_and_send(list);
	struct reply reply = {
		.type = list->answer,
		.seq = SEQ,
		.portid = mnl_socket_get_portid(socket),
		.take = list->take,
		.data = list->data,
	};
	enum reply_is is = REPLY_MORE;

	while (is == REPLY_MORE) {
		ssize_t n = netlink_receive(socket, buffer.bytes, sizeof(buffer.bytes));

		if (n < 0) {
			reply.error = errno;
			break;
		}
		is = reply_take(&reply, buffer.bytes, n);
	}
	mnl_socket_close(socket);
	if (is == REPLY_DAMAGED)
		errx(EXIT_COULD_NOT, "the kernel's list of %s: %s", list->name, reply.damaged);
	/* The rest of the answer is lost, or a signal ended it. */
	if (reply.error == ENOBUFS || reply.error == EINTR)
		return false;
	if (reply.error == ENOENT && list->module)
		errx(EXIT_COULD_NOT, "the kernel cannot list its %s: 'modprobe %s'", list->name,
		     list->module);
	if (reply.error)
		errx(EXIT_COULD_NOT, "the kernel does not list its %s: %s", list->name,
		     reply.text[0] ? reply.text : strerror(reply.error));
	return !reply.torn;
}
