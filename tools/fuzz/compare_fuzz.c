// SPDX-License-Identifier: GPL-2.0
/*
 * The comparison of mirror and sockets, against a naive one, on samples that the input describes;
 * and the parsers of what the kernel lists. What is accepted must hold its promises.
 */
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "fields.h"
#include "gauges.h"
#include "socket.h"
#include "vrfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ENDS		16
#define SAMPLES		3

static const uint8_t *at, *end;

static unsigned int pick(unsigned int below)
{
	return at < end ? *at++ % below : 0;
}

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* Some that are alike but for one part. */
static void name(struct endpoint *endpoint, unsigned int i)
{
	*endpoint = (struct endpoint){
		.local.family = i & 1 ? AF_INET6 : AF_INET,
		.peer.family = i & 1 ? AF_INET6 : AF_INET,
		.local.byte[3] = i >> 1 & 1,
		.peer.byte[0] = i >> 2 & 1,
		.scope = i >> 3 & 1,
		.local_port = 80,
		.peer_port = 80,
	};
}

struct naive {
	unsigned int count[ENDS][SIGHTS];
	unsigned int state[ENDS][SIGHTS], identity[ENDS][SIGHTS];
	bool torn[SIGHTS];
};

enum { NOTHING = FINDINGS, EQUAL, MOTION };

static int verdict(const struct naive *n, unsigned int i)
{
	const unsigned int *count = n->count[i], *state = n->state[i], *identity = n->identity[i];

	if (!count[0] && !count[1] && !count[2])
		return NOTHING;
	if (count[0] != count[2] || count[0] > 1 || count[1] > 1)
		return MOTION;
	if (count[0] && (state[0] != state[2] || identity[0] != identity[2]))
		return MOTION;
	if (!count[0])
		return n->torn[0] || n->torn[2] ? MOTION : FINDING_MISSING;
	if (!count[1] && n->torn[1])
		return MOTION;
	if (!count[1])
		return state[0] == TCPSTATE_STATE_CLOSE ? NOTHING : FINDING_PHANTOM;
	return state[0] == state[1] ? EQUAL : FINDING_MISMATCH;
}

static void take_sample(struct sample *sample, struct naive *naive)
{
	unsigned int sightings = pick(64);

	*naive = (struct naive){0};
	for (int i = 0; i < SIGHTS; i++)
		naive->torn[i] = !pick(8);
	memcpy(sample->torn, naive->torn, sizeof(sample->torn));
	while (sightings--) {
		unsigned int i = pick(ENDS), what = pick(256);
		/* In the most likely case an end is seen three times, alike. */
		unsigned int first = what & 64 ? SIGHT_BEFORE : what % SIGHTS;
		unsigned int last = what & 64 ? SIGHT_AFTER : first;

		for (unsigned int sight = first; sight <= last; sight++) {
			struct sighting sighting = {
				.sight = sight,
				.state = 6 + (what >> 2 & 1),
				.identity = what >> 3 & 1,
			};

			name(&sighting.endpoint, i);
			require(sample_add(sample, &sighting));
			naive->count[i][sight]++;
			naive->state[i][sight] = sighting.state;
			naive->identity[i][sight] = sighting.identity;
		}
	}
}

static const struct finding *find(const struct findings *findings, const struct endpoint *endpoint)
{
	const struct finding *found = NULL;

	for (size_t i = 0; i < findings->count; i++) {
		if (endpoint_compare(&findings->finding[i].endpoint, endpoint))
			continue;
		require(!found);
		found = &findings->finding[i];
	}
	return found;
}

static bool is_like(const struct finding *finding, const struct naive *n, unsigned int i)
{
	bool mirror = n->count[i][0], socket = n->count[i][1];

	return finding->is == verdict(n, i) &&
	       finding->mirror == (mirror ? n->state[i][0] : 0) &&
	       finding->socket == (socket ? n->state[i][1] : 0) &&
	       finding->flow == (mirror ? n->identity[i][0] : 0) &&
	       finding->cookie == (socket ? n->identity[i][1] : 0);
}

static void compare(void)
{
	struct findings findings = {0}, later;
	struct naive naive[SAMPLES];
	struct sample sample = {0};
	uint64_t compared = 0, motion = 0;
	struct endpoint endpoint;
	size_t count = 0;

	take_sample(&sample, &naive[0]);
	require(sample_judge(&sample, &findings));
	for (unsigned int i = 0; i < ENDS; i++) {
		int is = verdict(&naive[0], i);
		const struct finding *finding;

		name(&endpoint, i);
		finding = find(&findings, &endpoint);
		require(is < FINDINGS ? finding && is_like(finding, &naive[0], i) : !finding);
		count += is < FINDINGS;
		motion += is == MOTION;
		compared += is == EQUAL || is == FINDING_MISMATCH || is == FINDING_MISSING;
	}
	require(findings.count == count && findings.motion == motion &&
		findings.compared == compared);

	for (int s = 1; s < SAMPLES; s++) {
		struct findings before = findings;

		before.finding = malloc((count + 1) * sizeof(*before.finding));
		require(before.finding);
		if (count)
			memcpy(before.finding, findings.finding, count * sizeof(*before.finding));
		sample.count = 0;
		sample.among = &findings;
		take_sample(&sample, &naive[s]);
		later = (struct findings){0};
		require(sample_judge(&sample, &later));
		findings_keep(&findings, &later);
		for (unsigned int i = 0; i < ENDS; i++) {
			const struct finding *old, *now;

			name(&endpoint, i);
			old = find(&before, &endpoint);
			now = find(&findings, &endpoint);
			/* As it was in this sample too. */
			if (old && is_like(old, &naive[s], i))
				require(now && is_like(now, &naive[0], i));
			else
				require(!now);
			if (!old || now)
				continue;
			count--;
			motion++;
			compared -= old->socket != 0;
		}
		require(findings.count == count && findings.motion == motion &&
			findings.compared == compared);
		findings_free(&later);
		free(before.finding);
	}
	sample_free(&sample);
	findings_free(&findings);
}

/* Bytes that claim to be what the kernel lists. */
static void parse(void)
{
	size_t size = end - at;
	char error[FIELDS_ERROR] = "";
	struct socket socket;
	struct link link;
	char *bytes = calloc(1, size + 1);

	require(bytes);
	memcpy(bytes, at, size);
	if (socket_read(&socket, bytes, size, error)) {
		require(size >= sizeof(struct inet_diag_msg));
		require(socket.endpoint.local.family == socket.endpoint.peer.family);
		require(socket.state >= 1 && socket.state <= TCPSTATE_STATE_MAX);
	} else {
		require(error[0]);
	}
	link_read(&link, bytes, size, error);
	free(bytes);
}

static void check_socket(void)
{
	struct inet_diag_msg msg = {
		.idiag_family = AF_INET6, .idiag_state = 6, .idiag_timer = 3,
		.id = {
			.idiag_sport = htons(80), .idiag_dport = htons(5101), .idiag_if = 7,
			.idiag_src = { 0, 0, htonl(0xffff), htonl(0x0a000101) },
			.idiag_dst = { 0, 0, htonl(0xffff), htonl(0x0a000102) },
			.idiag_cookie = { 1, 2 },
		},
	};
	const uint8_t src[16] = { 10, 0, 1, 1 }, dst[16] = { 10, 0, 1, 2 };
	char error[FIELDS_ERROR];
	struct socket socket;

	require(socket_read(&socket, &msg, sizeof(msg), error));
	require(socket.endpoint.local.family == AF_INET && socket.endpoint.peer.family == AF_INET);
	require(!memcmp(socket.endpoint.local.byte, src, sizeof(src)));
	require(!memcmp(socket.endpoint.peer.byte, dst, sizeof(dst)));
	require(socket.endpoint.local_port == 80 && socket.endpoint.peer_port == 5101);
	require(socket.cookie == 0x200000001 && socket.state == 6 && socket.timewait);
	require(!socket.endpoint.scope && socket.device == 7);
	msg.id.idiag_dst[0] = htonl(0xfe800000);
	require(socket_read(&socket, &msg, sizeof(msg), error));
	require(socket.endpoint.local.family == AF_INET6 && socket.endpoint.scope == 7);
	require(!socket_read(&socket, &msg, sizeof(msg) - 1, error));
	msg.idiag_state = TCPSTATE_STATE_MAX + 1;
	require(!socket_read(&socket, &msg, sizeof(msg), error));
	msg.idiag_state = 1;
	msg.idiag_family = AF_UNIX;
	require(!socket_read(&socket, &msg, sizeof(msg), error));
}

static void check_link(void)
{
	char bytes[256] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(bytes);
	struct ifinfomsg *msg = mnl_nlmsg_put_extra_header(nlh, sizeof(*msg));
	char error[FIELDS_ERROR];
	struct nlattr *nest;
	struct link link;
	void *payload;

	msg->ifi_index = 9;
	mnl_attr_put_u32(nlh, IFLA_MASTER, 5);
	nest = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "vrf");
	mnl_attr_nest_end(nlh, nest);
	payload = mnl_nlmsg_get_payload(nlh);
	require(link_read(&link, payload, mnl_nlmsg_get_payload_len(nlh), error));
	require(link.index == 9 && link.master == 5 && link.vrf);
	require(!link_read(&link, payload, sizeof(*msg) - 1, error));
}

/* One gauge that differs; then anything that moved excuses it. */
static void check_gauges(void)
{
	static struct counters counters[2];
	struct gauge gauges[GAUGES], later[GAUGES];
	struct kernel_gauges kernel[2] = {
		{ .currestab = 12, .timewait = 7 },
		{ .currestab = 12, .timewait = 7, .listening = 3, .timewait_fin_wait2 = 2 },
	};

	for (int i = 0; i < 2; i++) {
		counters[i].states[TCPSTATE_STATE_LISTEN][0] = 3;
		counters[i].states[TCPSTATE_STATE_ESTABLISHED][0] = 10;
		counters[i].states[TCPSTATE_STATE_CLOSE_WAIT][0] = 2;
		counters[i].states[TCPSTATE_STATE_TIME_WAIT][0] = 5;
		counters[i].states[TCPSTATE_STATE_FIN_WAIT2][0] = 4;
	}
	gauges_judge(gauges, counters, kernel);
	for (int i = 0; i < GAUGES; i++)
		require(gauges[i].is == GAUGE_EQUAL && gauges[i].mirror == gauges[i].kernel);

	kernel[1].listening = 4;
	for (int i = 0; i < 2; i++) {
		kernel[i].currestab = 13;
		kernel[i].timewait = 8;
	}
	gauges_judge(gauges, counters, kernel);
	for (int i = 0; i < GAUGES; i++)
		require(gauges[i].is == GAUGE_DIFFERS && gauges[i].mirror + 1 == gauges[i].kernel);
	gauges_judge(later, counters, kernel);
	gauges_keep(gauges, later);
	for (int i = 0; i < GAUGES; i++)
		require(gauges[i].is == GAUGE_DIFFERS);
	later[GAUGE_LISTEN].kernel++;
	later[GAUGE_CURRESTAB].is = GAUGE_EQUAL;
	later[GAUGE_TIMEWAIT].is = GAUGE_MOVES;
	gauges_keep(gauges, later);
	require(gauges[GAUGE_LISTEN].is == GAUGE_MOVES);
	require(gauges[GAUGE_CURRESTAB].is == GAUGE_EQUAL);
	require(gauges[GAUGE_TIMEWAIT].is == GAUGE_MOVES);

	/* A state was entered, and left again. */
	counters[1].states[TCPSTATE_STATE_LISTEN][5]++;
	counters[1].states[TCPSTATE_STATE_CLOSE_WAIT][5]++;
	kernel[0].timewait++;
	gauges_judge(gauges, counters, kernel);
	for (int i = 0; i < GAUGES; i++)
		require(gauges[i].is == GAUGE_MOVES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool checked;

	if (!checked) {
		check_socket();
		check_link();
		check_gauges();
		checked = true;
	}
	at = data;
	end = data + size;
	if (pick(8))
		compare();
	else
		parse();
	return 0;
}
