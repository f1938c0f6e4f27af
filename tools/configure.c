// SPDX-License-Identifier: GPL-2.0
/* The command config: shows the module's configuration, or changes it first. */
#include <err.h>
#include <errno.h>

#include "config.h"
#include "counters.h"
#include "exit.h"
#include "output.h"
#include "reader.h"
#include "words.h"

static void set(struct reader *reader, struct config *config)
{
	struct genl *genl = &reader->genl;
	struct reply reply = {0};

	config_put(genl_request(genl, TCPSTATE_CMD_CONFIG_SET, 0), config);
	if (!genl_ask(genl, &reply))
		return;
	for (size_t i = 0; i < SETTINGS; i++)
		if (reply.offset && reply.offset == config->offset[i] && reply.text[0] &&
		    reply.error != EPERM)
			errx(EXIT_COULD_NOT, "the module refuses %s: %s", settings[i].name,
			     reply.text);
	genl_fail(genl, &reply);
}

static void print_text(const struct reader *reader, const struct config *config)
{
	char value[64];

	if (reader->header)
		printf("%-19s  %s\n", "name", "value");
	for (size_t i = 0; i < SETTINGS; i++) {
		config_print(value, sizeof(value), &settings[i], config->value[i]);
		printf("%-19s  %s\n", settings[i].name, value);
	}
}

static void print_object(struct reader *reader, const struct config *config)
{
	struct json_object *top = json_top(&reader->netns, counters_complete(&reader->genl));
	struct json_object *object = json_new();

	for (size_t i = 0; i < SETTINGS; i++) {
		uint32_t value = config->value[i];

		switch (settings[i].kind) {
		case SETTING_BOOLEAN:
			json_add_bool(object, settings[i].name, value);
			break;
		case SETTING_PATHS:
			json_add(object, settings[i].name, json_words(&paths, value));
			break;
		case SETTING_WITNESS:
			json_add_word(object, settings[i].name, witnesses.word[value]);
			break;
		default:
			json_add_number(object, settings[i].name, value);
		}
	}
	json_add(top, "config", object);
	json_print(stdout, top);
}

void config_get(struct genl *genl, struct config *config)
{
	struct reply reply = { .take = config_take, .data = config };

	*config = (struct config){0};
	genl_request(genl, TCPSTATE_CMD_CONFIG_GET, 0);
	genl_must(genl, &reply);
	if (!config->given[0])
		errx(EXIT_COULD_NOT, "the module's answer is damaged: it has no configuration");
}

uint32_t config_value(const struct config *config, uint16_t attribute)
{
	for (size_t i = 0; i < SETTINGS; i++)
		if (settings[i].attribute == attribute && !settings[i].nested)
			return config->value[i];
	return 0;
}

void configure(struct reader *reader)
{
	struct config asked = {0}, config;
	char error[CONFIG_ERROR];

	for (int i = 0; i < reader->count; i++)
		if (!config_parse(&asked, reader->words[i], error))
			errx(EXIT_USAGE, "%s", error);
	reader_open(reader);
	if (reader->count)
		set(reader, &asked);
	config_get(&reader->genl, &config);
	if (reader->json)
		print_object(reader, &config);
	else
		print_text(reader, &config);
}
