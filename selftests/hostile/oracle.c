// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "../clock.h"
#include "oracle.h"

#define PAUSE_MS	20
/* What a silent change may take, and what the engine is given before it is corrected. */
#define PATIENCE_MS	1200
#define CORRECTED_MS	3500
/* Differences that no grace explains. */
#define GRACE_MS	600

#define DEBUG_FILE	"/proc/net/tcpstate/debug"
#define WITNESS_FILE	"/sys/module/tcpstate/parameters/witness"

const char *const state_names[STATES] = {
	"none", "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait",
	"close", "close_wait", "last_ack", "listen", "closing",
};

/* An end whose two states differ; @state is the mirror's. */
struct difference {
	struct end end;
	uint8_t socket;
	bool told;
};

struct differences {
	struct difference *list;
	size_t count;
};

void oracle_open(struct oracle *oracle, bool module)
{
	char witness[16] = "";
	FILE *file;

	oracle->diag = diag_open();
	if (!module)
		return;
	oracle->mirror = mirror_open(&oracle->family);
	file = fopen(WITNESS_FILE, "re");
	if (!file || !fgets(witness, sizeof(witness), file))
		err(3, "%s", WITNESS_FILE);
	fclose(file);
	oracle->observing = !strncmp(witness, "observe", 7);
}

static void differ(struct differences *found, const struct end *end, uint8_t mirror,
		   uint8_t socket)
{
	struct difference *d = reallocarray(found->list, found->count + 1, sizeof(*d));

	if (!d)
		err(3, "a difference");
	found->list = d;
	d += found->count++;
	*d = (struct difference){ .end = *end, .socket = socket };
	d->end.state = mirror;
}

/* All differences of this moment, by name. */
static struct differences compare(struct oracle *oracle)
{
	struct differences found = { 0 };
	struct ends mirror = { 0 }, sockets = { 0 };
	size_t m = 0, s = 0;

	diag_dump(oracle->diag, &sockets);
	mirror_dump(oracle->mirror, oracle->family, &mirror);
	while (m < mirror.count || s < sockets.count) {
		int order = m == mirror.count ? 1 : s == sockets.count ? -1 :
			    memcmp(&mirror.end[m], &sockets.end[s], END_NAME);

		if (order < 0)
			differ(&found, &mirror.end[m], mirror.end[m].state, FSM_CLOSE);
		else if (order > 0)
			differ(&found, &sockets.end[s], FSM_CLOSE, sockets.end[s].state);
		else if (mirror.end[m].state != sockets.end[s].state)
			differ(&found, &mirror.end[m], mirror.end[m].state, sockets.end[s].state);
		m += order <= 0;
		s += order >= 0;
	}
	oracle->ends += sockets.count;
	ends_free(&mirror);
	ends_free(&sockets);
	return found;
}

/* Keeps those of @old that are still the same now. */
static void intersect(struct differences *old, const struct differences *now)
{
	size_t kept = 0;

	for (size_t i = 0; i < old->count; i++) {
		const struct difference *d = &old->list[i];

		for (size_t j = 0; j < now->count; j++)
			if (!memcmp(&now->list[j].end, &d->end, END_NAME) &&
			    now->list[j].end.state == d->end.state &&
			    now->list[j].socket == d->socket) {
				old->list[kept++] = *d;
				break;
			}
	}
	old->count = kept;
}

static void tell(const struct batch *batch, struct difference *d, const char *what)
{
	const struct connection *c = NULL;
	char remote[INET6_ADDRSTRLEN];

	d->told = true;
	inet_ntop(d->end.family, d->end.remote, remote, sizeof(remote));
	printf("# %s: port %u of %s port %u: the mirror has %s, the socket is %s\n", what,
	       d->end.lport, remote, d->end.rport, state_names[d->end.state],
	       state_names[d->socket]);
	if (d->end.lport >= PORT_BASE && d->end.lport < PORT_BASE + PORTS)
		c = batch->at[d->end.lport - PORT_BASE];
	if (c)
		connection_tell(c);
	fflush(stdout);
}

/* Reads the module's own word on its engine. Returns how many corrections are new. */
static unsigned int read_corrections(struct oracle *oracle)
{
	FILE *file = fopen(DEBUG_FILE, "re");
	unsigned int new = 0, n;
	char from[16], to[16];
	char line[128];

	if (!file)
		err(3, DEBUG_FILE);
	while (fgets(line, sizeof(line), file)) {
		int f = 0, t = 0;

		if (sscanf(line, "correction %15s %15s %u", from, to, &n) != 3)
			continue;
		while (f < STATES - 1 && strcmp(from, state_names[f]))
			f++;
		while (t < STATES - 1 && strcmp(to, state_names[t]))
			t++;
		if (n == oracle->corrections[f][t])
			continue;
		printf("# corrections %s %s: %u more\n", from, to, n - oracle->corrections[f][t]);
		new += n - oracle->corrections[f][t];
		oracle->corrections[f][t] = n;
	}
	fclose(file);
	return new;
}

/* Waits until nothing differs that differed at once and ever since. */
void oracle_check(struct oracle *oracle, struct batch *batch)
{
	long limit = oracle->observing ? CORRECTED_MS : PATIENCE_MS;
	struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
	struct differences old, now;
	long begin = now_ms();

	if (!oracle->mirror)
		return;
	oracle->checks++;
	old = compare(oracle);
	while (old.count && now_ms() - begin <= limit) {
		nanosleep(&pause, NULL);
		batch_drain(batch, false);
		now = compare(oracle);
		intersect(&old, &now);
		free(now.list);
		if (oracle->observing && now_ms() - begin > GRACE_MS)
			for (size_t i = 0; i < old.count; i++)
				if (!old.list[i].told)
					tell(batch, &old.list[i], "the engine differs");
	}
	for (size_t i = 0; i < old.count; i++)
		tell(batch, &old.list[i], "DIFFERENCE");
	oracle->differences += old.count;
	oracle->corrected += read_corrections(oracle);
	free(old.list);
}

/* The state of the connection's socket; FSM_CLOSE without one. */
uint8_t oracle_state(const struct oracle *oracle, const struct connection *c)
{
	struct end name;

	memset(&name, 0, sizeof(name));
	name.family = c->family;
	name.lport = c->lport;
	name.rport = c->rport;
	memcpy(name.local, c->local, c->family == AF_INET ? 4 : 16);
	memcpy(name.remote, c->remote, c->family == AF_INET ? 4 : 16);
	return diag_state(oracle->diag, &name);
}

/* Why the engine of this process may differ; as the closed lists of the witness. */
static bool explained(const struct connection *c, uint8_t engine, uint8_t socket, bool local)
{
	/* A receive buffer that is full takes nothing at all. */
	if (c->obscured || !c->engine.tracked || !c->kernel.window)
		return true;
	switch (socket) {
	case FSM_FIN_WAIT1:
	case FSM_LAST_ACK:
		return local || !c->kernel.fin;
	case FSM_CLOSE:
		return local || !strcmp(c->what, "E17") ||
		       (engine != FSM_ESTABLISHED && engine != FSM_CLOSE_WAIT);
	case FSM_SYN_RECV:	/* deferred, or the accept queue is full */
		return engine == FSM_ESTABLISHED || engine == FSM_CLOSE_WAIT;
	default:
		return false;
	}
}

static void tell_engine(const struct connection *c)
{
	for (int e = 0; e < 2; e++) {
		const struct fsm_end *end = &c->engine.fsm.end[e];
		uint32_t own = e == ENGINE_LOCAL ? c->kernel.isn : c->peer.isn;
		uint32_t other = e == ENGINE_LOCAL ? c->peer.isn : c->kernel.isn;

		printf("# the engine's %s end: %s nxt %d una %d rcv %d wup %d edge %d",
		       e == ENGINE_LOCAL ? "local" : "remote", state_names[end->state],
		       (int32_t)(end->nxt - own), (int32_t)(end->una - own),
		       (int32_t)(end->rcv - other), (int32_t)(end->wup - other),
		       (int32_t)(end->edge - other));
		printf(" scale %u ts %u flags %#x\n", end->wscale, end->ts, end->flags);
	}
}

/* Compares the engine of this process with the socket; @local: after an operation of that. */
void oracle_judge_engine(struct oracle *oracle, struct connection *c, bool local)
{
	uint8_t socket = oracle_state(oracle, c);
	uint8_t engine = c->engine.tracked ? c->engine.fsm.end[ENGINE_LOCAL].state : FSM_CLOSE;

	if (c->batch->verbose)
		printf("#           engine %s, socket %s\n", state_names[engine],
		       state_names[socket]);
	if (engine == socket)
		return;
	if (!explained(c, engine, socket, local)) {
		printf("# the engine differs: it has %s, the socket is %s, after %s\n",
		       state_names[engine], state_names[socket], c->what);
		connection_tell(c);
		tell_engine(c);
		oracle->corrections[engine][socket]++;
		oracle->corrected++;
	}
	fsm_adopt(&c->engine.fsm, ENGINE_LOCAL, socket, NULL);
}
