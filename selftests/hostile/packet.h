/* SPDX-License-Identifier: GPL-2.0 */
/* A TCP segment with its IP header: written for the tun device, and read from it. */
#ifndef HOSTILE_PACKET_H
#define HOSTILE_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_MAX	2048

#define FIN	0x01
#define SYN	0x02
#define RST	0x04
#define PSH	0x08
#define ACK	0x10
#define URG	0x20

#define OPTION_NOP	1
#define OPTION_MSS	2
#define OPTION_WSCALE	3
#define OPTION_SACK_OK	4
#define OPTION_SACK	5
#define OPTION_TS	8
#define OPTION_MD5	19
#define OPTION_AO	29

/* How the IP layer carries it. */
enum carrier {
	CARRIER_PLAIN,
	CARRIER_OPTIONS,	/* IPv4 options, an IPv6 destination header */
	CARRIER_CHAIN,		/* two IPv6 extension headers more */
	CARRIER_FRAGMENTS,	/* cut in two, over IPv4 in the midst of the TCP header */
};

/**
 * struct packet - a segment
 * @family: AF_INET or AF_INET6
 * @local: the kernel's address, in the first 4 or in 16 bytes
 * @remote: ours
 * @lport: the kernel's port
 * @rport: ours
 * @flags: SYN and so on
 * @ttl: or hop limit
 * @len: payload
 * @options: as they stand behind the header
 * @nr_options: their bytes; filled up to a multiple of four with zeros
 * @bad_checksum: the sum is not right
 * @doff: lies about the header's length, in words, unless it is 0
 * @cut: so many bytes at the end are missing, and the IP header does not count them
 * @tsval: read from the options
 * @tsecr: read from the options
 * @has_ts: they are there
 * @has_sack_ok: SACK is permitted
 */
struct packet {
	int family;
	uint8_t local[16];
	uint8_t remote[16];
	uint16_t lport;
	uint16_t rport;
	uint32_t seq;
	uint32_t ack;
	uint8_t flags;
	uint8_t ttl;
	uint16_t window;
	uint16_t len;
	uint8_t options[40];
	uint8_t nr_options;
	bool bad_checksum;
	uint8_t doff;
	uint8_t cut;
	enum carrier carrier;
	uint32_t tsval;
	uint32_t tsecr;
	bool has_ts;
	bool has_sack_ok;
};

static inline uint32_t packet_end(const struct packet *p)
{
	return p->seq + p->len + !!(p->flags & SYN) + !!(p->flags & FIN);
}

void packet_option(struct packet *p, uint8_t kind, const void *value, size_t length);
void packet_option32(struct packet *p, uint8_t kind, uint32_t a, uint32_t b);
size_t packet_write(const struct packet *p, uint8_t *bytes);
bool packet_divides(const uint8_t *bytes, size_t size);
size_t packet_fragment(const uint8_t *bytes, size_t size, uint8_t *first, uint8_t *second,
		       size_t *second_size);
bool packet_read(struct packet *p, const uint8_t *bytes, size_t size);
size_t packet_tcp(const uint8_t *bytes, size_t size, const uint8_t **tcp);
size_t packet_icmp(const struct packet *sent, uint8_t type, uint8_t code, uint32_t info,
		   uint8_t *bytes);

#endif
