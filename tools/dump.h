/* SPDX-License-Identifier: GPL-2.0 */
/* All flows of the namespace that a filter lets pass, each once. */
#ifndef TCPSTATE_DUMP_H
#define TCPSTATE_DUMP_H

#include <stdbool.h>

#include "filter.h"
#include "flow.h"

struct genl;

/*
 * Calls `each` for every flow as it comes; exits with one line where the module does not answer.
 * What changed while it was read is read again, a few times. Returns false, and has said so on
 * standard error, where it changed every time: then flows may be missing.
 */
bool dump_flows(struct genl *genl, const struct filter *filter,
		void (*each)(void *data, const struct flow *flow), void *data);

#endif
