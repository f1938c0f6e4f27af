/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that look random and repeat with the seed (splitmix64). */
#ifndef NETLINK_RANDOM_H
#define NETLINK_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

static inline uint64_t random_next(uint64_t *random)
{
	uint64_t z = *random += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static inline unsigned int random_below(uint64_t *random, unsigned int n)
{
	return random_next(random) % n;
}

/* Once in @n. */
static inline bool random_once(uint64_t *random, unsigned int n)
{
	return !random_below(random, n);
}

#endif
