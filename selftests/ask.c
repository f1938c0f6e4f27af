// SPDX-License-Identifier: GPL-2.0
/*
 * ask - one request to the family tcpstate, written without a library
 *
 * usage: ask [OPTION...] COMMAND [ATTRIBUTE[=VALUE]...]
 *
 * COMMAND is one of the specification's, or a number. An attribute has the specification's name,
 * within a nest after the nest's and a dot: filter.src.ipv4=10.0.0.1. Neighbours in the same nest
 * share it. A mask is a number or names joined by commas. #TYPE=HEX, also within nests, is an
 * attribute of any type and content.
 *
 *   -d        dump
 *   -f FLAGS  more flags of the message, a number
 *   -s BYTES  room to receive into, and the socket's SO_RCVBUF
 *   -p N      after N datagrams print "held"; go on at a line of standard input, end at its end
 *   -o UID    open the socket as this user
 *   -u UID    send as this user
 *
 * Prints a line for each message, NAME=VALUE for each attribute, of counters-get a line for each
 * of the first level; for an error the line "ERRNO ATTRIBUTE: TEXT" on standard error. Attributes
 * of a reply must be those of the specification, with its lengths, and zeros between them. Exits
 * with 0; 1 for an error of the kernel; 2 for wrong usage; 3 if there is no family, no answer or a
 * malformed one; 4 after a dump that says it is torn (NLM_F_DUMP_INTR).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../include/uapi/linux/tcpstate.h"

#define REQUEST_MAX	65536
#define PATIENCE_S	20

enum { OK, REFUSED, USAGE, BROKEN, TORN };

enum kind { FLAG, U16, BE16, U32, U64, ID, IPV4, IPV6, NAME, MASK, NEST, PAD };

static const unsigned int sizes[] = {
	[FLAG] = 0, [U16] = 2, [BE16] = 2, [U32] = 4, [U64] = 8, [ID] = 8, [IPV4] = 4,
	[IPV6] = 16, [NAME] = 4, [MASK] = 4, [PAD] = 0,
};

/* Attributes by number; `more` is a nest's set or a number's names. No name: the end of a set. */
struct attr {
	const char *name;
	enum kind kind;
	const void *more;
};

#define A(name, kind)	{ name, kind, NULL }

static const char * const states[] = {
	"none", "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait",
	"close", "close_wait", "last_ack", "listen", "closing", NULL
};

static const char * const paths[] = { "local", "loopback", "forwarded", NULL };
static const char * const roles[] = { "initiator", "responder", NULL };
static const char * const provenances[] = { "handshake", "midstream", "seeded", NULL };
static const char * const witnesses[] = { "off", "commit", "observe", NULL };
static const char * const tables[] = { "states", "pairs", "transitions", "stat", NULL };

static const struct attr state_attrs[TCPSTATE_A_STATE_COUNTERS_MAX + 2] = {
	A("", PAD), A("pad", PAD), { "state", NAME, states },
	A("local", U64), A("local_initiator", U64), A("remote", U64),
	A("forwarded_initiator", U64), A("forwarded_responder", U64),
	A("entered_local", U64), A("entered_remote", U64),
	A("entered_forwarded_initiator", U64), A("entered_forwarded_responder", U64)
};

static const struct attr pair_attrs[TCPSTATE_A_PAIR_MAX + 2] = {
	A("", PAD), A("pad", PAD), { "path", NAME, paths }, { "state", NAME, states },
	{ "peer_state", NAME, states }, A("flows", U64)
};

static const struct attr transition_attrs[TCPSTATE_A_TRANSITION_MAX + 2] = {
	A("", PAD), A("pad", PAD), { "from", NAME, states }, { "to", NAME, states },
	A("local", U64), A("remote", U64),
	A("forwarded_initiator", U64), A("forwarded_responder", U64)
};

static const struct attr stat_attrs[TCPSTATE_A_STAT_MAX + 2] = {
	A("", PAD), A("pad", PAD), A("flows", U32), A("self_connected", U32),
	A("embryonic", U32), A("max_flows", U32), A("memory", U64), A("untracked", U64),
	A("complete", U32), A("evicted", U64)
};

static const struct attr counters_attrs[TCPSTATE_A_COUNTERS_MAX + 2] = {
	A("", PAD), { "tables", MASK, tables }, A("complete", U32),
	{ "states", NEST, state_attrs }, { "pairs", NEST, pair_attrs },
	{ "transitions", NEST, transition_attrs }, { "stat", NEST, stat_attrs }
};

static const struct attr end_attrs[TCPSTATE_A_END_MAX + 2] = {
	A("", PAD), A("pad", PAD), A("ipv4", IPV4), A("ipv6", IPV6), A("port", BE16),
	{ "state", NAME, states }, A("local", FLAG), A("inferred", FLAG), A("age", U64)
};

static const struct attr prefix_attrs[TCPSTATE_A_PREFIX_MAX + 2] = {
	A("", PAD), A("ipv4", IPV4), A("ipv6", IPV6), A("length", U32)
};

static const struct attr filter_attrs[TCPSTATE_A_FILTER_MAX + 2] = {
	A("", PAD), A("family", U32), { "paths", MASK, paths }, { "role", NAME, roles },
	{ "states", MASK, states }, { "peer-states", MASK, states },
	{ "either-states", MASK, states }, A("sport-min", U16), A("sport-max", U16),
	A("dport-min", U16), A("dport-max", U16), { "src", NEST, prefix_attrs },
	{ "dst", NEST, prefix_attrs }
};

static const struct attr flow_attrs[TCPSTATE_A_FLOW_MAX + 2] = {
	A("", PAD), A("pad", PAD), A("id", ID), A("scope", U32), { "path", NAME, paths },
	{ "role", NAME, roles }, { "provenance", NAME, provenances }, A("age", U64),
	{ "src", NEST, end_attrs }, { "dst", NEST, end_attrs },
	{ "filter", NEST, filter_attrs }, A("count", U64)
};

static const struct attr timeouts_attrs[TCPSTATE_A_TIMEOUTS_MAX + 2] = {
	A("", PAD), A("time-wait", U32), A("syn-recv", U32), A("syn-sent", U32),
	A("last-ack", U32), A("fin-wait", U32), A("half-closed", U32), A("established", U32),
	A("one-sided", U32)
};

static const struct attr config_attrs[TCPSTATE_A_CONFIG_MAX + 2] = {
	A("", PAD), A("enabled", U32), { "witness", NAME, witnesses }, A("max-flows", U32),
	A("netns-max-flows", U32), A("max-embryonic", U32), { "paths", MASK, paths },
	{ "timeouts", NEST, timeouts_attrs }
};

static const struct command {
	const char *name;
	const struct attr *attrs;
	char separator;
} commands[TCPSTATE_CMD_MAX + 1] = {
	{ NULL, flow_attrs, ' ' },
	{ "counters-get", counters_attrs, '\n' },
	{ "flow-get", flow_attrs, ' ' },
	{ "flow-count", flow_attrs, ' ' },
	{ "flow-del", flow_attrs, ' ' },
	{ "flow-flush", flow_attrs, ' ' },
	{ "config-get", config_attrs, ' ' },
	{ "config-set", config_attrs, ' ' },
};

static const struct command *command;
static uint32_t request[REQUEST_MAX / sizeof(uint32_t)];
static size_t used;

/* --- the request --- */

static void *put(unsigned int type, const void *data, size_t len)
{
	struct nlattr *attr = (struct nlattr *)((char *)request + used);

	if (used + NLA_HDRLEN + NLA_ALIGN(len) > sizeof(request))
		errx(USAGE, "too much");
	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + len;
	memcpy((char *)attr + NLA_HDRLEN, data, len);
	used += NLA_HDRLEN + NLA_ALIGN(len);
	return attr;
}

static uint64_t parse_number(const char *text)
{
	char *end;
	uint64_t n;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || end == text || *end)
		errx(USAGE, "bad number '%s'", text);
	return n;
}

static uint32_t index_of(const char *name, size_t len, const char * const *names)
{
	for (uint32_t i = 0; names[i]; i++)
		if (strlen(names[i]) == len && !strncmp(names[i], name, len))
			return i;
	errx(USAGE, "no value '%.*s'", (int)len, name);
}

static uint64_t parse_value(const struct attr *attr, const char *value)
{
	uint64_t bits = 0;

	if (!attr->more || isdigit(*value))
		return parse_number(value);
	if (attr->kind == NAME)
		return index_of(value, strlen(value), attr->more);
	for (const char *end; *value; value = *end ? end + 1 : end) {
		end = strchrnul(value, ',');
		bits |= 1ULL << index_of(value, end - value, attr->more);
	}
	return bits;
}

static void put_value(unsigned int type, const struct attr *attr, const char *value)
{
	union {
		uint16_t u16;
		uint32_t u32;
		uint64_t u64;
		char address[16];
	} data = { 0 };
	unsigned int size = sizes[attr->kind];

	if (attr->kind == IPV4 || attr->kind == IPV6) {
		if (inet_pton(attr->kind == IPV4 ? AF_INET : AF_INET6, value, &data) != 1)
			errx(USAGE, "bad address '%s'", value);
	} else if (size == sizeof(data.u16)) {
		data.u16 = parse_value(attr, value);
		data.u16 = attr->kind == BE16 ? htons(data.u16) : data.u16;
	} else if (size == sizeof(data.u32)) {
		data.u32 = parse_value(attr, value);
	} else if (size == sizeof(data.u64)) {
		data.u64 = parse_value(attr, value);
	}
	put(type, &data, size);
}

static void put_raw(const char *text)
{
	uint8_t data[REQUEST_MAX / 2];
	unsigned int byte;
	size_t len = 0;
	char *end;
	long type;

	type = strtol(text + 1, &end, 0);
	if (*end == '=')
		end++;
	for (; *end; end += 2) {
		if (len == sizeof(data) || sscanf(end, "%2x", &byte) != 1 || !end[1])
			errx(USAGE, "bad bytes '%s'", end);
		data[len++] = byte;
	}
	put(type, data, len);
}

static unsigned int type_of(const char *name, size_t len, const struct attr *attrs)
{
	for (unsigned int type = 1; attrs[type].name; type++)
		if (strlen(attrs[type].name) == len && !strncmp(attrs[type].name, name, len))
			return type;
	errx(USAGE, "no attribute '%.*s'", (int)len, name);
}

/* All from this one on that begin with the prefix. Returns how many. */
static int put_all(char **words, const char *prefix, const struct attr *attrs)
{
	size_t skip = strlen(prefix);
	char **word = words;

	while (*word && !strncmp(*word, prefix, skip)) {
		const char *name = *word + skip;
		size_t len = strcspn(name, ".=");
		struct nlattr *nest;
		char inner[128];
		unsigned int type;

		if (*name == '#') {
			put_raw(name);
			word++;
			continue;
		}
		type = type_of(name, len, attrs);
		if (name[len] != '.') {
			put_value(type, &attrs[type], name + len + (name[len] == '='));
			word++;
			continue;
		}
		if (attrs[type].kind != NEST)
			errx(USAGE, "'%.*s' is no nest", (int)len, name);
		nest = put(type | NLA_F_NESTED, "", 0);
		snprintf(inner, sizeof(inner), "%s%.*s.", prefix, (int)len, name);
		word += put_all(word, inner, attrs[type].more);
		nest->nla_len = (char *)request + used - (char *)nest;
	}
	return word - words;
}

/* --- what comes back --- */

static _Noreturn void broken(const char *what)
{
	fflush(stdout);
	errx(BROKEN, "malformed: %s", what);
}

static const char *name_of(uint32_t n, const char * const *names)
{
	for (; *names && n; n--)
		names++;
	return *names;
}

static void print_value(const struct attr *attr, const void *data)
{
	char text[INET6_ADDRSTRLEN];
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;

	if (attr->kind == FLAG) {
		putchar('1');
	} else if (attr->kind == IPV4 || attr->kind == IPV6) {
		inet_ntop(attr->kind == IPV4 ? AF_INET : AF_INET6, data, text, sizeof(text));
		printf("%s", text);
	} else if (sizes[attr->kind] == sizeof(u16)) {
		memcpy(&u16, data, sizeof(u16));
		printf("%u", attr->kind == U16 ? u16 : ntohs(u16));
	} else if (sizes[attr->kind] == sizeof(u64)) {
		memcpy(&u64, data, sizeof(u64));
		printf(attr->kind == ID ? "0x%016" PRIx64 : "%" PRIu64, u64);
	} else {
		memcpy(&u32, data, sizeof(u32));
		if (attr->kind != NAME)
			printf("%u", u32);
		else if (!name_of(u32, attr->more))
			broken("unknown name");
		else
			printf("%s", name_of(u32, attr->more));
	}
}

static const struct attr *find(const struct attr *attrs, unsigned int type)
{
	for (unsigned int i = 1; attrs[i].name; i++)
		if (i == type)
			return &attrs[i];
	return NULL;
}

/* Prints the attributes from here to the end; names follow the prefix. */
static void print_all(const char *at, const char *end, const struct attr *attrs,
		      const char *prefix, char separator)
{
	char inner[128];
	struct nlattr attr;

	for (; at < end; at += NLA_ALIGN(attr.nla_len)) {
		const char *data = at + NLA_HDRLEN;
		const struct attr *known;

		if (end - at < NLA_HDRLEN)
			broken("half an attribute");
		memcpy(&attr, at, sizeof(attr));
		if (attr.nla_len < NLA_HDRLEN || NLA_ALIGN(attr.nla_len) > end - at)
			broken("length of an attribute");
		known = find(attrs, attr.nla_type & NLA_TYPE_MASK);
		if (!known)
			broken("unknown attribute");
		for (int i = attr.nla_len; i < NLA_ALIGN(attr.nla_len); i++)
			if (at[i])
				broken("stale bytes between attributes");
		if (known->kind == NEST) {
			snprintf(inner, sizeof(inner), "%s%s.", prefix, known->name);
			print_all(data, at + attr.nla_len, known->more, inner, ' ');
		} else if (attr.nla_len != NLA_HDRLEN + sizes[known->kind]) {
			broken(known->name);
		} else if (known->kind != PAD) {
			printf("%s%s=", prefix, known->name);
			print_value(known, data);
			putchar(' ');
		}
		if (separator == '\n')
			putchar('\n');
	}
}

/* The name of the request's attribute at an offset. */
static bool name_at(const struct attr *attrs, size_t at, size_t end, size_t offset)
{
	struct nlattr attr;

	for (; at < end; at += NLA_ALIGN(attr.nla_len)) {
		const struct attr *known;

		memcpy(&attr, (char *)request + at, sizeof(attr));
		if (offset >= at + NLA_ALIGN(attr.nla_len))
			continue;
		known = find(attrs, attr.nla_type & NLA_TYPE_MASK);
		fprintf(stderr, "%c%s", attrs == command->attrs ? ' ' : '.',
			known ? known->name : "#");
		return at == offset || (known && known->kind == NEST &&
		       name_at(known->more, at + NLA_HDRLEN, at + attr.nla_len, offset));
	}
	return false;
}

/* The attributes that follow an error. */
static void print_error(int error, const char *at, const char *end)
{
	struct nlattr attr;
	const char *text = "";
	uint32_t offset = 0;

	fflush(stdout);
	for (; end - at >= NLA_HDRLEN; at += NLA_ALIGN(attr.nla_len)) {
		memcpy(&attr, at, sizeof(attr));
		if (attr.nla_len < NLA_HDRLEN || attr.nla_len > end - at)
			broken("length in an error");
		if (attr.nla_type == NLMSGERR_ATTR_MSG && !at[attr.nla_len - 1])
			text = at + NLA_HDRLEN;
		if (attr.nla_type == NLMSGERR_ATTR_OFFS)
			memcpy(&offset, at + NLA_HDRLEN, sizeof(offset));
	}
	fprintf(stderr, "%s", strerrorname_np(-error));
	if (offset && !name_at(command->attrs, NLMSG_HDRLEN + GENL_HDRLEN, used, offset))
		broken("offset of an error");
	fprintf(stderr, ": %s\n", text);
	exit(REFUSED);
}

/* Returns whether more is to come. */
static bool take(const struct nlmsghdr *message, bool *torn)
{
	const char *data = NLMSG_DATA(message);
	const char *end = (const char *)message + message->nlmsg_len;
	int error;

	*torn |= message->nlmsg_flags & NLM_F_DUMP_INTR && message->nlmsg_flags & NLM_F_MULTI;
	if (message->nlmsg_type != NLMSG_ERROR && message->nlmsg_type != NLMSG_DONE) {
		print_all(data + GENL_HDRLEN, end, command->attrs, "", command->separator);
		if (command->separator != '\n')
			putchar('\n');
		return true;
	}
	memcpy(&error, data, sizeof(error));
	data += message->nlmsg_type == NLMSG_ERROR ? sizeof(struct nlmsgerr) : sizeof(error);
	if (error)
		print_error(error, data, end);
	return false;
}

static void hold(void)
{
	char line[16];

	puts("held");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		exit(OK);
}

/* Prints the answer to its end. Returns whether it is torn. */
static bool receive(int fd, size_t room, uint64_t pause)
{
	char *buffer = malloc(room);
	bool torn = false;
	bool more = true;

	if (!buffer)
		err(BROKEN, "malloc");
	while (more) {
		ssize_t n = recv(fd, buffer, room, MSG_TRUNC);
		struct nlmsghdr *message = (struct nlmsghdr *)buffer;
		unsigned int left = n;

		if (n < 0)
			err(BROKEN, "no answer");
		if ((size_t)n > room)
			errx(BROKEN, "an answer of %zd bytes", n);
		for (; more && NLMSG_OK(message, left); message = NLMSG_NEXT(message, left))
			more = take(message, &torn);
		if (more && pause && !--pause)
			hold();
	}
	free(buffer);
	return torn;
}

static void begin(int type, int flags, int cmd)
{
	struct nlmsghdr *message = (struct nlmsghdr *)request;
	struct genlmsghdr *header = NLMSG_DATA(message);

	*message = (struct nlmsghdr){ .nlmsg_type = type, .nlmsg_flags = flags, .nlmsg_seq = 1 };
	*header = (struct genlmsghdr){ .cmd = cmd, .version = TCPSTATE_FAMILY_VERSION };
	used = NLMSG_HDRLEN + GENL_HDRLEN;
}

static void transmit(int fd)
{
	((struct nlmsghdr *)request)->nlmsg_len = used;
	if (send(fd, request, used, 0) != (ssize_t)used)
		err(BROKEN, "send");
}

/* Asks the controller for the family's number. */
static int resolve(int fd)
{
	struct {
		struct nlmsghdr message;
		char rest[2048];
	} answer;
	struct nlattr attr;
	ssize_t n;

	begin(GENL_ID_CTRL, NLM_F_REQUEST, CTRL_CMD_GETFAMILY);
	put(CTRL_ATTR_FAMILY_NAME, TCPSTATE_FAMILY_NAME, sizeof(TCPSTATE_FAMILY_NAME));
	transmit(fd);
	n = recv(fd, &answer, sizeof(answer), 0);
	if (n < (ssize_t)sizeof(answer.message) || answer.message.nlmsg_type == NLMSG_ERROR)
		errx(BROKEN, "no such family");
	for (char *at = answer.rest + GENL_HDRLEN; at < (char *)&answer + n;
	     at += NLA_ALIGN(attr.nla_len)) {
		uint16_t id;

		memcpy(&attr, at, sizeof(attr));
		memcpy(&id, at + NLA_HDRLEN, sizeof(id));
		if (attr.nla_type == CTRL_ATTR_FAMILY_ID)
			return id;
	}
	errx(BROKEN, "no number of it");
}

static int open_as(uid_t uid, size_t room)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };
	int bytes = room;
	int one = 1;
	int fd;

	if (uid && seteuid(uid))
		err(USAGE, "user");
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (uid && seteuid(0))
		err(USAGE, "user");
	if (fd < 0 || setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)))
		err(BROKEN, "socket");
	return fd;
}

int main(int argc, char **argv)
{
	int flags = NLM_F_REQUEST | NLM_F_ACK;
	uid_t opener = 0, sender = 0;
	size_t room = 65536;
	uint64_t pause = 0;
	unsigned int cmd;
	int option;
	int id;
	int fd;

	while ((option = getopt(argc, argv, "+df:s:p:o:u:")) != -1) {
		if (option == 'd')
			flags |= NLM_F_DUMP;
		else if (option == 'f')
			flags |= parse_number(optarg);
		else if (option == 's')
			room = parse_number(optarg);
		else if (option == 'p')
			pause = parse_number(optarg);
		else if (option == 'o')
			opener = parse_number(optarg);
		else if (option == 'u')
			sender = parse_number(optarg);
		else
			return USAGE;
	}
	argv += optind;
	if (!*argv)
		errx(USAGE, "no command");
	for (cmd = TCPSTATE_CMD_MAX; cmd && strcmp(*argv, commands[cmd].name); cmd--)
		;
	command = &commands[cmd];
	if (!cmd)
		cmd = parse_number(*argv);

	fd = open_as(opener, room);
	id = resolve(fd);
	if (sender && (setgid(sender) || setuid(sender)))
		err(USAGE, "user");
	begin(id, flags, cmd);
	if (argv[1 + put_all(argv + 1, "", command->attrs)])
		errx(USAGE, "bad attributes");
	transmit(fd);
	return receive(fd, room, pause) ? TORN : OK;
}
