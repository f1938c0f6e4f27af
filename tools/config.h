/* SPDX-License-Identifier: GPL-2.0 */
/* The module's configuration. */
#ifndef TCPSTATE_CONFIG_H
#define TCPSTATE_CONFIG_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_ERROR	192

struct genl;

enum setting_kind {
	SETTING_BOOLEAN,
	SETTING_NUMBER,
	SETTING_SECONDS,
	SETTING_PATHS,		/* a bit each */
	SETTING_WITNESS,	/* cannot be set */
};

struct setting {
	const char *name;
	enum setting_kind kind;
	uint16_t attribute;
	bool nested;		/* it is one of the timeouts */
};

#define SETTINGS	14

extern const struct setting settings[SETTINGS];

struct config {
	bool given[SETTINGS];
	uint32_t value[SETTINGS];
	uint32_t offset[SETTINGS];	/* of its attribute in the request */
};

/* Takes a reply's attributes, for reply.h; data is a struct config of zeros. */
bool config_take(void *data, const void *attributes, size_t size, char *error);

/* Takes "NAME=VALUE"; false, and a reason in error, where it is none. */
bool config_parse(struct config *config, const char *text, char error[CONFIG_ERROR]);

/* Puts what is given in a request. */
void config_put(struct nlmsghdr *nlh, struct config *config);

/* Asks the module, or exits with one line. */
void config_get(struct genl *genl, struct config *config);

/* The value of the setting, by its attribute, TCPSTATE_A_CONFIG_*. */
uint32_t config_value(const struct config *config, uint16_t attribute);

/* The value as text, as config_parse() takes it. */
void config_print(char *text, size_t size, const struct setting *setting, uint32_t value);

#endif
