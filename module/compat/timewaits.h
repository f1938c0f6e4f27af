/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How many timewait sockets a namespace has. Since 5.19 the kernel counts references, one
 * being the namespace's own: Kbuild tries, and defines TIMEWAITS_ARE_REFERENCES.
 */
#ifndef TCPSTATE_COMPAT_TIMEWAITS_H
#define TCPSTATE_COMPAT_TIMEWAITS_H

#include <net/net_namespace.h>

static inline int tcpstate_timewaits(const struct net *net)
{
#ifdef TIMEWAITS_ARE_REFERENCES
	return (int)refcount_read(&net->ipv4.tcp_death_row.tw_refcount) - 1;
#else
	return atomic_read(&net->ipv4.tcp_death_row.tw_count);
#endif
}

#endif
