// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "end.h"
#include "output.h"
#include "reader.h"
#include "report.h"
#include "words.h"

#define EXAMPLES	3	/* of each pair of states */
#define TOLD		60	/* in all */

static const char *const finding_words[FINDINGS] = { "missing", "phantom", "mismatch" };

/* Ends by what was found; state 0 is none. */
struct tally {
	uint64_t ends[FINDINGS][TCPSTATE_STATE_MAX + 1][TCPSTATE_STATE_MAX + 1];
	uint64_t all[FINDINGS];
	uint64_t gauges;
};

static void count(struct tally *tally, const struct report *report)
{
	*tally = (struct tally){0};
	for (size_t i = 0; i < report->findings.count; i++) {
		const struct finding *finding = &report->findings.finding[i];

		tally->ends[finding->is][finding->mirror][finding->socket]++;
		tally->all[finding->is]++;
	}
	for (int i = 0; i < GAUGES; i++)
		tally->gauges += report->gauges[i].is == GAUGE_DIFFERS;
}

bool report_found(const struct report *report)
{
	struct tally tally;

	count(&tally, report);
	return report->findings.count || tally.gauges;
}

/* Calls `each` for a few of each kind. */
static void each_example(const struct report *report, void *data,
			 void (*each)(void *data, const struct finding *finding))
{
	uint8_t told[FINDINGS][TCPSTATE_STATE_MAX + 1][TCPSTATE_STATE_MAX + 1] = {0};
	size_t all = 0;

	for (size_t i = 0; i < report->findings.count && all < TOLD; i++) {
		const struct finding *finding = &report->findings.finding[i];
		uint8_t *n = &told[finding->is][finding->mirror][finding->socket];

		if (*n == EXAMPLES)
			continue;
		++*n;
		all++;
		each(data, finding);
	}
}

static const char *state_word(uint8_t state)
{
	return state ? states.word[state - 1] : "-";
}

static void print_tally(const struct reader *reader, const struct tally *tally)
{
	if (reader->header)
		printf("%-8s  %-11s  %-11s  %10s\n", "finding", "mirror", "socket", "ends");
	for (int is = 0; is < FINDINGS; is++)
		for (int mirror = 0; mirror <= TCPSTATE_STATE_MAX; mirror++)
			for (int socket = 0; socket <= TCPSTATE_STATE_MAX; socket++)
				if (tally->ends[is][mirror][socket])
					printf("%-8s  %-11s  %-11s  %10" PRIu64 "\n",
					       finding_words[is], state_word(mirror),
					       state_word(socket), tally->ends[is][mirror][socket]);
}

static void flow_of(struct flow *flow, const struct finding *finding)
{
	const struct endpoint *endpoint = &finding->endpoint;

	*flow = (struct flow){
		.id = finding->flow,
		.scope = endpoint->scope,
		.end[SRC] = { .address = endpoint->local, .port = endpoint->local_port },
		.end[DST] = { .address = endpoint->peer, .port = endpoint->peer_port },
	};
}

static void print_example(void *data, const struct finding *finding)
{
	const struct reader *reader = data;
	char end[2][END_TEXT], id[24] = "-";
	struct flow flow;

	flow_of(&flow, finding);
	for (int i = SRC; i <= DST; i++)
		end_print(end[i], &flow, i, reader->resolve);
	if (finding->is != FINDING_MISSING)
		snprintf(id, sizeof(id), "%" PRIu64, finding->flow);
	printf("%-8s  %-11s  %-11s  %-20s  %-21s  %s\n", finding_words[finding->is],
	       state_word(finding->mirror), state_word(finding->socket), id, end[SRC], end[DST]);
}

static void print_gauges(const struct reader *reader, const struct report *report)
{
	if (report->gauges[GAUGES - 1].is == GAUGE_ABSENT)
		return;
	if (reader->header)
		printf("%-9s  %10s  %10s  %s\n", "gauge", "mirror", "kernel", "verdict");
	for (int i = 0; i < GAUGES; i++) {
		const struct gauge *gauge = &report->gauges[i];

		if (gauge->is != GAUGE_ABSENT)
			printf("%-9s  %10" PRIu64 "  %10" PRIu64 "  %s\n", gauge_names.word[i],
			       gauge->mirror, gauge->kernel, gauge_words.word[gauge->is]);
	}
}

void report_print(const struct reader *reader, const struct report *report)
{
	struct tally tally;

	count(&tally, report);
	if (report->findings.count) {
		print_tally(reader, &tally);
		if (reader->header)
			printf("%-8s  %-11s  %-11s  %-20s  %-21s  %s\n", "example", "mirror",
			       "socket", "flow", "local", "peer");
		each_example(report, (void *)reader, print_example);
	}
	print_gauges(reader, report);
	printf("%" PRIu64 " sockets compared, %" PRIu64 " ends in motion: %" PRIu64 " missing, %"
	       PRIu64 " phantom, %" PRIu64 " mismatch, %" PRIu64 " gauges differ; %u samples, %"
	       PRIu64 ".%03" PRIu64 " s\n", report->findings.compared, report->findings.motion,
	       tally.all[FINDING_MISSING], tally.all[FINDING_PHANTOM], tally.all[FINDING_MISMATCH],
	       tally.gauges, report->samples, report->duration / 1000, report->duration % 1000);
}

void report_header(void)
{
	printf("%-8s  %10s  %10s  %10s  %10s  %10s  %6s  %8s\n", "time", "compared", "motion",
	       "missing", "phantom", "mismatch", "gauges", "seconds");
}

void report_line(const struct report *report)
{
	struct tally tally;
	struct tm tm;
	char now[16];

	count(&tally, report);
	localtime_r(&report->time, &tm);
	strftime(now, sizeof(now), "%H:%M:%S", &tm);
	printf("%-8s  %10" PRIu64 "  %10" PRIu64 "  %10" PRIu64 "  %10" PRIu64 "  %10" PRIu64
	       "  %6" PRIu64 "  %4" PRIu64 ".%03" PRIu64 "\n", now, report->findings.compared,
	       report->findings.motion, tally.all[FINDING_MISSING], tally.all[FINDING_PHANTOM],
	       tally.all[FINDING_MISMATCH], tally.gauges, report->duration / 1000,
	       report->duration % 1000);
}

static void add_state(struct json_object *object, const char *name, uint8_t state)
{
	if (state)
		json_add_word(object, name, states.word[state - 1]);
	else
		json_add(object, name, NULL);
}

static struct json_object *tally_json(const struct tally *tally, enum finding_is is)
{
	struct json_object *list = json_list();

	for (int mirror = 0; mirror <= TCPSTATE_STATE_MAX; mirror++)
		for (int socket = 0; socket <= TCPSTATE_STATE_MAX; socket++) {
			struct json_object *object;

			if (!tally->ends[is][mirror][socket])
				continue;
			object = json_new();
			add_state(object, "mirror", mirror);
			add_state(object, "socket", socket);
			json_add_number(object, "ends", tally->ends[is][mirror][socket]);
			json_append(list, object);
		}
	return list;
}

static struct json_object *gauges_json(const struct report *report)
{
	struct json_object *list = json_list();

	for (int i = 0; i < GAUGES; i++) {
		const struct gauge *gauge = &report->gauges[i];
		struct json_object *object;

		if (gauge->is == GAUGE_ABSENT)
			continue;
		object = json_new();
		json_add_word(object, "gauge", gauge_names.word[i]);
		json_add_number(object, "mirror", gauge->mirror);
		json_add_number(object, "kernel", gauge->kernel);
		json_add_word(object, "verdict", gauge_words.word[gauge->is]);
		json_append(list, object);
	}
	return list;
}

static struct json_object *end_json(const struct address *address, uint16_t port)
{
	struct json_object *object = json_new();
	char text[INET6_ADDRSTRLEN];

	address_print(text, address);
	json_add_word(object, "address", text);
	json_add_number(object, "port", port);
	return object;
}

static void add_example(void *data, const struct finding *finding)
{
	const struct endpoint *endpoint = &finding->endpoint;
	struct json_object *object = json_new();
	char id[24];

	json_add_word(object, "finding", finding_words[finding->is]);
	add_state(object, "mirror", finding->mirror);
	add_state(object, "socket", finding->socket);
	snprintf(id, sizeof(id), "%" PRIu64, finding->flow);
	if (finding->is == FINDING_MISSING)
		json_add(object, "flow", NULL);
	else
		json_add_word(object, "flow", id);
	json_add_word(object, "family", endpoint->local.family == AF_INET ? "ipv4" : "ipv6");
	if (endpoint->scope)
		json_add_number(object, "scope", endpoint->scope);
	else
		json_add(object, "scope", NULL);
	json_add(object, "local", end_json(&endpoint->local, endpoint->local_port));
	json_add(object, "peer", end_json(&endpoint->peer, endpoint->peer_port));
	json_append(data, object);
}

void report_json(const struct reader *reader, const struct report *report)
{
	struct json_object *top = json_top(&reader->netns, report->complete);
	struct json_object *object = json_new(), *examples = json_list();
	struct tally tally;

	count(&tally, report);
	json_add_number(object, "time", report->time);
	json_add_number(object, "duration", report->duration);
	json_add_number(object, "samples", report->samples);
	json_add_number(object, "compared", report->findings.compared);
	json_add_number(object, "motion", report->findings.motion);
	for (int is = 0; is < FINDINGS; is++)
		json_add(object, finding_words[is], tally_json(&tally, is));
	json_add(object, "gauges", gauges_json(report));
	each_example(report, examples, add_example);
	json_add(object, "examples", examples);
	json_add(top, "verify", object);
	json_print(stdout, top);
}
