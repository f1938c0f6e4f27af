// SPDX-License-Identifier: GPL-2.0
/*
 * An end that its socket tells of: fsm_adopt(), and what segments do from there.
 */
#include <string.h>

#include "tap.h"
#include "words.h"

static struct fsm flow;
static struct fsm_result steps;

static const struct fsm_facts facts = {
	.nxt = 100, .una = 90, .rcv = 1000, .wup = 990, .edge = 2000,
};

static struct segment seg(__u8 flags, __u32 seq, __u32 ack, __u32 len)
{
	return (struct segment){
		.flags = flags, .seq = seq, .ack = ack, .len = len, .window = 16384,
		.end = seq + len + !!(flags & SYN) + !!(flags & FIN),
	};
}

static enum fsm_verdict sends(unsigned int e, bool certain, struct segment s)
{
	return fsm_sent(&flow, e, &s, certain, &steps);
}

static enum fsm_verdict gets(unsigned int e, bool certain, struct segment s)
{
	return fsm_received(&flow, e, &s, certain, &steps);
}

static bool are(unsigned int a, unsigned int b)
{
	return flow.end[0].state == a && flow.end[1].state == b;
}

/* End 0 is a socket in @state, whose facts are known; of the other nothing is. */
static void adopt(enum fsm_state state, bool fin)
{
	struct fsm_facts f = facts;

	f.fin = fin;
	fsm_init(&flow, false);
	fsm_adopt(&flow, 0, state, &f);
}

static bool names(void)
{
	static const char * const name[] = {
		"unknown", "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2",
		"time_wait", "close", "close_wait", "last_ack", "listen", "closing", "unknown",
	};

	for (unsigned int i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		if (strcmp(fsm_name(i), name[i]))
			return false;
	return true;
}

/* The socket's own numbers judge what it receives. */
static bool numbers(void)
{
	adopt(FSM_ESTABLISHED, false);
	if (flow.end[0].flags != (FSM_SEQ | FSM_RCV | FSM_EDGE))
		return false;
	if (gets(0, true, seg(ACK, 989, 100, 0)) != FSM_OUT_OF_WINDOW ||
	    gets(0, true, seg(ACK, 990, 100, 0)) != FSM_ACCEPTED ||
	    gets(0, true, seg(ACK, 2000, 100, 0)) != FSM_ACCEPTED ||
	    gets(0, true, seg(ACK, 2001, 100, 0)) != FSM_OUT_OF_WINDOW ||
	    gets(0, true, seg(ACK, 1000, 101, 0)) != FSM_OUT_OF_WINDOW ||
	    gets(0, true, seg(ACK, 1000, 100 - 0x20000, 0)) != FSM_OUT_OF_WINDOW)
		return false;
	if (gets(0, true, seg(RST, 999, 0, 0)) != FSM_CHALLENGED ||
	    !are(FSM_ESTABLISHED, FSM_CLOSE))
		return false;
	return gets(0, true, seg(FIN_ACK, 1000, 100, 0)) == FSM_ACCEPTED &&
	       are(FSM_CLOSE_WAIT, FSM_CLOSE);
}

/* What the socket expects next and has had acknowledged is what the other end has sent and got. */
static bool other_end(void)
{
	const struct fsm_end *other = &flow.end[1];

	adopt(FSM_ESTABLISHED, false);
	if (other->nxt != 1000 || other->una != 1000 || other->rcv != 90 || other->wup != 90 ||
	    other->flags != (FSM_SEQ | FSM_RCV))
		return false;
	/* What was known of it before stays. */
	fsm_init(&flow, false);
	sends(1, false, seg(SYN, 500, 0, 0));
	fsm_adopt(&flow, 0, FSM_SYN_RECV, &facts);
	if (other->una != 500 || other->nxt != 501 || other->rcv != 90)
		return false;
	adopt(FSM_ESTABLISHED, false);
	flow.end[1].rcv = 95;
	fsm_adopt(&flow, 0, FSM_ESTABLISHED, &facts);
	return other->rcv == 95 && other->wup == 90;
}

static bool fin(void)
{
	adopt(FSM_FIN_WAIT1, true);
	if (gets(0, true, seg(ACK, 1000, 99, 0)) != FSM_ACCEPTED || !are(FSM_FIN_WAIT1, FSM_CLOSE))
		return false;
	return gets(0, true, seg(ACK, 1000, 100, 0)) == FSM_ACCEPTED &&
	       are(FSM_FIN_WAIT2, FSM_CLOSE);
}

static bool no_fin(void)
{
	adopt(FSM_FIN_WAIT1, false);
	return gets(0, true, seg(ACK, 1000, 100, 0)) == FSM_ACCEPTED &&
	       are(FSM_FIN_WAIT1, FSM_CLOSE);
}

/* Without facts the numbers stay, and the state is known. */
static bool state_alone(void)
{
	struct fsm_end before;

	adopt(FSM_ESTABLISHED, false);
	flow.end[0].flags |= FSM_INFERRED;
	before = flow.end[0];
	fsm_adopt(&flow, 0, FSM_FIN_WAIT2, NULL);
	before.state = FSM_FIN_WAIT2;
	before.flags &= ~FSM_INFERRED;
	return !memcmp(&before, &flow.end[0], sizeof(before)) &&
	       are(FSM_FIN_WAIT2, FSM_CLOSE);
}

/* Then the first segment says what is next, and no window closes. */
static bool state_first(__u32 isn)
{
	fsm_init(&flow, false);
	fsm_adopt(&flow, 0, FSM_ESTABLISHED, NULL);
	return gets(0, true, seg(ACK, isn, 100, 10)) == FSM_ACCEPTED &&
	       gets(0, true, seg(FIN_ACK, isn + 11, 100, 0)) == FSM_IGNORED &&
	       gets(0, true, seg(FIN_ACK, isn + 10, 100, 0)) == FSM_ACCEPTED &&
	       are(FSM_CLOSE_WAIT, FSM_CLOSE);
}

/* Either end, and the one end of a socket that is connected to itself. */
static bool which_end(void)
{
	fsm_init(&flow, false);
	fsm_adopt(&flow, 1, FSM_ESTABLISHED, &facts);
	if (!are(FSM_CLOSE, FSM_ESTABLISHED) || flow.end[1].nxt != 100 || flow.end[0].nxt != 1000)
		return false;
	fsm_init(&flow, true);
	fsm_adopt(&flow, 1, FSM_ESTABLISHED, &facts);
	return flow.end[0].state == FSM_ESTABLISHED && fsm_self(&flow) && flow.end[0].nxt == 100 &&
	       flow.end[0].rcv == 1000 && !flow.end[1].flags;
}

/* The widest window that the socket was told of: an ACK may be as old as that, and no older. */
static bool takes_acks_from(__u32 ack)
{
	return gets(0, true, seg(ACK, 1000, ack, 0)) == FSM_ACCEPTED &&
	       gets(0, true, seg(ACK, 1000, ack - 1, 0)) == FSM_OUT_OF_WINDOW;
}

static bool windows(void)
{
	struct fsm_facts f = facts;

	f.nxt = 100000;
	f.una = 100000;
	f.window = 20000;
	fsm_init(&flow, false);
	fsm_adopt(&flow, 0, FSM_ESTABLISHED, &f);
	if (!takes_acks_from(80000))
		return false;
	f.window = 10000;
	fsm_adopt(&flow, 0, FSM_ESTABLISHED, &f);
	if (!takes_acks_from(80000))
		return false;
	f.window = 30000;
	fsm_adopt(&flow, 0, FSM_ESTABLISHED, &f);
	if (!takes_acks_from(70000))
		return false;
	f.window = 20000;
	fsm_adopt(&flow, 0, FSM_CLOSE, NULL);
	fsm_adopt(&flow, 0, FSM_ESTABLISHED, &f);
	return takes_acks_from(80000);
}

/* connect() before data: the state is there before the SYN is. */
static bool deferred_syn(void)
{
	fsm_init(&flow, false);
	fsm_adopt(&flow, 0, FSM_SYN_SENT, NULL);
	if (sends(0, true, seg(SYN, 700, 0, 5)) != FSM_ACCEPTED || steps.steps ||
	    !are(FSM_SYN_SENT, FSM_CLOSE) || flow.end[0].una != 700 || flow.end[0].nxt != 706 ||
	    flow.end[0].flags != (FSM_SEQ | FSM_NO_TS | FSM_FAST_OPEN))
		return false;
	return gets(0, true, seg(SYN_ACK, 300, 706, 0)) == FSM_ACCEPTED && steps.steps == 1 &&
	       are(FSM_ESTABLISHED, FSM_CLOSE);
}

/* A segment that passed may be new to the socket that was read: no number goes back. */
static bool nothing_goes_back(void)
{
	const struct fsm_facts old = { .nxt = 95, .una = 85, .rcv = 995, .wup = 985, .edge = 1995 };
	const struct fsm_end *me = &flow.end[0];

	adopt(FSM_ESTABLISHED, false);
	fsm_adopt(&flow, 0, FSM_ESTABLISHED, &old);
	if (me->nxt != 100 || me->una != 90 || me->rcv != 1000 || me->wup != 990 ||
	    me->edge != 2000)
		return false;
	fsm_init(&flow, false);
	sends(0, true, seg(SYN, 500, 0, 0));
	fsm_adopt(&flow, 0, FSM_ESTABLISHED, &old);
	if (me->nxt != 501 || me->una != 500 || me->rcv != 995)
		return false;
	/* But for a connection that is over. */
	fsm_adopt(&flow, 0, FSM_CLOSE, NULL);
	fsm_adopt(&flow, 0, FSM_ESTABLISHED, &old);
	if (me->nxt != 95 || me->una != 85 || me->rcv != 995 || me->wup != 985 || me->edge != 1995)
		return false;
	fsm_adopt(&flow, 0, FSM_ESTABLISHED, &facts);
	return me->nxt == 100 && me->una == 90 && me->rcv == 1000 && me->wup == 990 &&
	       me->edge == 2000;
}

/* What was not known is not compared: 0 is no number. */
static bool upper_half(void)
{
	const struct fsm_facts high = {
		.nxt = 0x90000064, .una = 0x9000005a, .rcv = 0xa00003e8, .wup = 0xa00003de,
		.edge = 0xa00007d0,
	};
	const struct fsm_end *me = &flow.end[0];

	fsm_init(&flow, false);
	fsm_adopt(&flow, 0, FSM_ESTABLISHED, &high);
	if (me->nxt != high.nxt || me->una != high.una || me->rcv != high.rcv ||
	    me->wup != high.wup || me->edge != high.edge)
		return false;
	/* Of a SYN alone the engine knows what was sent. */
	fsm_init(&flow, false);
	sends(0, true, seg(SYN, 0x90000000, 0, 0));
	fsm_adopt(&flow, 0, FSM_ESTABLISHED, &high);
	return me->nxt == high.nxt && me->una == high.una && me->rcv == high.rcv &&
	       me->wup == high.wup && me->edge == high.edge;
}

/* Window scales that the socket remembers, where no SYN was seen. */
static bool scales(void)
{
	struct fsm_facts f = facts;

	f.scaled = true;
	f.scale = 3;
	f.peer_scale = 5;
	fsm_init(&flow, false);
	fsm_adopt(&flow, 0, FSM_ESTABLISHED, &f);
	if (flow.end[0].wscale != 3 || flow.end[1].wscale != 5 ||
	    !(flow.end[0].flags & flow.end[1].flags & FSM_WSCALE))
		return false;
	/* A window of 100 is one of 800. */
	sends(0, true, (struct segment){ .flags = ACK, .seq = 100, .end = 100, .ack = 1500,
					 .window = 100 });
	if (gets(0, true, seg(ACK, 2300, 100, 0)) != FSM_ACCEPTED ||
	    gets(0, true, seg(ACK, 2301, 100, 0)) != FSM_OUT_OF_WINDOW)
		return false;
	/* SYNs that were seen know better, and there may be none. */
	f.scale = 7;
	fsm_adopt(&flow, 0, FSM_ESTABLISHED, &f);
	if (flow.end[0].wscale != 3)
		return false;
	adopt(FSM_ESTABLISHED, false);
	if ((flow.end[0].flags | flow.end[1].flags) & FSM_WSCALE)
		return false;
	/* Of one SYN, whichever, the scale is known; of the other the socket knows it. */
	for (unsigned int e = 0; e < 2; e++) {
		struct segment s = seg(SYN, 500, 0, 0);

		s.options = SEGMENT_HAS_WSCALE;
		s.wscale = 2;
		fsm_init(&flow, false);
		sends(e, true, s);
		fsm_adopt(&flow, 0, FSM_ESTABLISHED, &f);
		if (flow.end[e].wscale != 2 || flow.end[!e].wscale != (e ? 7 : 5) ||
		    !(flow.end[0].flags & flow.end[1].flags & FSM_WSCALE))
			return false;
	}
	return true;
}

/* Timestamps that the two did not agree on mean nothing. */
static bool timestamps(bool agreed)
{
	struct fsm_facts f = facts;
	struct segment s = seg(ACK, 1000, 100, 0);

	f.no_ts = !agreed;
	fsm_init(&flow, false);
	fsm_adopt(&flow, 0, FSM_ESTABLISHED, &f);
	sends(0, true, seg(ACK, 100, 1000, 0));
	s.options = SEGMENT_HAS_TS;
	s.tsval = 0x90005000;
	if (gets(0, true, s) != FSM_ACCEPTED)
		return false;
	s.tsval = 0x90004000;
	if (gets(0, true, s) != (agreed ? FSM_OUT_OF_WINDOW : FSM_ACCEPTED))
		return false;
	s.tsval = 0x90005000;
	return gets(0, true, s) == FSM_ACCEPTED;
}

/* It did not take the ACK that should have opened it: what comes next may. */
static bool refused(void)
{
	for (__u32 len = 0; len < 2; len++) {
		fsm_init(&flow, false);
		sends(0, true, seg(SYN_ACK, 500, 1001, 0));
		if (gets(0, true, seg(ACK, 1001, 501, len)) != FSM_ACCEPTED ||
		    !are(FSM_ESTABLISHED, FSM_SYN_SENT))
			return false;
		fsm_adopt(&flow, 0, FSM_SYN_RECV, NULL);
		if (gets(0, true, seg(ACK, 1001, 500, 0)) != FSM_OUT_OF_WINDOW ||
		    gets(0, true, seg(FIN_ACK, 1001, 501, 0)) != FSM_ACCEPTED ||
		    !are(FSM_CLOSE_WAIT, FSM_SYN_SENT))
			return false;
	}
	/* One that has heard of none waits for what it waited for. */
	fsm_init(&flow, false);
	sends(0, true, seg(SYN_ACK, 500, 1001, 0));
	fsm_adopt(&flow, 0, FSM_SYN_RECV, NULL);
	return gets(0, true, seg(ACK, 1001, 500, 0)) == FSM_OUT_OF_WINDOW;
}

/* Whether it signs is not known of an end that has sent nothing. */
static bool may_sign(void)
{
	struct segment s = seg(FIN_ACK, 1010, 100, 0);

	s.options = SEGMENT_HAS_MD5;
	fsm_init(&flow, false);
	fsm_adopt(&flow, 0, FSM_ESTABLISHED, NULL);
	return gets(0, true, seg(ACK, 1000, 100, 10)) == FSM_ACCEPTED &&
	       gets(0, true, s) == FSM_ACCEPTED && are(FSM_CLOSE_WAIT, FSM_CLOSE);
}

/* A connection that begins without a segment (SYN cookies) where another one ended. */
static bool begun_again(void)
{
	adopt(FSM_FIN_WAIT1, true);
	fsm_adopt(&flow, 0, FSM_CLOSE, NULL);
	fsm_adopt(&flow, 0, FSM_ESTABLISHED, &facts);
	if (flow.end[0].flags != (FSM_SEQ | FSM_RCV | FSM_EDGE))
		return false;
	return sends(0, true, seg(FIN_ACK, 100, 1000, 0)) == FSM_ACCEPTED &&
	       flow.end[0].state == FSM_FIN_WAIT1;
}

/*
 * The same, where an old ACK was taken for the one of a cookie: what followed the peer's FIN is no
 * part of it. But the FIN is, for a socket that has received it.
 */
static bool begun_behind_fin(void)
{
	struct fsm_facts f = facts;

	f.rcv = 1001;
	f.wup = 990;
	adopt(FSM_ESTABLISHED, false);
	fsm_adopt(&flow, 1, FSM_ESTABLISHED, NULL);
	if (sends(1, false, seg(FIN_ACK, 1000, 100, 0)) != FSM_ACCEPTED ||
	    !(flow.end[1].flags & FSM_FIN))
		return false;
	fsm_adopt(&flow, 0, FSM_CLOSE, NULL);
	fsm_adopt(&flow, 0, FSM_CLOSE_WAIT, &f);
	if (!(flow.end[1].flags & FSM_FIN))
		return false;
	fsm_adopt(&flow, 0, FSM_CLOSE, NULL);
	fsm_adopt(&flow, 0, FSM_ESTABLISHED, &f);
	return sends(0, true, seg(ACK, 100, 1001, 100)) == FSM_ACCEPTED && !steps.steps;
}

/* A key that the socket has. */
static bool signs(void)
{
	struct fsm_facts f = facts;
	struct segment s = seg(RST, 1000, 0, 0);

	f.sign = true;
	fsm_init(&flow, false);
	fsm_adopt(&flow, 0, FSM_ESTABLISHED, &f);
	if (gets(0, true, s) != FSM_IGNORED)
		return false;
	s.options = SEGMENT_HAS_MD5;
	return gets(0, true, s) == FSM_ACCEPTED && are(FSM_CLOSE, FSM_CLOSE);
}

/* close() before the SYN is acknowledged: the FIN goes, and the state follows with the ACK. */
static bool deferred_close(void)
{
	fsm_init(&flow, false);
	sends(1, false, seg(SYN, 500, 0, 5));
	sends(0, true, seg(SYN_ACK, 700, 506, 0));
	sends(0, true, seg(FIN_ACK, 701, 506, 0));
	if (flow.end[0].state != FSM_FIN_WAIT1)
		return false;
	fsm_adopt(&flow, 0, FSM_SYN_RECV, NULL);
	if (sends(0, true, seg(SYN_ACK, 700, 506, 0)) != FSM_IGNORED ||
	    gets(0, true, seg(ACK, 506, 702, 0)) != FSM_ACCEPTED)
		return false;
	return flow.end[0].state == FSM_FIN_WAIT2;
}

int main(void)
{
	tap_plan(21);
	tap_result(names(), "the names of the states, and of what is none (tcp_states.h)");
	tap_result(numbers(), "a socket's own numbers (tcp_validate_incoming, tcp_ack)");
	tap_result(other_end(), "what they say of the other end (RFC 9293 3.3.1)");
	tap_result(fin(), "a socket that has sent its FIN (RFC 9293 3.10.7.4)");
	tap_result(no_fin(), "a FIN that waits behind data (tcp_close_state)");
	tap_result(windows(), "the widest window that it was told of (RFC 5961 5.2)");
	tap_result(state_alone(), "the state alone (RFC 9293 3.3.1)");
	tap_result(state_first(1000) && state_first(0x90000000),
		   "the state alone, then segments (RFC 9293 3.10.7.4)");
	tap_result(which_end(), "either end, or the only one (RFC 9293 3.10.7.3)");
	tap_result(nothing_goes_back(), "a socket that was read too early (RFC 9293 3.4)");
	tap_result(upper_half(), "numbers beyond 2^31 (RFC 9293 3.4)");
	tap_result(scales(), "window scales of SYNs that nobody saw (RFC 7323 2.2)");
	tap_result(timestamps(true), "timestamps (RFC 7323 5.3)");
	tap_result(timestamps(false), "no timestamps (tcp_parse_options)");
	tap_result(refused(), "an ACK that a request did not take (tcp_check_req)");
	tap_result(begun_again(), "a connection where another one ended (tcp_v4_cookie_check)");
	tap_result(begun_behind_fin(), "a connection behind a FIN (tcp_v4_cookie_check)");
	tap_result(may_sign(), "a socket that may have a key (RFC 2385 2.0)");
	tap_result(signs(), "a socket with a key (RFC 2385 2.0)");
	tap_result(deferred_syn(), "a SYN that waited for data (RFC 7413 4.2.1)");
	tap_result(deferred_close(), "closed before its SYN is acknowledged (tcp_close_state)");
	return tap_exit();
}
