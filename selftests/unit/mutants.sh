#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Breaks the engine in known ways, one at a time, in a copy, and asks that some
# vector fails each time. A breakage that no longer applies is a failure too.
set -u

here=$(cd "$(dirname "$0")" && pwd) || exit 1
engine=$here/../../module
vectors=(open close reset reuse)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

compile=("${CC:-cc}" -std=gnu11 -O1 -w)

# name, sed script for the files of the engine
mutants=(
	"an ACK covers the FIN one octet early"
	's/FSM_FIN && ack == end->nxt;/FSM_FIN \&\& !seq_before(ack, end->nxt - 1);/'

	"an ACK beyond the FIN covers it"
	's/FSM_FIN && ack == end->nxt;/FSM_FIN \&\& !seq_before(ack, end->nxt);/
	 s/if (seq_after(s->ack, me->nxt) ||$/if (/'

	"unsigned instead of serial comparison"
	's/return (__s32)(a - b) < 0;/return a < b;/'

	"a FIN is counted out of order"
	's/if (seq_after(s->seq, me->rcv) || !seq_after(s->end, me->rcv))/if (!seq_after(s->end, me->rcv))/'

	"an in-window RST is accepted"
	's/if (!reset_exact(me, v->peer, s, v->certain))/if (!in_window(me, s))/'

	"a SYN in ESTABLISHED resets"
	'/^static enum fsm_verdict received_syn(/,/^}/ {
	 s/if (me->state != FSM_SYN_RECV)/if (me->state != FSM_SYN_RECV \&\& happen(v, RCV_RST, false))/
	 }'

	"a RST with a bad ACK closes SYN_SENT"
	'/^static enum fsm_verdict received_in_syn_sent(/,/^}/ {
	 s/(s->flags & SEGMENT_ACK && /((s->flags \& (SEGMENT_ACK | SEGMENT_RST)) == SEGMENT_ACK \&\& /
	 }'

	"CLOSING is skipped"
	's/\[RCV_FIN\]\[FSM_FIN_WAIT1\] = FSM_CLOSING/[RCV_FIN][FSM_FIN_WAIT1] = FSM_TIME_WAIT/'

	"an old ACK leaves LAST_ACK"
	's/if (acks_fin(me, me->una))/if (me->state == FSM_LAST_ACK || acks_fin(me, me->una))/'

	"a retransmitted FIN moves its receiver"
	's/if (seq_after(s->seq, me->rcv) || !seq_after(s->end, me->rcv))/if (seq_after(s->seq, me->rcv))/'

	"a retransmitted FIN moves its sender"
	'/^static enum fsm_verdict sent_fin(/,/^}/ {
	 s/if (me->flags & FSM_INFERRED && !(me->flags & FSM_RESET) &&$/if (/
	 }'

	"TIME_WAIT is not reopened by a newer SYN"
	'/^static enum fsm_verdict sent_synack(/,/^}/ {
	 s/switch (me->state) {/if (me->state == FSM_TIME_WAIT) return FSM_IGNORED;\n&/
	 }'

	"ESTABLISHED without an ACK of the SYN-ACK"
	's/if (me->state == FSM_SYN_RECV && !seq_after(s->ack, me->una) &&/if (0 \&\&/'

	"the window's edge does not wrap at 2^32"
	'/^static inline void learn(/,/^}/ {
	 s/edge += s->ack;/edge = edge + s->ack < edge ? 0xffffffff : edge + s->ack;/
	 }'

	"a RST's number does not wrap at 2^32"
	's/if (s->seq == to->rcv - 1 &&/if (s->seq + 1ULL == to->rcv \&\&/'

	"an acknowledged SYN does not wrap at 2^32"
	's/if (s->seq + 1 == me->rcv)/if (s->seq + 1ULL == me->rcv)/'
)

mkdir "$work/engine" || exit 1
for name in "${vectors[@]}"; do
	"${compile[@]}" -I"$engine" -c -o "$work/$name.o" "$here/${name}_test.c" || exit 1
done

# Prints the names of the vectors that fail; 1: does not build.
killers()
{
	local name

	"${compile[@]}" -I"$work/engine" -c -o "$work/fsm.o" "$work/engine/fsm.c" 2>/dev/null ||
		return 1
	for name in "${vectors[@]}"; do
		"${compile[@]}" -o "$work/$name" "$work/$name.o" "$work/fsm.o" || return 1
		"$work/$name" | sed -n 's/^not ok [0-9]* - //p'
	done
}

number=0
failed=0
report()
{
	number=$((number + 1))
	echo "${1}ok $number - $2"
	[ -z "$1" ] || failed=1
}

echo "TAP version 13"
echo "1..$((${#mutants[@]} / 2 + 1))"

cp "$engine"/fsm*.[ch] "$engine/segment.h" "$work/engine" || exit 1
if found=$(killers) && [ -z "$found" ]; then
	report "" "no vector fails on the engine as it is"
else
	report "not " "vectors fail on the engine as it is: $found"
fi

for ((i = 0; i < ${#mutants[@]}; i += 2)); do
	name=${mutants[i]}
	cp "$engine"/fsm*.[ch] "$work/engine" || exit 1
	sed -i "${mutants[i + 1]}" "$work"/engine/fsm*.[ch]
	if cat "$engine"/fsm*.[ch] | cmp -s - <(cat "$work"/engine/fsm*.[ch]); then
		report "not " "does not apply: $name"
	elif ! found=$(killers); then
		report "not " "does not build: $name"
	elif [ -z "$found" ]; then
		report "not " "survived: $name"
	else
		count=$(wc -l <<<"$found")
		report "" "killed: $name, by $(head -n 1 <<<"$found")$([ "$count" -eq 1 ] ||
			echo " and $((count - 1)) more")"
	fi
done
exit "$failed"
