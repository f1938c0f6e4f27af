/* SPDX-License-Identifier: GPL-2.0 */
/* Local ends by name, as the kernel's sockets have them and as the mirror has them. */
#ifndef HOSTILE_ENDS_H
#define HOSTILE_ENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One end; all before @state is its name. */
struct end {
	uint8_t local[16];
	uint8_t remote[16];
	uint16_t lport;
	uint16_t rport;
	uint16_t family;
	uint8_t state;
};

#define END_NAME	offsetof(struct end, state)

struct ends {
	struct end *end;
	size_t count;
	size_t room;
};

void ends_add(struct ends *ends, const struct end *end);
void ends_sort(struct ends *ends);
void ends_free(struct ends *ends);

/* diag.c: sockets with a connection, as ss shows them */
int diag_open(void);
void diag_dump(int fd, struct ends *ends);
uint8_t diag_state(int fd, const struct end *name);

/* mirror.c: local ends of flows, but those that are closed */
struct mnl_socket;
struct mnl_socket *mirror_open(uint16_t *family);
void mirror_dump(struct mnl_socket *socket, uint16_t family, struct ends *ends);

#endif
