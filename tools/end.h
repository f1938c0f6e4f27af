/* SPDX-License-Identifier: GPL-2.0 */
/* A flow's end, for people to read. */
#ifndef TCPSTATE_END_H
#define TCPSTATE_END_H

#include <stdbool.h>

#include "flow.h"

#define END_TEXT	(256 + 32)	/* a host's name and its port, or less */

/* "10.0.1.1:80", "[fe80::1%eth0]:80", or the host's name and the port; `end` is SRC or DST. */
void end_print(char text[END_TEXT], const struct flow *flow, int end, bool resolve_name);

#endif
