/* SPDX-License-Identifier: GPL-2.0 */
/* The tables of /proc/net/tcpstate: what is known of them, reading and checking. */
#ifndef TCPSTATE_PROC_H
#define TCPSTATE_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "words.h"

#define PROC_DIR	"/proc/self/net/tcpstate"
#define PROC_BYTES	262144	/* no table is larger */
#define PROC_COLUMNS	64
#define PROC_ROWS	1024

/*
 * The part of a table that this reader relies on. A newer module may add columns on the
 * right and rows at the end; they are passed through.
 */
struct layout {
	const char *file;
	const char *member;		/* its name in JSON */
	unsigned int netlink;		/* the same over netlink, enum tcpstate_table */
	struct words columns;
	size_t key_columns;		/* the first ones, that name a row */
	const struct words *keys[2];	/* their words in order, the last varies fastest */
};

extern const struct layout layout_counters;
extern const struct layout layout_pairs;
extern const struct layout layout_transitions;
extern const struct layout layout_stat;

struct table {
	char *text;			/* the file, cut into words */
	char **word;			/* (1 + rows) * columns, the header first */
	size_t columns;
	size_t rows;
	char error[128];
};

/* Takes text, which is malloc'ed and has room for size + 1. False: error says why. */
bool table_parse(struct table *table, const struct layout *layout, char *text, size_t size);
void table_free(struct table *table);

/* Row 0 is the first after the header. */
const char *table_word(const struct table *table, size_t row, size_t column);

/* A row of stat, which must be a table of layout_stat. */
bool stat_value(const struct table *stat, const char *name, uint64_t *value);

/* Reads and parses a table of the directory, or exits with one line. */
void proc_read(struct table *table, const struct layout *layout, const char *dir);

#endif
