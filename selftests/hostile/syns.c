// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "attack.h"
#include "peer.h"
#include "socket.h"

/* A SYN at a place of its own. */
static void send_syn(struct connection *c, uint8_t flags, uint32_t seq, uint16_t len)
{
	struct packet p = peer_segment(c, flags);

	p.seq = seq;
	p.len = len;
	connection_send(c, &p);
}

static uint32_t some_isn(struct connection *c)
{
	switch (random_below(&c->random, 6)) {
	case 0:	return c->peer.isn;
	case 1:	return c->peer.nxt;
	case 2:	return c->peer.nxt - 1;
	case 3:	return c->peer.nxt + 1 + random_below(&c->random, 60000);
	case 4:	return c->peer.nxt - random_below(&c->random, 60000);
	default: return (uint32_t)random_next(&c->random);
	}
}

static uint16_t some_data(struct connection *c)
{
	return random_once(&c->random, 3) ? 1 + random_below(&c->random, 200) : 0;
}

/* E6 */
void attack_syn(struct connection *c)
{
	switch (random_below(&c->random, 5)) {
	case 0:
	case 1:
		send_syn(c, SYN, some_isn(c), some_data(c));
		break;
	case 2:
		send_syn(c, SYN | ACK, some_isn(c), some_data(c));
		break;
	case 3:
		attack_send(c, RST, (int32_t)random_below(&c->random, 2), 0, 0);
		send_syn(c, SYN, some_isn(c), 0);
		break;
	case 4:
		send_syn(c, SYN, some_isn(c), 0);
		attack_send(c, RST, 0, 0, 0);
		break;
	}
}

/* E7: the kernel's end begins anew, and so does its peer, in strange ways. */
void attack_opening(struct connection *c)
{
	if (random_once(&c->random, 2)) {
		socket_reset(c);
		if (c->initiator)
			socket_connect(c);
		else
			socket_listen(c);
		peer_begin(c);
	}
	switch (random_below(&c->random, 7)) {
	case 0:	/* twice, with different numbers */
		peer_act(c, 'y');
		send_syn(c, SYN, some_isn(c), 0);
		break;
	case 1:	/* the same again */
		peer_act(c, 'y');
		send_syn(c, SYN, c->peer.isn, 0);
		break;
	case 2:	/* with data, or repeated with data */
		send_syn(c, SYN, c->peer.isn, 1 + random_below(&c->random, 500));
		break;
	case 3:
		send_syn(c, SYN | FIN, c->peer.isn, some_data(c));
		break;
	case 4:
		c->peer.rcv = c->kernel.nxt;
		send_syn(c, SYN | ACK | (random_once(&c->random, 3) ? FIN : 0), c->peer.isn,
			 some_data(c));
		if (c->kernel.syn && !c->peer.syn)
			c->peer.nxt = c->kernel.ack;
		break;
	case 5:	/* SYN-ACK with a wrong acknowledgment, then the right one */
		c->peer.rcv = c->kernel.nxt + (random_once(&c->random, 2) ? -1u : 1u);
		send_syn(c, SYN | ACK, c->peer.isn, 0);
		peer_act(c, 's');
		break;
	case 6:	/* an ACK with data and FIN right behind the SYN */
		peer_act(c, 'y');
		peer_act(c, random_once(&c->random, 2) ? 'f' : 'd');
		break;
	}
}

/* E8: SYN and ACK come apart, or cross. */
void attack_split(struct connection *c)
{
	if (random_once(&c->random, 2) && c->initiator) {
		socket_reset(c);
		peer_begin(c);
		socket_connect(c);
	}
	switch (random_below(&c->random, 6)) {
	case 0:	/* four-way: ACK, SYN, and what the kernel makes of them */
		c->peer.rcv = c->kernel.nxt;
		attack_send(c, ACK, 0, 0, 0);
		peer_act(c, 'y');
		peer_act(c, 'a');
		break;
	case 1:	/* crossed, and done as it should be */
		peer_act(c, 'y');
		peer_act(c, 's');
		break;
	case 2:	/* crossed; the SYN-ACK is lost, an ACK follows */
		peer_act(c, 'y');
		peer_act(c, random_once(&c->random, 2) ? 'a' : 'd');
		break;
	case 3:	/* crossed, and closed before it is open */
		peer_act(c, 'y');
		socket_shutdown(c);
		peer_act(c, 'a');
		break;
	case 4:	/* crossed, then a FIN or RST */
		peer_act(c, 'y');
		peer_act(c, random_once(&c->random, 2) ? 'f' : 'r');
		break;
	case 5:	/* crossed twice, with different numbers */
		peer_act(c, 'y');
		send_syn(c, SYN, some_isn(c), 0);
		peer_act(c, 's');
		break;
	}
}

/* E15: a peer that knows nothing of this connection answers; and a SYN to an end that closes. */
void attack_challenge(struct connection *c)
{
	uint32_t nxt = c->peer.nxt;

	switch (random_below(&c->random, 4)) {
	case 0:	/* the SYN is answered by the ACK of an older connection */
		attack_send(c, ACK, (int32_t)random_below(&c->random, 100000),
			    (int32_t)random_next(&c->random), 0);
		attack_send(c, RST, 0, 0, 0);
		break;
	case 1:	/* and then its SYN is answered as it should be */
		attack_send(c, ACK, (int32_t)random_below(&c->random, 100000), -1000, 0);
		peer_act(c, 's');
		break;
	case 2:	/* close after close: a challenge ACK is not the last ACK */
		peer_act(c, 'f');
		socket_close(c);
		send_syn(c, SYN, some_isn(c), 0);
		c->peer.nxt = nxt + 1;
		if (random_once(&c->random, 2))
			peer_act(c, 'a');
		break;
	case 3:	/* the peer has forgotten: SYN, challenge ACK, RST, SYN */
		send_syn(c, SYN, (uint32_t)random_next(&c->random), 0);
		if (c->kernel.last.flags & ACK) {
			c->peer.nxt = c->kernel.ack;
			attack_send(c, RST, 0, 0, 0);
		}
		peer_begin(c);
		peer_act(c, 'y');
		break;
	}
}

/* E16: the kernel closes first; what comes to the timewait socket. */
void attack_time_wait(struct connection *c)
{
	unsigned int shots = 1 + random_below(&c->random, 3);

	if (c->fd >= 0 && !random_once(&c->random, 4)) {
		socket_read(c);
		if (random_once(&c->random, 2))
			socket_close(c);
		else
			socket_shutdown(c);
		peer_resync(c);
		peer_act(c, 'a');
		if (!random_once(&c->random, 4))
			peer_act(c, 'f');
	}
	while (shots--) {
		switch (random_below(&c->random, 10)) {
		case 0:	/* newer */
			send_syn(c, SYN, c->peer.nxt + 1 + random_below(&c->random, 100000),
				 some_data(c));
			break;
		case 1:	/* older */
			send_syn(c, SYN, c->peer.nxt - 1 - random_below(&c->random, 100000), 0);
			break;
		case 2:
			attack_send(c, ACK, 0, 0, 0);
			break;
		case 3:
			attack_send(c, ACK, -1, 0, 0);
			break;
		case 4:	/* the FIN once more */
			attack_send(c, FIN | ACK, -1, 0, 0);
			break;
		case 5:
			attack_send(c, RST, 0, 0, 0);
			break;
		case 6:
			attack_send(c, RST, 1 + (int32_t)random_below(&c->random, 1000), 0, 0);
			break;
		case 7:
			attack_send(c, ACK | PSH, 0, 0, 10);
			break;
		case 8:
			attack_send(c, FIN | ACK, 0, 0, 0);
			break;
		case 9:
			attack_send(c, SYN | ACK, (int32_t)random_below(&c->random, 1000), 0, 0);
			break;
		}
	}
}

/* E20: a connection ends with a RST and begins again at once. */
void attack_reuse(struct connection *c)
{
	if (random_once(&c->random, 2))
		attack_send(c, RST, 0, 0, 0);
	else
		socket_reset(c);
	if (c->initiator) {
		socket_close(c);
		peer_begin(c);
		socket_connect(c);
		if (random_once(&c->random, 2))
			peer_act(c, 's');
	} else {
		if (random_once(&c->random, 2))
			socket_close(c);
		socket_listen(c);
		peer_begin(c);
		peer_act(c, 'y');
		if (random_once(&c->random, 2))
			peer_act(c, 'a');
	}
	socket_accept(c);
}
