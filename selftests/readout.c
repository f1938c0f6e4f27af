// SPDX-License-Identifier: GPL-2.0
/*
 * readout - how long does it take to read it out?
 *
 * usage: readout file PATH	open, read to the end, close
 *	  readout tcpstate	dump of this module's flows
 *	  readout ctnetlink	dump of nf_conntrack's entries
 *	  readout inet_diag	dump of TCP sockets, IPv4, as `ss -tan` asks for it
 *	  readout run COMMAND...	a whole run of it, its output thrown away
 *
 * Prints nanoseconds, and how many entries a dump had.
 */
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/inet_diag.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/sock_diag.h>
#include <linux/tcpstate.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BUFFER	32768	/* what a dump asks the kernel to fill at once, as ss does */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

static void file(const char *path)
{
	static char buffer[1 << 16];
	long began = now_ns();
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		die(path);
	do {
		n = read(fd, buffer, sizeof(buffer));
		if (n < 0)
			die("read");
	} while (n);
	close(fd);
	printf("%ld\n", now_ns() - began);
}

static void run(char **command)
{
	long began = now_ns();
	pid_t child = fork();
	int status;

	if (child < 0)
		die("fork");
	if (!child) {
		int null = open("/dev/null", O_WRONLY);

		if (null < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0)
			_exit(126);
		execvp(*command, command);
		_exit(127);
	}
	if (waitpid(child, &status, 0) != child)
		die("waitpid");
	if (status) {
		fprintf(stderr, "readout: %s failed\n", *command);
		exit(1);
	}
	printf("%ld\n", now_ns() - began);
}

static int id(const struct nlattr *attr, void *data)
{
	__u16 *family = data;

	if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
		*family = mnl_attr_get_u16(attr);
	return MNL_CB_OK;
}

static int family_reply(const struct nlmsghdr *nlh, void *data)
{
	return mnl_attr_parse(nlh, sizeof(struct genlmsghdr), id, data);
}

static void send_it(struct mnl_socket *nl, const struct nlmsghdr *nlh)
{
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		die("sendto");
}

static void genl(struct nlmsghdr *nlh, __u16 type, __u16 flags, __u8 command)
{
	struct genlmsghdr *g;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));
	g->cmd = command;
	g->version = 1;
}

static __u16 tcpstate_family(struct mnl_socket *nl)
{
	char buffer[BUFFER];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	__u16 family = 0;
	ssize_t n;

	genl(nlh, GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, TCPSTATE_FAMILY_NAME);
	send_it(nl, nlh);
	n = mnl_socket_recvfrom(nl, buffer, sizeof(buffer));
	if (n < 0 || mnl_cb_run(buffer, n, 0, mnl_socket_get_portid(nl), family_reply, &family) < 0)
		die("family");
	return family;
}

static int entry(const struct nlmsghdr *nlh, void *data)
{
	long *entries = data;

	(void)nlh;
	++*entries;
	return MNL_CB_OK;
}

static struct mnl_socket *connected(int bus)
{
	struct mnl_socket *nl = mnl_socket_open(bus);

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID))
		die("netlink");
	return nl;
}

static void dump(struct mnl_socket *nl, const struct nlmsghdr *request)
{
	static char buffer[BUFFER];
	long began = now_ns(), entries = 0;
	int more;

	send_it(nl, request);
	do {
		ssize_t n = mnl_socket_recvfrom(nl, buffer, sizeof(buffer));

		if (n < 0)
			die("recvfrom");
		more = mnl_cb_run(buffer, n, 0, 0, entry, &entries);
		if (more < 0)
			die("dump");
	} while (more);
	printf("%ld %ld\n", now_ns() - began, entries);
	mnl_socket_close(nl);
}

static void tcpstate(void)
{
	struct mnl_socket *nl = connected(NETLINK_GENERIC);
	char buffer[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);

	genl(nlh, tcpstate_family(nl), NLM_F_DUMP, TCPSTATE_CMD_FLOW_GET);
	dump(nl, nlh);
}

static void ctnetlink(void)
{
	char buffer[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *nf;

	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nf = mnl_nlmsg_put_extra_header(nlh, sizeof(*nf));
	nf->nfgen_family = AF_INET;
	nf->version = NFNETLINK_V0;
	dump(connected(NETLINK_NETFILTER), nlh);
}

static void diag(void)
{
	char buffer[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct inet_diag_req_v2 *req;

	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
	req->sdiag_family = AF_INET;
	req->sdiag_protocol = IPPROTO_TCP;
	req->idiag_states = ~0U;
	dump(connected(NETLINK_SOCK_DIAG), nlh);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "file"))
		file(argv[2]);
	else if (argc > 2 && !strcmp(argv[1], "run"))
		run(argv + 2);
	else if (argc == 2 && !strcmp(argv[1], "tcpstate"))
		tcpstate();
	else if (argc == 2 && !strcmp(argv[1], "ctnetlink"))
		ctnetlink();
	else if (argc == 2 && !strcmp(argv[1], "inet_diag"))
		diag();
	else
		return 2;
	return 0;
}
