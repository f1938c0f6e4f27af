// SPDX-License-Identifier: GPL-2.0
/*
 * The state engine: what one segment event does to the endpoint it happens to.
 *
 * Three layers. The functions that judge sequence numbers decide *whether* an
 * event happened: that a FIN came in order, that an ACK covers the FIN. The
 * table in fsm_table.h decides *what* the event does to a state. step() books it.
 *
 * Assumptions: an endpoint follows RFC 9293 as Linux implements it. A segment
 * that the local socket sent is true ("certain"). One that only passed by may
 * be forged: it must lie in its destination's window, and a state that rests
 * on a segment whose arrival nothing proves is marked inferred. Any context; the
 * caller holds the flow's lock.
 */
#include "fsm.h"
#include "fsm_table.h"
#include "fsm_window.h"

/**
 * fsm_name - a state's name as it is printed everywhere
 * @state: the state
 *
 * Return: a constant string; "unknown" for what is no state.
 */
const char *fsm_name(enum fsm_state state)
{
	return state < FSM_STATES && names[state] ? names[state] : "unknown";
}

/* Everything about one event, so that the judges below pass one argument. */
struct view {
	struct fsm_end *me;
	struct fsm_end *peer;
	const struct segment *s;
	struct fsm_result *r;
	__u16 *window;
	__u8 e;
	bool certain;
};

static void step(struct fsm_result *r, struct fsm_end *end, __u8 e, __u8 to, bool inferred)
{
	r->step[r->steps++] = (struct fsm_step){ e, end->state, to, inferred };
	end->state = to;
	end->flags &= ~FSM_INFERRED;
	if (inferred)
		end->flags |= FSM_INFERRED;
}

/* Let @what happen to the endpoint. Return: whether its state moved. */
static bool happen(struct view *v, enum event what, bool inferred)
{
	__u8 to = next_state[what][v->me->state];

	if (to == STAY)
		return false;
	step(v->r, v->me, v->e, to, inferred);
	return true;
}

/* A new incarnation of one endpoint: whatever it was ends first. */
static void restart(struct view *v, struct fsm_end *end, __u8 e)
{
	if (end->state != FSM_CLOSE)
		step(v->r, end, e, FSM_CLOSE, false);
	*end = (struct fsm_end){ .state = FSM_CLOSE };
	v->window[e] = 0;
}

static enum fsm_verdict sent_rst(struct view *v)
{
	const struct segment *s = v->s;
	struct fsm_end *me = v->me;
	bool true_reset;

	switch (me->state) {
	case FSM_SYN_SENT:
		/* Linux answers a wrong SYN-ACK so and goes on, a right one without a socket. */
		true_reset = !v->certain && s->seq == me->nxt;
		break;
	case FSM_SYN_RECV:
		if (v->certain)
			true_reset = s->flags & SEGMENT_ACK;
		else
			true_reset = reset_exact(v->peer, me, s, false);
		break;
	default:
		true_reset = v->certain || reset_exact(v->peer, me, s, false);
	}
	if (!true_reset)
		return FSM_OUT_OF_WINDOW;
	if (me->state == FSM_CLOSE)
		me->flags &= ~FSM_INFERRED;
	return happen(v, SEND_RST, false) ? FSM_ACCEPTED : FSM_IGNORED;
}

static enum fsm_verdict sent_syn(struct view *v)
{
	struct fsm_end *me = v->me;
	const struct segment *s = v->s;
	struct fsm_end before;
	bool fresh;

	if ((me->state == FSM_SYN_SENT || me->state == FSM_SYN_RECV) && s->seq == me->una)
		return FSM_IGNORED;

	if (me->state == FSM_SYN_SENT && !(me->flags & FSM_SEQ)) {
		/* Its socket told of it before: the SYN waited for data. */
		start(me, s);
		return FSM_ACCEPTED;
	}
	fresh = v->certain || me->state == FSM_SYN_SENT ||
		(me->state == FSM_CLOSE && (s->seq == me->una || !spent(me, s->seq))) ||
		(me->state == FSM_TIME_WAIT && seq_after(s->seq, me->nxt));
	if (!fresh && !spent(me, s->seq)) {
		me->syn = s->seq;
		me->flags |= FSM_SYN_SEEN;
	}
	if (!fresh)
		return FSM_CHALLENGED;
	before = *me;
	restart(v, me, v->e);
	start(me, s);
	if (before.state == FSM_SYN_SENT) {
		me->syn = before.una;
		me->flags |= FSM_SYN_SEEN;
	}
	happen(v, SEND_SYN, false);
	return FSM_ACCEPTED;
}

/* The peer's SYN was not seen, or could not be judged then: this SYN-ACK proves it. */
static void prove_syn(struct view *v)
{
	struct fsm_end *peer = v->peer;
	__u8 e = peer == v->me ? v->e : !v->e;

	restart(v, peer, e);
	step(v->r, peer, e, FSM_SYN_SENT, false);
	peer->una = v->s->ack - 1;
	peer->nxt = v->s->ack;
	peer->flags |= FSM_SEQ;
}

static enum fsm_verdict sent_synack(struct view *v)
{
	struct fsm_end *me = v->me, *peer = v->peer;
	const struct segment *s = v->s;
	bool answers, pending;

	/* It acknowledges the SYN that is under way, or the one set aside as doubtful. */
	answers = peer->flags & FSM_SEQ && seq_after(s->ack, peer->una) &&
		  !seq_after(s->ack, peer->nxt) &&
		  (peer->state == FSM_SYN_SENT || peer->state == FSM_SYN_RECV);
	pending = peer->flags & FSM_SYN_SEEN && s->ack == peer->syn + 1;

	switch (me->state) {
	case FSM_FIN_WAIT1:
	case FSM_SYN_RECV:
		if (s->seq == me->una) {
			learn(me, peer, s, v->certain);
			return FSM_IGNORED;
		}
		break;
	case FSM_ESTABLISHED:
		if (s->end == me->nxt && (v->certain || me->flags & FSM_INFERRED)) {
			me->una = s->seq;
			happen(v, RETRANSMIT_SYNACK, !v->certain);
			return FSM_ACCEPTED;
		}
		break;
	case FSM_SYN_SENT:
		if (s->seq != me->una)
			break;
		if (!answers && !v->certain)
			return FSM_OUT_OF_WINDOW;
		learn(me, peer, s, v->certain);
		me->flags |= FSM_CROSSED;
		happen(v, SEND_SYNACK, false);
		return FSM_ACCEPTED;
	}

	if (!v->certain && !pending &&
	    (!answers || me->state == FSM_SYN_SENT || peer->state != FSM_SYN_SENT))
		return FSM_OUT_OF_WINDOW;
	if (!answers && (pending || (peer->state == FSM_CLOSE && !spent(peer, s->ack - 1))))
		prove_syn(v);
	restart(v, me, v->e);
	start(me, s);
	me->flags |= peer->flags & FSM_FAST_OPEN;
	learn(me, peer, s, v->certain);
	happen(v, SEND_SYNACK, false);
	return FSM_ACCEPTED;
}

/* A FIN, with what it acknowledges learnt already. */
static enum fsm_verdict sent_fin(struct view *v)
{
	struct fsm_end *me = v->me, *peer = v->peer;
	const struct segment *s = v->s;

	if (me->flags & FSM_FIN) {
		if (s->end != me->nxt)
			return FSM_OUT_OF_WINDOW;
		if (me->flags & FSM_INFERRED && !(me->flags & FSM_RESET) &&
		    happen(v, RETRANSMIT_FIN, true)) {
			me->una = s->end - 1;
			return FSM_ACCEPTED;
		}
		return FSM_IGNORED;
	}
	if (!v->certain && ((me->flags & FSM_SEQ && seq_before(s->end, me->nxt)) ||
			    (peer->flags & FSM_RCV && !seq_after(s->end, peer->rcv))))
		return FSM_OUT_OF_WINDOW;
	if (me->state == FSM_SYN_RECV && !v->certain &&
	    !(me->flags & (FSM_FAST_OPEN | FSM_CROSSED)))
		happen(v, SYN_ACKED, false);
	if (me->state == FSM_CLOSE_WAIT && peer->flags & FSM_FIN && seq_before(s->ack, peer->nxt)) {
		happen(v, SEND_FIN_UNAWARE, false);
		if (acks_fin(peer, me->wup))
			happen(v, RCV_FIN, false);
	} else {
		happen(v, SEND_FIN, false);
	}
	me->nxt = s->end;
	me->flags |= FSM_FIN;
	return FSM_ACCEPTED;
}

/*
 * What an endpoint says with a segment that is neither SYN nor RST. What it
 * acknowledges it has received: that comes first, as in tcp_rcv_state_process().
 */
static enum fsm_verdict sent_text(struct view *v)
{
	struct fsm_end *me = v->me, *peer = v->peer;
	const struct segment *s = v->s;
	bool again = !(me->flags & FSM_SEQ) || !seq_after(s->end, me->nxt);

	if (!v->certain && !plausible(me, peer, s))
		return FSM_OUT_OF_WINDOW;
	if (me->state == FSM_CLOSE && !(me->flags & FSM_INFERRED))
		return FSM_IGNORED;
	if (me->flags & FSM_FIN && seq_after(s->end, me->nxt))
		return FSM_OUT_OF_WINDOW;

	if (me->state == FSM_SYN_SENT && !(peer->flags & FSM_SEQ)) {
		/* The way back lies elsewhere: who goes on after its SYN was answered. */
		if (v->certain || s->seq != me->nxt || peer->state != FSM_CLOSE)
			return FSM_OUT_OF_WINDOW;
		happen(v, SYN_ACKED, false);
		step(v->r, peer, !v->e, FSM_SYN_RECV, false);
		expect(peer, s->seq);
	} else if (me->state == FSM_SYN_SENT) {
		if (!seq_after(s->seq, me->una) ||
		    ((peer->state == FSM_SYN_SENT || peer->state == FSM_SYN_RECV) &&
		     !seq_after(s->ack, peer->una)))
			return FSM_OUT_OF_WINDOW;
		happen(v, SYN_ACKED, false);
	}
	if (me->state == FSM_SYN_RECV && !v->certain && me->flags & FSM_RCV &&
	    ((s->len && !(me->flags & FSM_FAST_OPEN)) || seq_after(s->ack, me->rcv)))
		happen(v, SYN_ACKED, false);
	else if (me->state == FSM_ESTABLISHED &&
		 (s->len || (me->flags & FSM_RCV && seq_after(s->ack, me->rcv))))
		me->flags &= ~FSM_INFERRED;
	if (!(me->flags & FSM_SEQ)) {
		me->una = s->seq;
		me->nxt = s->seq;
		me->flags |= FSM_SEQ;
	}
	learn(me, peer, s, v->certain);

	if (!v->certain && me->flags & FSM_FIN && peer->flags & FSM_MARK &&
	    seq_after(s->ack, peer->mark))
		happen(v, FIN_ACKED, peer->flags & FSM_MARK_AGAIN);
	if (acks_fin(peer, s->ack)) {
		happen(v, RCV_FIN, false);
		if (s->end != s->seq && (!(me->flags & FSM_MARK) ||
					 (me->flags & FSM_MARK_AGAIN && !again))) {
			me->mark = !again && seq_before(s->seq, me->nxt) ? me->nxt : s->seq;
			me->flags &= ~(FSM_MARK_AGAIN | FSM_SACK);
			me->flags |= FSM_MARK | (again ? FSM_MARK_AGAIN : 0);
		}
	}

	if (s->flags & SEGMENT_FIN)
		return sent_fin(v);
	if (seq_after(s->end, me->nxt))
		me->nxt = s->end;
	return FSM_ACCEPTED;
}

static enum fsm_verdict received_in_syn_sent(struct view *v)
{
	struct fsm_end *me = v->me;
	const struct segment *s = v->s;

	if (untimely(me, s) || (s->flags & SEGMENT_ACK && (!seq_after(s->ack, me->una) ||
							   seq_after(s->ack, me->nxt))))
		return FSM_OUT_OF_WINDOW;
	if (s->flags & SEGMENT_RST) {
		if (!(s->flags & SEGMENT_ACK))
			return FSM_IGNORED;
		happen(v, RCV_RST, !v->certain);
		return FSM_ACCEPTED;
	}
	if (!(s->flags & SEGMENT_SYN))
		return FSM_IGNORED;

	expect(me, s->seq + 1);
	if (s->options & SEGMENT_HAS_TS) {
		me->ts = s->tsval;
		me->flags |= FSM_TS;
	}
	if (s->flags & SEGMENT_ACK) {
		me->una = s->ack;
		if (v->certain)
			v->window[v->e] = descale(s->window, scale(v->peer, me));
		happen(v, RCV_SYNACK, false);
	} else {
		me->flags |= FSM_CROSSED;
		happen(v, RCV_SYN, false);
	}
	return FSM_ACCEPTED;
}

/* RFC 9293 3.10.7.4, fourth check; tcp_validate_incoming(), tcp_check_req(). */
static enum fsm_verdict received_syn(struct view *v)
{
	struct fsm_end *me = v->me;
	const struct segment *s = v->s;

	if (me->state != FSM_SYN_RECV)
		return FSM_CHALLENGED;
	if (s->seq + 1 == me->rcv) {
		/* The crossed SYN-ACK serves as the ACK of ours. */
		if (!(me->flags & FSM_CROSSED) || !(s->flags & SEGMENT_ACK) ||
		    s->ack != me->nxt || s->end != me->rcv)
			return FSM_IGNORED;
		me->una = s->ack;
		happen(v, SYN_ACKED, false);
		return FSM_ACCEPTED;
	}
	if (me->flags & (FSM_CROSSED | FSM_FAST_OPEN))
		return FSM_CHALLENGED;
	if (!in_window(me, s) || (s->flags & SEGMENT_ACK && s->ack != me->nxt))
		return FSM_OUT_OF_WINDOW;
	happen(v, RCV_SYN, false);
	return FSM_ACCEPTED;
}

/* RFC 9293 3.10.7.4, fifth check; with Fast Open its FIN may be out. Return: whether it goes on. */
static bool received_ack(struct view *v)
{
	struct fsm_end *me = v->me;
	const struct segment *s = v->s;
	__u16 *window = &v->window[v->e];

	if (me->flags & FSM_SEQ) {
		if (seq_after(s->ack, me->nxt) ||
		    seq_before(s->ack, oldest_ack(me, (*window ?: WINDOW_MAX) << scale(v->peer, me),
						  v->certain)))
			return false;
		/* A socket in SYN_RECV takes even its own number for an ACK. */
		if (me->state == FSM_SYN_RECV && !seq_after(s->ack, me->una) &&
		    !(v->certain && me->flags & FSM_CROSSED && s->ack == me->una))
			return false;
		if (seq_after(s->ack, me->una))
			acknowledged(me, s->ack);
	}
	if (v->certain && s->ack == me->una && s->window > *window)
		*window = s->window;
	if (me->state == FSM_SYN_RECV && happen(v, SYN_ACKED, !v->certain) && me->flags & FSM_FIN)
		happen(v, SEND_FIN, !v->certain);
	if (acks_fin(me, me->una))
		happen(v, FIN_ACKED, !v->certain);
	return true;
}

/* RFC 9293 3.10.7.4, seventh and eighth check; tcp_data_queue(). Only what is in order counts. */
static enum fsm_verdict received_text(struct view *v)
{
	struct fsm_end *me = v->me;
	const struct segment *s = v->s;

	if (!(me->flags & FSM_RCV))
		expect(me, s->seq);
	if (seq_after(s->seq, me->rcv) || !seq_after(s->end, me->rcv))
		return FSM_IGNORED;
	/* Nothing follows a FIN: what reaches across it resets. */
	if (has_fin(me)) {
		if (s->seq == me->rcv)
			return FSM_IGNORED;
		if (s->end - !!(s->flags & SEGMENT_FIN) != me->rcv) {
			happen(v, RCV_RST, false);
			return FSM_ACCEPTED;
		}
	}
	/* A closed window takes a bare FIN, nothing else. */
	if (s->len && me->flags & FSM_EDGE && !seq_after(me->edge, me->rcv))
		return FSM_OUT_OF_WINDOW;
	me->rcv = s->end;
	if (s->flags & SEGMENT_FIN)
		happen(v, RCV_FIN, false);
	return FSM_ACCEPTED;
}

static enum fsm_verdict received_in_sync(struct view *v)
{
	struct fsm_end *me = v->me;
	const struct segment *s = v->s;
	bool waits = me->state == FSM_TIME_WAIT;

	/* RFC 7323 5.2, PAWS; a reset is exempt, but not in TIME_WAIT (tcp_paws_reject()). */
	if (v->certain && me->flags & FSM_TS && !((me->flags | v->peer->flags) & FSM_NO_TS) &&
	    s->options & SEGMENT_HAS_TS &&
	    (!(s->flags & SEGMENT_RST) || waits) &&
	    (__s32)(me->ts - s->tsval) > (waits ? 0 : PAWS_WINDOW))
		return FSM_OUT_OF_WINDOW;
	if (s->flags & SEGMENT_RST) {
		if (!reset_exact(me, v->peer, s, v->certain))
			return in_window(me, s) ? FSM_CHALLENGED : FSM_OUT_OF_WINDOW;
		if (happen(v, RCV_RST, !v->certain))
			me->flags |= FSM_RESET;
		return FSM_ACCEPTED;
	}
	if (s->flags & SEGMENT_SYN)
		return received_syn(v);
	if (!in_window(me, s))
		return FSM_OUT_OF_WINDOW;
	if (!(s->flags & SEGMENT_ACK))
		return FSM_IGNORED;
	if (!received_ack(v))
		return FSM_OUT_OF_WINDOW;
	if (!v->certain)
		return FSM_ACCEPTED;

	/* What holds the left edge, though its ACK is old; in TIME_WAIT nothing before it. */
	if (s->options & SEGMENT_HAS_TS &&
	    (waits ? s->seq == me->rcv : !seq_after(s->seq, me->wup)))
		keep_ts(me, s->tsval);
	if (me->state == FSM_CLOSE || me->state == FSM_TIME_WAIT)
		return FSM_ACCEPTED;
	return s->end == s->seq ? FSM_ACCEPTED : received_text(v);
}

static struct view look(struct fsm *f, unsigned int e, const struct segment *s,
			bool certain, struct fsm_result *r)
{
	e = fsm_self(f) ? 0 : e & 1;
	r->steps = 0;
	return (struct view){
		.me = &f->end[e],
		.peer = &f->end[fsm_self(f) ? e : !e],
		.s = s,
		.r = r,
		.window = f->window,
		.e = (__u8)e,
		.certain = certain,
	};
}

/**
 * fsm_init - a connection of which nothing is known
 * @f: both ends become CLOSE
 * @self: one socket is connected to itself
 */
void fsm_init(struct fsm *f, bool self)
{
	*f = (struct fsm){
		.end = { { .state = FSM_CLOSE }, { .state = self ? 0 : FSM_CLOSE } },
	};
}

/**
 * fsm_pickup - begin in the middle of a connection
 * @f: both ends CLOSE, and nothing known
 * @e: which end sent the segment that comes next
 * @s: that segment, which is judged afterwards
 * @r: the steps: both are guessed to be ESTABLISHED
 *
 * Pure. No SYN told the window scales: the widest counts.
 * Return: false for a SYN or RST, which is not the middle of anything.
 */
bool fsm_pickup(struct fsm *f, unsigned int e, const struct segment *s, struct fsm_result *r)
{
	struct view v = look(f, e, s, false, r);

	if ((s->flags & (SEGMENT_SYN | SEGMENT_ACK | SEGMENT_RST)) != SEGMENT_ACK)
		return false;
	*v.me = (struct fsm_end){ .flags = FSM_WSCALE, .state = FSM_CLOSE, .wscale = WSCALE_MAX };
	*v.peer = *v.me;
	step(r, v.me, v.e, FSM_ESTABLISHED, true);
	step(r, v.peer, !v.e, FSM_ESTABLISHED, true);
	return true;
}

/**
 * fsm_sent - an endpoint sent a segment
 * @f: the connection
 * @e: which end sent it
 * @s: the segment
 * @certain: its socket sent it; otherwise it only claims to come from there
 *	     and counts if the other end would look at it
 * @r: the steps, in order; of the peer too where a SYN-ACK proves its SYN
 *
 * Pure. Source: RFC 9293 3.10; Linux where it differs.
 *
 * Return: enum fsm_verdict; with anything but %FSM_ACCEPTED no state moved.
 */
enum fsm_verdict fsm_sent(struct fsm *f, unsigned int e, const struct segment *s,
			  bool certain, struct fsm_result *r)
{
	struct view v = look(f, e, s, certain, r);
	enum fsm_verdict verdict = FSM_IGNORED;

	if (!certain && strange(v.peer, s))
		return FSM_IGNORED;
	if (s->flags & SEGMENT_RST)
		verdict = sent_rst(&v);
	else if (s->flags & SEGMENT_SYN)
		verdict = s->flags & SEGMENT_ACK ? sent_synack(&v) : sent_syn(&v);
	else if (s->flags & SEGMENT_ACK)
		verdict = sent_text(&v);
	return r->steps ? FSM_ACCEPTED : verdict;
}

/**
 * fsm_received - a segment reached an endpoint
 * @f: the connection
 * @e: which end received it
 * @s: the segment
 * @certain: it was handed to the socket; otherwise it left towards a remote
 *	     host, and only what is never acknowledged itself, a pure ACK or a
 *	     RST, is assumed to arrive
 * @r: the steps of this end, in order
 *
 * Pure. Source: RFC 9293 3.10.7, RFC 5961, RFC 7323; tcp_rcv_state_process().
 *
 * Return: enum fsm_verdict; with anything but %FSM_ACCEPTED no state moved.
 */
enum fsm_verdict fsm_received(struct fsm *f, unsigned int e, const struct segment *s,
			      bool certain, struct fsm_result *r)
{
	struct view v = look(f, e, s, certain, r);
	enum fsm_verdict verdict;

	if ((!certain && !(s->flags & SEGMENT_RST) && s->end != s->seq) || strange(v.me, s))
		return FSM_IGNORED;
	switch (v.me->state) {
	case FSM_CLOSE:
	case FSM_LISTEN:
		return FSM_IGNORED;
	case FSM_SYN_SENT:
		verdict = received_in_syn_sent(&v);
		break;
	default:
		verdict = received_in_sync(&v);
	}
	return r->steps ? FSM_ACCEPTED : verdict;
}

/**
 * fsm_adopt - take an endpoint's state from its socket
 * @f: the connection
 * @e: which end
 * @state: the socket's state
 * @facts: its sequence space, or NULL to keep what the segments told
 *
 * Pure; the caller books the transition. The state is known from here on.
 */
void fsm_adopt(struct fsm *f, unsigned int e, enum fsm_state state,
	       const struct fsm_facts *facts)
{
	struct fsm_end *me = &f->end[fsm_self(f) ? 0 : e & 1];
	struct fsm_end *peer = &f->end[fsm_self(f) ? 0 : !(e & 1)];

	/* A new socket that expects what follows a FIN, and heard none, came after it. */
	if (facts && me->state == FSM_CLOSE && state == FSM_ESTABLISHED &&
	    acks_fin(peer, facts->rcv))
		peer->flags &= ~FSM_FIN;
	if (facts && (me->state == FSM_CLOSE || facts->window > f->window[me - f->end]))
		f->window[me - f->end] = facts->window;
	if (facts)
		recall(me, peer, facts);
	me->state = state;
	me->flags &= ~FSM_INFERRED;
	/* It took neither the ACK nor what came with it, and waits for them still. */
	if (state == FSM_SYN_RECV && me->una == me->nxt)
		me->una--;
	if (state == FSM_SYN_RECV)
		me->rcv = me->wup;
}
