/* SPDX-License-Identifier: GPL-2.0 */
/* The device behind which every remote host is this program. */
#ifndef HOSTILE_TUN_H
#define HOSTILE_TUN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TUN_LOCAL4	"10.77.0.1"
#define TUN_LOCAL6	"fd77::1"

int tun_open(void);
void tun_write(int tun, const uint8_t *bytes, size_t size);
ssize_t tun_read(int tun, uint8_t *bytes, size_t size);
void sysctl_set(const char *name, unsigned int value);

#endif
