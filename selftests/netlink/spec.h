/* SPDX-License-Identifier: GPL-2.0 */
/* A netlink spec, from the lines that table.py prints. */
#ifndef NETLINK_SPEC_H
#define NETLINK_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SPEC_NAME	40
#define SPEC_ATTRS	32
#define SPEC_SETS	24
#define SPEC_OPS	24

enum spec_type { SPEC_NONE, SPEC_PAD, SPEC_FLAG, SPEC_BINARY, SPEC_NEST, SPEC_SCALAR };

struct spec_set;

struct spec_attr {
	char name[SPEC_NAME];
	enum spec_type type;
	const struct spec_set *nested;
	bool multi;
	bool big_endian;
	size_t length;		/* of binary attributes and scalars */
	uint64_t min;
	uint64_t max;
	uint64_t mask;
};

struct spec_set {
	char name[SPEC_NAME];
	unsigned int max;	/* the highest type */
	struct spec_attr attrs[SPEC_ATTRS];
};

/* What a request or its reply may have: bits of types. */
struct spec_mode {
	bool offered;
	bool answers;
	uint32_t request;
	uint32_t reply;
};

struct spec_op {
	char name[SPEC_NAME];
	uint8_t cmd;
	const struct spec_set *set;
	struct spec_mode once;
	struct spec_mode dump;
};

struct spec {
	char family[SPEC_NAME];
	unsigned int nr_sets;
	unsigned int nr_ops;
	struct spec_set sets[SPEC_SETS];
	struct spec_op ops[SPEC_OPS];
};

void spec_read(struct spec *spec, FILE *file);
const struct spec_op *spec_op(const struct spec *spec, uint8_t cmd);
unsigned int spec_type(const struct spec_set *set, const char *name);
uint64_t spec_value(const struct spec_attr *attr, const uint8_t *bytes);

#endif
