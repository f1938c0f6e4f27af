// SPDX-License-Identifier: GPL-2.0
/*
 * flood - forged TCP segments, as many as this machine takes
 *
 * usage: flood [-t SECONDS] [-n CONNECTIONS] [-w WORKERS] [-r SEED] KIND TUN TARGET...
 *
 * Each of WORKERS processes (as many as there are processors) writes to a tun device of its own:
 * TUN0, TUN1 and so on. What is written has passed the stack when write() returns, so that nothing
 * is lost before the hooks and the rate is theirs. A target is ADDRESS/PORT, and the sources are
 * drawn from 32.0.0.0/4 and 2001:db8::/32; or it is ADDRESS/PORT/FROM/FIRST/LAST, connections that
 * exist, from these ports: an eighth of the segments claims to be theirs. KIND is
 *
 *   syn, ack, rst, synack   that segment, all numbers random
 *   backscatter             what hosts answer to SYNs with a forged source: SYN-ACK, RST with ACK,
 *                           RST, from service ports to any port of ADDRESS
 *   churn                   a handshake, both directions, and a RST
 *   hold                    CONNECTIONS handshakes, from 48.0.0.0 or 2001:db8:48:: on
 *   half                    the SYNs of these alone
 *
 * Ends after SECONDS, when all CONNECTIONS were made, or at SIGTERM, and prints
 * "flood: N segments, M ms, R segments/s".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "hostile/packet.h"
#include "random.h"

#define MAX_WORKERS	64
#define MAX_TARGETS	32
#define NAMED_ONCE	8	/* one of so many segments is of a connection that exists */
#define LOOK_ONCE	64	/* at the clock */
#define WINDOW		65535
#define HELD_NET	0x30000000	/* 48.0.0.0 */

enum kind { SYNS, ACKS, RSTS, SYNACKS, BACKSCATTER, CHURN, HOLD, HALF, KINDS };

static const char * const kinds[KINDS] = {
	"syn", "ack", "rst", "synack", "backscatter", "churn", "hold", "half",
};

struct target {
	int family;
	uint8_t address[16];
	uint8_t from[16];
	uint16_t port;
	uint16_t first;		/* of the ports of connections that exist, or 0 */
	uint16_t last;
};

/* Those without a name come first. */
static struct target targets[MAX_TARGETS];
static unsigned int nr_unnamed, nr_targets;
static enum kind kind;
static uint64_t state;
static int tun;

/* What the processes share; a cache line for each count. */
static struct {
	bool over;
	unsigned long written[MAX_WORKERS][8];
} *shared;
static unsigned long *written;

static const char usage[] =
	"usage: flood [-t SECONDS] [-n CONNECTIONS] [-w WORKERS] [-r SEED] KIND TUN TARGET...";

static void misused(void)
{
	errx(2, "%s", usage);
}

static uint32_t draw(void)
{
	return random_next(&state) >> 32;
}

static int parse_address(const char *text, uint8_t *octets)
{
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	if (inet_pton(family, text, octets) != 1)
		errx(2, "no address: %s", text);
	return family;
}

static void parse_target(char *text)
{
	const char *address = strtok(text, "/"), *port = strtok(NULL, "/");
	const char *from = strtok(NULL, "/"), *first = strtok(NULL, "/");
	const char *last = strtok(NULL, "/");
	struct target t = { .port = port ? strtoul(port, NULL, 10) : 0 };

	if (!address || !t.port || nr_targets == MAX_TARGETS || (from && !last)) {
		misused();
		return;
	}
	t.family = parse_address(address, t.address);
	if (!from) {
		targets[nr_targets++] = targets[nr_unnamed];
		targets[nr_unnamed++] = t;
		return;
	}
	if (parse_address(from, t.from) != t.family)
		errx(2, "two families");
	t.first = strtoul(first, NULL, 10);
	t.last = strtoul(last, NULL, 10);
	targets[nr_targets++] = t;
}

/* Writes a segment to its target; or the other way, from there. */
static void put(const struct packet *p, bool answer)
{
	uint8_t bytes[PACKET_MAX];
	struct packet back = *p;
	size_t size;

	if (answer) {
		memcpy(back.local, p->remote, sizeof(back.local));
		memcpy(back.remote, p->local, sizeof(back.remote));
		back.lport = p->rport;
		back.rport = p->lport;
	}
	size = packet_write(&back, bytes);
	if (write(tun, bytes, size) < 0)
		err(1, "writing to the tun device");
	++*written;
}

static struct packet towards(const struct target *t)
{
	struct packet p = {
		.family = t->family,
		.lport = t->port,
		.rport = 1024 + random_below(&state, 64000),
		.seq = draw(),
		.ttl = 64,
		.window = WINDOW,
	};
	uint32_t host = htonl(draw());

	memcpy(p.local, t->address, sizeof(p.local));
	if (t->first) {
		memcpy(p.remote, t->from, sizeof(p.remote));
		p.rport = t->first + random_below(&state, t->last - t->first + 1);
	} else if (t->family == AF_INET) {
		host = htonl(0x20000000 | ntohl(host) >> 4);
		memcpy(p.remote, &host, sizeof(host));
	} else {
		inet_pton(AF_INET6, "2001:db8::", p.remote);
		memcpy(p.remote + 12, &host, sizeof(host));
	}
	return p;
}

/* SYN, SYN-ACK, ACK; leaves the numbers of what the initiator sends next. */
static void shake_hands(struct packet *p)
{
	uint32_t isn = p->seq, other = draw();

	p->flags = SYN;
	p->ack = 0;
	put(p, false);
	p->flags = SYN | ACK;
	p->seq = other;
	p->ack = isn + 1;
	put(p, true);
	p->flags = ACK;
	p->seq = isn + 1;
	p->ack = other + 1;
	put(p, false);
}

static void attack(void)
{
	static const uint8_t answers[] = { SYN | ACK, SYN | ACK, RST | ACK, RST };
	static const uint16_t services[] = { 22, 25, 80, 443, 8080 };
	bool named = nr_targets > nr_unnamed && random_once(&state, NAMED_ONCE);
	struct packet p = towards(&targets[named ?
		nr_unnamed + random_below(&state, nr_targets - nr_unnamed) :
		random_below(&state, nr_unnamed)]);

	p.ack = draw();
	switch (kind) {
	case SYNS:
		p.flags = SYN;
		p.ack = 0;
		break;
	case ACKS:
		p.flags = ACK;
		break;
	case RSTS:
		p.flags = RST;
		p.ack = 0;
		break;
	case SYNACKS:
		p.flags = SYN | ACK;
		break;
	case BACKSCATTER:
		p.flags = answers[random_below(&state, sizeof(answers))];
		if (named)
			break;
		p.rport = services[random_below(&state, sizeof(services) / sizeof(*services))];
		p.lport = 1024 + random_below(&state, 64000);
		break;
	case CHURN:
		shake_hands(&p);
		p.flags = RST;
		p.ack = 0;
		break;
	default:
		return;
	}
	put(&p, false);
}

/* The i-th of those that stay: each has an address of its own. */
static void hold(unsigned long i)
{
	const struct target *t = &targets[i % nr_unnamed];
	uint32_t host = htonl((t->family == AF_INET ? HELD_NET : 0) + (uint32_t)i);
	struct packet p = towards(t);

	p.rport = 1024 + i % 64000;
	if (t->family == AF_INET) {
		memcpy(p.remote, &host, sizeof(host));
	} else {
		inet_pton(AF_INET6, "2001:db8:48::", p.remote);
		memcpy(p.remote + 12, &host, sizeof(host));
	}
	if (kind == HOLD) {
		shake_hands(&p);
		return;
	}
	p.flags = SYN;
	put(&p, false);
}

static void stop(int signal)
{
	(void)signal;
	__atomic_store_n(&shared->over, true, __ATOMIC_RELAXED);
}

static bool is_over(void)
{
	return __atomic_load_n(&shared->over, __ATOMIC_RELAXED);
}

static int tun_attach(const char *name, unsigned int i)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		err(1, "/dev/net/tun");
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s%u", name, i);
	if (ioctl(fd, TUNSETIFF, &request))
		err(1, "%s", request.ifr_name);
	return fd;
}

/* One worker of @workers. */
static void work(unsigned int worker, unsigned int workers, unsigned long connections, long until)
{
	unsigned long i;

	if (kind == HOLD || kind == HALF) {
		for (i = worker; i < connections && !is_over(); i += workers)
			hold(i);
		exit(0);
	}
	for (i = 0; !is_over(); i++) {
		if (until && i % LOOK_ONCE == 0 && now_ms() >= until)
			break;
		attack();
	}
	exit(0);
}

static enum kind parse_kind(const char *text)
{
	enum kind k;

	for (k = 0; k < KINDS; k++)
		if (!strcmp(text, kinds[k]))
			return k;
	misused();
	return KINDS;
}

int main(int argc, char **argv)
{
	unsigned long workers = sysconf(_SC_NPROCESSORS_ONLN), connections = 0, segments = 0, i;
	unsigned long seconds = 0, seed = 1;
	long began, took;
	pid_t child[MAX_WORKERS];
	int option, status, failed = 0;

	while ((option = getopt(argc, argv, "t:n:w:r:")) != -1) {
		unsigned long value = optarg ? strtoul(optarg, NULL, 10) : 0;

		if (option == 't')
			seconds = value;
		else if (option == 'n')
			connections = value;
		else if (option == 'w')
			workers = value;
		else if (option == 'r')
			seed = value;
		else
			misused();
	}
	if (argc - optind < 3 || !workers)
		misused();
	if (workers > MAX_WORKERS)
		workers = MAX_WORKERS;
	kind = parse_kind(argv[optind]);
	for (int arg = optind + 2; arg < argc; arg++)
		parse_target(argv[arg]);
	if (!nr_unnamed)
		misused();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (shared == MAP_FAILED)
		err(1, "mmap");
	signal(SIGTERM, stop);
	signal(SIGINT, stop);
	began = now_ms();
	for (i = 0; i < workers; i++) {
		child[i] = fork();
		if (child[i] < 0)
			err(1, "fork");
		if (child[i])
			continue;
		state = random_stream(seed, i);
		written = shared->written[i];
		tun = tun_attach(argv[optind + 1], i);
		work(i, workers, connections, seconds ? began + (long)seconds * 1000 : 0);
	}
	for (i = 0; i < workers; i++) {
		if (waitpid(child[i], &status, 0) != child[i])
			err(1, "waitpid");
		failed |= status;
		segments += shared->written[i][0];
	}
	took = now_ms() - began;
	printf("flood: %lu segments, %ld ms, %lu segments/s\n", segments, took,
	       segments * 1000 / (took > 0 ? took : 1));
	return failed != 0 || !segments;
}
