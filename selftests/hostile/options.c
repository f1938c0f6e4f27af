// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "options.h"

static const char usage[] =
	"usage: hostile [--seed N] [--connections N] [--batch N] [--segments N] [--check N]\n"
	"               [--only CLASS,...] [--connection N] [--engine] [--verify] [--delete]\n";

static void refuse(void)
{
	fputs(usage, stderr);
	exit(2);
}

static unsigned long long number(const char *text)
{
	char *end;
	unsigned long long n = strtoull(text, &end, 10);

	if (!*text || *end)
		refuse();
	return n;
}

static void read_one(struct options *options, int option, char *value)
{
	switch (option) {
	case 's':
		options->seed = number(value);
		break;
	case 'n':
		options->connections = number(value);
		break;
	case 'b':
		options->batch = number(value);
		break;
	case 'g':
		options->segments = number(value);
		break;
	case 'k':
		options->check = number(value);
		break;
	case 'c':
		options->connection = (int)number(value);
		break;
	case 'o':
		options->only = value;
		break;
	case 'e':
		options->engine = true;
		break;
	case 'v':
		options->verify = true;
		break;
	case 'd':
		options->delete = true;
		break;
	default:
		refuse();
	}
}

void options_read(struct options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "connections", required_argument, NULL, 'n' },
		{ "batch", required_argument, NULL, 'b' },
		{ "segments", required_argument, NULL, 'g' },
		{ "check", required_argument, NULL, 'k' },
		{ "only", required_argument, NULL, 'o' },
		{ "connection", required_argument, NULL, 'c' },
		{ "engine", no_argument, NULL, 'e' },
		{ "verify", no_argument, NULL, 'v' },
		{ "delete", no_argument, NULL, 'd' },
		{ 0 },
	};
	int option;

	*options = (struct options){
		.seed = 1, .connections = 100, .batch = 50, .segments = 50, .check = 10,
		.connection = -1,
	};
	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1)
		read_one(options, option, optarg);
	if (optind != argc || !options->batch || !options->check)
		refuse();
}
