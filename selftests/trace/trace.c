// SPDX-License-Identifier: GPL-2.0
/*
 * trace - every change of state of every TCP socket of this machine
 *
 * usage: trace [segments]
 *
 * Says "ready" when it sees them all. A line on standard input is the name of a file, to which all
 * goes that happened since the last one; the answer is "EVENTS LOST". A line of an event:
 *
 *   MILLISECONDS NETNS KIND SOCKET LOCAL LOCALPORT REMOTE REMOTEPORT FROM TO
 *
 * with the namespace's inode, the kernel's address of the socket and the words of kinds and states
 * below, and for `state` the socket's five NUMBERS. An IPv4 address of an IPv6 socket is an IPv4
 * address; LOCAL ends in %INDEX of the device that the socket is bound to. Ends with its input; 1
 * if it could not begin or lost an event.
 *
 * With `segments` also what was sent and received, where SOCKET is the buffer, LOCAL the end that
 * sent or received it, and the line ends with `owned` (a TCP socket of that name sent it),
 * `control` (the kernel's control socket did) or `-`, the segment's length and its TCP header.
 *
 * A BPF program does not run when an interrupt comes while it runs already. So there are two of
 * each: what interrupts one of them, the other one sees; all else comes twice in a row.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "event.h"
#include "trace.skel.h"

#define POLL_MS		20
#define RECENT		16

static const char * const kinds[EVENT_KINDS] = {
	[EVENT_STATE] = "state",
	[EVENT_CONNECT] = "connect",
	[EVENT_REQUEST] = "request",
	[EVENT_DROPPED] = "dropped",
	[EVENT_FASTOPEN] = "fastopen",
	[EVENT_TIMEWAIT] = "timewait",
	[EVENT_SUBSTATE] = "substate",
	[EVENT_KILLED] = "killed",
	[EVENT_SENT] = "sent",
	[EVENT_RECEIVED] = "received",
};

static const char * const states[] = {
	"-", "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait",
	"close", "close_wait", "last_ack", "listen", "closing", "new_syn_recv", "bound_inactive",
};

static const char * const senders[] = {
	[SENDER_NONE] = "-",
	[SENDER_OWNER] = "owned",
	[SENDER_CONTROL] = "control",
};

static FILE *events;	/* what was not asked for yet */
static unsigned long long nr_events;

static const char *address(const struct event *e, const unsigned char *bytes, char *text)
{
	static const unsigned char mapped[12] = { [10] = 0xff, 0xff };

	if (!e->ipv6)
		return inet_ntop(AF_INET, bytes, text, INET6_ADDRSTRLEN);
	if (!memcmp(bytes, mapped, sizeof(mapped)))
		return inet_ntop(AF_INET, bytes + sizeof(mapped), text, INET6_ADDRSTRLEN);
	return inet_ntop(AF_INET6, bytes, text, INET6_ADDRSTRLEN);
}

/* Has the other program told of the same? */
static bool told_before(const struct segment_event *s)
{
	static struct segment_event recent[RECENT];
	static unsigned int next;
	unsigned int i;

	for (i = 0; i < RECENT; i++) {
		struct segment_event *r = &recent[i];

		if (r->program + s->program == 3 && r->event.kind == s->event.kind &&
		    r->event.socket == s->event.socket && r->total == s->total &&
		    !memcmp(r->header, s->header, sizeof(s->header))) {
			r->program = 0;
			return true;
		}
	}
	recent[next++ % RECENT] = *s;
	return false;
}

static void write_segment(const struct segment_event *s)
{
	unsigned int length = (s->header[12] >> 4) * 4, i;

	if (length > s->total)
		length = s->total;
	fprintf(events, " %s %u ", senders[s->sender], s->total);
	for (i = 0; i < length; i++)
		fprintf(events, "%02x", s->header[i]);
}

static int write_event(void *context, void *data, size_t size)
{
	char local[INET6_ADDRSTRLEN], remote[INET6_ADDRSTRLEN], device[12] = "";
	const struct event *e = data;
	bool segment = e->kind == EVENT_SENT || e->kind == EVENT_RECEIVED;
	int i;

	(void)context;
	(void)size;
	if (segment && told_before(data))
		return 0;
	if (e->device)
		snprintf(device, sizeof(device), "%%%u", e->device);
	fprintf(events, "%llu.%06llu %u %s %llx %s%s %u %s %u", e->time / 1000000,
		e->time % 1000000, e->netns, kinds[e->kind], e->socket,
		address(e, e->local, local), device, e->local_port,
		address(e, e->remote, remote), e->remote_port);
	if (segment)
		write_segment(data);
	else
		fprintf(events, " %s %s", states[e->from], states[e->to]);
	for (i = 0; i < NUMBERS && e->kind == EVENT_STATE; i++)
		fprintf(events, " %u", e->numbers[i]);
	fputc('\n', events);
	nr_events++;
	return 0;
}

/* Everything since the last time goes to the file. */
static int hand_over(const char *path, unsigned long long lost)
{
	char text[65536];
	FILE *to = fopen(path, "w");
	size_t n;

	if (!to || fflush(events) || fseek(events, 0, SEEK_SET)) {
		perror(path);
		return -1;
	}
	while ((n = fread(text, 1, sizeof(text), events)) > 0)
		fwrite(text, 1, n, to);
	if (ferror(events) || fclose(to) || fseek(events, 0, SEEK_SET) ||
	    ftruncate(fileno(events), 0)) {
		perror(path);
		return -1;
	}
	printf("%llu %llu\n", nr_events, lost);
	nr_events = 0;
	return fflush(stdout);
}

static int obey(struct ring_buffer *ring, struct trace *const *traces)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	unsigned long long lost = 0;
	char path[4096];
	int n;

	for (;;) {
		n = ring_buffer__poll(ring, POLL_MS);
		if (n < 0 && n != -EINTR)
			return -1;
		if (poll(&input, 1, 0) <= 0)
			continue;
		if (!fgets(path, sizeof(path), stdin))
			return lost ? -1 : 0;
		path[strcspn(path, "\n")] = '\0';
		if (ring_buffer__consume(ring) < 0)
			return -1;
		lost = traces[0]->bss->lost + traces[1]->bss->lost;
		if (hand_over(path, lost))
			return -1;
	}
}

/* Its events go where those of the first go, if there is one. */
static struct trace *start(const struct trace *first, bool segments)
{
	struct trace *trace = trace__open();

	if (!trace)
		return NULL;
	trace->bss->program = first ? 2 : 1;
	bpf_program__set_autoload(trace->progs.sent, segments);
	bpf_program__set_autoload(trace->progs.received_ipv4, segments);
	bpf_program__set_autoload(trace->progs.received_ipv6, segments);
	if ((!first || !bpf_map__reuse_fd(trace->maps.events, bpf_map__fd(first->maps.events))) &&
	    !trace__load(trace) && !trace__attach(trace))
		return trace;
	trace__destroy(trace);
	return NULL;
}

int main(int argc, char **argv)
{
	bool segments = argc == 2 && !strcmp(argv[1], "segments");
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	struct trace *traces[2] = { NULL };
	struct ring_buffer *ring = NULL;
	int ret = -1;

	if (argc > 1 && !segments) {
		fputs("usage: trace [segments]\n", stderr);
		return 1;
	}
	/* Older kernels count maps as locked memory. */
	setrlimit(RLIMIT_MEMLOCK, &all);
	setvbuf(stdin, NULL, _IONBF, 0);
	events = tmpfile();
	traces[0] = start(NULL, segments);
	traces[1] = traces[0] ? start(traces[0], segments) : NULL;
	if (traces[1])
		ring = ring_buffer__new(bpf_map__fd(traces[0]->maps.events), write_event, NULL,
					NULL);
	if (events && ring) {
		puts("ready");
		fflush(stdout);
		ret = obey(ring, traces);
	} else {
		fprintf(stderr, "trace: cannot trace: %s\n", strerror(errno));
	}
	ring_buffer__free(ring);
	trace__destroy(traces[1]);
	trace__destroy(traces[0]);
	return ret ? 1 : 0;
}
