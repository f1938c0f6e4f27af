// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <sys/socket.h>

#include "peer.h"

#define MSS		1400
#define FAR		1000000

/* Where its numbers begin: anywhere, or shortly before they wrap or change their sign. */
static uint32_t choose_isn(struct connection *c)
{
	switch (random_below(&c->random, 4)) {
	case 0:
		return UINT32_MAX - random_below(&c->random, 3000);
	case 1:
		return INT32_MAX - random_below(&c->random, 3000);
	case 2:
		/* Newer than what was there before, and in its window perhaps. */
		return c->peer.nxt + random_below(&c->random, 200000);
	default:
		return random_next(&c->random);
	}
}

/* A new incarnation of the remote end, with other options. */
void peer_begin(struct connection *c)
{
	uint32_t isn = choose_isn(c);
	uint32_t tsval = c->peer.tsval + 1 + random_below(&c->random, 5000);

	if (!c->incarnations)
		tsval = random_next(&c->random);
	c->peer = (struct peer){
		.isn = isn,
		.nxt = isn,
		.window = random_once(&c->random, 8) ? 100 + random_below(&c->random, 3000) : 60000,
		.wscale = random_once(&c->random, 3) ? -1 : (int8_t)random_below(&c->random, 15),
		.ts = !random_once(&c->random, 3),
		.sack = !random_once(&c->random, 4),
		.tsval = tsval,
		.tsecr = c->peer.tsecr,
		.rcv = c->peer.rcv,
	};
	c->kernel.rst = false;
	c->incarnations++;
}

/* Where the kernel's acknowledgments show that it expects something else, believe it. */
void peer_resync(struct connection *c)
{
	int32_t ahead = (int32_t)(c->peer.nxt - c->kernel.ack);

	if (!c->kernel.syn || !c->peer.syn || !(c->kernel.last.flags & ACK))
		return;
	if (ahead < 0 || ahead > FAR || random_once(&c->random, 6))
		c->peer.nxt = c->kernel.ack;
	if ((int32_t)(c->peer.rcv - c->kernel.nxt) > 0)
		c->peer.rcv = c->kernel.nxt;
}

static void add_options(struct connection *c, struct packet *p)
{
	static const uint8_t mss[2] = { MSS >> 8, MSS & 0xff };
	uint8_t wscale = (uint8_t)c->peer.wscale;

	if (p->flags & SYN) {
		packet_option(p, OPTION_MSS, mss, sizeof(mss));
		if (c->peer.wscale >= 0)
			packet_option(p, OPTION_WSCALE, &wscale, 1);
		if (c->peer.sack)
			packet_option(p, OPTION_SACK_OK, NULL, 0);
	}
	if (c->peer.ts) {
		p->tsval = ++c->peer.tsval;
		p->tsecr = p->flags & ACK ? c->peer.tsecr : 0;
		packet_option32(p, OPTION_TS, p->tsval, p->tsecr);
	}
}

/* A segment as it should be, with no payload yet. */
struct packet peer_segment(struct connection *c, uint8_t flags)
{
	struct packet p = {
		.family = c->family,
		.lport = c->lport,
		.rport = c->rport,
		.seq = flags & SYN ? c->peer.isn : c->peer.nxt,
		.ack = flags & ACK ? c->peer.rcv : 0,
		.flags = flags,
		.ttl = 64,
		.window = c->peer.window,
	};

	memcpy(p.local, c->local, sizeof(p.local));
	memcpy(p.remote, c->remote, sizeof(p.remote));
	add_options(c, &p);
	return p;
}

static void send_text(struct connection *c, uint8_t flags, uint16_t len)
{
	struct packet p = peer_segment(c, flags);

	p.len = len;
	if (!c->peer.fin)
		c->peer.nxt = packet_end(&p);
	c->peer.fin |= flags & FIN;
	connection_send(c, &p);
}

static void send_syn(struct connection *c, uint8_t flags)
{
	struct packet p;

	if (flags & ACK)
		c->peer.rcv = c->kernel.nxt;
	p = peer_segment(c, flags);
	c->peer.syn = true;
	c->peer.nxt = c->peer.isn + 1;
	connection_send(c, &p);
}

static void acknowledge(struct connection *c)
{
	if (c->kernel.syn)
		c->peer.rcv = c->kernel.nxt;
}

/* One letter of a script. */
void peer_act(struct connection *c, char letter)
{
	struct packet p;

	c->what = "peer";
	switch (letter) {
	case 'y':
		send_syn(c, SYN);
		break;
	case 's':
		send_syn(c, SYN | ACK);
		break;
	case 'a':
		acknowledge(c);
		send_text(c, ACK, 0);
		break;
	case 'd':
		acknowledge(c);
		send_text(c, ACK | PSH, 1 + random_below(&c->random, MSS));
		break;
	case 'f':
		acknowledge(c);
		send_text(c, FIN | ACK, random_once(&c->random, 3) ? 50 : 0);
		break;
	case 'F':	/* what the kernel sent last has not arrived yet */
		send_text(c, FIN | ACK, 0);
		break;
	case 'z':
		c->peer.window = 0;
		acknowledge(c);
		send_text(c, ACK, 0);
		break;
	case 'w':
		c->peer.window = 60000;
		send_text(c, ACK, 0);
		break;
	case 'r':
		p = peer_segment(c, random_once(&c->random, 2) ? RST : RST | ACK);
		connection_send(c, &p);
		break;
	}
}

void peer_act_randomly(struct connection *c)
{
	static const char letters[] = "aaaaaaddddddfFzwwrsy";
	char letter = letters[random_below(&c->random, sizeof(letters) - 1)];

	if (!c->peer.syn)
		letter = c->initiator && c->kernel.syn ? 's' : 'y';
	peer_resync(c);
	peer_act(c, letter);
}
