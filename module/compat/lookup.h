/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Look-ups of established sockets in a namespace's own table. Until 6.17 the
 * kernel's functions take the table as an argument, later they find it: Kbuild
 * tries, and defines LOOKUP_TAKES_TABLE.
 */
#ifndef TCPSTATE_COMPAT_LOOKUP_H
#define TCPSTATE_COMPAT_LOOKUP_H

#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/net_namespace.h>

static inline struct sock *
tcpstate_lookup_ipv4(struct net *net, __be32 saddr, __be16 sport, __be32 daddr, u16 hnum, int dif)
{
#ifdef LOOKUP_TAKES_TABLE
	return __inet_lookup_established(net, net->ipv4.tcp_death_row.hashinfo, saddr, sport,
					 daddr, hnum, dif, 0);
#else
	return __inet_lookup_established(net, saddr, sport, daddr, hnum, dif, 0);
#endif
}

#if IS_ENABLED(CONFIG_IPV6)
static inline struct sock *
tcpstate_lookup_ipv6(struct net *net, const struct in6_addr *saddr, __be16 sport,
		     const struct in6_addr *daddr, u16 hnum, int dif)
{
#ifdef LOOKUP_TAKES_TABLE
	return __inet6_lookup_established(net, net->ipv4.tcp_death_row.hashinfo, saddr, sport,
					  daddr, hnum, dif, 0);
#else
	return __inet6_lookup_established(net, saddr, sport, daddr, hnum, dif, 0);
#endif
}
#endif

#endif
