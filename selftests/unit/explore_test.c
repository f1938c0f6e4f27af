// SPDX-License-Identifier: GPL-2.0
/*
 * Every interleaving of two naive endpoints (rfc.h) over a bad network
 * (world.h), seen from each vantage point beside what can be known there
 * (knowledge.h):
 *
 *	inexact		a local end is shown in another state than it is in
 *	not known	a fact is shown as known which does not hold in all worlds
 *	impossible	inferred facts hold in no world
 *	behind		a fact that holds in all worlds is not shown; asked in the middle,
 *			where all that is sent is seen
 *	not at rest	nothing is under way and nobody waits in some world, but in no
 *			such world do the states shown hold
 *
 * Not asked at rest: which of CLOSE and TIME_WAIT (who closed first may be lost
 * on a vantage point); and after a SYN or FIN was repeated, whether its sender
 * still waits: the repetition may have been needless and lost, and only time tells.
 *
 * @allowed holds what the engine does not know though it could. It knows less
 * than can be known
 *	- of two ends that both connect, where a segment of the handshake is
 *	  missing: whether the SYN is acknowledged;
 *	- of a RST that is not exactly at the next number: it may be forged;
 *	- of an ACK whose only reason is a segment out of order: that this was received;
 *	- of a FIN that its own sender's RST overtook.
 * More than that is a failure.
 *
 *	TELL=N		prints N histories of each kind
 *	EXPLORE=short	leaves out what takes seconds
 *	EXPLORE=long	adds what takes minutes
 */
#include "explore.h"
#include "tap.h"

enum kind { INEXACT, NOT_KNOWN, IMPOSSIBLE, BEHIND, NOT_AT_REST, KINDS };

/* How long it takes. */
enum effort { SHORT, NORMAL, LONG };

/**
 * struct scenario - one exploration
 * @name: in words
 * @effort: how long it takes
 * @established: the handshake is over when it begins
 * @midway: the vantage point is in the middle and comes at any time; asked is only
 *	    what it calls known
 * @allowed: of each kind, in that order, in all views from all vantage points together
 * @scope: the worlds
 */
struct scenario {
	const char *name;
	enum effort effort;
	bool established;
	bool midway;
	unsigned int allowed[KINDS];
	struct scope scope;
};

#define OPENED(...) { \
	.state = ESTABLISHED, .una = 1, .nxt = 1, .rcv = 1, .wup = 1, \
	.been = 1 << SYN_SENT | 1 << SYN_RECV | 1 << ESTABLISHED, ##__VA_ARGS__ }
#define CLOSED(...)	{ .state = CLOSE, ##__VA_ARGS__ }
#define LISTENS(...)	{ .state = LISTEN, ##__VA_ARGS__ }

/* The ends of the first world, and what the network may do. */
#define CLOSING(a, b, ...) \
	.established = true, .scope = { .start = { .end = { a, b }, ##__VA_ARGS__ } }
#define OPENING(a, b, ...) \
	.scope = { .opens = { true, false }, .start = { .end = { a, b }, ##__VA_ARGS__ } }
#define CROSSING(a, b, ...) \
	.scope = { .opens = { true, true }, .start = { .end = { a, b }, ##__VA_ARGS__ } }

static const struct scenario scenarios[] = {
	{ .name = "closing, data, aborts",
	  .allowed = { 0, 34, 456, 2, 0 },
	  CLOSING(OPENED(.data = 1, .aborts = 1), OPENED(.aborts = 1)) },
	{ .name = "closing, repeats, copies, losses",
	  .allowed = { 0, 1318, 0, 56, 4 },
	  CLOSING(OPENED(.repeats = 1), OPENED(.repeats = 1), .copies = 1, .losses = 1) },
	{ .name = "closing, repeats, drops",
	  .allowed = { 0, 320, 10, 30, 0 },
	  CLOSING(OPENED(.repeats = 1), OPENED(.repeats = 1), .drops = 1) },
	{ .name = "closing, queues on both sides of the middle", .established = true,
	  .allowed = { 0, 394, 0, 0, 0 },
	  .scope = { .delayed = true, .start = {
		.end = { OPENED(.repeats = 1), OPENED(.data = 1) } } } },
	{ .name = "opening, repeats, drops",
	  .allowed = { 0, 944, 26, 234, 0 },
	  OPENING(CLOSED(.repeats = 1), LISTENS(.repeats = 1), .drops = 1) },
	{ .name = "opening, copies, losses",
	  .allowed = { 0, 71, 0, 0, 0 },
	  OPENING(CLOSED(), LISTENS(), .copies = 1, .losses = 1) },
	{ .name = "closing, met midway, repeats", .midway = true,
	  .allowed = { 0, 204, 0, 0, 0 },
	  CLOSING(OPENED(.repeats = 1), OPENED(.repeats = 1)) },
	{ .name = "opening, met midway, data", .midway = true,
	  .allowed = { 0, 202, 0, 0, 0 },
	  OPENING(CLOSED(.data = 1), LISTENS()) },
	{ .name = "refused",
	  OPENING(CLOSED(.repeats = 2), CLOSED(), .copies = 1, .losses = 1) },
	{ .name = "opening from both ends",
	  .allowed = { 0, 666, 204, 10, 0 },
	  CROSSING(CLOSED(), CLOSED()) },
	{ .name = "closing, data both ways, copies", .effort = NORMAL,
	  .allowed = { 0, 5790, 0, 46, 0 },
	  CLOSING(OPENED(.data = 1), OPENED(.data = 1), .copies = 1) },
	{ .name = "closing, data, repeats",
	  .allowed = { 0, 4874, 51, 346, 0 },
	  CLOSING(OPENED(.data = 1, .repeats = 1), OPENED(.repeats = 1)) },
	{ .name = "closing, repeats, ACKs that nobody asked for", .effort = NORMAL,
	  .allowed = { 0, 9614, 8, 308, 0 },
	  CLOSING(OPENED(.repeats = 1, .acks = 1), OPENED(.repeats = 1, .acks = 1)) },
	{ .name = "opening, data, aborts", .effort = NORMAL,
	  .allowed = { 123, 1786, 6850, 37, 2 },
	  OPENING(CLOSED(.data = 1, .aborts = 1), LISTENS(.repeats = 1)) },
	{ .name = "opening from both ends, repeats", .effort = NORMAL,
	  .allowed = { 16513, 14873, 5881, 204, 815 },
	  CROSSING(CLOSED(.repeats = 1), CLOSED()) },
	{ .name = "closing, data, repeats, losses", .effort = LONG,
	  .allowed = { 0, 8513, 97, 353, 30 },
	  CLOSING(OPENED(.data = 1, .repeats = 1), OPENED(.repeats = 1), .losses = 1) },
	{ .name = "closing, data and repeats both ways", .effort = LONG,
	  .allowed = { 0, 203029, 1918, 7130, 0 },
	  CLOSING(OPENED(.data = 1, .repeats = 1), OPENED(.data = 1, .repeats = 1)) },
	{ .name = "opening, repeats, copies", .effort = LONG,
	  .allowed = { 0, 7951, 4, 728, 0 },
	  OPENING(CLOSED(.repeats = 1), LISTENS(.repeats = 1), .copies = 1) },
	{ .name = "opening from both ends, repeats of both", .effort = LONG,
	  .allowed = { 292806, 252762, 91856, 4292, 19747 },
	  CROSSING(CLOSED(.repeats = 1), CLOSED(.repeats = 1)) },
};

static const char * const kinds[KINDS] = {
	"inexact", "not known", "impossible", "behind", "not at rest"
};

/* How often each kind was found, and told. */
struct findings {
	const char *name;
	unsigned int count[KINDS];
	unsigned int told[KINDS];
	unsigned int tell;
};

static void found(struct search *se, const struct node *n, enum kind what, const struct known *k)
{
	static const char * const vantages[VANTAGES] = {
		"both hosts", "A's host", "B's host", "the middle", "the middle, losses before it"
	};
	struct findings *f = se->arg;

	f->count[what]++;
	if (f->told[what]++ >= f->tell)
		return;
	printf("# %s, from %s: %s:", f->name, vantages[se->v], kinds[what]);
	tell(se, n->history);
	for (unsigned int e = 0; e < 2; e++)
		printf(" %s%s", fsm_name(n->mirror.end[e].state),
		       n->mirror.end[e].flags & FSM_INFERRED ? "?" : "");
	printf(" for");
	for (unsigned int i = 0; i < FSM_STATES; i++)
		for (unsigned int j = 0; j < FSM_STATES; j++)
			if (what == NOT_AT_REST ? k->rest[i][j] : k->pair[i][j])
				printf(" %s/%s", fsm_name(i), fsm_name(j));
	putchar('\n');
}

static bool is_possible(const struct known *k, const uint8_t shown[2])
{
	for (unsigned int i = 0; i <= ALL_FACTS; i++)
		for (unsigned int j = 0; j <= ALL_FACTS; j++)
			if (k->facts[i][j] && !(shown[0] & ~i) && !(shown[1] & ~j))
				return true;
	return false;
}

/* Where the end would be, had it not repeated its SYN or FIN. */
static uint8_t without_doubt(const struct node *n, unsigned int e)
{
	uint8_t state = n->mirror.end[e].state;

	if (n->syns[e] > 1 && (state == SYN_SENT || state == SYN_RECV))
		return state == SYN_SENT ? CLOSE : ESTABLISHED;
	if (n->fins[e] < 2)
		return state;
	return state == FIN_WAIT1 ? FIN_WAIT2 : state == CLOSING ? TIME_WAIT :
	       state == LAST_ACK ? CLOSE : state;
}

static void judge(struct search *se, const struct node *n, const struct known *k)
{
	uint8_t state[2] = { n->mirror.end[0].state, n->mirror.end[1].state };
	uint8_t calm[2] = { without_doubt(n, 0), without_doubt(n, 1) };
	uint8_t shown[2];

	for (unsigned int e = 0; e < 2; e++) {
		/* A state with a FIN sent does not tell of the SYN. */
		uint8_t told = ALL_FACTS;
		bool here = false;

		for (unsigned int other = 0; other < FSM_STATES; other++)
			here |= e ? k->pair[other][state[e]] : k->pair[state[e]][other];
		if (is_at(se->v, e) && !here)
			found(se, n, INEXACT, k);
		shown[e] = state[e] == CLOSE && !n->born[e] ? 0 : facts_of_state[state[e]];
		if (shown[e] & SENT_FIN)
			told &= ~SYN_IS_ACKED;
		if (!(n->mirror.end[e].flags & FSM_INFERRED) && shown[e] & ~k->certain[e])
			found(se, n, NOT_KNOWN, k);
		if (se->v == MIDDLE && !se->a->scope->delayed && !n->midway &&
		    !(shown[e] & IS_OVER) &&
		    k->certain[e] & told & ~shown[e])
			found(se, n, BEHIND, k);
	}
	if (n->midway)
		return;
	if (!is_possible(k, shown))
		found(se, n, IMPOSSIBLE, k);
	if (k->rests && !k->rest[state[0]][state[1]] && !k->rest[calm[0]][state[1]] &&
	    !k->rest[state[0]][calm[1]] && !k->rest[calm[0]][calm[1]])
		found(se, n, NOT_AT_REST, k);
}

/* What the mirror shows when the first world begins. */
static struct node first_node(const struct scenario *sc, enum vantage v)
{
	static const struct wire handshake[] = {
		{ .from = 0, .flags = SYN },
		{ .from = 1, .flags = SYN_ACK, .ack = 1 },
		{ .from = 0, .flags = ACK, .seq = 1, .ack = 1 },
	};
	struct node n = { .midway = sc->midway };

	fsm_init(&n.mirror, false);
	for (unsigned int i = 0; sc->established && !sc->midway && i < 3; i++) {
		uint64_t code = wire_code(&handshake[i], false);

		if (v >= MIDDLE || is_at(v, handshake[i].from))
			show(&n, v, code);
		if (v < MIDDLE && is_at(v, !handshake[i].from))
			show(&n, v, code << 32);
	}
	return n;
}

static void explore(const struct scenario *sc, unsigned int tell)
{
	struct findings f = { .name = sc->name, .tell = tell };
	unsigned int depth = 0;
	uint64_t nodes = 0;
	struct atlas a;
	bool good = true;
	double *ways;

	atlas_make(&a, &sc->scope);
	ways = grow(NULL, a.worlds * sizeof(*ways));
	memset(ways, 0, a.worlds * sizeof(*ways));
	for (unsigned int v = sc->scope.delayed || sc->midway ? MIDDLE : 0; v < VANTAGES; v++) {
		struct search se = { .a = &a, .v = v, .judge = judge, .arg = &f };
		struct node n = first_node(sc, v);

		/* Without losses the last two are one. */
		if (v == MIDDLE_LOSSY && !sc->scope.start.losses)
			continue;
		search(&se, &n);
		nodes += se.nodes;
		if (depth < se.depth)
			depth = se.depth;
	}
	for (unsigned int i = 0; i < KINDS; i++)
		good &= f.count[i] <= sc->allowed[i];
	printf("# %u worlds, %u moves, %.2g interleavings; %llu views of up to %u events; ",
	       a.worlds, a.moves, atlas_ways(&a, 0, ways), (unsigned long long)nodes, depth - 1);
	for (unsigned int i = 0; i < KINDS; i++)
		printf("%s%s %u of %u", i ? ", " : "", kinds[i], f.count[i], sc->allowed[i]);
	putchar('\n');
	tap_result(good, "%s (RFC 9293 3.10)", sc->name);
	free(ways);
	atlas_free(&a);
}

int main(void)
{
	const char *tell = getenv("TELL"), *how = getenv("EXPLORE");
	enum effort effort = !how ? NORMAL : !strcmp(how, "long") ? LONG : SHORT;
	const size_t count = sizeof(scenarios) / sizeof(scenarios[0]);
	size_t plan = 0;

	for (size_t i = 0; i < count; i++)
		plan += scenarios[i].effort <= effort;
	tap_plan(plan);
	for (size_t i = 0; i < count; i++)
		if (scenarios[i].effort <= effort)
			explore(&scenarios[i], tell ? strtoul(tell, NULL, 10) : 0);
	return tap_exit();
}
