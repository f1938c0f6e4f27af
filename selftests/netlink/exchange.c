// SPDX-License-Identifier: GPL-2.0
/* Sends a datagram and holds all that comes back against the verdicts on its messages. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker.h"

#define MESSAGES	32
#define REPLY		65536

/* A message that was sent, and what has come of it. */
struct sent {
	struct verdict verdict;
	bool answered;
	bool ended;
};

struct exchange {
	struct worker *worker;
	unsigned int count;
	struct sent sent[MESSAGES];
};

static struct sent *sent_with(struct exchange *exchange, uint32_t seq)
{
	for (unsigned int i = 0; i < exchange->count; i++)
		if (exchange->sent[i].verdict.seq == seq && !exchange->sent[i].ended)
			return &exchange->sent[i];
	return NULL;
}

static void receive_error(struct exchange *exchange, struct sent *sent, uint8_t *bytes,
			  size_t length)
{
	const struct verdict *verdict = &sent->verdict;
	struct worker *worker = exchange->worker;
	int error;

	sent->ended = true;
	reply_error(worker, verdict, bytes, length);
	if (length < NLMSG_HDRLEN + sizeof(struct nlmsgerr))
		return;
	reply_scan(worker, bytes + NLMSG_HDRLEN + sizeof(struct nlmsgerr),
		   length - NLMSG_HDRLEN - sizeof(struct nlmsgerr));
	error = (int)get32(bytes + NLMSG_HDRLEN);
	if (error)
		return;
	if (!verdict->ack)
		tell(worker, "an acknowledgment that was not asked for");
	if (verdict->outcome == OUTCOME_ACCEPTED && verdict->mode->answers && !sent->answered)
		tell(worker, "an acknowledgment in place of a reply");
	if (verdict->outcome == OUTCOME_ACCEPTED && verdict->dump)
		tell(worker, "an acknowledgment in place of a dump");
}

static void receive_done(struct exchange *exchange, struct sent *sent, uint8_t *bytes,
			 size_t length)
{
	const struct verdict *verdict = &sent->verdict;
	int error;

	sent->ended = true;
	error = length >= NLMSG_HDRLEN + 4 ? -(int)get32(bytes + NLMSG_HDRLEN) : EBADMSG;
	if (!verdict->dump || verdict->outcome != OUTCOME_ACCEPTED || error)
		tell(exchange->worker, "the end of a dump, %s; %u faults, the first %s at %zu",
		     strerror(error), verdict->nr_faults, strerror(verdict->faults[0].error),
		     verdict->faults[0].at);
}

static void receive_reply(struct exchange *exchange, struct sent *sent, uint8_t *bytes,
			  size_t length)
{
	const struct verdict *verdict = &sent->verdict;
	struct worker *worker = exchange->worker;

	if (verdict->outcome != OUTCOME_ACCEPTED || !verdict->mode->answers) {
		tell(worker, "a reply where none belongs");
		return;
	}
	if (sent->answered && !verdict->dump)
		tell(worker, "a second reply");
	sent->answered = true;
	reply_check(worker, verdict, bytes, length);
	reply_scan(worker, bytes + NLMSG_HDRLEN, length - NLMSG_HDRLEN);
}

/* Return: how much of the bytes was a message. */
static size_t receive_one(struct exchange *exchange, uint8_t *bytes, size_t left)
{
	struct worker *worker = exchange->worker;
	size_t length = left < NLMSG_HDRLEN ? 0 : get32(bytes), next = NLMSG_ALIGN(length);
	struct sent *sent;

	worker->answer = bytes;
	worker->answer_length = next > left ? left : length;
	if (length < NLMSG_HDRLEN || next > left) {
		tell(worker, "a message of %zu bytes where %zu are left", length, left);
		return left;
	}
	sent = sent_with(exchange, get32(bytes + 8));
	if (!sent || get32(bytes + 12) != worker->portid) {
		tell(worker, "an answer to nothing");
		return next;
	}
	if (get16(bytes + 4) == NLMSG_ERROR)
		receive_error(exchange, sent, bytes, length);
	else if (get16(bytes + 4) == NLMSG_DONE)
		receive_done(exchange, sent, bytes, length);
	else if (get16(bytes + 4) == worker->judge.family)
		receive_reply(exchange, sent, bytes, length);
	else
		tell(worker, "an answer of type %u", get16(bytes + 4));
	return next;
}

/* The kernel answers while it is sent to, and goes on with a dump while it is read from. */
static void receive_all(struct exchange *exchange)
{
	static _Thread_local uint8_t bytes[REPLY];
	struct worker *worker = exchange->worker;
	ssize_t length;

	while ((length = recv(worker->fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_TRUNC)) > 0) {
		if ((size_t)length > sizeof(bytes)) {
			tell(worker, "an answer of %zd bytes", length);
			continue;
		}
		for (size_t at = 0; at < (size_t)length;)
			at += receive_one(exchange, bytes + at, length - at);
		worker->answer = NULL;
	}
	if (length == 0 || errno != EAGAIN)
		tell(worker, "recv: %s", strerror(errno));
}

/* Everything that had to come has come. */
static void settle(struct exchange *exchange)
{
	struct worker *worker = exchange->worker;

	for (unsigned int i = 0; i < exchange->count; i++) {
		const struct sent *sent = &exchange->sent[i];
		const struct verdict *verdict = &sent->verdict;
		bool wanted = verdict->outcome == OUTCOME_REFUSED ||
			      (verdict->outcome != OUTCOME_NOTHING && verdict->ack) ||
			      (verdict->outcome == OUTCOME_ACCEPTED && verdict->dump);

		if (wanted && !sent->ended)
			tell(worker, "message %u got no end", i);
		if (verdict->outcome == OUTCOME_ACCEPTED && verdict->mode->answers &&
		    !verdict->dump && !sent->answered && !sent->ended)
			tell(worker, "message %u got no reply", i);
		if (verdict->op && verdict->outcome == OUTCOME_ACCEPTED)
			worker->totals->accepted[verdict->op - worker->spec->ops]++;
		else if (verdict->op && verdict->outcome == OUTCOME_REFUSED)
			worker->totals->refused[verdict->op - worker->spec->ops]++;
	}
}

static bool send_datagram(struct worker *worker)
{
	if (send(worker->fd, worker->datagram, worker->length, 0) == (ssize_t)worker->length)
		return true;
	tell(worker, "send: %s", strerror(errno));
	return false;
}

/**
 * exchange_open - a new socket in place of the old
 *
 * Its port is small: a random one would look like the top of a pointer.
 */
bool exchange_open(struct worker *worker)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	int on = 1;

	if (worker->fd >= 0)
		close(worker->fd);
	worker->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	worker->portid = (uint32_t)getpid() << 8 | worker->number;
	to.nl_pid = worker->portid;
	return worker->fd >= 0 && !bind(worker->fd, (struct sockaddr *)&to, sizeof(to)) &&
	       !setsockopt(worker->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)) &&
	       !setsockopt(worker->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
}

/* The datagram's messages; returns how many. */
static unsigned int judge_all(struct exchange *exchange)
{
	struct worker *worker = exchange->worker;
	size_t at = 0;

	exchange->count = 0;
	while (at < worker->length && exchange->count < MESSAGES)
		at = judge(&worker->judge, worker->datagram, at, worker->length,
			   &exchange->sent[exchange->count++].verdict);
	return exchange->count;
}

/**
 * exchange_unread - sends a few, reads a part of what comes or nothing, and closes the socket
 */
void exchange_unread(struct worker *worker)
{
	static _Thread_local uint8_t bytes[REPLY];

	for (unsigned int i = 1 + random_below(&worker->random, 3); i; i--) {
		message_make(worker);
		worker->sent++;
		if (!send_datagram(worker))
			break;
		if (random_once(&worker->random, 2))
			recv(worker->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	}
	if (!exchange_open(worker))
		tell(worker, "socket: %s", strerror(errno));
}

static bool changes_configuration(const struct exchange *exchange)
{
	for (unsigned int i = 0; i < exchange->count; i++) {
		const struct verdict *verdict = &exchange->sent[i].verdict;

		if (verdict->outcome == OUTCOME_ACCEPTED && verdict->op &&
		    verdict->top.present && !strcmp(verdict->op->name, "config-set"))
			return true;
	}
	return false;
}

/**
 * exchange_run - sends what is in the worker's datagram, reads everything, judges it
 */
void exchange_run(struct worker *worker)
{
	static _Thread_local struct exchange exchange;
	bool again;

	do {
		memset(&exchange, 0, sizeof(exchange));
		exchange.worker = worker;
		worker->sent += judge_all(&exchange);
		worker->totals->judged += exchange.count;
		if (!send_datagram(worker))
			return;
		receive_all(&exchange);
		settle(&exchange);
		/* Most changes are taken back at once, so that there go on to be flows. */
		again = worker->restore_length && changes_configuration(&exchange) &&
			worker->length != worker->restore_length &&
			!random_once(&worker->random, 4);
		if (!again)
			return;
		memcpy(worker->datagram, worker->restore, worker->restore_length);
		worker->length = worker->restore_length;
	} while (true);
}
