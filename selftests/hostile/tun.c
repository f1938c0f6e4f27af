// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tun.h"

/* Until the addresses are good for all. */
#define SETTLE_US	300000

static void run(const char *command)
{
	if (system(command))
		errx(3, "fails: %s", command);
}

/* Makes the device in the current namespace, with an address of each family. */
int tun_open(void)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		err(3, "/dev/net/tun");
	strcpy(request.ifr_name, "hostile");
	if (ioctl(fd, TUNSETIFF, &request))
		err(3, "TUNSETIFF");
	sysctl_set("ipv6/conf/hostile/accept_dad", 0);
	run("ip link set dev hostile txqueuelen 10000 up");
	run("ip address add " TUN_LOCAL4 "/16 dev hostile");
	run("ip address add " TUN_LOCAL6 "/64 dev hostile nodad");
	usleep(SETTLE_US);
	return fd;
}

void tun_write(int tun, const uint8_t *bytes, size_t size)
{
	/* What the kernel cannot even read as a packet is refused: that is an answer too. */
	if (write(tun, bytes, size) < 0 && errno != EINVAL)
		err(3, "writing to the tun device");
}

/* Returns the length of the next packet, or -1 when there is none. */
ssize_t tun_read(int tun, uint8_t *bytes, size_t size)
{
	ssize_t n = read(tun, bytes, size);

	if (n < 0 && errno != EAGAIN)
		err(3, "reading from the tun device");
	return n;
}

/* @name: below /proc/sys/net */
void sysctl_set(const char *name, unsigned int value)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	file = fopen(path, "we");
	if (!file)
		err(3, "%s", path);
	fprintf(file, "%u\n", value);
	if (fclose(file))
		err(3, "%s", path);
}
