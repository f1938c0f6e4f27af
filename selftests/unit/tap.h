/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Test results in TAP.
 */
#ifndef TCPSTATE_TAP_H
#define TCPSTATE_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

static size_t tap_planned, tap_done, tap_failed;

static inline void tap_plan(size_t count)
{
	tap_planned = count;
	printf("TAP version 13\n1..%zu\n", count);
}

__attribute__((format(printf, 2, 3)))
static inline void tap_result(bool passed, const char *format, ...)
{
	va_list args;

	tap_failed += !passed;
	printf("%sok %zu - ", passed ? "" : "not ", ++tap_done);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

static inline int tap_exit(void)
{
	return tap_failed || tap_done != tap_planned;
}

#endif
