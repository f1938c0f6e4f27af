// SPDX-License-Identifier: GPL-2.0
#include "attack.h"
#include "peer.h"

const struct attack attacks[ATTACKS] = {
	{ "E1", "bad checksum", 4, attack_checksum },
	{ "E2", "MD5 and AO options", 4, attack_signature },
	{ "E3", "RST out of place", 8, attack_reset },
	{ "E4", "FIN out of place", 8, attack_fin },
	{ "E5", "no ACK, wrong ACK", 6, attack_ack },
	{ "E6", "SYN while synchronized", 6, attack_syn },
	{ "E7", "odd openings", 5, attack_opening },
	{ "E8", "split handshake, crossed SYN", 5, attack_split },
	{ "E9", "PAWS", 6, attack_timestamp },
	{ "E10", "RST at the edge of a SACK", 5, attack_sack_edge },
	{ "E11", "overlaps, FIN out of order", 8, attack_overlap },
	{ "E12", "zero window", 4, attack_zero_window },
	{ "E13", "malformed headers", 6, attack_malformed },
	{ "E14", "filter, IP_MINTTL", 3, attack_obscured },
	{ "E15", "challenge ACK dance", 4, attack_challenge },
	{ "E16", "TIME_WAIT", 5, attack_time_wait },
	{ "E17", "ICMP errors", 4, attack_icmp },
	{ "E18", "floods", 2, attack_flood },
	{ "E19", "half of the sequence space away", 4, attack_wrap },
	{ "E20", "reuse of the addresses", 4, attack_reuse },
};

/* A segment that is @seq and @ack away from where it should be. */
void attack_send(struct connection *c, uint8_t flags, int32_t seq, int32_t ack, uint16_t len)
{
	struct packet p = peer_segment(c, flags);

	/* Not the SYN that began it, but one in its place. */
	p.seq = c->peer.nxt + (uint32_t)seq;
	p.ack += (uint32_t)ack;
	p.len = len;
	connection_send(c, &p);
}
