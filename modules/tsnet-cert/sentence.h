/*
 * What went wrong between the gateway and tailscaled, in one sentence with its mend, and how soon
 * it makes sense to look again. Texts of others are quoted short, and as printable ASCII.
 */
#ifndef TSNET_CERT_SENTENCE_H
#define TSNET_CERT_SENTENCE_H

#include "localapi.h"
#include "names.h"
#include "plan.h"
#include "status.h"

enum { TSNET_SENTENCE_SIZE = 768 };

struct tsnet_sentence {
	char text[TSNET_SENTENCE_SIZE]; /* empty: nothing is wrong */
	enum tsnet_pace pace;
	int64_t retry_after_s;
};

void tsnet_say(struct tsnet_sentence *s, enum tsnet_pace pace, const char *format, ...)
	GH_PRINTF(3, 4);

/* For a question that got no 200. `user` is who this process runs as; `name` is NULL when it was
 * the status that was asked for. */
void tsnet_say_answer(struct tsnet_sentence *s, const struct tsnet_answer *a, const char *socket,
		      const char *name, const char *user, int64_t within_ms);
/* For a status that is no good ground for a certificate; empty when it is. */
void tsnet_say_status(struct tsnet_sentence *s, const struct tsnet_status *status);

/* Puts the sentence into `why`; always -1. */
int tsnet_refuse(char *why, size_t size, const char *format, ...) GH_PRINTF(3, 4);

/* `text` as at most `size` - 1 bytes of printable ASCII, runs of anything else as one space. */
void tsnet_quote(struct gh_str text, char *to, size_t size);

#endif
