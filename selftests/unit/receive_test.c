// SPDX-License-Identifier: GPL-2.0
/*
 * Every segment in every state: an independent second reading of
 * tcp_rcv_state_process(), tcp_check_req() and tcp_timewait_state_process()
 * says where a local socket ends, and the engine must say the same.
 *
 * Left out, for the segments do not tell: whether the socket is an orphan, and
 * how much was acknowledged in all (an ACK that is old, but not very old).
 */
#include "vector.h"

/**
 * struct model - a socket, in its own words
 * @name: the situation
 * @state: sk_state
 * @request: a connection request, not a socket
 * @una: SND.UNA; this and all below count from an ISN
 * @nxt: SND.NXT
 * @rcv: RCV.NXT
 * @wup: RCV.WUP
 * @edge: right edge of the window
 * @script: how A comes there
 */
struct model {
	const char *name;
	uint8_t state;
	bool request;
	uint32_t una;
	uint32_t nxt;
	uint32_t rcv;
	uint32_t wup;
	uint32_t edge;
	struct event script[SCRIPT_MAX + 1];
};

/* A has ten octets under way, and ten that it has not acknowledged. */
#define BUSY \
	OPEN, \
	SENT(A, ACK, 11, 11, ANY, ANY, .len = 10), \
	SEG(B, ACK, 11, 11, ANY, ANY, .len = 10)

static const struct model models[] = {
	{ "close", CLOSE, .script = {
		HANDSHAKE,
		SEG(A, RST, 1, 0, CLOSE, CLOSE),
	} },
	{ "syn_sent", SYN_SENT, .nxt = 1, .script = {
		SENT(A, SYN, 0, 0, SYN_SENT, CLOSE),
	} },
	{ "syn_recv, a request", SYN_RECV, .request = true, .nxt = 1, .rcv = 1, .wup = 1,
	  .edge = 1 + WINDOW, .script = {
		SEG(B, SYN, 0, 0, CLOSE, SYN_SENT),
		SENT(A, SYN_ACK, 0, 1, SYN_RECV, SYN_SENT),
	} },
	{ "syn_recv, crossed", SYN_RECV, .nxt = 1, .rcv = 1, .wup = 1, .edge = 1 + WINDOW,
	  .script = {
		SENT(A, SYN, 0, 0, SYN_SENT, CLOSE),
		SEG(B, SYN, 0, 0, SYN_RECV, SYN_SENT),
		SENT(A, SYN_ACK, 0, 1, SYN_RECV, SYN_SENT),
	} },
	{ "established", ESTABLISHED, .una = 11, .nxt = 21, .rcv = 21, .wup = 11,
	  .edge = 11 + WINDOW, .script = {
		BUSY,
	} },
	{ "established, window closed", ESTABLISHED, .una = 1, .nxt = 1, .rcv = 101, .wup = 101,
	  .edge = 101, .script = {
		SEG(B, SYN, 0, 0, CLOSE, SYN_SENT),
		SEG(A, SYN_ACK, 0, 1, SYN_RECV, ESTABLISHED, .window = 100),
		SEG(B, ACK, 1, 1, ESTABLISHED, ESTABLISHED, .len = 100),
		SENT(A, ACK, 1, 101, ESTABLISHED, ESTABLISHED, .window = ZERO_WINDOW),
	} },
	{ "fin_wait1", FIN_WAIT1, .una = 11, .nxt = 22, .rcv = 21, .wup = 11,
	  .edge = 11 + WINDOW, .script = {
		BUSY,
		SENT(A, FIN_ACK, 21, 11, FIN_WAIT1, ESTABLISHED),
	} },
	{ "fin_wait2", FIN_WAIT2, .una = 22, .nxt = 22, .rcv = 21, .wup = 11,
	  .edge = 11 + WINDOW, .script = {
		BUSY,
		SENT(A, FIN_ACK, 21, 11, FIN_WAIT1, ESTABLISHED),
		GOT(B, ACK, 21, 22, FIN_WAIT2, ESTABLISHED),
	} },
	{ "close_wait", CLOSE_WAIT, .una = 11, .nxt = 21, .rcv = 22, .wup = 11,
	  .edge = 11 + WINDOW, .script = {
		BUSY,
		SEG(B, FIN_ACK, 21, 11, CLOSE_WAIT, FIN_WAIT1),
	} },
	{ "last_ack", LAST_ACK, .una = 11, .nxt = 22, .rcv = 22, .wup = 22,
	  .edge = 22 + WINDOW, .script = {
		BUSY,
		SEG(B, FIN_ACK, 21, 11, CLOSE_WAIT, FIN_WAIT1),
		SENT(A, FIN_ACK, 21, 22, LAST_ACK, FIN_WAIT1),
	} },
	{ "closing", CLOSING, .una = 11, .nxt = 22, .rcv = 22, .wup = 22,
	  .edge = 22 + WINDOW, .script = {
		BUSY,
		SENT(A, FIN_ACK, 21, 11, FIN_WAIT1, ESTABLISHED),
		SEG(B, FIN_ACK, 21, 11, CLOSING, FIN_WAIT1),
		SENT(A, ACK, 22, 22, CLOSING, FIN_WAIT1),
	} },
	{ "time_wait", TIME_WAIT, .una = 22, .nxt = 22, .rcv = 22, .wup = 22,
	  .edge = 22 + WINDOW, .script = {
		BUSY,
		SENT(A, FIN_ACK, 21, 11, FIN_WAIT1, ESTABLISHED),
		SEG(B, FIN_ACK, 21, 22, TIME_WAIT, ANY),
		SENT(A, ACK, 22, 22, TIME_WAIT, ANY),
	} },
};

static bool before(uint32_t a, uint32_t b)
{
	return a - b >= 0x80000000;
}

static bool after(uint32_t a, uint32_t b)
{
	return before(b, a);
}

static bool closing(uint8_t state)
{
	return state == CLOSE_WAIT || state == LAST_ACK || state == CLOSING;
}

static void data_queue(struct model *m, const struct segment *s)
{
	if (s->seq == s->end || !after(s->end, m->rcv) || after(s->seq, m->rcv))
		return;
	/* A FIN without data at a closed window is let pass (tcp_rcv_state_process). */
	if (s->len && m->edge == m->rcv)
		return;
	m->rcv = s->end;
	if (!(s->flags & FIN))
		return;
	if (m->state == ESTABLISHED)
		m->state = CLOSE_WAIT;
	else if (m->state == FIN_WAIT1)
		m->state = CLOSING;
	else if (m->state == FIN_WAIT2)
		m->state = TIME_WAIT;
}

/* Return: whether the segment goes on. */
static bool validate_incoming(struct model *m, const struct segment *s)
{
	bool reset = s->seq == m->rcv - 1 && closing(m->state);

	if (before(s->end, m->wup) || after(s->seq, m->edge)) {
		if (s->flags & RST && reset)
			m->state = CLOSE;
		return false;
	}
	if (s->flags & RST) {
		if (s->seq == m->rcv || reset)
			m->state = CLOSE;
		return false;
	}
	if (s->flags & SYN)
		return m->state == SYN_RECV && !m->request && s->flags & ACK &&
		       s->seq + 1 == s->end && s->seq + 1 == m->rcv && s->ack == m->nxt;
	return true;
}

static void rcv_state_process(struct model *m, const struct segment *s)
{
	if (!(s->flags & (ACK | RST | SYN)) || !validate_incoming(m, s))
		return;
	if (after(s->ack, m->nxt) || before(s->ack, m->una - 0x10000))
		return;
	if (m->state == SYN_RECV) {
		if (!after(s->ack, m->una))
			return;
		m->state = ESTABLISHED;
	}
	if (after(s->ack, m->una))
		m->una = s->ack;
	if (m->state == FIN_WAIT1 && m->una == m->nxt)
		m->state = FIN_WAIT2;
	if (m->state == CLOSING && m->una == m->nxt) {
		m->state = TIME_WAIT;
		return;
	}
	if (m->state == LAST_ACK && m->una == m->nxt) {
		m->state = CLOSE;
		return;
	}
	if (closing(m->state)) {
		if (!before(s->seq, m->rcv))
			return;
		if (s->end != s->seq && after(s->end - !!(s->flags & FIN), m->rcv)) {
			m->state = CLOSE;
			return;
		}
	}
	data_queue(m, s);
}

static void syn_sent(struct model *m, const struct segment *s)
{
	if (s->flags & ACK) {
		if (!after(s->ack, m->una) || after(s->ack, m->nxt))
			return;
		if (s->flags & RST)
			m->state = CLOSE;
		else if (s->flags & SYN)
			m->state = ESTABLISHED;
	} else if (!(s->flags & RST) && s->flags & SYN) {
		m->state = SYN_RECV;
	}
	if (m->state == ESTABLISHED || m->state == SYN_RECV)
		m->rcv = s->seq + 1;
}

static void check_req(struct model *m, const struct segment *s)
{
	uint8_t flags = s->flags & (RST | SYN | ACK);

	if (s->seq == m->rcv - 1 && flags == SYN)
		return;
	if ((flags & (ACK | RST)) == ACK && s->ack != m->nxt)
		return;
	if (s->seq != m->rcv && !(after(s->end, m->rcv) && before(s->seq, m->edge)) &&
	    !(s->seq == m->edge && s->seq == s->end))
		return;
	if (s->seq == m->rcv - 1)
		flags &= ~SYN;
	if (flags & RST && s->seq != m->rcv)
		return;
	if (flags & (RST | SYN))
		m->state = CLOSE;
	else if (flags & ACK)
		rcv_state_process(m, s);
}

static void timewait_state_process(struct model *m, const struct segment *s)
{
	if (s->seq == m->rcv && s->flags & RST)
		m->state = CLOSE;
}

static void receive(struct model *m, const struct segment *s)
{
	if (m->state == SYN_SENT)
		syn_sent(m, s);
	else if (m->state == TIME_WAIT)
		timewait_state_process(m, s);
	else if (m->state != CLOSE && m->request)
		check_req(m, s);
	else if (m->state != CLOSE)
		rcv_state_process(m, s);
}

/* Return: whether the engine ends where the socket ends. */
static bool judge(const struct model *situation, const struct fsm *start, const struct run *run,
		  uint32_t seq, uint32_t ack, uint8_t flags, uint32_t len)
{
	const struct segment s = {
		.seq = seq, .ack = ack, .flags = flags, .len = len, .window = WINDOW,
		.end = seq + len + !!(flags & SYN) + !!(flags & FIN),
	};
	struct model m = *situation;
	struct fsm f = *start;
	struct fsm_end *it = &f.end[0];
	struct fsm_result r;

	m.una += run->isn[A];
	m.nxt += run->isn[A];
	m.rcv += run->isn[B];
	m.wup += run->isn[B];
	m.edge += run->isn[B];
	receive(&m, &s);
	fsm_received(&f, 0, &s, true, &r);

	if (it->state == m.state && f.end[1].state == start->end[1].state &&
	    (m.state == CLOSE || m.state == SYN_SENT || it->rcv == m.rcv) &&
	    steps_chain(start, &f, &r))
		return true;
	printf("# %s, ISN %#x and %#x: flags %#x, seq RCV.NXT%+d, ack SND.UNA%+d, len %u: ",
	       situation->name, run->isn[A], run->isn[B], flags,
	       (int)(seq - run->isn[B] - situation->rcv),
	       (int)(ack - run->isn[A] - situation->una), len);
	printf("%s, not %s, or RCV.NXT %d, not %d\n", fsm_name(it->state), fsm_name(m.state),
	       (int)(it->rcv - run->isn[B]), (int)(m.rcv - run->isn[B]));
	return false;
}

static bool every_segment(const struct model *m, const struct run *run)
{
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
	for (unsigned int i = 0; m->script[i].kind; i++)
		if (!run_line(&f, &m->script[i], i + 1, run, was, false))
			return false;
	for (unsigned int flags = 0; flags < 64; flags++)
		for (seq = 0; seq < sizeof(seqs) / sizeof(seqs[0]); seq++)
			for (ack = 0; ack < sizeof(acks) / sizeof(acks[0]); ack++)
				for (len = 0; len < sizeof(lens) / sizeof(lens[0]); len++)
					if (!judge(m, &f, run, run->isn[B] + seqs[seq],
						   run->isn[A] + acks[ack], flags, lens[len]))
						return false;
	return true;
}

static bool every_isn(const struct model *m)
{
	static const uint32_t isns[] = { 0, -1, -12, -22, -WINDOW, 0x7ffffff0, 0x87654321 };
	const size_t count = sizeof(isns) / sizeof(isns[0]);

	for (size_t a = 0; a < count; a++)
		for (size_t b = 0; b < count; b++) {
			const struct run run = { .isn = { isns[a], isns[b] }, .place = LOOPBACK };

			if (!every_segment(m, &run))
				return false;
		}
	return true;
}

int main(void)
{
	size_t count = sizeof(models) / sizeof(models[0]);

	tap_plan(count);
	for (size_t i = 0; i < count; i++)
		tap_result(every_isn(&models[i]), "every segment in %s (tcp_rcv_state_process)",
			   models[i].name);
	return tap_exit();
}
