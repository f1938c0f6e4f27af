// SPDX-License-Identifier: GPL-2.0
#include "words.h"

#define WORDS(array)	{ (array), sizeof(array) / sizeof((array)[0]) }

static const char *const state_words[] = { STATE_WORDS };

static const char *const path_words[] = { "local", "loopback", "forwarded" };
static const char *const role_words[] = { "initiator", "responder" };
static const char *const provenance_words[] = { "handshake", "midstream", "seeded" };
static const char *const witness_words[] = { "off", "commit", "observe" };

const struct words states = WORDS(state_words);
const struct words paths = WORDS(path_words);
const struct words roles = WORDS(role_words);
const struct words provenances = WORDS(provenance_words);
const struct words witnesses = WORDS(witness_words);

bool word_number(const char *word, uint64_t *number)
{
	uint64_t n = 0;

	if (!*word)
		return false;
	for (; *word; word++) {
		unsigned int digit = (unsigned int)*word - '0';

		if (digit > 9 || n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*number = n;
	return true;
}
