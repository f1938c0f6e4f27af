/* SPDX-License-Identifier: GPL-2.0 */
/* The exit codes, as documented in tcpstate(8). */
#ifndef TCPSTATE_EXIT_H
#define TCPSTATE_EXIT_H

#define EXIT_FOUND	1
#define EXIT_USAGE	2
#define EXIT_COULD_NOT	3

#endif
