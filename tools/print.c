// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "output.h"
#include "proc.h"

/* Aligned columns: those that name the row to the left, values to the right. */
void print_table(FILE *out, const struct table *table, const struct layout *layout, bool header)
{
	size_t first = header ? 0 : 1;
	int width[PROC_COLUMNS] = {0};

	for (size_t row = first; row <= table->rows; row++) {
		for (size_t i = 0; i < table->columns; i++) {
			int len = (int)strlen(table->word[row * table->columns + i]);

			if (width[i] < len)
				width[i] = len;
		}
	}
	for (size_t row = first; row <= table->rows; row++) {
		for (size_t i = 0; i < table->columns; i++)
			fprintf(out, "%s%*s", i ? "  " : "",
				i < layout->key_columns ? -width[i] : width[i],
				table->word[row * table->columns + i]);
		fputc('\n', out);
	}
}
