// SPDX-License-Identifier: GPL-2.0
/*
 * Two network devices, one that packets come in by and one that they leave by.
 */
#include <linux/etherdevice.h>
#include <linux/netdevice.h>

#include "bench.h"

static struct net_device *devices[2];

static netdev_tx_t device_xmit(struct sk_buff *skb, struct net_device *dev)
{
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
