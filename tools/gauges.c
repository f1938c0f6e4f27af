// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exit.h"
#include "gauges.h"
#include "words.h"

#define BLANKS	"\n "

/* Places in a row of counters. */
enum { LOCAL = 0, ENTERED_LOCAL = 5 };

static const char *const names[] = { "listen", "currestab", "timewait" };
static const char *const verdicts[] = { "equal", "moves", "differs" };

const struct words gauge_names = { names, GAUGES };
const struct words gauge_words = { verdicts, GAUGE_ABSENT };

static const uint16_t gauge_states[GAUGES] = {
	[GAUGE_LISTEN] = 1u << TCPSTATE_STATE_LISTEN,
	[GAUGE_CURRESTAB] = 1u << TCPSTATE_STATE_ESTABLISHED | 1u << TCPSTATE_STATE_CLOSE_WAIT,
	[GAUGE_TIMEWAIT] = 1u << TCPSTATE_STATE_TIME_WAIT | 1u << TCPSTATE_STATE_FIN_WAIT2,
};

/* "Tcp: NAME..." and then "Tcp: VALUE..." */
static bool find_column(FILE *file, const char *name, uint64_t *value)
{
	char *line = NULL, *rest, *word;
	int column = 0, at = 0;
	bool found = false;
	size_t size = 0;

	while (!found && getline(&line, &size, file) > 0) {
		if (strncmp(line, "Tcp: ", 5))
			continue;
		rest = line + 5;
		for (at = 1; (word = strsep(&rest, BLANKS)); at++) {
			if (column && at == column)
				found = word_number(word, value);
			if (!column && !strcmp(word, name)) {
				column = at;
				break;
			}
		}
	}
	free(line);
	return found;
}

/* "TCP: NAME VALUE NAME VALUE..." */
static bool find_pair(FILE *file, const char *name, uint64_t *value)
{
	char *line = NULL, *rest, *word;
	bool found = false;
	size_t size = 0;

	while (!found && getline(&line, &size, file) > 0) {
		if (strncmp(line, "TCP: ", 5))
			continue;
		rest = line + 5;
		while ((word = strsep(&rest, BLANKS)) && strcmp(word, name))
			;
		word = word ? strsep(&rest, BLANKS) : NULL;
		found = word && word_number(word, value);
		break;
	}
	free(line);
	return found;
}

static void read_number(const char *path, const char *name, uint64_t *value,
			bool (*find)(FILE *file, const char *name, uint64_t *value))
{
	FILE *file = fopen(path, "re");

	if (!file)
		err(EXIT_COULD_NOT, "%s", path);
	if (!find(file, name, value))
		errx(EXIT_COULD_NOT, "%s: it has no %s", path, name);
	fclose(file);
}

void gauges_read(struct kernel_gauges *kernel)
{
	read_number("/proc/net/snmp", "CurrEstab", &kernel->currestab, find_column);
	read_number("/proc/net/sockstat", "tw", &kernel->timewait, find_pair);
}

static bool rests(enum gauge_name name, const struct counters counters[2])
{
	for (int state = 1; state <= TCPSTATE_STATE_MAX; state++) {
		const uint64_t *before = counters[0].states[state];
		const uint64_t *after = counters[1].states[state];

		if (!(gauge_states[name] >> state & 1))
			continue;
		if (before[LOCAL] != after[LOCAL] || before[ENTERED_LOCAL] != after[ENTERED_LOCAL])
			return false;
	}
	return true;
}

void gauges_judge(struct gauge gauges[GAUGES], const struct counters counters[2],
		  const struct kernel_gauges kernel[2])
{
	const struct kernel_gauges *k = &kernel[1];
	const struct counters *c = &counters[1];

	gauges[GAUGE_LISTEN] = (struct gauge){
		.mirror = c->states[TCPSTATE_STATE_LISTEN][LOCAL],
		.kernel = k->listening,
	};
	gauges[GAUGE_CURRESTAB] = (struct gauge){
		.mirror = c->states[TCPSTATE_STATE_ESTABLISHED][LOCAL] +
			  c->states[TCPSTATE_STATE_CLOSE_WAIT][LOCAL],
		.kernel = k->currestab,
	};
	gauges[GAUGE_TIMEWAIT] = (struct gauge){
		.mirror = c->states[TCPSTATE_STATE_TIME_WAIT][LOCAL] + k->timewait_fin_wait2,
		.kernel = k->timewait,
	};
	for (enum gauge_name name = 0; name < GAUGES; name++) {
		struct gauge *gauge = &gauges[name];

		if (gauge->mirror != gauge->kernel)
			gauge->is = rests(name, counters) ? GAUGE_DIFFERS : GAUGE_MOVES;
	}
	if (gauges[GAUGE_CURRESTAB].is && kernel[0].currestab != k->currestab)
		gauges[GAUGE_CURRESTAB].is = GAUGE_MOVES;
	if (gauges[GAUGE_TIMEWAIT].is && kernel[0].timewait != k->timewait)
		gauges[GAUGE_TIMEWAIT].is = GAUGE_MOVES;
}

void gauges_keep(struct gauge gauges[GAUGES], const struct gauge later[GAUGES])
{
	for (int i = 0; i < GAUGES; i++) {
		struct gauge before = gauges[i];

		if (before.is != GAUGE_DIFFERS)
			continue;
		gauges[i] = later[i];
		if (later[i].is == GAUGE_DIFFERS &&
		    (later[i].mirror != before.mirror || later[i].kernel != before.kernel))
			gauges[i].is = GAUGE_MOVES;
	}
}
