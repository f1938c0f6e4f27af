// SPDX-License-Identifier: GPL-2.0
/*
 * Namespaces come and go.
 *
 * ORDER. Coming: memory, then /proc, then hooks, so that nothing is seen that
 * could not be counted. Going: .pre_exit marks the namespace as dying and
 * takes the hooks away; the core waits for a grace period before the next
 * stage, so that no hook or probe that saw it alive is still about to create
 * a flow. Then .exit_batch removes the flows of all dead namespaces in one
 * walk, and only then their counters and /proc files go.
 */
#include <linux/mutex.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "flow.h"

static unsigned int netns_id __read_mostly;
static DEFINE_MUTEX(netns_mutex);
static LIST_HEAD(netns_list);		/* under netns_mutex */
static bool enabled;			/* under netns_mutex */
static bool loading;			/* namespaces that come now are older than the module */

static const char *const reasons[REASONS] = {
	[REASON_IGNORED] = "ignored",
	[REASON_OUT_OF_WINDOW] = "out_of_window",
	[REASON_CHALLENGED] = "challenged",
	[REASON_MALFORMED] = "malformed",
	[REASON_BAD_CHECKSUM] = "bad_checksum",
	[REASON_INJECTED] = "injected",
};

/**
 * netns_reason_name - a reason's name as it is printed
 * @reason: the reason
 */
const char *netns_reason_name(enum netns_reason reason)
{
	return reasons[reason];
}

/**
 * tcpstate_pernet - what the module keeps for a namespace
 * @net: namespace
 *
 * Return: never NULL while the namespace's memory lives and the module is registered.
 */
struct tcpstate_net *tcpstate_pernet(const struct net *net)
{
	return net_generic(net, netns_id);
}

/**
 * netns_untracked - a connection got no flow
 * @tn: its namespace
 */
void netns_untracked(struct tcpstate_net *tn)
{
	atomic64_inc(&tn->untracked);
	WRITE_ONCE(tn->complete, false);
}

static int __net_init netns_create(struct net *net)
{
	struct tcpstate_net *tn = tcpstate_pernet(net);
	int err;

	BUILD_BUG_ON(sizeof(*tn) >= 4096);
	tn->net = net;
	err = procfs_register(tn);
	if (err)
		return err;

	mutex_lock(&netns_mutex);
	if (enabled) {
		err = hooks_register(net);
		if (err)
			goto unlock;
		tn->hooked = true;
	}
	tn->complete = enabled && !loading;
	list_add_tail(&tn->list, &netns_list);
unlock:
	mutex_unlock(&netns_mutex);
	if (err)
		procfs_unregister(tn);
	return err;
}

static void __net_exit netns_pre_exit(struct net *net)
{
	struct tcpstate_net *tn = tcpstate_pernet(net);

	mutex_lock(&netns_mutex);
	WRITE_ONCE(tn->dying, true);
	list_del(&tn->list);
	if (tn->hooked)
		hooks_unregister(net);
	tn->hooked = false;
	mutex_unlock(&netns_mutex);
}

static bool net_is_dying(const struct net *net)
{
	return tcpstate_pernet(net)->dying;
}

static void __net_exit netns_exit_batch(struct list_head *nets)
{
	bool any = false;
	struct net *net;

	list_for_each_entry(net, nets, exit_list)
		any |= atomic_read_acquire(&tcpstate_pernet(net)->flows);
	if (any)
		flow_purge(net_is_dying);
	list_for_each_entry(net, nets, exit_list) {
		struct tcpstate_net *tn = tcpstate_pernet(net);

		procfs_unregister(tn);
		counters_free(&tn->counters);
	}
}

static struct pernet_operations netns_ops = {
	.init = netns_create,
	.pre_exit = netns_pre_exit,
	.exit_batch = netns_exit_batch,
	.id = &netns_id,
	.size = sizeof(struct tcpstate_net),
};

static bool net_is_any(const struct net *net)
{
	return true;
}

static void hooks_stop(void)
{
	struct tcpstate_net *tn;

	list_for_each_entry(tn, &netns_list, list) {
		WRITE_ONCE(tn->complete, false);
		if (tn->hooked)
			hooks_unregister(tn->net);
		tn->hooked = false;
		counters_deafen(&tn->counters);
	}
}

static int hooks_start(void)
{
	struct tcpstate_net *tn;
	int err;

	list_for_each_entry(tn, &netns_list, list) {
		err = hooks_register(tn->net);
		if (err)
			return err;
		tn->hooked = true;
	}
	return 0;
}

/**
 * netns_enable - see everything, or nothing
 * @enable: which
 *
 * Disabled, hooks and probe are gone, not idle; flows are dropped. Enabled
 * again, the table is not whole: connections were missed. Process context.
 *
 * Return: 0, or a negative error and everything is disabled.
 */
int netns_enable(bool enable)
{
	int err = 0;

	mutex_lock(&netns_mutex);
	if (enable == enabled)
		goto unlock;
	if (enable) {
		err = witness_start();
		if (err)
			goto unlock;
		err = hooks_start();
		if (!err) {
			enabled = true;
			goto unlock;
		}
	}
	witness_stop();
	hooks_stop();
	synchronize_net();
	flow_purge(net_is_any);
	enabled = false;
unlock:
	mutex_unlock(&netns_mutex);
	return err;
}

/**
 * netns_init - take all namespaces in, disabled
 *
 * Return: 0 or a negative error.
 */
int netns_init(void)
{
	int err;

	loading = true;
	err = register_pernet_subsys(&netns_ops);
	loading = false;
	return err;
}

/**
 * netns_exit - let all namespaces go, after netns_enable(false)
 */
void netns_exit(void)
{
	unregister_pernet_subsys(&netns_ops);
}
