# SPDX-License-Identifier: GPL-2.0
#
# Prints what ss shows in this namespace, then the files of the mirror that are named:
#   ss NETNS PORT PEER_PORT STATE
#   FILE NETNS LINE
# Variables: netns, arguments (of ss), mirror (the directory), files.

BEGIN {
	ss = "ss -tanH " arguments
	while ((ss | getline) > 0) {
		# Bound and no more: from 6.8 on they are shown too.
		if ($1 == "UNCONN")
			continue
		state = tolower($1)
		# From 6.8 on it shows sockets that are only bound; they have no connection.
		if (state == "unconn")
			continue
		sub(/^estab$/, "established", state)
		gsub(/-/, "_", state)
		sub(/wait_/, "wait", state)
		sub(/.*:/, "", $4)
		sub(/.*:/, "", $5)
		print "ss", netns, $4, $5, state
	}
	n = split(files, file)
	for (i = 1; i <= n; i++) {
		path = mirror "/" file[i]
		while ((getline line < path) > 0)
			print file[i], netns, line
		close(path)
	}
}
