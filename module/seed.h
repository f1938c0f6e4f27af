/* SPDX-License-Identifier: GPL-2.0 */
/* Flows of connections that are older than what the module knows. */
#ifndef TCPSTATE_SEED_H
#define TCPSTATE_SEED_H

#include <linux/list.h>

void seed(struct list_head *nets);

#endif
