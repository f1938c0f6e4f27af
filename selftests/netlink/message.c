// SPDX-License-Identifier: GPL-2.0
/*
 * Requests: valid ones by the spec, and such that are wrong in one of many ways. What is right or
 * wrong is not remembered: judge.c reads it from the bytes.
 */
#include <endian.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include "worker.h"

#define GENL_BEGIN	(NLMSG_HDRLEN + GENL_HDRLEN)
#define ROOM		(DATAGRAM - 1024)

/* One request being made. */
struct making {
	struct worker *worker;
	uint64_t *random;
	const struct known *known;	/* fill in this flow, or NULL */
	bool wild;
};

static void put(struct worker *worker, const void *bytes, size_t length)
{
	if (worker->length + length > DATAGRAM)
		return;
	memcpy(worker->datagram + worker->length, bytes, length);
	worker->length += length;
}

static void put16(struct worker *worker, uint16_t value)
{
	uint8_t bytes[2] = { value, value >> 8 };

	put(worker, bytes, 2);
}

static void set16(uint8_t *bytes, uint16_t value)
{
	bytes[0] = value;
	bytes[1] = value >> 8;
}

static void set32(uint8_t *bytes, uint32_t value)
{
	set16(bytes, value);
	set16(bytes + 2, value >> 16);
}

static void put_random(struct making *making, size_t length)
{
	for (; length; length--) {
		uint8_t byte = random_next(making->random);

		put(making->worker, &byte, 1);
	}
}

static void pad(struct making *making)
{
	static const uint8_t zero;

	while (making->worker->length % NLA_ALIGNTO)
		put(making->worker, &zero, 1);
}

static size_t begin_attr(struct worker *worker, uint16_t type)
{
	size_t at = worker->length;

	put16(worker, 0);
	put16(worker, type);
	return at;
}

static void end_attr(struct making *making, size_t at)
{
	set16(making->worker->datagram + at, making->worker->length - at);
	pad(making);
}

static void put_attr(struct making *making, uint16_t type, const void *bytes, size_t length)
{
	size_t at = begin_attr(making->worker, type);

	put(making->worker, bytes, length);
	end_attr(making, at);
}

static uint64_t full(const struct spec_attr *attr)
{
	return attr->length == 8 ? ~0ULL : (1ULL << 8 * attr->length) - 1;
}

static uint64_t good_value(struct making *making, const struct spec_attr *attr)
{
	uint64_t bits = random_next(making->random), span = attr->max - attr->min + 1;

	if (!strcmp(attr->name, "family"))
		return bits & 1 ? AF_INET : AF_INET6;
	if (attr->mask != full(attr))
		return random_once(making->random, 2) ? attr->mask : bits & attr->mask;
	switch (random_below(making->random, 4)) {
	case 0:
		return attr->min;
	case 1:
		return attr->max;
	default:
		return attr->min + (span ? bits % span : bits);
	}
}

static uint64_t bad_value(struct making *making, const struct spec_attr *attr)
{
	switch (random_below(making->random, 5)) {
	case 0:
		return attr->max + 1;
	case 1:
		return attr->min - 1;
	case 2:
		return ~0ULL;
	case 3:
		return 1ULL << random_below(making->random, 64);
	default:
		return random_next(making->random);
	}
}

static void put_scalar(struct making *making, const struct spec_attr *attr, uint64_t value)
{
	uint64_t ordered = attr->big_endian ? htobe64(value << (64 - 8 * attr->length)) :
					      htole64(value);

	put(making->worker, &ordered, attr->length);
}

static void put_set(struct making *making, const struct spec_set *set, uint32_t types);

/* One address, as ends and prefixes have it, and of ends the port; the rest is left to chance. */
static void put_address(struct making *making, const struct spec_set *set, unsigned int i)
{
	bool ipv4 = random_once(making->random, 2), prefix = !strcmp(set->name, "prefix");
	const struct known *known = making->known;
	uint8_t address[16] = { 127, 0, 0, 1 };

	if (known) {
		ipv4 = known->family == AF_INET;
		memcpy(address, known->address[i], sizeof(address));
	} else if (!ipv4) {
		memset(address, 0, sizeof(address));
		address[15] = 1;
	}
	if (ipv4)
		put_attr(making, spec_type(set, "ipv4"), address, 4);
	else
		put_attr(making, spec_type(set, "ipv6"), address, 16);
	if (prefix) {
		uint32_t length = htole32(random_below(making->random, ipv4 ? 33 : 129));

		if (random_once(making->random, 2))
			put_attr(making, spec_type(set, "length"), &length, sizeof(length));
		return;
	}
	if (known)
		put_attr(making, spec_type(set, "port"), known->port[i], 2);
	else
		put_attr(making, spec_type(set, "port"), address + 12, 2);
}

static void put_nested(struct making *making, const struct spec_attr *attr)
{
	const struct spec_set *set = attr->nested;

	if ((!strcmp(set->name, "end") || !strcmp(set->name, "prefix")) &&
	    !random_once(making->random, 8))
		put_address(making, set, !strcmp(attr->name, "dst"));
	else
		put_set(making, set, ~0U);
}

static void put_payload(struct making *making, const struct spec_attr *attr)
{
	switch (attr->type) {
	case SPEC_NEST:
		put_nested(making, attr);
		break;
	case SPEC_BINARY:
		put_random(making, attr->length);
		break;
	case SPEC_SCALAR:
		if (making->known && !strcmp(attr->name, "id"))
			put_scalar(making, attr, making->known->id);
		else if (making->known && !strcmp(attr->name, "scope"))
			put_scalar(making, attr, making->known->scope);
		else
			put_scalar(making, attr, good_value(making, attr));
		break;
	default:
		break;
	}
}

static void put_good(struct making *making, const struct spec_attr *attr, unsigned int type)
{
	size_t at = begin_attr(making->worker, type | (attr->type == SPEC_NEST ? NLA_F_NESTED : 0));

	put_payload(making, attr);
	end_attr(making, at);
}

static void put_deep(struct making *making, unsigned int type, unsigned int depth)
{
	size_t at;

	if (!depth || making->worker->length > ROOM)
		return;
	at = begin_attr(making->worker, type | NLA_F_NESTED);
	put_deep(making, type, depth - 1);
	end_attr(making, at);
}

/* An attribute that is wrong, mostly. */
static void put_bad(struct making *making, const struct spec_set *set, unsigned int type)
{
	static const uint16_t unknown[] = { 0, 1000, 0x3fff };
	const struct spec_attr *attr = &set->attrs[type];
	uint16_t nested = attr->type == SPEC_NEST ? NLA_F_NESTED : 0;
	struct worker *worker = making->worker;
	size_t at = worker->length, cut;

	switch (random_below(making->random, 13)) {
	case 0:	/* out of range */
	case 1:
		begin_attr(worker, type | nested);
		if (attr->type == SPEC_SCALAR)
			put_scalar(making, attr, bad_value(making, attr));
		else
			put_random(making, random_below(making->random, 24));
		break;
	case 2:	/* truncated */
		begin_attr(worker, type | nested);
		put_payload(making, attr);
		cut = worker->length - at - NLA_HDRLEN;
		worker->length -= random_below(making->random, cut + 1);
		break;
	case 3:	/* too long */
		begin_attr(worker, type | nested);
		put_payload(making, attr);
		put_random(making, 1 + random_below(making->random, 300));
		break;
	case 4:	/* duplicated */
		put_good(making, attr, type);
		put_good(making, attr, type);
		return;
	case 5:	/* NLA_F_NESTED missing, or where none belongs */
		begin_attr(worker, type | (nested ^ NLA_F_NESTED));
		put_payload(making, attr);
		break;
	case 6:	/* a nest in a scalar, or in a nest that has none */
		begin_attr(worker, type | nested);
		put_good(making, attr, type);
		break;
	case 7:	/* too deep */
		put_deep(making, type, 2 + random_below(making->random, 40));
		return;
	case 8:	/* unknown */
		begin_attr(worker, random_once(making->random, 2) ?
				   set->max + 1 + random_below(making->random, 4) :
				   unknown[random_below(making->random, 3)]);
		put_payload(making, attr);
		break;
	case 9:	/* a length that lies */
		begin_attr(worker, type | nested);
		put_payload(making, attr);
		end_attr(making, at);
		set16(worker->datagram + at, random_below(making->random, 64));
		return;
	case 10: /* an order of bytes that netlink does not care for */
		begin_attr(worker, type | nested | NLA_F_NET_BYTEORDER);
		put_payload(making, attr);
		break;
	case 11: /* empty */
		begin_attr(worker, type | nested);
		break;
	default: /* random bytes, and padding that is not zero */
		begin_attr(worker, type | nested);
		put_random(making, attr->length);
		set16(worker->datagram + at, worker->length - at);
		put_random(making, NLA_ALIGN(attr->length) - attr->length);
		return;
	}
	end_attr(making, at);
}

/* How often an attribute is in a request: once in so many. */
static unsigned int rarity(const struct spec_attr *attr)
{
	static const struct {
		const char *name;
		unsigned int rarity;
	} rarities[] = {
		{ "enabled", 64 }, { "max-flows", 8 }, { "timeouts", 8 }, { "filter", 1 },
	};

	for (unsigned int i = 0; i < sizeof(rarities) / sizeof(rarities[0]); i++)
		if (!strcmp(rarities[i].name, attr->name))
			return rarities[i].rarity;
	return 3;
}

static void put_set(struct making *making, const struct spec_set *set, uint32_t types)
{
	unsigned int first = 1 + random_below(making->random, set->max);

	for (unsigned int i = 0; i < set->max; i++) {
		unsigned int type = 1 + (first - 1 + i) % set->max;
		const struct spec_attr *attr = &set->attrs[type];
		bool listed = types & 1U << type && attr->type > SPEC_PAD;

		if (making->worker->length > ROOM)
			return;
		/* An attribute of another command. */
		if (!listed && (!making->wild || !random_once(making->random, 16)))
			continue;
		if (!random_once(making->random, rarity(attr)))
			continue;
		if (making->wild && random_once(making->random, 3))
			put_bad(making, set, type);
		else
			put_good(making, attr, type);
	}
}

#define MOST	30

/* How often an operation is asked for; one that is not here, as the first. */
static const struct {
	const char *name;
	unsigned int weight;
} weights[] = {
	{ "", 10 }, { "flow-get", MOST }, { "flow-count", 20 }, { "flow-flush", 2 },
	{ "config-set", 20 },
};

static unsigned int weight(const struct spec_op *op)
{
	for (unsigned int i = 1; i < sizeof(weights) / sizeof(weights[0]); i++)
		if (!strcmp(weights[i].name, op->name))
			return weights[i].weight;
	return weights[0].weight;
}

static const struct spec_op *any_op(struct making *making)
{
	const struct spec *spec = making->worker->spec;

	while (true) {
		const struct spec_op *op = &spec->ops[random_below(making->random, spec->nr_ops)];

		if (random_below(making->random, MOST) < weight(op))
			return op;
	}
}

static void put_header(struct making *making, uint8_t cmd, uint16_t flags)
{
	bool odd = random_once(making->random, 16);
	uint8_t header[GENL_BEGIN] = { 0 };

	set16(header + 4, making->worker->judge.family);
	set16(header + 6, flags);
	set32(header + 8, ++making->worker->seq);
	header[NLMSG_HDRLEN] = cmd;
	header[NLMSG_HDRLEN + 1] = odd ? random_next(making->random) : 1;
	put(making->worker, header, sizeof(header));
}

static bool names_flow(const struct spec_op *op, const struct spec_mode *mode)
{
	return !strcmp(op->set->name, "flow") && mode->request & 1U << spec_type(op->set, "src");
}

/* What names a flow is there in most requests for one. */
static void put_key(struct making *making, const struct spec_op *op)
{
	const struct spec_set *set = op->set;

	for (unsigned int type = 1; type <= set->max; type++) {
		const struct spec_attr *attr = &set->attrs[type];
		bool end = !strcmp(attr->name, "src") || !strcmp(attr->name, "dst");

		if (!(op->once.request & 1U << type))
			continue;
		if (!end && !making->known)
			continue;
		if (!end && random_once(making->random, 2))
			continue;
		if (making->wild && random_once(making->random, 4))
			put_bad(making, set, type);
		else
			put_good(making, attr, type);
	}
}

static void warp_header(struct making *making, size_t begin)
{
	struct worker *worker = making->worker;
	uint8_t *header = worker->datagram + begin;
	uint64_t *random = making->random;
	size_t cut;

	switch (random_below(random, 9)) {
	case 0:	/* reserved */
		set16(header + NLMSG_HDRLEN + 2, random_next(random));
		break;
	case 1:
		set16(header + 6, get16(header + 6) | 1U << random_below(random, 16));
		break;
	case 2:
		set16(header + 6, get16(header + 6) | NLM_F_DUMP);
		break;
	case 3:
		set16(header + 6, random_next(random));
		break;
	case 4:
		header[NLMSG_HDRLEN] = random_next(random);
		break;
	case 5:	/* control messages, and a family that is not there */
		set16(header + 4, random_once(random, 2) ? random_below(random, NLMSG_MIN_TYPE) :
							    0xfff0);
		break;
	case 6:	/* a length that lies */
		set32(header, random_once(random, 2) ? random_below(random, 64) :
						       random_next(random));
		break;
	default: /* cut */
		cut = random_below(random, worker->length - begin - NLMSG_HDRLEN + 1);
		worker->length -= cut;
		set32(header, worker->length - begin);
	}
}

static void make_one(struct making *making, bool last)
{
	const struct spec_op *op = any_op(making);
	struct worker *worker = making->worker;
	bool dump = last && op->dump.offered && random_once(making->random, 3);
	uint16_t flags = NLM_F_REQUEST | (dump ? NLM_F_DUMP : 0);
	const struct spec_mode *mode = dump ? &op->dump : &op->once;
	size_t begin = worker->length;

	if (!random_once(making->random, 8))
		flags |= NLM_F_ACK;
	if (random_once(making->random, 16))
		flags |= NLM_F_ECHO;
	making->known = NULL;
	if (worker->nr_known && !random_once(making->random, 3))
		making->known = &worker->pool[random_next(making->random) %
					      (worker->nr_known < POOL ? worker->nr_known : POOL)];
	put_header(making, op->cmd, flags);
	if (names_flow(op, mode) && !random_once(making->random, 16))
		put_key(making, op);
	else if (!random_once(making->random, 16))
		put_set(making, op->set, mode->request);
	set32(worker->datagram + begin, worker->length - begin);
	pad(making);
	if (!last || !making->wild)
		return;
	if (random_once(making->random, 6))
		warp_header(making, begin);
	if (random_once(making->random, 6) && worker->length > begin + NLMSG_HDRLEN)
		for (unsigned int i = 1 + random_below(making->random, 4); i; i--) {
			size_t at = begin + NLMSG_HDRLEN +
				    random_below(making->random,
						 worker->length - begin - NLMSG_HDRLEN);

			worker->datagram[at] ^= 1U << random_below(making->random, 8);
		}
}

/**
 * message_make - fill the worker's datagram with a request, or a few
 */
void message_make(struct worker *worker)
{
	struct making making = { .worker = worker, .random = &worker->random };
	unsigned int count = random_once(&worker->random, 8) ?
			     2 + random_below(&worker->random, 2) : 1;

	worker->length = 0;
	for (; count; count--) {
		making.wild = random_once(&worker->random, 2);
		make_one(&making, count == 1);
		if (worker->length > ROOM / 2)
			break;
	}
}

/**
 * message_restore - from the reply to config-get, make what takes all changes back
 */
void message_restore(struct worker *worker, const uint8_t *reply, size_t length)
{
	const struct spec *spec = worker->spec;
	uint8_t *to = worker->restore;
	const struct spec_op *op = NULL;
	size_t used = GENL_BEGIN;

	for (unsigned int i = 0; i < spec->nr_ops; i++)
		if (!strcmp(spec->ops[i].name, "config-set"))
			op = &spec->ops[i];
	if (!op || length > sizeof(worker->restore))
		return;
	memset(to, 0, GENL_BEGIN);
	set16(to + 4, worker->judge.family);
	set16(to + 6, NLM_F_REQUEST | NLM_F_ACK);
	to[NLMSG_HDRLEN] = op->cmd;
	to[NLMSG_HDRLEN + 1] = 1;
	for (size_t at = GENL_BEGIN; at + NLA_HDRLEN <= length;) {
		size_t size = NLA_ALIGN(get16(reply + at));
		unsigned int type = get16(reply + at + 2) & NLA_TYPE_MASK;
		bool global = type == spec_type(op->set, "enabled") ||
			      type == spec_type(op->set, "max-flows");

		if (size < NLA_HDRLEN || size > length - at)
			return;
		if (op->once.request & 1U << type && !global) {
			memcpy(to + used, reply + at, size);
			used += size;
		}
		at += size;
	}
	set32(to, used);
	worker->restore_length = used;
}
