// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/net_namespace.h>
#include <linux/nsfs.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exit.h"
#include "netns.h"

#define NETNS_DIR	"/run/netns"

static int open_netns(const char *which)
{
	char path[PATH_MAX];
	const char *format;
	int fd, len;

	if (!which)
		format = "/proc/self/ns/net%s";
	else if (strchr(which, '/'))
		format = "%s";
	else if (which[strspn(which, "0123456789")] == '\0')
		format = "/proc/%s/ns/net";
	else
		format = NETNS_DIR "/%s";
	len = snprintf(path, sizeof(path), format, which ? which : "");
	if (len < 0 || (size_t)len >= sizeof(path))
		errx(EXIT_COULD_NOT, "namespace %.64s...: the name is too long", which);

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		errx(EXIT_COULD_NOT, "no network namespace '%s': there is no %s", which, path);
	if (fd < 0)
		err(EXIT_COULD_NOT, "network namespace %s", path);
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		errx(EXIT_COULD_NOT, "%s is no network namespace", path);
	return fd;
}

static int read_nsid(const struct nlmsghdr *nlh, void *nsid)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct rtgenmsg))
		if (mnl_attr_get_type(attr) == NETNSA_NSID &&
		    mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
			*(int32_t *)nsid = (int32_t)mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

/* The caller's number for the namespace; NETNS_NO_ID also where it cannot be asked. */
static int32_t query_nsid(int fd)
{
	union {
		struct nlmsghdr align;
		char bytes[1024];
	} buf;
	struct mnl_socket *nl = mnl_socket_open(NETLINK_ROUTE);
	int32_t nsid = NETNS_NO_ID;
	struct rtgenmsg *gen;
	struct nlmsghdr *nlh;
	ssize_t n;

	if (!nl)
		return nsid;
	nlh = mnl_nlmsg_put_header(buf.bytes);
	nlh->nlmsg_type = RTM_GETNSID;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = 1;
	gen = mnl_nlmsg_put_extra_header(nlh, sizeof(*gen));
	gen->rtgen_family = AF_UNSPEC;
	mnl_attr_put_u32(nlh, NETNSA_FD, fd);

	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) > 0) {
		n = mnl_socket_recvfrom(nl, buf.bytes, sizeof(buf.bytes));
		if (n > 0)
			mnl_cb_run(buf.bytes, n, 1, mnl_socket_get_portid(nl), read_nsid, &nsid);
	}
	mnl_socket_close(nl);
	return nsid < 0 ? NETNS_NO_ID : nsid;
}

/* The name that ip-netns(8) has for the namespace, if any. */
static void find_name(struct netns *netns, const struct stat *self)
{
	DIR *dir = opendir(NETNS_DIR);
	const struct dirent *entry;
	struct stat st;

	if (!dir)
		return;
	while (!netns->name[0] && (entry = readdir(dir)))
		if (!fstatat(dirfd(dir), entry->d_name, &st, 0) &&
		    st.st_dev == self->st_dev && st.st_ino == self->st_ino)
			snprintf(netns->name, sizeof(netns->name), "%s", entry->d_name);
	closedir(dir);
}

void netns_enter(struct netns *netns, const char *which)
{
	int fd = open_netns(which);
	struct stat st;

	*netns = (struct netns){ .nsid = NETNS_NO_ID };
	if (fstat(fd, &st))
		err(EXIT_COULD_NOT, "network namespace");
	netns->inode = st.st_ino;
	netns->nsid = query_nsid(fd);
	find_name(netns, &st);

	if (which && setns(fd, CLONE_NEWNET))
		err(EXIT_COULD_NOT, "cannot enter network namespace '%s'", which);
	close(fd);
}
