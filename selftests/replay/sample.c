// SPDX-License-Identifier: GPL-2.0
/*
 * sample - when the rows of debug grow
 *
 * usage: sample NETNS...
 *
 * Reads the file in these network namespaces, 20 times a second, until its standard input ends, and
 * then once more. Each row of a difference that has grown makes a line,
 *
 *   UNTIL SINCE INODE NAME FROM TO N
 *
 * with the milliseconds of CLOCK_MONOTONIC at which this reading ended and the one before it began.
 * The last line is "MILLISECONDS end".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define INTERVAL_MS	50
#define NETNS_MAX	8
#define ROWS_MAX	512
#define NAME_LENGTH	64
#define TEXT_MAX	65536

struct row {
	char name[NAME_LENGTH];	/* NAME FROM TO */
	long long value;
};

static struct netns {
	unsigned long inode;
	double read;
	struct row rows[ROWS_MAX];
	int nr_rows;
	int debug;
} netns[NETNS_MAX];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1000000;
}

static int enter(struct netns *n, const char *name)
{
	char path[4096];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) || setns(fd, CLONE_NEWNET)) {
		perror(path);
		return -1;
	}
	close(fd);
	n->inode = st.st_ino;
	n->read = now();
	n->debug = open("/proc/thread-self/net/tcpstate/debug", O_RDONLY | O_CLOEXEC);
	if (n->debug < 0)
		perror("debug");
	return n->debug < 0 ? -1 : 0;
}

static struct row *row_of(struct netns *n, const char *name)
{
	int i;

	for (i = 0; i < n->nr_rows; i++)
		if (!strcmp(n->rows[i].name, name))
			return &n->rows[i];
	if (n->nr_rows == ROWS_MAX)
		return NULL;
	snprintf(n->rows[i].name, NAME_LENGTH, "%s", name);
	n->nr_rows++;
	return &n->rows[i];
}

static int read_row(struct netns *n, char *line, double until)
{
	char *value = strrchr(line, ' ');
	struct row *row;
	long long grown;

	if (!value || (strncmp(line, "silent_", 7) && strncmp(line, "withheld_", 9) &&
		       strncmp(line, "correction ", 11)))
		return 0;
	*value++ = '\0';
	row = row_of(n, line);
	if (!row)
		return -1;
	grown = atoll(value) - row->value;
	row->value += grown;
	if (grown)
		printf("%.6f %.6f %lu %s %lld\n", until, n->read, n->inode, line, grown);
	return 0;
}

static int read_debug(struct netns *n)
{
	static char text[TEXT_MAX];
	double begun = now(), until;
	ssize_t got, length = 0;
	char *line, *save;

	if (lseek(n->debug, 0, SEEK_SET))
		return -1;
	while ((got = read(n->debug, text + length, sizeof(text) - 1 - length)) > 0)
		length += got;
	if (got < 0 || length == sizeof(text) - 1)
		return -1;
	until = now();
	text[length] = '\0';
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (read_row(n, line, until))
			return -1;
	n->read = begun;
	return 0;
}

int main(int argc, char **argv)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	int i, last = 0;

	if (argc < 2 || argc > NETNS_MAX + 1) {
		fputs("usage: sample NETNS...\n", stderr);
		return 2;
	}
	for (i = 1; i < argc; i++)
		if (enter(&netns[i - 1], argv[i]))
			return 1;
	while (!last) {
		last = poll(&input, 1, INTERVAL_MS) != 0;
		for (i = 0; i < argc - 1; i++) {
			if (read_debug(&netns[i])) {
				fprintf(stderr, "sample: cannot read debug: %s\n", strerror(errno));
				return 1;
			}
		}
	}
	printf("%.6f end\n", now());
	return fflush(stdout) ? 1 : 0;
}
