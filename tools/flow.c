// SPDX-License-Identifier: GPL-2.0
#include <linux/tcpstate.h>
#include <string.h>

#include "fields.h"
#include "flow.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

static const struct field flow_fields[] = {
	[TCPSTATE_A_FLOW_ID] = { .name = "id", .kind = FIELD_U64 },
	[TCPSTATE_A_FLOW_SCOPE] = { .name = "scope", .kind = FIELD_U32, .optional = true },
	[TCPSTATE_A_FLOW_PATH] = { .name = "path", .kind = FIELD_U32, .max = TCPSTATE_PATH_MAX },
	[TCPSTATE_A_FLOW_ROLE] = { .name = "role", .kind = FIELD_U32, .max = TCPSTATE_ROLE_MAX },
	[TCPSTATE_A_FLOW_PROVENANCE] = {
		.name = "provenance", .kind = FIELD_U32, .max = TCPSTATE_PROVENANCE_MAX
	},
	[TCPSTATE_A_FLOW_AGE] = { .name = "age", .kind = FIELD_U64 },
	[TCPSTATE_A_FLOW_SRC] = { .name = "src", .kind = FIELD_NEST },
	[TCPSTATE_A_FLOW_DST] = { .name = "dst", .kind = FIELD_NEST },
};

static const struct field end_fields[] = {
	[TCPSTATE_A_END_IPV4] = { .name = "ipv4", .kind = FIELD_U32, .optional = true },
	[TCPSTATE_A_END_IPV6] = { .name = "ipv6", .kind = FIELD_IPV6, .optional = true },
	[TCPSTATE_A_END_PORT] = { .name = "port", .kind = FIELD_U16 },
	[TCPSTATE_A_END_STATE] = {
		.name = "state", .kind = FIELD_U32, .min = 1, .max = TCPSTATE_STATE_MAX
	},
	[TCPSTATE_A_END_LOCAL] = { .name = "local", .kind = FIELD_FLAG, .optional = true },
	[TCPSTATE_A_END_INFERRED] = { .name = "inferred", .kind = FIELD_FLAG, .optional = true },
	[TCPSTATE_A_END_AGE] = { .name = "age", .kind = FIELD_U64 },
};

static bool read_end(struct end *end, const struct nlattr *nest, char *error)
{
	const struct nlattr *found[FIELDS], *address;

	if (!fields_read_nest(found, end_fields, COUNT(end_fields), nest, error))
		return false;
	if (!found[TCPSTATE_A_END_IPV4] == !found[TCPSTATE_A_END_IPV6])
		return fields_wrong(error, "damaged: an end needs one address");
	*end = (struct end){
		.address.family = found[TCPSTATE_A_END_IPV4] ? AF_INET : AF_INET6,
		.port = ntohs(mnl_attr_get_u16(found[TCPSTATE_A_END_PORT])),
		.state = mnl_attr_get_u32(found[TCPSTATE_A_END_STATE]),
		.local = found[TCPSTATE_A_END_LOCAL],
		.inferred = found[TCPSTATE_A_END_INFERRED],
		.age = mnl_attr_get_u64(found[TCPSTATE_A_END_AGE]),
	};
	address = found[TCPSTATE_A_END_IPV4] ? found[TCPSTATE_A_END_IPV4] :
					       found[TCPSTATE_A_END_IPV6];
	memcpy(end->address.byte, mnl_attr_get_payload(address), mnl_attr_get_payload_len(address));
	return true;
}

bool flow_read(struct flow *flow, const void *attributes, size_t size, char *error)
{
	const struct nlattr *found[FIELDS];

	if (!fields_read(found, flow_fields, COUNT(flow_fields), attributes, size, error))
		return false;
	*flow = (struct flow){
		.id = mnl_attr_get_u64(found[TCPSTATE_A_FLOW_ID]),
		.age = mnl_attr_get_u64(found[TCPSTATE_A_FLOW_AGE]),
		.scope = found[TCPSTATE_A_FLOW_SCOPE] ?
			 mnl_attr_get_u32(found[TCPSTATE_A_FLOW_SCOPE]) : 0,
		.path = mnl_attr_get_u32(found[TCPSTATE_A_FLOW_PATH]),
		.role = mnl_attr_get_u32(found[TCPSTATE_A_FLOW_ROLE]),
		.provenance = mnl_attr_get_u32(found[TCPSTATE_A_FLOW_PROVENANCE]),
	};
	if (!read_end(&flow->end[SRC], found[TCPSTATE_A_FLOW_SRC], error) ||
	    !read_end(&flow->end[DST], found[TCPSTATE_A_FLOW_DST], error))
		return false;
	if (flow->end[SRC].address.family != flow->end[DST].address.family)
		return fields_wrong(error, "damaged: a flow's ends are of two families");
	return true;
}

static void put_end(struct nlmsghdr *nlh, uint16_t type, const struct end *end)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	if (end->address.family == AF_INET)
		mnl_attr_put(nlh, TCPSTATE_A_END_IPV4, 4, end->address.byte);
	else
		mnl_attr_put(nlh, TCPSTATE_A_END_IPV6, 16, end->address.byte);
	mnl_attr_put_u16(nlh, TCPSTATE_A_END_PORT, htons(end->port));
	mnl_attr_nest_end(nlh, nest);
}

void flow_put_key(struct nlmsghdr *nlh, const struct flow *flow)
{
	mnl_attr_put_u64(nlh, TCPSTATE_A_FLOW_ID, flow->id);
	if (flow->scope)
		mnl_attr_put_u32(nlh, TCPSTATE_A_FLOW_SCOPE, flow->scope);
	put_end(nlh, TCPSTATE_A_FLOW_SRC, &flow->end[SRC]);
	put_end(nlh, TCPSTATE_A_FLOW_DST, &flow->end[DST]);
}
