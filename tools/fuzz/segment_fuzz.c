// SPDX-License-Identifier: GPL-2.0
/*
 * The segment parser. Bytes 0 to 2 of the input say how much longer the packet is than what is
 * readable of it, the rest is readable, in a copy that ends where it ends.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum segment_verdict parse(struct segment *s, const uint8_t *bytes, uint32_t linear,
				  uint32_t total)
{
	uint8_t *copy = malloc(linear ? linear : 1);
	enum segment_verdict verdict;

	if (!copy)
		abort();
	memcpy(copy, bytes, linear);
	memset(s, 0xa5, sizeof(*s));
	verdict = segment_parse(s, copy, linear, total);
	free(copy);
	return verdict;
}

static bool same(const struct segment *a, const struct segment *b)
{
	return a->seq == b->seq && a->end == b->end && a->ack == b->ack && a->len == b->len &&
	       a->tsval == b->tsval && a->tsecr == b->tsecr && a->sack == b->sack &&
	       a->sport == b->sport && a->dport == b->dport && a->window == b->window &&
	       a->flags == b->flags && a->options == b->options && a->wscale == b->wscale;
}

static void check(const struct segment *s, const uint8_t *bytes, uint32_t linear, uint32_t total)
{
	uint32_t header = total - s->len;
	struct segment again;

	if (header < SEGMENT_HEADER_MIN || header > SEGMENT_HEADER_MAX || header > linear)
		abort();
	if (s->end != s->seq + s->len + !!(s->flags & SEGMENT_SYN) + !!(s->flags & SEGMENT_FIN))
		abort();
	if (s->flags > 0x3f || !(s->flags & (SEGMENT_SYN | SEGMENT_ACK | SEGMENT_RST)))
		abort();
	if (s->options & ~(SEGMENT_HAS_WSCALE | SEGMENT_HAS_TS | SEGMENT_HAS_SACK |
			   SEGMENT_HAS_MD5))
		abort();
	if (s->wscale > SEGMENT_WSCALE_MAX)
		abort();
	if (s->options & SEGMENT_HAS_WSCALE && !(s->flags & SEGMENT_SYN))
		abort();

	/* What lies behind the header changes nothing. */
	if (parse(&again, bytes, header, total) != SEGMENT_OK || !same(&again, s))
		abort();
	if (parse(&again, bytes, header - 1, total) != SEGMENT_TRUNCATED)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t linear, total;
	struct segment s;

	if (size < 3)
		return 0;
	linear = size - 3;
	total = linear + (data[0] | data[1] << 8 | data[2] << 16);
	if (parse(&s, data + 3, linear, total) == SEGMENT_OK)
		check(&s, data + 3, linear, total);
	/* A packet may be shorter than the buffer it lies in. */
	total = linear ? data[0] % (linear + 1) : 0;
	if (parse(&s, data + 3, linear, total) == SEGMENT_OK)
		check(&s, data + 3, linear, total);
	return 0;
}
