/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The mirror against the sockets. A sample is what was seen of each end: in the mirror, as a
 * socket, and in the mirror again. Pure: no I/O.
 */
#ifndef TCPSTATE_COMPARE_H
#define TCPSTATE_COMPARE_H

#include <linux/tcpstate.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "endpoint.h"

enum sight { SIGHT_BEFORE, SIGHT_SOCKET, SIGHT_AFTER, SIGHTS };

struct sighting {
	struct endpoint endpoint;
	uint8_t sight;			/* enum sight */
	uint8_t state;			/* enum tcpstate_state */
	uint64_t identity;		/* the flow's id, the socket's cookie */
};

struct sample {
	struct sighting *sighting;
	size_t count;
	size_t room;
	const struct findings *among;	/* those ends alone, or all where it is NULL */
	bool torn[SIGHTS];		/* some may be missing */
};

enum finding_is {
	FINDING_MISSING,		/* a socket without a mirrored end */
	FINDING_PHANTOM,		/* a mirrored end, not in close, without a socket */
	FINDING_MISMATCH,		/* both, in two states */
	FINDINGS,
};

struct finding {
	struct endpoint endpoint;
	uint8_t is;			/* enum finding_is */
	uint8_t mirror, socket;		/* states, or 0 */
	uint64_t flow;			/* the id, or 0 */
	uint64_t cookie;		/* or 0 */
};

struct findings {
	struct finding *finding;	/* by endpoint */
	size_t count;
	size_t room;
	uint64_t compared;		/* sockets that were judged */
	uint64_t motion;		/* ends that changed meanwhile, and were not */
};

/* False: no memory. */
bool sample_add(struct sample *sample, const struct sighting *sighting);

/* Forgets what was seen from this count on, to see it again. */
void sample_forget(struct sample *sample, size_t count);

/* Judges it; findings begin as zeros. It orders the sample anew. False: no memory. */
bool sample_judge(struct sample *sample, struct findings *findings);

/* Keeps those that a later sample, `among` these, found alike; the others were in motion. */
void findings_keep(struct findings *findings, const struct findings *later);

void sample_free(struct sample *sample);
void findings_free(struct findings *findings);

#endif
