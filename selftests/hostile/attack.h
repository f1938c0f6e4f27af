/* SPDX-License-Identifier: GPL-2.0 */
/* Classes of segments that try to part the mirror from the socket. */
#ifndef HOSTILE_ATTACK_H
#define HOSTILE_ATTACK_H

#include "connection.h"

#define ATTACKS		20

struct attack {
	const char *name;
	const char *what;
	unsigned int weight;
	void (*run)(struct connection *c);
};

extern const struct attack attacks[ATTACKS];

void attack_send(struct connection *c, uint8_t flags, int32_t seq, int32_t ack, uint16_t len);

/* resets.c */
void attack_checksum(struct connection *c);
void attack_signature(struct connection *c);
void attack_reset(struct connection *c);
void attack_sack_edge(struct connection *c);

/* fins.c */
void attack_fin(struct connection *c);
void attack_ack(struct connection *c);
void attack_overlap(struct connection *c);
void attack_zero_window(struct connection *c);

/* syns.c */
void attack_syn(struct connection *c);
void attack_opening(struct connection *c);
void attack_split(struct connection *c);
void attack_challenge(struct connection *c);
void attack_time_wait(struct connection *c);
void attack_reuse(struct connection *c);

/* headers.c */
void attack_timestamp(struct connection *c);
void attack_malformed(struct connection *c);
void attack_wrap(struct connection *c);

/* surroundings.c */
void attack_obscured(struct connection *c);
void attack_icmp(struct connection *c);
void attack_flood(struct connection *c);

#endif
