// SPDX-License-Identifier: GPL-2.0
/*
 * Segments as Linux sends them, with its options and right checksums, written into a buffer that is
 * used again and again.
 */
#include <linux/etherdevice.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <net/checksum.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/tcp.h>

#include "bench.h"

#define CLIENTS		50000	/* addresses of initiators; more flows differ by port */
#define SERVERS		8
#define PAYLOAD_MAX	1448

static const union nf_inet_addr client_net = { .all = { htonl(0xfd000001) } };
static const union nf_inet_addr server_net = { .all = { htonl(0xfd000002) } };

/**
 * segment_prepare - make an empty buffer one that came in
 * @skb: the buffer, with room for a segment
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 */
void segment_prepare(struct sk_buff *skb, u8 family)
{
	skb->dev = device_in();
	skb->protocol = htons(family == NFPROTO_IPV4 ? ETH_P_IP : ETH_P_IPV6);
	skb->pkt_type = PACKET_HOST;
	skb_reset_mac_header(skb);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, family == NFPROTO_IPV4 ? sizeof(struct iphdr) :
						 sizeof(struct ipv6hdr));
}

/**
 * segment_buffer - a buffer for segments
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 *
 * Return: NULL without memory.
 */
struct sk_buff *segment_buffer(u8 family)
{
	struct sk_buff *skb = alloc_skb(MAX_TCP_HEADER + PAYLOAD_MAX, GFP_KERNEL);

	if (!skb)
		return NULL;
	memset(skb->data, 0, MAX_TCP_HEADER + PAYLOAD_MAX);
	skb_reserve(skb, LL_MAX_HEADER);
	segment_prepare(skb, family);
	return skb;
}

static void *write_ipv4(struct sk_buff *skb, const struct segment *s, __be32 client,
			__be32 server, unsigned int len, __wsum *pseudo)
{
	struct iphdr *ip = ip_hdr(skb);

	*ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_TCP,
		.frag_off = htons(IP_DF),
		.tot_len = htons(sizeof(*ip) + len),
		.saddr = s->reply ? server : client,
		.daddr = s->reply ? client : server,
	};
	ip_send_check(ip);
	*pseudo = csum_tcpudp_nofold(ip->saddr, ip->daddr, len, IPPROTO_TCP, 0);
	return ip + 1;
}

static void *write_ipv6(struct sk_buff *skb, const struct segment *s, __be32 client,
			__be32 server, unsigned int len, __wsum *pseudo)
{
	struct in6_addr c = client_net.in6, v = server_net.in6;
	struct ipv6hdr *ip = ipv6_hdr(skb);

	c.s6_addr32[3] = client;
	v.s6_addr32[3] = server;
	*ip = (struct ipv6hdr){
		.version = 6,
		.hop_limit = 64,
		.nexthdr = IPPROTO_TCP,
		.payload_len = htons(len),
		.saddr = s->reply ? v : c,
		.daddr = s->reply ? c : v,
	};
	*pseudo = ~csum_unfold(csum_ipv6_magic(&ip->saddr, &ip->daddr, len, IPPROTO_TCP, 0));
	return ip + 1;
}

/* Return: where the options end. */
static __be32 *write_options(__be32 *option, const struct segment *s)
{
	if (s->flags & TCP_FLAG_SYN) {
		*option++ = htonl(TCPOPT_MSS << 24 | TCPOLEN_MSS << 16 | PAYLOAD_MAX);
		*option++ = htonl(TCPOPT_SACK_PERM << 24 | TCPOLEN_SACK_PERM << 16 |
				  TCPOPT_TIMESTAMP << 8 | TCPOLEN_TIMESTAMP);
	} else {
		*option++ = htonl(TCPOPT_NOP << 24 | TCPOPT_NOP << 16 |
				  TCPOPT_TIMESTAMP << 8 | TCPOLEN_TIMESTAMP);
	}
	*option++ = htonl(s->stamp);
	*option++ = htonl(s->echo);
	if (s->flags & TCP_FLAG_SYN)
		*option++ = htonl(TCPOPT_NOP << 24 | TCPOPT_WINDOW << 16 |
				  TCPOLEN_WINDOW << 8 | 7);
	return option;
}

/**
 * segment_write - make a buffer one segment, as it would come from a network card
 * @skb: from segment_buffer()
 * @family: as there
 * @s: the segment
 *
 * The checksum is right, and the card has verified it. To have it verified by
 * software, the caller changes ip_summed.
 */
void segment_write(struct sk_buff *skb, u8 family, const struct segment *s)
{
	__be32 client = htonl(0x0a000000 + s->flow % CLIENTS);
	__be32 server = htonl(0xc0a80001 + s->flow % SERVERS);
	__be16 port = htons(32768 + s->flow / CLIENTS), service = htons(443);
	unsigned int header = s->flags & TCP_FLAG_SYN ? 40 : 32;
	unsigned int len = header + s->len;
	struct tcphdr *th;
	__wsum pseudo;

	if (family == NFPROTO_IPV4)
		th = write_ipv4(skb, s, client, server, len, &pseudo);
	else
		th = write_ipv6(skb, s, client, server, len, &pseudo);
	skb->len = skb_transport_offset(skb) + len;
	skb_set_tail_pointer(skb, skb->len);

	th->source = s->reply ? service : port;
	th->dest = s->reply ? port : service;
	th->seq = htonl(s->seq);
	th->ack_seq = htonl(s->ack);
	tcp_flag_word(th) = s->flags | htonl(header / 4 << 28 | 0xff00);
	th->check = 0;
	th->urg_ptr = 0;
	write_options((__be32 *)(th + 1), s);
	th->check = csum_fold(csum_partial(th, len, pseudo));
	skb->ip_summed = CHECKSUM_UNNECESSARY;
}
