/* SPDX-License-Identifier: GPL-2.0 */
/* What the command line asks for, and the commands. */
#ifndef TCPSTATE_READER_H
#define TCPSTATE_READER_H

#include <stdbool.h>

#include "filter.h"
#include "genl.h"
#include "netns.h"

struct layout;

struct reader {
	const char *dir;		/* of a copy of /proc's tables, or NULL */
	const char *which;		/* the namespace, or NULL for our own */
	bool json;
	bool header;
	bool resolve;
	unsigned int families;		/* enum filter_family, 0: all */
	uint64_t watch;			/* milliseconds between rounds, 0: one round */
	char **words;			/* what follows the command */
	int count;

	struct netns netns;
	struct genl genl;
	bool found;			/* what the exit code is to tell of */
};

/* Goes to the namespace and finds the module, or exits with one line. */
void reader_open(struct reader *reader);

/* The words as a filter, or exits with one line. False: there are none. */
bool reader_filter(const struct reader *reader, struct filter *filter);

/* Says on standard error where the module does not know every connection. */
void reader_warn(bool complete);

void show_table(struct reader *reader, const struct layout *layout);
void show_flows(struct reader *reader);
void count_flows(struct reader *reader);
void delete_flows(struct reader *reader);
void flush_flows(struct reader *reader);
void configure(struct reader *reader);
void verify(struct reader *reader);

#endif
