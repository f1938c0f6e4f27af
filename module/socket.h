/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel's sockets say. */
#ifndef TCPSTATE_SOCKET_H
#define TCPSTATE_SOCKET_H

#include <net/sock.h>

#include "flow.h"
#include "segment.h"
#include "witness.h"

enum flow_socket socket_owner(const struct net *net, const struct sock *sk,
			      const struct segment *s);
bool socket_is_control(const struct sock *sk);
u32 socket_scope(const struct sock *sk, u8 family, const union nf_inet_addr *remote);
bool socket_key(const struct sock *sk, struct flow_key *key, unsigned int *e);
void socket_news(const struct sock *sk, u8 state, struct witness_news *news);
bool socket_lookup(struct net *net, const struct flow_key *key, unsigned int e, int device,
		   struct witness_news *news);

#endif
