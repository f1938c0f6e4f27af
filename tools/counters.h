/* SPDX-License-Identifier: GPL-2.0 */
/* A namespace's counters: the tables of /proc/net/tcpstate, from a netlink reply. */
#ifndef TCPSTATE_COUNTERS_H
#define TCPSTATE_COUNTERS_H

#include <linux/tcpstate.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct genl;
struct layout;
struct table;

/* The columns that count, in the order of the files; the attributes follow one another too. */
#define COUNTERS_KINDS		9
#define COUNTERS_TRANSITIONS	4
#define COUNTERS_STAT		8

struct counters {
	bool taken;
	bool complete;
	uint32_t tables;		/* those that are wanted, enum tcpstate_table */
	uint32_t seen;			/* rows of `states`, a bit each */
	bool stat_seen;
	bool pair_seen[TCPSTATE_PATH_MAX + 1][TCPSTATE_STATE_MAX + 1][TCPSTATE_STATE_MAX + 1];
	bool transition_seen[TCPSTATE_STATE_MAX + 1][TCPSTATE_STATE_MAX + 1];
	uint64_t states[TCPSTATE_STATE_MAX + 1][COUNTERS_KINDS];
	uint64_t pairs[TCPSTATE_PATH_MAX + 1][TCPSTATE_STATE_MAX + 1][TCPSTATE_STATE_MAX + 1];
	uint64_t transitions[TCPSTATE_STATE_MAX + 1][TCPSTATE_STATE_MAX + 1][COUNTERS_TRANSITIONS];
	uint64_t stat[COUNTERS_STAT];
};

/* Takes a reply's attributes, for reply.h; data is a struct counters, zero but for `tables`. */
bool counters_take(void *data, const void *attributes, size_t size, char *error);

/* Makes the file that the layout describes, as /proc would have it. False: no memory. */
bool counters_table(const struct counters *counters, const struct layout *layout,
		    struct table *table);

/* Asks the module, or exits with one line. */
void counters_get(struct genl *genl, struct counters *counters, uint32_t tables);

/* Whether the module knows every connection of the namespace. */
bool counters_complete(struct genl *genl);

#endif
