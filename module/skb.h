/* SPDX-License-Identifier: GPL-2.0 */
/* From a packet buffer to a segment and its addresses. */
#ifndef TCPSTATE_SKB_H
#define TCPSTATE_SKB_H

#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include <net/ip.h>

#include "segment.h"

/**
 * struct packet - a TCP segment with its addresses
 * @s: the segment
 * @src: source address; IPv4 in the first word, the rest is undefined then
 * @dst: destination address, likewise
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
bool skb_checksum_ok(const struct sk_buff *skb, const struct packet *p);
bool skb_to_self(const struct sk_buff *skb, const struct packet *p);
u32 skb_scope(const struct sk_buff *skb, const struct packet *p, const struct net_device *dev,
	      const union nf_inet_addr *remote);

/**
 * skb_is_vouched_for - has the device or the sending socket to do with the checksum?
 * @skb: the packet
 *
 * Any context. Return: false where only skb_checksum_ok() tells whether it is right.
 */
static inline bool skb_is_vouched_for(const struct sk_buff *skb)
{
	return skb->ip_summed == CHECKSUM_UNNECESSARY || skb->ip_summed == CHECKSUM_PARTIAL;
}

/**
 * skb_is_plain - is it clear at once that a packet's segment has no SYN, FIN or RST?
 * @skb: the packet, as a netfilter hook gets it
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 *
 * Any context. Return: false where that takes a closer look.
 */
static inline bool skb_is_plain(const struct sk_buff *skb, u8 family)
{
	const u8 *at = skb_network_header(skb);
	unsigned int linear = skb_headlen(skb) - skb_network_offset(skb);
	const struct iphdr *ip = (const struct iphdr *)at;
	unsigned int start = sizeof(struct ipv6hdr);

	if (unlikely(linear < sizeof(struct ipv6hdr)))
		return false;
	if (family == NFPROTO_IPV4) {
		start = ip->ihl * 4;
		if (ip->protocol != IPPROTO_TCP || ip_is_fragment(ip))
			return false;
	} else if (((const struct ipv6hdr *)at)->nexthdr != IPPROTO_TCP) {
		return false;
	}
	return linear >= start + SEGMENT_HEADER_MIN &&
	       !(at[start + SEGMENT_FLAGS_OFFSET] & (SEGMENT_SYN | SEGMENT_FIN | SEGMENT_RST));
}

#endif
