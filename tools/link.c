// SPDX-License-Identifier: GPL-2.0
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "fields.h"
#include "vrfs.h"

bool link_read(struct link *link, const void *payload, size_t size, char *error)
{
	const size_t header = NLMSG_ALIGN(sizeof(struct ifinfomsg));
	static const char vrf[] = "vrf";
	const struct nlattr *attr, *inner;
	const void *attributes;
	struct ifinfomsg msg;

	if (size < header)
		return fields_wrong(error, "damaged: an interface is cut off");
	memcpy(&msg, payload, sizeof(msg));
	*link = (struct link){ .index = (uint32_t)msg.ifi_index };
	attributes = (const char *)payload + header;
	mnl_attr_for_each_payload(attributes, size - header) {
		if (mnl_attr_get_type(attr) == IFLA_MASTER &&
		    mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
			link->master = mnl_attr_get_u32(attr);
		if (mnl_attr_get_type(attr) != IFLA_LINKINFO)
			continue;
		mnl_attr_for_each_nested(inner, attr)
			if (mnl_attr_get_type(inner) == IFLA_INFO_KIND &&
			    mnl_attr_get_payload_len(inner) == sizeof(vrf))
				link->vrf = !memcmp(mnl_attr_get_payload(inner), vrf, sizeof(vrf));
	}
	return true;
}
