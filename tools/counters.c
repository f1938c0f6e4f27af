// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>

#include "counters.h"
#include "fields.h"
#include "proc.h"
#include "words.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define STATE_FIELD(n)	{ .name = (n), .kind = FIELD_U32, .min = 1, .max = TCPSTATE_STATE_MAX }
#define NUMBER(n)	{ .name = (n), .kind = FIELD_U64 }

static const struct field top_fields[] = {
	[TCPSTATE_A_COUNTERS_COMPLETE] = { .name = "complete", .kind = FIELD_U32, .max = 1 },
	[TCPSTATE_A_COUNTERS_STATES] = { .name = "states", .kind = FIELD_NESTS, .optional = true },
	[TCPSTATE_A_COUNTERS_PAIRS] = { .name = "pairs", .kind = FIELD_NESTS, .optional = true },
	[TCPSTATE_A_COUNTERS_TRANSITIONS] = {
		.name = "transitions", .kind = FIELD_NESTS, .optional = true
	},
	[TCPSTATE_A_COUNTERS_STAT] = { .name = "stat", .kind = FIELD_NEST, .optional = true },
};

static const struct field state_fields[] = {
	[TCPSTATE_A_STATE_COUNTERS_STATE] = STATE_FIELD("state"),
	[TCPSTATE_A_STATE_COUNTERS_LOCAL] = NUMBER("local"),
	[TCPSTATE_A_STATE_COUNTERS_LOCAL_INITIATOR] = NUMBER("local-initiator"),
	[TCPSTATE_A_STATE_COUNTERS_REMOTE] = NUMBER("remote"),
	[TCPSTATE_A_STATE_COUNTERS_FORWARDED_INITIATOR] = NUMBER("forwarded-initiator"),
	[TCPSTATE_A_STATE_COUNTERS_FORWARDED_RESPONDER] = NUMBER("forwarded-responder"),
	[TCPSTATE_A_STATE_COUNTERS_ENTERED_LOCAL] = NUMBER("entered-local"),
	[TCPSTATE_A_STATE_COUNTERS_ENTERED_REMOTE] = NUMBER("entered-remote"),
	[TCPSTATE_A_STATE_COUNTERS_ENTERED_FORWARDED_INITIATOR] =
		NUMBER("entered-forwarded-initiator"),
	[TCPSTATE_A_STATE_COUNTERS_ENTERED_FORWARDED_RESPONDER] =
		NUMBER("entered-forwarded-responder"),
};

static const struct field pair_fields[] = {
	[TCPSTATE_A_PAIR_PATH] = { .name = "path", .kind = FIELD_U32, .max = TCPSTATE_PATH_MAX },
	[TCPSTATE_A_PAIR_STATE] = STATE_FIELD("state"),
	[TCPSTATE_A_PAIR_PEER_STATE] = STATE_FIELD("peer-state"),
	[TCPSTATE_A_PAIR_FLOWS] = NUMBER("flows"),
};

static const struct field transition_fields[] = {
	[TCPSTATE_A_TRANSITION_FROM] = STATE_FIELD("from"),
	[TCPSTATE_A_TRANSITION_TO] = STATE_FIELD("to"),
	[TCPSTATE_A_TRANSITION_LOCAL] = NUMBER("local"),
	[TCPSTATE_A_TRANSITION_REMOTE] = NUMBER("remote"),
	[TCPSTATE_A_TRANSITION_FORWARDED_INITIATOR] = NUMBER("forwarded-initiator"),
	[TCPSTATE_A_TRANSITION_FORWARDED_RESPONDER] = NUMBER("forwarded-responder"),
};

static const struct field stat_fields[] = {
	[TCPSTATE_A_STAT_FLOWS] = { .name = "flows", .kind = FIELD_U32 },
	[TCPSTATE_A_STAT_SELF_CONNECTED] = { .name = "self-connected", .kind = FIELD_U32 },
	[TCPSTATE_A_STAT_EMBRYONIC] = { .name = "embryonic", .kind = FIELD_U32 },
	[TCPSTATE_A_STAT_MAX_FLOWS] = { .name = "max-flows", .kind = FIELD_U32 },
	[TCPSTATE_A_STAT_MEMORY] = NUMBER("memory"),
	[TCPSTATE_A_STAT_UNTRACKED] = NUMBER("untracked"),
	[TCPSTATE_A_STAT_COMPLETE] = { .name = "complete", .kind = FIELD_U32, .max = 1 },
	[TCPSTATE_A_STAT_EVICTED] = NUMBER("evicted"),
};

static const char *const stat_rows[COUNTERS_STAT] = {
	"flows", "self_connected", "embryonic", "max_flows", "memory", "untracked", "complete",
	"evicted",
};

/* Numbers whose attributes follow one another. */
static void take_numbers(uint64_t *numbers, size_t count, const struct nlattr **found)
{
	for (size_t i = 0; i < count; i++)
		numbers[i] = mnl_attr_get_payload_len(found[i]) == sizeof(uint32_t) ?
			     mnl_attr_get_u32(found[i]) : mnl_attr_get_u64(found[i]);
}

static bool take_state(struct counters *counters, const struct nlattr *nest, char *error)
{
	const struct nlattr *found[FIELDS];
	uint32_t state;

	if (!fields_read_nest(found, state_fields, COUNT(state_fields), nest, error))
		return false;
	state = mnl_attr_get_u32(found[TCPSTATE_A_STATE_COUNTERS_STATE]);
	if (counters->seen & 1u << state)
		return fields_wrong(error, "damaged: state %u is there twice", state);
	counters->seen |= 1u << state;
	take_numbers(counters->states[state], COUNTERS_KINDS,
		     found + TCPSTATE_A_STATE_COUNTERS_LOCAL);
	return true;
}

static bool take_pair(struct counters *counters, const struct nlattr *nest, char *error)
{
	const struct nlattr *found[FIELDS];
	uint32_t path, state, peer;

	if (!fields_read_nest(found, pair_fields, COUNT(pair_fields), nest, error))
		return false;
	path = mnl_attr_get_u32(found[TCPSTATE_A_PAIR_PATH]);
	state = mnl_attr_get_u32(found[TCPSTATE_A_PAIR_STATE]);
	peer = mnl_attr_get_u32(found[TCPSTATE_A_PAIR_PEER_STATE]);
	if (counters->pair_seen[path][state][peer])
		return fields_wrong(error, "damaged: pair %u %u %u is there twice",
				    path, state, peer);
	counters->pair_seen[path][state][peer] = true;
	counters->pairs[path][state][peer] = mnl_attr_get_u64(found[TCPSTATE_A_PAIR_FLOWS]);
	return true;
}

static bool take_transition(struct counters *counters, const struct nlattr *nest, char *error)
{
	const struct nlattr *found[FIELDS];
	uint32_t from, to;

	if (!fields_read_nest(found, transition_fields, COUNT(transition_fields), nest, error))
		return false;
	from = mnl_attr_get_u32(found[TCPSTATE_A_TRANSITION_FROM]);
	to = mnl_attr_get_u32(found[TCPSTATE_A_TRANSITION_TO]);
	if (counters->transition_seen[from][to])
		return fields_wrong(error, "damaged: transition %u %u is there twice", from, to);
	counters->transition_seen[from][to] = true;
	take_numbers(counters->transitions[from][to], COUNTERS_TRANSITIONS,
		     found + TCPSTATE_A_TRANSITION_LOCAL);
	return true;
}

static bool take_stat(struct counters *counters, const struct nlattr *nest, char *error)
{
	const struct nlattr *found[FIELDS];

	if (!fields_read_nest(found, stat_fields, COUNT(stat_fields), nest, error))
		return false;
	counters->stat_seen = true;
	take_numbers(counters->stat, COUNTERS_STAT, found + TCPSTATE_A_STAT_FLOWS);
	return true;
}

bool counters_take(void *data, const void *attributes, size_t size, char *error)
{
	const struct nlattr *found[FIELDS], *attr;
	struct counters *counters = data;
	bool good = true;

	if (counters->taken)
		return fields_wrong(error, "damaged: it has two messages");
	counters->taken = true;

	if (!fields_read(found, top_fields, COUNT(top_fields), attributes, size, error))
		return false;
	counters->complete = mnl_attr_get_u32(found[TCPSTATE_A_COUNTERS_COMPLETE]);
	mnl_attr_for_each_payload(attributes, size) {
		switch (mnl_attr_get_type(attr)) {
		case TCPSTATE_A_COUNTERS_STATES:
			good = take_state(counters, attr, error);
			break;
		case TCPSTATE_A_COUNTERS_PAIRS:
			good = take_pair(counters, attr, error);
			break;
		case TCPSTATE_A_COUNTERS_TRANSITIONS:
			good = take_transition(counters, attr, error);
			break;
		case TCPSTATE_A_COUNTERS_STAT:
			good = take_stat(counters, attr, error);
			break;
		}
		if (!good)
			return false;
	}
	if (counters->tables & TCPSTATE_TABLE_STATES &&
	    counters->seen != (1u << (TCPSTATE_STATE_MAX + 1)) - 2)
		return fields_wrong(error, "damaged: a state is missing");
	if (counters->tables & TCPSTATE_TABLE_STAT && !counters->stat_seen)
		return fields_wrong(error, "too old: it has no 'stat': load a newer module");
	return true;
}

static void write_numbers(FILE *out, const uint64_t *number, size_t count)
{
	for (size_t i = 0; i < count; i++)
		fprintf(out, " %" PRIu64, number[i]);
	fputc('\n', out);
}

static void write_stat(FILE *out, const struct counters *counters)
{
	for (size_t i = 0; i < COUNTERS_STAT; i++)
		fprintf(out, "%s %" PRIu64 "\n", stat_rows[i], counters->stat[i]);
}

static void write_states(FILE *out, const struct counters *counters)
{
	for (size_t i = 0; i < states.count; i++) {
		fputs(states.word[i], out);
		write_numbers(out, counters->states[i + 1], COUNTERS_KINDS);
	}
}

static void write_pairs(FILE *out, const struct counters *counters)
{
	for (size_t path = 0; path < paths.count; path++)
		for (size_t i = 0; i < states.count; i++) {
			fprintf(out, "%s %s", paths.word[path], states.word[i]);
			write_numbers(out, &counters->pairs[path][i + 1][1], states.count);
		}
}

static void write_transitions(FILE *out, const struct counters *counters)
{
	for (size_t i = 0; i < states.count; i++)
		for (size_t j = 0; j < states.count; j++) {
			fprintf(out, "%s %s", states.word[i], states.word[j]);
			write_numbers(out, counters->transitions[i + 1][j + 1],
				      COUNTERS_TRANSITIONS);
		}
}

bool counters_table(const struct counters *counters, const struct layout *layout,
		    struct table *table)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return false;
	for (size_t i = 0; i < layout->columns.count; i++)
		fprintf(out, "%s%s", i ? " " : "", layout->columns.word[i]);
	fputc('\n', out);
	if (layout == &layout_counters)
		write_states(out, counters);
	else if (layout == &layout_pairs)
		write_pairs(out, counters);
	else if (layout == &layout_transitions)
		write_transitions(out, counters);
	else
		write_stat(out, counters);
	if (fclose(out))
		return false;
	/* There is room for the zero byte that it writes at the end. */
	return table_parse(table, layout, text, size);
}
