// SPDX-License-Identifier: GPL-2.0
/*
 * Every segment in every state: model.h says where a local socket ends, and the
 * engine must say the same.
 */
#include "model.h"
#include "vector.h"

/**
 * struct situation - where a segment arrives
 * @name: in words
 * @model: the socket; its numbers count from the ISNs
 * @script: how A comes there
 */
struct situation {
	const char *name;
	struct model model;
	struct event script[SCRIPT_MAX + 1];
};

/* A has ten octets under way, and ten that it has not acknowledged. */
#define BUSY \
	OPEN, \
	SENT(A, ACK, 11, 11, ANY, ANY, .len = 10), \
	SEG(B, ACK, 11, 11, ANY, ANY, .len = 10)

static const struct situation situations[] = {
	{ "close",
	  { .state = CLOSE },
	  .script = {
		HANDSHAKE,
		SEG(A, RST, 1, 0, CLOSE, CLOSE),
	} },
	{ "syn_sent",
	  { .state = SYN_SENT, .nxt = 1 },
	  .script = {
		SENT(A, SYN, 0, 0, SYN_SENT, CLOSE),
	} },
	{ "syn_recv, a request",
	  { .state = SYN_RECV, .request = true, .nxt = 1, .rcv = 1, .wup = 1, .edge = 1 + WINDOW },
	  .script = {
		SEG(B, SYN, 0, 0, CLOSE, SYN_SENT),
		SENT(A, SYN_ACK, 0, 1, SYN_RECV, SYN_SENT),
	} },
	{ "syn_recv, crossed",
	  { .state = SYN_RECV, .nxt = 1, .rcv = 1, .wup = 1, .edge = 1 + WINDOW },
	  .script = {
		SENT(A, SYN, 0, 0, SYN_SENT, CLOSE),
		SEG(B, SYN, 0, 0, SYN_RECV, SYN_SENT),
		SENT(A, SYN_ACK, 0, 1, SYN_RECV, SYN_SENT),
	} },
	{ "established",
	  { .state = ESTABLISHED, .una = 11, .nxt = 21, .rcv = 21, .wup = 11, .edge = 11 + WINDOW },
	  .script = {
		BUSY,
	} },
	{ "established, window closed",
	  { .state = ESTABLISHED, .first = 1, .una = 1, .nxt = 1, .rcv = 101, .wup = 101,
	    .edge = 101 },
	  .script = {
		SEG(B, SYN, 0, 0, CLOSE, SYN_SENT),
		SEG(A, SYN_ACK, 0, 1, SYN_RECV, ESTABLISHED, .window = 100),
		SEG(B, ACK, 1, 1, ESTABLISHED, ESTABLISHED, .len = 100),
		SENT(A, ACK, 1, 101, ESTABLISHED, ESTABLISHED, .window = ZERO_WINDOW),
	} },
	{ "fin_wait1",
	  { .state = FIN_WAIT1, .una = 11, .nxt = 22, .rcv = 21, .wup = 11, .edge = 11 + WINDOW },
	  .script = {
		BUSY,
		SENT(A, FIN_ACK, 21, 11, FIN_WAIT1, ESTABLISHED),
	} },
	{ "fin_wait2",
	  { .state = FIN_WAIT2, .una = 22, .nxt = 22, .rcv = 21, .wup = 11, .edge = 11 + WINDOW },
	  .script = {
		BUSY,
		SENT(A, FIN_ACK, 21, 11, FIN_WAIT1, ESTABLISHED),
		GOT(B, ACK, 21, 22, FIN_WAIT2, ESTABLISHED),
	} },
	{ "close_wait",
	  { .state = CLOSE_WAIT, .una = 11, .nxt = 21, .rcv = 22, .wup = 11, .edge = 11 + WINDOW },
	  .script = {
		BUSY,
		SEG(B, FIN_ACK, 21, 11, CLOSE_WAIT, FIN_WAIT1),
	} },
	{ "last_ack",
	  { .state = LAST_ACK, .una = 11, .nxt = 22, .rcv = 22, .wup = 22, .edge = 22 + WINDOW },
	  .script = {
		BUSY,
		SEG(B, FIN_ACK, 21, 11, CLOSE_WAIT, FIN_WAIT1),
		SENT(A, FIN_ACK, 21, 22, LAST_ACK, FIN_WAIT1),
	} },
	{ "closing",
	  { .state = CLOSING, .una = 11, .nxt = 22, .rcv = 22, .wup = 22, .edge = 22 + WINDOW },
	  .script = {
		BUSY,
		SENT(A, FIN_ACK, 21, 11, FIN_WAIT1, ESTABLISHED),
		SEG(B, FIN_ACK, 21, 11, CLOSING, FIN_WAIT1),
		SENT(A, ACK, 22, 22, CLOSING, FIN_WAIT1),
	} },
	{ "time_wait",
	  { .state = TIME_WAIT, .una = 22, .nxt = 22, .rcv = 22, .wup = 22, .edge = 22 + WINDOW },
	  .script = {
		BUSY,
		SENT(A, FIN_ACK, 21, 11, FIN_WAIT1, ESTABLISHED),
		SEG(B, FIN_ACK, 21, 22, TIME_WAIT, ANY),
		SENT(A, ACK, 22, 22, TIME_WAIT, ANY),
	} },
};

/* Return: whether the engine ends where the socket ends. */
static bool judge(const struct situation *at, const struct fsm *start, const struct run *run,
		  uint32_t seq, uint32_t ack, uint8_t flags, uint32_t len)
{
	const struct segment s = {
		.seq = seq, .ack = ack, .flags = flags, .len = len, .window = WINDOW,
		.end = seq + len + !!(flags & SYN) + !!(flags & FIN),
	};
	struct model m = at->model;
	struct fsm f = *start;
	struct fsm_end *it = &f.end[0];
	struct fsm_result r;

	m.first += run->isn[A];
	m.una += run->isn[A];
	m.nxt += run->isn[A];
	m.rcv += run->isn[B];
	m.wup += run->isn[B];
	m.edge += run->isn[B];
	model_receive(&m, &s);
	fsm_received(&f, 0, &s, true, &r);

	if (it->state == m.state && f.end[1].state == start->end[1].state &&
	    (m.state == CLOSE || m.state == SYN_SENT || it->rcv == m.rcv) &&
	    steps_chain(start, &f, &r))
		return true;
	printf("# %s, ISN %#x and %#x: flags %#x, seq RCV.NXT%+d, ack SND.UNA%+d, len %u: ",
	       at->name, run->isn[A], run->isn[B], flags,
	       (int)(seq - run->isn[B] - at->model.rcv),
	       (int)(ack - run->isn[A] - at->model.una), len);
	printf("%s, not %s, or RCV.NXT %d, not %d\n", fsm_name(it->state), fsm_name(m.state),
	       (int)(it->rcv - run->isn[B]), (int)(m.rcv - run->isn[B]));
	return false;
}

static bool every_segment(const struct situation *at, const struct run *run)
{
	const struct model *m = &at->model;
	const uint32_t seqs[] = {
		m->wup - 2, m->wup - 1, m->wup, m->rcv - 2, m->rcv - 1, m->rcv, m->rcv + 1,
		m->edge - 1, m->edge, m->edge + 1, m->rcv + 0x7fffffff, m->rcv + 0x80000000,
	};
	const uint32_t acks[] = {
		m->una - 0x20000, m->una, m->una + 1, m->nxt - 1, m->nxt, m->nxt + 1,
		m->nxt + 0x7fffffff, m->una + 0x80000000,
	};
	static const uint32_t lens[] = { 0, 1, 2, 10, 20000 };
	unsigned int was[2] = { CLOSE, CLOSE };
	unsigned int seq, ack, len;
	struct fsm f;

	fsm_init(&f, false);
	for (unsigned int i = 0; at->script[i].kind; i++)
		if (!run_line(&f, &at->script[i], i + 1, run, was, false))
			return false;
	for (unsigned int flags = 0; flags < 64; flags++)
		for (seq = 0; seq < sizeof(seqs) / sizeof(seqs[0]); seq++)
			for (ack = 0; ack < sizeof(acks) / sizeof(acks[0]); ack++)
				for (len = 0; len < sizeof(lens) / sizeof(lens[0]); len++)
					if (!judge(at, &f, run, run->isn[B] + seqs[seq],
						   run->isn[A] + acks[ack], flags, lens[len]))
						return false;
	return true;
}

static bool every_isn(const struct situation *at)
{
	static const uint32_t isns[] = { 0, -1, -12, -22, -WINDOW, 0x7ffffff0, 0x87654321 };
	const size_t count = sizeof(isns) / sizeof(isns[0]);

	for (size_t a = 0; a < count; a++)
		for (size_t b = 0; b < count; b++) {
			const struct run run = { .isn = { isns[a], isns[b] }, .place = LOOPBACK };

			if (!every_segment(at, &run))
				return false;
		}
	return true;
}

int main(void)
{
	size_t count = sizeof(situations) / sizeof(situations[0]);

	tap_plan(count);
	for (size_t i = 0; i < count; i++)
		tap_result(every_isn(&situations[i]), "every segment in %s (tcp_rcv_state_process)",
			   situations[i].name);
	return tap_exit();
}
