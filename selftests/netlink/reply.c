// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel says is read whole: only what the spec lists, every length exact, every padding
 * zero, nothing left over; and no byte of it may be of the kernel's memory.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include "worker.h"

#define GENL_BEGIN	(NLMSG_HDRLEN + GENL_HDRLEN)

/* One reply being read. */
struct reading {
	struct worker *worker;
	const struct verdict *verdict;
	uint8_t *bytes;
};

static const char *value_fault(const struct spec_attr *attr, const uint8_t *payload, size_t length)
{
	uint64_t value;

	switch (attr->type) {
	case SPEC_NONE:
		return "is not in the spec";
	case SPEC_PAD:
	case SPEC_FLAG:
		return length ? "has a value" : NULL;
	case SPEC_NEST:
		return NULL;
	default:
		if (length != attr->length)
			return "has a wrong length";
	}
	if (attr->type != SPEC_SCALAR)
		return NULL;
	value = spec_value(attr, payload);
	return value < attr->min || value > attr->max || value & ~attr->mask ? "is out of range" :
									       NULL;
}

/* What may be absent from its nest. */
static uint32_t optional(const struct spec_set *set)
{
	static const char *const names[] = { "scope", "ipv4", "ipv6" };
	uint32_t types = 0;

	for (unsigned int i = 1; i <= set->max; i++) {
		if (set->attrs[i].type <= SPEC_FLAG || set->attrs[i].multi)
			types |= 1U << i;
		for (unsigned int name = 0; name < 3; name++)
			if (!strcmp(set->attrs[i].name, names[name]))
				types |= 1U << i;
	}
	return types;
}

static uint32_t all_of(const struct spec_set *set)
{
	return (uint32_t)((2ULL << set->max) - 2);
}

/* A nest is whole, and says what can be. */
static void nest_whole(struct reading *reading, const struct spec_set *set,
		       const struct seen *seen, uint32_t needed)
{
	if (needed & ~seen->present)
		tell(reading->worker, "%s lacks attributes %#x", set->name,
		     needed & ~seen->present);
	if (!strcmp(set->name, "end") && seen_has(seen, set, "ipv4") == seen_has(seen, set, "ipv6"))
		tell(reading->worker, "an end has not one address");
	if (!strcmp(set->name, "pair") && !seen->value[spec_type(set, "flows")])
		tell(reading->worker, "an empty pair");
	if (!strcmp(set->name, "state-counters") &&
	    seen->value[spec_type(set, "state")] != ++reading->worker->states)
		tell(reading->worker, "states out of order");
}

static void read_attrs(struct reading *reading, const struct spec_set *set, uint32_t allowed,
		       size_t at, size_t end)
{
	const uint8_t *bytes = reading->bytes;
	uint32_t present = 0;

	while (end - at >= NLA_HDRLEN) {
		size_t length = get16(bytes + at), next = at + NLA_ALIGN(length);
		unsigned int raw = get16(bytes + at + 2), type = raw & NLA_TYPE_MASK;
		const struct spec_attr *attr;
		bool nest;

		if (length < NLA_HDRLEN || next > end) {
			tell(reading->worker, "an attribute of %s ends beyond its nest", set->name);
			return;
		}
		if (!type || type > set->max || !(allowed & 1U << type)) {
			tell(reading->worker, "%s has an attribute %u", set->name, type);
			return;
		}
		attr = &set->attrs[type];
		nest = attr->type == SPEC_NEST;
		if (raw != (type | (nest ? NLA_F_NESTED : 0)))
			tell(reading->worker, "%s.%s has flags %#x", set->name, attr->name, raw);
		if (value_fault(attr, bytes + at + NLA_HDRLEN, length - NLA_HDRLEN))
			tell(reading->worker, "%s.%s %s", set->name, attr->name,
			     value_fault(attr, bytes + at + NLA_HDRLEN, length - NLA_HDRLEN));
		if (present & 1U << type && !attr->multi && attr->type != SPEC_PAD)
			tell(reading->worker, "%s.%s comes twice", set->name, attr->name);
		present |= 1U << type;
		for (size_t i = at + length; i < next; i++)
			if (bytes[i])
				tell(reading->worker, "%s.%s has padding %#x", set->name,
				     attr->name, bytes[i]);
		if (nest) {
			struct seen seen;

			read_attrs(reading, attr->nested, all_of(attr->nested), at + NLA_HDRLEN,
				   at + length);
			seen_read(&seen, attr->nested, bytes, at + NLA_HDRLEN, at + length);
			nest_whole(reading, attr->nested, &seen,
				   all_of(attr->nested) & ~optional(attr->nested));
		}
		at = next;
	}
	if (at != end)
		tell(reading->worker, "bytes left over in %s", set->name);
}

static bool looks_like_pointer(uint64_t value)
{
	/* direct map, vmalloc, vmemmap; text and modules */
	return (value >= 0xffff888000000000 && value < 0xfffffc0000000000) ||
	       (value >= 0xffffffff80000000 && value < 0xffffffffff000000);
}

/**
 * reply_scan - no eight bytes of a datagram, at any place, may be of the kernel's memory
 */
void reply_scan(struct worker *worker, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i + 8 <= length; i++) {
		uint64_t value;

		/* The top of a pointer, or a pattern that stands for stale memory. */
		if (bytes[i + 7] != 0xff && bytes[i + 7] != 0x6b && bytes[i + 7] != 0x5a &&
		    bytes[i + 7] != 0xaa)
			continue;
		value = get32(bytes + i) | (uint64_t)get32(bytes + i + 4) << 32;
		if (looks_like_pointer(value) || value == 0x6b6b6b6b6b6b6b6b ||
		    value == 0x5a5a5a5a5a5a5a5a || value == 0xaaaaaaaaaaaaaaaa) {
			tell(worker, "a reply has %#llx at %zu", (unsigned long long)value, i);
			return;
		}
	}
}

static void learn_end(struct known *known, unsigned int i, const struct spec_set *set,
		      const struct seen *seen, const uint8_t *bytes)
{
	unsigned int ipv4 = spec_type(set, "ipv4"), ipv6 = spec_type(set, "ipv6");
	size_t port = seen->at[spec_type(set, "port")] + NLA_HDRLEN;

	known->family = seen_has(seen, set, "ipv4") ? AF_INET : AF_INET6;
	memset(known->address[i], 0, 16);
	if (known->family == AF_INET)
		memcpy(known->address[i], bytes + seen->at[ipv4] + NLA_HDRLEN, 4);
	else
		memcpy(known->address[i], bytes + seen->at[ipv6] + NLA_HDRLEN, 16);
	memcpy(known->port[i], bytes + port, 2);
}

static void read_key(struct known *known, const struct spec_set *set, const struct seen *top,
		     const uint8_t *bytes)
{
	unsigned int src = spec_type(set, "src"), dst = spec_type(set, "dst");
	struct seen seen;

	known->id = top->value[spec_type(set, "id")];
	known->scope = top->value[spec_type(set, "scope")];
	seen_nest(&seen, set->attrs[src].nested, bytes, top->at[src]);
	learn_end(known, 0, set->attrs[src].nested, &seen, bytes);
	seen_nest(&seen, set->attrs[dst].nested, bytes, top->at[dst]);
	learn_end(known, 1, set->attrs[dst].nested, &seen, bytes);
}

static bool same_end(const struct known *a, unsigned int i, const struct known *b, unsigned int j)
{
	return !memcmp(a->address[i], b->address[j], 16) && !memcmp(a->port[i], b->port[j], 2);
}

/* The reply to flow-get is the flow that was asked for. */
static void check_key(struct reading *reading, const struct known *known)
{
	const struct verdict *verdict = reading->verdict;
	const struct spec_set *set = verdict->op->set;
	const uint8_t *request = reading->worker->datagram;
	struct known asked;

	read_key(&asked, set, &verdict->top, request);
	if (known->family != asked.family || known->scope != asked.scope ||
	    !((same_end(known, 0, &asked, 0) && same_end(known, 1, &asked, 1)) ||
	      (same_end(known, 0, &asked, 1) && same_end(known, 1, &asked, 0))))
		tell(reading->worker, "another flow than was asked for");
	if (seen_has(&verdict->top, set, "id") && known->id != asked.id)
		tell(reading->worker, "another id than was asked for");
}

static bool prefix_holds(const struct spec_set *set, const uint8_t *request, size_t at,
			 const struct known *known, unsigned int end)
{
	unsigned int ipv4 = spec_type(set, "ipv4"), ipv6 = spec_type(set, "ipv6");
	unsigned int length = spec_type(set, "length"), bits, type;
	struct seen seen;

	seen_nest(&seen, set, request, at);
	type = seen_has(&seen, set, "ipv4") ? ipv4 : ipv6;
	bits = type == ipv4 ? 32 : 128;
	if (seen.present & 1U << length)
		bits = seen.value[length];
	if (known->family != (type == ipv4 ? AF_INET : AF_INET6))
		return false;
	for (unsigned int i = 0; i < bits; i++) {
		uint8_t difference = request[seen.at[type] + NLA_HDRLEN + i / 8] ^
				     known->address[end][i / 8];

		if (difference & 0x80 >> i % 8)
			return false;
	}
	return true;
}

/* A listed flow fulfils the filter. */
static void check_filter(struct reading *reading, const struct seen *top,
			 const struct known *known)
{
	const struct spec_set *flow = reading->verdict->op->set;
	unsigned int type = spec_type(flow, "filter"), src = spec_type(flow, "src");
	unsigned int dst = spec_type(flow, "dst");
	const struct spec_set *set = flow->attrs[type].nested, *end = flow->attrs[src].nested;
	const uint8_t *request = reading->worker->datagram;
	uint64_t state, peer, sport, dport;
	struct seen asked, ends;

	if (!(reading->verdict->top.present & 1U << type))
		return;
	seen_nest(&asked, set, request, reading->verdict->top.at[type]);
	seen_nest(&ends, end, reading->bytes, top->at[src]);
	state = ends.value[spec_type(end, "state")];
	sport = ends.value[spec_type(end, "port")];
	seen_nest(&ends, end, reading->bytes, top->at[dst]);
	peer = ends.value[spec_type(end, "state")];
	dport = ends.value[spec_type(end, "port")];

#define GIVEN(name)	seen_has(&asked, set, name)
#define ASKED(name)	(asked.value[spec_type(set, name)])
	if ((GIVEN("family") && ASKED("family") != (uint64_t)known->family) ||
	    (GIVEN("paths") && !(ASKED("paths") >> top->value[spec_type(flow, "path")] & 1)) ||
	    (GIVEN("role") && ASKED("role") != top->value[spec_type(flow, "role")]) ||
	    (GIVEN("states") && !(ASKED("states") >> state & 1)) ||
	    (GIVEN("peer-states") && !(ASKED("peer-states") >> peer & 1)) ||
	    (GIVEN("either-states") && !((ASKED("either-states") >> state |
					  ASKED("either-states") >> peer) & 1)) ||
	    (GIVEN("sport-min") && sport < ASKED("sport-min")) ||
	    (GIVEN("sport-max") && sport > ASKED("sport-max")) ||
	    (GIVEN("dport-min") && dport < ASKED("dport-min")) ||
	    (GIVEN("dport-max") && dport > ASKED("dport-max")) ||
	    (GIVEN("src") && !prefix_holds(set->attrs[spec_type(set, "src")].nested, request,
					   asked.at[spec_type(set, "src")], known, 0)) ||
	    (GIVEN("dst") && !prefix_holds(set->attrs[spec_type(set, "dst")].nested, request,
					   asked.at[spec_type(set, "dst")], known, 1)))
		tell(reading->worker, "a flow that the filter does not let pass");
#undef ASKED
#undef GIVEN
}

static void check_flow(struct reading *reading, const struct seen *top)
{
	struct worker *worker = reading->worker;
	struct known *known = &worker->pool[worker->nr_known++ % POOL];

	read_key(known, reading->verdict->op->set, top, reading->bytes);
	worker->totals->ids++;
	worker->totals->like_pointers += looks_like_pointer(known->id);
	/* Any bits may be in it: not for the scan. */
	memset(reading->bytes + top->at[spec_type(reading->verdict->op->set, "id")] + NLA_HDRLEN, 0,
	       sizeof(known->id));
	if (reading->verdict->dump)
		check_filter(reading, top, known);
	else
		check_key(reading, known);
}

/* Only the tables that were asked for, and these whole. */
static void check_counters(struct reading *reading, const struct seen *top)
{
	const struct seen *asked = &reading->verdict->top;
	const struct spec_set *set = reading->verdict->op->set;
	static const char *const tables[] = { "states", "pairs", "transitions", "stat" };
	unsigned int type = spec_type(set, "tables");
	uint64_t wanted = asked->present & 1U << type ? asked->value[type] : ~0ULL;

	for (unsigned int i = 0; i < 4; i++)
		if (!(wanted >> i & 1) && seen_has(top, set, tables[i]))
			tell(reading->worker, "%s, which was not asked for", tables[i]);
	if ((wanted & 1) && reading->worker->states != 11)
		tell(reading->worker, "%u states", reading->worker->states);
	if (!seen_has(top, set, "complete") || (wanted & 8 && !seen_has(top, set, "stat")))
		tell(reading->worker, "complete or stat is missing");
}

/**
 * reply_check - one message with the content that was asked for
 */
void reply_check(struct worker *worker, const struct verdict *verdict, uint8_t *bytes,
		 size_t length)
{
	struct reading reading = { worker, verdict, bytes };
	uint16_t flags = get16(bytes + 6);
	const struct spec_set *set;
	struct seen top;

	worker->totals->replies++;
	worker->states = 0;
	if (length < GENL_BEGIN || bytes[NLMSG_HDRLEN] != verdict->op->cmd ||
	    bytes[NLMSG_HDRLEN + 1] != 1 || get16(bytes + NLMSG_HDRLEN + 2)) {
		tell(worker, "a reply with a wrong header");
		return;
	}
	if (verdict->dump ? (flags & ~NLM_F_DUMP_INTR) != NLM_F_MULTI : flags != 0)
		tell(worker, "a reply with flags %#x", flags);
	set = verdict->op->set;
	read_attrs(&reading, set, verdict->mode->reply, GENL_BEGIN, length);
	seen_read(&top, set, bytes, GENL_BEGIN, length);
	if (!strcmp(verdict->op->name, "counters-get")) {
		check_counters(&reading, &top);
		return;
	}
	nest_whole(&reading, set, &top, verdict->mode->reply & ~optional(set));
	if (!strcmp(verdict->op->name, "flow-get") && !(verdict->mode->reply & ~top.present &
							~optional(set)))
		check_flow(&reading, &top);
}

/**
 * reply_error - an error or an acknowledgment: the request's header, and what to blame
 */
void reply_error(struct worker *worker, const struct verdict *verdict, const uint8_t *bytes,
		 size_t length)
{
	size_t at = NLMSG_HDRLEN + sizeof(struct nlmsgerr), blamed = 0;
	bool said = false;
	int error;

	if (length < at || memcmp(bytes + NLMSG_HDRLEN + 4, worker->datagram + verdict->begin,
				  NLMSG_HDRLEN)) {
		tell(worker, "an error without the header of its request");
		return;
	}
	error = -(int)get32(bytes + NLMSG_HDRLEN);
	while (length - at >= NLA_HDRLEN) {
		size_t size = get16(bytes + at), next = at + NLA_ALIGN(size);

		if (size < NLA_HDRLEN || next > length)
			break;
		for (size_t i = at + size; i < next; i++)
			if (bytes[i])
				tell(worker, "an error with padding %#x", bytes[i]);
		switch (get16(bytes + at + 2) & NLA_TYPE_MASK) {
		case NLMSGERR_ATTR_MSG:
			said = size > NLA_HDRLEN + 1 &&
			       strnlen((const char *)bytes + at + NLA_HDRLEN, size - NLA_HDRLEN) ==
				       size - NLA_HDRLEN - 1;
			break;
		case NLMSGERR_ATTR_OFFS:
			blamed = get32(bytes + at + NLA_HDRLEN);
			break;
		}
		at = next;
	}
	if (at != length)
		tell(worker, "bytes left over in an error");
	if (!error && verdict->outcome == OUTCOME_REFUSED)
		tell(worker, "accepted, but %s at %zu", strerror(verdict->faults[0].error),
		     verdict->faults[0].at);
	else if (error && !judge_allows(verdict, error, blamed))
		tell(worker, "%s at %zu; %u faults, the first %s at %zu", strerror(error), blamed,
		     verdict->nr_faults, strerror(verdict->faults[0].error),
		     verdict->faults[0].at);
	else if (blamed && !said)
		tell(worker, "%s at %zu without a word", strerror(error), blamed);
}
