// SPDX-License-Identifier: GPL-2.0
/*
 * What is shown of a flow. Sequence numbers, addresses in memory and the place
 * in the table stay inside.
 */
#include <linux/jiffies.h>
#include <linux/ktime.h>

#include "view.h"

static void view_end(struct view_end *view, const struct flow *flow, unsigned int e)
{
	/* A socket that is connected to itself has one end, the first. */
	unsigned int at = flow->class == CLASS_SELF ? 0 : e;
	const struct flow_end *end = &flow->end[at];

	view->addr = flow->key.addr[e];
	view->port = flow->key.port[e];
	view->state = end->shown;
	view->local = end->local;
	view->inferred = !witness_commits(flow, at) && flow->fsm.end[at].flags & FSM_INFERRED;
	view->age = jiffies64_to_msecs(get_jiffies_64() - end->entered);
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
	/* That clock may go back a little while it is adjusted. */
	s64 age = ktime_get_mono_fast_ns() - flow->born;

	lockdep_assert_held(&flow->lock);
	view->id = table_id(flow);
	view->family = flow_key_family(&flow->key);
	view->scope = flow->key.scope;
	view->path = path_of(flow);
	view->role = responder ? TCPSTATE_ROLE_RESPONDER : TCPSTATE_ROLE_INITIATOR;
	view->provenance = flow->provenance;
	view->age = div_u64(max_t(s64, age, 0), NSEC_PER_MSEC);
	view_end(&view->src, flow, src);
	view_end(&view->dst, flow, !src);
}
