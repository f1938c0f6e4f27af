// SPDX-License-Identifier: GPL-2.0
/*
 * The grammar, with words side by side meaning `and`:
 *
 *   any  = all { "or" all }
 *   all  = one { [ "and" ] one }
 *   one  = "not" one | "(" any ")" | condition
 */
#include <linux/tcpstate.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "filter.h"
#include "words.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define WORD		64	/* no word is longer */
#define NONE		(-1)

struct parser {
	struct filter *filter;
	struct filter_error *error;
	const char *text;
	const char *at;			/* the current word in it, */
	const char *next;		/* what follows it, */
	char word[WORD];		/* and itself, lower case, hyphens; empty at the end */
	unsigned int depth;
};

struct choice {
	const char *word;
	uint32_t set;
};

#define STATE(name)	(1u << TCPSTATE_STATE_##name)
#define CONNECTED	(FILTER_STATES & ~STATE(CLOSE) & ~STATE(LISTEN))

/* In lower case and with hyphens; what a user may write for a state. */
static const struct choice state_choices[] = {
	{ "established", STATE(ESTABLISHED) },
	{ "estab", STATE(ESTABLISHED) },
	{ "syn-sent", STATE(SYN_SENT) },
	{ "syn-recv", STATE(SYN_RECV) },
	{ "syn-received", STATE(SYN_RECV) },
	{ "syn-rcvd", STATE(SYN_RECV) },
	{ "fin-wait1", STATE(FIN_WAIT1) },
	{ "fin-wait-1", STATE(FIN_WAIT1) },
	{ "fin-wait2", STATE(FIN_WAIT2) },
	{ "fin-wait-2", STATE(FIN_WAIT2) },
	{ "time-wait", STATE(TIME_WAIT) },
	{ "close", STATE(CLOSE) },
	{ "closed", STATE(CLOSE) },
	{ "close-wait", STATE(CLOSE_WAIT) },
	{ "last-ack", STATE(LAST_ACK) },
	{ "listen", STATE(LISTEN) },
	{ "listening", STATE(LISTEN) },
	{ "closing", STATE(CLOSING) },
	{ "all", FILTER_STATES },
	{ "connected", CONNECTED },
	{ "synchronized", CONNECTED & ~STATE(SYN_SENT) },
	{ "bucket", STATE(SYN_RECV) | STATE(TIME_WAIT) },
};

static const struct choice path_choices[] = {
	{ "local", 1u << TCPSTATE_PATH_LOCAL },
	{ "loopback", 1u << TCPSTATE_PATH_LOOPBACK },
	{ "forwarded", 1u << TCPSTATE_PATH_FORWARDED },
};

static const struct choice role_choices[] = {
	{ "initiator", 1u << TCPSTATE_ROLE_INITIATOR },
	{ "responder", 1u << TCPSTATE_ROLE_RESPONDER },
};

static const struct choice provenance_choices[] = {
	{ "handshake", 1u << TCPSTATE_PROVENANCE_HANDSHAKE },
	{ "midstream", 1u << TCPSTATE_PROVENANCE_MIDSTREAM },
	{ "seeded", 1u << TCPSTATE_PROVENANCE_SEEDED },
};

static const struct keyword {
	const char *word;
	enum node_kind kind;
	const char *what;		/* what follows it */
	const struct choice *choices;
	size_t count;
} keywords[] = {
	{ "state", NODE_STATE, "state", state_choices, COUNT(state_choices) },
	{ "peer-state", NODE_PEER_STATE, "state", state_choices, COUNT(state_choices) },
	{ "either-state", NODE_EITHER_STATE, "state", state_choices, COUNT(state_choices) },
	{ "path", NODE_PATH, "path", path_choices, COUNT(path_choices) },
	{ "role", NODE_ROLE, "role", role_choices, COUNT(role_choices) },
	{ "provenance", NODE_PROVENANCE, "provenance", provenance_choices,
	  COUNT(provenance_choices) },
	{ "sport", NODE_SPORT, "port", NULL, 0 },
	{ "dport", NODE_DPORT, "port", NULL, 0 },
	{ "src", NODE_SRC, "address", NULL, 0 },
	{ "dst", NODE_DST, "address", NULL, 0 },
};

enum comparison { EQ, NE, LT, GT, LE, GE };

static const struct operator {
	const char *word;
	enum comparison comparison;
} operators[] = {
	{ "=", EQ }, { "==", EQ }, { "eq", EQ },
	{ "!=", NE }, { "ne", NE }, { "neq", NE },
	{ "<", LT }, { "lt", LT },
	{ ">", GT }, { "gt", GT },
	{ "<=", LE }, { "le", LE }, { "leq", LE },
	{ ">=", GE }, { "ge", GE }, { "geq", GE },
};

/* Keeps the message, of the current word; always NONE. */
__attribute__((format(printf, 2, 3)))
static int wrong(struct parser *parser, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(parser->error->text, sizeof(parser->error->text), format, args);
	va_end(args);
	parser->error->at = parser->at - parser->text;
	return NONE;
}

/* These quote the current word. */
static int no_such(struct parser *parser, const char *what, const char *hint)
{
	return wrong(parser, "no %s '%.*s'%s", what, (int)(parser->next - parser->at), parser->at,
		     hint);
}

static int out_of_place(struct parser *parser, const char *why)
{
	return wrong(parser, "'%.*s' %s", (int)(parser->next - parser->at), parser->at, why);
}

/* How long the sign at this place is, that needs no blanks around it; 0 for none. */
static size_t sign_length(const char *at)
{
	if (strchr("=!<>", *at))
		return at[1] == '=' ? 2 : 1;
	if (strchr("&|", *at))
		return at[1] == *at ? 2 : 1;
	return strchr("()", *at) ? 1 : 0;
}

/* Goes to the next word. False: it is none that could be known. */
static bool advance(struct parser *parser)
{
	const char *end;

	parser->at = parser->next + strspn(parser->next, " \t\n");
	end = parser->at;
	if (*end)
		end += sign_length(end);
	if (end == parser->at)
		end += strcspn(end, " \t\n=!<>&|()");
	parser->next = end;
	parser->word[0] = '\0';
	if ((size_t)(end - parser->at) >= sizeof(parser->word))
		return wrong(parser, "a word is too long") != NONE;
	for (const char *c = parser->at; c < end; c++) {
		char *lower = parser->word + (c - parser->at);

		if (*c < ' ' || *c > '~')
			return wrong(parser, "a byte 0x%02x", (unsigned char)*c) != NONE;
		lower[0] = *c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c;
		if (*c == '_')
			lower[0] = '-';
		lower[1] = '\0';
	}
	return true;
}

static bool is(const struct parser *parser, const char *a, const char *b, const char *c)
{
	return !strcmp(parser->word, a) || !strcmp(parser->word, b) || !strcmp(parser->word, c);
}

/* Adds a node, and returns its number. */
static int add(struct parser *parser, const struct node *node)
{
	struct filter *filter = parser->filter;

	if (filter->nodes == FILTER_NODES)
		return wrong(parser, "too long: over %d conditions", FILTER_NODES);
	filter->node[filter->nodes] = *node;
	return (int)filter->nodes++;
}

static int add_operator(struct parser *parser, enum node_kind kind, int left, int right)
{
	if (left == NONE || right == NONE)
		return NONE;
	return add(parser, &(struct node){ .kind = kind, .operand = { left, right } });
}

static int parse_choice(struct parser *parser, const struct keyword *keyword)
{
	for (size_t i = 0; i < keyword->count; i++) {
		int made;

		if (strcmp(parser->word, keyword->choices[i].word))
			continue;
		made = add(parser, &(struct node){
			.kind = keyword->kind, .set = keyword->choices[i].set
		});
		return made != NONE && advance(parser) ? made : NONE;
	}
	return no_such(parser, keyword->what, "");
}

static const struct operator *find_operator(const struct parser *parser)
{
	for (size_t i = 0; i < COUNT(operators); i++)
		if (!strcmp(parser->word, operators[i].word))
			return &operators[i];
	return NULL;
}

/* ":80" or "80"; false: no port. */
static bool read_port(const char *word, int *port)
{
	uint64_t number;

	if (!word_number(word + (*word == ':'), &number) || number > UINT16_MAX)
		return false;
	*port = (int)number;
	return true;
}

static int parse_port(struct parser *parser, enum node_kind kind, enum comparison comparison)
{
	struct node node = { .kind = kind, .ports = { 0, UINT16_MAX } };
	int port, made;

	if (!read_port(parser->word, &port))
		return no_such(parser, "port number", "");
	switch (comparison) {
	case LT:
		node.ports.high = port - 1;
		break;
	case LE:
		node.ports.high = port;
		break;
	case GT:
		node.ports.low = port + 1;
		break;
	case GE:
		node.ports.low = port;
		break;
	default:
		node.ports.low = port;
		node.ports.high = port;
	}
	made = add(parser, &node);
	if (comparison == NE)
		made = add_operator(parser, NODE_NOT, made, 0);
	return made != NONE && advance(parser) ? made : NONE;
}

/* Takes the port off the end of "10.0.0.0/8:80" and "[::1]:80", and the brackets off. */
static const char *cut_port(char *word)
{
	char *end = strchr(word, ']');
	char *colon = strchr(word, ':');

	if (*word == '[' && end) {
		colon = strchr(end, ':');
		memmove(word, word + 1, end - word - 1);
		memmove(end - 1, end + 1, strlen(end + 1) + 1);
		colon = colon ? colon - 2 : NULL;
	} else if (colon && strchr(colon + 1, ':')) {
		colon = NULL;
	}
	if (!colon)
		return NULL;
	*colon = '\0';
	return colon + 1;
}

static int wrong_address(struct parser *parser)
{
	const char *slash = strchr(parser->word, '/'), *hint = "";

	if (strchr(parser->word, '%'))
		hint = ": it takes no interface";
	else if (slash && strchr(slash, ':') && *parser->word != '[')
		hint = ": IPv6 with a port needs brackets";
	return no_such(parser, "address", hint);
}

/* ADDRESS[/LENGTH][:PORT], where * or nothing stands for any address. */
static int parse_address(struct parser *parser, enum node_kind kind, enum comparison comparison)
{
	struct node address = { .kind = kind };
	struct node ports = { .kind = kind == NODE_SRC ? NODE_SPORT : NODE_DPORT };
	char word[WORD];
	const char *tail;
	int made, port;

	memcpy(word, parser->word, sizeof(word));
	tail = cut_port(word);
	if (!strcmp(word, "*") || (*word == '\0' && parser->word[0] == ':')) {
		address.kind = NODE_FAMILY;
		address.set = FILTER_IPV4 | FILTER_IPV6;
	}
	if (address.kind != NODE_FAMILY && !prefix_parse(&address.prefix, word))
		return wrong_address(parser);
	made = add(parser, &address);
	if (made != NONE && tail && strcmp(tail, "*")) {
		if (*tail == ':' || !read_port(tail, &port))
			return wrong(parser, "no port number '%s'", tail);
		ports.ports.low = port;
		ports.ports.high = port;
		made = add_operator(parser, NODE_AND, made, add(parser, &ports));
	}
	if (comparison == NE)
		made = add_operator(parser, NODE_NOT, made, 0);
	return made != NONE && advance(parser) ? made : NONE;
}

static int parse_condition(struct parser *parser)
{
	const struct keyword *keyword = NULL;
	const struct operator *operator;

	for (size_t i = 0; i < COUNT(keywords); i++)
		if (!strcmp(parser->word, keywords[i].word))
			keyword = &keywords[i];
	if (!keyword)
		return *parser->word ? out_of_place(parser, "begins no condition") :
				       wrong(parser, "a condition is missing");
	if (!advance(parser))
		return NONE;
	if (keyword->choices)
		return *parser->word ? parse_choice(parser, keyword) :
				       wrong(parser, "a %s is missing", keyword->what);
	operator = find_operator(parser);
	if (operator && operator->comparison > NE &&
	    (keyword->kind == NODE_SRC || keyword->kind == NODE_DST))
		return wrong(parser, "addresses have no '%s'", operator->word);
	if (operator && !advance(parser))
		return NONE;
	if (!*parser->word)
		return wrong(parser, "a%s %s is missing", *keyword->what == 'a' ? "n" : "",
			     keyword->what);
	if (keyword->kind == NODE_SRC || keyword->kind == NODE_DST)
		return parse_address(parser, keyword->kind, operator ? operator->comparison : EQ);
	return parse_port(parser, keyword->kind, operator ? operator->comparison : EQ);
}

static int parse_any(struct parser *parser);

static int parse_one(struct parser *parser)
{
	bool negated = is(parser, "!", "not", "not");
	int made;

	if (!negated && strcmp(parser->word, "("))
		return parse_condition(parser);
	if (++parser->depth > FILTER_DEPTH)
		return wrong(parser, "too deep: over %d parentheses and nots", FILTER_DEPTH);
	if (!advance(parser))
		return NONE;
	if (negated) {
		made = add_operator(parser, NODE_NOT, parse_one(parser), 0);
	} else {
		made = parse_any(parser);
		if (made != NONE && strcmp(parser->word, ")"))
			return wrong(parser, "a ')' is missing");
		if (made != NONE && !advance(parser))
			return NONE;
	}
	parser->depth--;
	return made;
}

static int parse_all(struct parser *parser)
{
	int made = parse_one(parser);

	while (made != NONE && *parser->word && !is(parser, "or", "|", "||") &&
	       strcmp(parser->word, ")")) {
		if (is(parser, "and", "&", "&&") && !advance(parser))
			return NONE;
		made = add_operator(parser, NODE_AND, made, parse_one(parser));
	}
	return made;
}

static int parse_any(struct parser *parser)
{
	int made = parse_all(parser);

	while (made != NONE && is(parser, "or", "|", "||")) {
		if (!advance(parser))
			return NONE;
		made = add_operator(parser, NODE_OR, made, parse_all(parser));
	}
	return made;
}

bool filter_parse(struct filter *filter, const char *text, struct filter_error *error)
{
	struct parser parser = {
		.filter = filter, .error = error, .text = text, .next = text, .at = text,
	};

	filter->nodes = 0;
	*error = (struct filter_error){0};
	if (!advance(&parser))
		return false;
	if (!*parser.word)
		return true;
	if (parse_any(&parser) == NONE)
		return false;
	if (!*parser.word)
		return true;
	return out_of_place(&parser, "is too much") != NONE;
}

bool filter_families(struct filter *filter, unsigned int families)
{
	unsigned int root = filter->nodes;

	if (root + 2 > FILTER_NODES)
		return false;
	filter->node[filter->nodes++] = (struct node){ .kind = NODE_FAMILY, .set = families };
	if (root)
		filter->node[filter->nodes++] = (struct node){
			.kind = NODE_AND, .operand = { root - 1, root }
		};
	return true;
}
