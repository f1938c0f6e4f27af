/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What `sockets` asks of a socket that is more than a number: filters, signatures, headers, and the
 * move of a connection to another socket. Included by sockets.c alone. Each returns 0, or -1 with
 * errno.
 */
#ifndef TCPSTATE_OPTIONS_H
#define TCPSTATE_OPTIONS_H

#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TCP_HEADER_FLAGS	13
#define TCP_HEADER_FIN		0x01

#define TCP_OPTION_MSS		2
#define TCP_OPTION_WSCALE	3
#define TCP_OPTION_SACK		4
#define TCP_OPTION_TIMESTAMP	8

#define MAX_REPAIR_OPTIONS	4

static inline int set_number(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

static inline int drop_all(int fd)
{
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = { .len = 1, .filter = &none };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

/* Drop what has a FIN, or with 0 nothing any more. */
static inline int drop_fins(int fd, int on)
{
	struct sock_filter fins[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, TCP_HEADER_FLAGS),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, TCP_HEADER_FIN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog program = { .len = sizeof(fins) / sizeof(fins[0]), .filter = fins };

	if (!on)
		return set_number(fd, SOL_SOCKET, SO_DETACH_FILTER, 0);
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

/* Sign every segment with this key, 1 to 255, whoever the peer is (RFC 2385). */
static inline int sign(int fd, int key)
{
	struct tcp_md5sig signature = {
		.tcpm_flags = TCP_MD5SIG_FLAG_PREFIX,
		.tcpm_keylen = 1,
		.tcpm_key = { (uint8_t)key },
	};
	struct sockaddr_storage own = { 0 };
	socklen_t len = sizeof(own);

	if (getsockname(fd, (struct sockaddr *)&own, &len))
		return -1;
	signature.tcpm_addr.ss_family = own.ss_family;
	return setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG_EXT, &signature, sizeof(signature));
}

/* An IPv6 header more before each segment: destination options that say nothing. */
static inline int pad(int fd)
{
	const uint8_t options[8] = { 0, 0, 1, 4 };

	return setsockopt(fd, IPPROTO_IPV6, IPV6_DSTOPTS, options, sizeof(options));
}

/* What a connection without data under way is made of. */
struct image {
	struct sockaddr_storage own;
	struct sockaddr_storage peer;
	socklen_t len;
	struct tcp_info info;
	struct tcp_repair_window window;
	uint32_t received;
	uint32_t sent;
	int timestamp;
	int mss;
};

static inline int read_option(int fd, int option, void *value, size_t size)
{
	socklen_t len = size;

	return getsockopt(fd, IPPROTO_TCP, option, value, &len);
}

static inline int read_queue(int fd, int queue, uint32_t *seq)
{
	return set_number(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, queue) ? -1 :
		read_option(fd, TCP_QUEUE_SEQ, seq, sizeof(*seq));
}

static inline int write_queue(int fd, int queue, uint32_t seq)
{
	return set_number(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, queue) ? -1 :
		set_number(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, (int)seq);
}

static inline int take_image(int fd, struct image *image)
{
	socklen_t len = sizeof(image->own);

	if (set_number(fd, IPPROTO_TCP, TCP_REPAIR, 1) ||
	    getsockname(fd, (struct sockaddr *)&image->own, &len))
		return -1;
	image->len = len;
	len = sizeof(image->peer);
	if (getpeername(fd, (struct sockaddr *)&image->peer, &len) ||
	    read_queue(fd, TCP_RECV_QUEUE, &image->received) ||
	    read_queue(fd, TCP_SEND_QUEUE, &image->sent) ||
	    read_option(fd, TCP_INFO, &image->info, sizeof(image->info)) ||
	    read_option(fd, TCP_MAXSEG, &image->mss, sizeof(image->mss)) ||
	    read_option(fd, TCP_TIMESTAMP, &image->timestamp, sizeof(image->timestamp)))
		return -1;
	return read_option(fd, TCP_REPAIR_WINDOW, &image->window, sizeof(image->window));
}

static inline int write_options(int fd, const struct image *image)
{
	const struct tcp_info *info = &image->info;
	struct tcp_repair_opt options[MAX_REPAIR_OPTIONS];
	int n = 0;

	options[n++] = (struct tcp_repair_opt){ TCP_OPTION_MSS, image->mss };
	if (info->tcpi_options & TCPI_OPT_WSCALE)
		options[n++] = (struct tcp_repair_opt){
			TCP_OPTION_WSCALE,
			info->tcpi_snd_wscale | info->tcpi_rcv_wscale << 16,
		};
	if (info->tcpi_options & TCPI_OPT_SACK)
		options[n++] = (struct tcp_repair_opt){ TCP_OPTION_SACK, 0 };
	if (info->tcpi_options & TCPI_OPT_TIMESTAMPS)
		options[n++] = (struct tcp_repair_opt){ TCP_OPTION_TIMESTAMP, 0 };
	return setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_OPTIONS, options, n * sizeof(options[0]));
}

/* In repair the socket may be bound whoever else is. */
static inline int restore(int fd, const struct image *image)
{
	if (set_number(fd, IPPROTO_TCP, TCP_REPAIR, 1) ||
	    bind(fd, (const struct sockaddr *)&image->own, image->len) ||
	    write_queue(fd, TCP_RECV_QUEUE, image->received) ||
	    write_queue(fd, TCP_SEND_QUEUE, image->sent) ||
	    connect(fd, (const struct sockaddr *)&image->peer, image->len) ||
	    write_options(fd, image) ||
	    set_number(fd, IPPROTO_TCP, TCP_TIMESTAMP, image->timestamp) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &image->window,
		       sizeof(image->window)))
		return -1;
	return set_number(fd, IPPROTO_TCP, TCP_REPAIR, 0);
}

/*
 * Another socket takes the place of @fd, as a restored process's does: the old one goes without a
 * segment, the new one comes without a handshake.
 */
static inline int move(int fd)
{
	struct image image = { 0 };
	int flags = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
	int new;

	if (take_image(fd, &image))
		return -1;
	new = socket(image.own.ss_family, flags, 0);
	if (new < 0)
		return -1;
	/* Closes the old one: its number is the new one's now. */
	if (dup3(new, fd, O_CLOEXEC) < 0) {
		close(new);
		return -1;
	}
	close(new);
	return restore(fd, &image);
}

#endif
