// SPDX-License-Identifier: GPL-2.0
/*
 * What a flow is worth to a full table, for every two states, and which of two goes.
 */
#include "evict.h"
#include "tap.h"

/*
 * A row and a column for each state, in the kernel's order: c closed, h half-open, t TIME_WAIT,
 * f closing, . to be kept. The second table: one side alone was heard.
 */
static const char *const worths[2][FSM_STATES] = {
	{
		[FSM_ESTABLISHED]	= ".hhfftcffff",
		[FSM_SYN_SENT]		= "hhhhhhhhhhh",
		[FSM_SYN_RECV]		= "hhhhhhhhhhh",
		[FSM_FIN_WAIT1]		= "fhhfftcffff",
		[FSM_FIN_WAIT2]		= "fhhfftcffff",
		[FSM_TIME_WAIT]		= "thhtttttttt",
		[FSM_CLOSE]		= "chhcctccccc",
		[FSM_CLOSE_WAIT]	= "fhhfftcffff",
		[FSM_LAST_ACK]		= "fhhfftcffff",
		[FSM_LISTEN]		= "fhhfftcffff",
		[FSM_CLOSING]		= "fhhfftcffff",
	}, {
		[FSM_ESTABLISHED]	= "hhhhhhchhhh",
		[FSM_SYN_SENT]		= "hhhhhhhhhhh",
		[FSM_SYN_RECV]		= "hhhhhhhhhhh",
		[FSM_FIN_WAIT1]		= "hhhhhhchhhh",
		[FSM_FIN_WAIT2]		= "hhhhhhchhhh",
		[FSM_TIME_WAIT]		= "hhhhhhhhhhh",
		[FSM_CLOSE]		= "chhcchccccc",
		[FSM_CLOSE_WAIT]	= "hhhhhhchhhh",
		[FSM_LAST_ACK]		= "hhhhhhchhhh",
		[FSM_LISTEN]		= "hhhhhhchhhh",
		[FSM_CLOSING]		= "hhhhhhchhhh",
	},
};

static bool is_worth(unsigned int a, bool one_sided)
{
	static const char letters[] = {
		[WORTH_CLOSED] = 'c',
		[WORTH_HALF_OPEN] = 'h',
		[WORTH_TIME_WAIT] = 't',
		[WORTH_CLOSING] = 'f',
		[WORTH_KEEPING] = '.',
	};

	for (unsigned int b = FSM_ESTABLISHED; b < FSM_STATES; b++) {
		char is = letters[evict_worth(a, b, one_sided)];

		if (is == worths[one_sided][a][b - 1])
			continue;
		printf("# with %s: %c\n", fsm_name(b), is);
		return false;
	}
	return true;
}

#define SILENCES	4

static const __u32 silences[SILENCES] = { 0, 1, 1000, ~0u };

#define FLOWS		((WORTH_KEEPING + 1) * SILENCES)

/* Of flow @i and flow @j, in an order in which the first ones go first: is it @i? */
static bool goes(unsigned int i, unsigned int j)
{
	return evict_rather(i / SILENCES, silences[SILENCES - 1 - i % SILENCES],
			    j / SILENCES, silences[SILENCES - 1 - j % SILENCES]);
}

static bool is_ordered(void)
{
	for (unsigned int i = 0; i < FLOWS; i++) {
		for (unsigned int j = 0; j < FLOWS; j++) {
			bool first = i < j;

			if (goes(i, j) != first)
				return false;
		}
	}
	return true;
}

/* That is where a search begins. */
static bool is_kept(void)
{
	for (unsigned int i = 0; i < SILENCES; i++)
		if (evict_rather(WORTH_KEEPING, silences[i], WORTH_KEEPING, ~0u))
			return false;
	return true;
}

int main(void)
{
	tap_plan(2 * (FSM_STATES - 1) + 2);
	for (unsigned int a = FSM_ESTABLISHED; a < FSM_STATES; a++) {
		tap_result(is_worth(a, false), "%s with every state", fsm_name(a));
		tap_result(is_worth(a, true), "%s with every state, one side heard", fsm_name(a));
	}
	tap_result(is_ordered(), "the least worthy goes, then the one that was silent for longest");
	tap_result(is_kept(), "what is to be kept never goes");
	return tap_exit();
}
