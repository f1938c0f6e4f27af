// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>

#include "fields.h"

static const struct {
	size_t least, most;
} sizes[] = {
	[FIELD_FLAG] = { 0, 0 },
	[FIELD_U16] = { 2, 2 },
	[FIELD_U32] = { 4, 4 },
	[FIELD_U64] = { 8, 8 },
	[FIELD_IPV6] = { 16, 16 },
	[FIELD_NEST] = { 0, UINT16_MAX },
	[FIELD_NESTS] = { 0, UINT16_MAX },
};

bool fields_wrong(char *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, FIELDS_ERROR, format, args);
	va_end(args);
	return false;
}

static bool check(const struct field *field, const struct nlattr *attr, char *error)
{
	size_t size = mnl_attr_get_payload_len(attr);
	uint32_t value;

	if (size < sizes[field->kind].least || size > sizes[field->kind].most)
		return fields_wrong(error, "damaged: '%s' has %zu bytes", field->name, size);
	if (field->kind != FIELD_U32)
		return true;
	value = mnl_attr_get_u32(attr);
	if (value < field->min || (field->max && value > field->max))
		return fields_wrong(error, "too new or damaged: '%s' is %u", field->name, value);
	return true;
}

bool fields_read(const struct nlattr *found[FIELDS], const struct field *fields, size_t count,
		 const void *attributes, size_t size, char *error)
{
	const struct nlattr *attr;

	for (size_t i = 0; i < FIELDS; i++)
		found[i] = NULL;
	mnl_attr_for_each_payload(attributes, size) {
		uint16_t type = mnl_attr_get_type(attr);

		if (type >= count || fields[type].kind == FIELD_PASS)
			continue;
		if (found[type] && fields[type].kind != FIELD_NESTS)
			return fields_wrong(error, "damaged: '%s' is there twice",
					    fields[type].name);
		if (!check(&fields[type], attr, error))
			return false;
		found[type] = attr;
	}
	if ((const char *)attr < (const char *)attributes + size)
		return fields_wrong(error, "damaged: an attribute is cut off");
	for (size_t i = 0; i < count; i++)
		if (fields[i].kind != FIELD_PASS && !fields[i].optional && !found[i])
			return fields_wrong(error, "too old: it has no '%s': load a newer module",
					    fields[i].name);
	return true;
}

bool fields_read_nest(const struct nlattr *found[FIELDS], const struct field *fields, size_t count,
		      const struct nlattr *nest, char *error)
{
	return fields_read(found, fields, count, mnl_attr_get_payload(nest),
			   mnl_attr_get_payload_len(nest), error);
}
