// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/net/tcpstate/: the counters as text. Documentation/abi.rst is the
 * contract. Reading costs the same for any number of flows.
 */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "flow.h"

static struct tcpstate_net *file_pernet(struct seq_file *m)
{
	return tcpstate_pernet(seq_file_single_net(m));
}

/* Return: the sums, to be freed, or NULL. */
static struct counters_sum *sum_get(struct seq_file *m)
{
	struct counters_sum *sum = kmalloc(sizeof(*sum), GFP_KERNEL_ACCOUNT);

	if (sum)
		counters_read(&file_pernet(m)->counters, sum);
	return sum;
}

static int counters_show(struct seq_file *m, void *v)
{
	struct counters_sum *sum = sum_get(m);
	enum counters_column column;
	u8 state;

	if (!sum)
		return -ENOMEM;
	seq_puts(m, "state local local_initiator remote forwarded_initiator forwarded_responder entered_local entered_remote entered_forwarded_initiator entered_forwarded_responder\n");
	for (state = FSM_ESTABLISHED; state < FSM_STATES; state++) {
		seq_printf(m, "%s %llu %llu", fsm_name(state),
			   counters_gauge(sum, COLUMN_LOCAL, state),
			   counters_initiators(sum, state));
		for (column = COLUMN_REMOTE; column < COLUMNS; column++)
			seq_printf(m, " %llu", counters_gauge(sum, column, state));
		for (column = COLUMN_LOCAL; column < COLUMNS; column++)
			seq_printf(m, " %llu", counters_entered(sum, column, state));
		seq_putc(m, '\n');
	}
	kfree(sum);
	return 0;
}

static const char *const paths[] = { "local", "loopback", "forwarded" };

static int pairs_show(struct seq_file *m, void *v)
{
	struct counters_sum *sum = sum_get(m);
	enum tcpstate_path path;
	u8 row, column;

	if (!sum)
		return -ENOMEM;
	seq_puts(m, "path state");
	for (column = FSM_ESTABLISHED; column < FSM_STATES; column++)
		seq_printf(m, " %s", fsm_name(column));
	seq_putc(m, '\n');
	for (path = 0; path < ARRAY_SIZE(paths); path++) {
		for (row = FSM_ESTABLISHED; row < FSM_STATES; row++) {
			seq_printf(m, "%s %s", paths[path], fsm_name(row));
			for (column = FSM_ESTABLISHED; column < FSM_STATES; column++)
				seq_printf(m, " %llu", counters_pairs(sum, path, row, column));
			seq_putc(m, '\n');
		}
	}
	kfree(sum);
	return 0;
}

static int transitions_show(struct seq_file *m, void *v)
{
	struct counters_sum *sum = sum_get(m);
	enum counters_column column;
	u8 from, to;

	if (!sum)
		return -ENOMEM;
	seq_puts(m, "from to local remote forwarded_initiator forwarded_responder\n");
	for (from = FSM_ESTABLISHED; from < FSM_STATES; from++) {
		for (to = FSM_ESTABLISHED; to < FSM_STATES; to++) {
			seq_printf(m, "%s %s", fsm_name(from), fsm_name(to));
			for (column = COLUMN_LOCAL; column < COLUMNS; column++)
				seq_printf(m, " %llu", sum->moved[column][from][to]);
			seq_putc(m, '\n');
		}
	}
	kfree(sum);
	return 0;
}

static int stat_show(struct seq_file *m, void *v)
{
	struct tcpstate_net *tn = file_pernet(m);
	struct counters_sum *sum = sum_get(m);
	u32 flows = atomic_read(&tn->flows);

	if (!sum)
		return -ENOMEM;
	seq_puts(m, "name value\n");
	seq_printf(m, "flows %u\n", flows);
	seq_printf(m, "self_connected %llu\n", counters_self(sum));
	seq_printf(m, "embryonic %u\n", atomic_read(&tn->embryonic));
	seq_printf(m, "max_flows %u\n", limit_flows());
	seq_printf(m, "memory %zu\n", flow_memory(tn, flows));
	seq_printf(m, "untracked %llu\n", (u64)atomic64_read(&tn->untracked));
	seq_printf(m, "complete %d\n", READ_ONCE(tn->complete));
	seq_printf(m, "evicted %llu\n", (u64)atomic64_read(&tn->evicted));
	kfree(sum);
	return 0;
}

static u64 causes_total(const struct witness_counters *w, bool silent)
{
	enum witness_cause cause;
	u64 n = 0;
	u8 state;

	for (cause = CAUSE_NONE + 1; cause < CAUSES; cause++)
		for (state = FSM_ESTABLISHED; state < FSM_STATES; state++)
			if (witness_cause_silent(cause) == silent)
				n += atomic64_read(&w->causes[cause][state]);
	return n;
}

static u64 corrections_total(const struct witness_counters *w)
{
	u8 engine, socket;
	u64 n = 0;

	for (engine = FSM_ESTABLISHED; engine < FSM_STATES; engine++)
		for (socket = FSM_ESTABLISHED; socket < FSM_STATES; socket++)
			n += atomic_read(&w->corrections[engine][socket]);
	return n;
}

static int debug_show(struct seq_file *m, void *v)
{
	struct tcpstate_net *tn = file_pernet(m);
	struct witness_counters *w = &tn->witness;
	enum netns_reason reason;
	enum witness_cause cause;
	u8 state, socket;

	seq_puts(m, "counter from to value\n");
	for (reason = 0; reason < REASONS; reason++)
		seq_printf(m, "%s - - %llu\n", netns_reason_name(reason),
			   (u64)atomic64_read(&tn->reasons[reason]));
	seq_printf(m, "silent - - %llu\n", causes_total(w, true));
	seq_printf(m, "withheld - - %llu\n", causes_total(w, false));
	seq_printf(m, "corrections - - %llu\n", corrections_total(w));
	for (cause = CAUSE_NONE + 1; cause < CAUSES; cause++) {
		for (state = FSM_ESTABLISHED; state < FSM_STATES; state++) {
			u64 n = atomic64_read(&w->causes[cause][state]);

			if (n)
				seq_printf(m, "%s_%s %s - %llu\n",
					   witness_cause_silent(cause) ? "silent" : "withheld",
					   witness_cause_name(cause), fsm_name(state), n);
		}
	}
	for (state = FSM_ESTABLISHED; state < FSM_STATES; state++) {
		for (socket = FSM_ESTABLISHED; socket < FSM_STATES; socket++) {
			int n = atomic_read(&w->corrections[state][socket]);

			if (n)
				seq_printf(m, "correction %s %s %d\n", fsm_name(state),
					   fsm_name(socket), n);
		}
	}
	return 0;
}

static const struct {
	const char *name;
	umode_t mode;
	int (*show)(struct seq_file *m, void *v);
} files[] = {
	{ "counters", 0444, counters_show },
	{ "pairs", 0444, pairs_show },
	{ "transitions", 0444, transitions_show },
	{ "stat", 0444, stat_show },
	{ "debug", 0440, debug_show },
};

/**
 * procfs_register - make a namespace's directory
 * @tn: the namespace
 *
 * Return: 0 or -ENOMEM.
 */
int procfs_register(struct tcpstate_net *tn)
{
	unsigned int i;

	tn->proc = proc_net_mkdir(tn->net, "tcpstate", tn->net->proc_net);
	if (!tn->proc)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		if (!proc_create_net_single(files[i].name, files[i].mode, tn->proc,
					    files[i].show, NULL)) {
			procfs_unregister(tn);
			return -ENOMEM;
		}
	}
	return 0;
}

/**
 * procfs_unregister - remove it, after the last reader
 * @tn: the namespace
 */
void procfs_unregister(struct tcpstate_net *tn)
{
	remove_proc_subtree("tcpstate", tn->net->proc_net);
}
