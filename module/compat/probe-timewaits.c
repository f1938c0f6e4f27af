// SPDX-License-Identifier: GPL-2.0
/* Compiles where a namespace's timewait sockets are counted by references (since 5.19). */
#include <net/net_namespace.h>

unsigned int probe_timewaits(const struct net *net);
unsigned int probe_timewaits(const struct net *net)
{
	return refcount_read(&net->ipv4.tcp_death_row.tw_refcount);
}
