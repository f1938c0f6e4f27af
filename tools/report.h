/* SPDX-License-Identifier: GPL-2.0 */
/* What `verify` found. */
#ifndef TCPSTATE_REPORT_H
#define TCPSTATE_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "compare.h"
#include "gauges.h"

struct reader;

struct report {
	struct findings findings;
	struct gauge gauges[GAUGES];
	unsigned int samples;
	uint64_t duration;		/* milliseconds */
	time_t time;			/* when it began */
	bool complete;
};

/* Whether something persists. */
bool report_found(const struct report *report);

/* All of it, for one round. */
void report_print(const struct reader *reader, const struct report *report);

/* The same as JSON. */
void report_json(const struct reader *reader, const struct report *report);

/* A line for a round of many, and the line above them. */
void report_header(void);
void report_line(const struct report *report);

#endif
