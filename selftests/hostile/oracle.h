/* SPDX-License-Identifier: GPL-2.0 */
/* Is the mirror what the sockets are? */
#ifndef HOSTILE_ORACLE_H
#define HOSTILE_ORACLE_H

#include "connection.h"
#include "ends.h"

#define STATES		12

struct mnl_socket;

/**
 * struct oracle - what is compared, and what came of it
 * @diag: sock_diag
 * @mirror: generic netlink; NULL without the module
 * @family: its number there
 * @observing: the engine moves the mirror's ends: it may differ until it is corrected
 * @checks: comparisons
 * @ends: sockets that were compared in all of them
 * @differences: that stayed
 * @corrected: differences of the engine that were corrected, as the mirror counts them
 * @corrections: as the module counts them, at the last look
 */
struct oracle {
	int diag;
	struct mnl_socket *mirror;
	uint16_t family;
	bool observing;
	unsigned long checks;
	unsigned long ends;
	unsigned long differences;
	unsigned long corrected;
	unsigned int corrections[STATES][STATES];
};

extern const char *const state_names[STATES];

void oracle_open(struct oracle *oracle, bool module);
void oracle_check(struct oracle *oracle, struct batch *batch);
uint8_t oracle_state(const struct oracle *oracle, const struct connection *c);
void oracle_judge_engine(struct oracle *oracle, struct connection *c, bool local);

#endif
