// SPDX-License-Identifier: GPL-2.0
/* Shows one of the tables of counters, from the module or from a copy of /proc's files. */
#include <err.h>

#include "counters.h"
#include "exit.h"
#include "output.h"
#include "proc.h"
#include "reader.h"

void counters_get(struct genl *genl, struct counters *counters, uint32_t tables)
{
	struct reply reply = { .take = counters_take, .data = counters };

	*counters = (struct counters){ .tables = tables };
	mnl_attr_put_u32(genl_request(genl, TCPSTATE_CMD_COUNTERS_GET, 0),
			 TCPSTATE_A_COUNTERS_TABLES, tables);
	genl_must(genl, &reply);
	if (!counters->taken)
		errx(EXIT_COULD_NOT, "the module's answer is damaged: it has no counters");
}

bool counters_complete(struct genl *genl)
{
	struct counters counters;

	counters_get(genl, &counters, TCPSTATE_TABLE_STAT);
	return counters.complete;
}

void show_table(struct reader *reader, const struct layout *layout)
{
	struct counters counters;
	struct table table, stat;
	uint64_t complete = 0;

	if (reader->dir) {
		proc_read(&table, layout, reader->dir);
		proc_read(&stat, &layout_stat, reader->dir);
		stat_value(&stat, "complete", &complete);
		table_free(&stat);
	} else {
		reader_open(reader);
		counters_get(&reader->genl, &counters, layout->netlink);
		if (!counters_table(&counters, layout, &table))
			errx(EXIT_COULD_NOT, "out of memory");
		complete = counters.complete;
	}
	reader_warn(complete);
	if (reader->json)
		print_json(stdout, &table, layout, &reader->netns, complete);
	else
		print_table(stdout, &table, layout, reader->header);
	table_free(&table);
}
