// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <sys/socket.h>

#include "attack.h"
#include "peer.h"
#include "socket.h"

#define ICMP_UNREACHABLE	3
#define ICMP_TIME_EXCEEDED	11
#define ICMP_PARAMETER		12
#define ICMP6_UNREACHABLE	1
#define ICMP6_TIME_EXCEEDED	3
#define ICMP6_PARAMETER		4

/* E14: the socket is not shown what the mirror sees. */
void attack_obscured(struct connection *c)
{
	static const uint8_t flags[] = { FIN | ACK, RST, ACK | PSH, RST | ACK, SYN };
	unsigned int shots = 1 + random_below(&c->random, 3);

	if (random_once(&c->random, 2))
		socket_filter(c);
	else
		socket_min_ttl(c, 65 + (int)random_below(&c->random, 190));
	while (shots--)
		attack_send(c, flags[random_below(&c->random, sizeof(flags))], 0, 0, 0);
}

/* E17: an error about what the kernel sent, or might have sent. */
void attack_icmp(struct connection *c)
{
	static const uint8_t types4[] = { ICMP_UNREACHABLE, ICMP_UNREACHABLE, ICMP_UNREACHABLE,
					  ICMP_TIME_EXCEEDED, ICMP_PARAMETER };
	static const uint8_t types6[] = { ICMP6_UNREACHABLE, ICMP6_UNREACHABLE,
					  ICMP6_TIME_EXCEEDED, ICMP6_PARAMETER };
	bool v4 = c->family == AF_INET;
	struct packet about = peer_segment(c, ACK);
	uint8_t bytes[PACKET_MAX];
	uint8_t type, code;
	uint32_t info = 0;
	size_t size;

	if (v4)
		type = types4[random_below(&c->random, sizeof(types4))];
	else
		type = types6[random_below(&c->random, sizeof(types6))];
	code = random_below(&c->random, v4 && type == ICMP_UNREACHABLE ? 16 : 5);
	/* Fragmentation needed, to a size that changes nothing. */
	if (v4 && type == ICMP_UNREACHABLE && code == 4)
		info = 1400;
	about.flags = c->kernel.synack || c->kernel.nxt != c->kernel.isn + 1 ? ACK : SYN;
	switch (random_below(&c->random, 4)) {
	case 0:
		about.seq = c->peer.rcv;
		break;
	case 1:
		about.seq = c->kernel.nxt - 1;
		break;
	case 2:
		about.seq = c->kernel.isn;
		break;
	case 3:
		about.seq = (uint32_t)random_next(&c->random);
		break;
	}
	about.nr_options = 0;
	size = packet_icmp(&about, type, code, info, bytes);
	connection_note(c, "%-7s ICMP type %u code %u, seq %d", c->what, type, code,
			(int32_t)(about.seq - c->kernel.isn));
	connection_send_bytes(c, bytes, size);
}

static struct packet of_stranger(struct connection *c, const struct stranger *s, uint8_t flags)
{
	struct packet p = peer_segment(c, flags);

	memcpy(p.remote, s->address, sizeof(p.remote));
	p.rport = s->port;
	p.seq = flags & SYN ? s->isn : s->isn + 1;
	p.ack = s->kernel_isn + 1;
	p.nr_options = 0;
	return p;
}

static struct stranger *new_stranger(struct connection *c)
{
	struct stranger *s = &c->strangers[c->nr_strangers++ % STRANGERS];

	memcpy(s->address, c->remote, sizeof(s->address));
	s->address[c->family == AF_INET ? 3 : 15] = 1 + random_below(&c->random, 250);
	s->address[c->family == AF_INET ? 2 : 14] = 1 + random_below(&c->random, 250);
	s->port = 1024 + random_below(&c->random, 60000);
	s->isn = (uint32_t)random_next(&c->random);
	s->answered = false;
	return s;
}

/* E18: many who were never heard of; some go on. */
void attack_flood(struct connection *c)
{
	static const uint8_t floods[] = { SYN, SYN, SYN, ACK, RST, SYN | ACK, FIN | ACK };
	uint8_t flags = floods[random_below(&c->random, sizeof(floods))];
	unsigned int shots = 3 + random_below(&c->random, 6);

	for (unsigned int i = 0; i < shots; i++) {
		const struct stranger *s = new_stranger(c);
		struct packet p = of_stranger(c, s, flags);

		if (!(flags & SYN))
			p.ack = (uint32_t)random_next(&c->random);
		connection_note(c, "%-7s a stranger's, port %u, flags %#x", c->what, s->port,
				flags);
		connection_send(c, &p);
	}
	for (unsigned int i = 0; i < STRANGERS; i++) {
		const struct stranger *s = &c->strangers[i];
		struct packet p;

		if (!s->answered || !random_once(&c->random, 4))
			continue;
		p = of_stranger(c, s, random_once(&c->random, 3) ? RST : ACK);
		connection_note(c, "%-7s stranger of port %u goes on, flags %#x", c->what, s->port,
				p.flags);
		connection_send(c, &p);
	}
}
