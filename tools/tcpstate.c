// SPDX-License-Identifier: GPL-2.0
/* tcpstate: prints the states of a namespace's TCP connections, as the module mirrors them. */
#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exit.h"
#include "netns.h"
#include "output.h"
#include "proc.h"

static const struct command {
	const char *name;
	const char *help;
	const struct layout *layout;
} commands[] = {
	{ "counters", "ends in each state, and how many entered it (the default)",
	  &layout_counters },
	{ "pairs", "flows by the states of both ends: who waits for whom", &layout_pairs },
	{ "transitions", "changes of state, by the state before and after", &layout_transitions },
	{ "stat", "the table itself: flows, limits, whether it is complete", &layout_stat },
	{ NULL, NULL, NULL },
};

static void print_help(void)
{
	printf("Usage: tcpstate [OPTION]... [COMMAND]\n"
	       "Print the states of TCP connections, as the tcpstate module mirrors them.\n"
	       "\n"
	       "Commands:\n");
	for (const struct command *command = commands; command->name; command++)
		printf("  %-13s %s\n", command->name, command->help);
	printf("\n"
	       "Options:\n"
	       "  -j, --json         print one JSON object\n"
	       "  -N, --netns NETNS  read another network namespace: a name, process id or path\n"
	       "  -H, --no-header    print no header line\n"
	       "      --proc DIR     read a copy of " PROC_DIR "\n"
	       "  -h, --help         print this\n"
	       "  -V, --version      print the version\n"
	       "\n"
	       "Exit status: 0 fine, 2 usage, 3 could not.\n");
}

static const struct command *find_command(const char *name)
{
	for (const struct command *command = commands; command->name; command++)
		if (!strcmp(name, command->name))
			return command;
	errx(EXIT_USAGE, "no command '%s': try 'tcpstate --help'", name);
}

/* A closed standard descriptor must not become a file that is opened later. */
static void hold_standard_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* What was printed must have arrived: a full disk or a closed pipe is no success. */
static int finish(void)
{
	if (fflush(stdout) || ferror(stdout) || close(STDOUT_FILENO))
		err(EXIT_COULD_NOT, "cannot write the output");
	return EXIT_SUCCESS;
}

static void show(const struct command *command, const char *dir, const char *which, bool json,
		 bool header)
{
	struct netns netns = { .nsid = NETNS_NO_ID };
	struct table table, stat;
	uint64_t complete = 0;

	if (!dir)
		netns_enter(&netns, which);
	proc_read(&table, command->layout, dir ? dir : PROC_DIR);
	proc_read(&stat, &layout_stat, dir ? dir : PROC_DIR);
	stat_value(&stat, "complete", &complete);
	if (!complete)
		warnx("not complete: the module does not know every connection of this namespace");
	if (json)
		print_json(stdout, &table, command->layout, &netns, complete);
	else
		print_table(stdout, &table, command->layout, header);
	table_free(&stat);
	table_free(&table);
}

int main(int argc, char **argv)
{
	enum { OPT_PROC = 256 };
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "netns", required_argument, NULL, 'N' },
		{ "no-header", no_argument, NULL, 'H' },
		{ "proc", required_argument, NULL, OPT_PROC },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	const struct command *command = &commands[0];
	const char *dir = NULL, *which = NULL;
	bool json = false, header = true;
	int opt;

	hold_standard_descriptors();
	signal(SIGPIPE, SIG_IGN);
	setlocale(LC_CTYPE, "C.UTF-8");

	while ((opt = getopt_long(argc, argv, "jN:HhV", options, NULL)) != -1) {
		switch (opt) {
		case 'j':
			json = true;
			break;
		case 'N':
			which = optarg;
			break;
		case 'H':
			header = false;
			break;
		case OPT_PROC:
			dir = optarg;
			break;
		case 'h':
			print_help();
			return finish();
		case 'V':
			printf("tcpstate %s\n", VERSION);
			return finish();
		default:
			return EXIT_USAGE;	/* getopt_long() said why */
		}
	}
	if (which && dir)
		errx(EXIT_USAGE, "--proc reads a copy, of no namespace: it excludes --netns");
	if ((which && !*which) || (dir && !*dir))
		errx(EXIT_USAGE, "an empty name");
	if (optind < argc)
		command = find_command(argv[optind++]);
	if (optind < argc)
		errx(EXIT_USAGE, "'%s' is too much: one command a run", argv[optind]);

	show(command, dir, which, json, header);
	return finish();
}
