// SPDX-License-Identifier: GPL-2.0
/*
 * What tcpstate says that it saw: its files are the one interface that stays.
 */
#define pr_fmt(fmt) "bench: " fmt
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "bench.h"

#define FILE_MAX	16384

/*
 * Files of /proc/net are for userspace alone to read; what fills them can be asked by anybody.
 * Return: the file's text, or NULL.
 */
static char *read_all(const char *path)
{
	struct file *file = filp_open(path, O_RDONLY, 0);
	struct seq_file *m;
	char *text = NULL;
	loff_t start = 0;
	void *what;

	if (IS_ERR(file)) {
		pr_err("no %s: %ld\n", path, PTR_ERR(file));
		return NULL;
	}
	m = file->private_data;
	m->size = FILE_MAX;
	m->buf = kvzalloc(m->size, GFP_KERNEL);
	if (m->buf) {
		what = m->op->start(m, &start);
		if (!m->op->show(m, what) && !seq_has_overflowed(m))
			text = kstrndup(m->buf, m->count, GFP_KERNEL);
		m->op->stop(m, what);
	}
	filp_close(file, NULL);
	return text;
}

/* The number in this column (from 0) of the line that begins with this word; -1 without one. */
static long number(const char *path, const char *word, unsigned int column)
{
	char *text = read_all(path), *rest = text, *line;
	long value = -1;

	while (rest && (line = strsep(&rest, "\n"))) {
		char *cell = strsep(&line, " ");
		unsigned int i = 0;

		if (strcmp(cell, word))
			continue;
		while (line && i < column) {
			cell = strsep(&line, " ");
			i += *cell != '\0';
		}
		if (i == column && kstrtol(cell, 10, &value))
			value = -1;
		break;
	}
	kfree(text);
	return value;
}

/**
 * count_flows - established flows that tcpstate forwards
 *
 * Return: a negative number if its two ends do not agree.
 */
long count_flows(void)
{
	static const char counters[] = "/proc/net/tcpstate/counters";
	long initiators = number(counters, "established", 4);
	long responders = number(counters, "established", 5);

	return initiators == responders ? initiators : -1;
}

/**
 * count_refused - segments that moved nothing in tcpstate, for whatever reason
 */
long count_refused(void)
{
	static const char *const reasons[] = {
		"ignored", "out_of_window", "challenged", "malformed", "bad_checksum",
	};
	unsigned int i;
	long sum = 0;

	for (i = 0; i < ARRAY_SIZE(reasons); i++) {
		long value = number("/proc/net/tcpstate/debug", reasons[i], 3);

		if (value < 0)
			return -1;
		sum += value;
	}
	return sum;
}
