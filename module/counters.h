/* SPDX-License-Identifier: GPL-2.0 */
/* Gauges and totals of one namespace, kept as the transitions happen. */
#ifndef TCPSTATE_COUNTERS_H
#define TCPSTATE_COUNTERS_H

#include <linux/atomic.h>
#include <linux/tcpstate.h>
#include <linux/types.h>

#include "fsm.h"

/* What a flow is, seen from its namespace; fixes the columns of its two ends. */
enum flow_class {
	CLASS_LOCAL_INITIATOR,	/* the initiator is local, the responder remote */
	CLASS_LOCAL_RESPONDER,	/* the responder is local, the initiator remote */
	CLASS_LOOPBACK,		/* both are local */
	CLASS_SELF,		/* one socket, connected to itself */
	CLASS_FORWARDED,	/* neither is local */
	CLASSES,
};

enum counters_column {
	COLUMN_LOCAL,
	COLUMN_REMOTE,
	COLUMN_FORWARDED_INITIATOR,
	COLUMN_FORWARDED_RESPONDER,
	COLUMNS,
	COLUMN_NONE = COLUMNS,	/* the second end of a self-connected flow */
};

#define COUNTERS_SHARDS_MAX	8

/**
 * struct counters_shard - one CPU group's part of a namespace's counters
 * @pairs: flows by class and the states of initiator and responder; the sum
 *	   over all shards is the gauge, one shard alone may be negative
 * @moved: transitions by column, from and to
 * @born: endpoints that entered in state close, by column
 * @left: endpoints that were removed, from state close, by column
 * @timewaits: local ends that a timewait socket holds; read as a sum, too
 *
 * Under 8 KB, so that one page block of order 1 holds it.
 */
struct counters_shard {
	atomic_t pairs[CLASSES][FSM_STATES][FSM_STATES];
	atomic64_t moved[COLUMNS][FSM_STATES][FSM_STATES];
	atomic64_t born[COLUMNS];
	atomic64_t left[COLUMNS];
	atomic_t timewaits;
};

/**
 * struct counters - a namespace's counters
 * @shard: allocated with the first flow that a CPU group sees
 * @listening: listening sockets that were counted
 * @listened: how many began to listen, of all times
 * @told: how often a listening socket told of its begin or end
 * @heard: @told when they were counted last
 */
struct counters {
	struct counters_shard *shard[COUNTERS_SHARDS_MAX];
	atomic_t listening;
	atomic64_t listened;
	atomic_t told;
	int heard;
};

/**
 * struct counters_sum - all shards added up at one moment
 * @pairs: as in the shards, never negative at rest
 * @moved: as in the shards; close to listen and back in %COLUMN_LOCAL
 * @born: as in the shards
 * @left: as in the shards
 * @listening: listening sockets
 */
struct counters_sum {
	s64 pairs[CLASSES][FSM_STATES][FSM_STATES];
	u64 moved[COLUMNS][FSM_STATES][FSM_STATES];
	u64 born[COLUMNS];
	u64 left[COLUMNS];
	u32 listening;
};

bool counters_ready(struct counters *c);
void counters_free(struct counters *c);
void counters_born(struct counters *c, enum flow_class class);
void counters_gone(struct counters *c, enum flow_class class);
void counters_reclass(struct counters *c, enum flow_class from, enum flow_class to,
		      u8 initiator, u8 responder, bool swap);
void counters_move(struct counters *c, enum flow_class class, bool initiator,
		   u8 from, u8 to, u8 other);
void counters_timewait(struct counters *c, int n);
void counters_listen(struct counters *c, bool begins);
bool counters_listening(struct counters *c, unsigned int n);
void counters_deafen(struct counters *c);
enum counters_column counters_column(enum flow_class class, bool initiator);

int counters_timewaits(const struct counters *c);
int counters_local(const struct counters *c, u8 state);
void counters_read(const struct counters *c, struct counters_sum *sum);
u64 counters_pairs(const struct counters_sum *sum, enum tcpstate_path path, u8 row, u8 column);
u64 counters_gauge(const struct counters_sum *sum, enum counters_column column, u8 state);
u64 counters_initiators(const struct counters_sum *sum, u8 state);
u64 counters_entered(const struct counters_sum *sum, enum counters_column column, u8 state);
u64 counters_self(const struct counters_sum *sum);

#endif
