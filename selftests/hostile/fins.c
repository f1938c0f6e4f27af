// SPDX-License-Identifier: GPL-2.0
#include "attack.h"
#include "peer.h"
#include "socket.h"

/* What the peer has sent now counts as taken. */
static void advance(struct connection *c, uint32_t by, bool fin)
{
	c->peer.nxt += by;
	c->peer.fin |= fin;
}

/* E4 */
void attack_fin(struct connection *c)
{
	uint16_t len = random_once(&c->random, 2) ? 0 : 1 + random_below(&c->random, 200);
	int32_t hole = 1 + (int32_t)random_below(&c->random, 1000);
	int32_t window = (int32_t)c->kernel.window;

	switch (random_below(&c->random, 9)) {
	case 0:
		attack_send(c, FIN | ACK, -1, 0, len);
		break;
	case 1:
		attack_send(c, FIN | ACK, hole, 0, len);
		break;
	case 2:
		attack_send(c, FIN, 0, 0, len);
		break;
	case 3:	/* beyond a hole, which is filled afterwards, or not */
		attack_send(c, FIN | ACK, hole, 0, len);
		if (random_once(&c->random, 2))
			break;
		attack_send(c, ACK | PSH, 0, 0, (uint16_t)hole);
		advance(c, (uint32_t)hole + len + 1, true);
		break;
	case 4:
		attack_send(c, FIN | SYN, 0, 0, len);
		break;
	case 5:
		attack_send(c, FIN | SYN | ACK, 0, 0, len);
		break;
	case 6:
		attack_send(c, FIN | RST | (random_once(&c->random, 2) ? ACK : 0), hole - 1, 0, 0);
		break;
	case 7:
		attack_send(c, FIN | SYN | RST | PSH | ACK | URG, 0, 0, len);
		break;
	case 8:	/* beyond the window */
		attack_send(c, FIN | ACK, window - 1 + (int32_t)random_below(&c->random, 3), 0,
			    len);
		break;
	}
}

/* E5 */
void attack_ack(struct connection *c)
{
	int32_t new = (int32_t)(c->kernel.nxt - c->peer.rcv);	/* what may be acknowledged */
	int32_t far = (int32_t)random_below(&c->random, 1 << 30);
	uint8_t fin = random_once(&c->random, 2) ? FIN : 0;
	uint16_t len = random_once(&c->random, 2) ? 0 : 1 + random_below(&c->random, 100);

	switch (random_below(&c->random, 8)) {
	case 0:
		attack_send(c, PSH, 0, 0, 10);
		break;
	case 1:
		attack_send(c, FIN | PSH, 0, 0, len);
		break;
	case 2:
		attack_send(c, 0, 0, 0, len);
		break;
	case 3:
		attack_send(c, ACK | fin, 0, new + 1, len);
		break;
	case 4:
		attack_send(c, ACK | fin, 0, new + 1 + far, len);
		break;
	case 5:
		attack_send(c, ACK | fin, 0, -1, len);
		break;
	case 6:	/* older than any window */
		attack_send(c, ACK | fin, 0, -0x10000 - far, len);
		break;
	case 7:	/* the kernel's FIN is not covered yet */
		attack_send(c, ACK | fin, 0, new - 1, len);
		break;
	}
	/* The kernel may have taken it. */
	if (fin && random_once(&c->random, 2))
		advance(c, 0, true);
}

/* E11 */
void attack_overlap(struct connection *c)
{
	uint16_t len = 1 + random_below(&c->random, 300);
	int32_t back = (int32_t)random_below(&c->random, 200);

	switch (random_below(&c->random, 8)) {
	case 0:	/* the end of it is new */
		attack_send(c, ACK | PSH, -back, 0, (uint16_t)(back + len));
		advance(c, len, false);
		break;
	case 1:	/* a FIN, then what comes before it */
		attack_send(c, FIN | ACK, len, 0, 0);
		attack_send(c, ACK | PSH, 0, 0, len);
		advance(c, len + 1u, true);
		break;
	case 2:	/* a FIN once more, with more in front of it */
		attack_send(c, FIN | ACK, 0, 0, 0);
		attack_send(c, FIN | ACK, 0, 0, len);
		advance(c, 1, true);
		break;
	case 3:	/* the FIN once more */
		attack_send(c, FIN | ACK, c->peer.fin ? -1 : 0, 0, 0);
		if (!c->peer.fin)
			advance(c, 1, true);
		break;
	case 4:	/* data behind the FIN */
		attack_send(c, FIN | ACK, c->peer.fin ? -1 : 0, 0, 0);
		attack_send(c, ACK | PSH, c->peer.fin ? 0 : 1, 0, len);
		if (!c->peer.fin)
			advance(c, 1, true);
		break;
	case 5:	/* three pieces, the last one first */
		attack_send(c, ACK | (random_once(&c->random, 2) ? FIN : 0), 2 * len, 0, len);
		attack_send(c, ACK, len, 0, len);
		attack_send(c, ACK, 0, 0, len);
		peer_resync(c);
		break;
	case 6:	/* old data with a FIN at its end, which is old too */
		attack_send(c, FIN | ACK, -back - 1, 0, (uint16_t)back);
		break;
	case 7:	/* a FIN in the middle of what comes later */
		attack_send(c, FIN | ACK, len, 0, 0);
		attack_send(c, ACK | PSH, 0, 0, (uint16_t)(len + 50));
		peer_resync(c);
		break;
	}
}

/* E12: the kernel's window is filled, then more comes; or ours closes and shrinks. */
void attack_zero_window(struct connection *c)
{
	unsigned int tries = 12;

	if (random_once(&c->random, 3)) {
		c->peer.window = random_below(&c->random, 100) * random_below(&c->random, 2);
		attack_send(c, ACK, 0, 0, 0);
		socket_write(c);
		return;
	}
	while (c->kernel.window && c->kernel.window < 70000 && tries--) {
		uint16_t len = c->kernel.window < 1400 ? (uint16_t)c->kernel.window : 1400;

		attack_send(c, ACK | PSH, 0, 0, len);
		advance(c, len, false);
	}
	switch (random_below(&c->random, 5)) {
	case 0:
		attack_send(c, FIN | ACK, 0, 0, 1 + random_below(&c->random, 100));
		break;
	case 1:
		attack_send(c, FIN | ACK, 0, 0, 0);
		break;
	case 2:
		attack_send(c, ACK | PSH, 0, 0, 1);
		break;
	case 3:
		attack_send(c, RST, 0, 0, 0);
		break;
	case 4:
		attack_send(c, RST, 1, 0, 0);
		break;
	}
	peer_resync(c);
}
