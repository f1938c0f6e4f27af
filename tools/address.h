/* SPDX-License-Identifier: GPL-2.0 */
/* Addresses of both families, and beginnings of them. Pure: no I/O. */
#ifndef TCPSTATE_ADDRESS_H
#define TCPSTATE_ADDRESS_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address {
	uint8_t family;			/* AF_INET, AF_INET6 or 0: none */
	uint8_t byte[16];		/* the first four for AF_INET */
};

/* The addresses that begin with these bits; those after them are 0. */
struct prefix {
	struct address address;
	uint8_t length;
};

/* "10.0.0.0/8", "fd00::1". An IPv4-mapped address is an IPv4 one, as the module has it. */
bool prefix_parse(struct prefix *prefix, const char *text);

/* How many bits an address of the family has. */
unsigned int address_bits(uint8_t family);

bool prefix_has(const struct prefix *prefix, const struct address *address);
bool prefix_within(const struct prefix *inner, const struct prefix *outer);
void prefix_shorten(struct prefix *prefix, unsigned int length);

/* The longest beginning that two prefixes of one family share. */
struct prefix prefix_common(const struct prefix *a, const struct prefix *b);

/* As text, without brackets; room for INET6_ADDRSTRLEN. */
void address_print(char *text, const struct address *address);

#endif
