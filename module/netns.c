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
#include <linux/rwsem.h>
#include <net/net_namespace.h>

#include "flow.h"
#include "seed.h"

unsigned int tcpstate_netns_id __read_mostly;
static DEFINE_MUTEX(netns_mutex);
static LIST_HEAD(netns_list);		/* under netns_mutex */
static bool enabled;			/* under netns_mutex and enabled_sem */

/*
 * Held for writing to enable and disable, for reading by whoever makes flows
 * outside of hooks and probe: disabled, there are none. Order: a namespace's config,
 * enabled_sem, netns_mutex. A namespace's own root may hold the first two for long
 * walks, so nothing else may wait for them.
 */
static DECLARE_RWSEM(enabled_sem);
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
 * netns_untracked - a connection got no flow
 * @tn: its namespace
 */
void netns_untracked(struct tcpstate_net *tn)
{
	atomic64_inc(&tn->untracked);
	WRITE_ONCE(tn->complete, false);
}

/**
 * netns_evicted - a flow goes because another one needs its place
 * @tn: its namespace
 *
 * The connection may go on: the table lacks it.
 */
void netns_evicted(struct tcpstate_net *tn)
{
	atomic64_inc(&tn->evicted);
	WRITE_ONCE(tn->complete, false);
}

/**
 * netns_visit - visit all namespaces, unless something changes in them
 * @visit: called for each, which does not go meanwhile
 * @data: for @visit
 *
 * Process context. Return: false, and none was visited, if it would have to wait.
 */
bool netns_visit(void (*visit)(struct tcpstate_net *tn, void *data), void *data)
{
	struct tcpstate_net *tn;

	if (!mutex_trylock(&netns_mutex))
		return false;
	list_for_each_entry(tn, &netns_list, list) {
		visit(tn, data);
		cond_resched();
	}
	mutex_unlock(&netns_mutex);
	return true;
}

/* Have the hooks of these paths. Return: 0, or a negative error and nothing has changed. */
static int hook(struct tcpstate_net *tn, u32 paths)
{
	int err;

	lockdep_assert_held(&netns_mutex);
	err = hooks_register(tn->net, paths & ~tn->hooked);
	if (err)
		return err;
	hooks_unregister(tn->net, tn->hooked & ~paths);
	WRITE_ONCE(tn->hooked, paths);
	return 0;
}

static int __net_init netns_create(struct net *net)
{
	struct tcpstate_net *tn = tcpstate_pernet(net);
	int err;

	BUILD_BUG_ON(sizeof(*tn) >= 4096);
	tn->net = net;
	mutex_init(&tn->config);
	tn->paths = PATH_ALL;
	expire_defaults(tn);
	err = procfs_register(tn);
	if (err)
		return err;

	mutex_lock(&netns_mutex);
	if (enabled) {
		err = hook(tn, tn->paths);
		if (err)
			goto unlock;
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
	hook(tn, 0);
	mutex_unlock(&netns_mutex);
}

static bool is_dying(const struct flow *flow, const void *data)
{
	return flow_pernet(flow)->dying;
}

static void __net_exit netns_exit_batch(struct list_head *nets)
{
	bool any = false;
	struct net *net;

	list_for_each_entry(net, nets, exit_list)
		any |= atomic_read_acquire(&tcpstate_pernet(net)->flows);
	if (any)
		flow_purge(is_dying, NULL, NULL);
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
	.id = &tcpstate_netns_id,
	.size = sizeof(struct tcpstate_net),
};

static bool is_any(const struct flow *flow, const void *data)
{
	return true;
}

static void hooks_stop(void)
{
	struct tcpstate_net *tn;

	list_for_each_entry(tn, &netns_list, list) {
		WRITE_ONCE(tn->complete, false);
		hook(tn, 0);
		counters_deafen(&tn->counters);
	}
}

static int hooks_start(void)
{
	struct tcpstate_net *tn;
	int err;

	list_for_each_entry(tn, &netns_list, list) {
		err = hook(tn, tn->paths);
		if (err)
			return err;
	}
	return 0;
}

static void seed_all(void)
{
	struct tcpstate_net *tn;
	LIST_HEAD(all);

	list_for_each_entry(tn, &netns_list, list)
		list_add_tail(&tn->seeds, &all);
	seed(&all);
}

static void seed_one(struct tcpstate_net *tn)
{
	LIST_HEAD(one);

	lockdep_assert_held(&tn->config);
	list_add_tail(&tn->seeds, &one);
	seed(&one);
}

/**
 * netns_enable - see everything, or nothing
 * @enable: which
 *
 * Disabled, hooks and probe are gone, not idle; flows are dropped. Enabled,
 * local flows are seeded. Process context.
 *
 * Return: 0, or a negative error and everything is disabled.
 */
int netns_enable(bool enable)
{
	int err = 0;

	down_write(&enabled_sem);
	mutex_lock(&netns_mutex);
	if (enable == enabled)
		goto unlock;
	if (enable) {
		err = witness_start();
		if (err)
			goto unlock;
		err = hooks_start();
		if (!err) {
			WRITE_ONCE(enabled, true);
			seed_all();
			goto unlock;
		}
	}
	witness_stop();
	hooks_stop();
	synchronize_net();
	sampler_stop();
	flow_purge(is_any, NULL, NULL);
	WRITE_ONCE(enabled, false);
unlock:
	mutex_unlock(&netns_mutex);
	up_write(&enabled_sem);
	return err;
}

/**
 * netns_enabled - is anything seen?
 */
bool netns_enabled(void)
{
	return READ_ONCE(enabled);
}

static bool is_unwatched(const struct flow *flow, const void *net)
{
	bool forwarded = READ_ONCE(flow->class) == CLASS_FORWARDED;

	return flow->net == net &&
	       !netns_watches(flow_pernet(flow),
			      forwarded ? TCPSTATE_PATH_FORWARDED : TCPSTATE_PATH_LOCAL);
}

/* Forget flows of paths that hooks and probe saw watched a moment ago. */
static void forget_unwatched(struct tcpstate_net *tn)
{
	synchronize_net();
	flow_purge(is_unwatched, tn->net, &tn->flows);
}

/**
 * netns_set_paths - watch these paths of a namespace from now on
 * @tn: the namespace, which must not go meanwhile, with its config held
 * @paths: as bits; all of %PATH_LOCAL or nothing of it
 *
 * Flows of other paths are dropped; local ones that come anew are seeded. Process
 * context.
 *
 * Return: 0, or a negative error and nothing has changed.
 */
int netns_set_paths(struct tcpstate_net *tn, u32 paths)
{
	u32 gone, come;
	int err = 0;

	lockdep_assert_held(&tn->config);
	down_read(&enabled_sem);
	gone = tn->paths & ~paths;
	come = paths & ~tn->paths;
	if (enabled) {
		mutex_lock(&netns_mutex);
		err = hook(tn, paths);
		mutex_unlock(&netns_mutex);
	}
	if (err) {
		/* One hook may have seen something before the next failed. */
		forget_unwatched(tn);
		goto unlock;
	}
	if (come)
		WRITE_ONCE(tn->complete, false);
	WRITE_ONCE(tn->paths, paths);
	if (gone)
		forget_unwatched(tn);
	if (gone & PATH_LOCAL)
		counters_deafen(&tn->counters);
	if (enabled && come)
		seed_one(tn);
unlock:
	up_read(&enabled_sem);
	return err;
}

static bool is_of(const struct flow *flow, const void *net)
{
	return flow->net == net;
}

/**
 * netns_flush - drop all flows of a namespace, and seed the local ones again
 * @tn: the namespace, which must not go meanwhile, with its config held
 *
 * Process context. Return: how many there were.
 */
u64 netns_flush(struct tcpstate_net *tn)
{
	u64 flows;

	lockdep_assert_held(&tn->config);
	down_read(&enabled_sem);
	WRITE_ONCE(tn->complete, false);
	flows = flow_purge(is_of, tn->net, &tn->flows);
	if (enabled)
		seed_one(tn);
	up_read(&enabled_sem);
	return flows;
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
