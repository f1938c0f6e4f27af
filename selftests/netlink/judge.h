/* SPDX-License-Identifier: GPL-2.0 */
/* What the spec says must become of a request, from its bytes alone. */
#ifndef NETLINK_JUDGE_H
#define NETLINK_JUDGE_H

#include "spec.h"

#define JUDGE_FAULTS	64

enum caller {
	CALLER_ROOT,		/* CAP_NET_ADMIN in the initial user namespace */
	CALLER_NETNS_ROOT,	/* in the one that owns the network namespace */
	CALLER_OTHER,		/* in neither */
};

enum outcome {
	OUTCOME_NOTHING,	/* no answer at all: the kernel stops reading here */
	OUTCOME_ACK,		/* not for the family: an acknowledgment, if it is asked for */
	OUTCOME_REFUSED,
	OUTCOME_ACCEPTED,
};

/* One reason to refuse; @at is the offset of the attribute to blame, 0 for none. */
struct fault {
	size_t at;
	int error;
};

/* The attributes of one nest, the last of each type, where they are and what scalars they hold. */
struct seen {
	uint32_t present;
	size_t at[SPEC_ATTRS];
	uint64_t value[SPEC_ATTRS];
};

struct verdict {
	enum outcome outcome;
	size_t begin;		/* of the message in its datagram */
	size_t length;
	uint32_t seq;
	bool ack;
	bool dump;
	const struct spec_op *op;
	const struct spec_mode *mode;
	unsigned int nr_faults;
	struct fault faults[JUDGE_FAULTS];
	struct seen top;
};

struct judge {
	const struct spec *spec;
	uint16_t family;
	enum caller caller;
	bool lax;	/* before 6.1 nobody looks at a header's flags and reserved bits */
};

size_t judge(const struct judge *judge, const uint8_t *bytes, size_t begin, size_t end,
	     struct verdict *verdict);
bool judge_allows(const struct verdict *verdict, int error, size_t at);
void seen_read(struct seen *seen, const struct spec_set *set, const uint8_t *bytes, size_t at,
	       size_t end);
void seen_nest(struct seen *seen, const struct spec_set *set, const uint8_t *bytes, size_t at);
bool seen_has(const struct seen *seen, const struct spec_set *set, const char *name);

static inline uint16_t get16(const uint8_t *bytes)
{
	return bytes[0] | bytes[1] << 8;
}

static inline uint32_t get32(const uint8_t *bytes)
{
	return get16(bytes) | (uint32_t)get16(bytes + 2) << 16;
}

#endif
