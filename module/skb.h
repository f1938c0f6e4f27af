/* SPDX-License-Identifier: GPL-2.0 */
/* From a packet buffer to a segment and its addresses. */
#ifndef TCPSTATE_SKB_H
#define TCPSTATE_SKB_H

#include <linux/netfilter.h>
#include <linux/skbuff.h>

#include "segment.h"

/**
 * struct packet - a TCP segment with its addresses
 * @s: the segment
 * @src: source address
 * @dst: destination address
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @offset: of the TCP header in the buffer
 */
struct packet {
	struct segment s;
	union nf_inet_addr src;
	union nf_inet_addr dst;
	u8 family;
	unsigned int offset;
};

/* What skb_read() found. */
enum packet_verdict {
	PACKET_OK,
	PACKET_OTHER,		/* not TCP, or a fragment: nothing to say */
	PACKET_MALFORMED,	/* TCP that no socket would accept */
};

enum packet_verdict skb_read(const struct sk_buff *skb, u8 family, struct packet *p);
bool skb_is_plain(const struct sk_buff *skb, u8 family);
bool skb_checksum_ok(const struct sk_buff *skb, const struct packet *p);
bool skb_to_self(const struct sk_buff *skb, const struct packet *p);
u32 skb_scope(const struct sk_buff *skb, const struct packet *p, const struct net_device *dev,
	      const union nf_inet_addr *remote);

#endif
