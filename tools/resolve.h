/* SPDX-License-Identifier: GPL-2.0 */
/* Names of addresses, as the system's resolver knows them. */
#ifndef TCPSTATE_RESOLVE_H
#define TCPSTATE_RESOLVE_H

#include <stdint.h>

#include "address.h"

/* The host's name, of letters, digits, '.', '-' and '_' alone; NULL: none. */
const char *resolve(const struct address *address, uint32_t scope);

#endif
