// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "endpoint.h"

static int compare_numbers(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int compare_addresses(const struct address *a, const struct address *b)
{
	int order = compare_numbers(a->family, b->family);

	return order ? order : memcmp(a->byte, b->byte, sizeof(a->byte));
}

int endpoint_compare(const struct endpoint *a, const struct endpoint *b)
{
	int order = compare_numbers(a->local_port, b->local_port);

	if (!order)
		order = compare_numbers(a->peer_port, b->peer_port);
	if (!order)
		order = compare_addresses(&a->peer, &b->peer);
	if (!order)
		order = compare_addresses(&a->local, &b->local);
	if (!order)
		order = compare_numbers(a->scope, b->scope);
	return order;
}

void endpoint_of_flow(struct endpoint *endpoint, const struct flow *flow, int end)
{
	const struct end *local = &flow->end[end], *peer = &flow->end[!end];

	*endpoint = (struct endpoint){
		.local = local->address,
		.peer = peer->address,
		.scope = flow->scope,
		.local_port = local->port,
		.peer_port = peer->port,
	};
}

bool endpoint_is_own_peer(const struct endpoint *endpoint)
{
	return endpoint->local_port == endpoint->peer_port &&
	       !compare_addresses(&endpoint->local, &endpoint->peer);
}

bool endpoint_is_link_local(const struct endpoint *endpoint)
{
	const struct address *peer = &endpoint->peer;

	return peer->family == AF_INET6 && peer->byte[0] == 0xfe && (peer->byte[1] & 0xc0) == 0x80;
}
