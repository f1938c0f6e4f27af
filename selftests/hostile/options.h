/* SPDX-License-Identifier: GPL-2.0 */
/* What the program was asked to do. */
#ifndef HOSTILE_OPTIONS_H
#define HOSTILE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
	uint64_t seed;
	unsigned int connections;
	unsigned int batch;
	unsigned int segments;
	unsigned int check;
	int connection;		/* -1: all */
	char *only;		/* NULL: every class */
	bool engine;
	bool verify;
	bool delete;
};

void options_read(struct options *options, int argc, char **argv);

#endif
