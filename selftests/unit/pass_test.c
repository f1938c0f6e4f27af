// SPDX-License-Identifier: GPL-2.0
/*
 * The short way against the long one: whatever fsm_pass_sent() and fsm_pass_received() take,
 * fsm_sent() and fsm_received() do the same with; and they take what there is most of.
 */
#include <stdint.h>
#include <string.h>

#include "fsm_pass.h"
#include "tap.h"

#define ROUNDS	4000000

static uint32_t scatter(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* A number that this one is compared with, or one that lies about it. */
static uint32_t near(uint32_t number, uint32_t *seed)
{
	static const uint32_t off[] = {
		0, 0, 0, 0, 0, 0, 1, -1, 10, -10, 1000, -1000, 0x10000, -0x10000,
		0x40000000, -0x40000000, 0x7fffffff, 0x80000000,
	};

	return number + off[scatter(seed) % (sizeof(off) / sizeof(off[0]))];
}

/* Mostly ESTABLISHED, and mostly nothing odd is known of it. */
static struct fsm_end random_end(uint32_t *seed, uint32_t nxt, uint32_t peer_nxt)
{
	uint32_t any = scatter(seed);
	struct fsm_end end = {
		.nxt = nxt,
		.una = near(nxt, seed),
		.rcv = near(peer_nxt, seed),
		.edge = near(peer_nxt + 65535, seed),
		.flags = FSM_SEQ | FSM_RCV | FSM_EDGE | FSM_WSCALE,
		.state = any % 16 ? FSM_ESTABLISHED : 1 + any / 16 % (FSM_STATES - 1),
		.wscale = scatter(seed) % 15,
		.sack = near(peer_nxt, seed),
		.ts = scatter(seed),
	};

	end.wup = near(end.rcv, seed);
	end.syn = end.una - scatter(seed) % 0x60000000;
	if (scatter(seed) % 4 == 0)
		end.flags |= FSM_SACK;
	if (scatter(seed) % 4 == 0)
		end.flags ^= 1 << scatter(seed) % 16;
	return end;
}

static struct segment random_segment(const struct fsm *f, unsigned int e, uint32_t *seed)
{
	const struct fsm_end *me = &f->end[e], *peer = &f->end[!e];
	const uint32_t seq[] = { me->nxt, me->nxt, me->nxt, peer->rcv, peer->edge, peer->wup };
	const uint32_t ack[] = { peer->nxt, peer->nxt, peer->una, me->rcv, me->wup };
	struct segment s = {
		.seq = near(seq[scatter(seed) % 6], seed),
		.ack = near(ack[scatter(seed) % 5], seed),
		.len = scatter(seed) % 2 ? 0 : scatter(seed) % 3000,
		.window = (uint16_t)scatter(seed),
		.flags = scatter(seed) % 16 ? SEGMENT_ACK : scatter(seed) & 0x3f,
		.options = scatter(seed) % 16 ? SEGMENT_HAS_TS : scatter(seed) & 0xf,
		.tsval = scatter(seed),
		.sack = near(me->rcv, seed),
	};

	s.end = s.seq + s.len + !!(s.flags & SEGMENT_SYN) + !!(s.flags & SEGMENT_FIN);
	return s;
}

static bool same_end(const struct fsm_end *quick, const struct fsm_end *slow)
{
	struct fsm_end other = *slow;

	/* It may follow at the next lap (PASS_LAP). */
	if (quick->una - quick->syn > 0x80000000)
		other.syn = quick->syn;
	return !memcmp(quick, &other, sizeof(other));
}

static bool same_fsm(const struct fsm *quick, const struct fsm *slow)
{
	return same_end(&quick->end[0], &slow->end[0]) && same_end(&quick->end[1], &slow->end[1]) &&
	       !memcmp(quick->window, slow->window, sizeof(slow->window));
}

struct way {
	bool received;
	bool certain;
};

static enum fsm_verdict long_way(struct fsm *f, unsigned int e, const struct segment *s,
				 const struct way *way, struct fsm_result *r)
{
	return way->received ? fsm_received(f, !e, s, way->certain, r) :
			       fsm_sent(f, e, s, way->certain, r);
}

static bool short_way(struct fsm *f, unsigned int e, const struct segment *s,
		      const struct way *way)
{
	return way->received ? fsm_pass_received(f, !e, s, way->certain) :
			       fsm_pass_sent(f, e, s, way->certain);
}

/* What the hooks do with the verdict: data that may not have arrived yet is nothing at all. */
static bool accepted(enum fsm_verdict verdict, const struct segment *s, const struct way *way)
{
	if (way->received && !way->certain && s->len)
		return verdict == FSM_IGNORED;
	return verdict == FSM_ACCEPTED;
}

static bool same(struct way way)
{
	uint32_t seed = 2463534242;
	unsigned int i, passed = 0;

	for (i = 0; i < ROUNDS; i++) {
		uint32_t a = scatter(&seed), b = scatter(&seed);
		unsigned int e = scatter(&seed) & 1;
		struct fsm before, quick, slow;
		struct fsm_result r;
		struct segment s;

		fsm_init(&before, false);
		before.end[0] = random_end(&seed, a, b);
		before.end[1] = random_end(&seed, b, a);
		before.window[!e] = (uint16_t)scatter(&seed);
		s = random_segment(&before, e, &seed);
		quick = before;
		slow = before;
		if (!short_way(&quick, e, &s, &way)) {
			if (memcmp(quick.end, before.end, sizeof(before.end)))
				return false;
			continue;
		}
		passed++;
		if (!accepted(long_way(&slow, e, &s, &way, &r), &s, &way) || r.steps ||
		    !same_fsm(&quick, &slow))
			return false;
		/* The hooks may say it once more. */
		long_way(&slow, e, &s, &way, &r);
		if (!way.received && (!same_fsm(&quick, &slow) || r.steps))
			return false;
	}
	return passed > ROUNDS / 200;
}

static bool pass(struct fsm *f, unsigned int e, const struct segment *s, bool certain)
{
	return fsm_pass_sent(f, e, s, certain) && fsm_pass_received(f, !e, s, certain);
}

/* Requests and answers, each acknowledged, of a connection that the engine saw from its SYN. */
static bool takes_plain_traffic(bool certain)
{
	struct segment s = { .window = 65535, .options = SEGMENT_HAS_WSCALE | SEGMENT_HAS_TS };
	uint32_t nxt[2] = { 0xfffff000, 0x10000000 };
	struct fsm_result r;
	unsigned int i, e;
	struct fsm f;

	fsm_init(&f, false);
	for (i = 0; i < 3; i++) {
		static const uint8_t flags[] = {
			SEGMENT_SYN, SEGMENT_SYN | SEGMENT_ACK, SEGMENT_ACK,
		};

		e = i & 1;
		s.flags = flags[i];
		s.seq = nxt[e];
		s.ack = i ? nxt[!e] : 0;
		s.end = s.seq + (i < 2);
		fsm_sent(&f, e, &s, certain, &r);
		fsm_received(&f, !e, &s, certain, &r);
		nxt[e] = s.end;
		s.options = SEGMENT_HAS_TS;
	}
	for (i = 0; i < 100; i++) {
		e = i / 2 & 1;
		s.flags = SEGMENT_ACK;
		s.len = i & 1 ? 0 : 1448;
		if (i & 1)
			e = !e;
		s.seq = nxt[e];
		s.end = s.seq + s.len;
		s.ack = nxt[!e];
		nxt[e] = s.end;
		if (pass(&f, e, &s, certain))
			continue;
		/* Until both are heard of, and once a lap. */
		if (i >= 4 && !((s.ack ^ f.end[!e].una) & PASS_LAP))
			return false;
		fsm_sent(&f, e, &s, certain, &r);
		fsm_received(&f, !e, &s, certain, &r);
	}
	return true;
}

/* What lies behind a gap is to be checked for damage, what crosses a lap moves @syn. */
static bool refuses(void)
{
	const struct fsm_end end = {
		.nxt = 0x20000000, .una = 0x1fffff00, .rcv = 0x20000000, .wup = 0x20000000,
		.edge = 0x20010000, .flags = PASS_KNOWN, .state = FSM_ESTABLISHED,
	};
	struct segment s = {
		.seq = 0x20000000, .end = 0x20000000, .ack = 0x1fffffff, .flags = SEGMENT_ACK,
	};
	const struct fsm start = { .end = { end, end } };
	struct fsm f = start;

	if (!pass(&f, 0, &s, false))
		return false;
	f = start;
	s.ack = 0x20000000;
	if (pass(&f, 0, &s, false))
		return false;
	s.ack = 0x1fffffff;
	s.seq++;
	s.end++;
	return !pass(&f, 0, &s, false) && !memcmp(f.end, start.end, sizeof(f.end));
}

int main(void)
{
	tap_plan(7);
	tap_result(same((struct way){ false, false }), "what may be sent (RFC 9293 3.10.7.4)");
	tap_result(same((struct way){ false, true }), "what a socket sent (RFC 9293 3.10.2)");
	tap_result(same((struct way){ true, false }), "what may arrive (RFC 9293 3.10.7.4)");
	tap_result(same((struct way){ true, true }), "what a socket receives (RFC 9293 3.10.7.4)");
	tap_result(takes_plain_traffic(false), "data and ACKs in order pass (RFC 9293 3.8.6)");
	tap_result(takes_plain_traffic(true), "those of sockets too (RFC 9293 3.8.6)");
	tap_result(refuses(), "a gap, and a lap of the numbers, do not (RFC 9293 3.4)");
	return tap_exit();
}
