/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module's engine once more, in this process: it sees what the program sends and what the
 * kernel answers, as the hooks do, and tells after which segment it and the socket part.
 */
#ifndef HOSTILE_ENGINE_H
#define HOSTILE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../module/fsm.h"

#define ENGINE_LOCAL	0
#define ENGINE_REMOTE	1

struct engine {
	struct fsm fsm;
	bool tracked;
};

void engine_received(struct engine *engine, const uint8_t *bytes, size_t size);
void engine_sent(struct engine *engine, const uint8_t *bytes, size_t size, bool owned);

#endif
