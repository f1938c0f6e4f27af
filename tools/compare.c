// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "compare.h"

#define FEWEST	256

/* Room for one more; false: no memory. */
static bool make_room(void **array, size_t count, size_t *room, size_t size)
{
	size_t more = *room ? *room + *room / 2 : FEWEST;
	void *larger;

	if (count < *room)
		return true;
	larger = reallocarray(*array, more, size);
	if (!larger)
		return false;
	*array = larger;
	*room = more;
	return true;
}

static int compare_finding(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;

	return endpoint_compare(&x->endpoint, &y->endpoint);
}

static bool is_among(const struct findings *findings, const struct endpoint *endpoint)
{
	struct finding wanted = { .endpoint = *endpoint };

	return findings->count && bsearch(&wanted, findings->finding, findings->count,
					  sizeof(wanted), compare_finding);
}

bool sample_add(struct sample *sample, const struct sighting *sighting)
{
	void *array = sample->sighting;

	if (sample->among && !is_among(sample->among, &sighting->endpoint))
		return true;
	if (!make_room(&array, sample->count, &sample->room, sizeof(*sighting)))
		return false;
	sample->sighting = array;
	sample->sighting[sample->count++] = *sighting;
	return true;
}

void sample_forget(struct sample *sample, size_t count)
{
	sample->count = count;
}

static int compare_sighting(const void *a, const void *b)
{
	const struct sighting *x = a, *y = b;
	int order = endpoint_compare(&x->endpoint, &y->endpoint);

	return order ? order : x->sight - y->sight;
}

static bool same(const struct sighting *a, const struct sighting *b)
{
	if (!a || !b)
		return a == b;
	return a->state == b->state && a->identity == b->identity;
}

static bool add_finding(struct findings *findings, enum finding_is is,
			const struct sighting *mirror, const struct sighting *socket)
{
	void *array = findings->finding;

	if (!make_room(&array, findings->count, &findings->room, sizeof(*findings->finding)))
		return false;
	findings->finding = array;
	findings->finding[findings->count++] = (struct finding){
		.endpoint = mirror ? mirror->endpoint : socket->endpoint,
		.is = is,
		.mirror = mirror ? mirror->state : 0,
		.socket = socket ? socket->state : 0,
		.flow = mirror ? mirror->identity : 0,
		.cookie = socket ? socket->identity : 0,
	};
	return true;
}

/* One end, all that was seen of it; `seen` has NULL for what was not. */
static bool judge(const struct sample *sample, const struct sighting *const seen[SIGHTS],
		  struct findings *findings)
{
	const struct sighting *mirror = seen[SIGHT_BEFORE], *socket = seen[SIGHT_SOCKET];

	if (!same(mirror, seen[SIGHT_AFTER]) ||
	    (!mirror && (sample->torn[SIGHT_BEFORE] || sample->torn[SIGHT_AFTER])) ||
	    (!socket && sample->torn[SIGHT_SOCKET])) {
		findings->motion++;
		return true;
	}
	if (socket)
		findings->compared++;
	if (mirror && socket)
		return mirror->state == socket->state ||
		       add_finding(findings, FINDING_MISMATCH, mirror, socket);
	if (socket)
		return add_finding(findings, FINDING_MISSING, NULL, socket);
	return !mirror || mirror->state == TCPSTATE_STATE_CLOSE ||
	       add_finding(findings, FINDING_PHANTOM, mirror, NULL);
}

bool sample_judge(struct sample *sample, struct findings *findings)
{
	const struct sighting *at = sample->sighting, *end, *first;

	if (!sample->count)
		return true;
	qsort(sample->sighting, sample->count, sizeof(*at), compare_sighting);
	end = at + sample->count;
	while (at < end) {
		const struct sighting *seen[SIGHTS] = {0};
		bool twice = false;

		for (first = at; at < end; at++) {
			if (endpoint_compare(&first->endpoint, &at->endpoint))
				break;
			twice |= !!seen[at->sight];
			seen[at->sight] = at;
		}
		/* One connection followed another, or they cannot be told apart. */
		if (twice)
			findings->motion++;
		else if (!judge(sample, seen, findings))
			return false;
	}
	return true;
}

static bool alike(const struct finding *a, const struct finding *b)
{
	return a->is == b->is && a->mirror == b->mirror && a->socket == b->socket &&
	       a->flow == b->flow && a->cookie == b->cookie;
}

void findings_keep(struct findings *findings, const struct findings *later)
{
	size_t kept = 0, j = 0;

	for (size_t i = 0; i < findings->count; i++) {
		struct finding *finding = &findings->finding[i];

		while (j < later->count && compare_finding(&later->finding[j], finding) < 0)
			j++;
		if (j < later->count && !compare_finding(&later->finding[j], finding) &&
		    alike(finding, &later->finding[j])) {
			findings->finding[kept++] = *finding;
			continue;
		}
		findings->motion++;
		if (finding->socket)
			findings->compared--;
	}
	findings->count = kept;
}

void sample_free(struct sample *sample)
{
	free(sample->sighting);
	*sample = (struct sample){0};
}

void findings_free(struct findings *findings)
{
	free(findings->finding);
	*findings = (struct findings){0};
}
