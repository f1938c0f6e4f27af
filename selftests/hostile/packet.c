// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "packet.h"

#define IPV4_HEADER	20
#define IPV6_HEADER	40
#define TCP_HEADER	20
#define FRAGMENT_HEADER	8
/* Octets of TCP in the first: a first one over IPv6 without the whole header is dropped. */
#define FIRST_FRAGMENT4	8
#define FIRST_FRAGMENT6	64
#define MORE_FRAGMENTS	0x2000

static void put16(uint8_t *to, uint16_t value)
{
	to[0] = value >> 8;
	to[1] = (uint8_t)value;
}

static void put32(uint8_t *to, uint32_t value)
{
	put16(to, value >> 16);
	put16(to + 2, (uint16_t)value);
}

static uint16_t get16(const uint8_t *from)
{
	return (uint16_t)(from[0] << 8 | from[1]);
}

static uint32_t get32(const uint8_t *from)
{
	return (uint32_t)get16(from) << 16 | get16(from + 2);
}

static uint32_t add_up(uint32_t sum, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sum += i % 2 ? bytes[i] : bytes[i] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static size_t address_size(int family)
{
	return family == AF_INET ? 4 : 16;
}

static uint16_t checksum(const struct packet *p, uint8_t protocol, const uint8_t *bytes,
			 size_t size)
{
	uint32_t sum = protocol + (uint32_t)size;

	sum = add_up(sum, p->local, address_size(p->family));
	sum = add_up(sum, p->remote, address_size(p->family));
	return fold(add_up(sum, bytes, size));
}

void packet_option(struct packet *p, uint8_t kind, const void *value, size_t length)
{
	if (p->nr_options + length + 2 > sizeof(p->options))
		return;
	p->options[p->nr_options++] = kind;
	p->options[p->nr_options++] = length + 2;
	if (length)
		memcpy(p->options + p->nr_options, value, length);
	p->nr_options += length;
}

void packet_option32(struct packet *p, uint8_t kind, uint32_t a, uint32_t b)
{
	uint8_t value[8];

	put32(value, a);
	put32(value + 4, b);
	packet_option(p, kind, value, sizeof(value));
}

/* Fills the IPv4 header. Returns its length. */
static size_t write_ipv4(const struct packet *p, uint8_t protocol, size_t payload, uint8_t *bytes)
{
	size_t header = IPV4_HEADER + (p->carrier == CARRIER_OPTIONS ? 4 : 0);

	memset(bytes, 0, header);
	bytes[0] = 0x40 | header / 4;
	put16(bytes + 2, header + payload);
	put16(bytes + 4, (uint16_t)(p->seq * 31 + p->ack + p->flags));
	bytes[8] = p->ttl;
	bytes[9] = protocol;
	memcpy(bytes + 12, p->remote, 4);
	memcpy(bytes + 16, p->local, 4);
	if (header > IPV4_HEADER)
		memset(bytes + IPV4_HEADER, 1, 4);	/* no operation */
	put16(bytes + 10, fold(add_up(0, bytes, header)));
	return header;
}

/* The same for IPv6, with its extension headers. */
static size_t write_ipv6(const struct packet *p, uint8_t protocol, size_t payload, uint8_t *bytes)
{
	static const uint8_t padding[8] = { 0, 0, 1, 4, 0, 0, 0, 0 };	/* next header, PadN */
	unsigned int extensions = p->carrier == CARRIER_OPTIONS ? 1 :
				  p->carrier == CARRIER_CHAIN ? 3 : 0;
	size_t header = IPV6_HEADER + extensions * sizeof(padding);

	memset(bytes, 0, IPV6_HEADER);
	bytes[0] = 0x60;
	put16(bytes + 4, header - IPV6_HEADER + payload);
	bytes[6] = extensions ? 60 : protocol;
	bytes[7] = p->ttl;
	memcpy(bytes + 8, p->remote, 16);
	memcpy(bytes + 24, p->local, 16);
	for (unsigned int i = 0; i < extensions; i++) {
		memcpy(bytes + IPV6_HEADER + i * sizeof(padding), padding, sizeof(padding));
		bytes[IPV6_HEADER + i * sizeof(padding)] = i + 1 < extensions ? 60 : protocol;
	}
	return header;
}

static size_t write_ip(const struct packet *p, uint8_t protocol, size_t payload, uint8_t *bytes)
{
	return p->family == AF_INET ? write_ipv4(p, protocol, payload, bytes) :
				      write_ipv6(p, protocol, payload, bytes);
}

/* Returns the length of the TCP header. */
static size_t write_tcp(const struct packet *p, uint8_t *tcp)
{
	size_t header = TCP_HEADER + (p->nr_options + 3) / 4 * 4;

	memset(tcp, 0, header);
	put16(tcp, p->rport);
	put16(tcp + 2, p->lport);
	put32(tcp + 4, p->seq);
	put32(tcp + 8, p->ack);
	tcp[12] = (p->doff ? p->doff : header / 4) << 4;
	tcp[13] = p->flags;
	put16(tcp + 14, p->window);
	memcpy(tcp + TCP_HEADER, p->options, p->nr_options);
	return header;
}

/* Returns the length of the packet, at most PACKET_MAX. */
size_t packet_write(const struct packet *p, uint8_t *bytes)
{
	uint8_t segment[TCP_HEADER + sizeof(p->options) + UINT16_MAX];
	size_t size = write_tcp(p, segment);
	size_t header;
	uint16_t sum;

	memset(segment + size, 'x', p->len);
	size += p->len;
	if (size > PACKET_MAX - 100)
		size = PACKET_MAX - 100;
	size -= p->cut < size ? p->cut : 0;
	sum = checksum(p, IPPROTO_TCP, segment, size);
	put16(segment + 16, p->bad_checksum ? sum ^ 0x5555 : sum);
	header = write_ip(p, IPPROTO_TCP, size, bytes);
	memcpy(bytes + header, segment, size);
	return header + size;
}

/* Can it be cut in two? */
bool packet_divides(const uint8_t *bytes, size_t size)
{
	return size > (bytes[0] >> 4 == 4 ? IPV4_HEADER + FIRST_FRAGMENT4 :
					    IPV6_HEADER + FIRST_FRAGMENT6);
}

/* Cuts a plain packet in two. Returns the length of the first. */
size_t packet_fragment(const uint8_t *bytes, size_t size, uint8_t *first, uint8_t *second,
		       size_t *second_size)
{
	bool v4 = bytes[0] >> 4 == 4;
	size_t header = v4 ? IPV4_HEADER : IPV6_HEADER;
	size_t cut = v4 ? FIRST_FRAGMENT4 : FIRST_FRAGMENT6;
	uint8_t *fragment[2] = { first, second };
	size_t length[2] = { cut, size - header - cut };
	size_t at = header;

	for (int i = 0; i < 2; i++) {
		uint16_t offset = i ? cut / 8 : 0;
		uint8_t *f = fragment[i];
		size_t own = header;

		memcpy(f, bytes, header);
		if (v4) {
			put16(f + 2, header + length[i]);
			put16(f + 6, offset | (i ? 0 : MORE_FRAGMENTS));
			put16(f + 10, 0);
			put16(f + 10, fold(add_up(0, f, header)));
		} else {
			put16(f + 4, FRAGMENT_HEADER + length[i]);
			f[6] = 44;
			memset(f + header, 0, FRAGMENT_HEADER);
			f[header] = bytes[6];
			put16(f + header + 2, offset << 3 | (i ? 0 : 1));
			put32(f + header + 4, (uint32_t)size + get32(bytes + header + 4));
			own += FRAGMENT_HEADER;
		}
		memcpy(f + own, bytes + at, length[i]);
		at += length[i];
		length[i] += own;
	}
	*second_size = length[1];
	return length[0];
}

/* Finds the TCP header. Returns its length with payload, 0 if it is not TCP. */
size_t packet_tcp(const uint8_t *bytes, size_t size, const uint8_t **tcp)
{
	size_t header = IPV6_HEADER;

	if (size < IPV4_HEADER)
		return 0;
	if (bytes[0] >> 4 == 4) {
		header = (bytes[0] & 15) * 4u;
		if (bytes[9] != IPPROTO_TCP || size < header + TCP_HEADER)
			return 0;
	} else if (size < IPV6_HEADER + TCP_HEADER || bytes[6] != IPPROTO_TCP) {
		return 0;
	}
	*tcp = bytes + header;
	return size - header;
}

static void read_options(struct packet *p)
{
	for (size_t i = 0; i < p->nr_options;) {
		const uint8_t *option = p->options + i;

		if (option[0] <= OPTION_NOP) {
			i++;
			continue;
		}
		if (i + 2 > p->nr_options || option[1] < 2 || i + option[1] > p->nr_options)
			return;
		if (option[0] == OPTION_TS && option[1] == 10) {
			p->tsval = get32(option + 2);
			p->tsecr = get32(option + 6);
			p->has_ts = true;
		}
		if (option[0] == OPTION_SACK_OK)
			p->has_sack_ok = true;
		i += option[1];
	}
}

/* Of a packet that the kernel sent. Returns whether it is TCP. */
bool packet_read(struct packet *p, const uint8_t *bytes, size_t size)
{
	const uint8_t *tcp;
	size_t length = packet_tcp(bytes, size, &tcp);
	size_t header;

	if (!length)
		return false;
	*p = (struct packet){ .family = bytes[0] >> 4 == 4 ? AF_INET : AF_INET6 };
	if (p->family == AF_INET) {
		memcpy(p->local, bytes + 12, 4);
		memcpy(p->remote, bytes + 16, 4);
	} else {
		memcpy(p->local, bytes + 8, 16);
		memcpy(p->remote, bytes + 24, 16);
	}
	header = (tcp[12] >> 4) * 4u;
	if (header < TCP_HEADER || header > length)
		return false;
	p->lport = get16(tcp);
	p->rport = get16(tcp + 2);
	p->seq = get32(tcp + 4);
	p->ack = get32(tcp + 8);
	p->flags = tcp[13] & 0x3f;
	p->window = get16(tcp + 14);
	p->len = length - header;
	p->nr_options = header - TCP_HEADER;
	memcpy(p->options, tcp + TCP_HEADER, p->nr_options);
	read_options(p);
	return true;
}

/* What a router says of a segment that the kernel sent. Returns the length. */
size_t packet_icmp(const struct packet *sent, uint8_t type, uint8_t code, uint32_t info,
		   uint8_t *bytes)
{
	bool v4 = sent->family == AF_INET;
	struct packet back = *sent, about = *sent;
	uint8_t body[8 + IPV6_HEADER + TCP_HEADER];
	size_t header, size;

	back.carrier = CARRIER_PLAIN;
	back.ttl = 64;
	/* The quoted segment goes the other way. */
	about.carrier = CARRIER_PLAIN;
	about.ttl = 60;
	memcpy(about.local, sent->remote, sizeof(about.local));
	memcpy(about.remote, sent->local, sizeof(about.remote));
	about.lport = sent->rport;
	about.rport = sent->lport;
	about.nr_options = 0;

	memset(body, 0, 8);
	body[0] = type;
	body[1] = code;
	put32(body + 4, info);
	size = 8 + write_ip(&about, IPPROTO_TCP, TCP_HEADER + sent->len, body + 8);
	size += write_tcp(&about, body + size);
	if (v4)
		put16(body + 2, fold(add_up(0, body, size)));
	else
		put16(body + 2, checksum(&back, IPPROTO_ICMPV6, body, size));
	header = write_ip(&back, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, size, bytes);
	memcpy(bytes + header, body, size);
	return header + size;
}
