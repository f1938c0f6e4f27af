// SPDX-License-Identifier: GPL-2.0
/*
 * The command verify: the module's mirror against the kernel's own sockets.
 *
 * A sample is taken of the mirror, of the sockets and of the mirror again. What changed meanwhile
 * is not judged. What differs is looked at again and again, for longer than the second that the
 * mirror may take to notice a silent change, and counts if it stays as it is.
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "config.h"
#include "counters.h"
#include "dump.h"
#include "exit.h"
#include "output.h"
#include "reader.h"
#include "report.h"
#include "sockets.h"

#define TRIES	4		/* of a list that changes while it is read */

/* Before each further sample, in milliseconds. */
static const unsigned int pauses[] = { 100, 200, 400, 800 };

struct look {
	struct reader *reader;
	struct filter filter;
	struct sample sample;
	struct counters counters[2];
	struct kernel_gauges kernel[2];
	enum sight sight;		/* what is being listed */
	sigset_t signals;		/* that end it */
	bool listens;			/* the gauge of listening sockets is kept */
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * UINT64_C(1000) + now.tv_nsec / 1000000;
}

/* False: a signal that ends it came, now or before. */
static bool wait_ms(const struct look *look, uint64_t ms)
{
	uint64_t end = now_ms() + ms, now;

	for (now = end - ms;; now = now_ms()) {
		uint64_t left = now < end ? end - now : 0;
		struct timespec timeout = {
			.tv_sec = (time_t)(left / 1000),
			.tv_nsec = (long)(left % 1000 * 1000000),
		};

		if (sigtimedwait(&look->signals, NULL, &timeout) > 0)
			return false;
		if (errno != EINTR)
			return true;
	}
}

static void see(struct look *look, const struct sighting *sighting)
{
	if (!sample_add(&look->sample, sighting))
		errx(EXIT_COULD_NOT, "out of memory");
}

static void see_flow(void *data, const struct flow *flow)
{
	struct look *look = data;

	for (int i = SRC; i <= DST; i++) {
		struct sighting sighting = {
			.sight = look->sight,
			.state = flow->end[i].state,
			.identity = flow->id,
		};

		endpoint_of_flow(&sighting.endpoint, flow, i);
		if (!flow->end[i].local || (i == DST && endpoint_is_own_peer(&sighting.endpoint)))
			continue;
		see(look, &sighting);
	}
}

static bool is_asked_for(const struct reader *reader, const struct address *address)
{
	unsigned int family = address->family == AF_INET ? FILTER_IPV4 : FILTER_IPV6;

	return !reader->families || reader->families & family;
}

static void see_socket(void *data, const struct socket *socket)
{
	struct look *look = data;
	struct sighting sighting = {
		.endpoint = socket->endpoint,
		.sight = SIGHT_SOCKET,
		.state = socket->state,
		.identity = socket->cookie,
	};

	if (socket->state == TCPSTATE_STATE_LISTEN) {
		look->kernel[1].listening++;
		return;
	}
	if (socket->timewait && socket->state == TCPSTATE_STATE_FIN_WAIT2)
		look->kernel[1].timewait_fin_wait2++;
	if (is_asked_for(look->reader, &socket->endpoint.local))
		see(look, &sighting);
}

static void see_flows(struct look *look, enum sight sight)
{
	look->sight = sight;
	look->sample.torn[sight] = !dump_flows(&look->reader->genl, &look->filter, see_flow, look);
}

static void see_sockets(struct look *look)
{
	size_t mark = look->sample.count;
	bool whole = false;

	for (int try = 0; try < TRIES && !whole; try++) {
		sample_forget(&look->sample, mark);
		look->kernel[1].listening = 0;
		look->kernel[1].timewait_fin_wait2 = 0;
		whole = sockets_list(see_socket, look);
	}
	look->sample.torn[SIGHT_SOCKET] = !whole;
}

static void judge_gauges(struct look *look, struct gauge gauges[GAUGES])
{
	gauges_judge(gauges, look->counters, look->kernel);
	for (int i = 0; i < GAUGES; i++) {
		if (look->reader->families || (i == GAUGE_LISTEN && !look->listens))
			gauges[i].is = GAUGE_ABSENT;
		else if (gauges[i].is && look->sample.torn[SIGHT_SOCKET])
			gauges[i].is = GAUGE_MOVES;
	}
}

/* One sample, of all ends or among these, and what it says. */
static void take_look(struct look *look, const struct findings *among, struct findings *findings,
		      struct gauge gauges[GAUGES])
{
	struct genl *genl = &look->reader->genl;
	bool flows = !among || among->count;

	*findings = (struct findings){0};
	look->sample.count = 0;
	look->sample.among = among;
	counters_get(genl, &look->counters[0], TCPSTATE_TABLE_STATES);
	if (flows)
		see_flows(look, SIGHT_BEFORE);
	gauges_read(&look->kernel[0]);
	see_sockets(look);
	gauges_read(&look->kernel[1]);
	if (flows)
		see_flows(look, SIGHT_AFTER);
	counters_get(genl, &look->counters[1], TCPSTATE_TABLE_STATES);
	if (!sample_judge(&look->sample, findings))
		errx(EXIT_COULD_NOT, "out of memory");
	judge_gauges(look, gauges);
}

/* False: a signal ended it before it was done. */
static bool make_report(struct look *look, struct report *report)
{
	uint64_t begin = now_ms();
	struct gauge gauges[GAUGES];
	struct findings later;
	bool done = true;

	*report = (struct report){ .samples = 1, .time = time(NULL) };
	take_look(look, NULL, &report->findings, report->gauges);
	report->complete = look->counters[1].complete;
	for (size_t i = 0; done && i < sizeof(pauses) / sizeof(pauses[0]); i++) {
		if (!report_found(report))
			break;
		done = wait_ms(look, pauses[i]);
		if (!done)
			break;
		take_look(look, &report->findings, &later, gauges);
		findings_keep(&report->findings, &later);
		gauges_keep(report->gauges, gauges);
		findings_free(&later);
		report->samples++;
	}
	report->duration = now_ms() - begin;
	/* What a large table needed is not kept between rounds. */
	sample_free(&look->sample);
	return done;
}

/* It makes no sense where no local flow is watched. */
static void prepare(struct look *look)
{
	struct filter_error error;
	struct reader *reader = look->reader;
	struct config config;
	uint32_t watched;

	if (!filter_parse(&look->filter, "not path forwarded", &error) ||
	    (reader->families && !filter_families(&look->filter, reader->families)))
		errx(EXIT_USAGE, "filter: too long");
	config_get(&reader->genl, &config);
	if (!config_value(&config, TCPSTATE_A_CONFIG_ENABLED))
		errx(EXIT_COULD_NOT, "the module is switched off: 'tcpstate config enabled=1'");
	watched = config_value(&config, TCPSTATE_A_CONFIG_PATHS);
	if (!(watched >> TCPSTATE_PATH_LOCAL & 1) || !(watched >> TCPSTATE_PATH_LOOPBACK & 1))
		errx(EXIT_COULD_NOT,
		     "local flows are not watched: 'tcpstate config paths=local,forwarded'");
	look->listens = config_value(&config, TCPSTATE_A_CONFIG_WITNESS) != TCPSTATE_WITNESS_OFF;
}

static void must_write(void)
{
	if (fflush(stdout) || ferror(stdout))
		err(EXIT_COULD_NOT, "cannot write the output");
}

/* Rounds until a signal comes. */
static void watch(struct look *look)
{
	struct reader *reader = look->reader;
	struct report report;
	bool done, warned = false;

	sigaddset(&look->signals, SIGINT);
	sigaddset(&look->signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &look->signals, NULL);
	if (!reader->json && reader->header)
		report_header();
	do {
		done = make_report(look, &report);
		if (!report.complete && !warned)
			reader_warn(false);
		warned |= !report.complete;
		if (done) {
			reader->found |= report_found(&report);
			if (reader->json)
				report_json(reader, &report);
			else
				report_line(&report);
			must_write();
		}
		findings_free(&report.findings);
	} while (done && wait_ms(look, reader->watch));
}

void verify(struct reader *reader)
{
	struct look *look = calloc(1, sizeof(*look));
	struct report report;

	if (!look)
		err(EXIT_COULD_NOT, "verify");
	look->reader = reader;
	sigemptyset(&look->signals);
	reader_open(reader);
	prepare(look);
	if (reader->watch) {
		watch(look);
	} else {
		make_report(look, &report);
		reader_warn(report.complete);
		reader->found = report_found(&report);
		if (reader->json)
			report_json(reader, &report);
		else
			report_print(reader, &report);
		findings_free(&report.findings);
	}
	free(look);
}
