/* SPDX-License-Identifier: GPL-2.0 */
/* What the reader writes: text for people and scripts, JSON for programs. */
#ifndef TCPSTATE_OUTPUT_H
#define TCPSTATE_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_object;
struct layout;
struct netns;
struct table;
struct words;

void print_table(FILE *out, const struct table *table, const struct layout *layout, bool header);
void print_json(FILE *out, const struct table *table, const struct layout *layout,
		const struct netns *netns, bool complete);

/* The object that every command prints, to be filled and printed; memory that lacks ends it all. */
struct json_object *json_top(const struct netns *netns, bool complete);
struct json_object *json_new(void);
void json_add(struct json_object *object, const char *name, struct json_object *value);
void json_add_number(struct json_object *object, const char *name, uint64_t number);
void json_add_bool(struct json_object *object, const char *name, bool value);
void json_add_word(struct json_object *object, const char *name, const char *word);
struct json_object *json_words(const struct words *words, uint32_t set);	/* a bit each */
struct json_object *json_list(void);
void json_append(struct json_object *list, struct json_object *value);
void json_print(FILE *out, struct json_object *top);

/* The same, but open at its end: the caller goes on with ',' or '}'. */
void json_print_open(FILE *out, struct json_object *top);

#endif
