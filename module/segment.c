// SPDX-License-Identifier: GPL-2.0
/*
 * From bytes to a segment. Every byte is hostile.
 */
#include "segment.h"

#define OPT_END		0
#define OPT_NOP		1
#define OPT_WSCALE	3
#define OPT_SACK	5
#define OPT_TS		8
#define OPT_MD5		19

#define OPT_TS_ALIGNED	0x0101080a	/* NOP, NOP, kind and length of the timestamps */

#define OPT_WSCALE_LEN	3
#define OPT_TS_LEN	10
#define OPT_TS_ALIGNED_LEN	12
#define OPT_MD5_LEN	18
#define OPT_SACK_BASE	2
#define OPT_SACK_BLOCK	8

static __u16 get16(const __u8 *p)
{
	return (__u16)(p[0] << 8 | p[1]);
}

static __u32 get32(const __u8 *p)
{
	return (__u32)get16(p) << 16 | get16(p + 2);
}

static void parse_sack(struct segment *s, const __u8 *blocks, __u32 len)
{
	__u32 i;

	for (i = 0; i < len; i += OPT_SACK_BLOCK) {
		__u32 edge = get32(blocks + i + 4);

		if (!(s->options & SEGMENT_HAS_SACK) || (__s32)(edge - s->sack) > 0)
			s->sack = edge;
		s->options |= SEGMENT_HAS_SACK;
	}
}

/*
 * RFC 9293, 3.2: kind, length, value; END and NOP stand alone. A length that
 * is below two or beyond the header ends the walk, as in tcp_parse_options();
 * what was found before it counts.
 */
static void parse_options(struct segment *s, const __u8 *p, __u32 len)
{
	/* As nearly all segments carry it (RFC 7323, appendix A). */
	if (len == OPT_TS_ALIGNED_LEN && get32(p) == OPT_TS_ALIGNED) {
		s->tsval = get32(p + 4);
		s->tsecr = get32(p + 8);
		s->options |= SEGMENT_HAS_TS;
		return;
	}
	while (len) {
		__u8 kind = p[0];
		__u8 size;

		if (kind == OPT_END)
			return;
		if (kind == OPT_NOP) {
			p++;
			len--;
			continue;
		}
		if (len < 2)
			return;
		size = p[1];
		if (size < 2 || size > len)
			return;

		/* RFC 7323, 2.2: only in a SYN, and never beyond 14. */
		if (kind == OPT_WSCALE && size == OPT_WSCALE_LEN &&
		    (s->flags & SEGMENT_SYN)) {
			s->wscale = p[2] > SEGMENT_WSCALE_MAX ? SEGMENT_WSCALE_MAX : p[2];
			s->options |= SEGMENT_HAS_WSCALE;
		} else if (kind == OPT_TS && size == OPT_TS_LEN) {
			s->tsval = get32(p + 2);
			s->tsecr = get32(p + 6);
			s->options |= SEGMENT_HAS_TS;
		} else if (kind == OPT_SACK && size > OPT_SACK_BASE &&
			   (size - OPT_SACK_BASE) % OPT_SACK_BLOCK == 0) {
			parse_sack(s, p + OPT_SACK_BASE, size - OPT_SACK_BASE);
		} else if (kind == OPT_MD5 && size == OPT_MD5_LEN) {
			s->options |= SEGMENT_HAS_MD5;
		}
		p += size;
		len -= size;
	}
}

/**
 * segment_parse - read one TCP segment
 * @s: filled whole on %SEGMENT_OK, unspecified otherwise
 * @bytes: the TCP header, from the source port on
 * @linear: how many bytes may be read there
 * @total: TCP header and payload together, from the packet's real length;
 *	   may be larger than @linear and larger than 64 KiB (GSO)
 *
 * Reads at most min(@linear, 60) bytes. Pure, any context. The checksum is
 * not its business. Source: RFC 9293, 3.1; RFC 7323; RFC 2018.
 *
 * Return: a verdict; anything but %SEGMENT_OK is to be ignored and counted.
 */
enum segment_verdict segment_parse(struct segment *s, const __u8 *bytes,
				   __u32 linear, __u32 total)
{
	__u32 header;

	if (linear < SEGMENT_HEADER_MIN || total < SEGMENT_HEADER_MIN)
		return SEGMENT_TRUNCATED;
	header = (bytes[12] >> 4) * 4;
	if (header < SEGMENT_HEADER_MIN || header > total)
		return SEGMENT_BAD_OFFSET;
	if (header > linear)
		return SEGMENT_TRUNCATED;

	*s = (struct segment){
		.sport = get16(bytes),
		.dport = get16(bytes + 2),
		.seq = get32(bytes + 4),
		.ack = get32(bytes + 8),
		.flags = bytes[SEGMENT_FLAGS_OFFSET] & 0x3f,
		.window = get16(bytes + 14),
		.len = total - header,
	};
	if (!(s->flags & (SEGMENT_SYN | SEGMENT_ACK | SEGMENT_RST)))
		return SEGMENT_BAD_FLAGS;

	s->end = s->seq + s->len + !!(s->flags & SEGMENT_SYN) + !!(s->flags & SEGMENT_FIN);
	parse_options(s, bytes + SEGMENT_HEADER_MIN, header - SEGMENT_HEADER_MIN);
	return SEGMENT_OK;
}
