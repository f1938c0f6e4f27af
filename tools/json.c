// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <wchar.h>

#include "exit.h"
#include "netns.h"
#include "output.h"
#include "proc.h"

/* json-c writes null for what it had no memory for: never let that pass. */
static struct json_object *made(struct json_object *object)
{
	if (!object)
		errx(EXIT_COULD_NOT, "out of memory");
	return object;
}

static void add(struct json_object *object, const char *name, struct json_object *value)
{
	if (json_object_object_add(object, name, value))
		errx(EXIT_COULD_NOT, "out of memory");
}

/* Values are numbers; a later column may hold words. */
static struct json_object *json_word(const char *word, bool key)
{
	uint64_t number;

	if (!key && word_number(word, &number))
		return made(json_object_new_uint64(number));
	return made(json_object_new_string(word));
}

static struct json_object *json_rows(const struct table *table, const struct layout *layout)
{
	struct json_object *rows = made(json_object_new_array());

	for (size_t row = 0; row < table->rows; row++) {
		struct json_object *object = made(json_object_new_object());

		for (size_t i = 0; i < table->columns; i++)
			add(object, table->word[i],
			    json_word(table_word(table, row, i), i < layout->key_columns));
		if (json_object_array_add(rows, object))
			errx(EXIT_COULD_NOT, "out of memory");
	}
	return rows;
}

static struct json_object *json_stat(const struct table *table)
{
	struct json_object *stat = made(json_object_new_object());

	for (size_t row = 0; row < table->rows; row++)
		add(stat, table_word(table, row, 0), json_word(table_word(table, row, 1), false));
	return stat;
}

/* What is not known is null; so is a name that is no UTF-8, which JSON cannot hold. */
static struct json_object *json_netns(const struct netns *netns)
{
	bool named = netns->name[0] && mbstowcs(NULL, netns->name, 0) != (size_t)-1;
	struct json_object *object = made(json_object_new_object());

	add(object, "inode", netns->inode ? made(json_object_new_uint64(netns->inode)) : NULL);
	add(object, "nsid",
	    netns->nsid != NETNS_NO_ID ? made(json_object_new_int(netns->nsid)) : NULL);
	add(object, "name", named ? made(json_object_new_string(netns->name)) : NULL);
	return object;
}

void print_json(FILE *out, const struct table *table, const struct layout *layout,
		const struct netns *netns, bool complete)
{
	struct json_object *top = made(json_object_new_object());
	const char *text;

	add(top, "version", made(json_object_new_int(1)));
	add(top, "netns", json_netns(netns));
	add(top, "complete", made(json_object_new_boolean(complete)));
	add(top, layout->member,
	    layout == &layout_stat ? json_stat(table) : json_rows(table, layout));
	text = json_object_to_json_string_ext(top, JSON_C_TO_STRING_PLAIN |
					      JSON_C_TO_STRING_NOSLASHESCAPE);
	if (!text)
		errx(EXIT_COULD_NOT, "out of memory");
	fprintf(out, "%s\n", text);
	json_object_put(top);
}
