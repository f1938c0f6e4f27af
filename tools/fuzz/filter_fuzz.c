// SPDX-License-Identifier: GPL-2.0
/*
 * The filter language. An input is either taken as words as it is; or it chooses flows and a
 * filter, and its words are made together with what they mean for each flow. Parser and evaluator
 * must agree with that meaning, and the kernel's filter, read back and applied here, must let pass
 * what the filter does, and no more where it is said to be exact.
 */
#include <arpa/inet.h>
#include <linux/tcpstate.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compile.h"
#include "filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define FLOWS		32
#define TEXT		16384

static const char *const addresses[2][4] = {
	{ "10.0.0.1", "10.0.0.2", "10.128.0.1", "192.168.1.1" },
	{ "fd00::1", "fd00::2", "fe80::1", "::1" },
};

static const uint16_t ports[] = { 0, 1, 22, 79, 80, 81, 443, 65534, 65535 };

struct input {
	const uint8_t *at;
	const uint8_t *end;
};

static struct flow flows[FLOWS];
static char text[TEXT];
static size_t length;

/* A number below `below`; 0 when the input is used up. */
static unsigned int pick(struct input *input, unsigned int below)
{
	return input->at < input->end ? *input->at++ % below : 0;
}

__attribute__((format(printf, 1, 2)))
static void say(const char *format, ...)
{
	va_list args;

	if (length >= TEXT)
		return;
	va_start(args, format);
	length += vsnprintf(text + length, TEXT - length, format, args);
	va_end(args);
}

static uint16_t pick_port(struct input *input)
{
	return ports[pick(input, COUNT(ports))];
}

static void make_flow(struct input *input, struct flow *flow)
{
	unsigned int family = pick(input, 2);

	memset(flow, 0, sizeof(*flow));
	flow->path = pick(input, 3);
	flow->role = pick(input, 2);
	flow->provenance = pick(input, 3);
	for (int i = SRC; i <= DST; i++) {
		struct end *end = &flow->end[i];

		end->address.family = family ? AF_INET6 : AF_INET;
		inet_pton(end->address.family, addresses[family][pick(input, 4)],
			  end->address.byte);
		end->port = pick_port(input);
		end->state = 1 + pick(input, 11);
	}
}

/* Conditions: each says its words and returns the flows that fulfil it, a bit each. */

static uint32_t which(bool (*fits)(const struct flow *, const void *), const void *argument)
{
	uint32_t set = 0;

	for (int i = 0; i < FLOWS; i++)
		set |= (uint32_t)fits(&flows[i], argument) << i;
	return set;
}

struct state_condition {
	int whose;		/* 0 src, 1 dst, 2 either */
	unsigned int states[11];
	unsigned int count;
};

static bool fits_state(const struct flow *flow, const void *argument)
{
	const struct state_condition *condition = argument;

	for (unsigned int i = 0; i < condition->count; i++) {
		if (condition->whose != 1 && flow->end[SRC].state == condition->states[i])
			return true;
		if (condition->whose != 0 && flow->end[DST].state == condition->states[i])
			return true;
	}
	return false;
}

static uint32_t say_state(struct input *input)
{
	static const struct {
		const char *word;
		unsigned int states[11];
	} words[] = {
		{ "established", { 1 } }, { "ESTAB", { 1 } }, { "syn-sent", { 2 } },
		{ "SYN_SENT", { 2 } }, { "syn_recv", { 3 } }, { "SYN-RECEIVED", { 3 } },
		{ "fin-wait-1", { 4 } }, { "fin_wait1", { 4 } }, { "FIN-WAIT-2", { 5 } },
		{ "fin_wait2", { 5 } }, { "time-wait", { 6 } }, { "time_wait", { 6 } },
		{ "CLOSED", { 7 } }, { "close", { 7 } }, { "close-wait", { 8 } },
		{ "close_wait", { 8 } }, { "last-ack", { 9 } }, { "LAST_ACK", { 9 } },
		{ "listening", { 10 } }, { "LISTEN", { 10 } }, { "closing", { 11 } },
		{ "all", { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 } },
		{ "connected", { 1, 2, 3, 4, 5, 6, 8, 9, 11 } },
		{ "synchronized", { 1, 3, 4, 5, 6, 8, 9, 11 } },
		{ "bucket", { 3, 6 } },
	};
	static const char *const whose[] = { "state", "peer-state", "either-state" };
	unsigned int word = pick(input, COUNT(words));
	struct state_condition condition = { .whose = (int)pick(input, 3) };

	while (condition.count < 11 && words[word].states[condition.count]) {
		condition.states[condition.count] = words[word].states[condition.count];
		condition.count++;
	}
	say(" %s %s", whose[condition.whose], words[word].word);
	return which(fits_state, &condition);
}

struct port_condition {
	int end;
	unsigned int operator;	/* = != < > <= >= */
	unsigned int port;
};

static bool fits_port(const struct flow *flow, const void *argument)
{
	const struct port_condition *condition = argument;
	unsigned int port = flow->end[condition->end].port;

	switch (condition->operator) {
	case 0:
		return port == condition->port;
	case 1:
		return port != condition->port;
	case 2:
		return port < condition->port;
	case 3:
		return port > condition->port;
	case 4:
		return port <= condition->port;
	default:
		return port >= condition->port;
	}
}

static uint32_t say_port(struct input *input)
{
	static const char *const operators[6][4] = {
		{ "=", "==", " eq ", " " }, { "!=", " ne ", " neq ", "!=" },
		{ "<", " lt ", " < ", " LT " }, { ">", " gt ", " > ", " gt " },
		{ "<=", " le ", " leq ", " <= " }, { ">=", " ge ", " geq ", " >= " },
	};
	struct port_condition condition = {
		.end = (int)pick(input, 2), .operator = pick(input, 6), .port = pick_port(input),
	};

	say(" %s%s%s%u", condition.end ? "dport" : "sport",
	    operators[condition.operator][pick(input, 4)], pick(input, 2) ? ":" : "",
	    condition.port);
	return which(fits_port, &condition);
}

struct address_condition {
	int end;
	int family;
	uint8_t byte[16];
	unsigned int length;
	bool with_port;
	unsigned int port;
	bool not;
};

static bool fits_address(const struct flow *flow, const void *argument)
{
	const struct address_condition *condition = argument;
	const struct end *end = &flow->end[condition->end];
	bool fits = end->address.family == condition->family;

	for (unsigned int bit = 0; fits && bit < condition->length; bit++)
		if ((end->address.byte[bit / 8] >> (7 - bit % 8) & 1) !=
		    (condition->byte[bit / 8] >> (7 - bit % 8) & 1))
			fits = false;
	if (condition->with_port && end->port != condition->port)
		fits = false;
	return fits != condition->not;
}

static uint32_t say_address(struct input *input)
{
	static const char *const operators[] = { " ", " = ", " == ", " eq ", "!=", " ne " };
	unsigned int v6 = pick(input, 2), whole = v6 ? 128 : 32;
	const char *address = addresses[v6][pick(input, 4)];
	struct address_condition condition = {
		.end = (int)pick(input, 2), .family = v6 ? AF_INET6 : AF_INET,
		.length = pick(input, whole + 1), .with_port = pick(input, 2),
		.port = pick_port(input),
	};
	unsigned int operator = pick(input, COUNT(operators)), form = pick(input, 4);
	bool brackets = v6 && (condition.with_port || form == 1);

	condition.not = operator >= 4;
	inet_pton(condition.family, address, condition.byte);
	say(" %s%s%s", condition.end ? "dst" : "src", operators[operator], brackets ? "[" : "");
	/* The form of a mapped address means the same as that of IPv4. */
	if (!v6 && form == 1 && !condition.with_port)
		say("::ffff:%s/%u", address, 96 + condition.length);
	else if (form == 2)
		say("%s", address);
	else
		say("%s%s/%u", address, brackets ? "]" : "", condition.length);
	if (form == 2) {
		condition.length = whole;
		say("%s", brackets ? "]" : "");
	}
	if (condition.with_port)
		say(":%u", condition.port);
	return which(fits_address, &condition);
}

static bool fits_path(const struct flow *flow, const void *argument)
{
	return flow->path == *(const unsigned int *)argument;
}

static bool fits_role(const struct flow *flow, const void *argument)
{
	return flow->role == *(const unsigned int *)argument;
}

static bool fits_provenance(const struct flow *flow, const void *argument)
{
	return flow->provenance == *(const unsigned int *)argument;
}

static uint32_t say_word(struct input *input)
{
	static const char *const path[] = { "local", "loopback", "forwarded" };
	static const char *const role[] = { "initiator", "responder" };
	static const char *const provenance[] = { "handshake", "midstream", "seeded" };
	unsigned int n;

	switch (pick(input, 3)) {
	case 0:
		n = pick(input, 3);
		say(" path %s", path[n]);
		return which(fits_path, &n);
	case 1:
		n = pick(input, 2);
		say(" role %s", role[n]);
		return which(fits_role, &n);
	default:
		n = pick(input, 3);
		say(" provenance %s", provenance[n]);
		return which(fits_provenance, &n);
	}
}

static uint32_t say_any(struct input *input, int depth);

static uint32_t say_one(struct input *input, int depth)
{
	uint32_t set;

	switch (pick(input, depth < 6 ? 7 : 5)) {
	case 0:
	case 1:
		return say_state(input);
	case 2:
		return say_port(input);
	case 3:
		return say_address(input);
	case 4:
		return say_word(input);
	case 5:
		say(pick(input, 2) ? " not" : " !");
		return ~say_one(input, depth + 1);
	default:
		say(" (");
		set = say_any(input, depth + 1);
		say(")");
		return set;
	}
}

static uint32_t say_all(struct input *input, int depth)
{
	static const char *const and[] = { "", " and", " AND", " &&" };
	uint32_t set = say_one(input, depth);

	for (unsigned int n = pick(input, 3); n; n--) {
		say("%s", and[pick(input, 4)]);
		set &= say_one(input, depth);
	}
	return set;
}

static uint32_t say_any(struct input *input, int depth)
{
	static const char *const or[] = { " or", " Or", "|", " ||" };
	uint32_t set = say_all(input, depth);

	for (unsigned int n = pick(input, 3); n; n--) {
		say("%s", or[pick(input, 4)]);
		set |= say_all(input, depth);
	}
	return set;
}

/* The kernel's filter as its specification has it, read from the message's bytes. */

static uint32_t number(const uint8_t *attr)
{
	uint32_t u32;
	uint16_t u16;

	memcpy(&u16, attr, 2);
	if (u16 == 6) {
		memcpy(&u16, attr + 4, 2);
		return u16;
	}
	if (u16 != 8)
		abort();
	memcpy(&u32, attr + 4, 4);
	return u32;
}

/* The attribute of the type in these, or NULL. */
static const uint8_t *attribute(const uint8_t *at, const uint8_t *end, unsigned int type)
{
	while (at < end) {
		uint16_t head[2];

		memcpy(head, at, 4);
		if (head[0] < 4)
			abort();
		if ((head[1] & 0x3fff) == type)
			return at;
		at += (head[0] + 3) & ~3;
	}
	return NULL;
}

static const uint8_t *end_of(const uint8_t *attr)
{
	uint16_t size;

	memcpy(&size, attr, 2);
	return attr + size;
}

static bool kernel_prefix(const uint8_t *attr, const struct end *end)
{
	const uint8_t *v4 = attribute(attr + 4, end_of(attr), TCPSTATE_A_PREFIX_IPV4);
	const uint8_t *v6 = attribute(attr + 4, end_of(attr), TCPSTATE_A_PREFIX_IPV6);
	const uint8_t *bits = attribute(attr + 4, end_of(attr), TCPSTATE_A_PREFIX_LENGTH);
	unsigned int n = bits ? number(bits) : v4 ? 32 : 128;

	if (!v4 == !v6 || n > (v4 ? 32 : 128))
		abort();
	if (end->address.family != (v4 ? AF_INET : AF_INET6))
		return false;
	for (unsigned int i = 0; i < n; i++)
		if ((end->address.byte[i / 8] ^ (v4 ? v4 : v6)[4 + i / 8]) & 128 >> i % 8)
			return false;
	return true;
}

static bool kernel_passes(const uint8_t *at, const uint8_t *end, const struct flow *flow)
{
	uint32_t src = 1u << flow->end[SRC].state, dst = 1u << flow->end[DST].state;
	const uint8_t *attr = attribute(at, end, TCPSTATE_A_FLOW_FILTER);

	if (!attr)
		return true;
	at = attr + 4;
	end = end_of(attr);
	attr = attribute(at, end, TCPSTATE_A_FILTER_FAMILY);
	if (attr && number(attr) != flow->end[SRC].address.family)
		return false;
	attr = attribute(at, end, TCPSTATE_A_FILTER_PATHS);
	if (attr && !(number(attr) & 1u << flow->path))
		return false;
	attr = attribute(at, end, TCPSTATE_A_FILTER_ROLE);
	if (attr && number(attr) != flow->role)
		return false;
	attr = attribute(at, end, TCPSTATE_A_FILTER_STATES);
	if (attr && !(number(attr) & src))
		return false;
	attr = attribute(at, end, TCPSTATE_A_FILTER_PEER_STATES);
	if (attr && !(number(attr) & dst))
		return false;
	attr = attribute(at, end, TCPSTATE_A_FILTER_EITHER_STATES);
	if (attr && !(number(attr) & (src | dst)))
		return false;
	attr = attribute(at, end, TCPSTATE_A_FILTER_SPORT_MIN);
	if (attr && flow->end[SRC].port < number(attr))
		return false;
	attr = attribute(at, end, TCPSTATE_A_FILTER_SPORT_MAX);
	if (attr && flow->end[SRC].port > number(attr))
		return false;
	attr = attribute(at, end, TCPSTATE_A_FILTER_DPORT_MIN);
	if (attr && flow->end[DST].port < number(attr))
		return false;
	attr = attribute(at, end, TCPSTATE_A_FILTER_DPORT_MAX);
	if (attr && flow->end[DST].port > number(attr))
		return false;
	attr = attribute(at, end, TCPSTATE_A_FILTER_SRC);
	if (attr && !kernel_prefix(attr, &flow->end[SRC]))
		return false;
	attr = attribute(at, end, TCPSTATE_A_FILTER_DST);
	return !attr || kernel_prefix(attr, &flow->end[DST]);
}

__attribute__((format(printf, 1, 2), noreturn))
static void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nfilter: %s\n", text);
	abort();
}

/* What the kernel lets pass, of what the filter does. */
static void check_compiled(const struct filter *filter)
{
	union {
		struct nlmsghdr header;
		uint8_t bytes[1024];
	} message;
	struct box box;

	mnl_nlmsg_put_header(message.bytes);
	filter_compile(filter, &box);
	box_put(&message.header, &box);
	if (message.header.nlmsg_len > sizeof(message))
		abort();
	for (int i = 0; i < FLOWS; i++) {
		bool match = filter_match(filter, &flows[i]);
		bool passes = kernel_passes(message.bytes + sizeof(message.header),
					    message.bytes + message.header.nlmsg_len, &flows[i]);

		if (match && box_is_empty(&box))
			fail("said to match nothing, matches flow %d", i);
		if (match && !passes)
			fail("the kernel holds back flow %d", i);
		if (passes && !match && box.exact && !box_is_empty(&box))
			fail("said to be exact, lets flow %d pass", i);
	}
}

static void check_made(struct input *input)
{
	unsigned int families = pick(input, 4);
	struct filter_error error;
	struct filter filter;
	uint32_t expected;

	length = 0;
	text[0] = '\0';
	expected = say_any(input, 0);
	if (length >= TEXT)
		return;
	if (!filter_parse(&filter, text, &error)) {
		if (!strncmp(error.text, "too long", 8))
			return;
		fail("refused: %s, at %zu", error.text, error.at);
	}
	if (families && filter_families(&filter, families)) {
		for (int i = 0; i < FLOWS; i++)
			if (!(families & (flows[i].end[SRC].address.family == AF_INET ? 1 : 2)))
				expected &= ~(1u << i);
	}
	for (int i = 0; i < FLOWS; i++)
		if (filter_match(&filter, &flows[i]) != (expected >> i & 1))
			fail("wrong for flow %d", i);
	check_compiled(&filter);
}

static void check_words(const uint8_t *data, size_t size)
{
	struct filter_error error;
	struct filter filter;

	if (size >= TEXT)
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (filter_parse(&filter, text, &error)) {
		check_compiled(&filter);
		return;
	}
	if (!error.text[0] || error.at > strlen(text))
		fail("refused without a place");
	for (const char *c = error.text; *c; c++)
		if (*c < ' ' || *c > '~')
			fail("a message that is not printable");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, data + size };
	unsigned int mode = pick(&input, 4);

	for (int i = 0; i < FLOWS; i++) {
		/* A few bytes choose many flows. */
		uint8_t seed[10];
		struct input of = { seed, seed + sizeof(seed) };
		uint32_t mix = 0x9e3779b9u * (i + 1) + (i < 8 ? pick(&input, 256) : 0);

		for (size_t j = 0; j < sizeof(seed); j++) {
			mix = mix * 1664525 + 1013904223;
			seed[j] = mix >> 24;
		}
		make_flow(&of, &flows[i]);
	}
	if (mode == 0)
		check_words(input.at, input.end - input.at);
	else
		check_made(&input);
	return 0;
}
