// SPDX-License-Identifier: GPL-2.0
/*
 * Two network devices, one that packets come in by and one that they leave by.
 */
#include <linux/etherdevice.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>

#include "bench.h"

#define FORWARDED_MAX	256	/* octets of a packet, with its Ethernet header */

static struct net_device *devices[2];

/* Packets that left, and those of them that conntrack has an entry for. */
static u64 left, left_tracked;

static netdev_tx_t device_xmit(struct sk_buff *skb, struct net_device *dev)
{
	left++;
	left_tracked += !!skb_nfct(skb);
	dev_consume_skb_any(skb);
	return NETDEV_TX_OK;
}

static const struct net_device_ops device_ops = {
	.ndo_start_xmit = device_xmit,
};

static void device_setup(struct net_device *dev)
{
	ether_setup(dev);
	dev->netdev_ops = &device_ops;
	dev->flags |= IFF_NOARP;
	dev->priv_flags |= IFF_NO_QUEUE;
	eth_hw_addr_random(dev);
}

/**
 * device_make - make both
 * @net: their namespace
 *
 * Return: 0 or a negative error.
 */
int device_make(struct net *net)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(devices); i++) {
		struct net_device *dev = alloc_netdev(0, "bench%d", NET_NAME_ENUM, device_setup);

		if (!dev) {
			device_free();
			return -ENOMEM;
		}
		dev_net_set(dev, net);
		err = register_netdev(dev);
		if (err) {
			free_netdev(dev);
			device_free();
			return err;
		}
		devices[i] = dev;
		rtnl_lock();
		err = dev_open(dev, NULL);
		rtnl_unlock();
		if (err) {
			device_free();
			return err;
		}
	}
	return 0;
}

/**
 * device_free - undo device_make()
 */
void device_free(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(devices); i++) {
		if (!devices[i])
			continue;
		unregister_netdev(devices[i]);
		free_netdev(devices[i]);
		devices[i] = NULL;
	}
}

/**
 * device_in - where packets come in
 */
struct net_device *device_in(void)
{
	return devices[0];
}

/**
 * device_out - where they leave
 */
struct net_device *device_out(void)
{
	return devices[1];
}

/**
 * device_forward - have the host forward a segment
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @s: the segment
 * @tracked: becomes one more if conntrack has an entry for it
 *
 * In softirq context. Return: 0, or a negative error if it did not leave.
 */
int device_forward(u8 family, const struct segment *s, u64 *tracked)
{
	struct net_device *dev = s->reply ? device_out() : device_in();
	struct sk_buff *skb = netdev_alloc_skb(dev, FORWARDED_MAX);
	u64 before = left, before_tracked = left_tracked;

	if (!skb)
		return -ENOMEM;
	skb_reserve(skb, ETH_HLEN + NET_IP_ALIGN);
	segment_prepare(skb, family);
	skb->dev = dev;
	memset(skb->data, 0, FORWARDED_MAX - ETH_HLEN - NET_IP_ALIGN);
	segment_write(skb, family, s);
	netif_receive_skb(skb);
	*tracked += left_tracked - before_tracked;
	return left == before + 1 ? 0 : -EIO;
}
