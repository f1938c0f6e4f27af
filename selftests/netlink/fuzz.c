// SPDX-License-Identifier: GPL-2.0
/*
 * netlink_fuzz - requests of all kinds to a generic netlink family, made from its spec
 *
 * usage: netlink_fuzz [-s SEED] -t SECONDS | -n MESSAGES TABLE
 *
 * TABLE is what table.py prints. Threads send as root, as root of a user and network namespace of
 * their own, as root of a user namespace alone, and as nobody. Each request is judged from its
 * bytes before it is sent, each answer is read whole and held against that. The same seed makes the
 * same requests, but for what names flows. Prints each finding with its bytes; exits 1 if there was
 * one.
 */
#include <errno.h>
#include <grp.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "worker.h"

#define FINDINGS_SHOWN	20
#define THREADS		2
#define NOBODY		65534

enum place { HERE, OWN_NETNS, OWN_USERNS, AS_NOBODY, PLACES };

/* Who sends, with how many threads, and which part of all messages, in hundredths. */
static const struct {
	const char *name;
	enum caller caller;
	unsigned int threads;
	unsigned int part;
} places[PLACES] = {
	[HERE] = { "root", CALLER_ROOT, THREADS, 30 },
	[OWN_NETNS] = { "root of a network namespace", CALLER_NETNS_ROOT, 1, 20 },
	[OWN_USERNS] = { "root of a user namespace", CALLER_OTHER, 1, 10 },
	[AS_NOBODY] = { "nobody", CALLER_OTHER, 1, 10 },
};

static struct spec spec;
static struct totals *totals;
static uint64_t seed, messages;
static time_t deadline;
static uint16_t family;
static bool lax;
static const char *place_name;

static void die(const char *what)
{
	fprintf(stderr, "netlink_fuzz: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void dump_bytes(const char *what, const uint8_t *bytes, size_t length)
{
	printf("#   %s", what);
	for (size_t i = 0; i < length && i < 512; i++)
		printf("%s%02x", i % 4 ? "" : " ", bytes[i]);
	printf("%s\n", length > 512 ? " ..." : "");
}

/**
 * tell - of something wrong, with the request and the answer
 */
void tell(struct worker *worker, const char *format, ...)
{
	va_list arguments;

	if (worker->totals->findings++ >= FINDINGS_SHOWN)
		return;
	flockfile(stdout);
	printf("finding: %s, worker %u, message %llu, seed %llu: ", place_name, worker->number,
	       (unsigned long long)worker->sent, (unsigned long long)seed);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
	dump_bytes("request", worker->datagram, worker->length);
	if (worker->answer)
		dump_bytes("answer ", worker->answer, worker->answer_length);
	fflush(stdout);
	funlockfile(stdout);
}

static int read_family(const struct nlmsghdr *message, void *to)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, message, GENL_HDRLEN)
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			*(uint16_t *)to = mnl_attr_get_u16(attr);
	return MNL_CB_OK;
}

static void find_family(const char *name)
{
	struct mnl_socket *socket = mnl_socket_open(NETLINK_GENERIC);
	char buffer[DATAGRAM];
	struct genlmsghdr *header;
	struct nlmsghdr *message;
	ssize_t length;

	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID))
		die("netlink");
	message = mnl_nlmsg_put_header(buffer);
	message->nlmsg_type = GENL_ID_CTRL;
	message->nlmsg_flags = NLM_F_REQUEST;
	header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->cmd = CTRL_CMD_GETFAMILY;
	header->version = 1;
	mnl_attr_put_strz(message, CTRL_ATTR_FAMILY_NAME, name);
	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		die("netlink");
	length = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
	if (length < 0 || mnl_cb_run(buffer, length, 0, 0, read_family, &family) < 0 || !family)
		die(name);
	mnl_socket_close(socket);
}

/* The configuration as it is, to take changes back. */
static void read_configuration(struct worker *worker)
{
	uint8_t request[NLMSG_HDRLEN + GENL_HDRLEN] = { 0 }, reply[1024];
	ssize_t length;

	request[0] = sizeof(request);
	request[4] = family;
	request[5] = family >> 8;
	request[6] = NLM_F_REQUEST;
	for (unsigned int i = 0; i < spec.nr_ops; i++)
		if (!strcmp(spec.ops[i].name, "config-get"))
			request[NLMSG_HDRLEN] = spec.ops[i].cmd;
	if (send(worker->fd, request, sizeof(request), 0) != sizeof(request))
		die("config-get");
	length = recv(worker->fd, reply, sizeof(reply), 0);
	if (length < NLMSG_HDRLEN || get16(reply + 4) != family)
		die("config-get");
	message_restore(worker, reply, length);
}

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

static void *work(void *data)
{
	struct worker *worker = data;

	while (worker->sent < worker->share && (!deadline || now() < deadline)) {
		uint64_t before = worker->sent;

		/* To be refused is fast: the others are waited for. */
		if (worker->sent * 100 > worker->part * (totals->sent + 10000)) {
			usleep(1000);
			continue;
		}
		if (random_once(&worker->random, 64)) {
			exchange_unread(worker);
		} else {
			message_make(worker);
			exchange_run(worker);
		}
		totals->sent += worker->sent - before;
	}
	return NULL;
}

static void set_up_worker(struct worker *worker, enum place place, unsigned int number)
{
	*worker = (struct worker){
		.spec = &spec,
		.totals = totals,
		.judge = { &spec, family, places[place].caller, lax },
		.number = number,
		.part = places[place].part,
		.share = messages ? messages * places[place].part / 100 : UINT64_MAX,
		.fd = -1,
	};
	worker->random = seed * 1000 + place * 10 + number;
	random_next(&worker->random);
	if (!exchange_open(worker))
		die("netlink");
	if (places[place].caller != CALLER_OTHER)
		read_configuration(worker);
}

static void take_back(struct worker *worker)
{
	uint8_t reply[1024];
	ssize_t length;

	if (!worker->restore_length || !exchange_open(worker))
		return;
	if (send(worker->fd, worker->restore, worker->restore_length, 0) < 0)
		die("config-set");
	length = recv(worker->fd, reply, sizeof(reply), 0);
	if (length < NLMSG_HDRLEN + 4 || get32(reply + NLMSG_HDRLEN))
		tell(worker, "the configuration cannot be restored");
}

/* All threads of one place, to their end. */
static void run_workers(enum place place)
{
	struct traffic traffic = { .rounds = &totals->rounds };
	static struct worker workers[THREADS];
	pthread_t threads[THREADS], beside;
	unsigned int count = places[place].threads;
	bool has_traffic = places[place].caller != CALLER_OTHER;

	place_name = places[place].name;
	for (unsigned int i = 0; i < count; i++)
		set_up_worker(&workers[i], place, i);
	if (has_traffic && pthread_create(&beside, NULL, traffic_run, &traffic))
		die("thread");
	for (unsigned int i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, work, &workers[i]))
			die("thread");
	for (unsigned int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	if (!has_traffic)
		return;
	take_back(&workers[0]);
	traffic.stop = true;
	pthread_join(beside, NULL);
	if (traffic.failure)
		tell(&workers[0], "traffic: %s", traffic.failure);
}

static void map_to_root(void)
{
	FILE *file = fopen("/proc/self/uid_map", "w");

	if (!file || fprintf(file, "0 0 1\n") < 0 || fclose(file))
		die("uid_map");
}

static void loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request))
		die("lo");
	close(fd);
}

static void enter(enum place place)
{
	switch (place) {
	case OWN_NETNS:
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
			die("unshare");
		map_to_root();
		loopback_up();
		break;
	case OWN_USERNS:
		if (unshare(CLONE_NEWUSER))
			die("unshare");
		map_to_root();
		break;
	case AS_NOBODY:
		if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
			die("nobody");
		break;
	default:
		break;
	}
}

static pid_t run_beside(enum place place)
{
	pid_t child = fork();

	if (child < 0)
		die("fork");
	if (child)
		return child;
	enter(place);
	run_workers(place);
	fflush(stdout);
	_exit(0);
}

/* A run of some length has to reach everything. */
static void check_reach(void)
{
	for (unsigned int i = 0; i < spec.nr_ops; i++) {
		printf("# %s: %llu accepted, %llu refused\n", spec.ops[i].name,
		       (unsigned long long)totals->accepted[i],
		       (unsigned long long)totals->refused[i]);
		if (totals->sent < 20000 || (totals->accepted[i] && totals->refused[i]))
			continue;
		totals->findings++;
		printf("finding: %s was not both accepted and refused\n", spec.ops[i].name);
	}
	/* One id in 100,000 looks like a pointer if ids are evenly spread. */
	if (totals->like_pointers > 3 + totals->ids / 10000) {
		totals->findings++;
		printf("finding: %llu of %llu ids look like pointers\n",
		       (unsigned long long)totals->like_pointers,
		       (unsigned long long)totals->ids);
	}
	if (!totals->rounds || !totals->replies) {
		totals->findings++;
		printf("finding: no traffic or no reply\n");
	}
}

static uint64_t read_number(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);

	if (!*text || *end) {
		fprintf(stderr, "netlink_fuzz: bad number %s\n", text);
		exit(2);
	}
	return value;
}

static void read_arguments(int argc, char **argv)
{
	int option;
	FILE *file;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		die("getrandom");
	seed %= 1000000000;
	while ((option = getopt(argc, argv, "s:t:n:")) != -1) {
		if (option == '?')
			exit(2);
		if (option == 's')
			seed = read_number(optarg);
		else if (option == 't')
			deadline = now() + (time_t)read_number(optarg);
		else
			messages = read_number(optarg);
	}
	if (optind + 1 != argc || !deadline == !messages) {
		fprintf(stderr, "usage: netlink_fuzz [-s SEED] -t SECONDS | -n MESSAGES TABLE\n");
		exit(2);
	}
	file = fopen(argv[optind], "r");
	if (!file)
		die(argv[optind]);
	spec_read(&spec, file);
	fclose(file);
}

int main(int argc, char **argv)
{
	struct utsname system;
	pid_t children[PLACES];
	int status, failed = 0;

	read_arguments(argc, argv);
	totals = mmap(NULL, sizeof(*totals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (totals == MAP_FAILED)
		die("mmap");
	find_family(spec.family);
	uname(&system);
	lax = strtod(system.release, NULL) < 6;
	printf("# seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	for (enum place place = HERE + 1; place < PLACES; place++)
		children[place] = run_beside(place);
	run_workers(HERE);
	for (enum place place = HERE + 1; place < PLACES; place++)
		failed |= waitpid(children[place], &status, 0) < 0 || status;
	if (failed) {
		totals->findings++;
		printf("finding: a process did not end well\n");
	}
	check_reach();
	printf("netlink_fuzz: %llu messages, %llu of them judged, %llu replies, ",
	       (unsigned long long)totals->sent, (unsigned long long)totals->judged,
	       (unsigned long long)totals->replies);
	printf("%llu rounds of traffic, %u findings, seed %llu\n",
	       (unsigned long long)totals->rounds, totals->findings, (unsigned long long)seed);
	return totals->findings > 0;
}
