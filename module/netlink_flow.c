// SPDX-License-Identifier: GPL-2.0
/*
 * Flows over netlink: get, dump, count, delete, flush.
 *
 * A walk goes bucket by bucket, under RCU in each, and holds nothing between
 * them. A dump keeps the number of a bucket between its rounds, and the id of
 * a flow where one bucket alone is more than a message; no pointer.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <net/sock.h>

#include "filter.h"
#include "flow.h"
#include "netlink.h"
#include "table.h"

static const struct nla_policy end_policy[TCPSTATE_A_END_PORT + 1] = {
	[TCPSTATE_A_END_IPV4] = { .type = NLA_U32 },
	[TCPSTATE_A_END_IPV6] = NLA_POLICY_EXACT_LEN(sizeof(struct in6_addr)),
	[TCPSTATE_A_END_PORT] = { .type = NLA_U16 },
};

const struct nla_policy netlink_flow_policy[TCPSTATE_A_FLOW_FILTER + 1] = {
	[TCPSTATE_A_FLOW_ID] = { .type = NLA_U64 },
	[TCPSTATE_A_FLOW_SCOPE] = { .type = NLA_U32 },
	[TCPSTATE_A_FLOW_SRC] = NLA_POLICY_NESTED(end_policy),
	[TCPSTATE_A_FLOW_DST] = NLA_POLICY_NESTED(end_policy),
	[TCPSTATE_A_FLOW_FILTER] = NLA_POLICY_NESTED(filter_policy),
};

#define KEY	(BIT(TCPSTATE_A_FLOW_ID) | BIT(TCPSTATE_A_FLOW_SCOPE) | \
		 BIT(TCPSTATE_A_FLOW_SRC) | BIT(TCPSTATE_A_FLOW_DST))
#define FILTER	BIT(TCPSTATE_A_FLOW_FILTER)

/* One policy serves several operations: each takes only its own attributes. */
static int refuse_others(struct nlattr *const *tb, unsigned long wanted,
			 struct netlink_ext_ack *extack)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(netlink_flow_policy); i++) {
		if (!tb[i] || wanted & BIT(i))
			continue;
		NL_SET_ERR_MSG_ATTR(extack, tb[i], "not an attribute of this request");
		return -EINVAL;
	}
	return 0;
}

static bool put_end(struct sk_buff *skb, int type, const struct view *view,
		    const struct view_end *end)
{
	struct nlattr *nest = nla_nest_start(skb, type);
	int err;

	if (!nest)
		return false;
	if (view->family == NFPROTO_IPV4)
		err = nla_put_in_addr(skb, TCPSTATE_A_END_IPV4, end->addr.ip);
	else
		err = nla_put_in6_addr(skb, TCPSTATE_A_END_IPV6, &end->addr.in6);
	if (err || nla_put_be16(skb, TCPSTATE_A_END_PORT, end->port) ||
	    nla_put_u32(skb, TCPSTATE_A_END_STATE, end->state) ||
	    (end->local && nla_put_flag(skb, TCPSTATE_A_END_LOCAL)) ||
	    (end->inferred && nla_put_flag(skb, TCPSTATE_A_END_INFERRED)) ||
	    nla_put_u64_64bit(skb, TCPSTATE_A_END_AGE, end->age, TCPSTATE_A_END_PAD))
		return false;
	nla_nest_end(skb, nest);
	return true;
}

static bool put_view(struct sk_buff *skb, const struct view *view)
{
	return !nla_put_u64_64bit(skb, TCPSTATE_A_FLOW_ID, view->id, TCPSTATE_A_FLOW_PAD) &&
	       (!view->scope || !nla_put_u32(skb, TCPSTATE_A_FLOW_SCOPE, view->scope)) &&
	       !nla_put_u32(skb, TCPSTATE_A_FLOW_PATH, view->path) &&
	       !nla_put_u32(skb, TCPSTATE_A_FLOW_ROLE, view->role) &&
	       !nla_put_u32(skb, TCPSTATE_A_FLOW_PROVENANCE, view->provenance) &&
	       !nla_put_u64_64bit(skb, TCPSTATE_A_FLOW_AGE, view->age, TCPSTATE_A_FLOW_PAD) &&
	       put_end(skb, TCPSTATE_A_FLOW_SRC, view, &view->src) &&
	       put_end(skb, TCPSTATE_A_FLOW_DST, view, &view->dst);
}

static int parse_end(union nf_inet_addr *addr, __be16 *port, u32 *family,
		     const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	struct nlattr *tb[ARRAY_SIZE(end_policy)];
	int err;

	err = nla_parse_nested(tb, ARRAY_SIZE(end_policy) - 1, attr, end_policy, extack);
	if (err)
		return err;
	if (!tb[TCPSTATE_A_END_IPV4] == !tb[TCPSTATE_A_END_IPV6] || !tb[TCPSTATE_A_END_PORT]) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "an end has one address, ipv4 or ipv6, and a port");
		return -EINVAL;
	}
	memset(addr, 0, sizeof(*addr));
	if (tb[TCPSTATE_A_END_IPV4]) {
		*family = NFPROTO_IPV4;
		addr->ip = nla_get_in_addr(tb[TCPSTATE_A_END_IPV4]);
	} else {
		*family = NFPROTO_IPV6;
		addr->in6 = nla_get_in6_addr(tb[TCPSTATE_A_END_IPV6]);
	}
	*port = nla_get_be16(tb[TCPSTATE_A_END_PORT]);
	return 0;
}

static int parse_key(struct flow_key *key, struct genl_info *info)
{
	struct nlattr *src = info->attrs[TCPSTATE_A_FLOW_SRC];
	struct nlattr *dst = info->attrs[TCPSTATE_A_FLOW_DST];
	struct nlattr *scope = info->attrs[TCPSTATE_A_FLOW_SCOPE];
	union nf_inet_addr addr[2];
	u32 family[2];
	__be16 port[2];
	int err;

	err = refuse_others(info->attrs, KEY, info->extack);
	if (err)
		return err;
	if (!src || !dst) {
		NL_SET_ERR_MSG(info->extack, "src and dst are needed");
		return -EINVAL;
	}
	err = parse_end(&addr[0], &port[0], &family[0], src, info->extack);
	if (!err)
		err = parse_end(&addr[1], &port[1], &family[1], dst, info->extack);
	if (err)
		return err;
	if (family[0] != family[1]) {
		NL_SET_ERR_MSG_ATTR(info->extack, dst, "not of the family of src");
		return -EINVAL;
	}
	/* No interface has such a number. */
	if (scope && nla_get_u32(scope) > INT_MAX)
		return -ENOENT;
	flow_key_init(key, genl_info_net(info), family[0], &addr[0], &addr[1], port[0], port[1],
		      scope ? nla_get_u32(scope) : 0);
	return 0;
}

/* Under RCU. Return: the flow that a request names, locked, or NULL. */
static struct flow *find(struct genl_info *info, const struct flow_key *key, unsigned long *flags)
{
	const struct nlattr *id = info->attrs[TCPSTATE_A_FLOW_ID];
	struct flow *flow = flow_find(key, table_hash(key), flags);

	if (!flow || !id || nla_get_u64(id) == table_id(flow))
		return flow;
	flow_unlock(flow, *flags);
	return NULL;
}

static int not_found(struct genl_info *info)
{
	NL_SET_ERR_MSG(info->extack, "there is no such flow");
	return -ENOENT;
}

/* Return: a reply that has its header, or NULL. */
static struct sk_buff *reply_new(struct genl_info *info, u8 cmd, void **header)
{
	struct sk_buff *reply = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL_ACCOUNT);

	if (!reply)
		return NULL;
	*header = genlmsg_put_reply(reply, info, &netlink_family, 0, cmd);
	if (*header)
		return reply;
	nlmsg_free(reply);
	return NULL;
}

static int reply_count(struct genl_info *info, u8 cmd, u64 count)
{
	struct sk_buff *reply;
	void *header;

	reply = reply_new(info, cmd, &header);
	if (!reply)
		return -ENOMEM;
	if (nla_put_u64_64bit(reply, TCPSTATE_A_FLOW_COUNT, count, TCPSTATE_A_FLOW_PAD)) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, header);
	return genlmsg_reply(reply, info);
}

/**
 * netlink_flow_get - show the flow between two endpoints
 * @skb: the request
 * @info: its attributes
 *
 * Return: 0 or a negative error; -ENOENT if there is none.
 */
int netlink_flow_get(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *reply;
	unsigned long flags;
	struct flow_key key;
	struct flow *flow;
	struct view view;
	void *header;
	int err;

	err = parse_key(&key, info);
	if (err)
		return err;
	rcu_read_lock();
	flow = find(info, &key, &flags);
	if (flow) {
		view_flow(&view, flow);
		flow_unlock(flow, flags);
	}
	rcu_read_unlock();
	if (!flow)
		return not_found(info);

	reply = reply_new(info, TCPSTATE_CMD_FLOW_GET, &header);
	if (!reply)
		return -ENOMEM;
	if (!put_view(reply, &view)) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, header);
	return genlmsg_reply(reply, info);
}

/**
 * netlink_flow_del - drop the flow between two endpoints
 * @skb: the request
 * @info: its attributes
 *
 * Return: 0 or a negative error; -ENOENT if there is none.
 */
int netlink_flow_del(struct sk_buff *skb, struct genl_info *info)
{
	unsigned long flags;
	struct flow_key key;
	struct flow *flow;
	int err;

	err = parse_key(&key, info);
	if (err)
		return err;
	rcu_read_lock();
	flow = find(info, &key, &flags);
	if (flow) {
		WRITE_ONCE(netlink_pernet(info)->complete, false);
		flow_remove(flow);
		flow_unlock(flow, flags);
	}
	rcu_read_unlock();
	return flow ? 0 : not_found(info);
}

/**
 * netlink_flow_flush - drop all flows of the namespace
 * @skb: the request
 * @info: its attributes
 *
 * Return: 0 or a negative error.
 */
int netlink_flow_flush(struct sk_buff *skb, struct genl_info *info)
{
	struct tcpstate_net *tn = netlink_pernet(info);
	u64 count;

	if (mutex_lock_killable(&tn->config))
		return -EINTR;
	count = netns_flush(tn);
	mutex_unlock(&tn->config);
	return reply_count(info, TCPSTATE_CMD_FLOW_FLUSH, count);
}

/*
 * Room for others between two buckets of a long walk. Return: 0, or -EINTR for the
 * dying alone: netlink sends no answer for that error.
 */
static int breathe(void)
{
	cond_resched();
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/* Return: whether a flow is of the namespace; then @view shows it. */
static bool show(struct flow *flow, const struct net *net, struct view *view)
{
	unsigned long flags;

	if (flow->net != net || !flow_relock(flow, &flags))
		return false;
	view_flow(view, flow);
	flow_unlock(flow, flags);
	return true;
}

struct count {
	const struct net *net;
	struct filter filter;
	u64 n;
};

static int count_flow(struct flow *flow, void *data)
{
	struct count *count = data;
	struct view view;

	if (show(flow, count->net, &view) && filter_match(&count->filter, &view))
		count->n++;
	return 0;
}

/**
 * netlink_flow_count - count the flows that fulfil a filter
 * @skb: the request
 * @info: its attributes
 *
 * Return: 0 or a negative error.
 */
int netlink_flow_count(struct sk_buff *skb, struct genl_info *info)
{
	struct tcpstate_net *tn = netlink_pernet(info);
	struct count count = { .net = tn->net };
	unsigned int i;
	int err;

	err = refuse_others(info->attrs, FILTER, info->extack);
	if (!err)
		err = filter_parse(&count.filter, info->attrs[TCPSTATE_A_FLOW_FILTER],
				   info->extack);
	for (i = 0; !err && i < table_buckets() && atomic_read(&tn->flows); i++) {
		table_visit(i, count_flow, &count);
		err = breathe();
	}
	return err ?: reply_count(info, TCPSTATE_CMD_FLOW_COUNT, count.n);
}

/**
 * struct dump - where a dump stands
 * @filter: what it lists
 * @bucket: the next bucket
 * @last: id of the last flow of it that was listed, with @within
 * @within: the bucket was more than a message: go on after @last
 */
struct dump {
	struct filter filter;
	unsigned int bucket;
	u64 last;
	bool within;
};

/**
 * netlink_flow_dump_start - begin a dump
 * @cb: of the dump
 *
 * Return: 0 or a negative error.
 */
int netlink_flow_dump_start(struct netlink_callback *cb)
{
	struct nlattr *tb[ARRAY_SIZE(netlink_flow_policy)];
	struct dump *dump;
	int err;

	err = genlmsg_parse(cb->nlh, &netlink_family, tb, ARRAY_SIZE(tb) - 1,
			    netlink_flow_policy, cb->extack);
	if (!err)
		err = refuse_others(tb, FILTER, cb->extack);
	if (err)
		return err;
	dump = kzalloc(sizeof(*dump), GFP_KERNEL_ACCOUNT);
	if (!dump)
		return -ENOMEM;
	err = filter_parse(&dump->filter, tb[TCPSTATE_A_FLOW_FILTER], cb->extack);
	if (err) {
		kfree(dump);
		return err;
	}
	cb->seq = 1;
	*(struct dump **)cb->ctx = dump;
	return 0;
}

/* One round: what is put into one message. */
struct round {
	struct sk_buff *skb;
	struct netlink_callback *cb;
	struct dump *dump;
	u64 last;
	bool listed;
	bool skip;
};

static int dump_flow(struct flow *flow, void *data)
{
	struct round *round = data;
	struct view view;
	void *header;

	if (!show(flow, sock_net(round->skb->sk), &view))
		return 0;
	if (round->skip) {
		round->skip = view.id != round->dump->last;
		return 0;
	}
	if (!filter_match(&round->dump->filter, &view))
		return 0;
	header = genlmsg_put(round->skb, NETLINK_CB(round->cb->skb).portid,
			     round->cb->nlh->nlmsg_seq, &netlink_family, NLM_F_MULTI,
			     TCPSTATE_CMD_FLOW_GET);
	if (!header)
		return -EMSGSIZE;
	genl_dump_check_consistent(round->cb, header);
	if (!put_view(round->skb, &view)) {
		genlmsg_cancel(round->skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(round->skb, header);
	round->last = view.id;
	round->listed = true;
	return 0;
}

/* The flows of the dump's bucket. Return: 0, or -EMSGSIZE if not all found room. */
static int dump_bucket(struct sk_buff *skb, struct netlink_callback *cb, struct dump *dump)
{
	struct round round = { .skb = skb, .cb = cb, .dump = dump, .skip = dump->within };
	void *mark = skb_tail_pointer(skb);
	bool first = !skb->len;
	int err;

	err = table_visit(dump->bucket, dump_flow, &round);
	if (!err && round.skip) {
		/* The flow to go on after has gone: some are listed twice, and that is said. */
		cb->seq++;
		round.skip = false;
		err = table_visit(dump->bucket, dump_flow, &round);
	}
	if (!err) {
		dump->within = false;
		return 0;
	}
	if (!first) {
		/* Whole in the next message. */
		nlmsg_trim(skb, mark);
	} else if (round.listed) {
		dump->within = true;
		dump->last = round.last;
	}
	return err;
}

/**
 * netlink_flow_dump - fill one message of a dump
 * @skb: the message
 * @cb: of the dump
 *
 * Return: its length; 0 at the end; or a negative error.
 */
int netlink_flow_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct tcpstate_net *tn = tcpstate_pernet(sock_net(skb->sk));
	struct dump *dump = *(struct dump **)cb->ctx;
	int err;

	for (; dump->bucket < table_buckets() && atomic_read(&tn->flows); dump->bucket++) {
		err = dump_bucket(skb, cb, dump);
		if (err)
			return skb->len ?: err;
		err = breathe();
		if (err)
			return err;
	}
	return skb->len;
}

/**
 * netlink_flow_dump_done - end a dump, whole or not
 * @cb: of the dump
 *
 * Return: 0.
 */
int netlink_flow_dump_done(struct netlink_callback *cb)
{
	kfree(*(struct dump **)cb->ctx);
	return 0;
}
