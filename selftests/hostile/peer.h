/* SPDX-License-Identifier: GPL-2.0 */
/* What an honest remote host sends. */
#ifndef HOSTILE_PEER_H
#define HOSTILE_PEER_H

#include "connection.h"

void peer_begin(struct connection *c);
void peer_resync(struct connection *c);
struct packet peer_segment(struct connection *c, uint8_t flags);
void peer_act(struct connection *c, char letter);
void peer_act_randomly(struct connection *c);

#endif
