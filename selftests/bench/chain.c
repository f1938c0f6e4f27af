// SPDX-License-Identifier: GPL-2.0
/*
 * Chains of hooks: those that are registered in the namespace, with dummies in the place of all
 * that are not one tracker's. So it is as long for each, and only the trackers' work differs.
 */
#define pr_fmt(fmt) "bench: " fmt
#include <linux/netfilter_ipv4.h>
#include <linux/slab.h>

#include "bench.h"

static const unsigned int numbers[PLACES] = {
	[PRE_ROUTING] = NF_INET_PRE_ROUTING,
	[FORWARD] = NF_INET_FORWARD,
	[POST_ROUTING] = NF_INET_POST_ROUTING,
};

static unsigned int dummy(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	return NF_ACCEPT;
}

/* tcpstate registers for both families at once, conntrack for each. There may be others. */
static enum tracker whose(const struct nf_hook_ops *ops)
{
	if (ops->pf == NFPROTO_INET)
		return TCPSTATE;
	switch (ops->priority) {
	case NF_IP_PRI_CONNTRACK_DEFRAG:
	case NF_IP_PRI_CONNTRACK:
	case NF_IP_PRI_CONNTRACK_CONFIRM:
		return CONNTRACK;
	default:
		return BASE;
	}
}

static struct nf_hook_entries *copy(const struct nf_hook_entries *live, enum tracker tracker,
				    bool padded)
{
	unsigned int i, n = live ? live->num_hook_entries : 0;
	struct nf_hook_entries *e = kzalloc(struct_size(e, hooks, n), GFP_ATOMIC);
	struct nf_hook_ops **ops;

	if (!e || !n)
		return e;
	ops = nf_hook_entries_get_hook_ops(live);
	for (i = 0; i < n; i++) {
		if (tracker != BASE && whose(ops[i]) == tracker)
			e->hooks[e->num_hook_entries++] = live->hooks[i];
		else if (padded)
			e->hooks[e->num_hook_entries++].hook = dummy;
	}
	return e;
}

/**
 * chain_make - the chain with one tracker
 * @chain: filled
 * @tracker: which, or %BASE for none
 * @net: where both are registered
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @padded: with dummies, to be as long as any
 *
 * Return: 0 or a negative error.
 */
int chain_make(struct chain *chain, enum tracker tracker, struct net *net, u8 family,
	       bool padded)
{
	struct nf_hook_entries __rcu **hooks = family == NFPROTO_IPV4 ? net->nf.hooks_ipv4 :
									net->nf.hooks_ipv6;
	unsigned int place, real = 0, i;

	memset(chain, 0, sizeof(*chain));
	for (place = 0; place < PLACES; place++) {
		nf_hook_state_init(&chain->state[place], numbers[place], family,
				   place == POST_ROUTING ? NULL : device_in(),
				   place == PRE_ROUTING ? NULL : device_out(), NULL, net, NULL);
		rcu_read_lock();
		chain->at[place] = copy(rcu_dereference(hooks[numbers[place]]), tracker,
					padded);
		rcu_read_unlock();
		if (!chain->at[place]) {
			chain_free(chain);
			return -ENOMEM;
		}
		for (i = 0; i < chain->at[place]->num_hook_entries; i++) {
			nf_hookfn *hook = chain->at[place]->hooks[i].hook;

			real += hook != dummy;
			pr_debug("hook %u of tracker %u at %u: %ps\n", i, tracker, place, hook);
		}
	}
	/* At FORWARD first and last; defragmentation, look-up and confirmation. */
	if (real == (tracker == BASE ? 0 : tracker == TCPSTATE ? 2 : 3))
		return 0;
	pr_err("tracker %u has %u hooks\n", tracker, real);
	chain_free(chain);
	return -ENOENT;
}

/**
 * chain_install - have the namespace's packets pass a chain instead of its own
 * @chain: from chain_make()
 *
 * There is no way back: for a kernel that ends with the benchmark.
 */
void chain_install(const struct chain *chain)
{
	const struct nf_hook_state *state = &chain->state[FORWARD];
	unsigned int place;

	for (place = 0; place < PLACES; place++) {
		struct nf_hook_entries *e = chain->at[place];
		struct nf_hook_entries __rcu **hooks = state->pf == NFPROTO_IPV4 ?
						       state->net->nf.hooks_ipv4 :
						       state->net->nf.hooks_ipv6;

		rcu_assign_pointer(hooks[numbers[place]], e->num_hook_entries ? e : NULL);
	}
}

/**
 * chain_free - undo chain_make()
 * @chain: what it filled
 */
void chain_free(struct chain *chain)
{
	unsigned int place;

	for (place = 0; place < PLACES; place++)
		kfree(chain->at[place]);
	memset(chain, 0, sizeof(*chain));
}
