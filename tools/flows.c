// SPDX-License-Identifier: GPL-2.0
/* Lists flows as they come: a line each for people and scripts, an element each in JSON. */
#include <err.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "counters.h"
#include "dump.h"
#include "end.h"
#include "exit.h"
#include "output.h"
#include "reader.h"
#include "resolve.h"
#include "words.h"

#define HELD	512		/* flows at the beginning that the columns are fitted to */

struct list {
	struct reader *reader;
	size_t listed;
	size_t held;
	struct flow flow[HELD];
	int src_width;
};

static const char *word(const struct words *words, unsigned int number)
{
	return words->word[number];
}

/* "12.3s", "4m05s", "7h08m", "9d10h" */
static void print_age(char *text, size_t size, uint64_t ms)
{
	uint64_t seconds = ms / 1000;

	if (seconds < 60)
		snprintf(text, size, "%" PRIu64 ".%" PRIu64 "s", seconds, ms % 1000 / 100);
	else if (seconds < 3600)
		snprintf(text, size, "%" PRIu64 "m%02" PRIu64 "s", seconds / 60, seconds % 60);
	else if (seconds < 86400)
		snprintf(text, size, "%" PRIu64 "h%02" PRIu64 "m", seconds / 3600,
			 seconds % 3600 / 60);
	else
		snprintf(text, size, "%" PRIu64 "d%02" PRIu64 "h", seconds / 86400,
			 seconds % 86400 / 3600);
}

static void print_line(const char *const *column, int src_width)
{
	printf("%-9s  %-9s  %-12s  %8s  %-12s  %8s  %-10s  %-*s  %s\n", column[0], column[1],
	       column[2], column[3], column[4], column[5], column[6], src_width, column[7],
	       column[8]);
}

static void print_flow(struct list *list, const struct flow *flow)
{
	char end[2][END_TEXT], state[2][16], age[2][32];

	for (int i = SRC; i <= DST; i++) {
		end_print(end[i], flow, i, list->reader->resolve);
		print_age(age[i], sizeof(age[i]), flow->end[i].age);
		snprintf(state[i], sizeof(state[i]), "%s%s",
			 word(&states, flow->end[i].state - 1u), flow->end[i].inferred ? "?" : "");
	}
	print_line((const char *const []){
		word(&paths, flow->path), word(&roles, flow->role), state[SRC], age[SRC],
		state[DST], age[DST], word(&provenances, flow->provenance), end[SRC], end[DST],
	}, list->src_width);
}

/* Prints the first flows, now that the width of their addresses is known. */
static void release(struct list *list)
{
	static const char *const header[] = {
		"path", "role", "state", "age", "peer_state", "peer_age", "provenance", "src",
		"dst",
	};
	char text[END_TEXT];

	for (size_t i = 0; i < list->held; i++) {
		end_print(text, &list->flow[i], SRC, list->reader->resolve);
		if (list->src_width < (int)strlen(text))
			list->src_width = (int)strlen(text);
	}
	if (list->reader->header)
		print_line(header, list->src_width);
	for (size_t i = 0; i < list->held; i++)
		print_flow(list, &list->flow[i]);
	list->held = 0;
}

static void must_write(void)
{
	if (ferror(stdout))
		err(EXIT_COULD_NOT, "cannot write the output");
}

static void list_line(void *data, const struct flow *flow)
{
	struct list *list = data;

	list->listed++;
	if (list->listed > HELD) {
		print_flow(list, flow);
		must_write();
		return;
	}
	list->flow[list->held++] = *flow;
	if (list->listed == HELD)
		release(list);
}

static void write_end(const struct list *list, const char *name, const struct flow *flow,
		      const struct end *end)
{
	char address[INET6_ADDRSTRLEN];

	address_print(address, &end->address);
	printf(",\"%s\":{\"address\":\"%s\",\"port\":%u,\"state\":\"%s\"", name, address,
	       end->port, word(&states, end->state - 1u));
	printf(",\"local\":%s,\"inferred\":%s,\"age\":%" PRIu64, end->local ? "true" : "false",
	       end->inferred ? "true" : "false", end->age);
	if (list->reader->resolve) {
		const char *host = resolve(&end->address, flow->scope);

		printf(",\"name\":%s%s%s", host ? "\"" : "", host ? host : "null",
		       host ? "\"" : "");
	}
	putchar('}');
}

/* All its words are the reader's own or harmless: nothing needs to be escaped. */
static void list_json(void *data, const struct flow *flow)
{
	bool v4 = flow->end[SRC].address.family == AF_INET;
	struct list *list = data;

	printf("%s{\"id\":\"%" PRIu64 "\",\"family\":\"%s\",", list->listed++ ? "," : "", flow->id,
	       v4 ? "ipv4" : "ipv6");
	if (flow->scope)
		printf("\"scope\":%" PRIu32 ",", flow->scope);
	else
		fputs("\"scope\":null,", stdout);
	printf("\"path\":\"%s\",\"role\":\"%s\",\"provenance\":\"%s\",\"age\":%" PRIu64,
	       word(&paths, flow->path), word(&roles, flow->role),
	       word(&provenances, flow->provenance), flow->age);
	write_end(list, "src", flow, &flow->end[SRC]);
	write_end(list, "dst", flow, &flow->end[DST]);
	putchar('}');
	must_write();
}

void show_flows(struct reader *reader)
{
	struct list *list = calloc(1, sizeof(*list));
	struct filter filter;
	bool complete, whole;

	if (!list)
		err(EXIT_COULD_NOT, "flows");
	list->reader = reader;
	reader_filter(reader, &filter);
	reader_open(reader);
	complete = counters_complete(&reader->genl);
	if (reader->json) {
		json_print_open(stdout, json_top(&reader->netns, complete));
		fputs(",\"flows\":[", stdout);
		whole = dump_flows(&reader->genl, &filter, list_json, list);
		printf("],\"torn\":%s}\n", whole ? "false" : "true");
	} else {
		dump_flows(&reader->genl, &filter, list_line, list);
		if (list->listed < HELD)
			release(list);
	}
	reader_warn(complete);
	free(list);
}
