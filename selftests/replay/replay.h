/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A run of the module, replayed: what its segments tell, what its sockets did and what it booked.
 *
 * Times are milliseconds of CLOCK_MONOTONIC.
 */
#ifndef REPLAY_H
#define REPLAY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "fsm.h"

/* One end of a connection, as one network namespace names it. */
struct name {
	unsigned int netns;
	char local[INET6_ADDRSTRLEN];
	char remote[INET6_ADDRSTRLEN];
	unsigned short local_port;
	unsigned short remote_port;
	int peer;		/* the other end, there */
};

enum what {
	WHAT_STATE,
	WHAT_CONNECT,
	WHAT_REQUEST,
	WHAT_DROPPED,
	WHAT_FASTOPEN,
	WHAT_TIMEWAIT,
	WHAT_SUBSTATE,
	WHAT_KILLED,
	WHAT_SENT,
	WHAT_RECEIVED,
	WHATS,
};

/*
 * A line of `trace segments`: an event of a socket (WHAT_STATE with @facts), or a segment that @end
 * sent or received.
 */
struct record {
	double time;
	enum what what;
	int end;
	int socket;
	unsigned char from;
	unsigned char to;
	bool owned;
	bool control;		/* sent by the kernel's control socket */
	struct segment s;
	struct fsm_facts facts;
};

/* Why the module says that engine and socket differed, as Documentation/fsm.rst lists it. */
struct cause {
	const char *name;
	bool silent;
	bool small;		/* a request or timewait socket's */
	unsigned int engine;	/* bits of states; 0 for any */
	unsigned int socket;
};

/* A line of `sample`: so many times between two readings. */
struct booking {
	double since;
	double until;
	unsigned int netns;
	const struct cause *cause;	/* NULL for a correction */
	unsigned char state;
	unsigned char to;
	int n;
};

struct input {
	struct name *names;
	int nr_names;
	struct record *records;
	int nr_records;
	struct booking *bookings;
	int nr_bookings;
	int nr_sockets;
	double end;
};

/* What serves an end. */
enum kind {
	KIND_NONE,
	KIND_FULL,
	KIND_REQUEST,
	KIND_TIMEWAIT,
};

/**
 * struct end - one end in one run
 * @socket: its socket's state
 * @kind: what that socket is
 * @owner: which full socket it is, -1 for none
 * @local: a socket of the namespace terminates it
 * @open: the difference that lasts, -1 for none
 * @withheld: its socket did not take a segment, but the engine keeps the numbers it had
 * @syn: the last SYN that reached it
 * @reset: the last RST that its socket sent or that reached it
 * @fin: the first FIN that its socket sent
 * @fin_acked: what acknowledged that first
 */
struct end {
	unsigned char socket;
	enum kind kind;
	int owner;
	bool local;
	bool withheld;
	int open;
	const struct record *syn;
	const struct record *reset;
	const struct record *fin;
	const struct record *fin_acked;
};

/* A connection: kept at the lower of its two ends. */
struct link {
	struct fsm fsm;
	bool known;
};

/* A full socket. */
struct socket {
	int end;		/* -1 for none */
	bool pending;		/* in syn_sent, maybe without a port yet */
	unsigned char successor;	/* the timewait socket's state, 0 for none */
};

/**
 * struct difference - engine and socket of one end are not in the same state
 * @end: whose
 * @silent: the socket moved last, not the engine
 * @engine: state of the engine
 * @socket: state of the socket
 * @small: what the socket left was a request or timewait socket
 * @since: from when
 * @until: to when, INFINITY if it stays
 * @told: the segment that ended it
 * @merged: another difference of this end followed it at once
 * @chain: the first of those that followed one another
 * @aftermath: its socket withheld something before: the engine may be deaf to a repetition
 * @looked: something happened while it lasted at which the module may have looked
 * @reached: a segment came in while it lasted
 * @asked: of the first: something happened later, at which it must have
 * @booked: of the first: the module named one of them
 */
struct difference {
	int end;
	bool silent;
	unsigned char engine;
	unsigned char socket;
	bool small;
	double since;
	double until;
	const struct record *told;
	bool merged;
	int chain;
	bool aftermath;
	bool looked;
	bool reached;
	bool asked;
	bool booked;
};

/* A segment moved the engine of a local end. */
struct step {
	const struct record *record;
	unsigned char from;
	unsigned char to;
	bool small;
};

struct run {
	const struct input *in;
	struct end *ends;
	struct link *links;
	struct socket *sockets;
	struct booking *bookings;
	struct difference *differences;
	int nr_differences;
	struct step *steps;
	int nr_steps;
	const struct record *without;	/* the engine does not see it, nor its repetitions */
	const struct record *now;
	bool quiet;
	unsigned int findings;
	unsigned int segments;
	unsigned int moves;
	unsigned int silent;
	unsigned int withheld;
	unsigned int late;
};

/* read.c */
const struct cause *cause_find(const char *name);
bool read_input(struct input *in, const char *events, const char *bookings);

/* sockets.c */
void socket_event(struct run *run, const struct record *r);

/* engine.c */
struct link *link_of(const struct run *run, int end);
unsigned int index_of(const struct run *run, int end);
unsigned char engine_of(const struct run *run, int end);
void engine_adopt(struct run *run, int end, unsigned char state);
void engine_meet(struct run *run, const struct record *r, int end, unsigned char state);
void engine_segment(struct run *run, const struct record *r);

/* difference.c */
void difference_compare(struct run *run, int end, bool silent, enum kind kind, double time);
void difference_keep(struct run *run, int end, enum kind kind, double time);
void difference_event(struct run *run, const struct record *r);
void difference_settle(struct run *run, struct booking *b);
bool difference_healed(const struct run *run, const struct booking *b);
void difference_finish(struct run *run);
double difference_after(const struct run *run, int end, double time);

/* judge.c */
void finding(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
void tell_end(const struct run *run, int end);
void tell_segment(const struct run *run, const struct record *r);
void tell_visible(struct run *run, const struct booking *b);
void judge_silent(struct run *run, const struct difference *d, const struct booking *b);

#endif
