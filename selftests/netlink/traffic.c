// SPDX-License-Identifier: GPL-2.0
/*
 * Connections over loopback that exchange octets all the while, and end and begin anew, some by a
 * reset and some in order. Whatever is done to the mirror, none may fail.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker.h"

#define CONNECTIONS	32

struct ends {
	int listener[2];
	struct sockaddr_storage to[2];
	socklen_t length[2];
	int pairs[CONNECTIONS][2];
};

static bool listen_at(struct ends *ends, unsigned int i, const char *address)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ends->to[i];
	struct sockaddr_in *in = (struct sockaddr_in *)&ends->to[i];
	int family = i ? AF_INET6 : AF_INET;

	ends->to[i].ss_family = family;
	ends->length[i] = i ? sizeof(*in6) : sizeof(*in);
	if (inet_pton(family, address, i ? (void *)&in6->sin6_addr : &in->sin_addr) != 1)
		return false;
	ends->listener[i] = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return ends->listener[i] >= 0 &&
	       !bind(ends->listener[i], (struct sockaddr *)&ends->to[i],
		     ends->length[i]) &&
	       !listen(ends->listener[i], 8) &&
	       !getsockname(ends->listener[i], (struct sockaddr *)&ends->to[i],
			    &ends->length[i]);
}

static bool pass(int from, int to)
{
	char octet = 0;

	return send(from, &octet, 1, MSG_NOSIGNAL) == 1 && recv(to, &octet, 1, 0) == 1;
}

static bool connect_pair(struct ends *ends, unsigned int i)
{
	struct timeval patience = { .tv_sec = 20 };
	unsigned int family = i % 2;
	int *pair = ends->pairs[i];

	pair[0] = socket(family ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (pair[0] < 0 || connect(pair[0], (struct sockaddr *)&ends->to[family],
				   ends->length[family]))
		return false;
	pair[1] = accept(ends->listener[family], NULL, NULL);
	return pair[1] >= 0 &&
	       !setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) &&
	       !setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

static bool disconnect(struct ends *ends, unsigned int i, bool reset)
{
	struct linger linger = { .l_onoff = reset };
	int *pair = ends->pairs[i];
	char octet;
	bool fine;

	setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(pair[0]);
	fine = recv(pair[1], &octet, 1, 0) == (reset ? -1 : 0);
	close(pair[1]);
	return fine;
}

static bool round_trip(struct ends *ends, uint64_t number)
{
	unsigned int again = number % CONNECTIONS;

	for (unsigned int i = 0; i < CONNECTIONS; i++)
		if (!pass(ends->pairs[i][0], ends->pairs[i][1]) ||
		    !pass(ends->pairs[i][1], ends->pairs[i][0]))
			return false;
	return disconnect(ends, again, number % 8) && connect_pair(ends, again);
}

static const char *exchange(struct traffic *traffic, struct ends *ends)
{
	if (!listen_at(ends, 0, "127.0.0.1") || !listen_at(ends, 1, "::1"))
		return "no listener";
	for (unsigned int i = 0; i < CONNECTIONS; i++)
		if (!connect_pair(ends, i))
			return "a connection could not be opened";
	for (uint64_t number = 0; !traffic->stop; number++) {
		if (!round_trip(ends, number))
			return "a connection failed";
		++*traffic->rounds;
		usleep(20000);
	}
	for (unsigned int i = 0; i < CONNECTIONS; i++)
		if (!disconnect(ends, i, false))
			return "a connection did not end";
	return NULL;
}

/**
 * traffic_run - until it is told to stop; says in @failure what went wrong
 */
void *traffic_run(void *data)
{
	struct traffic *traffic = data;
	struct ends ends = { 0 };

	traffic->failure = exchange(traffic, &ends);
	return NULL;
}
