/* SPDX-License-Identifier: GPL-2.0 */
/* Sockets that went without a word. */
#ifndef TCPSTATE_SAMPLER_H
#define TCPSTATE_SAMPLER_H

#include <linux/types.h>

/* What the kernel counts in each namespace, too. */
enum sampler_sum {
	SUM_TIMEWAIT,		/* timewait sockets */
	SUM_ESTABLISHED,	/* full sockets in established and close_wait */
	SUMS,
};

/**
 * struct sampler_checksum - one number of the kernel's against ours
 * @surplus: by how much ours is higher, when they were compared last
 * @known: a surplus that all look-ups could not explain
 * @suspect: a walk is to look at each socket that is counted in it
 */
struct sampler_checksum {
	int surplus;
	int known;
	bool suspect;
};

void sampler_wake(void);
void sampler_stop(void);

#endif
