// SPDX-License-Identifier: GPL-2.0
#include "attack.h"
#include "peer.h"

static const uint8_t movers[] = { FIN | ACK, ACK | PSH, RST, RST | ACK, SYN, ACK, SYN | ACK };

static uint8_t mover(struct connection *c)
{
	return movers[random_below(&c->random, sizeof(movers))];
}

/* The same segment, but for its options. */
static struct packet bare(struct connection *c, uint8_t flags)
{
	struct packet p = peer_segment(c, flags);

	p.seq = c->peer.nxt;
	p.nr_options = 0;
	return p;
}

/* E9: timestamps that went back, are gone, or echo nothing; a reset does not care. */
void attack_timestamp(struct connection *c)
{
	uint8_t flags = mover(c);
	struct packet p = bare(c, flags);
	uint32_t tsval = c->peer.tsval, tsecr = flags & ACK ? c->peer.tsecr : 0;

	switch (random_below(&c->random, 5)) {
	case 0:
		tsval -= 2 + random_below(&c->random, 1 << 20);
		break;
	case 1:
		tsval -= 0x7fffffff;
		break;
	case 2:
		tsecr += (uint32_t)random_next(&c->random);
		break;
	case 3:	/* none */
		p.len = flags & (SYN | RST) ? 0 : random_below(&c->random, 10);
		connection_send(c, &p);
		return;
	case 4:	/* just as old as allowed */
		tsval -= random_below(&c->random, 3);
		break;
	}
	packet_option32(&p, OPTION_TS, tsval, tsecr);
	p.len = flags & (SYN | RST) ? 0 : random_below(&c->random, 10);
	connection_send(c, &p);
}

/* Options whose lengths lie. */
static void lie(struct connection *c, struct packet *p)
{
	static const uint8_t huge = 255;
	uint8_t kind = 2 + random_below(&c->random, 30);
	uint8_t value[38];

	switch (random_below(&c->random, 6)) {
	case 0:
		packet_option(p, kind, NULL, 0);
		p->options[p->nr_options - 1] = 0;
		break;
	case 1:
		packet_option(p, kind, NULL, 0);
		p->options[p->nr_options - 1] = 1;
		break;
	case 2:
		packet_option(p, kind, NULL, 0);
		p->options[p->nr_options - 1] = 40;
		break;
	case 3:
		packet_option(p, OPTION_WSCALE, &huge, 1);
		break;
	case 4:	/* the right one behind rubbish */
		packet_option(p, 0, NULL, 0);
		packet_option32(p, OPTION_TS, (uint32_t)random_next(&c->random), c->peer.tsecr);
		break;
	case 5:
		for (unsigned int i = 0; i < sizeof(value); i++)
			value[i] = (uint8_t)random_next(&c->random);
		p->nr_options = 0;
		packet_option(p, kind, value, random_below(&c->random, sizeof(value)));
		break;
	}
}

/* E13: headers that lie, are cut off, or come in strange ways. */
void attack_malformed(struct connection *c)
{
	struct packet p = peer_segment(c, mover(c));

	p.seq = c->peer.nxt;
	if (!(p.flags & (SYN | RST)))
		p.len = random_below(&c->random, 60);
	switch (random_below(&c->random, 9)) {
	case 0:
		p.doff = 1 + random_below(&c->random, 4);
		break;
	case 1:
		p.doff = 15;
		break;
	case 2:	/* the header ends where it says, but not where it did */
		p.doff = 5;
		break;
	case 3:
		p.cut = 1 + random_below(&c->random, 40);
		break;
	case 4:
	case 5:
		lie(c, &p);
		break;
	case 6:
		p.carrier = CARRIER_OPTIONS;
		break;
	case 7:
		p.carrier = CARRIER_CHAIN;
		break;
	case 8:
		p.carrier = CARRIER_FRAGMENTS;
		p.len += p.flags & (SYN | RST) ? 0 : 100;
		break;
	}
	connection_send(c, &p);
}

/* E19: what is before and what after, where nobody can tell. */
void attack_wrap(struct connection *c)
{
	static const int32_t places[] = { INT32_MIN, INT32_MIN + 1, INT32_MAX, INT32_MAX - 1,
					  0x40000000, -0x40000000, 60000 << 14, -60000 };
	int32_t seq = places[random_below(&c->random, sizeof(places) / sizeof(places[0]))];
	int32_t ack = places[random_below(&c->random, sizeof(places) / sizeof(places[0]))];
	uint16_t len = random_once(&c->random, 2) ? 100 : 0;

	switch (random_below(&c->random, 3)) {
	case 0:
		attack_send(c, mover(c), seq, 0, len);
		break;
	case 1:
		attack_send(c, mover(c), 0, ack, len);
		break;
	case 2:
		attack_send(c, mover(c), seq, ack, len);
		break;
	}
}
