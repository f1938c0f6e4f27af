/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One TCP segment, as the state engine sees it.
 *
 * Pure: the same file is in the module, in the reader, in the unit tests and
 * in the fuzzers. It knows bytes and numbers, no packet buffers.
 */
#ifndef TCPSTATE_SEGMENT_H
#define TCPSTATE_SEGMENT_H

#include <linux/types.h>
#ifndef __KERNEL__
#include <stdbool.h>
#endif

/* Control bits, as on the wire (RFC 9293, 3.1). */
#define SEGMENT_FIN	0x01
#define SEGMENT_SYN	0x02
#define SEGMENT_RST	0x04
#define SEGMENT_PSH	0x08
#define SEGMENT_ACK	0x10
#define SEGMENT_URG	0x20

/* Options that were found, well-formed. */
#define SEGMENT_HAS_WSCALE	0x01
#define SEGMENT_HAS_TS		0x02
#define SEGMENT_HAS_SACK	0x04
#define SEGMENT_HAS_MD5		0x08

#define SEGMENT_HEADER_MIN	20
#define SEGMENT_HEADER_MAX	60
#define SEGMENT_WSCALE_MAX	14
#define SEGMENT_FLAGS_OFFSET	13	/* of the control bits in a header */

/**
 * struct segment - one parsed TCP segment
 * @seq: sequence number of the first octet; a SYN is the first octet
 * @end: sequence number after the last octet, SYN and FIN counted
 * @ack: acknowledgment number; means nothing without %SEGMENT_ACK
 * @len: octets of payload
 * @tsval: TSval (RFC 7323), with %SEGMENT_HAS_TS
 * @tsecr: TSecr, with %SEGMENT_HAS_TS
 * @sack: right edge of the rightmost SACK block (RFC 2018), with %SEGMENT_HAS_SACK
 * @sport: source port, host order
 * @dport: destination port, host order
 * @window: window field, not scaled
 * @flags: control bits, SEGMENT_FIN and so on; ECN bits are cut off
 * @options: SEGMENT_HAS_*
 * @wscale: window scale, at most %SEGMENT_WSCALE_MAX, with %SEGMENT_HAS_WSCALE
 */
struct segment {
	__u32 seq;
	__u32 end;
	__u32 ack;
	__u32 len;
	__u32 tsval;
	__u32 tsecr;
	__u32 sack;
	__u16 sport;
	__u16 dport;
	__u16 window;
	__u8 flags;
	__u8 options;
	__u8 wscale;
};

/**
 * enum segment_verdict - what became of the bytes
 * @SEGMENT_OK: parsed
 * @SEGMENT_TRUNCATED: fewer bytes than the header says
 * @SEGMENT_BAD_OFFSET: data offset below 5, or beyond the segment
 * @SEGMENT_BAD_FLAGS: none of SYN, ACK, RST: no socket acts on it
 */
enum segment_verdict {
	SEGMENT_OK,
	SEGMENT_TRUNCATED,
	SEGMENT_BAD_OFFSET,
	SEGMENT_BAD_FLAGS,
};

enum segment_verdict segment_parse(struct segment *s, const __u8 *bytes,
				   __u32 linear, __u32 total);

#endif
