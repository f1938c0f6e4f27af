/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The transition table of the state engine: what an event does to a state.
 *
 * Each comment argues the cells below it and names its source.
 * Documentation/fsm.rst holds the table that tools/fsm-table makes of these
 * comments, so their form counts: a line with the reason, a line with the
 * sections and kernel functions. Included by fsm.c alone.
 */
#ifndef TCPSTATE_FSM_TABLE_H
#define TCPSTATE_FSM_TABLE_H

#include "fsm.h"

static const char *const names[FSM_STATES] = {
	[FSM_ESTABLISHED] = "established",
	[FSM_SYN_SENT] = "syn_sent",
	[FSM_SYN_RECV] = "syn_recv",
	[FSM_FIN_WAIT1] = "fin_wait1",
	[FSM_FIN_WAIT2] = "fin_wait2",
	[FSM_TIME_WAIT] = "time_wait",
	[FSM_CLOSE] = "close",
	[FSM_CLOSE_WAIT] = "close_wait",
	[FSM_LAST_ACK] = "last_ack",
	[FSM_LISTEN] = "listen",
	[FSM_CLOSING] = "closing",
};

enum event {
	SEND_SYN,
	SEND_SYNACK,
	SEND_FIN,
	SEND_FIN_UNAWARE,
	SEND_RST,
	RCV_SYN,
	RCV_SYNACK,
	SYN_ACKED,
	FIN_ACKED,
	RCV_FIN,
	RCV_RST,
	RETRANSMIT_SYNACK,
	RETRANSMIT_FIN,
	EVENTS,
};

/* The endpoint stays as it is. */
#define STAY	0

/*
 * The table. Each comment argues the cells below it and names its source;
 * Documentation/fsm.rst is made from it (tools/fsm-table), so its form counts.
 */
static const __u8 next_state[EVENTS][FSM_STATES] = {
	/*
	 * Active open.
	 * RFC 9293 3.10.1; tcp_connect()
	 */
	[SEND_SYN][FSM_CLOSE] = FSM_SYN_SENT,
	/*
	 * A new connection on an old pair of addresses passes CLOSE first, in restart().
	 * RFC 6191; tcp_twsk_unique()
	 */
	[SEND_SYN][FSM_SYN_SENT] = STAY,
	[SEND_SYN][FSM_TIME_WAIT] = STAY,
	/*
	 * A crossed SYN is repeated as SYN-ACK; a SYN alone says nothing new.
	 * RFC 9293 3.5; tcp_send_synack()
	 */
	[SEND_SYN][FSM_SYN_RECV] = STAY,
	/*
	 * A synchronized endpoint sends no SYN: another did, or it restarted, as its RST will tell.
	 * RFC 9293 3.5.1
	 */
	[SEND_SYN][FSM_ESTABLISHED] = STAY,
	[SEND_SYN][FSM_FIN_WAIT1] = STAY,
	[SEND_SYN][FSM_FIN_WAIT2] = STAY,
	[SEND_SYN][FSM_CLOSE_WAIT] = STAY,
	[SEND_SYN][FSM_LAST_ACK] = STAY,
	[SEND_SYN][FSM_CLOSING] = STAY,

	/*
	 * Passive open: a listener answered.
	 * RFC 9293 3.10.7.2; tcp_conn_request()
	 */
	[SEND_SYNACK][FSM_CLOSE] = FSM_SYN_RECV,
	/*
	 * It received the peer's SYN while its own was under way.
	 * RFC 9293 3.5 figure 7; tcp_rcv_synsent_state_process()
	 */
	[SEND_SYNACK][FSM_SYN_SENT] = FSM_SYN_RECV,
	/*
	 * A repetition.
	 * RFC 9293 3.8.1; reqsk_timer_handler()
	 */
	[SEND_SYNACK][FSM_SYN_RECV] = STAY,
	/*
	 * Reopened by a newer SYN, it passes CLOSE first, in restart().
	 * RFC 9293 3.10.7.4, RFC 6191; tcp_timewait_state_process()
	 */
	[SEND_SYNACK][FSM_TIME_WAIT] = STAY,
	/*
	 * A synchronized endpoint sends none: a repetition that was overtaken, or a forgery.
	 * RFC 9293 3.10.7.4
	 */
	[SEND_SYNACK][FSM_ESTABLISHED] = STAY,
	[SEND_SYNACK][FSM_FIN_WAIT1] = STAY,
	[SEND_SYNACK][FSM_FIN_WAIT2] = STAY,
	[SEND_SYNACK][FSM_CLOSE_WAIT] = STAY,
	[SEND_SYNACK][FSM_LAST_ACK] = STAY,
	[SEND_SYNACK][FSM_CLOSING] = STAY,

	/*
	 * It closed first.
	 * RFC 9293 3.10.4; tcp_close_state()
	 */
	[SEND_FIN][FSM_ESTABLISHED] = FSM_FIN_WAIT1,
	/*
	 * A crossed or Fast Open socket may close before its SYN is acknowledged.
	 * RFC 9293 3.10.4, RFC 7413 4.2; tcp_close_state()
	 */
	[SEND_FIN][FSM_SYN_RECV] = FSM_FIN_WAIT1,
	/*
	 * It closed second.
	 * RFC 9293 3.10.4; tcp_close_state()
	 */
	[SEND_FIN][FSM_CLOSE_WAIT] = FSM_LAST_ACK,
	/*
	 * Close in SYN_SENT sends nothing; a FIN out of CLOSE is no connection's.
	 * RFC 9293 3.10.4; tcp_close_state()
	 */
	[SEND_FIN][FSM_SYN_SENT] = STAY,
	[SEND_FIN][FSM_CLOSE] = STAY,
	/*
	 * Its FIN is sent already.
	 * RFC 9293 3.10.4
	 */
	[SEND_FIN][FSM_FIN_WAIT1] = STAY,
	[SEND_FIN][FSM_FIN_WAIT2] = STAY,
	[SEND_FIN][FSM_TIME_WAIT] = STAY,
	[SEND_FIN][FSM_LAST_ACK] = STAY,
	[SEND_FIN][FSM_CLOSING] = STAY,

	/*
	 * Its FIN does not acknowledge the peer's, which waits in the backlog: it closed first.
	 * RFC 9293 3.10.4; tcp_add_backlog()
	 */
	[SEND_FIN_UNAWARE][FSM_CLOSE_WAIT] = FSM_FIN_WAIT1,
	/*
	 * Arises in CLOSE_WAIT alone: elsewhere the peer's FIN was not assumed received.
	 * RFC 9293 3.10.4
	 */
	[SEND_FIN_UNAWARE][FSM_ESTABLISHED] = STAY,
	[SEND_FIN_UNAWARE][FSM_SYN_SENT] = STAY,
	[SEND_FIN_UNAWARE][FSM_SYN_RECV] = STAY,
	[SEND_FIN_UNAWARE][FSM_FIN_WAIT1] = STAY,
	[SEND_FIN_UNAWARE][FSM_FIN_WAIT2] = STAY,
	[SEND_FIN_UNAWARE][FSM_TIME_WAIT] = STAY,
	[SEND_FIN_UNAWARE][FSM_CLOSE] = STAY,
	[SEND_FIN_UNAWARE][FSM_LAST_ACK] = STAY,
	[SEND_FIN_UNAWARE][FSM_CLOSING] = STAY,

	/*
	 * It aborted, or has no connection any more.
	 * RFC 9293 3.10.5; tcp_send_active_reset(), tcp_v4_send_reset()
	 */
	[SEND_RST][FSM_ESTABLISHED] = FSM_CLOSE,
	[SEND_RST][FSM_SYN_RECV] = FSM_CLOSE,
	[SEND_RST][FSM_FIN_WAIT1] = FSM_CLOSE,
	[SEND_RST][FSM_FIN_WAIT2] = FSM_CLOSE,
	[SEND_RST][FSM_TIME_WAIT] = FSM_CLOSE,
	[SEND_RST][FSM_CLOSE_WAIT] = FSM_CLOSE,
	[SEND_RST][FSM_LAST_ACK] = FSM_CLOSE,
	[SEND_RST][FSM_CLOSING] = FSM_CLOSE,
	/*
	 * It refused the SYN-ACK that answers its own SYN: the socket is gone.
	 * RFC 9293 3.10.7.1; tcp_v4_send_reset()
	 */
	[SEND_RST][FSM_SYN_SENT] = FSM_CLOSE,
	/*
	 * Nothing was open: the port is closed.
	 * RFC 9293 3.10.7.1
	 */
	[SEND_RST][FSM_CLOSE] = STAY,

	/*
	 * Simultaneous open.
	 * RFC 9293 3.10.7.3; tcp_rcv_synsent_state_process()
	 */
	[RCV_SYN][FSM_SYN_SENT] = FSM_SYN_RECV,
	/*
	 * Another SYN in the window of a connection request ends it.
	 * RFC 9293 3.10.7.4; tcp_check_req()
	 */
	[RCV_SYN][FSM_SYN_RECV] = FSM_CLOSE,
	/*
	 * Whether there is a listener, its SYN-ACK tells.
	 * RFC 9293 3.10.7.1 and 3.10.7.2
	 */
	[RCV_SYN][FSM_CLOSE] = STAY,
	[RCV_SYN][FSM_TIME_WAIT] = STAY,
	/*
	 * Challenge ACK, never a reset.
	 * RFC 5961 4.2; tcp_validate_incoming()
	 */
	[RCV_SYN][FSM_ESTABLISHED] = STAY,
	[RCV_SYN][FSM_FIN_WAIT1] = STAY,
	[RCV_SYN][FSM_FIN_WAIT2] = STAY,
	[RCV_SYN][FSM_CLOSE_WAIT] = STAY,
	[RCV_SYN][FSM_LAST_ACK] = STAY,
	[RCV_SYN][FSM_CLOSING] = STAY,

	/*
	 * The SYN-ACK acknowledges its SYN.
	 * RFC 9293 3.10.7.3; tcp_finish_connect()
	 */
	[RCV_SYNACK][FSM_SYN_SENT] = FSM_ESTABLISHED,
	/*
	 * No connection asked for it, or the connection has it already.
	 * RFC 9293 3.10.7.1, RFC 5961 4.2; tcp_validate_incoming()
	 */
	[RCV_SYNACK][FSM_CLOSE] = STAY,
	[RCV_SYNACK][FSM_SYN_RECV] = STAY,
	[RCV_SYNACK][FSM_ESTABLISHED] = STAY,
	[RCV_SYNACK][FSM_FIN_WAIT1] = STAY,
	[RCV_SYNACK][FSM_FIN_WAIT2] = STAY,
	[RCV_SYNACK][FSM_TIME_WAIT] = STAY,
	[RCV_SYNACK][FSM_CLOSE_WAIT] = STAY,
	[RCV_SYNACK][FSM_LAST_ACK] = STAY,
	[RCV_SYNACK][FSM_CLOSING] = STAY,

	/*
	 * The handshake is complete.
	 * RFC 9293 3.10.7.4 fifth check; tcp_rcv_state_process(), tcp_check_req()
	 */
	[SYN_ACKED][FSM_SYN_RECV] = FSM_ESTABLISHED,
	/*
	 * What it sends acknowledges a SYN-ACK: it has received it.
	 * RFC 9293 3.10.7.3
	 */
	[SYN_ACKED][FSM_SYN_SENT] = FSM_ESTABLISHED,
	/*
	 * Its SYN was acknowledged before.
	 * RFC 9293 3.10.7.4
	 */
	[SYN_ACKED][FSM_ESTABLISHED] = STAY,
	[SYN_ACKED][FSM_FIN_WAIT1] = STAY,
	[SYN_ACKED][FSM_FIN_WAIT2] = STAY,
	[SYN_ACKED][FSM_TIME_WAIT] = STAY,
	[SYN_ACKED][FSM_CLOSE] = STAY,
	[SYN_ACKED][FSM_CLOSE_WAIT] = STAY,
	[SYN_ACKED][FSM_LAST_ACK] = STAY,
	[SYN_ACKED][FSM_CLOSING] = STAY,

	/*
	 * All that it sent is acknowledged, the FIN too.
	 * RFC 9293 3.10.7.4 fifth check; tcp_rcv_state_process()
	 */
	[FIN_ACKED][FSM_FIN_WAIT1] = FSM_FIN_WAIT2,
	[FIN_ACKED][FSM_CLOSING] = FSM_TIME_WAIT,
	[FIN_ACKED][FSM_LAST_ACK] = FSM_CLOSE,
	/*
	 * No FIN is under way.
	 * RFC 9293 3.10.7.4
	 */
	[FIN_ACKED][FSM_ESTABLISHED] = STAY,
	[FIN_ACKED][FSM_SYN_SENT] = STAY,
	[FIN_ACKED][FSM_SYN_RECV] = STAY,
	[FIN_ACKED][FSM_FIN_WAIT2] = STAY,
	[FIN_ACKED][FSM_TIME_WAIT] = STAY,
	[FIN_ACKED][FSM_CLOSE] = STAY,
	[FIN_ACKED][FSM_CLOSE_WAIT] = STAY,

	/*
	 * The peer closed first.
	 * RFC 9293 3.10.7.4 eighth check; tcp_fin()
	 */
	[RCV_FIN][FSM_ESTABLISHED] = FSM_CLOSE_WAIT,
	/*
	 * The peer of a Fast Open socket closed before the handshake ended.
	 * RFC 9293 3.10.7.4; tcp_fin()
	 */
	[RCV_FIN][FSM_SYN_RECV] = FSM_CLOSE_WAIT,
	/*
	 * Both closed at once.
	 * RFC 9293 3.6 figure 13; tcp_fin()
	 */
	[RCV_FIN][FSM_FIN_WAIT1] = FSM_CLOSING,
	/*
	 * The peer closed second.
	 * RFC 9293 3.10.7.4; tcp_fin()
	 */
	[RCV_FIN][FSM_FIN_WAIT2] = FSM_TIME_WAIT,
	/*
	 * A repetition moves nothing.
	 * RFC 9293 3.10.7.4; tcp_fin()
	 */
	[RCV_FIN][FSM_CLOSE_WAIT] = STAY,
	[RCV_FIN][FSM_LAST_ACK] = STAY,
	[RCV_FIN][FSM_CLOSING] = STAY,
	[RCV_FIN][FSM_TIME_WAIT] = STAY,
	/*
	 * A FIN without a connection is ignored.
	 * RFC 9293 3.10.7.4
	 */
	[RCV_FIN][FSM_CLOSE] = STAY,
	[RCV_FIN][FSM_SYN_SENT] = STAY,

	/*
	 * A reset at exactly the next sequence number.
	 * RFC 5961 3.2; tcp_reset()
	 */
	[RCV_RST][FSM_ESTABLISHED] = FSM_CLOSE,
	[RCV_RST][FSM_FIN_WAIT1] = FSM_CLOSE,
	[RCV_RST][FSM_FIN_WAIT2] = FSM_CLOSE,
	[RCV_RST][FSM_CLOSE_WAIT] = FSM_CLOSE,
	[RCV_RST][FSM_LAST_ACK] = FSM_CLOSE,
	[RCV_RST][FSM_CLOSING] = FSM_CLOSE,
	/*
	 * Refused: it acknowledges the SYN.
	 * RFC 9293 3.10.7.3; tcp_rcv_synsent_state_process()
	 */
	[RCV_RST][FSM_SYN_SENT] = FSM_CLOSE,
	/*
	 * The initiator does not want it.
	 * RFC 9293 3.10.7.4; tcp_check_req()
	 */
	[RCV_RST][FSM_SYN_RECV] = FSM_CLOSE,
	/*
	 * Assassination, where the host permits it.
	 * RFC 1337; tcp_timewait_state_process()
	 */
	[RCV_RST][FSM_TIME_WAIT] = FSM_CLOSE,
	/*
	 * Nothing to reset.
	 * RFC 9293 3.10.7.1
	 */
	[RCV_RST][FSM_CLOSE] = STAY,

	/*
	 * The ACK of its SYN-ACK did not arrive, or was not taken: the accept queue was full.
	 * RFC 9293 3.8.1; reqsk_timer_handler()
	 */
	[RETRANSMIT_SYNACK][FSM_ESTABLISHED] = FSM_SYN_RECV,
	/*
	 * Says nothing new.
	 * RFC 9293 3.8.1
	 */
	[RETRANSMIT_SYNACK][FSM_SYN_SENT] = STAY,
	[RETRANSMIT_SYNACK][FSM_SYN_RECV] = STAY,
	[RETRANSMIT_SYNACK][FSM_FIN_WAIT1] = STAY,
	[RETRANSMIT_SYNACK][FSM_FIN_WAIT2] = STAY,
	[RETRANSMIT_SYNACK][FSM_TIME_WAIT] = STAY,
	[RETRANSMIT_SYNACK][FSM_CLOSE] = STAY,
	[RETRANSMIT_SYNACK][FSM_CLOSE_WAIT] = STAY,
	[RETRANSMIT_SYNACK][FSM_LAST_ACK] = STAY,
	[RETRANSMIT_SYNACK][FSM_CLOSING] = STAY,

	/*
	 * The ACK of its FIN, assumed received, was not.
	 * RFC 9293 3.8.1; tcp_retransmit_skb()
	 */
	[RETRANSMIT_FIN][FSM_FIN_WAIT2] = FSM_FIN_WAIT1,
	[RETRANSMIT_FIN][FSM_TIME_WAIT] = FSM_CLOSING,
	[RETRANSMIT_FIN][FSM_CLOSE] = FSM_LAST_ACK,
	/*
	 * Its FIN is still under way, or was never sent.
	 * RFC 9293 3.8.1
	 */
	[RETRANSMIT_FIN][FSM_ESTABLISHED] = STAY,
	[RETRANSMIT_FIN][FSM_SYN_SENT] = STAY,
	[RETRANSMIT_FIN][FSM_SYN_RECV] = STAY,
	[RETRANSMIT_FIN][FSM_FIN_WAIT1] = STAY,
	[RETRANSMIT_FIN][FSM_CLOSE_WAIT] = STAY,
	[RETRANSMIT_FIN][FSM_LAST_ACK] = STAY,
	[RETRANSMIT_FIN][FSM_CLOSING] = STAY,
};

#endif
