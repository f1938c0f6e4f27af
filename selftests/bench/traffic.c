// SPDX-License-Identifier: GPL-2.0
/*
 * Connections, segment by segment: sequence numbers, acknowledgments and timestamps advance as they
 * would between two Linux hosts.
 */
#include <linux/tcp.h>

#include "bench.h"

/**
 * traffic_pass - one segment on its way through the host
 * @lane: what it passes
 * @s: the segment
 * @verified: by the network card
 *
 * In softirq context, under RCU. Return: false if it was dropped; that frees one of two references.
 */
bool traffic_pass(struct lane *lane, const struct segment *s, bool verified)
{
	struct sk_buff *skb = lane->skb;
	unsigned int place;

	segment_write(skb, lane->family, s);
	if (!verified)
		skb->ip_summed = CHECKSUM_NONE;
	for (place = 0; place < PLACES; place++)
		if (nf_hook_slow(skb, &lane->chain.state[place], lane->chain.at[place], 0) != 1) {
			lane->dropped = true;
			return false;
		}
	lane->passed++;
	lane->tracked += !!skb_nfct(skb);
	nf_reset_ct(skb);
	return true;
}

/**
 * traffic_handshake - SYN, SYN-ACK, ACK
 * @lane: what they pass
 * @flow: number of their flow
 * @verified: by the network card
 *
 * As traffic_pass().
 */
bool traffic_handshake(struct lane *lane, u32 flow, bool verified)
{
	struct segment syn = {
		.flow = flow,
		.seq = ISN_INITIATOR,
		.flags = TCP_FLAG_SYN,
		.stamp = STAMP - 2,
	};
	struct segment synack = {
		.flow = flow,
		.reply = true,
		.seq = ISN_RESPONDER,
		.ack = ISN_INITIATOR + 1,
		.flags = TCP_FLAG_SYN | TCP_FLAG_ACK,
		.stamp = STAMP - 2,
		.echo = STAMP - 2,
	};
	struct segment ack = {
		.flow = flow,
		.seq = ISN_INITIATOR + 1,
		.ack = ISN_RESPONDER + 1,
		.flags = TCP_FLAG_ACK,
		.stamp = STAMP - 1,
		.echo = STAMP - 2,
	};

	return traffic_pass(lane, &syn, verified) && traffic_pass(lane, &synack, verified) &&
	       traffic_pass(lane, &ack, verified);
}

/**
 * traffic_exchanged - one segment of an established flow: data, its ACK, data of the other, its ACK
 * @flow: number of the flow
 * @step: which, counted from the handshake
 */
struct segment traffic_exchanged(u32 flow, u32 step)
{
	u32 initiator = ISN_INITIATOR + 1 + (step + 3) / STEPS * PAYLOAD;
	u32 responder = ISN_RESPONDER + 1 + (step + 1) / STEPS * PAYLOAD;
	u32 kind = step % STEPS;
	struct segment s = {
		.flow = flow,
		.reply = kind == 1 || kind == 2,
		.flags = kind % 2 ? TCP_FLAG_ACK : TCP_FLAG_ACK | TCP_FLAG_PSH,
		.len = kind % 2 ? 0 : PAYLOAD,
		.stamp = STAMP + step,
		.echo = STAMP + step - 1,
	};

	s.seq = s.reply ? responder : initiator;
	s.ack = s.reply ? initiator : responder;
	return s;
}

/**
 * traffic_exchange - one segment of an established flow
 * @lane: what it passes
 * @flow: number of the flow
 * @step: which, as traffic_exchanged()
 * @verified: by the network card
 *
 * As traffic_pass().
 */
bool traffic_exchange(struct lane *lane, u32 flow, u32 step, bool verified)
{
	struct segment s = traffic_exchanged(flow, step);

	return traffic_pass(lane, &s, verified);
}
