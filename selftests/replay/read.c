// SPDX-License-Identifier: GPL-2.0
/* Reads what `trace segments` and `sample` wrote. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay.h"

#define BIT(state)	(1u << (state))
#define CLOSED		BIT(FSM_CLOSE)
#define FINS		(BIT(FSM_FIN_WAIT1) | BIT(FSM_LAST_ACK))
#define WORDS_MAX	15
#define STATE_WORDS	15
#define SEGMENT_WORDS	11
#define LINE_LENGTH	1024

static const char * const whats[WHATS] = {
	[WHAT_STATE] = "state",
	[WHAT_CONNECT] = "connect",
	[WHAT_REQUEST] = "request",
	[WHAT_DROPPED] = "dropped",
	[WHAT_FASTOPEN] = "fastopen",
	[WHAT_TIMEWAIT] = "timewait",
	[WHAT_SUBSTATE] = "substate",
	[WHAT_KILLED] = "killed",
	[WHAT_SENT] = "sent",
	[WHAT_RECEIVED] = "received",
};

/* The closed lists. Which states the engine may have is for the module to know. */
static const struct cause causes[] = {
	{ "silent_unsent_fin", true, false, 0, FINS },
	{ "silent_closed", true, false, 0, CLOSED },
	{ "silent_timed_out", true, false, 0, CLOSED },
	{ "silent_unreachable", true, false, BIT(FSM_SYN_SENT) | BIT(FSM_SYN_RECV), CLOSED },
	{ "silent_aborted", true, false, 0, CLOSED },
	{ "silent_reset", true, false, 0, CLOSED },
	{ "silent_repaired", true, false, 0, 0 },
	{ "silent_no_timewait", true, false, BIT(FSM_TIME_WAIT) | BIT(FSM_FIN_WAIT2), CLOSED },
	{ "silent_request_expired", true, true, BIT(FSM_SYN_RECV), CLOSED },
	{ "silent_timewait_expired", true, true, BIT(FSM_TIME_WAIT) | BIT(FSM_FIN_WAIT2), CLOSED },
	{ "silent_syn_deferred", true, false, CLOSED, BIT(FSM_SYN_SENT) },
	{ "withheld_overflow", false, false, 0, BIT(FSM_SYN_RECV) },
	{ "withheld_deferred", false, false, 0, BIT(FSM_SYN_RECV) },
	{ "withheld_filter", false, false, 0, 0 },
	{ "withheld_signature", false, false, 0, 0 },
	{ "withheld_min_ttl", false, false, 0, 0 },
	{ "withheld_no_room", false, false, 0, 0 },
	{ "withheld_backlog", false, false, 0, 0 },
};

const struct cause *cause_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (!strcmp(causes[i].name, name))
			return &causes[i];
	return NULL;
}

/* Return: the array of @n, with room for one more. */
static void *grow(void *array, int n, size_t size)
{
	void *more = array;

	if (!(n & (n + 1)))
		more = realloc(array, (2 * (size_t)n + 2) * size);
	if (more)
		return more;
	perror("replay");
	exit(2);
}

static int split(char *line, char **words)
{
	char *save, *word = strtok_r(line, " ", &save);
	int n = 0;

	for (; word && n < WORDS_MAX; word = strtok_r(NULL, " ", &save))
		words[n++] = word;
	return word ? -1 : n;
}

/* Return: a state's number, 0 for what has no meaning here. */
static unsigned char state_of(const char *word)
{
	int state;

	for (state = 1; state < FSM_STATES; state++)
		if (!strcmp(fsm_name(state), word))
			return state;
	return 0;
}

static bool same(const struct name *a, const struct name *b)
{
	return a->netns == b->netns && a->local_port == b->local_port &&
	       a->remote_port == b->remote_port && !strcmp(a->local, b->local) &&
	       !strcmp(a->remote, b->remote);
}

static int name_index(struct input *in, const struct name *name)
{
	int i;

	for (i = in->nr_names; i--;)
		if (same(&in->names[i], name))
			return i;
	in->names = grow(in->names, in->nr_names, sizeof(*in->names));
	in->names[in->nr_names++] = *name;
	return in->nr_names - 1;
}

static int end_of(struct input *in, char **words)
{
	struct name name = { 0 }, peer = { 0 };
	int end, other;

	name.netns = strtoul(words[1], NULL, 10);
	snprintf(name.local, sizeof(name.local), "%s", words[4]);
	name.local_port = strtoul(words[5], NULL, 10);
	snprintf(name.remote, sizeof(name.remote), "%s", words[6]);
	name.remote_port = strtoul(words[7], NULL, 10);

	peer.netns = name.netns;
	memcpy(peer.local, name.remote, sizeof(peer.local));
	memcpy(peer.remote, name.local, sizeof(peer.remote));
	peer.local_port = name.remote_port;
	peer.remote_port = name.local_port;

	end = name_index(in, &name);
	other = name_index(in, &peer);
	in->names[end].peer = other;
	in->names[other].peer = end;
	return end;
}

static unsigned long long *sockets;

static int socket_index(struct input *in, const char *word)
{
	unsigned long long address = strtoull(word, NULL, 16);
	int i;

	for (i = 0; i < in->nr_sockets; i++)
		if (sockets[i] == address)
			return i;
	sockets = grow(sockets, in->nr_sockets, sizeof(*sockets));
	sockets[in->nr_sockets++] = address;
	return i;
}

static bool read_segment(struct record *r, char **words)
{
	unsigned char bytes[SEGMENT_HEADER_MAX];
	unsigned int n = 0, byte;

	for (; n < sizeof(bytes) && sscanf(words[10] + 2 * (size_t)n, "%2x", &byte) == 1; n++)
		bytes[n] = byte;
	r->owned = !strcmp(words[8], "owned");
	r->control = !strcmp(words[8], "control");
	return segment_parse(&r->s, bytes, n, strtoul(words[9], NULL, 10)) == SEGMENT_OK;
}

/* `trace` tells of a socket's step twice, and maybe of another's between. */
static bool told_before(const struct input *in, const struct record *r)
{
	int i;

	for (i = in->nr_records; i--;) {
		const struct record *old = &in->records[i];

		if (old->what == WHAT_STATE && old->socket == r->socket)
			return old->from == r->from && old->to == r->to;
	}
	return false;
}

static void read_facts(struct fsm_facts *facts, char **words)
{
	facts->nxt = strtoul(words[10], NULL, 10);
	facts->una = strtoul(words[11], NULL, 10);
	facts->rcv = strtoul(words[12], NULL, 10);
	facts->wup = strtoul(words[13], NULL, 10);
	facts->edge = strtoul(words[14], NULL, 10);
}

static bool read_event(struct input *in, char *line)
{
	struct record r = { 0 };
	char *words[WORDS_MAX];
	int n = split(line, words);

	if (n < 10)
		return false;
	r.time = strtod(words[0], NULL);
	while (r.what < WHATS && strcmp(whats[r.what], words[2]))
		r.what++;
	if (r.what == WHATS)
		return false;
	r.end = end_of(in, words);
	if (r.what < WHAT_SENT) {
		r.socket = socket_index(in, words[3]);
		r.from = state_of(words[8]);
		r.to = state_of(words[9]);
		if (r.what == WHAT_STATE && n != STATE_WORDS)
			return false;
		if (r.what == WHAT_STATE)
			read_facts(&r.facts, words);
		if (r.what == WHAT_STATE && told_before(in, &r))
			return true;
	} else if (n != SEGMENT_WORDS || !read_segment(&r, words)) {
		return false;
	}
	in->records = grow(in->records, in->nr_records, sizeof(*in->records));
	in->records[in->nr_records++] = r;
	return true;
}

static bool read_booking(struct input *in, char *line)
{
	char *words[WORDS_MAX];
	int n = split(line, words);
	struct booking b = { 0 };

	if (n == 2 && !strcmp(words[1], "end")) {
		in->end = strtod(words[0], NULL);
		return true;
	}
	if (n != 7)
		return false;
	b.until = strtod(words[0], NULL);
	b.since = strtod(words[1], NULL);
	b.netns = strtoul(words[2], NULL, 10);
	b.cause = cause_find(words[3]);
	b.state = state_of(words[4]);
	b.to = state_of(words[5]);
	b.n = atoi(words[6]);
	if (!b.state || !(b.cause || (b.to && !strcmp(words[3], "correction"))))
		return false;
	in->bookings = grow(in->bookings, in->nr_bookings, sizeof(*in->bookings));
	in->bookings[in->nr_bookings++] = b;
	return true;
}

static bool read_lines(struct input *in, const char *path,
		       bool (*read)(struct input *in, char *line))
{
	char line[LINE_LENGTH], whole[LINE_LENGTH];
	FILE *file = fopen(path, "r");
	bool ok = file;

	while (ok && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		memcpy(whole, line, sizeof(whole));
		ok = read(in, line);
		if (!ok)
			fprintf(stderr, "replay: %s: cannot read: %s\n", path, whole);
	}
	if (!file)
		perror(path);
	else
		fclose(file);
	return ok;
}

bool read_input(struct input *in, const char *events, const char *bookings)
{
	return read_lines(in, events, read_event) && read_lines(in, bookings, read_booking);
}
