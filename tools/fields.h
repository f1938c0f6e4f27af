/* SPDX-License-Identifier: GPL-2.0 */
/* The attributes of a reply, checked before use. Pure: no I/O. */
#ifndef TCPSTATE_FIELDS_H
#define TCPSTATE_FIELDS_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIELDS		16	/* no set of attributes has more that this reader knows */
#define FIELDS_ERROR	128

enum field_kind {
	FIELD_PASS,		/* passed over: padding, and what is not known */
	FIELD_FLAG,
	FIELD_U16,
	FIELD_U32,
	FIELD_U64,
	FIELD_IPV6,
	FIELD_NEST,
	FIELD_NESTS,		/* any number of them: not kept, see fields_each() */
};

/* One attribute; its place in an array is its type. */
struct field {
	const char *name;
	enum field_kind kind;
	bool optional;
	uint32_t min, max;	/* of a U32; no limit where max is 0 */
};

/*
 * Fills `found` from attributes of `size` bytes, NULL where one is absent. False, and a reason in
 * error: one is needed and absent, is twice there, or has a wrong size or value.
 */
bool fields_read(const struct nlattr *found[FIELDS], const struct field *fields, size_t count,
		 const void *attributes, size_t size, char *error);
bool fields_read_nest(const struct nlattr *found[FIELDS], const struct field *fields, size_t count,
		      const struct nlattr *nest, char *error);

/* Keeps the message; always false. */
__attribute__((format(printf, 2, 3)))
bool fields_wrong(char *error, const char *format, ...);

#endif
