// SPDX-License-Identifier: GPL-2.0
/*
 * Reads the tables of /proc/net/tcpstate, or a saved copy of them. Nothing read is trusted:
 * sizes are bounded, words are printable, known columns and rows stand where they belong.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/tcpstate.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exit.h"
#include "proc.h"

#define WORDS(array)	{ (array), sizeof(array) / sizeof((array)[0]) }

static const char *const counters_columns[] = {
	"state", "local", "local_initiator", "remote", "forwarded_initiator",
	"forwarded_responder", "entered_local", "entered_remote",
	"entered_forwarded_initiator", "entered_forwarded_responder",
};

static const char *const pairs_columns[] = {
	"path", "state", STATE_WORDS,
};

static const char *const transitions_columns[] = {
	"from", "to", "local", "remote", "forwarded_initiator", "forwarded_responder",
};

static const char *const stat_columns[] = { "name", "value" };

const struct layout layout_counters = {
	.file = "counters",
	.netlink = TCPSTATE_TABLE_STATES,
	.member = "states",
	.columns = WORDS(counters_columns),
	.key_columns = 1,
	.keys = { &states },
};

const struct layout layout_pairs = {
	.file = "pairs",
	.netlink = TCPSTATE_TABLE_PAIRS,
	.member = "pairs",
	.columns = WORDS(pairs_columns),
	.key_columns = 2,
	.keys = { &paths, &states },
};

const struct layout layout_transitions = {
	.file = "transitions",
	.netlink = TCPSTATE_TABLE_TRANSITIONS,
	.member = "transitions",
	.columns = WORDS(transitions_columns),
	.key_columns = 2,
	.keys = { &states, &states },
};

const struct layout layout_stat = {
	.file = "stat",
	.netlink = TCPSTATE_TABLE_STAT,
	.member = "stat",
	.columns = WORDS(stat_columns),
	.key_columns = 1,
};

const char *table_word(const struct table *table, size_t row, size_t column)
{
	return table->word[(1 + row) * table->columns + column];
}

bool stat_value(const struct table *stat, const char *name, uint64_t *value)
{
	for (size_t row = 0; row < stat->rows; row++)
		if (!strcmp(table_word(stat, row, 0), name))
			return word_number(table_word(stat, row, 1), value);
	return false;
}

/* Keeps the message; always false. */
__attribute__((format(printf, 2, 3)))
static bool wrong(struct table *table, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(table->error, sizeof(table->error), format, args);
	va_end(args);
	return false;
}

/* Cuts the text at blanks and line ends; every line has as many words as the first. */
static bool split(struct table *table, size_t size)
{
	size_t words = 0, line = 0, in_line = 0;
	bool in_word = false;

	if (!size || table->text[size - 1] != '\n')
		return wrong(table, "damaged: its last line is cut off");
	for (size_t i = 0; i < size; i++) {
		unsigned char c = table->text[i];

		if (c > ' ' && c < 0x7f) {
			if (!in_word) {
				table->word[words++] = table->text + i;
				in_line++;
			}
			in_word = true;
			continue;
		}
		table->text[i] = '\0';
		in_word = false;
		if (c == ' ' || c == '\t')
			continue;
		if (c != '\n')
			return wrong(table, "damaged: line %zu has a byte 0x%02x", line + 1, c);
		if (!line)
			table->columns = in_line;
		if (!in_line || in_line != table->columns)
			return wrong(table, "damaged: line %zu has %zu words, not %zu",
				     line + 1, in_line, table->columns);
		line++;
		in_line = 0;
	}
	table->rows = line - 1;
	if (table->columns > PROC_COLUMNS || table->rows > PROC_ROWS)
		return wrong(table, "too new or damaged: %zu columns, %zu rows",
			     table->columns, table->rows);
	return true;
}

/* One word at its place in the file, row 0 being the header. */
static bool expect(struct table *table, size_t row, size_t column, const char *known)
{
	const char *word = table->word[row * table->columns + column];

	if (!strcmp(word, known))
		return true;
	return wrong(table, "too new or damaged: line %zu has '%.32s' where '%s' belongs",
		     row + 1, word, known);
}

static bool check_columns(struct table *table, const struct layout *layout)
{
	for (size_t i = 0; i < layout->columns.count; i++) {
		if (i == table->columns)
			return wrong(table, "too old: it has no column '%s'",
				     layout->columns.word[i]);
		if (!expect(table, 0, i, layout->columns.word[i]))
			return false;
	}
	for (size_t i = 1; i < table->columns; i++)
		for (size_t j = 0; j < i; j++)
			if (!strcmp(table->word[i], table->word[j]))
				return wrong(table, "damaged: two columns '%.32s'", table->word[i]);
	return true;
}

static bool check_keys(struct table *table, const struct layout *layout)
{
	const struct words *outer = layout->keys[0], *inner = layout->keys[1];
	size_t each = inner ? inner->count : 1;
	size_t rows = outer ? outer->count * each : 0;

	for (size_t row = 0; row < rows; row++) {
		const char *first = outer->word[row / each];
		const char *second = inner ? inner->word[row % each] : NULL;

		if (row == table->rows)
			return wrong(table, "too old or damaged: it has no row '%s%s%s'",
				     first, second ? " " : "", second ? second : "");
		if (!expect(table, row + 1, 0, first))
			return false;
		if (second && !expect(table, row + 1, 1, second))
			return false;
	}
	return true;
}

static bool check_numbers(struct table *table, const struct layout *layout)
{
	uint64_t number;

	for (size_t row = 0; row < table->rows; row++) {
		for (size_t i = layout->key_columns; i < layout->columns.count; i++) {
			const char *word = table_word(table, row, i);

			if (!word_number(word, &number))
				return wrong(table, "damaged: line %zu has '%.32s', not a number",
					     row + 2, word);
		}
	}
	return true;
}

/* The rows of stat have any order; each name stands once and 'complete' must be there. */
static bool check_stat(struct table *table)
{
	uint64_t complete;

	for (size_t i = 1; i < table->rows; i++)
		for (size_t j = 0; j < i; j++)
			if (!strcmp(table_word(table, i, 0), table_word(table, j, 0)))
				return wrong(table, "damaged: two rows '%.32s'",
					     table_word(table, i, 0));
	if (stat_value(table, "complete", &complete) && complete <= 1)
		return true;
	return wrong(table, "too old, too new or damaged: no 'complete' of 0 or 1");
}

bool table_parse(struct table *table, const struct layout *layout, char *text, size_t size)
{
	*table = (struct table){ .text = text };
	table->text[size] = '\0';
	table->word = calloc(size / 2 + 1, sizeof(*table->word));
	if (!table->word)
		return wrong(table, "out of memory");
	return split(table, size) && check_columns(table, layout) && check_keys(table, layout) &&
	       check_numbers(table, layout) && (layout != &layout_stat || check_stat(table));
}

void table_free(struct table *table)
{
	free(table->word);
	free(table->text);
}

static int open_table(const char *dir, const char *file, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 && errno == ENOENT && !access(dir, F_OK))
		errx(EXIT_COULD_NOT, "%s: the module is too old: it has no '%s'", dir, file);
	if (fd < 0 && errno == ENOENT && !strcmp(dir, PROC_DIR))
		errx(EXIT_COULD_NOT, "no %s: load the module with 'modprobe tcpstate'", dir);
	if (fd < 0 || fstat(fd, &st))
		err(EXIT_COULD_NOT, "%s", path);
	if (!S_ISREG(st.st_mode))
		errx(EXIT_COULD_NOT, "%s: not a file", path);
	return fd;
}

void proc_read(struct table *table, const struct layout *layout, const char *dir)
{
	char *text = malloc(PROC_BYTES + 1);
	char path[PATH_MAX];
	size_t size = 0;
	int fd;

	if (!text)
		err(EXIT_COULD_NOT, "%s", layout->file);
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, layout->file) >= sizeof(path))
		errx(EXIT_COULD_NOT, "%.64s...: the path is too long", dir);

	fd = open_table(dir, layout->file, path);
	while (size <= PROC_BYTES) {
		ssize_t n = read(fd, text + size, PROC_BYTES + 1 - size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err(EXIT_COULD_NOT, "%s", path);
		if (!n)
			break;
		size += n;
	}
	close(fd);
	if (size > PROC_BYTES)
		errx(EXIT_COULD_NOT, "%s: too new or damaged: over %d bytes", path, PROC_BYTES);
	if (!table_parse(table, layout, text, size))
		errx(EXIT_COULD_NOT, "%s: %s", path, table->error);
}
