// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "ends.h"

void ends_add(struct ends *ends, const struct end *end)
{
	if (ends->count == ends->room) {
		ends->room = ends->room ? 2 * ends->room : 256;
		ends->end = realloc(ends->end, ends->room * sizeof(*ends->end));
		if (!ends->end)
			err(3, "a list of %zu ends", ends->room);
	}
	ends->end[ends->count++] = *end;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, END_NAME);
}

void ends_sort(struct ends *ends)
{
	if (ends->count)
		qsort(ends->end, ends->count, sizeof(*ends->end), compare);
}

void ends_free(struct ends *ends)
{
	free(ends->end);
	*ends = (struct ends){ 0 };
}
