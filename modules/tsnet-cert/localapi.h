/*
 * One question to tailscaled over its unix socket, and the whole answer: HTTP/1.0, a connection
 * each. It blocks its caller until the answer is there or the time is over, so it is for the
 * renewal thread and for no worker. Whoever holds the socket is not trusted: every byte is checked,
 * head and body are bounded, and one deadline covers connecting, sending and receiving.
 */
#ifndef TSNET_CERT_LOCALAPI_H
#define TSNET_CERT_LOCALAPI_H

#include <gatehouse/base.h>

enum {
	TSNET_HEAD_MAX = 16 << 10,
	TSNET_SOCKET_MAX = 107, /* what a sockaddr_un takes */
	TSNET_PATH_MAX = 512,
};

/* How a question ended. */
enum tsnet_end {
	TSNET_ANSWERED,  /* with whatever status */
	TSNET_NO_SOCKET, /* nothing stands at the path */
	TSNET_REFUSED,   /* a socket, and nobody behind it */
	TSNET_FORBIDDEN, /* this user may not open it */
	TSNET_NO_WAY,    /* another error of the system: `error` */
	TSNET_LATE,      /* the deadline passed */
	TSNET_STOPPED,   /* the caller's `stopping` said so */
	TSNET_CUT,       /* it ended before its end */
	TSNET_TOO_LONG,  /* more than was asked for */
	TSNET_GARBLED,   /* no HTTP */
};

struct tsnet_question {
	const char *socket; /* an absolute path of at most TSNET_SOCKET_MAX bytes */
	const char *path;   /* the request's target; printable ASCII without spaces */
	int64_t within_ms;  /* in all */
	size_t max;         /* bytes of the body */
	/* NULL, or asked some ten times a second: true ends the question. */
	bool (*stopping)(const void *arg);
	const void *arg;
};

struct tsnet_answer {
	enum tsnet_end end;
	int error;             /* with TSNET_NO_WAY: an errno */
	int status;            /* 200…599 with TSNET_ANSWERED, else 0 */
	int64_t retry_after_s; /* what its Retry-After asks for; 0: nothing */
	struct gh_str body;    /* with TSNET_ANSWERED */
	char *memory;
	size_t used;
};

/* Fills in all of `ret_answer`, which tsnet_answer_finish() ends. */
void tsnet_ask(const struct tsnet_question *q, struct tsnet_answer *ret_answer);
/* Wipes it: it may hold a key. Takes one that was finished, or zeroed. */
void tsnet_answer_finish(struct tsnet_answer *a);

/* ---- For localapi.c and tests: what an answer's head says ---- */

struct tsnet_head {
	int status;
	bool has_length;
	size_t length;
	int64_t retry_after_s;
};

/* `head` is all up to and with the empty line. 0, or -1: this is no HTTP/1 head, or one of a kind
 * that an HTTP/1.0 client was not to be sent. `now` is in seconds since 1970, for a date. */
int tsnet_head_read(struct gh_str head, int64_t now, struct tsnet_head *ret_head);

#endif
