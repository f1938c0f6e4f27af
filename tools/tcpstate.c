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

#include "compile.h"
#include "exit.h"
#include "netns.h"
#include "output.h"
#include "proc.h"
#include "reader.h"

static void run_counters(struct reader *reader)
{
	show_table(reader, &layout_counters);
}

static void run_pairs(struct reader *reader)
{
	show_table(reader, &layout_pairs);
}

static void run_transitions(struct reader *reader)
{
	show_table(reader, &layout_transitions);
}

static void run_stat(struct reader *reader)
{
	show_table(reader, &layout_stat);
}

/* What follows a command. */
enum operands { NONE, FILTER, SETTING };

static const struct command {
	const char *name;
	const char *help;
	void (*run)(struct reader *reader);
	enum operands operands;
	bool table;			/* of /proc, and so of a copy */
} commands[] = {
	{ "counters", "ends in each state, and how many entered it (the default)",
	  run_counters, NONE, true },
	{ "pairs", "flows by the states of both ends: who waits for whom", run_pairs, NONE, true },
	{ "transitions", "changes of state, by the state before and after",
	  run_transitions, NONE, true },
	{ "stat", "the table itself: flows, limits, whether it is complete",
	  run_stat, NONE, true },
	{ "flows", "the flows that [FILTER] lets pass, one a line", show_flows, FILTER, false },
	{ "count", "how many [FILTER] lets pass", count_flows, FILTER, false },
	{ "verify", "compare with the kernel's sockets, exit with 1 where they differ",
	  verify, NONE, false },
	{ "delete", "drop those that FILTER lets pass, print how many",
	  delete_flows, FILTER, false },
	{ "flush", "drop all flows, print how many; totals stay", flush_flows, NONE, false },
	{ "config", "the configuration; [NAME=VALUE]... changes it first",
	  configure, SETTING, false },
	{ NULL, NULL, NULL, NONE, false },
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
	       "  -4, --ipv4         IPv4 flows alone\n"
	       "  -6, --ipv6         IPv6 flows alone\n"
	       "  -r, --resolve      print the names of hosts\n"
	       "  -H, --no-header    print no header line\n"
	       "      --watch[=SECONDS]  verify again and again, until it is interrupted\n"
	       "      --proc DIR     read a copy of " PROC_DIR "\n"
	       "  -h, --help         print this\n"
	       "  -V, --version      print the version\n"
	       "\n"
	       "Filters: state, peer-state, either-state STATE; src, dst ADDRESS[/LENGTH][:PORT];\n"
	       "sport, dport [= != < > <= >=] PORT; path local|loopback|forwarded;\n"
	       "role initiator|responder; provenance handshake|midstream|seeded;\n"
	       "and, or, not, ( ). For example: state close-wait and dport = :80\n"
	       "\n"
	       "Exit status: 0 fine, 1 verify found a difference, 2 usage, 3 could not.\n");
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
static int finish(int status)
{
	if (fflush(stdout) || ferror(stdout) || close(STDOUT_FILENO))
		err(EXIT_COULD_NOT, "cannot write the output");
	return status;
}

void reader_open(struct reader *reader)
{
	netns_enter(&reader->netns, reader->which);
	genl_open(&reader->genl);
}

void reader_warn(bool complete)
{
	if (!complete)
		warnx("not complete: the module does not know every connection of this namespace");
}

/* The words as one text, as a shell would have it. */
static char *join(const struct reader *reader)
{
	size_t size = 1;
	char *text, *end;

	for (int i = 0; i < reader->count; i++)
		size += strlen(reader->words[i]) + 1;
	text = malloc(size);
	if (!text)
		err(EXIT_COULD_NOT, "filter");
	end = text;
	for (int i = 0; i < reader->count; i++)
		end += sprintf(end, "%s%s", i ? " " : "", reader->words[i]);
	*end = '\0';
	return text;
}

bool reader_filter(const struct reader *reader, struct filter *filter)
{
	struct filter_error error;
	char *text = join(reader);
	struct box box;
	bool any;

	if (!filter_parse(filter, text, &error))
		errx(EXIT_USAGE, "filter: %s, at character %zu", error.text, error.at + 1);
	any = filter->nodes;
	free(text);
	if (reader->families && !filter_families(filter, reader->families))
		errx(EXIT_USAGE, "filter: too long");
	filter_compile(filter, &box);
	if (box_is_empty(&box))
		warnx("filter: no flow can pass it: words side by side mean 'and'");
	return any;
}

/* What an option says of, or a word that follows, must be of this command. */
static void check_operands(const struct reader *reader, const struct command *command)
{
	if (reader->dir && reader->which)
		errx(EXIT_USAGE, "--proc reads a copy, of no namespace: it excludes --netns");
	if (reader->dir && !command->table)
		errx(EXIT_USAGE, "--proc reads a copy, which has no '%s'", command->name);
	if ((reader->which && !*reader->which) || (reader->dir && !*reader->dir))
		errx(EXIT_USAGE, "an empty name");
	if (reader->watch && command->run != verify)
		errx(EXIT_USAGE, "'%s' has no --watch", command->name);
	if (reader->families && command->operands != FILTER && command->run != verify)
		errx(EXIT_USAGE, "'%s' has no flows for -4 or -6 to choose from", command->name);
	if (reader->count && command->operands == NONE)
		errx(EXIT_USAGE, "'%s' is too much: one command a run", reader->words[0]);
}

/* In milliseconds. */
static uint64_t parse_seconds(const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !(seconds >= 0.1 && seconds <= 86400))
		errx(EXIT_USAGE, "--watch takes 0.1 to 86400 seconds, not '%.64s'", text);
	return (uint64_t)(seconds * 1000);
}

int main(int argc, char **argv)
{
	enum { OPT_PROC = 256, OPT_WATCH };
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "netns", required_argument, NULL, 'N' },
		{ "ipv4", no_argument, NULL, '4' },
		{ "ipv6", no_argument, NULL, '6' },
		{ "resolve", no_argument, NULL, 'r' },
		{ "no-header", no_argument, NULL, 'H' },
		{ "proc", required_argument, NULL, OPT_PROC },
		{ "watch", optional_argument, NULL, OPT_WATCH },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	static struct reader reader = { .header = true, .netns.nsid = NETNS_NO_ID };
	const struct command *command = &commands[0];
	int opt;

	hold_standard_descriptors();
	signal(SIGPIPE, SIG_IGN);
	setlocale(LC_CTYPE, "C.UTF-8");

	while ((opt = getopt_long(argc, argv, "jN:46rHhV", options, NULL)) != -1) {
		switch (opt) {
		case 'j':
			reader.json = true;
			break;
		case 'N':
			reader.which = optarg;
			break;
		case '4':
			reader.families |= FILTER_IPV4;
			break;
		case '6':
			reader.families |= FILTER_IPV6;
			break;
		case 'r':
			reader.resolve = true;
			break;
		case 'H':
			reader.header = false;
			break;
		case OPT_PROC:
			reader.dir = optarg;
			break;
		case OPT_WATCH:
			reader.watch = parse_seconds(optarg ? optarg : "1");
			break;
		case 'h':
			print_help();
			return finish(EXIT_SUCCESS);
		case 'V':
			printf("tcpstate %s\n", VERSION);
			return finish(EXIT_SUCCESS);
		default:
			return EXIT_USAGE;	/* getopt_long() said why */
		}
	}
	if (optind < argc)
		command = find_command(argv[optind++]);
	reader.words = argv + optind;
	reader.count = argc - optind;
	check_operands(&reader, command);
	command->run(&reader);
	return finish(reader.found ? EXIT_FOUND : EXIT_SUCCESS);
}
