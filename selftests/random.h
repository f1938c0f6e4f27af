/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that look random and repeat with the seed (splitmix64). */
#ifndef RANDOM_H
#define RANDOM_H

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

/* The stream of one thing of many, the same whatever happened to the others. */
static inline uint64_t random_stream(uint64_t seed, uint64_t number)
{
	uint64_t stream = seed;

	stream = random_next(&stream) ^ (number + 1) * 0xd1342543de82ef95;
	return random_next(&stream);
}

#endif
