// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <errno.h>

#include "compile.h"
#include "dump.h"
#include "exit.h"
#include "genl.h"
#include "seen.h"

#define TRIES	4

struct dump {
	const struct filter *filter;
	void (*each)(void *data, const struct flow *flow);
	void *data;
	struct seen seen;
	struct reply reply;
	bool again;
};

static bool take_flow(void *data, const void *attributes, size_t size, char *error)
{
	struct dump *dump = data;
	struct flow flow;

	if (!flow_read(&flow, attributes, size, error))
		return false;
	if (!filter_match(dump->filter, &flow))
		return true;
	switch (seen_add(&dump->seen, flow.id)) {
	case SEEN_NO_MEMORY:
		errx(EXIT_COULD_NOT, "out of memory");
	case SEEN_BEFORE:
		/* The module repeats a flow only where it says that it may. */
		if (dump->again || dump->reply.torn)
			return true;
		break;
	case SEEN_NEW:
		break;
	}
	dump->each(dump->data, &flow);
	return true;
}

bool dump_flows(struct genl *genl, const struct filter *filter,
		void (*each)(void *data, const struct flow *flow), void *data)
{
	struct dump dump = {
		.filter = filter,
		.each = each,
		.data = data,
		.reply = { .take = take_flow, .data = &dump },
	};
	struct box box;

	filter_compile(filter, &box);
	for (int try = 0; try < TRIES; try++) {
		if (try == 1)
			warnx("the table changed while it was read: reading it again");
		dump.again = try > 0;
		box_put(genl_request(genl, TCPSTATE_CMD_FLOW_GET, NLM_F_DUMP), &box);
		switch (genl_ask(genl, &dump.reply)) {
		case 0:
			break;
		case ENOBUFS:
			/* The rest of the answer is lost, and must not be taken for the next. */
			genl_close(genl);
			genl_open(genl);
			continue;
		case EINTR:
			continue;	/* a signal ended the walk */
		default:
			genl_fail(genl, &dump.reply);
		}
		if (!dump.reply.torn)
			break;
	}
	seen_free(&dump.seen);
	if (dump.reply.error)
		genl_fail(genl, &dump.reply);
	if (dump.reply.torn)
		warnx("the table changed each time it was read: flows may be missing");
	return !dump.reply.torn;
}
