// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <err.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/tcpstate.h>
#include <stdlib.h>
#include <string.h>

#include "ends.h"

#define ATTRIBUTES	32

struct found {
	const struct nlattr *attr[ATTRIBUTES];
};

static int note(const struct nlattr *attr, void *data)
{
	struct found *found = data;

	if (mnl_attr_get_type(attr) < ATTRIBUTES)
		found->attr[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

static struct nlmsghdr *request(char *buffer, uint16_t type, uint16_t flags, uint8_t command)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = command;
	genl->version = 1;
	return nlh;
}

/* Sends it and has @read see each message of the answer. */
static void ask(struct mnl_socket *socket, const struct nlmsghdr *nlh, mnl_cb_t read, void *data)
{
	static char buffer[65536];
	int more = 1;

	if (mnl_socket_sendto(socket, nlh, nlh->nlmsg_len) < 0)
		err(3, "asking tcpstate");
	while (more > 0) {
		ssize_t size = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));

		if (size < 0)
			err(3, "reading what tcpstate answers");
		more = mnl_cb_run(buffer, (size_t)size, 0, mnl_socket_get_portid(socket), read,
				  data);
	}
	if (more < 0)
		err(3, "tcpstate does not answer");
}

static int read_family(const struct nlmsghdr *nlh, void *data)
{
	struct found found = { 0 };

	mnl_attr_parse(nlh, sizeof(struct genlmsghdr), note, &found);
	if (found.attr[CTRL_ATTR_FAMILY_ID])
		*(uint16_t *)data = mnl_attr_get_u16(found.attr[CTRL_ATTR_FAMILY_ID]);
	return MNL_CB_OK;
}

/* Returns NULL without the module. */
struct mnl_socket *mirror_open(uint16_t *family)
{
	struct mnl_socket *socket = mnl_socket_open(NETLINK_GENERIC);
	char buffer[256];
	struct nlmsghdr *nlh = request(buffer, GENL_ID_CTRL, NLM_F_ACK, CTRL_CMD_GETFAMILY);

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, TCPSTATE_FAMILY_NAME);
	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		err(3, "generic netlink");
	ask(socket, nlh, read_family, family);
	return socket;
}

static void read_side(const struct nlattr *nest, uint8_t *address, uint16_t *port,
		      struct found *found)
{
	const struct nlattr *ipv4, *ipv6;

	*found = (struct found){ 0 };
	mnl_attr_parse_nested(nest, note, found);
	ipv4 = found->attr[TCPSTATE_A_END_IPV4];
	ipv6 = found->attr[TCPSTATE_A_END_IPV6];
	memcpy(address, mnl_attr_get_payload(ipv4 ?: ipv6), ipv4 ? 4 : 16);
	*port = ntohs(mnl_attr_get_u16(found->attr[TCPSTATE_A_END_PORT]));
}

static int read_flow(const struct nlmsghdr *nlh, void *data)
{
	static const uint16_t sides[] = { TCPSTATE_A_FLOW_SRC, TCPSTATE_A_FLOW_DST };
	struct found flow = { 0 }, near, far;

	mnl_attr_parse(nlh, sizeof(struct genlmsghdr), note, &flow);
	for (int i = 0; i < 2; i++) {
		struct end end;

		memset(&end, 0, sizeof(end));
		read_side(flow.attr[sides[!i]], end.remote, &end.rport, &far);
		read_side(flow.attr[sides[i]], end.local, &end.lport, &near);
		if (!near.attr[TCPSTATE_A_END_LOCAL])
			continue;
		end.family = near.attr[TCPSTATE_A_END_IPV4] ? AF_INET : AF_INET6;
		end.state = mnl_attr_get_u32(near.attr[TCPSTATE_A_END_STATE]);
		if (end.state != TCPSTATE_STATE_CLOSE)
			ends_add(data, &end);
	}
	return MNL_CB_OK;
}

void mirror_dump(struct mnl_socket *socket, uint16_t family, struct ends *ends)
{
	char buffer[256];

	ask(socket, request(buffer, family, NLM_F_DUMP, TCPSTATE_CMD_FLOW_GET), read_flow, ends);
	ends_sort(ends);
}
