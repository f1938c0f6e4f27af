/* SPDX-License-Identifier: GPL-2.0 */
/* What the program at the kernel's end does with its socket. Nothing of it may fail the test. */
#ifndef HOSTILE_SOCKET_H
#define HOSTILE_SOCKET_H

#include "connection.h"

void socket_listen(struct connection *c);
void socket_connect(struct connection *c);
void socket_accept(struct connection *c);
void socket_write(struct connection *c);
void socket_read(struct connection *c);
void socket_shutdown(struct connection *c);
void socket_close(struct connection *c);
void socket_reset(struct connection *c);
void socket_disconnect(struct connection *c);
void socket_filter(struct connection *c);
void socket_min_ttl(struct connection *c, int ttl);
void socket_key(struct connection *c);
bool socket_act(struct connection *c, char letter);
void socket_act_randomly(struct connection *c);

#endif
