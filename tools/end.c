// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>

#include "end.h"
#include "resolve.h"

static bool link_local(const struct address *address)
{
	return address->family == AF_INET6 && address->byte[0] == 0xfe &&
	       (address->byte[1] & 0xc0) == 0x80;
}

/* "%eth0" where the address needs it to say which it is, else empty. */
static void print_scope(char *text, size_t size, const struct flow *flow, const struct end *end)
{
	char name[IF_NAMESIZE];

	*text = '\0';
	if (!flow->scope)
		return;
	if (!link_local(&end->address) &&
	    (link_local(&flow->end[SRC].address) || link_local(&flow->end[DST].address)))
		return;
	if (!if_indextoname(flow->scope, name))
		snprintf(name, sizeof(name), "%" PRIu32, flow->scope);
	for (char *c = name; *c; c++)
		if (*c <= ' ' || *c > '~')
			*c = '?';
	snprintf(text, size, "%%%s", name);
}

void end_print(char text[END_TEXT], const struct flow *flow, int which, bool resolve_name)
{
	const struct end *end = &flow->end[which];
	bool v6 = end->address.family == AF_INET6;
	char address[INET6_ADDRSTRLEN], scope[IF_NAMESIZE + 1];
	const char *name = NULL;

	if (resolve_name)
		name = resolve(&end->address, flow->scope);
	if (name) {
		snprintf(text, END_TEXT, "%s:%u", name, end->port);
		return;
	}
	address_print(address, &end->address);
	print_scope(scope, sizeof(scope), flow, end);
	snprintf(text, END_TEXT, "%s%s%s%s:%u", v6 ? "[" : "", address, scope, v6 ? "]" : "",
		 end->port);
}
