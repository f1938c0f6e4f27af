// SPDX-License-Identifier: GPL-2.0
/*
 * From bytes to a segment: RFC 9293 3.1 and 3.2, RFC 7323, RFC 2018.
 */
#include <stdint.h>
#include <string.h>

#include "segment.h"
#include "tap.h"

enum {
	FIN = SEGMENT_FIN,
	SYN = SEGMENT_SYN,
	RST = SEGMENT_RST,
	PSH = SEGMENT_PSH,
	ACK = SEGMENT_ACK,
	URG = SEGMENT_URG,
	TS = SEGMENT_HAS_TS,
	WSCALE = SEGMENT_HAS_WSCALE,
	SACK = SEGMENT_HAS_SACK,
	MD5 = SEGMENT_HAS_MD5,
};

/**
 * struct header - one test: what is in the bytes, and what is to be found
 * @name: what it shows
 * @section: where it is written
 * @option: bytes from the 20th on
 * @seq: sequence number
 * @payload: octets after the options
 * @linear: readable bytes, if less than all
 * @total: header and payload, if not what the above makes
 * @verdict: expected
 * @end: expected end of the sequence space, from @seq
 * @len: expected payload
 * @tsval: expected
 * @tsecr: expected
 * @sack: expected
 * @flags: control bits, ECN bits too
 * @size: of @option; the data offset says so too
 * @offset: data offset in words, if it is another
 * @found: expected options
 * @wscale: expected
 */
struct header {
	const char *name;
	const char *section;
	const char *option;
	uint32_t seq;
	uint32_t payload;
	uint32_t linear;
	uint32_t total;
	enum segment_verdict verdict;
	uint32_t end;
	uint32_t len;
	uint32_t tsval;
	uint32_t tsecr;
	uint32_t sack;
	uint8_t flags;
	uint8_t size;
	uint8_t offset;
	uint8_t found;
	uint8_t wscale;
};

#define OPTION(bytes)	.option = (bytes), .size = sizeof(bytes) - 1

static const struct header headers[] = {
	{ "a bare ACK", "RFC 9293 3.1", .flags = ACK },
	{ "a SYN takes a sequence number", "RFC 9293 3.4", .flags = SYN, .end = 1 },
	{ "a FIN takes a sequence number", "RFC 9293 3.4", .flags = FIN | ACK, .end = 1 },
	{ "a SYN and a FIN take two", "RFC 9293 3.4", .flags = SYN | FIN | ACK, .end = 2 },
	{ "a RST takes none", "RFC 9293 3.4", .flags = RST | ACK },
	{ "payload and FIN", "RFC 9293 3.4", .flags = FIN | ACK, .payload = 10, .end = 11,
	  .len = 10 },
	{ "the end wraps at 2^32", "RFC 9293 3.4", .flags = FIN | ACK, .seq = 0xfffffffa,
	  .payload = 10, .end = 11, .len = 10 },
	{ "a segment larger than 64 KiB", "GSO, BIG TCP", .flags = ACK, .total = 500020,
	  .end = 500000, .len = 500000 },
	{ "ECN bits are cut off", "RFC 3168 6.1", .flags = ACK | 0xc0 },
	{ "all control bits", "RFC 9293 3.1", .flags = FIN | SYN | RST | PSH | ACK | URG,
	  .end = 2 },

	{ "19 bytes", "RFC 9293 3.1", .flags = ACK, .linear = 19, .total = 19,
	  .verdict = SEGMENT_TRUNCATED },
	{ "19 readable bytes", "RFC 9293 3.1", .flags = ACK, .linear = 19,
	  .verdict = SEGMENT_TRUNCATED },
	{ "20 readable bytes of 19", "RFC 9293 3.1", .flags = ACK, .total = 19,
	  .verdict = SEGMENT_TRUNCATED },
	{ "data offset 4", "tcp_v4_rcv", .flags = ACK, .offset = 4,
	  .verdict = SEGMENT_BAD_OFFSET },
	{ "data offset beyond the segment", "tcp_v4_rcv", .flags = ACK, .offset = 6,
	  .verdict = SEGMENT_BAD_OFFSET },
	{ "data offset beyond the readable bytes", "tcp_v4_rcv", .flags = ACK, .offset = 15,
	  .payload = 100, .linear = 59, .verdict = SEGMENT_TRUNCATED },
	{ "data offset up to the last readable byte", "tcp_v4_rcv", .flags = ACK, .offset = 15,
	  .payload = 100, .linear = 60, .end = 60, .len = 60 },
	{ "a null segment", "tcp_rcv_state_process", .flags = 0, .verdict = SEGMENT_BAD_FLAGS },
	{ "a FIN alone", "tcp_rcv_state_process", .flags = FIN, .verdict = SEGMENT_BAD_FLAGS },
	{ "FIN, PSH and URG", "tcp_rcv_state_process", .flags = FIN | PSH | URG,
	  .verdict = SEGMENT_BAD_FLAGS },

	{ "a window scale", "RFC 7323 2.2", .flags = SYN, OPTION("\3\3\7\0"), .found = WSCALE,
	  .wscale = 7, .end = 1 },
	{ "window scale 14", "RFC 7323 2.3", .flags = SYN, OPTION("\3\3\16\0"), .found = WSCALE,
	  .wscale = 14, .end = 1 },
	{ "window scale 15 counts as 14", "RFC 7323 2.3", .flags = SYN | ACK,
	  OPTION("\3\3\17\0"), .found = WSCALE, .wscale = 14, .end = 1 },
	{ "window scale 255 counts as 14", "RFC 7323 2.3", .flags = SYN, OPTION("\3\3\377\0"),
	  .found = WSCALE, .wscale = 14, .end = 1 },
	{ "a window scale without SYN is nothing", "RFC 7323 2.2", .flags = ACK,
	  OPTION("\3\3\7\0") },
	{ "a window scale of four bytes is nothing", "tcp_parse_options", .flags = SYN,
	  OPTION("\3\4\7\0"), .end = 1 },
	{ "a timestamp", "RFC 7323 3.2", .flags = ACK,
	  OPTION("\1\1\10\12\1\2\3\4\5\6\7\10"), .found = TS, .tsval = 0x01020304,
	  .tsecr = 0x05060708 },
	{ "a timestamp of nine bytes is nothing", "tcp_parse_options", .flags = ACK,
	  OPTION("\10\11\1\2\3\4\5\6\7\1\1\1") },
	{ "the last of two timestamps", "tcp_parse_options", .flags = ACK,
	  OPTION("\10\12\0\0\0\1\0\0\0\2\10\12\0\0\0\3\0\0\0\4"), .found = TS, .tsval = 3,
	  .tsecr = 4 },
	{ "a SACK block", "RFC 2018 3", .flags = ACK, OPTION("\1\1\5\12\0\0\0\1\0\0\0\2"),
	  .found = SACK, .sack = 2 },
	{ "the rightmost SACK block, not the first", "RFC 5961 3.2", .flags = ACK,
	  OPTION("\1\1\5\22\0\0\0\1\0\0\0\2\0\0\0\5\0\0\0\11"), .found = SACK, .sack = 9 },
	{ "the rightmost SACK block, not the last", "RFC 5961 3.2", .flags = ACK,
	  OPTION("\1\1\5\22\0\0\0\5\0\0\0\11\0\0\0\1\0\0\0\2"), .found = SACK, .sack = 9 },
	{ "the rightmost SACK block beyond 2^32", "RFC 9293 3.4", .flags = ACK,
	  OPTION("\1\1\5\22\0\0\0\5\0\0\0\11\377\377\377\0\377\377\377\360"), .found = SACK,
	  .sack = 9 },
	{ "a SACK without blocks is nothing", "tcp_parse_options", .flags = ACK,
	  OPTION("\5\2\1\1") },
	{ "a SACK with a broken block is nothing", "tcp_parse_options", .flags = ACK,
	  OPTION("\5\13\0\0\0\1\0\0\0\2\0\1") },
	{ "an MD5 signature", "RFC 2385 3.0", .flags = ACK, .found = MD5,
	  OPTION("\1\1\23\22\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20") },
	{ "an MD5 signature of 15 bytes", "tcp_parse_md5sig_option", .flags = ACK,
	  OPTION("\1\1\1\23\21\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17") },

	{ "the end of options ends them", "RFC 9293 3.2", .flags = SYN,
	  OPTION("\1\0\3\3\7\0\0\0"), .end = 1 },
	{ "an unknown option is skipped", "RFC 9293 3.2", .flags = SYN,
	  OPTION("\376\4\0\0\3\3\7\0"), .found = WSCALE, .wscale = 7, .end = 1 },
	{ "an option of length 0 ends them", "tcp_parse_options", .flags = SYN,
	  OPTION("\376\0\3\3\7\0\0\0"), .end = 1 },
	{ "an option of length 1 ends them", "tcp_parse_options", .flags = SYN,
	  OPTION("\376\1\3\3\7\0\0\0"), .end = 1 },
	{ "an option beyond the header ends them", "tcp_parse_options", .flags = SYN,
	  OPTION("\376\11\3\3\7\0\0\0"), .payload = 100, .end = 101, .len = 100 },
	{ "a timestamp beyond the header is nothing", "tcp_parse_options", .flags = ACK,
	  OPTION("\1\1\10\12\1\2\3\4"), .payload = 100, .end = 100, .len = 100 },
	{ "a kind without a length ends them", "tcp_parse_options", .flags = SYN,
	  OPTION("\3\3\7\3"), .payload = 1, .found = WSCALE, .wscale = 7, .end = 2, .len = 1 },
	{ "what was found before a broken option counts", "tcp_parse_options", .flags = SYN,
	  OPTION("\3\3\7\376\0\0\0\0"), .found = WSCALE, .wscale = 7, .end = 1 },
	{ "40 bytes of options", "RFC 9293 3.1", .flags = SYN,
	  OPTION("\2\4\5\264\4\2\10\12\0\0\0\1\0\0\0\2\1\3\3\7\376\16------------\1\1\1\1\1\1"),
	  .found = WSCALE | TS, .wscale = 7, .tsval = 1, .tsecr = 2, .end = 1 },
};

static void put32(uint8_t *p, uint32_t value)
{
	p[0] = value >> 24;
	p[1] = value >> 16;
	p[2] = value >> 8;
	p[3] = value;
}

static bool parsed_as(const struct header *h)
{
	uint32_t all = SEGMENT_HEADER_MIN + h->size + h->payload;
	uint8_t bytes[256] = { 0x12, 0x34, 0x56, 0x78 };
	struct segment s;

	put32(bytes + 4, h->seq);
	put32(bytes + 8, 0x89abcdef);
	bytes[12] = (h->offset ? h->offset : (SEGMENT_HEADER_MIN + h->size) / 4) << 4;
	bytes[13] = h->flags;
	bytes[14] = 0xab;
	bytes[15] = 0xcd;
	if (h->size)
		memcpy(bytes + SEGMENT_HEADER_MIN, h->option, h->size);

	memset(&s, 0xa5, sizeof(s));
	if (segment_parse(&s, bytes, h->linear ? h->linear : all, h->total ? h->total : all) !=
	    h->verdict)
		return false;
	if (h->verdict != SEGMENT_OK)
		return true;
	return s.sport == 0x1234 && s.dport == 0x5678 && s.seq == h->seq &&
	       s.ack == 0x89abcdef && s.window == 0xabcd && s.flags == (h->flags & 0x3f) &&
	       s.end == h->seq + h->end && s.len == h->len && s.options == h->found &&
	       (!(h->found & WSCALE) || s.wscale == h->wscale) &&
	       (!(h->found & TS) || (s.tsval == h->tsval && s.tsecr == h->tsecr)) &&
	       (!(h->found & SACK) || s.sack == h->sack);
}

int main(void)
{
	size_t count = sizeof(headers) / sizeof(headers[0]);

	tap_plan(count);
	for (size_t i = 0; i < count; i++)
		tap_result(parsed_as(&headers[i]), "%s (%s)", headers[i].name, headers[i].section);
	return tap_exit();
}
