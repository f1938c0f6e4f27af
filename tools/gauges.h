/* SPDX-License-Identifier: GPL-2.0 */
/* Gauges that both the module and the kernel keep. */
#ifndef TCPSTATE_GAUGES_H
#define TCPSTATE_GAUGES_H

#include <stdbool.h>
#include <stdint.h>

#include "counters.h"

struct words;

enum gauge_name {
	GAUGE_LISTEN,			/* listening sockets */
	GAUGE_CURRESTAB,		/* of /proc/net/snmp: established, close_wait */
	GAUGE_TIMEWAIT,			/* tw of /proc/net/sockstat: time_wait, some fin_wait2 */
	GAUGES,
};

enum gauge_is { GAUGE_EQUAL, GAUGE_MOVES, GAUGE_DIFFERS, GAUGE_ABSENT };

struct gauge {
	uint64_t mirror, kernel;
	uint8_t is;			/* enum gauge_is */
};

/* What the kernel counts of its sockets, and what was counted in a list of them. */
struct kernel_gauges {
	uint64_t currestab;
	uint64_t timewait;
	uint64_t listening;
	uint64_t timewait_fin_wait2;
};

extern const struct words gauge_names, gauge_words;

/* Reads the first two in /proc, or exits with one line. */
void gauges_read(struct kernel_gauges *kernel);

/*
 * Compares what was read before and after the sockets were listed. A gauge moves where any of its
 * states was entered or left meanwhile.
 */
void gauges_judge(struct gauge gauges[GAUGES], const struct counters counters[2],
		  const struct kernel_gauges kernel[2]);

/* Those that differ, and do not in the same way later, move. */
void gauges_keep(struct gauge gauges[GAUGES], const struct gauge later[GAUGES]);

#endif
