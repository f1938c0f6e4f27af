// SPDX-License-Identifier: GPL-2.0
/* What is done with all flows that a filter lets pass: count, delete, flush. */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "compile.h"
#include "counters.h"
#include "dump.h"
#include "exit.h"
#include "fields.h"
#include "output.h"
#include "reader.h"

static bool take_count(void *data, const void *attributes, size_t size, char *error)
{
	static const struct field fields[] = {
		[TCPSTATE_A_FLOW_COUNT] = { .name = "count", .kind = FIELD_U64 },
	};
	const size_t count = sizeof(fields) / sizeof(fields[0]);
	const struct nlattr *found[FIELDS];

	if (!fields_read(found, fields, count, attributes, size, error))
		return false;
	*(uint64_t *)data = mnl_attr_get_u64(found[TCPSTATE_A_FLOW_COUNT]);
	return true;
}

static void print_number(struct reader *reader, const char *name, uint64_t number, bool complete)
{
	struct json_object *top;

	if (!reader->json) {
		printf("%" PRIu64 "\n", number);
		return;
	}
	top = json_top(&reader->netns, complete);
	json_add_number(top, name, number);
	json_print(stdout, top);
}

static void add_one(void *data, const struct flow *flow)
{
	(void)flow;
	++*(uint64_t *)data;
}

/* The kernel alone counts what its filter says whole. */
void count_flows(struct reader *reader)
{
	uint64_t count = 0;
	struct reply reply = { .take = take_count, .data = &count };
	struct nlmsghdr *nlh;
	struct filter filter;
	struct box box;
	bool complete;

	reader_filter(reader, &filter);
	reader_open(reader);
	complete = counters_complete(&reader->genl);
	filter_compile(&filter, &box);
	if (box.exact && !box_is_empty(&box)) {
		nlh = genl_request(&reader->genl, TCPSTATE_CMD_FLOW_COUNT, 0);
		box_put(nlh, &box);
		genl_must(&reader->genl, &reply);
	} else {
		dump_flows(&reader->genl, &filter, add_one, &count);
	}
	reader_warn(complete);
	print_number(reader, "count", count, complete);
}

struct doomed {
	struct flow *flow;
	size_t count;
	size_t room;
};

static void add_flow(void *data, const struct flow *flow)
{
	struct doomed *doomed = data;

	if (doomed->count == doomed->room) {
		doomed->room = doomed->room ? 2 * doomed->room : 64;
		doomed->flow = reallocarray(doomed->flow, doomed->room, sizeof(*doomed->flow));
		if (!doomed->flow)
			err(EXIT_COULD_NOT, "flows");
	}
	doomed->flow[doomed->count++] = *flow;
}

void delete_flows(struct reader *reader)
{
	struct doomed doomed = {0};
	struct reply reply = {0};
	struct filter filter;
	uint64_t deleted = 0;

	if (!reader_filter(reader, &filter))
		errx(EXIT_USAGE, "delete needs a filter; 'tcpstate flush' drops all flows");
	reader_open(reader);
	dump_flows(&reader->genl, &filter, add_flow, &doomed);
	for (size_t i = 0; i < doomed.count; i++) {
		flow_put_key(genl_request(&reader->genl, TCPSTATE_CMD_FLOW_DEL, 0),
			     &doomed.flow[i]);
		/* It may have ended meanwhile. */
		if (genl_ask(&reader->genl, &reply) && reply.error != ENOENT)
			genl_fail(&reader->genl, &reply);
		deleted += !reply.error;
	}
	free(doomed.flow);
	print_number(reader, "deleted", deleted,
		     reader->json && counters_complete(&reader->genl));
}

void flush_flows(struct reader *reader)
{
	uint64_t flushed = 0;
	struct reply reply = { .take = take_count, .data = &flushed };

	reader_open(reader);
	genl_request(&reader->genl, TCPSTATE_CMD_FLOW_FLUSH, 0);
	genl_must(&reader->genl, &reply);
	print_number(reader, "flushed", flushed,
		     reader->json && counters_complete(&reader->genl));
}
