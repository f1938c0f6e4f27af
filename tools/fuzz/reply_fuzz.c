// SPDX-License-Identifier: GPL-2.0
/*
 * The reader's parsers of netlink replies. Byte 0 of the input chooses the kind of reply and how
 * the rest is used: as the whole of it, or written over a good one at the place that bytes 1 and 2
 * say. What is accepted must hold its promises; each good reply must be accepted as it is.
 */
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/tcpstate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "counters.h"
#include "flow.h"
#include "proc.h"
#include "reply.h"
#include "words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FAMILY	30
#define SEQ	7
#define PORTID	4711
#define UNKNOWN	1000	/* an attribute of a newer module */
#define ROOM	65536

enum { FLOWS, COUNTERS, CONFIG, ERROR, KINDS };

static struct {
	union {
		struct nlmsghdr align;
		char bytes[ROOM];
	};
	size_t size;
} good[KINDS];

static unsigned int flows_taken;

static struct nlmsghdr *begin(int kind, uint16_t type, uint8_t command)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(good[kind].bytes + good[kind].size);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = type;
	nlh->nlmsg_seq = SEQ;
	nlh->nlmsg_pid = PORTID;
	if (type != FAMILY)
		return nlh;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = command;
	genl->version = TCPSTATE_FAMILY_VERSION;
	return nlh;
}

static void finish(int kind, const struct nlmsghdr *nlh)
{
	good[kind].size += MNL_ALIGN(nlh->nlmsg_len);
	if (good[kind].size > ROOM)
		abort();
}

static void put_end(struct nlmsghdr *nlh, uint16_t type, unsigned int n)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);
	const char v6[16] = { 0x20, 1, [15] = 1 };

	if (n & 1)
		mnl_attr_put(nlh, TCPSTATE_A_END_IPV6, sizeof(v6), v6);
	else
		mnl_attr_put_u32(nlh, TCPSTATE_A_END_IPV4, 0x0100000a);
	mnl_attr_put_u16(nlh, TCPSTATE_A_END_PORT, htons(80));
	mnl_attr_put_u32(nlh, TCPSTATE_A_END_STATE, 1 + n % TCPSTATE_STATE_MAX);
	if (n & 2)
		mnl_attr_put(nlh, TCPSTATE_A_END_LOCAL, 0, NULL);
	if (n & 4)
		mnl_attr_put(nlh, TCPSTATE_A_END_INFERRED, 0, NULL);
	mnl_attr_put(nlh, TCPSTATE_A_END_PAD, 0, NULL);
	mnl_attr_put_u64(nlh, TCPSTATE_A_END_AGE, 1000 * n);
	mnl_attr_nest_end(nlh, nest);
}

static void make_flows(void)
{
	for (unsigned int n = 0; n < 8; n++) {
		struct nlmsghdr *nlh = begin(FLOWS, FAMILY, TCPSTATE_CMD_FLOW_GET);

		nlh->nlmsg_flags = NLM_F_MULTI;
		mnl_attr_put_u64(nlh, TCPSTATE_A_FLOW_ID, ~(uint64_t)n);
		if (n & 1)
			mnl_attr_put_u32(nlh, TCPSTATE_A_FLOW_SCOPE, 3);
		mnl_attr_put_u32(nlh, TCPSTATE_A_FLOW_PATH, n % 3);
		mnl_attr_put_u32(nlh, TCPSTATE_A_FLOW_ROLE, n % 2);
		mnl_attr_put_u32(nlh, TCPSTATE_A_FLOW_PROVENANCE, n % 3);
		mnl_attr_put_u64(nlh, TCPSTATE_A_FLOW_AGE, 12345);
		put_end(nlh, TCPSTATE_A_FLOW_SRC, n);
		put_end(nlh, TCPSTATE_A_FLOW_DST, n + 4);
		mnl_attr_put_u32(nlh, UNKNOWN, 1);
		finish(FLOWS, nlh);
	}
	begin(FLOWS, NLMSG_DONE, 0);
	mnl_nlmsg_put_extra_header((void *)(good[FLOWS].bytes + good[FLOWS].size), sizeof(int));
	finish(FLOWS, (void *)(good[FLOWS].bytes + good[FLOWS].size));
}

static void make_counters(void)
{
	struct nlmsghdr *nlh = begin(COUNTERS, FAMILY, TCPSTATE_CMD_COUNTERS_GET);
	struct nlattr *nest;

	mnl_attr_put_u32(nlh, TCPSTATE_A_COUNTERS_COMPLETE, 1);
	for (uint32_t state = 1; state <= TCPSTATE_STATE_MAX; state++) {
		nest = mnl_attr_nest_start(nlh, TCPSTATE_A_COUNTERS_STATES);
		mnl_attr_put_u32(nlh, TCPSTATE_A_STATE_COUNTERS_STATE, state);
		for (int i = 0; i < COUNTERS_KINDS; i++)
			mnl_attr_put_u64(nlh, TCPSTATE_A_STATE_COUNTERS_LOCAL + i, 100 * state + i);
		mnl_attr_nest_end(nlh, nest);
	}
	for (uint32_t path = 0; path <= TCPSTATE_PATH_MAX; path++) {
		nest = mnl_attr_nest_start(nlh, TCPSTATE_A_COUNTERS_PAIRS);
		mnl_attr_put_u32(nlh, TCPSTATE_A_PAIR_PATH, path);
		mnl_attr_put_u32(nlh, TCPSTATE_A_PAIR_STATE, 1);
		mnl_attr_put_u32(nlh, TCPSTATE_A_PAIR_PEER_STATE, 11);
		mnl_attr_put_u64(nlh, TCPSTATE_A_PAIR_FLOWS, UINT64_MAX);
		mnl_attr_nest_end(nlh, nest);
		nest = mnl_attr_nest_start(nlh, TCPSTATE_A_COUNTERS_TRANSITIONS);
		mnl_attr_put_u32(nlh, TCPSTATE_A_TRANSITION_FROM, 11);
		mnl_attr_put_u32(nlh, TCPSTATE_A_TRANSITION_TO, path + 1);
		for (int i = 0; i < COUNTERS_TRANSITIONS; i++)
			mnl_attr_put_u64(nlh, TCPSTATE_A_TRANSITION_LOCAL + i, i);
		mnl_attr_nest_end(nlh, nest);
	}
	nest = mnl_attr_nest_start(nlh, TCPSTATE_A_COUNTERS_STAT);
	for (uint32_t i = 0; i < COUNTERS_STAT; i++) {
		uint16_t type = TCPSTATE_A_STAT_FLOWS + i;

		if (type == TCPSTATE_A_STAT_MEMORY || type == TCPSTATE_A_STAT_UNTRACKED ||
		    type == TCPSTATE_A_STAT_EVICTED)
			mnl_attr_put_u64(nlh, type, i);
		else
			mnl_attr_put_u32(nlh, type, type == TCPSTATE_A_STAT_COMPLETE ? 1 : i);
	}
	mnl_attr_nest_end(nlh, nest);
	finish(COUNTERS, nlh);
}

static void make_config(void)
{
	struct nlmsghdr *nlh = begin(CONFIG, FAMILY, TCPSTATE_CMD_CONFIG_GET);
	struct config config = {0};

	for (size_t i = 0; i < SETTINGS; i++) {
		config.given[i] = true;
		config.value[i] = 1;
	}
	config_put(nlh, &config);
	finish(CONFIG, nlh);
}

static void make_error(void)
{
	struct nlmsghdr *nlh = begin(ERROR, NLMSG_ERROR, 0);
	struct nlmsgerr *error = mnl_nlmsg_put_extra_header(nlh, sizeof(*error));

	nlh->nlmsg_flags = NLM_F_ACK_TLVS | NLM_F_CAPPED;
	error->error = -34;
	error->msg.nlmsg_len = 4096;
	mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, "integer out of range");
	mnl_attr_put_u32(nlh, NLMSGERR_ATTR_OFFS, 24);
	finish(ERROR, nlh);
}

static void is_one_of(const struct words *words, uint32_t number)
{
	if (number >= words->count)
		abort();
}

static bool take_flow(void *data, const void *attributes, size_t size, char *error)
{
	char text[INET6_ADDRSTRLEN];
	struct flow flow;

	(void)data;
	if (!flow_read(&flow, attributes, size, error))
		return false;
	is_one_of(&paths, flow.path);
	is_one_of(&roles, flow.role);
	is_one_of(&provenances, flow.provenance);
	for (int i = SRC; i <= DST; i++) {
		if (flow.end[i].address.family != flow.end[SRC].address.family)
			abort();
		is_one_of(&states, flow.end[i].state - 1u);
		address_print(text, &flow.end[i].address);
		if (!*text)
			abort();
	}
	flows_taken++;
	return true;
}

/* Each table can be made of what was accepted. */
static void check_counters(const struct counters *counters)
{
	static const struct layout *const layouts[] = {
		&layout_counters, &layout_pairs, &layout_transitions, &layout_stat,
	};

	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		struct table table;

		if (!counters_table(counters, layouts[i], &table))
			abort();
		table_free(&table);
	}
}

static void check_config(const struct config *config)
{
	char text[64], pair[128], error[CONFIG_ERROR];

	for (size_t i = 0; i < SETTINGS; i++) {
		struct config again = {0};

		config_print(text, sizeof(text), &settings[i], config->value[i]);
		snprintf(pair, sizeof(pair), "%s=%s", settings[i].name, text);
		if (settings[i].kind == SETTING_WITNESS || settings[i].kind == SETTING_PATHS)
			continue;
		if (!config_parse(&again, pair, error) || again.value[i] != config->value[i])
			abort();
	}
}

static enum reply_is take(int kind, const void *bytes, size_t size, struct reply *reply)
{
	static struct counters counters;
	static struct config config;
	enum reply_is is;

	counters = (struct counters){ .tables = TCPSTATE_TABLE_MASK };
	config = (struct config){0};
	*reply = (struct reply){
		.type = FAMILY, .seq = SEQ, .portid = PORTID, .header = GENL_HDRLEN,
	};
	if (kind == FLOWS)
		reply->take = take_flow;
	if (kind == COUNTERS) {
		reply->take = counters_take;
		reply->data = &counters;
	}
	if (kind == CONFIG) {
		reply->take = config_take;
		reply->data = &config;
	}
	is = reply_take(reply, bytes, size);
	if (is == REPLY_DAMAGED) {
		if (!reply->damaged[0])
			abort();
		return is;
	}
	if (counters.taken)
		check_counters(&counters);
	if (config.given[0])
		check_config(&config);
	for (const char *c = reply->text; *c; c++)
		if (*c < ' ' || *c > '~')
			abort();
	return is;
}

/* The good replies are good, and say what they should. */
static void check_good(void)
{
	struct reply reply;

	if (take(FLOWS, good[FLOWS].bytes, good[FLOWS].size, &reply) != REPLY_WHOLE ||
	    flows_taken != 8 || reply.error)
		abort();
	if (take(COUNTERS, good[COUNTERS].bytes, good[COUNTERS].size, &reply) != REPLY_MORE)
		abort();
	if (take(CONFIG, good[CONFIG].bytes, good[CONFIG].size, &reply) != REPLY_MORE)
		abort();
	if (take(ERROR, good[ERROR].bytes, good[ERROR].size, &reply) != REPLY_WHOLE ||
	    reply.error != 34 || strcmp(reply.text, "integer out of range") || reply.offset != 24)
		abort();
	if (take(COUNTERS, good[FLOWS].bytes, good[FLOWS].size, &reply) != REPLY_DAMAGED)
		abort();
}

static void refused(int kind)
{
	struct reply reply;

	if (take(kind, good[kind].bytes, good[kind].size, &reply) != REPLY_DAMAGED)
		abort();
}

/* Each attribute with a byte less, with one more where there is room, or in another's place. */
static void check_attributes(int kind, char *at, const char *past)
{
	const struct nlattr *before = NULL;

	while (at < past) {
		struct nlattr *attr = (struct nlattr *)at;
		struct nlattr saved = *attr;

		at += MNL_ALIGN(attr->nla_len);
		if (saved.nla_type & NLA_F_NESTED) {
			check_attributes(kind, mnl_attr_get_payload(attr), at);
			before = NULL;
			continue;
		}
		if (saved.nla_len == MNL_ATTR_HDRLEN || saved.nla_type == UNKNOWN)
			continue;
		attr->nla_len--;
		refused(kind);
		attr->nla_len = saved.nla_len + 1;
		if (saved.nla_len % MNL_ALIGNTO)
			refused(kind);
		attr->nla_len = saved.nla_len;
		if (before && before->nla_len == saved.nla_len) {
			attr->nla_type = before->nla_type;
			refused(kind);
		}
		*attr = saved;
		before = attr;
	}
}

static void check_bad(int kind)
{
	struct nlmsghdr *nlh = &good[kind].align;
	char *at = mnl_nlmsg_get_payload_offset(nlh, GENL_HDRLEN);
	const char *past = good[kind].bytes + nlh->nlmsg_len;
	struct nlattr *first[2] = {0};

	check_attributes(kind, at, past);
	/* A pair, and a transition, that is there twice. */
	while (kind == COUNTERS && at < past) {
		struct nlattr *attr = (struct nlattr *)at;
		int i = mnl_attr_get_type(attr) == TCPSTATE_A_COUNTERS_TRANSITIONS;

		at += MNL_ALIGN(attr->nla_len);
		if (!i && mnl_attr_get_type(attr) != TCPSTATE_A_COUNTERS_PAIRS)
			continue;
		if (first[i]) {
			char saved[256];

			memcpy(saved, attr, attr->nla_len);
			memcpy(attr, first[i], attr->nla_len);
			refused(kind);
			memcpy(attr, saved, attr->nla_len);
		}
		first[i] = attr;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reply reply;
	size_t length;
	char *bytes;
	int kind;

	if (!good[FLOWS].size) {
		make_flows();
		make_counters();
		make_config();
		make_error();
		check_good();
		for (int i = FLOWS; i <= CONFIG; i++)
			check_bad(i);
	}
	if (size < 3)
		return 0;
	kind = data[0] % KINDS;
	length = data[0] & 4 ? good[kind].size : size - 3;
	if (!length)
		return 0;
	bytes = malloc(length);
	if (!bytes)
		abort();
	if (data[0] & 4) {
		size_t at = (data[1] | data[2] << 8) % length;

		memcpy(bytes, good[kind].bytes, length);
		memcpy(bytes + at, data + 3, size - 3 < length - at ? size - 3 : length - at);
	} else {
		memcpy(bytes, data + 3, length);
	}
	take(kind, bytes, length, &reply);
	free(bytes);
	return 0;
}
