// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exit.h"
#include "fields.h"
#include "genl.h"
#include "netlink.h"
#include "proc.h"

static const char *const commands[] = {
	[TCPSTATE_CMD_COUNTERS_GET] = "counters-get",
	[TCPSTATE_CMD_FLOW_GET] = "flow-get",
	[TCPSTATE_CMD_FLOW_COUNT] = "flow-count",
	[TCPSTATE_CMD_FLOW_DEL] = "flow-del",
	[TCPSTATE_CMD_FLOW_FLUSH] = "flow-flush",
	[TCPSTATE_CMD_CONFIG_GET] = "config-get",
	[TCPSTATE_CMD_CONFIG_SET] = "config-set",
};

static void open_socket(struct genl *genl)
{
	static const int options[] = {
		NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK,
	};
	int on = 1;

	genl->socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!genl->socket || mnl_socket_bind(genl->socket, 0, MNL_SOCKET_AUTOPID))
		err(EXIT_COULD_NOT, "cannot open a netlink socket");
	/* A kernel without them says less. */
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		mnl_socket_setsockopt(genl->socket, options[i], &on, sizeof(on));
}

struct nlmsghdr *genl_request(struct genl *genl, uint8_t command, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(genl->request.bytes);
	struct genlmsghdr *header = mnl_nlmsg_put_extra_header(nlh, sizeof(*header));

	nlh->nlmsg_type = genl->family;
	nlh->nlmsg_flags = NLM_F_REQUEST | (flags ? flags : NLM_F_ACK);
	nlh->nlmsg_seq = ++genl->seq;
	header->cmd = command;
	header->version = TCPSTATE_FAMILY_VERSION;
	return nlh;
}

int genl_ask(struct genl *genl, struct reply *reply)
{
	static union {
		struct nlmsghdr align;
		char bytes[NETLINK_BUFFER];
	} buffer;
	enum reply_is is;

	reply->type = genl->family;
	reply->header = GENL_HDRLEN;
	reply->seq = genl->seq;
	reply->portid = mnl_socket_get_portid(genl->socket);
	reply->error = 0;
	reply->torn = false;
	reply->offset = 0;
	reply->text[0] = '\0';
	reply->damaged[0] = '\0';
	netlink_send(genl->socket, &genl->request.header);
	do {
		ssize_t n = netlink_receive(genl->socket, buffer.bytes, sizeof(buffer.bytes));

		if (n < 0) {
			reply->error = errno;
			break;
		}
		is = reply_take(reply, buffer.bytes, n);
		if (is == REPLY_DAMAGED)
			errx(EXIT_COULD_NOT, "the module's answer: %s", reply->damaged);
	} while (is == REPLY_MORE);
	return reply->error;
}

static uint8_t asked(const struct genl *genl)
{
	const struct genlmsghdr *header = mnl_nlmsg_get_payload(&genl->request.header);

	return header->cmd;
}

void genl_fail(const struct genl *genl, const struct reply *reply)
{
	const char *colon = reply->text[0] ? ": " : "";
	uint8_t command = asked(genl);

	switch (reply->error) {
	case EOPNOTSUPP:
		errx(EXIT_COULD_NOT, "the module is too old: it has no '%s'%s%s: load a newer one",
		     commands[command], colon, reply->text);
	case EPERM:
	case EACCES:
		errx(EXIT_COULD_NOT,
		     "not permitted: it needs CAP_NET_ADMIN in the namespace's user namespace%s%s%s",
		     command == TCPSTATE_CMD_CONFIG_SET ?
		     ", for enabled and max_flows in the initial one" : "", colon, reply->text);
	case ENOMEM:
	case ENOBUFS:
		errx(EXIT_COULD_NOT, "the kernel has no memory for the answer: try again");
	case ENOENT:
		errx(EXIT_COULD_NOT, "the module was unloaded meanwhile: 'modprobe tcpstate'");
	default:
		errx(EXIT_COULD_NOT, "the module refuses '%s': %s", commands[command],
		     reply->text[0] ? reply->text : strerror(reply->error));
	}
}

void genl_must(struct genl *genl, struct reply *reply)
{
	while (genl_ask(genl, reply) == EINTR)
		;		/* a signal ended a long walk */
	if (reply->error)
		genl_fail(genl, reply);
}

static bool take_family(void *data, const void *attributes, size_t size, char *error)
{
	static const struct field fields[] = {
		[CTRL_ATTR_FAMILY_ID] = { .name = "family-id", .kind = FIELD_U16 },
	};
	const size_t count = sizeof(fields) / sizeof(fields[0]);
	const struct nlattr *found[FIELDS];

	if (!fields_read(found, fields, count, attributes, size, error))
		return false;
	*(uint16_t *)data = mnl_attr_get_u16(found[CTRL_ATTR_FAMILY_ID]);
	return true;
}

void genl_open(struct genl *genl)
{
	uint16_t family = 0;
	struct reply reply = { .take = take_family, .data = &family };
	struct nlmsghdr *nlh;

	*genl = (struct genl){ .family = GENL_ID_CTRL };
	open_socket(genl);
	nlh = genl_request(genl, CTRL_CMD_GETFAMILY, 0);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, TCPSTATE_FAMILY_NAME);
	genl_ask(genl, &reply);
	if (reply.error == ENOENT && !access(PROC_DIR, F_OK))
		errx(EXIT_COULD_NOT, "the module is too old: it has no netlink: load a newer one");
	if (reply.error == ENOENT)
		errx(EXIT_COULD_NOT, "the module is not loaded: 'modprobe tcpstate'");
	if (reply.error || !family)
		errx(EXIT_COULD_NOT, "cannot ask for the module's netlink family: %s",
		     strerror(reply.error ? reply.error : EPROTO));
	genl->family = family;
}

void genl_close(struct genl *genl)
{
	mnl_socket_close(genl->socket);
	genl->socket = NULL;
}
