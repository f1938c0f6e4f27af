// SPDX-License-Identifier: GPL-2.0
/*
 * The state that each end's socket shows, from the events of `trace`. The rules are those of
 * ../trace/oracle.awk; see Documentation/testing.rst.
 */
#include "replay.h"

static void move(struct run *run, int end, unsigned char to, enum kind kind, const struct record *r)
{
	struct end *e = &run->ends[end];
	enum kind before = e->kind;
	bool resets;

	e->kind = kind;
	if (kind != KIND_NONE)
		e->local = true;
	if (e->socket == to)
		return;
	e->socket = to;
	run->moves++;
	/* A reset waits in its backlog, behind what moved it now, or is withheld. */
	resets = e->open >= 0 && !run->differences[e->open].silent &&
		 engine_of(run, end) == FSM_CLOSE;
	if (kind == KIND_FULL && !resets && engine_of(run, end) == FSM_CLOSE &&
	    to != FSM_CLOSE && to != FSM_SYN_SENT)
		engine_meet(run, r, end, to);
	if (resets)
		difference_keep(run, end, before, r->time);
	else
		difference_compare(run, end, true, before, r->time);
}

static void bind_to(struct run *run, int socket, int end)
{
	run->sockets[socket].end = end;
	run->sockets[socket].pending = false;
	run->ends[end].owner = socket;
}

static void forget(struct socket *s)
{
	*s = (struct socket){ .end = -1 };
}

static void full_closes(struct run *run, int socket, int end, const struct record *r)
{
	struct socket *s = &run->sockets[socket];

	if (run->ends[end].owner == socket) {
		run->ends[end].owner = -1;
		if (s->successor)
			move(run, end, s->successor, KIND_TIMEWAIT, r);
		else
			move(run, end, FSM_CLOSE, KIND_NONE, r);
	}
	forget(s);
}

static void full_moves(struct run *run, const struct record *r)
{
	struct socket *s = &run->sockets[r->socket];
	int end = s->end;

	/* Listening sockets and clones have no connection; one in syn_sent may lack a port. */
	if (r->from == FSM_LISTEN || r->to == FSM_LISTEN || r->to == FSM_SYN_SENT ||
	    (end < 0 && r->to == FSM_CLOSE)) {
		forget(s);
		s->pending = r->to == FSM_SYN_SENT;
		return;
	}
	if (end < 0) {
		end = r->end;
		if (s->pending)
			move(run, end, FSM_SYN_SENT, KIND_FULL, r);
		bind_to(run, r->socket, end);
	}
	if (r->to == FSM_CLOSE)
		full_closes(run, r->socket, end, r);
	else
		move(run, end, r->to, KIND_FULL, r);
}

void socket_event(struct run *run, const struct record *r)
{
	struct socket *s = &run->sockets[r->socket];
	enum kind kind = run->ends[r->end].kind;

	switch (r->what) {
	case WHAT_STATE:
		full_moves(run, r);
		break;
	case WHAT_CONNECT:
		if (!s->pending)
			break;
		move(run, r->end, FSM_SYN_SENT, KIND_FULL, r);
		bind_to(run, r->socket, r->end);
		break;
	case WHAT_REQUEST:
		if (kind != KIND_REQUEST)
			move(run, r->end, FSM_SYN_RECV, KIND_REQUEST, r);
		break;
	case WHAT_DROPPED:
		if (kind == KIND_REQUEST)
			move(run, r->end, FSM_CLOSE, KIND_NONE, r);
		break;
	case WHAT_FASTOPEN:
		if (s->end >= 0)
			break;
		move(run, r->end, FSM_SYN_RECV, KIND_FULL, r);
		bind_to(run, r->socket, r->end);
		break;
	case WHAT_TIMEWAIT:
		s->successor = r->to;
		break;
	case WHAT_SUBSTATE:
		if (kind == KIND_TIMEWAIT)
			move(run, r->end, r->to, KIND_TIMEWAIT, r);
		break;
	case WHAT_KILLED:
		if (kind == KIND_TIMEWAIT)
			move(run, r->end, FSM_CLOSE, KIND_NONE, r);
		break;
	default:
		break;
	}
}
