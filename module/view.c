// SPDX-License-Identifier: GPL-2.0
/*
 * What is shown of a flow. Sequence numbers, addresses in memory and the place
 * in the table stay inside.
 */
#include "table.h"
#include "view.h"

static void view_end(struct view_end *view, const struct flow *flow, const struct flow_key *key,
		     unsigned int e)
{
	/* A socket that is connected to itself has one end, the first. */
	unsigned int at = flow->class == CLASS_SELF ? 0 : e;

	view->addr = key->addr[e];
	view->port = key->port[e];
	view->state = flow->shown[at];
	view->local = flow_is_local(flow, at);
	view->inferred = !witness_commits(flow, at) && flow->fsm.end[at].flags & FSM_INFERRED;
	view->age = flow_age(flow->entered[at]);
}

static enum tcpstate_path path_of(const struct flow *flow)
{
	switch (flow->class) {
	case CLASS_LOCAL_INITIATOR:
	case CLASS_LOCAL_RESPONDER:
		return TCPSTATE_PATH_LOCAL;
	case CLASS_FORWARDED:
		return TCPSTATE_PATH_FORWARDED;
	default:
		return TCPSTATE_PATH_LOOPBACK;
	}
}

/**
 * view_flow - look at a flow
 * @view: filled whole
 * @flow: the flow, locked
 */
void view_flow(struct view *view, const struct flow *flow)
{
	bool responder = flow->class == CLASS_LOCAL_RESPONDER;
	unsigned int src = responder ? !flow->initiator : flow->initiator;
	struct flow_key key = {};

	lockdep_assert_held(&flow->lock);
	view->id = table_id(flow);
	flow_key_of(flow, &key);
	view->family = flow_key_family(&key);
	view->scope = flow_key_scope(&key);
	view->path = path_of(flow);
	view->role = responder ? TCPSTATE_ROLE_RESPONDER : TCPSTATE_ROLE_INITIATOR;
	view->provenance = flow->provenance;
	view->age = flow_age(flow->born);
	view_end(&view->src, flow, &key, src);
	view_end(&view->dst, flow, &key, !src);
}
