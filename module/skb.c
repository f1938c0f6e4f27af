// SPDX-License-Identifier: GPL-2.0
/*
 * The only reader of packet buffers. It reads, nothing else: no pull, no
 * write, no mark. Lengths come from the buffer, not from the IP header, which
 * is 0 for packets beyond 64 KiB.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/checksum.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ip6_fib.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include <net/route.h>

#include "skb.h"

/* Return: where the TCP header begins, or a negative number. */
static int read_ipv4(const struct sk_buff *skb, struct packet *p)
{
	int start = skb_network_offset(skb);
	struct iphdr buffer __uninitialized;
	const struct iphdr *ip;

	ip = skb_header_pointer(skb, start, sizeof(buffer), &buffer);
	if (!ip || ip->protocol != IPPROTO_TCP || ip->ihl < 5 || ip_is_fragment(ip))
		return -1;
	p->src.ip = ip->saddr;
	p->dst.ip = ip->daddr;
	return start + ip->ihl * 4;
}

static int read_ipv6(const struct sk_buff *skb, struct packet *p)
{
	int start = skb_network_offset(skb);
	const struct ipv6hdr *ip;
	unsigned int offset = 0;
	struct ipv6hdr buffer __uninitialized;
	unsigned short frag;
	int flags = 0;

	ip = skb_header_pointer(skb, start, sizeof(buffer), &buffer);
	if (!ip)
		return -1;
	p->src.in6 = ip->saddr;
	p->dst.in6 = ip->daddr;
	if (ip->nexthdr == IPPROTO_TCP)
		return start + sizeof(buffer);
	if (ipv6_find_hdr(skb, &offset, IPPROTO_TCP, &frag, &flags) < 0 ||
	    flags & IP6_FH_F_FRAG)
		return -1;
	return offset;
}

/**
 * skb_read - find the segment in a packet
 * @skb: the packet, as a netfilter hook gets it
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @p: filled on %PACKET_OK
 *
 * Any context. The checksum is another matter: skb_checksum_ok().
 */
enum packet_verdict skb_read(const struct sk_buff *skb, u8 family, struct packet *p)
{
	u8 buffer[SEGMENT_HEADER_MAX] __uninitialized;
	unsigned int total, linear;
	const u8 *bytes;
	int offset;

	p->family = family;
	offset = family == NFPROTO_IPV4 ? read_ipv4(skb, p) : read_ipv6(skb, p);
	if (offset < 0)
		return PACKET_OTHER;
	if (offset > skb->len)
		return PACKET_MALFORMED;

	p->offset = offset;
	total = skb->len - offset;
	linear = min_t(unsigned int, total, sizeof(buffer));
	bytes = skb_header_pointer(skb, offset, linear, buffer);
	if (!bytes || segment_parse(&p->s, bytes, linear, total) != SEGMENT_OK)
		return PACKET_MALFORMED;
	return PACKET_OK;
}

/**
 * skb_checksum_ok - is the TCP checksum right?
 * @skb: the packet
 * @p: from skb_read()
 *
 * Leaves the buffer as it is, unlike nf_checksum(). Reads the whole payload, unless the device
 * summed it up.
 */
bool skb_checksum_ok(const struct sk_buff *skb, const struct packet *p)
{
	unsigned int len = skb->len - p->offset;
	__wsum sum, before;

	if (p->family == NFPROTO_IPV4)
		sum = csum_tcpudp_nofold(p->src.ip, p->dst.ip, len, IPPROTO_TCP, 0);
	else
		sum = ~csum_unfold(csum_ipv6_magic(&p->src.in6, &p->dst.in6, len, IPPROTO_TCP, 0));
	if (skb->ip_summed == CHECKSUM_COMPLETE) {
		before = skb_checksum(skb, 0, p->offset, 0);
		if (!csum_fold(csum_add(sum, csum_sub(skb->csum, before))))
			return true;
	}
	return !csum_fold(skb_checksum(skb, p->offset, len, sum));
}

/**
 * skb_to_self - does a packet that leaves go to an address of this host?
 * @skb: the packet, routed
 * @p: from skb_read()
 *
 * Under RCU.
 */
bool skb_to_self(const struct sk_buff *skb, const struct packet *p)
{
	if (!skb_dst(skb))
		return false;
	if (p->family == NFPROTO_IPV4)
		return skb_rtable(skb)->rt_flags & RTCF_LOCAL;
	return ((struct rt6_info *)skb_dst(skb))->rt6i_flags & RTF_LOCAL;
}

/**
 * skb_scope - the interface scope of a packet that no socket speaks for
 * @skb: the packet
 * @p: from skb_read()
 * @dev: the device it came in by, or leaves by
 * @remote: the address that is not of this host
 *
 * As the kernel binds a socket that it accepts: to the interface of a peer
 * with a link-local address, else to the VRF. Under RCU.
 *
 * Return: an interface index, 0 for addresses that are valid everywhere.
 */
u32 skb_scope(const struct sk_buff *skb, const struct packet *p, const struct net_device *dev,
	      const union nf_inet_addr *remote)
{
	if (p->family == NFPROTO_IPV6 && ipv6_addr_type(&remote->in6) & IPV6_ADDR_LINKLOCAL)
		return remote == &p->src ? IP6CB(skb)->iif : dev->ifindex;
	return l3mdev_master_ifindex_rcu(dev);
}
