// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets that have to be looked at a little later, in process context: one
 * that connected without sending a SYN (Fast Open waits for data), and, where
 * a probe must not allocate (PREEMPT_RT), one that needs a flow.
 *
 * Few and rare: a fixed list of held sockets, each for a moment. A full list
 * counts the connection as untracked.
 */
#include <net/sock.h>

#include "flow.h"

#define DEFERRED	256	/* sockets held at most */
#define WAIT		(HZ / 20)

static struct {
	raw_spinlock_t lock;
	unsigned int count;		/* under lock */
	struct sock *sk[DEFERRED];	/* under lock, each with a reference */
} list;

static void deferred_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(work, deferred_work);

static struct sock *take(void)
{
	struct sock *sk = NULL;
	unsigned long flags;

	raw_spin_lock_irqsave(&list.lock, flags);
	if (list.count)
		sk = list.sk[--list.count];
	raw_spin_unlock_irqrestore(&list.lock, flags);
	return sk;
}

static void deferred_work(struct work_struct *unused)
{
	struct sock *sk;

	while ((sk = take())) {
		witness_look(sk);
		sock_put(sk);
		cond_resched();
	}
}

/**
 * deferred_add - look at a socket soon
 * @sk: a full socket that the caller's context keeps alive
 *
 * Any context, preemption off included. Return: false if the list is full.
 */
bool deferred_add(struct sock *sk)
{
	unsigned long flags;
	bool added;

	raw_spin_lock_irqsave(&list.lock, flags);
	added = list.count < DEFERRED;
	if (added) {
		sock_hold(sk);
		list.sk[list.count++] = sk;
	}
	raw_spin_unlock_irqrestore(&list.lock, flags);
	if (added)
		queue_delayed_work(system_unbound_wq, &work, WAIT);
	return added;
}

/**
 * deferred_init - before the first probe
 */
void deferred_init(void)
{
	raw_spin_lock_init(&list.lock);
}

/**
 * deferred_flush - let all sockets go; no probe runs any more
 */
void deferred_flush(void)
{
	struct sock *sk;

	cancel_delayed_work_sync(&work);
	while ((sk = take()))
		sock_put(sk);
}
