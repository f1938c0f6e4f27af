// SPDX-License-Identifier: GPL-2.0
/*
 * Why engine and socket may differ: closed lists.
 */
#include "witness.h"

#define BIT_OF(state)	(1 << (state))
#define ANY		((1 << FSM_STATES) - 1)

/*
 * The closed list: what each cause may explain, the engine's state by the
 * socket's. Everything else is a correction. Documentation/fsm.rst repeats it.
 */
static const struct {
	const char *name;
	u16 engine;
	u16 socket;
} causes[CAUSES] = {
	[SILENT_UNSENT_FIN] = {
		"unsent_fin",
		BIT_OF(FSM_ESTABLISHED) | BIT_OF(FSM_CLOSE_WAIT) | BIT_OF(FSM_SYN_RECV),
		BIT_OF(FSM_FIN_WAIT1) | BIT_OF(FSM_LAST_ACK),
	},
	[SILENT_CLOSED] = {
		"closed",
		ANY & ~(BIT_OF(FSM_ESTABLISHED) | BIT_OF(FSM_CLOSE_WAIT) | BIT_OF(FSM_TIME_WAIT)),
		BIT_OF(FSM_CLOSE),
	},
	[SILENT_TIMED_OUT] = { "timed_out", ANY, BIT_OF(FSM_CLOSE) },
	[SILENT_UNREACHABLE] = {
		"unreachable",
		BIT_OF(FSM_SYN_SENT) | BIT_OF(FSM_SYN_RECV),
		BIT_OF(FSM_CLOSE),
	},
	[SILENT_ABORTED] = { "aborted", ANY, BIT_OF(FSM_CLOSE) },
	[SILENT_RESET] = { "reset", ANY, BIT_OF(FSM_CLOSE) },
	[SILENT_REPAIRED] = { "repaired", ANY, ANY },
	[SILENT_NO_TIMEWAIT] = {
		"no_timewait",
		BIT_OF(FSM_TIME_WAIT) | BIT_OF(FSM_FIN_WAIT2),
		BIT_OF(FSM_CLOSE),
	},
	[SILENT_REQUEST_EXPIRED] = {
		"request_expired",
		BIT_OF(FSM_SYN_RECV) | BIT_OF(FSM_ESTABLISHED) | BIT_OF(FSM_CLOSE_WAIT),
		BIT_OF(FSM_CLOSE),
	},
	[SILENT_TIMEWAIT_EXPIRED] = {
		"timewait_expired",
		BIT_OF(FSM_TIME_WAIT) | BIT_OF(FSM_FIN_WAIT2),
		BIT_OF(FSM_CLOSE),
	},
	[SILENT_SYN_DEFERRED] = { "syn_deferred", BIT_OF(FSM_CLOSE), BIT_OF(FSM_SYN_SENT) },
	[WITHHELD_OVERFLOW] = { "overflow", BIT_OF(FSM_ESTABLISHED) | BIT_OF(FSM_CLOSE_WAIT),
				BIT_OF(FSM_SYN_RECV) },
	[WITHHELD_DEFERRED] = { "deferred", BIT_OF(FSM_ESTABLISHED), BIT_OF(FSM_SYN_RECV) },
	[WITHHELD_FILTER] = { "filter", ANY, ANY },
	[WITHHELD_SIGNATURE] = { "signature", ANY, ANY },
	[WITHHELD_MINTTL] = { "min_ttl", ANY, ANY },
	[WITHHELD_NO_ROOM] = { "no_room", ANY, ANY },
	[WITHHELD_BACKLOG] = { "backlog", ANY, ANY },
};

/**
 * witness_cause_name - a cause's name as it is printed
 * @cause: the cause
 *
 * Return: a constant string, or NULL for %CAUSE_NONE.
 */
const char *witness_cause_name(enum witness_cause cause)
{
	return causes[cause].name;
}

/**
 * witness_cause_explains - may a cause explain this difference?
 * @cause: the cause
 * @engine: the state that the engine has
 * @socket: the state that the socket has
 */
bool witness_cause_explains(enum witness_cause cause, u8 engine, u8 socket)
{
	return cause != CAUSE_NONE && causes[cause].engine & BIT_OF(engine) &&
	       causes[cause].socket & BIT_OF(socket);
}
