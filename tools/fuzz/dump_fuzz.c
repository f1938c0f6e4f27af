// SPDX-License-Identifier: GPL-2.0
/*
 * Dumps that are torn, cut off or ended by a signal, as the input says, against a module made here.
 * However it goes, no flow is listed twice, and none is missing after a pass that was whole.
 */
#include <err.h>
#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "dump.h"
#include "genl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define IDS	32
#define TRIES	4

static const uint8_t *at, *end;
static unsigned int listed[IDS], sent[IDS], passes;
static unsigned int warnings;
static jmp_buf failed;

/* Instead of the library's. */
void warnx(const char *format, ...)
{
	(void)format;
	warnings++;
}

static unsigned int pick(unsigned int below)
{
	return at < end ? *at++ % below : 0;
}

struct nlmsghdr *genl_request(struct genl *genl, uint8_t command, uint16_t flags)
{
	if (command != TCPSTATE_CMD_FLOW_GET || flags != NLM_F_DUMP)
		abort();
	return mnl_nlmsg_put_header(genl->request.bytes);
}

void genl_open(struct genl *genl)
{
	if (genl->family)
		abort();
	genl->family = 1;
}

void genl_close(struct genl *genl)
{
	genl->family = 0;
}

void genl_fail(const struct genl *genl, const struct reply *reply)
{
	(void)genl;
	if (!reply->error)
		abort();
	longjmp(failed, 1);
}

static void put_end(struct nlmsghdr *nlh, uint16_t type)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	mnl_attr_put_u32(nlh, TCPSTATE_A_END_IPV4, 1);
	mnl_attr_put_u16(nlh, TCPSTATE_A_END_PORT, 1);
	mnl_attr_put_u32(nlh, TCPSTATE_A_END_STATE, 1);
	mnl_attr_put_u64(nlh, TCPSTATE_A_END_AGE, 1);
	mnl_attr_nest_end(nlh, nest);
}

static void send_flow(struct reply *reply, unsigned int id)
{
	char error[128], bytes[1024] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(bytes);

	mnl_attr_put_u64(nlh, TCPSTATE_A_FLOW_ID, id);
	mnl_attr_put_u32(nlh, TCPSTATE_A_FLOW_PATH, 0);
	mnl_attr_put_u32(nlh, TCPSTATE_A_FLOW_ROLE, 0);
	mnl_attr_put_u32(nlh, TCPSTATE_A_FLOW_PROVENANCE, 0);
	mnl_attr_put_u64(nlh, TCPSTATE_A_FLOW_AGE, 0);
	put_end(nlh, TCPSTATE_A_FLOW_SRC);
	put_end(nlh, TCPSTATE_A_FLOW_DST);
	sent[id] = passes;
	if (!reply->take(reply->data, mnl_nlmsg_get_payload(nlh), mnl_nlmsg_get_payload_len(nlh),
			 error))
		abort();
}

/* One pass: flows live and die between passes; after it is torn, any may be there again. */
int genl_ask(struct genl *genl, struct reply *reply)
{
	static const int errors[] = { 0, 0, 0, ENOBUFS, EINTR };

	if (!genl->family)
		abort();
	passes++;
	reply->torn = false;
	for (unsigned int id = 0; id < IDS; id++) {
		if (pick(4))
			send_flow(reply, id);
		if (!pick(64))
			reply->torn = true;
		if (reply->torn && id && !pick(2))
			send_flow(reply, pick(id));
	}
	reply->error = errors[pick(5)];
	return reply->error;
}

static void list(void *data, const struct flow *flow)
{
	(void)data;
	if (flow->id >= IDS || listed[flow->id]++)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct genl genl;
	static struct filter filter;
	bool whole;

	at = data;
	end = data + size;
	passes = 0;
	warnings = 0;
	genl.family = 1;
	memset(listed, 0, sizeof(listed));
	memset(sent, 0, sizeof(sent));
	if (setjmp(failed))
		return 0;
	whole = dump_flows(&genl, &filter, list, NULL);
	if (!whole && passes != TRIES)
		abort();
	if (warnings != (passes > 1 ? 1u : 0u) + (whole ? 0u : 1u))
		abort();
	for (unsigned int id = 0; id < IDS; id++)
		if (!listed[id] != !sent[id])
			abort();
	return 0;
}
