// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "resolve.h"

#define PLACES	1024

struct entry {
	struct address address;
	uint32_t scope;
	char name[256];			/* empty: none */
};

static bool query(const struct address *address, uint32_t scope, char *name, size_t size)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_scope_id = scope };
	const struct sockaddr *sa = (const struct sockaddr *)&v4;
	socklen_t length = sizeof(v4);

	memcpy(&v4.sin_addr, address->byte, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, address->byte, sizeof(v6.sin6_addr));
	if (address->family == AF_INET6) {
		sa = (const struct sockaddr *)&v6;
		length = sizeof(v6);
	}
	return !getnameinfo(sa, length, name, size, NULL, 0, NI_NAMEREQD);
}

/* What a resolver says is not trusted to be harmless on a terminal. */
static bool is_name(const char *name)
{
	while (isalnum((unsigned char)*name) || (*name && strchr("._-", *name)))
		name++;
	return !*name;
}

const char *resolve(const struct address *address, uint32_t scope)
{
	static struct entry entries[PLACES];
	uint32_t mix = scope;
	struct entry *entry;

	for (size_t i = 0; i < sizeof(address->byte); i++)
		mix = (mix ^ address->byte[i]) * 16777619;
	entry = &entries[(mix ^ mix >> 16) % PLACES];
	if (entry->scope != scope || memcmp(&entry->address, address, sizeof(*address))) {
		entry->scope = scope;
		entry->address = *address;
		if (!query(address, scope, entry->name, sizeof(entry->name)) ||
		    !is_name(entry->name))
			entry->name[0] = '\0';
	}
	return entry->name[0] ? entry->name : NULL;
}
