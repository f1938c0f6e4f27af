/* SPDX-License-Identifier: GPL-2.0 */
/* Netlink messages to and from the kernel. */
#ifndef TCPSTATE_NETLINK_H
#define TCPSTATE_NETLINK_H

#include <libmnl/libmnl.h>
#include <stddef.h>
#include <sys/types.h>

/* The kernel fills at most half of what a dump's reader offers; one table may have 32 KiB. */
#define NETLINK_BUFFER	65536

/* Sends the message, or exits with one line. */
void netlink_send(const struct mnl_socket *socket, const struct nlmsghdr *nlh);

/* One datagram, from the kernel and whole, or -1 and errno. */
ssize_t netlink_receive(const struct mnl_socket *socket, void *bytes, size_t size);

#endif
