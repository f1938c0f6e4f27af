// SPDX-License-Identifier: GPL-2.0
#include <libmnl/libmnl.h>
#include <stdio.h>
#include <string.h>

#include "fields.h"
#include "reply.h"

static enum reply_is is_damaged(struct reply *reply, const char *what)
{
	snprintf(reply->damaged, sizeof(reply->damaged), "damaged: %s", what);
	return REPLY_DAMAGED;
}

/* The kernel's words for an error. They are no part of the protocol: what is odd is left out. */
static void take_words(struct reply *reply, const void *at, size_t size)
{
	const struct nlattr *attr;

	mnl_attr_for_each_payload(at, size) {
		const char *text = mnl_attr_get_payload(attr);
		size_t length = mnl_attr_get_payload_len(attr);

		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_OFFS && length == sizeof(uint32_t))
			reply->offset = mnl_attr_get_u32(attr);
		if (mnl_attr_get_type(attr) != NLMSGERR_ATTR_MSG)
			continue;
		snprintf(reply->text, sizeof(reply->text), "%.*s", (int)length, text);
		for (char *c = reply->text; *c; c++)
			if (*c < ' ' || *c > '~')
				*c = '?';
	}
}

/* The end of a request, with a word on how it went: 0 or a negative errno. */
static enum reply_is take_end(struct reply *reply, const struct nlmsghdr *nlh)
{
	const char *payload = mnl_nlmsg_get_payload(nlh);
	size_t size = mnl_nlmsg_get_payload_len(nlh), words = sizeof(int);
	int error;

	/* A dump's end may have no word. */
	if (nlh->nlmsg_type == NLMSG_DONE && size < sizeof(error))
		return REPLY_WHOLE;
	if (size < sizeof(error))
		return is_damaged(reply, "an error is cut off");
	memcpy(&error, payload, sizeof(error));
	if (error > 0 || error < -4095)
		return is_damaged(reply, "an error has no number");
	reply->error = -error;

	/* An error repeats the header of the request, and, uncapped, all of it. */
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		struct nlmsghdr request;

		if (size < sizeof(error) + sizeof(request))
			return is_damaged(reply, "an error is cut off");
		memcpy(&request, payload + sizeof(error), sizeof(request));
		words += sizeof(request);
		if (!(nlh->nlmsg_flags & NLM_F_CAPPED) && request.nlmsg_len > sizeof(request))
			words += MNL_ALIGN((size_t)request.nlmsg_len - sizeof(request));
	}
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS && words < size)
		take_words(reply, payload + words, size - words);
	return REPLY_WHOLE;
}

static enum reply_is take_message(struct reply *reply, const struct nlmsghdr *nlh)
{
	const char *payload = mnl_nlmsg_get_payload(nlh);
	size_t size = mnl_nlmsg_get_payload_len(nlh);
	char error[FIELDS_ERROR] = "";

	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		reply->torn = true;
	switch (nlh->nlmsg_type) {
	case NLMSG_NOOP:
		return REPLY_MORE;
	case NLMSG_OVERRUN:
		return is_damaged(reply, "data was lost");
	case NLMSG_ERROR:
	case NLMSG_DONE:
		return take_end(reply, nlh);
	}
	if (nlh->nlmsg_type != reply->type)
		return is_damaged(reply, "a message of another type");
	if (size < reply->header)
		return is_damaged(reply, "a message is cut off");
	if (reply->take &&
	    !reply->take(reply->data, payload + reply->header, size - reply->header, error)) {
		snprintf(reply->damaged, sizeof(reply->damaged), "%s", error);
		return REPLY_DAMAGED;
	}
	return REPLY_MORE;
}

/* mnl_nlmsg_ok() takes a length above INT_MAX for a negative one, and lets it pass. */
static bool is_whole(const struct nlmsghdr *nlh, int left)
{
	return left >= (int)sizeof(*nlh) && nlh->nlmsg_len <= (unsigned int)left &&
	       mnl_nlmsg_ok(nlh, left);
}

enum reply_is reply_take(struct reply *reply, const void *bytes, size_t size)
{
	const struct nlmsghdr *nlh = bytes;
	enum reply_is is = REPLY_MORE;
	int left = (int)size;

	while (is == REPLY_MORE && left > 0) {
		if (!is_whole(nlh, left))
			return is_damaged(reply, "a message is cut off");
		/* An answer to an earlier request is none to this one. */
		if (nlh->nlmsg_seq == reply->seq && nlh->nlmsg_pid == reply->portid)
			is = take_message(reply, nlh);
		nlh = mnl_nlmsg_next(nlh, &left);
	}
	return is;
}
