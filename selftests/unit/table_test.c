// SPDX-License-Identifier: GPL-2.0
/*
 * The engine's table, cell by cell: what is no edge of RFC 9293 figure 5, or of
 * the two ways back that a repetition shows, stays. Most of these cells are out
 * of the engine's reach; so it does not matter whether they are.
 */
#include "fsm_table.h"
#include "tap.h"
#include "words.h"

struct edge {
	enum event what;
	unsigned int from;
	unsigned int to;
};

static const struct edge edges[] = {
	{ SEND_SYN, CLOSE, SYN_SENT },
	{ SEND_SYNACK, CLOSE, SYN_RECV },
	{ SEND_SYNACK, SYN_SENT, SYN_RECV },
	{ RCV_SYN, SYN_SENT, SYN_RECV },
	{ RCV_SYN, SYN_RECV, CLOSE },
	{ RCV_SYNACK, SYN_SENT, ESTABLISHED },
	{ SYN_ACKED, SYN_SENT, ESTABLISHED },
	{ SYN_ACKED, SYN_RECV, ESTABLISHED },
	{ SEND_FIN, SYN_RECV, FIN_WAIT1 },
	{ SEND_FIN, ESTABLISHED, FIN_WAIT1 },
	{ SEND_FIN, CLOSE_WAIT, LAST_ACK },
	{ SEND_FIN_UNAWARE, CLOSE_WAIT, FIN_WAIT1 },
	{ RCV_FIN, SYN_RECV, CLOSE_WAIT },
	{ RCV_FIN, ESTABLISHED, CLOSE_WAIT },
	{ RCV_FIN, FIN_WAIT1, CLOSING },
	{ RCV_FIN, FIN_WAIT2, TIME_WAIT },
	{ FIN_ACKED, FIN_WAIT1, FIN_WAIT2 },
	{ FIN_ACKED, CLOSING, TIME_WAIT },
	{ FIN_ACKED, LAST_ACK, CLOSE },
	{ RETRANSMIT_SYNACK, ESTABLISHED, SYN_RECV },
	{ RETRANSMIT_FIN, FIN_WAIT2, FIN_WAIT1 },
	{ RETRANSMIT_FIN, TIME_WAIT, CLOSING },
	{ RETRANSMIT_FIN, CLOSE, LAST_ACK },
};

/* A reset closes whatever is open. */
static unsigned int expected(enum event what, unsigned int from)
{
	if ((what == SEND_RST || what == RCV_RST) && from && from != CLOSE && from != FSM_LISTEN)
		return CLOSE;
	for (unsigned int i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		if (edges[i].what == what && edges[i].from == from)
			return edges[i].to;
	return STAY;
}

static bool is_right(enum event what)
{
	for (unsigned int from = 0; from < FSM_STATES; from++) {
		if (next_state[what][from] == expected(what, from))
			continue;
		printf("# from %s\n", names[from] ? names[from] : "no state");
		return false;
	}
	return true;
}

int main(void)
{
	tap_plan(EVENTS);
	for (unsigned int what = 0; what < EVENTS; what++)
		tap_result(is_right(what), "event %u in every state (RFC 9293 figure 5)", what);
	return tap_exit();
}
