// SPDX-License-Identifier: GPL-2.0
#include <linux/tcpstate.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "fields.h"
#include "words.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define OWN(word, type, what)	{ word, SETTING_##type, TCPSTATE_A_CONFIG_##what, false }
#define TIMEOUT(word, what)	\
	{ "timeout_" word, SETTING_SECONDS, TCPSTATE_A_TIMEOUTS_##what, true }

const struct setting settings[SETTINGS] = {
	OWN("enabled", BOOLEAN, ENABLED),
	OWN("witness", WITNESS, WITNESS),
	OWN("max_flows", NUMBER, MAX_FLOWS),
	OWN("netns_max_flows", NUMBER, NETNS_MAX_FLOWS),
	OWN("max_embryonic", NUMBER, MAX_EMBRYONIC),
	OWN("paths", PATHS, PATHS),
	TIMEOUT("time_wait", TIME_WAIT),
	TIMEOUT("syn_recv", SYN_RECV),
	TIMEOUT("syn_sent", SYN_SENT),
	TIMEOUT("last_ack", LAST_ACK),
	TIMEOUT("fin_wait", FIN_WAIT),
	TIMEOUT("half_closed", HALF_CLOSED),
	TIMEOUT("established", ESTABLISHED),
	TIMEOUT("one_sided", ONE_SIDED),
};

#define U32(word, most)	{ .name = (word), .kind = FIELD_U32, .max = (most) }

static const struct field config_fields[] = {
	[TCPSTATE_A_CONFIG_ENABLED] = U32("enabled", 1),
	[TCPSTATE_A_CONFIG_WITNESS] = U32("witness", TCPSTATE_WITNESS_MAX),
	[TCPSTATE_A_CONFIG_MAX_FLOWS] = U32("max-flows", 0),
	[TCPSTATE_A_CONFIG_NETNS_MAX_FLOWS] = U32("netns-max-flows", 0),
	[TCPSTATE_A_CONFIG_MAX_EMBRYONIC] = U32("max-embryonic", 0),
	[TCPSTATE_A_CONFIG_PATHS] = U32("paths", (1u << (TCPSTATE_PATH_MAX + 1)) - 1),
	[TCPSTATE_A_CONFIG_TIMEOUTS] = { .name = "timeouts", .kind = FIELD_NEST },
};

static const struct field timeouts_fields[] = {
	[TCPSTATE_A_TIMEOUTS_TIME_WAIT] = U32("time-wait", 0),
	[TCPSTATE_A_TIMEOUTS_SYN_RECV] = U32("syn-recv", 0),
	[TCPSTATE_A_TIMEOUTS_SYN_SENT] = U32("syn-sent", 0),
	[TCPSTATE_A_TIMEOUTS_LAST_ACK] = U32("last-ack", 0),
	[TCPSTATE_A_TIMEOUTS_FIN_WAIT] = U32("fin-wait", 0),
	[TCPSTATE_A_TIMEOUTS_HALF_CLOSED] = U32("half-closed", 0),
	[TCPSTATE_A_TIMEOUTS_ESTABLISHED] = U32("established", 0),
	[TCPSTATE_A_TIMEOUTS_ONE_SIDED] = U32("one-sided", 0),
};

bool config_take(void *data, const void *attributes, size_t size, char *error)
{
	const struct nlattr *own[FIELDS], *timeouts[FIELDS];
	struct config *config = data;

	if (!fields_read(own, config_fields, COUNT(config_fields), attributes, size, error) ||
	    !fields_read_nest(timeouts, timeouts_fields, COUNT(timeouts_fields),
			      own[TCPSTATE_A_CONFIG_TIMEOUTS], error))
		return false;
	for (size_t i = 0; i < SETTINGS; i++) {
		const struct nlattr **found = settings[i].nested ? timeouts : own;

		config->given[i] = true;
		config->value[i] = mnl_attr_get_u32(found[settings[i].attribute]);
	}
	return true;
}

/* Keeps the message; always false. */
__attribute__((format(printf, 2, 3)))
static bool wrong(char *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, CONFIG_ERROR, format, args);
	va_end(args);
	return false;
}

/* "90", "90s", "15m", "2h", "5d" */
static bool parse_seconds(const char *text, uint64_t *seconds)
{
	static const char units[] = "smhd";
	static const unsigned int of[] = { 1, 60, 3600, 86400 };
	size_t size = strlen(text);
	const char *unit = size ? strchr(units, text[size - 1]) : NULL;
	char number[16];

	if (!unit)
		return word_number(text, seconds);
	if (size > sizeof(number))
		return false;
	memcpy(number, text, size - 1);
	number[size - 1] = '\0';
	if (!word_number(number, seconds) || *seconds > UINT32_MAX)
		return false;
	*seconds *= of[unit - units];
	return true;
}

/* "local,forwarded" or "none"; local stands for local and loopback, which go together. */
static bool parse_paths(const char *text, uint32_t *set)
{
	const uint32_t local = 1u << TCPSTATE_PATH_LOCAL | 1u << TCPSTATE_PATH_LOOPBACK;

	*set = 0;
	if (!strcmp(text, "none"))
		return true;
	for (;;) {
		size_t size = strcspn(text, ","), i = 0;

		while (i < paths.count &&
		       (strlen(paths.word[i]) != size || memcmp(paths.word[i], text, size)))
			i++;
		if (i == paths.count)
			return false;
		*set |= i == TCPSTATE_PATH_LOCAL ? local : 1u << i;
		if (!text[size])
			break;
		text += size + 1;
	}
	return !(*set & local) || (*set & local) == local;
}

static bool parse_value(struct config *config, size_t i, const char *text, char *error)
{
	uint64_t number = 0;

	switch (settings[i].kind) {
	case SETTING_WITNESS:
		return wrong(error, "witness is chosen when the module is loaded");
	case SETTING_PATHS:
		if (!parse_paths(text, &config->value[i]))
			return wrong(error,
				     "paths takes none, or local, forwarded or both, not '%.32s'",
				     text);
		return true;
	case SETTING_BOOLEAN:
		if (!word_number(text, &number) || number > 1)
			return wrong(error, "%s takes 0 or 1, not '%.32s'", settings[i].name, text);
		break;
	case SETTING_NUMBER:
		if (!word_number(text, &number) || number > UINT32_MAX)
			return wrong(error, "%s takes a number, not '%.32s'", settings[i].name,
				     text);
		break;
	case SETTING_SECONDS:
		if (!parse_seconds(text, &number) || number > UINT32_MAX)
			return wrong(error, "%s takes seconds, or 5d, 1h, 15m or 90s, not '%.32s'",
				     settings[i].name, text);
	}
	config->value[i] = (uint32_t)number;
	return true;
}

bool config_parse(struct config *config, const char *text, char error[CONFIG_ERROR])
{
	const char *equals = strchr(text, '=');
	size_t size = equals ? (size_t)(equals - text) : 0;

	if (!equals)
		return wrong(error, "'%.32s' is no NAME=VALUE", text);
	for (size_t i = 0; i < SETTINGS; i++) {
		if (strlen(settings[i].name) != size || memcmp(settings[i].name, text, size))
			continue;
		if (config->given[i])
			return wrong(error, "%s is there twice", settings[i].name);
		config->given[i] = true;
		return parse_value(config, i, equals + 1, error);
	}
	return wrong(error, "nothing to configure is called '%.*s'", (int)(size > 32 ? 32 : size),
		     text);
}

void config_put(struct nlmsghdr *nlh, struct config *config)
{
	struct nlattr *nest = NULL;

	for (size_t i = 0; i < SETTINGS; i++) {
		if (!config->given[i])
			continue;
		if (settings[i].nested && !nest)
			nest = mnl_attr_nest_start(nlh, TCPSTATE_A_CONFIG_TIMEOUTS);
		config->offset[i] = nlh->nlmsg_len;
		mnl_attr_put_u32(nlh, settings[i].attribute, config->value[i]);
	}
	if (nest)
		mnl_attr_nest_end(nlh, nest);
}

static void print_paths(char *text, size_t size, uint32_t set)
{
	size_t used = 0;

	snprintf(text, size, "none");
	for (size_t i = 0; i < paths.count; i++)
		if (set >> i & 1 && used < size)
			used += snprintf(text + used, size - used, "%s%s", used ? "," : "",
					 paths.word[i]);
}

void config_print(char *text, size_t size, const struct setting *setting, uint32_t value)
{
	if (setting->kind == SETTING_PATHS)
		print_paths(text, size, value);
	else if (setting->kind == SETTING_WITNESS)
		snprintf(text, size, "%s", witnesses.word[value]);
	else
		snprintf(text, size, "%u", value);
}
