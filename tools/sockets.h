/* SPDX-License-Identifier: GPL-2.0 */
/* The TCP sockets of the namespace, as sock_diag lists them. */
#ifndef TCPSTATE_SOCKETS_H
#define TCPSTATE_SOCKETS_H

#include <stdbool.h>

#include "socket.h"

/*
 * Calls `each` for every socket that listens or has a connection, with its scope as the module has
 * it; exits with one line where the kernel does not answer. Returns false where the list changed so
 * much meanwhile that it is to be asked again.
 */
bool sockets_list(void (*each)(void *data, const struct socket *socket), void *data);

#endif
