// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "address.h"
#include "words.h"

#define MAPPED_BITS	96

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

unsigned int address_bits(uint8_t family)
{
	return family == AF_INET ? 32 : 128;
}

static bool parse_address(struct address *address, const char *text)
{
	*address = (struct address){ .family = strchr(text, ':') ? AF_INET6 : AF_INET };
	return inet_pton(address->family, text, address->byte) == 1;
}

bool prefix_parse(struct prefix *prefix, const char *text)
{
	const char *slash = strchr(text, '/');
	size_t size = slash ? (size_t)(slash - text) : strlen(text);
	struct address *address = &prefix->address;
	char copy[INET6_ADDRSTRLEN];
	uint64_t length;

	if (size >= sizeof(copy))
		return false;
	memcpy(copy, text, size);
	copy[size] = '\0';
	if (!parse_address(address, copy))
		return false;
	length = address_bits(address->family);
	if (slash && (!word_number(slash + 1, &length) || length > address_bits(address->family)))
		return false;
	if (address->family == AF_INET6 && length >= MAPPED_BITS &&
	    !memcmp(address->byte, mapped, sizeof(mapped))) {
		struct address v4 = { .family = AF_INET };

		memcpy(v4.byte, address->byte + sizeof(mapped), 4);
		*address = v4;
		length -= MAPPED_BITS;
	}
	prefix_shorten(prefix, length);
	return true;
}

void prefix_shorten(struct prefix *prefix, unsigned int length)
{
	uint8_t *byte = prefix->address.byte;

	prefix->length = length;
	for (unsigned int i = 0; i < sizeof(prefix->address.byte); i++) {
		if (length >= 8 * (i + 1))
			continue;
		byte[i] &= length <= 8 * i ? 0 : 0xff << (8 * (i + 1) - length);
	}
}

/* How many bits at the beginning are the same. */
static unsigned int same_bits(const struct address *a, const struct address *b)
{
	unsigned int bits = address_bits(a->family);

	for (unsigned int i = 0; i < bits; i++)
		if ((a->byte[i / 8] ^ b->byte[i / 8]) & 0x80 >> i % 8)
			return i;
	return bits;
}

bool prefix_has(const struct prefix *prefix, const struct address *address)
{
	return prefix->address.family == address->family &&
	       same_bits(&prefix->address, address) >= prefix->length;
}

bool prefix_within(const struct prefix *inner, const struct prefix *outer)
{
	return inner->length >= outer->length && prefix_has(outer, &inner->address);
}

struct prefix prefix_common(const struct prefix *a, const struct prefix *b)
{
	unsigned int same = same_bits(&a->address, &b->address);
	struct prefix common = *a;

	if (same > a->length)
		same = a->length;
	if (same > b->length)
		same = b->length;
	prefix_shorten(&common, same);
	return common;
}

void address_print(char *text, const struct address *address)
{
	if (!inet_ntop(address->family, address->byte, text, INET6_ADDRSTRLEN))
		*text = '\0';
}
