/* SPDX-License-Identifier: GPL-2.0 */
/* The words of the kernel's numbers, as /proc, netlink and the reader have them. */
#ifndef TCPSTATE_WORDS_H
#define TCPSTATE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATE_WORDS	"established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", \
			"time_wait", "close", "close_wait", "last_ack", "listen", "closing"

struct words {
	const char *const *word;
	size_t count;
};

extern const struct words states;	/* the first is TCPSTATE_STATE_ESTABLISHED, 1 */
extern const struct words paths;
extern const struct words roles;
extern const struct words provenances;
extern const struct words witnesses;

/* Whether the word is a decimal number of 64 bits. */
bool word_number(const char *word, uint64_t *number);

#endif
