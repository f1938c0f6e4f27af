// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "seen.h"

#define FEWEST	1024

/* The place of the id, or the free one where it belongs. */
static uint64_t *place(const struct seen *seen, uint64_t id)
{
	uint64_t mix = id * 0x9e3779b97f4a7c15;
	size_t at = (mix ^ mix >> 32) & (seen->places - 1);

	while (seen->id[at] && seen->id[at] != id)
		at = (at + 1) & (seen->places - 1);
	return &seen->id[at];
}

static bool grow(struct seen *seen)
{
	struct seen larger = {
		.places = seen->places ? 2 * seen->places : FEWEST,
		.used = seen->used,
		.zero = seen->zero,
	};

	larger.id = calloc(larger.places, sizeof(*larger.id));
	if (!larger.id)
		return false;
	for (size_t i = 0; i < seen->places; i++)
		if (seen->id[i])
			*place(&larger, seen->id[i]) = seen->id[i];
	free(seen->id);
	*seen = larger;
	return true;
}

enum seen_is seen_add(struct seen *seen, uint64_t id)
{
	uint64_t *at;

	if (!id) {
		enum seen_is is = seen->zero ? SEEN_BEFORE : SEEN_NEW;

		seen->zero = true;
		return is;
	}
	if (4 * (seen->used + 1) > 3 * seen->places && !grow(seen))
		return SEEN_NO_MEMORY;
	at = place(seen, id);
	if (*at)
		return SEEN_BEFORE;
	*at = id;
	seen->used++;
	return SEEN_NEW;
}

void seen_free(struct seen *seen)
{
	free(seen->id);
	*seen = (struct seen){0};
}
