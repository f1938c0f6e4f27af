// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "connection.h"
#include "tun.h"

/* Keeps a line of what happened. */
void connection_note(struct connection *c, const char *format, ...)
{
	char *record = c->records[c->nr_records++ % RECORDS];
	va_list args;

	va_start(args, format);
	vsnprintf(record, RECORD_LEN, format, args);
	va_end(args);
	if (c->batch->verbose)
		printf("#   %s\n", record);
}

/* Prints who it is and the lines that were kept. */
void connection_tell(const struct connection *c)
{
	unsigned int first = c->nr_records > RECORDS ? c->nr_records - RECORDS : 0;
	char remote[INET6_ADDRSTRLEN];

	inet_ntop(c->family, c->remote, remote, sizeof(remote));
	printf("# seed %llu, batch %u, connection %u:", (unsigned long long)c->batch->seed,
	       c->batch->number, c->number);
	printf(" the kernel's end %s, port %u, of %s port %u\n",
	       c->initiator ? "initiates" : "responds", c->lport, remote, c->rport);
	printf("# peer: window scale %d,%s timestamps,%s SACK; incarnation %u, script \"%s\"\n",
	       c->peer.wscale, c->peer.ts ? "" : " no", c->peer.sack ? "" : " no",
	       c->incarnations, c->script);
	for (unsigned int i = first; i < c->nr_records; i++)
		printf("#   %s\n", c->records[i % RECORDS]);
}

static void address(struct connection *c)
{
	inet_pton(c->family, c->family == AF_INET ? TUN_LOCAL4 : TUN_LOCAL6, c->local);
	memcpy(c->remote, c->local, sizeof(c->remote));
	if (c->family == AF_INET) {
		c->remote[2] = 1 + random_below(&c->random, 250);
		c->remote[3] = 1 + random_below(&c->random, 250);
	} else {
		for (int i = 8; i < 16; i++)
			c->remote[i] = 1 + random_below(&c->random, 250);
	}
	c->lport = PORT_BASE + c->number % PORTS;
	c->rport = 1024 + random_below(&c->random, 60000);
}

struct connection *connection_new(struct batch *batch, unsigned int number)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (!c)
		err(3, "a connection");
	c->batch = batch;
	c->number = number;
	c->random = random_stream(batch->seed, number);
	c->family = random_once(&c->random, 2) ? AF_INET : AF_INET6;
	c->initiator = random_once(&c->random, 2);
	c->listener = -1;
	c->fd = -1;
	address(c);
	batch->at[c->lport - PORT_BASE] = c;
	return c;
}

void connection_free(struct connection *c)
{
	c->batch->at[c->lport - PORT_BASE] = NULL;
	if (c->fd >= 0)
		close(c->fd);
	if (c->listener >= 0)
		close(c->listener);
	free(c);
}

static const char *flag_names(uint8_t flags)
{
	static char names[8];
	char *name = names;

	for (int bit = 0; bit < 6; bit++)
		if (flags & 1 << bit)
			*name++ = "FSRPAU"[bit];
	*name = '\0';
	return *names ? names : "-";
}

/* @seq and @ack are told from the sender's and the receiver's initial sequence number. */
static void note_packet(struct connection *c, const char *who, const struct packet *p,
			uint32_t seq, uint32_t ack)
{
	char options[48] = "";

	if (p->has_ts)
		snprintf(options, sizeof(options), " ts %u ecr %u", p->tsval, p->tsecr);
	connection_note(c, "%-7s %s seq %d ack %d len %u win %u%s%s%s%s", who,
			flag_names(p->flags), (int32_t)(p->seq - seq),
			p->flags & ACK ? (int32_t)(p->ack - ack) : 0, p->len, p->window, options,
			p->bad_checksum ? " bad checksum" : "", p->doff ? " bad offset" : "",
			p->carrier ? " carried oddly" : "");
}

void connection_send_bytes(struct connection *c, const uint8_t *bytes, size_t size)
{
	c->sent++;
	c->batch->segments++;
	tun_write(c->batch->tun, bytes, size);
	batch_drain(c->batch, true);
}

/* Has the kernel receive it, and learns what that answers. */
void connection_send(struct connection *c, const struct packet *p)
{
	uint8_t bytes[PACKET_MAX], first[PACKET_MAX], second[PACKET_MAX];
	size_t size = packet_write(p, bytes);
	size_t second_size;
	struct packet shown, plain = *p;

	plain.carrier = CARRIER_PLAIN;
	/* With the options that were written. */
	if (packet_read(&shown, first, packet_write(&plain, first))) {
		shown.bad_checksum = p->bad_checksum;
		shown.carrier = p->carrier;
	} else {
		shown = *p;
	}
	note_packet(c, c->what, &shown, c->peer.isn, c->kernel.isn);
	if (!p->bad_checksum && p->rport == c->rport &&
	    !memcmp(p->remote, c->remote, sizeof(p->remote)))
		engine_received(&c->engine, first, packet_write(&plain, first));
	if (p->carrier != CARRIER_FRAGMENTS || !packet_divides(bytes, size)) {
		connection_send_bytes(c, bytes, size);
		return;
	}
	size = packet_fragment(bytes, size, first, second, &second_size);
	tun_write(c->batch->tun, first, size);
	connection_send_bytes(c, second, second_size);
}

static void learn_syn(struct connection *c, const struct packet *p)
{
	struct kernel *k = &c->kernel;

	k->isn = p->seq;
	k->syn = true;
	k->synack = p->flags & ACK;
	k->fin = false;
	k->rst = false;
	k->nxt = packet_end(p);
	k->wscale = -1;
	for (unsigned int i = 0; i + 2 < p->nr_options;) {
		if (p->options[i] == OPTION_WSCALE)
			k->wscale = (int8_t)p->options[i + 2];
		i += p->options[i] <= OPTION_NOP ? 1 : p->options[i + 1] ?: 1;
	}
	c->peer.rcv = p->seq + 1;
	if (k->synack) {
		c->peer.isn = p->ack - 1;
		c->peer.nxt = p->ack;
		c->peer.syn = true;
	}
}

/* What the kernel sent tells the peer where it stands. */
static void learn(struct connection *c, const struct packet *p)
{
	bool scaled = c->kernel.wscale > 0 && c->peer.wscale >= 0;
	struct kernel *k = &c->kernel;

	if (p->has_ts)
		c->peer.tsecr = p->tsval;
	if (p->flags & SYN)
		learn_syn(c, p);
	if (p->flags & RST) {
		k->rst = true;
		return;
	}
	k->last = *p;
	if (p->flags & ACK) {
		k->ack = p->ack;
		k->window = (uint32_t)p->window << (scaled && !(p->flags & SYN) ? k->wscale : 0);
	}
	if ((int32_t)(packet_end(p) - k->nxt) > 0)
		k->nxt = packet_end(p);
	k->fin |= p->flags & FIN;
}

static void hear_stranger(struct connection *c, const struct packet *p)
{
	for (unsigned int i = 0; i < STRANGERS; i++) {
		struct stranger *s = &c->strangers[i];

		if (s->port != p->rport || memcmp(s->address, p->remote, sizeof(s->address)) ||
		    (p->flags & (SYN | ACK)) != (SYN | ACK))
			continue;
		s->answered = true;
		s->kernel_isn = p->seq;
	}
}

static void hear(struct batch *batch, const uint8_t *bytes, size_t size, bool answering)
{
	struct connection *c;
	struct packet p;

	if (!packet_read(&p, bytes, size) || p.lport < PORT_BASE ||
	    p.lport >= PORT_BASE + PORTS)
		return;
	batch->heard++;
	c = batch->at[p.lport - PORT_BASE];
	if (!c)
		return;
	if (p.rport != c->rport || memcmp(p.remote, c->remote, sizeof(p.remote))) {
		hear_stranger(c, &p);
		return;
	}
	/* A RST that answers a segment comes from no socket of the connection. */
	engine_sent(&c->engine, bytes, size, !(p.flags & RST) || !answering);
	learn(c, &p);
	note_packet(c, "kernel", &p, c->kernel.isn, c->peer.isn);
}

/* Reads what the kernel sent; @answering: in answer to a segment. */
void batch_drain(struct batch *batch, bool answering)
{
	static uint8_t bytes[65536];
	ssize_t size;

	for (;;) {
		size = tun_read(batch->tun, bytes, sizeof(bytes));
		if (size < 0)
			return;
		hear(batch, bytes, (size_t)size, answering);
	}
}
