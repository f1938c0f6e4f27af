// SPDX-License-Identifier: GPL-2.0
/*
 * Connections that are met in the middle, or of which one direction passes
 * elsewhere. Nobody here is local: what passes is sent, then received.
 */
#include "tap.h"
#include "vector.h"

struct line {
	unsigned int from;
	uint8_t flags;
	uint32_t seq;
	uint32_t ack;
	uint32_t len;
	unsigned int a;
	unsigned int b;
};

struct story {
	const char *name;
	const char *section;
	bool taken;			/* the first segment is picked up */
	struct line line[8];
};

static const struct story stories[] = {
	{ "data and its ACK", "RFC 9293 3.8", true, {
		{ A, ACK, 1000, 5000, 100, ESTABLISHED, GUESS(ESTABLISHED) },
		{ B, ACK, 5000, 1100, 0, ESTABLISHED, GUESS(ESTABLISHED) },
		{ B, ACK, 5000, 1100, 10, ESTABLISHED, KNOWN(ESTABLISHED) } } },
	{ "a pure ACK", "RFC 9293 3.8", true, {
		{ B, ACK, 5000, 1000, 0, GUESS(ESTABLISHED), GUESS(ESTABLISHED) } } },
	{ "a FIN, and the whole of the close", "RFC 9293 3.6", true, {
		{ A, FIN_ACK, 1000, 5000, 0, FIN_WAIT1, GUESS(ESTABLISHED) },
		{ B, ACK, 5000, 1001, 0, GUESS(FIN_WAIT2), CLOSE_WAIT },
		{ B, FIN_ACK, 5000, 1001, 0, FIN_WAIT2, LAST_ACK },
		{ A, ACK, 1001, 5001, 0, TIME_WAIT, GUESS(CLOSE) } } },
	{ "windows wider than their field", "RFC 7323 2.3", true, {
		{ A, ACK, 1000, 5000, 10, ESTABLISHED, GUESS(ESTABLISHED) },
		{ B, ACK, 5000, 1010, 0, ESTABLISHED, GUESS(ESTABLISHED) },
		{ A, ACK, 10001010, 5000, 10, ESTABLISHED, GUESS(ESTABLISHED) },
		{ A, FIN_ACK, 10001020, 5000, 0, FIN_WAIT1, GUESS(ESTABLISHED) } } },
	{ "one direction alone, to its FIN", "RFC 9293 3.6", true, {
		{ A, ACK, 1000, 5000, 10, ESTABLISHED, GUESS(ESTABLISHED) },
		{ A, ACK, 1010, 900000, 0, ESTABLISHED, GUESS(ESTABLISHED) },
		{ A, FIN_ACK, 1010, 900000, 0, FIN_WAIT1, GUESS(ESTABLISHED) } } },
	{ "a RST ends what was picked up", "RFC 9293 3.5.2", true, {
		{ A, ACK, 1000, 5000, 10, ESTABLISHED, GUESS(ESTABLISHED) },
		{ B, RST, 5000, 0, 0, GUESS(CLOSE), CLOSE } } },
	{ "a RST at number 0 of an end that was not heard", "RFC 5961 3.2", true, {
		{ A, ACK, 1000, 5000, 10, ESTABLISHED, GUESS(ESTABLISHED) },
		{ B, RST, 0, 0, 0, ESTABLISHED, GUESS(ESTABLISHED) } } },
	{ "an ACK of what was not sent", "RFC 9293 3.10.7.4", true, {
		{ A, ACK, 1000, 5000, 10, ESTABLISHED, GUESS(ESTABLISHED) },
		{ B, ACK, 5000, 99999, 10, ESTABLISHED, GUESS(ESTABLISHED) },
		{ B, ACK, 5000, 1010, 10, ESTABLISHED, KNOWN(ESTABLISHED) } } },
	{ "a FIN below what its sender sent", "RFC 9293 3.10.7.4", true, {
		{ A, ACK, 1000, 5000, 10, ESTABLISHED, GUESS(ESTABLISHED) },
		{ A, FIN_ACK, 1000, 5000, 5, ESTABLISHED, GUESS(ESTABLISHED) } } },
	{ "a RST is no middle", "RFC 9293 3.5.2", false, {
		{ A, RST, 1000, 0, 0, CLOSE, CLOSE } } },
	{ "a RST with ACK is none", "RFC 9293 3.5.2", false, {
		{ A, RST_ACK, 1000, 5000, 0, CLOSE, CLOSE } } },
	{ "nor is a SYN-ACK", "RFC 9293 3.5", false, {
		{ B, SYN_ACK, 5000, 1001, 0, CLOSE, CLOSE } } },
	{ "nothing without ACK is", "RFC 9293 3.10.7.4", false, {
		{ A, FIN, 1000, 0, 0, CLOSE, CLOSE } } },
	{ "a SYN is the begin; its SYN-ACK passes elsewhere", "RFC 9293 3.5", false, {
		{ A, SYN, 1000, 0, 0, SYN_SENT, CLOSE },
		{ A, ACK, 1001, 5001, 0, KNOWN(ESTABLISHED), GUESS(ESTABLISHED) },
		{ A, ACK, 1001, 5001, 10, ESTABLISHED, GUESS(ESTABLISHED) },
		{ A, FIN_ACK, 1011, 9001, 0, FIN_WAIT1, GUESS(ESTABLISHED) } } },
	{ "a RST at number 0 of the end that answered elsewhere", "RFC 5961 3.2", false, {
		{ A, SYN, 1000, 0, 0, SYN_SENT, CLOSE },
		{ A, ACK, 1001, 5001, 0, ESTABLISHED, GUESS(ESTABLISHED) },
		{ B, RST, 0, 0, 0, ESTABLISHED, GUESS(ESTABLISHED) } } },
	{ "data answers it too, a RST at its number ends it", "RFC 9293 3.5", false, {
		{ A, SYN, 1000, 0, 0, SYN_SENT, CLOSE },
		{ A, ACK, 1001, 5001, 10, KNOWN(ESTABLISHED), KNOWN(SYN_RECV) },
		{ A, RST, 1001, 0, 0, CLOSE, GUESS(CLOSE) } } },
	{ "an end's first segment may be a repetition", "RFC 9293 3.8.1", true, {
		{ B, FIN_ACK, 5000, 1000, 0, GUESS(ESTABLISHED), FIN_WAIT1 },
		{ A, ACK, 1000, 5001, 10, CLOSE_WAIT, FIN_WAIT1 },
		{ B, ACK, 5001, 1010, 0, CLOSE_WAIT, GUESS(FIN_WAIT2) } } },
	{ "an ACK elsewhere in the space answers no SYN-ACK", "RFC 9293 3.10.7.3", false, {
		{ A, SYN, 1000, 0, 0, SYN_SENT, CLOSE },
		{ A, ACK, 1500, 5001, 0, SYN_SENT, CLOSE } } },
};

static bool is_as(const struct fsm_end *end, unsigned int want, const char *who,
		  const struct line *line, const struct story *story)
{
	bool inferred = end->flags & FSM_INFERRED;

	if (end->state == (want & WANT_STATE) && !(want & WANT_GUESS && !inferred) &&
	    !(want & WANT_KNOWN && inferred))
		return true;
	printf("# line %d: %s is %s%s\n", (int)(line - story->line) + 1, who,
	       fsm_name(end->state), inferred ? ", inferred" : "");
	return false;
}

/* Both ends begin in CLOSE. */
static bool begins(const struct fsm_result *r)
{
	return r->steps == 2 && r->step[0].from == FSM_CLOSE && r->step[1].from == FSM_CLOSE &&
	       r->step[0].end != r->step[1].end;
}

static bool tell(const struct story *story, uint32_t isn, unsigned int swap)
{
	const struct line *line;
	struct fsm_result r;
	struct fsm f;

	fsm_init(&f, false);
	for (line = story->line; line->flags; line++) {
		uint32_t shift = line->from == A ? isn : -isn;
		const struct segment s = {
			.flags = line->flags, .seq = line->seq + shift, .ack = line->ack - shift,
			.len = line->len, .window = 1000,
			.end = line->seq + shift + line->len +
			       !!(line->flags & (SYN | FIN)),
		};
		unsigned int from = line->from ^ swap;

		if (line == story->line &&
		    (fsm_pickup(&f, from, &s, &r) != story->taken ||
		     (story->taken && !begins(&r))))
			return false;
		fsm_sent(&f, from, &s, false, &r);
		fsm_received(&f, !from, &s, false, &r);
		if (!is_as(&f.end[swap], line->a, "A", line, story) ||
		    !is_as(&f.end[!swap], line->b, "B", line, story))
			return false;
	}
	return true;
}

/* B's numbers turn the other way, so that each end meets the turn alone. */
static bool tell_everywhere(const struct story *story)
{
	static const uint32_t isns[] = { 0, -1000u, -1001u, -1010u, 5000, 5001, 0x80000000 };

	for (unsigned int i = 0; i < sizeof(isns) / sizeof(isns[0]); i++)
		if (!tell(story, isns[i], 0) || !tell(story, isns[i], 1))
			return false;
	return true;
}

int main(void)
{
	const size_t count = sizeof(stories) / sizeof(stories[0]);

	tap_plan(count);
	for (size_t i = 0; i < count; i++)
		tap_result(tell_everywhere(&stories[i]), "%s (%s)", stories[i].name,
			   stories[i].section);
	return tap_exit();
}
