// SPDX-License-Identifier: GPL-2.0
/* The spec as tables. */
#include "spec.h"

#include <endian.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void bad(const char *what, const char *name)
{
	fprintf(stderr, "netlink_fuzz: the spec's table: %s: %s\n", what, name);
	exit(2);
}

static void copy_name(char *to, const char *name)
{
	snprintf(to, SPEC_NAME, "%s", name);
}

/* Sets are given their names as they are first spoken of. */
static struct spec_set *set_named(struct spec *spec, const char *name)
{
	for (unsigned int i = 0; i < spec->nr_sets; i++)
		if (!strcmp(spec->sets[i].name, name))
			return &spec->sets[i];
	if (spec->nr_sets == SPEC_SETS || strlen(name) >= SPEC_NAME)
		bad("no room", name);
	copy_name(spec->sets[spec->nr_sets].name, name);
	return &spec->sets[spec->nr_sets++];
}

static enum spec_type type_of(const char *word, size_t *length)
{
	*length = 0;
	if (!strcmp(word, "pad"))
		return SPEC_PAD;
	if (!strcmp(word, "flag"))
		return SPEC_FLAG;
	if (!strcmp(word, "binary"))
		return SPEC_BINARY;
	if (!strcmp(word, "nest"))
		return SPEC_NEST;
	if (word[0] != 'u')
		bad("unknown type", word);
	*length = strtoul(word + 1, NULL, 10) / 8;
	return SPEC_SCALAR;
}

static void read_attr(struct spec *spec, struct spec_set *set, const char *line)
{
	char name[SPEC_NAME], type[SPEC_NAME], nested[SPEC_NAME];
	unsigned int value, multi, big_endian;
	struct spec_attr *attr;
	uint64_t min, max, mask;
	size_t length;

	if (sscanf(line, "attr %u %39s %39s %39s %u %zu %u %" SCNu64 " %" SCNu64 " %" SCNu64,
		   &value, name, type, nested, &multi, &length, &big_endian, &min, &max,
		   &mask) != 10)
		bad("not an attribute", line);
	if (!set || value >= SPEC_ATTRS)
		bad("no place", name);
	attr = &set->attrs[value];
	attr->type = type_of(type, &attr->length);
	copy_name(attr->name, name);
	if (attr->type == SPEC_BINARY)
		attr->length = length;
	if (attr->type == SPEC_NEST)
		attr->nested = set_named(spec, nested);
	attr->multi = multi;
	attr->big_endian = big_endian;
	attr->min = min;
	attr->max = max;
	attr->mask = mask;
	if (value > set->max)
		set->max = value;
}

static struct spec_op *read_op(struct spec *spec, const char *line)
{
	char name[SPEC_NAME], set[SPEC_NAME];
	struct spec_op *op;
	unsigned int cmd;

	if (sscanf(line, "op %u %39s %39s", &cmd, name, set) != 3)
		bad("not an operation", line);
	if (spec->nr_ops == SPEC_OPS)
		bad("no room", name);
	op = &spec->ops[spec->nr_ops++];
	copy_name(op->name, name);
	op->cmd = cmd;
	op->set = set_named(spec, set);
	return op;
}

/* "do|dump request|reply [NAME...]" */
static void read_mode(struct spec_op *op, char *line)
{
	char *rest = NULL, *mode = strtok_r(line, "\n ", &rest);
	char *side = strtok_r(NULL, "\n ", &rest), *name;
	struct spec_mode *to;
	uint32_t types = 0;

	if (!op || !side)
		bad("no operation", line);
	for (name = strtok_r(NULL, "\n ", &rest); name; name = strtok_r(NULL, "\n ", &rest))
		types |= 1U << spec_type(op->set, name);
	to = strcmp(mode, "do") ? &op->dump : &op->once;
	to->offered = true;
	if (!strcmp(side, "request")) {
		to->request = types;
	} else {
		to->reply = types;
		to->answers = types;
	}
}

/* spec_read - from a file that table.py printed; ends the program where it does not understand */
void spec_read(struct spec *spec, FILE *file)
{
	struct spec_set *set = NULL;
	struct spec_op *op = NULL;
	char line[1024];

	memset(spec, 0, sizeof(*spec));
	while (fgets(line, sizeof(line), file)) {
		char name[SPEC_NAME];

		if (sscanf(line, "family %39s", spec->family) == 1)
			continue;
		if (sscanf(line, "set %39s", name) == 1)
			set = set_named(spec, name);
		else if (!strncmp(line, "attr ", 5))
			read_attr(spec, set, line);
		else if (!strncmp(line, "op ", 3))
			op = read_op(spec, line);
		else if (!strncmp(line, "do ", 3) || !strncmp(line, "dump ", 5))
			read_mode(op, line);
		else
			bad("unknown line", line);
	}
	for (unsigned int i = 0; i < spec->nr_sets; i++)
		if (!spec->sets[i].max)
			bad("an empty set", spec->sets[i].name);
	if (!spec->family[0] || !spec->nr_ops)
		bad("nothing in it", spec->family);
}

/* Return: the operation, or NULL. */
const struct spec_op *spec_op(const struct spec *spec, uint8_t cmd)
{
	for (unsigned int i = 0; i < spec->nr_ops; i++)
		if (spec->ops[i].cmd == cmd)
			return &spec->ops[i];
	return NULL;
}

/* Return: the type of the attribute of that name, which has to be there. */
unsigned int spec_type(const struct spec_set *set, const char *name)
{
	for (unsigned int i = 1; i <= set->max; i++)
		if (!strcmp(set->attrs[i].name, name))
			return i;
	bad("no such attribute", name);
	return 0;
}

/* Return: the value of a scalar in a message. */
uint64_t spec_value(const struct spec_attr *attr, const uint8_t *bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < attr->length; i++)
		value |= (uint64_t)bytes[attr->big_endian ? attr->length - 1 - i : i] << (8 * i);
	return value;
}
