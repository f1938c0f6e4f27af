/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Look-ups of established sockets in a namespace's own table. Up to 6.17 the
 * kernel's functions take the table as an argument, later they find it.
 */
#ifndef TCPSTATE_COMPAT_LOOKUP_H
#define TCPSTATE_COMPAT_LOOKUP_H

#include <linux/version.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/net_namespace.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define TCPSTATE_TABLE_OF(net)	(net)->ipv4.tcp_death_row.hashinfo,
#else
#define TCPSTATE_TABLE_OF(net)
#endif

static inline struct sock *
tcpstate_lookup_ipv4(struct net *net, __be32 saddr, __be16 sport, __be32 daddr, u16 hnum, int dif)
{
	return __inet_lookup_established(net, TCPSTATE_TABLE_OF(net) saddr, sport, daddr, hnum,
					 dif, 0);
}

#if IS_ENABLED(CONFIG_IPV6)
static inline struct sock *
tcpstate_lookup_ipv6(struct net *net, const struct in6_addr *saddr, __be16 sport,
		     const struct in6_addr *daddr, u16 hnum, int dif)
{
	return __inet6_lookup_established(net, TCPSTATE_TABLE_OF(net) saddr, sport, daddr, hnum,
					  dif, 0);
}
#endif

#undef TCPSTATE_TABLE_OF

#endif
