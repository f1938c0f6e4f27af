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

struct json_object *json_new(void)
{
	return made(json_object_new_object());
}

void json_add(struct json_object *object, const char *name, struct json_object *value)
{
	if (json_object_object_add(object, name, value))
		errx(EXIT_COULD_NOT, "out of memory");
}

void json_add_number(struct json_object *object, const char *name, uint64_t number)
{
	json_add(object, name, made(json_object_new_uint64(number)));
}

void json_add_bool(struct json_object *object, const char *name, bool value)
{
	json_add(object, name, made(json_object_new_boolean(value)));
}

void json_add_word(struct json_object *object, const char *name, const char *word)
{
	json_add(object, name, made(json_object_new_string(word)));
}

struct json_object *json_list(void)
{
	return made(json_object_new_array());
}

void json_append(struct json_object *list, struct json_object *value)
{
	if (json_object_array_add(list, value))
		errx(EXIT_COULD_NOT, "out of memory");
}

struct json_object *json_words(const struct words *words, uint32_t set)
{
	struct json_object *array = json_list();

	for (size_t i = 0; i < words->count; i++)
		if (set >> i & 1)
			json_append(array, made(json_object_new_string(words->word[i])));
	return array;
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
	struct json_object *rows = json_list();

	for (size_t row = 0; row < table->rows; row++) {
		struct json_object *object = json_new();

		for (size_t i = 0; i < table->columns; i++)
			json_add(object, table->word[i],
				 json_word(table_word(table, row, i), i < layout->key_columns));
		json_append(rows, object);
	}
	return rows;
}

static struct json_object *json_stat(const struct table *table)
{
	struct json_object *stat = json_new();

	for (size_t row = 0; row < table->rows; row++)
		json_add(stat, table_word(table, row, 0),
			 json_word(table_word(table, row, 1), false));
	return stat;
}

/* What is not known is null; so is a name that is no UTF-8, which JSON cannot hold. */
static struct json_object *json_netns(const struct netns *netns)
{
	bool named = netns->name[0] && mbstowcs(NULL, netns->name, 0) != (size_t)-1;
	struct json_object *object = json_new();

	json_add(object, "inode", netns->inode ? made(json_object_new_uint64(netns->inode)) : NULL);
	json_add(object, "nsid",
		 netns->nsid != NETNS_NO_ID ? made(json_object_new_int(netns->nsid)) : NULL);
	json_add(object, "name", named ? made(json_object_new_string(netns->name)) : NULL);
	return object;
}

struct json_object *json_top(const struct netns *netns, bool complete)
{
	struct json_object *top = json_new();

	json_add_number(top, "version", 1);
	json_add(top, "netns", json_netns(netns));
	json_add_bool(top, "complete", complete);
	return top;
}

void json_print(FILE *out, struct json_object *top)
{
	json_print_open(out, top);
	fputs("}\n", out);
}

void json_print_open(FILE *out, struct json_object *top)
{
	const int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;
	size_t length;
	const char *text = json_object_to_json_string_length(top, flags, &length);

	if (!text)
		errx(EXIT_COULD_NOT, "out of memory");
	fwrite(text, 1, length - 1, out);
	json_object_put(top);
}

void print_json(FILE *out, const struct table *table, const struct layout *layout,
		const struct netns *netns, bool complete)
{
	struct json_object *top = json_top(netns, complete);

	json_add(top, layout->member,
		 layout == &layout_stat ? json_stat(table) : json_rows(table, layout));
	json_print(out, top);
}
