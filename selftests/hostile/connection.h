/* SPDX-License-Identifier: GPL-2.0 */
/* One connection: a socket of the kernel, and its peer, which is this program. */
#ifndef HOSTILE_CONNECTION_H
#define HOSTILE_CONNECTION_H

#include "engine.h"
#include "packet.h"
#include "../random.h"

#define RECORDS		48
#define RECORD_LEN	112
#define STRANGERS	8
#define PORT_BASE	10000
#define PORTS		50000

/**
 * struct peer - what the remote end did and knows
 * @isn: its initial sequence number
 * @nxt: what it sends next, if all it sent validly has been taken
 * @rcv: what it expects next of the kernel
 * @window: that it announces
 * @wscale: that it offered, -1 for none
 * @ts: it sends timestamps
 * @sack: it permits SACK
 * @tsval: its clock
 * @tsecr: the last of the kernel's
 * @syn: it has sent its SYN
 * @fin: and its FIN
 */
struct peer {
	uint32_t isn;
	uint32_t nxt;
	uint32_t rcv;
	uint16_t window;
	int8_t wscale;
	bool ts;
	bool sack;
	uint32_t tsval;
	uint32_t tsecr;
	bool syn;
	bool fin;
};

/**
 * struct kernel - what the kernel said
 * @isn: its initial sequence number
 * @nxt: after the last octet that it sent
 * @ack: its last acknowledgment
 * @window: its last window, scaled
 * @wscale: that it offered, -1 for none
 * @syn: it has sent a SYN or SYN-ACK
 * @synack: a SYN-ACK
 * @fin: a FIN
 * @rst: a RST
 * @last: its last segment
 */
struct kernel {
	uint32_t isn;
	uint32_t nxt;
	uint32_t ack;
	uint32_t window;
	int8_t wscale;
	bool syn;
	bool synack;
	bool fin;
	bool rst;
	struct packet last;
};

/**
 * struct stranger - another peer of the connection's listener, in a flood
 */
struct stranger {
	uint8_t address[16];
	uint16_t port;
	uint32_t isn;
	uint32_t kernel_isn;
	bool answered;
};

struct batch;
struct oracle;

struct connection {
	struct batch *batch;
	unsigned int number;
	uint64_t random;
	int family;
	bool initiator;		/* the kernel's end dials */
	uint8_t local[16];
	uint8_t remote[16];
	uint16_t lport;
	uint16_t rport;
	int listener;
	int fd;
	const char *script;
	struct peer peer;
	struct kernel kernel;
	struct stranger strangers[STRANGERS];
	unsigned int nr_strangers;
	bool obscured;		/* something makes the socket withhold what it is sent */
	bool linger2;		/* TCP_LINGER2 is -1 */
	bool shut;		/* nobody will read what comes */
	unsigned int incarnations;
	unsigned int sent;	/* segments to the kernel */
	const char *what;	/* the class under way */
	struct engine engine;
	char records[RECORDS][RECORD_LEN];
	unsigned int nr_records;
};

/**
 * struct batch - connections that run side by side
 * @tun: the device
 * @seed: of all
 * @number: the batch's own
 * @verbose: tell all that happens
 * @oracle: asked after each step, and after each of the socket's, or NULL
 * @segments: to the kernel
 * @heard: from it
 * @at: by local port, less PORT_BASE
 */
struct batch {
	int tun;
	uint64_t seed;
	unsigned int number;
	bool verbose;
	struct oracle *oracle;
	unsigned long segments;
	unsigned long heard;
	struct connection **at;
};

struct connection *connection_new(struct batch *batch, unsigned int number);
void connection_free(struct connection *c);
void connection_note(struct connection *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void connection_tell(const struct connection *c);
void connection_send(struct connection *c, const struct packet *p);
void connection_send_bytes(struct connection *c, const uint8_t *bytes, size_t size);
void batch_drain(struct batch *batch, bool answering);

#endif
