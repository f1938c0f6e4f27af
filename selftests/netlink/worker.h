/* SPDX-License-Identifier: GPL-2.0 */
/* One thread that sends messages, and what it has learned. */
#ifndef NETLINK_WORKER_H
#define NETLINK_WORKER_H

#include <stdatomic.h>
#include <sys/types.h>

#include "judge.h"
#include "../random.h"

#define DATAGRAM	8192
#define POOL		16

/* A flow that was listed. */
struct known {
	uint64_t id;
	uint32_t scope;
	int family;
	uint8_t address[2][16];
	uint8_t port[2][2];
};

/* What all workers share, also across processes. */
struct totals {
	_Atomic uint64_t sent;
	_Atomic uint64_t judged;	/* of those that were sent, not left unread */
	_Atomic uint64_t accepted[SPEC_OPS];
	_Atomic uint64_t refused[SPEC_OPS];
	_Atomic uint64_t replies;
	_Atomic uint64_t ids;
	_Atomic uint64_t like_pointers;	/* ids that look so: few, by chance */
	_Atomic uint64_t rounds;	/* of the traffic */
	_Atomic unsigned int findings;
};

struct worker {
	const struct spec *spec;
	struct totals *totals;
	struct judge judge;
	unsigned int number;
	uint64_t seed;
	uint64_t random;
	unsigned int part;	/* of all messages, in hundredths */
	uint64_t share;		/* messages to send */
	uint64_t sent;
	int fd;
	uint32_t portid;
	uint32_t seq;
	uint8_t datagram[DATAGRAM];
	size_t length;
	uint8_t restore[256];	/* a config-set that takes all changes back */
	size_t restore_length;
	struct known pool[POOL];
	unsigned int nr_known;
	const uint8_t *answer;	/* what is being read, or NULL */
	size_t answer_length;
	unsigned int states;	/* the state whose row came last */
};

/* fuzz.c */
void tell(struct worker *worker, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* message.c */
void message_make(struct worker *worker);
void message_restore(struct worker *worker, const uint8_t *reply, size_t length);

/* reply.c */
void reply_check(struct worker *worker, const struct verdict *verdict, uint8_t *bytes,
		 size_t length);
void reply_error(struct worker *worker, const struct verdict *verdict, const uint8_t *bytes,
		 size_t length);
void reply_scan(struct worker *worker, const uint8_t *bytes, size_t length);

/* exchange.c */
bool exchange_open(struct worker *worker);
void exchange_run(struct worker *worker);
void exchange_unread(struct worker *worker);

/* traffic.c */
struct traffic {
	_Atomic uint64_t *rounds;
	_Atomic bool stop;
	const char *failure;
};

void *traffic_run(void *traffic);

#endif
