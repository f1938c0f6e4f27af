// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "exit.h"
#include "kernel.h"
#include "vrfs.h"

#define TRIES	4

static bool take_link(void *data, const void *payload, size_t size, char *error)
{
	struct vrfs *vrfs = data;
	struct link link;

	if (!link_read(&link, payload, size, error))
		return false;
	if (vrfs->count == vrfs->room) {
		vrfs->room = vrfs->room ? 2 * vrfs->room : 64;
		vrfs->link = reallocarray(vrfs->link, vrfs->room, sizeof(link));
		if (!vrfs->link)
			err(EXIT_COULD_NOT, "interfaces");
	}
	vrfs->link[vrfs->count++] = link;
	return true;
}

static int compare_link(const void *a, const void *b)
{
	const struct link *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

void vrfs_get(struct vrfs *vrfs)
{
	const struct ifinfomsg header = {0};
	const struct kernel_list list = {
		.name = "interfaces",
		.protocol = NETLINK_ROUTE,
		.request = RTM_GETLINK,
		.answer = RTM_NEWLINK,
		.header = &header,
		.size = sizeof(header),
		.take = take_link,
		.data = vrfs,
	};
	bool whole = false;

	*vrfs = (struct vrfs){0};
	for (int try = 0; try < TRIES && !whole; try++) {
		vrfs->count = 0;
		whole = kernel_ask(&list);
	}
	if (vrfs->count)
		qsort(vrfs->link, vrfs->count, sizeof(*vrfs->link), compare_link);
}

static const struct link *find(const struct vrfs *vrfs, uint32_t index)
{
	const struct link wanted = { .index = index };

	if (!vrfs->count)
		return NULL;
	return bsearch(&wanted, vrfs->link, vrfs->count, sizeof(wanted), compare_link);
}

uint32_t vrfs_of(const struct vrfs *vrfs, uint32_t index)
{
	const struct link *link = find(vrfs, index);

	if (link && !link->vrf)
		link = find(vrfs, link->master);
	return link && link->vrf ? link->index : 0;
}

void vrfs_free(struct vrfs *vrfs)
{
	free(vrfs->link);
	*vrfs = (struct vrfs){0};
}
