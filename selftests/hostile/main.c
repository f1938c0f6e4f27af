// SPDX-License-Identifier: GPL-2.0
/*
 * hostile - plays the remote peers of real sockets, honestly and not, and asks the mirror after it
 *
 * usage: hostile [OPTION...]
 *
 *   --seed N          all random choices come from it (1)
 *   --connections N   how many, over all (100)
 *   --batch N         how many side by side (50)
 *   --segments N      how many each is sent, at least (50)
 *   --check N         the mirror is compared after every N rounds of a batch, and at its end (10)
 *   --only E3,E11     these classes alone
 *   --connection N    this one alone; all that happens to it is printed
 *   --engine          compares the engine in this process with the sockets, after each step; needs
 *                     no module
 *   --verify          has "tcpstate verify" compare each batch too
 *   --delete          deletes the flows of a batch before the last comparison, which must tell
 *
 * Makes a tun device in the current network namespace, which should have nothing else to do. The
 * program is every host behind it. A connection has a socket of the kernel at one end, as
 * initiator or responder, IPv4 or IPv6. A script brings it to some state; then valid segments,
 * operations of the socket and attacks follow each other by chance. Each connection has its own
 * stream of random numbers, of the seed and its number. Exits with 1 if anything differed; that the
 * module's engine had to be corrected is told, no more.
 */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attack.h"
#include "options.h"
#include "oracle.h"
#include "peer.h"
#include "socket.h"
#include "tun.h"

/* Lower case: the peer, see peer_act(); upper case: the socket, see socket_act(). */
static const char *const responders[] = {
	"", "y", "ya", "yaA", "yaAd", "yaAWa", "yaAf", "yaAfX", "yaAfXa", "yaAS", "yaASa", "yaASaf",
	"yaASF", "yaASFa", "yaAX", "yaAXa", "yaAXaf", "yaAdX", "yadA", "yaAzWX", "yaAWdRfRX",
	"yaAL", "yd", "yf", "yaAdRdW", "yaAfW", "yaAfS", "yyaA",
};

static const char *const initiators[] = {
	"C", "Cs", "Cy", "Cya", "Cys", "Csa", "CsaWa", "Csd", "Csf", "CsfX", "CsfXa", "CsS", "CsSa",
	"CsSaf", "CsSF", "CsSFa", "CsX", "CsXa", "CsXaf", "CsdX", "CszWX", "CsL", "Cr", "CX",
	"CyS", "CyfX", "CsWdRaf", "CsdRWaS",
};

static unsigned int weights[ATTACKS], total;
static unsigned long injected[ATTACKS][STATES];

static unsigned int class_named(const char *name)
{
	for (unsigned int i = 0; i < ATTACKS; i++)
		if (!strcmp(attacks[i].name, name))
			return i;
	errx(2, "no class %s", name);
}

static void choose_classes(char *only)
{
	for (unsigned int i = 0; i < ATTACKS; i++)
		weights[i] = only ? 0 : attacks[i].weight;
	for (char *name = only ? strtok(only, ",") : NULL; name; name = strtok(NULL, ",")) {
		unsigned int i = class_named(name);

		weights[i] = attacks[i].weight;
	}
	for (unsigned int i = 0; i < ATTACKS; i++)
		total += weights[i];
}

static void attack(struct connection *c, const struct oracle *oracle)
{
	unsigned int at = random_below(&c->random, total);
	unsigned int i = 0;

	while (at >= weights[i])
		at -= weights[i++];
	c->what = attacks[i].name;
	injected[i][oracle_state(oracle, c)]++;
	peer_resync(c);
	attacks[i].run(c);
}

static void start(struct connection *c)
{
	size_t nr = c->initiator ? sizeof(initiators) / sizeof(*initiators) :
				   sizeof(responders) / sizeof(*responders);
	size_t i = random_below(&c->random, nr);

	c->script = c->initiator ? initiators[i] : responders[i];
	if (!c->initiator)
		socket_listen(c);
	peer_begin(c);
	connection_note(c, "local   begins, script \"%s\"", c->script);
}

/* One letter of the script, or something by chance. */
static void step(struct connection *c, const struct oracle *oracle)
{
	unsigned int chance = random_below(&c->random, 20);

	if (!c->script)
		start(c);
	c->what = "local";
	if (*c->script && chance < 16) {
		if (!socket_act(c, *c->script)) {
			peer_resync(c);
			peer_act(c, *c->script);
		}
		c->script++;
	} else if (!*c->script && chance % 2 && oracle_state(oracle, c) == FSM_CLOSE) {
		start(c);	/* once more */
	} else if (*c->script || chance < 10) {
		attack(c, oracle);
	} else if (chance < 16) {
		peer_act_randomly(c);
	} else {
		socket_act_randomly(c);
	}
}

/* What the kernel does where it has a choice, for all of a batch. */
static void tune(const struct batch *batch, bool engine)
{
	uint64_t random = random_stream(batch->seed ^ UINT64_MAX, batch->number);

	/* The engine of this process knows neither who owns a segment nor what is configured. */
	sysctl_set("ipv4/tcp_syncookies",
		   !engine && !random_once(&random, 4) ? 1 + random_below(&random, 2) : 0);
	sysctl_set("ipv4/tcp_rfc1337", !engine && random_once(&random, 3));
	sysctl_set("ipv4/tcp_abort_on_overflow", random_once(&random, 4));
	sysctl_set("ipv4/tcp_tw_reuse", random_below(&random, 3));
}

static void run_batch(const struct options *options, struct batch *batch, struct oracle *oracle)
{
	unsigned int first = batch->number * options->batch;
	unsigned int nr = options->batch;
	struct connection **list;
	bool busy = true;

	if (options->connection >= 0) {
		first = (unsigned int)options->connection;
		nr = 1;
	} else if (first + nr > options->connections) {
		nr = options->connections - first;
	}
	list = calloc(nr, sizeof(struct connection *));
	if (!list)
		err(3, "a batch");
	tune(batch, options->engine);
	for (unsigned int i = 0; i < nr; i++)
		list[i] = connection_new(batch, first + i);
	for (unsigned int round = 1; busy; round++) {
		busy = false;
		for (unsigned int i = 0; i < nr; i++) {
			if (list[i]->sent >= options->segments || round > 10 * options->segments)
				continue;
			busy = true;
			step(list[i], oracle);
			if (options->engine)
				oracle_judge_engine(oracle, list[i], false);
		}
		if (!busy && options->delete && system("tcpstate delete state established"))
			errx(3, "tcpstate delete fails");
		if (!busy || round % options->check == 0)
			oracle_check(oracle, batch);
	}
	if (options->verify && system("tcpstate verify"))
		oracle->differences++;
	for (unsigned int i = 0; i < nr; i++)
		connection_free(list[i]);
	oracle_check(oracle, batch);
	free(list);
}

/* Which classes met which states. Returns whether each class that was asked for was injected. */
static bool report_classes(void)
{
	bool all = true;

	printf("# injected into    ");
	for (int s = 1; s < STATES; s++)
		if (s != FSM_LISTEN)
			printf(" %11s", state_names[s]);
	putchar('\n');
	for (unsigned int i = 0; i < ATTACKS; i++) {
		unsigned long sum = 0;

		if (!weights[i])
			continue;
		printf("# %-4s", attacks[i].name);
		for (int s = 1; s < STATES; s++) {
			sum += injected[i][s];
			if (s != FSM_LISTEN)
				printf(" %11lu", injected[i][s]);
		}
		printf("  %s\n", attacks[i].what);
		if (!sum) {
			printf("# class %s was never injected\n", attacks[i].name);
			all = false;
		}
	}
	return all;
}

int main(int argc, char **argv)
{
	struct connection *at[PORTS] = { 0 };
	struct oracle oracle = { 0 };
	struct options options;
	struct batch batch = { .at = at };
	unsigned int batches;
	time_t begin;
	bool all;

	options_read(&options, argc, argv);
	choose_classes(options.only);
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	batch.seed = options.seed;
	batch.verbose = options.connection >= 0;
	batch.tun = tun_open();
	oracle_open(&oracle, !options.engine);
	batch.oracle = options.engine ? &oracle : NULL;
	begin = time(NULL);
	batches = (options.connections + options.batch - 1) / options.batch;
	batch.number = 0;
	if (options.connection >= 0) {
		batch.number = (unsigned int)options.connection / options.batch;
		batches = batch.number + 1;
	}
	for (; batch.number < batches; batch.number++)
		run_batch(&options, &batch, &oracle);
	all = report_classes() || options.connection >= 0;
	printf("hostile: seed %llu: %lu segments in %u connections, %lu answers, %ld s,",
	       (unsigned long long)options.seed, batch.segments,
	       options.connection >= 0 ? 1 : options.connections, batch.heard,
	       (long)(time(NULL) - begin));
	printf(" %lu checks of %lu ends, %lu differences, %lu corrections\n", oracle.checks,
	       oracle.ends, oracle.differences, oracle.corrected);
	return oracle.differences || (options.engine && oracle.corrected) || !all;
}
