// SPDX-License-Identifier: GPL-2.0
#include "engine.h"
#include "packet.h"

static bool closed(const struct engine *engine)
{
	return engine->fsm.end[ENGINE_LOCAL].state == FSM_CLOSE &&
	       engine->fsm.end[ENGINE_REMOTE].state == FSM_CLOSE;
}

static bool parse(struct segment *s, const uint8_t *bytes, size_t size)
{
	const uint8_t *tcp;
	size_t length = packet_tcp(bytes, size, &tcp);

	return length && segment_parse(s, tcp, length, length) == SEGMENT_OK;
}

/* As hook_local_in(); the checksum of what moves states is right. */
void engine_received(struct engine *engine, const uint8_t *bytes, size_t size)
{
	struct fsm_result r;
	struct segment s;

	if (!engine->tracked || !parse(&s, bytes, size))
		return;
	fsm_sent(&engine->fsm, ENGINE_REMOTE, &s, false, &r);
	fsm_received(&engine->fsm, ENGINE_LOCAL, &s, true, &r);
	engine->tracked = !closed(engine);
}

/* As hook_local_out(). */
void engine_sent(struct engine *engine, const uint8_t *bytes, size_t size, bool owned)
{
	struct fsm_result r;
	struct segment s;

	if (!parse(&s, bytes, size))
		return;
	if (!engine->tracked) {
		if (!owned || !(s.flags & SEGMENT_SYN))
			return;
		fsm_init(&engine->fsm, false);
		engine->tracked = true;
	}
	if (owned)
		fsm_sent(&engine->fsm, ENGINE_LOCAL, &s, true, &r);
	fsm_received(&engine->fsm, ENGINE_REMOTE, &s, false, &r);
	engine->tracked = !closed(engine);
}
