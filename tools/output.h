/* SPDX-License-Identifier: GPL-2.0 */
/* What the reader writes: text for people and scripts, JSON for programs. */
#ifndef TCPSTATE_OUTPUT_H
#define TCPSTATE_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

struct layout;
struct netns;
struct table;

void print_table(FILE *out, const struct table *table, const struct layout *layout, bool header);
void print_json(FILE *out, const struct table *table, const struct layout *layout,
		const struct netns *netns, bool complete);

#endif
