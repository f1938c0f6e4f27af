// SPDX-License-Identifier: GPL-2.0
/*
 * The reader's table parser. Byte 0 of the input chooses the table and how the rest is used:
 * as the whole text, or written over a good table at the place that bytes 1 and 2 say.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "proc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct layout *const layouts[] = {
	&layout_counters, &layout_pairs, &layout_transitions, &layout_stat,
};

static void write_row(FILE *out, const struct layout *layout, const char *first, const char *second)
{
	fprintf(out, "%s%s%s", first, second ? " " : "", second ? second : "");
	for (size_t i = layout->key_columns; i < layout->columns.count; i++)
		fprintf(out, " %zu", i);
	fputc('\n', out);
}

static void write_good(FILE *out, const struct layout *layout)
{
	for (size_t i = 0; i < layout->columns.count; i++)
		fprintf(out, "%s%c", layout->columns.word[i],
			i + 1 < layout->columns.count ? ' ' : '\n');
	for (size_t i = 0; layout->keys[0] && i < layout->keys[0]->count; i++) {
		const char *first = layout->keys[0]->word[i];

		if (!layout->keys[1])
			write_row(out, layout, first, NULL);
		for (size_t j = 0; layout->keys[1] && j < layout->keys[1]->count; j++)
			write_row(out, layout, first, layout->keys[1]->word[j]);
	}
	if (layout == &layout_stat)
		fputs("flows 12\ncomplete 1\n", out);
}

/* What was accepted must hold its promises, and be accepted again as it was printed. */
static void check(const struct table *table, const struct layout *layout)
{
	struct table again;
	char *text = NULL;
	uint64_t number;
	size_t size = 0;
	FILE *out;

	for (size_t row = 0; row < table->rows; row++)
		for (size_t i = layout->key_columns; i < layout->columns.count; i++)
			if (!word_number(table_word(table, row, i), &number))
				abort();
	if (layout == &layout_stat && (!stat_value(table, "complete", &number) || number > 1))
		abort();

	out = open_memstream(&text, &size);
	if (!out)
		abort();
	print_table(out, table, layout, true);
	fclose(out);
	if (!table_parse(&again, layout, text, size))
		abort();
	if (again.rows != table->rows || again.columns != table->columns)
		abort();
	for (size_t i = 0; i < (1 + table->rows) * table->columns; i++)
		if (strcmp(again.word[i], table->word[i]))
			abort();
	table_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct layout *layout;
	struct table table;
	size_t length = 0;
	char *text = NULL;
	FILE *out;

	if (size < 3)
		return 0;
	layout = layouts[data[0] & 3];
	out = open_memstream(&text, &length);
	if (!out)
		abort();
	if (data[0] & 4) {
		write_good(out, layout);
		fseek(out, (data[1] | data[2] << 8) % ftell(out), SEEK_SET);
	}
	fwrite(data + 3, 1, size - 3, out);
	if (data[0] & 4)
		fseek(out, 0, SEEK_END);
	fclose(out);

	/* table_parse() writes a final zero byte: open_memstream() leaves room for it. */
	if (table_parse(&table, layout, text, length))
		check(&table, layout);
	table_free(&table);
	return 0;
}
