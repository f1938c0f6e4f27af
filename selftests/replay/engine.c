// SPDX-License-Identifier: GPL-2.0
/*
 * The engine, fed with what passed the hooks: module/fsm.c as it is. Which segment is an event of
 * which end stands in Documentation/fsm.rst, "Sent and received".
 */
#include "replay.h"

struct link *link_of(const struct run *run, int end)
{
	int peer = run->in->names[end].peer;

	return &run->links[end < peer ? end : peer];
}

unsigned int index_of(const struct run *run, int end)
{
	return end > run->in->names[end].peer;
}

/* What is not known is closed. */
unsigned char engine_of(const struct run *run, int end)
{
	const struct link *l = link_of(run, end);

	return l->known ? l->fsm.end[index_of(run, end)].state : FSM_CLOSE;
}

static void begin(struct run *run, int end)
{
	struct link *l = link_of(run, end);

	if (l->known)
		return;
	fsm_init(&l->fsm, run->in->names[end].peer == end);
	l->known = true;
}

void engine_adopt(struct run *run, int end, unsigned char state)
{
	fsm_adopt(&link_of(run, end)->fsm, index_of(run, end), state, NULL);
}

/* Nothing was seen on the wire, as after a SYN cookie; the peer is thought to match. */
void engine_meet(struct run *run, const struct record *r, int end, unsigned char state)
{
	struct link *l = link_of(run, end);
	unsigned int far = !index_of(run, end);

	if (!l->known && state != FSM_ESTABLISHED && state != FSM_CLOSE_WAIT)
		return;
	if (!l->known) {
		begin(run, end);
		fsm_adopt(&l->fsm, far, state == FSM_CLOSE_WAIT ? FSM_FIN_WAIT2 : FSM_ESTABLISHED,
			  NULL);
		l->fsm.end[far].flags |= FSM_INFERRED;
	}
	fsm_adopt(&l->fsm, index_of(run, end), state, r->what == WHAT_STATE ? &r->facts : NULL);
}

static void apply(struct run *run, const struct record *r, const struct fsm_result *result)
{
	unsigned int i;

	for (i = 0; i < result->steps; i++) {
		const struct fsm_step *step = &result->step[i];
		int peer = run->in->names[r->end].peer;
		int end = step->end == index_of(run, r->end) ? r->end : peer;
		const struct end *e = &run->ends[end];

		if (!e->local)
			continue;
		run->steps[run->nr_steps++] = (struct step){
			r, step->from, step->to,
			e->kind == KIND_REQUEST || e->kind == KIND_TIMEWAIT,
		};
		difference_compare(run, end, false, e->kind, r->time);
	}
}

/* The RST of the control socket, for a socket that has just closed or is about to. */
static bool speaks_for(const struct run *run, const struct record *r)
{
	const struct end *e = &run->ends[r->end];

	return r->control && r->s.flags & SEGMENT_RST && e->local &&
	       (e->kind == KIND_NONE ||
		(e->kind == KIND_TIMEWAIT && e->socket == FSM_FIN_WAIT2));
}

/* A request knows what the SYN offered; its flow begins with the SYN-ACK. */
static void recall_syn(struct run *run, const struct record *r)
{
	const struct segment *syn = &run->ends[r->end].syn->s;
	unsigned char both = syn->options & r->s.options;
	const struct fsm_facts facts = {
		.nxt = r->s.end,
		.una = r->s.seq,
		.rcv = r->s.ack,
		.wup = r->s.ack,
		.edge = r->s.ack + r->s.window,
		.no_ts = !(both & SEGMENT_HAS_TS),
		.scaled = both & SEGMENT_HAS_WSCALE,
		.scale = r->s.wscale,
		.peer_scale = syn->wscale,
	};

	fsm_adopt(&link_of(run, r->end)->fsm, index_of(run, r->end), FSM_SYN_RECV, &facts);
}

/* What anyone can see of a segment; no engine is asked. */
static void notice(struct run *run, const struct record *r)
{
	struct end *e = &run->ends[r->end];
	bool sent = r->what == WHAT_SENT;

	if (sent && !r->owned && !speaks_for(run, r))
		return;
	if (r->s.flags & SEGMENT_SYN) {
		if (!sent)
			e->syn = r;
		e->withheld = false;
		e->reset = NULL;
		e->fin = NULL;
		e->fin_acked = NULL;
	}
	if (r->s.flags & SEGMENT_RST)
		e->reset = r;
	else if (sent && r->s.flags & SEGMENT_FIN && !e->fin)
		e->fin = r;
	else if (!sent && e->fin && r->s.flags & SEGMENT_ACK && r->s.ack == e->fin->s.end &&
		 !e->fin_acked)
		e->fin_acked = r;
}

/* It, or the same segment again. */
static bool left_out(const struct run *run, const struct record *r)
{
	const struct record *w = run->without;

	return w && r->what == w->what && r->end == w->end && r->s.flags == w->s.flags &&
	       r->s.seq == w->s.seq && r->s.end == w->s.end && r->time >= w->time;
}

static void forget(struct run *run, int end)
{
	int peer = run->in->names[end].peer;

	if (engine_of(run, end) == FSM_CLOSE && engine_of(run, peer) == FSM_CLOSE &&
	    run->ends[end].kind == KIND_NONE && run->ends[peer].kind == KIND_NONE &&
	    run->ends[end].open < 0 && run->ends[peer].open < 0)
		link_of(run, end)->known = false;
}

void engine_segment(struct run *run, const struct record *r)
{
	int peer = run->in->names[r->end].peer;
	struct link *l = link_of(run, r->end);
	unsigned int me = index_of(run, r->end);
	struct fsm_result result;

	notice(run, r);
	difference_event(run, r);
	if (left_out(run, r))
		return;
	run->segments++;
	if (!l->known) {
		if (r->what != WHAT_SENT || !r->owned || !(r->s.flags & SEGMENT_SYN))
			return;
		begin(run, r->end);
	}
	if (r->what == WHAT_SENT) {
		if (r->owned || speaks_for(run, r)) {
			run->ends[r->end].local = true;
			fsm_sent(&l->fsm, me, &r->s, true, &result);
			apply(run, r, &result);
		}
		if (r->owned && r->s.flags & SEGMENT_SYN && run->ends[r->end].syn &&
		    engine_of(run, r->end) == FSM_SYN_RECV)
			recall_syn(run, r);
		if (!run->ends[peer].local) {
			fsm_received(&l->fsm, !me, &r->s, false, &result);
			apply(run, r, &result);
		}
	} else {
		if (!run->ends[peer].local) {
			fsm_sent(&l->fsm, !me, &r->s, false, &result);
			apply(run, r, &result);
		}
		fsm_received(&l->fsm, me, &r->s, run->ends[r->end].local, &result);
		apply(run, r, &result);
	}
	forget(run, r->end);
}
