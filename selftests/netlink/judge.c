// SPDX-License-Identifier: GPL-2.0
/*
 * A second reading of the rules: netlink's strict validation with the spec's limits, and what the
 * spec's docs say beyond them. It finds every fault; the kernel may name any one of them.
 */
#include "judge.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#define GENL_BEGIN	(NLMSG_HDRLEN + GENL_HDRLEN)

static void fault(struct verdict *verdict, size_t at, int error)
{
	if (verdict->nr_faults < JUDGE_FAULTS)
		verdict->faults[verdict->nr_faults++] = (struct fault){ at, error };
}

static bool fits(const struct spec_attr *attr, size_t length)
{
	switch (attr->type) {
	case SPEC_FLAG:
		return length == 0;
	case SPEC_BINARY:
	case SPEC_SCALAR:
		return length == attr->length;
	case SPEC_NEST:
		return length == 0 || length >= NLA_HDRLEN;
	default:
		return false;
	}
}

/* The attribute at @at, if there is one before @end, and where the next begins. */
static bool attr_at(const uint8_t *bytes, size_t at, size_t end, size_t *length, size_t *next)
{
	if (end - at < NLA_HDRLEN)
		return false;
	*length = get16(bytes + at);
	if (*length < NLA_HDRLEN || *length > end - at)
		return false;
	*next = at + NLA_ALIGN(*length);
	if (*next > end)
		*next = end;
	*length -= NLA_HDRLEN;
	return true;
}

/**
 * seen_read - the attributes between two places; those that do not fit are passed over
 */
void seen_read(struct seen *seen, const struct spec_set *set, const uint8_t *bytes, size_t at,
	       size_t end)
{
	size_t length, next;

	memset(seen, 0, sizeof(*seen));
	for (; attr_at(bytes, at, end, &length, &next); at = next) {
		unsigned int type = get16(bytes + at + 2) & NLA_TYPE_MASK;

		if (!type || type > set->max || !fits(&set->attrs[type], length))
			continue;
		seen->present |= 1U << type;
		seen->at[type] = at;
		if (set->attrs[type].type == SPEC_SCALAR)
			seen->value[type] = spec_value(&set->attrs[type], bytes + at + NLA_HDRLEN);
	}
}

/**
 * seen_nest - those in the attribute at a place
 */
void seen_nest(struct seen *seen, const struct spec_set *set, const uint8_t *bytes, size_t at)
{
	seen_read(seen, set, bytes, at + NLA_HDRLEN, at + get16(bytes + at));
}

/**
 * seen_has - is the attribute of that name there?
 */
bool seen_has(const struct seen *seen, const struct spec_set *set, const char *name)
{
	return seen->present & 1U << spec_type(set, name);
}

/* Of an end a request has the address and the port alone. */
static uint32_t nest_allows(const struct spec_set *set)
{
	if (strcmp(set->name, "end"))
		return ~0U;
	return 1U << spec_type(set, "ipv4") | 1U << spec_type(set, "ipv6") |
	       1U << spec_type(set, "port");
}

static void judge_attrs(struct verdict *verdict, const struct spec_set *set, uint32_t allowed,
			const uint8_t *bytes, size_t at, size_t end);

static void judge_attr(struct verdict *verdict, const struct spec_set *set, uint32_t allowed,
		       const uint8_t *bytes, size_t at, size_t length)
{
	unsigned int type = get16(bytes + at + 2) & NLA_TYPE_MASK;
	bool nested = get16(bytes + at + 2) & NLA_F_NESTED;
	size_t where = at - verdict->begin, payload = at + NLA_HDRLEN;
	const struct spec_attr *attr;
	bool nest;

	if (!type || type > set->max || !(allowed & 1U << type))
		fault(verdict, where, EINVAL);
	if (!type || type > set->max)
		return;
	attr = &set->attrs[type];
	nest = attr->type == SPEC_NEST;
	if (nest != nested || !fits(attr, length)) {
		fault(verdict, where, EINVAL);
		return;
	}
	if (nest)
		judge_attrs(verdict, attr->nested, nest_allows(attr->nested), bytes, payload,
			    payload + length);
	if (attr->type == SPEC_SCALAR) {
		uint64_t value = spec_value(attr, bytes + payload);

		if (value < attr->min || value > attr->max || value & ~attr->mask)
			fault(verdict, where, EINVAL);
	}
}

static void judge_attrs(struct verdict *verdict, const struct spec_set *set, uint32_t allowed,
			const uint8_t *bytes, size_t at, size_t end)
{
	size_t length, next;

	for (; attr_at(bytes, at, end, &length, &next); at = next)
		judge_attr(verdict, set, allowed, bytes, at, length);
	if (at < end)
		fault(verdict, 0, EINVAL);
}

/* One address; returns its family, or 0. */
static int judge_address(struct verdict *verdict, const struct spec_set *set,
			 const struct seen *seen, size_t at, bool with_port)
{
	bool ipv4 = seen_has(seen, set, "ipv4"), ipv6 = seen_has(seen, set, "ipv6");

	if (ipv4 == ipv6 || (with_port && !seen_has(seen, set, "port"))) {
		fault(verdict, at - verdict->begin, EINVAL);
		return 0;
	}
	return ipv4 ? AF_INET : AF_INET6;
}

static void judge_key(struct verdict *verdict, const uint8_t *bytes)
{
	const struct spec_set *set = verdict->op->set;
	unsigned int src = spec_type(set, "src"), dst = spec_type(set, "dst");
	const struct spec_set *end = set->attrs[src].nested;
	struct seen seen;
	int family;

	if (~verdict->top.present & (1U << src | 1U << dst)) {
		fault(verdict, 0, EINVAL);
		return;
	}
	seen_nest(&seen, end, bytes, verdict->top.at[src]);
	family = judge_address(verdict, end, &seen, verdict->top.at[src], true);
	seen_nest(&seen, end, bytes, verdict->top.at[dst]);
	if (family != judge_address(verdict, end, &seen, verdict->top.at[dst], true))
		fault(verdict, verdict->top.at[dst] - verdict->begin, EINVAL);
}

static void judge_prefix(struct verdict *verdict, const struct spec_set *set,
			 const uint8_t *bytes, size_t at)
{
	unsigned int length = spec_type(set, "length");
	struct seen seen;

	seen_nest(&seen, set, bytes, at);
	if (judge_address(verdict, set, &seen, at, false) == AF_INET && seen.value[length] > 32)
		fault(verdict, seen.at[length] - verdict->begin, ERANGE);
}

static void judge_filter(struct verdict *verdict, const uint8_t *bytes)
{
	unsigned int type = spec_type(verdict->op->set, "filter");
	const struct spec_set *set = verdict->op->set->attrs[type].nested;
	unsigned int family = spec_type(set, "family"), src = spec_type(set, "src");
	unsigned int dst = spec_type(set, "dst");
	struct seen seen;

	if (!(verdict->top.present & 1U << type))
		return;
	seen_nest(&seen, set, bytes, verdict->top.at[type]);
	if (seen.present & 1U << family && seen.value[family] != AF_INET &&
	    seen.value[family] != AF_INET6)
		fault(verdict, seen.at[family] - verdict->begin, EAFNOSUPPORT);
	if (seen.present & 1U << src)
		judge_prefix(verdict, set->attrs[src].nested, bytes, seen.at[src]);
	if (seen.present & 1U << dst)
		judge_prefix(verdict, set->attrs[dst].nested, bytes, seen.at[dst]);
}

/* What concerns all namespaces is changed from the initial one, where nobody is here. */
static void judge_config(struct verdict *verdict)
{
	const struct spec_set *set = verdict->op->set;
	unsigned int enabled = spec_type(set, "enabled"), flows = spec_type(set, "max-flows");
	unsigned int paths = spec_type(set, "paths");
	const struct seen *top = &verdict->top;

	if (top->present & 1U << enabled)
		fault(verdict, top->at[enabled] - verdict->begin, EPERM);
	if (top->present & 1U << flows)
		fault(verdict, top->at[flows] - verdict->begin, EPERM);
	/* local is bit 0, loopback bit 1 */
	if ((top->value[paths] & 3) % 3)
		fault(verdict, top->at[paths] - verdict->begin, EINVAL);
}

static void judge_meaning(struct verdict *verdict, const uint8_t *bytes)
{
	const char *name = verdict->op->name;

	if (!strcmp(name, "config-set"))
		judge_config(verdict);
	else if (!strcmp(name, "flow-del") || (!strcmp(name, "flow-get") && !verdict->dump))
		judge_key(verdict, bytes);
	else if (!strcmp(name, "flow-get") || !strcmp(name, "flow-count"))
		judge_filter(verdict, bytes);
}

/* Everyone may read counters and configuration. */
static bool is_open(const struct spec_op *op)
{
	return !strcmp(op->name, "counters-get") || !strcmp(op->name, "config-get");
}

/* Return: whether the kernel comes to the attributes. */
static bool judge_header(const struct judge *judge, const uint8_t *bytes, struct verdict *verdict)
{
	const uint8_t *message = bytes + verdict->begin;
	uint16_t flags = get16(message + 6);

	verdict->dump = (flags & NLM_F_DUMP) == NLM_F_DUMP;
	if (verdict->dump)
		flags &= ~NLM_F_DUMP;
	if (get16(message + 4) != judge->family)
		fault(verdict, 0, ENOENT);
	else if (verdict->length < GENL_BEGIN ||
		 (!judge->lax && (get16(message + NLMSG_HDRLEN + 2) ||
				  flags & ~(NLM_F_REQUEST | NLM_F_ACK | NLM_F_ECHO))))
		fault(verdict, 0, EINVAL);
	if (verdict->nr_faults)
		return false;
	verdict->op = spec_op(judge->spec, message[NLMSG_HDRLEN]);
	if (!verdict->op) {
		fault(verdict, 0, EOPNOTSUPP);
		return false;
	}
	verdict->mode = verdict->dump ? &verdict->op->dump : &verdict->op->once;
	if (!verdict->mode->offered)
		fault(verdict, 0, EOPNOTSUPP);
	if (judge->caller == CALLER_OTHER && !is_open(verdict->op))
		fault(verdict, 0, EPERM);
	return !verdict->nr_faults;
}

/**
 * judge - one message of a datagram
 *
 * Return: where the next begins; @end if the kernel reads no further.
 */
size_t judge(const struct judge *judge, const uint8_t *bytes, size_t begin, size_t end,
	     struct verdict *verdict)
{
	const uint8_t *message = bytes + begin;
	uint16_t flags;
	size_t next;

	*verdict = (struct verdict){ .begin = begin };
	if (end - begin < NLMSG_HDRLEN)
		return end;
	verdict->length = get32(message);
	if (verdict->length < NLMSG_HDRLEN || verdict->length > end - begin)
		return end;
	next = begin + NLMSG_ALIGN(verdict->length);
	if (next > end)
		next = end;
	flags = get16(message + 6);
	verdict->ack = flags & NLM_F_ACK;
	verdict->seq = get32(message + 8);
	verdict->outcome = OUTCOME_ACK;
	if (!(flags & NLM_F_REQUEST) || get16(message + 4) < NLMSG_MIN_TYPE)
		return next;
	verdict->outcome = OUTCOME_REFUSED;
	if (!judge_header(judge, bytes, verdict))
		return next;
	seen_read(&verdict->top, verdict->op->set, bytes, begin + GENL_BEGIN,
		  begin + verdict->length);
	judge_attrs(verdict, verdict->op->set, verdict->mode->request, bytes, begin + GENL_BEGIN,
		    begin + verdict->length);
	judge_meaning(verdict, bytes);
	if (!verdict->nr_faults)
		verdict->outcome = OUTCOME_ACCEPTED;
	return next;
}

/**
 * judge_allows - may the kernel give this error and blame what is at this offset?
 */
bool judge_allows(const struct verdict *verdict, int error, size_t at)
{
	const char *name;

	for (unsigned int i = 0; i < verdict->nr_faults; i++) {
		const struct fault *fault = &verdict->faults[i];
		bool same = error == fault->error ||
			    (error == ERANGE && fault->error == EINVAL && fault->at);

		/* Before 6.8 a dump that is refused at its start has nobody to blame. */
		if (same && (at == fault->at || (!at && verdict->dump)))
			return true;
	}
	if (verdict->outcome != OUTCOME_ACCEPTED || at || verdict->dump)
		return false;
	name = verdict->op->name;
	return error == ENOENT && (!strcmp(name, "flow-get") || !strcmp(name, "flow-del"));
}
