// SPDX-License-Identifier: GPL-2.0
#include "attack.h"
#include "peer.h"
#include "socket.h"

static const uint8_t killers[] = { RST, RST | ACK, FIN | ACK, SYN, ACK, FIN | ACK | PSH };

static struct packet killer(struct connection *c)
{
	uint8_t flags = killers[random_below(&c->random, sizeof(killers))];
	struct packet p = peer_segment(c, flags);

	if (!(flags & SYN) || !random_once(&c->random, 3))
		p.seq = c->peer.nxt;
	if (!(flags & (SYN | RST)) && random_once(&c->random, 2))
		p.len = 1 + random_below(&c->random, 100);
	return p;
}

/* E1: all is right, but for the sum. */
void attack_checksum(struct connection *c)
{
	uint32_t tsval = c->peer.tsval;
	struct packet p;

	/* The time in it, too, is to be forgotten. */
	c->peer.tsval += random_below(&c->random, 1 << 30);
	p = killer(c);
	c->peer.tsval = tsval;
	p.bad_checksum = true;
	connection_send(c, &p);
}

/* E2: all is right, but that it is signed, or is not. */
void attack_signature(struct connection *c)
{
	uint8_t value[16];
	bool key = random_once(&c->random, 4);
	struct packet p = killer(c);

	for (unsigned int i = 0; i < sizeof(value); i++)
		value[i] = (uint8_t)random_next(&c->random);
	if (key)
		socket_key(c);
	else
		packet_option(&p, random_once(&c->random, 3) ? OPTION_AO : OPTION_MD5, value,
			      sizeof(value));
	connection_send(c, &p);
}

/* E3 */
void attack_reset(struct connection *c)
{
	int32_t window = (int32_t)c->kernel.window;
	int32_t inside = 2 + (int32_t)random_below(&c->random, (window & 0xffff) + 1);
	const int32_t seqs[] = { inside, inside, -1, 1, window, window + 1, window - 1, 1 << 30,
				 -70000, (int32_t)-c->peer.nxt, 0 };
	int32_t seq = seqs[random_below(&c->random, sizeof(seqs) / sizeof(seqs[0]))];
	uint8_t flags = random_once(&c->random, 2) ? RST : RST | ACK;
	int32_t ack = random_once(&c->random, 2) ? 0 : (int32_t)random_next(&c->random);

	attack_send(c, flags, seq, ack, random_once(&c->random, 4) ? 10 : 0);
}

/* E10: the kernel sees holes, and a RST at the end of what lies behind them. */
void attack_sack_edge(struct connection *c)
{
	int32_t hole = 1 + (int32_t)random_below(&c->random, 500);
	unsigned int blocks = 1 + random_below(&c->random, 3);
	int32_t at = hole, edge = 0;

	for (unsigned int i = 0; i < blocks; i++) {
		uint16_t len = 1 + random_below(&c->random, 300);

		attack_send(c, ACK | PSH, at, 0, len);
		edge = at + len;
		at = edge + 1 + (int32_t)random_below(&c->random, 300);
	}
	/* Some blocks come again, the last one first. */
	if (random_once(&c->random, 3))
		attack_send(c, ACK | PSH, hole, 0, 1);
	if (random_once(&c->random, 6)) {
		attack_send(c, ACK | PSH, 0, 0, (uint16_t)hole);
		c->peer.nxt += (uint32_t)hole;
		edge -= hole;
	}
	if (random_once(&c->random, 2))
		edge += (int32_t)random_below(&c->random, 3) - 1;
	attack_send(c, random_once(&c->random, 2) ? RST : RST | ACK, edge, 0, 0);
}
