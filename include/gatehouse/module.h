/*
 * The module API: all that a module may include.
 *
 * A module is one `const struct gh_module`: a name, a doc, a table of options and hooks. It has
 * three kinds of state. `self` is one a YAML entry, read-only after provision. `local` is one a
 * worker and generation: zeroed, yours, no lock. gh_shared() is one a process: it survives reloads
 * and locks itself. Hooks run on the worker of the request and must not block; what takes long goes
 * through gh_offload(). docs/writing-modules.md is the page that teaches this.
 */
#ifndef GATEHOUSE_MODULE_H
#define GATEHOUSE_MODULE_H

#include <gatehouse/base.h>
#include <gatehouse/option.h>
#include <gatehouse/request.h>

struct gh_log;
struct gh_instance;
struct gh_certificates;

/* One module in one request. */
struct gh_step {
	struct gh_request *req;
	struct gh_response *res;
	const void *self; /* one a YAML entry */
	void *local;      /* one a worker and generation */
	void *state;      /* one a request, zeroed; NULL when state_size is 0 */
};

enum gh_part { GH_MORE, GH_LAST };

typedef enum gh_verdict gh_hook(struct gh_step *s);
/* Goes on after a wait: its verdict is what the waiting hook would have given. */
typedef enum gh_verdict gh_then(struct gh_step *s);
/* Sees a slice of the body as it passes; it may not keep the slice. The last may be empty. */
typedef void gh_watch(struct gh_step *s, struct gh_str slice, enum gh_part part);
/* Takes a slice and gives what shall go on by gh_give(). GH_NEXT, or GH_ERROR: cut. */
struct gh_sink;
typedef enum gh_verdict gh_edit(struct gh_step *s, struct gh_str slice, enum gh_part part,
				struct gh_sink *to);

struct gh_module {
	const char *name, *doc;
	const struct gh_option *options; /* NULL: none */
	size_t self_size, local_size, state_size;
	/* The shape of errors on every route that has this module; GH_SHAPE_PLAIN says nothing. */
	enum gh_shape shape;

	/* Options are bound and in range. 0, or -1 after gh_invalid() said what is wrong. Main thread. */
	int (*provision)(struct gh_instance *in, void *self);
	/* Also after a failed provision. Main thread. */
	void (*cleanup)(void *self);

	gh_hook *on_request;  /* in YAML order */
	gh_hook *on_response; /* in reverse order, with the head in s->res, before it is sent */
	gh_watch *watch_request, *watch_response;
	gh_edit *edit_request, *edit_response; /* the body's length is then not known beforehand */
	void (*on_cancel)(struct gh_step *s);  /* the client left while this step waited */
	void (*on_finish)(struct gh_step *s);  /* once for each step entered, in reverse order */

	/* Reads now what it reads again by itself without a reload, such as a file that has changed:
	 * for `gatehouse key` and others that must know when that is in force. 0, or -1 and a sentence
	 * in `why`, and what was read before stays. Main thread; it may block as provision may. */
	int (*refresh)(const void *self, char *why, size_t size);

	/* Not NULL: a source of certificates, which stands under `tls:` of a listener and not in a
	 * route. It has options, provision and cleanup as others do, and no hooks. */
	const struct gh_certificates *certificates;
};

/* ---- Provision ---- */

/* Says why a provision failed, in one sentence with its mend; the place in the file is added. */
int gh_invalid(struct gh_instance *in, const char *format, ...) GH_PRINTF(2, 3); /* returns -1 */
/* The same about a text among the options as it was bound: a value, an item of a list, a key. The place is
 * where that stands; for a default, or a copy, it is the module's. */
int gh_invalid_at(struct gh_instance *in, struct gh_str text, const char *format, ...)
	GH_PRINTF(3, 4);
/* Memory of the generation, zeroed; freed after cleanup. */
void *gh_instance_alloc(struct gh_instance *in, size_t size);
/* The name of the route that the entry stands in: the same after a reload, so fit for a key of what
 * outlives one. */
struct gh_str gh_instance_route(const struct gh_instance *in);

/* The object that all entries of this module with this key share, over reloads too: made zeroed
 * with `size` and given to `init` by the first, given to `finish` when the last generation that
 * asked for it is gone. A size that changed makes a new one. Lock inside it: every worker sees it. */
struct gh_shared_type {
	size_t size;
	void (*init)(void *shared);   /* NULL: zeroed is enough */
	void (*finish)(void *shared); /* NULL: nothing to do */
};
void *gh_shared(struct gh_instance *in, struct gh_str key, const struct gh_shared_type *type);

/* A counter or gauge in /metrics, for the process. `name` as Prometheus wants it, with the prefix
 * `gatehouse_`; `labels` as `key="value",…` or empty. The same name and labels give the same one. */
struct gh_metric;
struct gh_metric *gh_counter(struct gh_instance *in, const char *name, const char *labels,
			     const char *help);
struct gh_metric *gh_gauge(struct gh_instance *in, const char *name, const char *labels,
			   const char *help);
void gh_metric_add(struct gh_metric *m, int64_t n); /* any thread */
void gh_metric_set(struct gh_metric *m, int64_t n);

/* The folder for what must outlive the process (`state_dir`), absolute and terminated; it may not
 * exist yet: gh_state_dir_make() makes it, for its owner alone. Returns 0, or -1 and errno. */
struct gh_str gh_state_dir(const struct gh_instance *in);
int gh_state_dir_make(struct gh_str dir);

/* ---- Certificates: what an entry under `tls:` of a listener can do ---- */

struct gh_certificate_sink;
struct gh_certificates {
	/* Gives what is at hand without waiting, from a file or from memory. Main thread, before a
	 * config is taken up, so also with each reload. NULL: nothing ever is. */
	void (*at_hand)(const void *self, struct gh_certificate_sink *to);
	/* Gives them anew. It may block, with deadlines of its own, on a thread that is there for
	 * this; first after the config is taken up. Returns in how many ms it wants to be called
	 * again, or 0: not any more. Where it gives nothing, what it gave before stays. NULL: what
	 * was at hand is all. */
	int64_t (*renew)(const void *self, struct gh_certificate_sink *to);
};
/* One certificate: PEM of the leaf and its chain, and of its key; copied. Who asks for one of its
 * names (SNI) gets it; the first one that a listener has is for all others. 0, or -1: it is not
 * usable, which gh_certificate_trouble() was told. */
int gh_certificate_give(struct gh_certificate_sink *to, struct gh_str chain, struct gh_str key);
/* What gh_certificate_give() would say of it, without giving it: 0, or -1 and a sentence in `why` (of
 * `size` bytes). Any thread. */
struct gh_certificate_life {
	int64_t not_before, not_after; /* seconds since 1970 */
};
int gh_certificate_check(struct gh_str chain, struct gh_str key,
			 struct gh_certificate_life *ret_life, /* NULL: of no interest */
			 char *why, size_t size);
/* Says what is wrong, in one sentence with its mend: for the log (once until it changes), for
 * `gatehouse status`. A call of at_hand or renew that tells of none ends it. */
void gh_certificate_trouble(struct gh_certificate_sink *to, const char *format, ...)
	GH_PRINTF(2, 3);
/* Whether the process ends, or the config that asked is gone: what `renew` still does then, nobody
 * waits for. It asks this some ten times a second while it blocks. Any thread. */
bool gh_certificate_stopping(const struct gh_certificate_sink *to);

/* ---- Answering ---- */

/* Answers with this status, type and body (copied); returns GH_DONE. */
enum gh_verdict gh_respond(struct gh_step *s, int status, struct gh_str type, struct gh_str body);
/* Gives up: an error answer in the route's shape, or, after the head was sent, a visible break.
 * `code` is OpenAI's error code, such as `invalid_api_key`, or NULL. Returns GH_ERROR. */
enum gh_verdict gh_fail(struct gh_step *s, int status, const char *code, const char *format, ...)
	GH_PRINTF(4, 5);
/* A field for the answer, whoever gives it, errors too. Set before the head is sent. */
void gh_answer_header(struct gh_step *s, struct gh_str name, struct gh_str value);

/* Sends the request on to `upstream`, in its turn where `max_concurrent` makes requests wait, and
 * streams its answer back. Returns GH_DONE, or GH_PENDING while it waits. */
enum gh_proxy_flag {
	GH_PROXY_UPGRADE = 1,   /* WebSockets may pass */
	GH_PROXY_KEEP_HOST = 2, /* the client's Host goes on, not the upstream's own */
};
struct gh_proxy {
	struct gh_upstream *upstream;
	unsigned flags;
	struct gh_str path; /* NULL: the request's path and query; else both, in their stead */
	/* The collected body as it shall go on: pieces in their order, which live as long as the
	 * request. NULL: as it came. */
	const struct gh_str *body;
	size_t body_count;
	/* Which model of the upstream is asked for: while one that is not loaded is being asked for,
	 * further requests for it wait, so that it is loaded once. Empty: of no matter. */
	struct gh_str model;
	/* In place of an error answer, when the upstream gave none: gh_trouble() says why. The verdict
	 * is as in on_request, so gh_pass() to another is one way and gh_fail() another. After
	 * gh_begin() or gh_say() it can but gh_say() something and fail, also in the middle of an
	 * answer. NULL: the error. */
	gh_then *on_trouble;
	/* Called whenever so many ms passed in which the client got nothing, from here to the end of
	 * the answer. 0: never. */
	int64_t silence_ms;
	void (*on_silence)(struct gh_step *s);
};
enum gh_verdict gh_pass(struct gh_step *s, const struct gh_proxy *p);

/* Why an upstream gave no answer. */
enum gh_trouble_kind {
	GH_TROUBLE_FULL,     /* too many wait there already */
	GH_TROUBLE_WAITED,   /* its turn did not come in time */
	GH_TROUBLE_CONNECT,  /* nothing could be reached */
	GH_TROUBLE_TIMEOUT,  /* no answer in time */
	GH_TROUBLE_BROKEN,   /* it closed, or what came is no proper answer */
	GH_TROUBLE_STOPPING, /* the gateway is being stopped: nothing else can be asked any more */
};
struct gh_trouble {
	enum gh_trouble_kind kind;
	/* Of the error that is answered if nobody does otherwise. */
	int status;
	const char *code, *text;
};
const struct gh_trouble *gh_trouble(const struct gh_step *s);

/* Sends a head of status 200 and this type now, from the step that has passed the request on:
 * on_response of the other steps is called with it, and may not wait then. The step's own is called when
 * the upstream's head comes, which is no longer sent: GH_NEXT lets its body follow, gh_fail() breaks the
 * answer off. Nothing when a head is out already. */
void gh_begin(struct gh_step *s, struct gh_str type);
bool gh_is_begun(const struct gh_step *s);
/* Bytes of the answer's body from this step, to be seen by those further out; after the head. */
void gh_say(struct gh_step *s, struct gh_str bytes);

/* In on_response: the head waits, and `take` gets the body in the client's stead, with GH_LAST at its
 * end, for as long as it gives GH_PENDING. GH_NEXT: the head goes on as it is in s->res by then, after
 * it what gh_put() gave, and what is still to come streams. GH_ERROR: gh_fail(). Returns GH_PENDING. */
typedef enum gh_verdict gh_take(struct gh_step *s, struct gh_str slice, enum gh_part part);
enum gh_verdict gh_take_answer(struct gh_step *s, gh_take *take);
/* Bytes (the request's, see gh_alloc) that go first in the body; in a gh_take that gives GH_NEXT. The
 * length in s->res is the module's to mend. */
void gh_put(struct gh_step *s, struct gh_str bytes);
/* In on_response: this step's edit_response leaves this answer alone, which so keeps its length. */
void gh_no_edit(struct gh_step *s);
/* The answer says of itself that it is whole: a client that leaves from now on has it. */
void gh_set_whole(struct gh_step *s);
/* What the client waited for begins now, though bytes came before it: the first token. */
void gh_set_first_token(struct gh_step *s);

/* ---- Waiting: each returns GH_PENDING, and `then` gives the verdict ---- */

/* A wait, as a number that is never used twice: a resume that comes late is nothing. */
struct gh_wait {
	uint64_t token;
	void *worker;
};
enum gh_verdict gh_hold(struct gh_step *s, gh_then *then, struct gh_wait *ret_wait);
/* Any thread, any time, also after the request is gone. */
void gh_resume(struct gh_wait wait);

enum gh_verdict gh_sleep(struct gh_step *s, int64_t ms, gh_then *then);

/* Runs `work` on a pool of threads. A job owns its memory (`size` bytes, copied from `job`), may
 * touch nothing of the request but a body that was collected, which is kept for it, and may use
 * `self` of the instance that it came from. `then` finds
 * the job's memory by gh_job(). A lane that is full refuses: GH_ERROR after 503 with Retry-After.
 * A client that leaves does not stop the job. */
enum gh_lane { GH_LANE_HASH, GH_LANE_FILE, GH_LANE_READ /* of large bodies */, GH_LANE_COUNT };
enum gh_verdict gh_offload(struct gh_step *s, enum gh_lane lane, void (*work)(void *job),
			   const void *job, size_t size, gh_then *then);
void *gh_job(struct gh_step *s);

/* Asks an upstream something on the side and waits for the whole answer, at most `max` bytes. */
struct gh_call {
	struct gh_str method, path;
	struct gh_str host; /* what `Host` says; empty: the upstream's own address */
	const struct gh_header *headers;
	size_t header_count;
	struct gh_str body;
	size_t max;
	int64_t timeout_ms;
};
struct gh_answer {
	int status; /* 0: no answer came; `error` says why */
	struct gh_headers headers;
	struct gh_str body;
	const char *error;
};
enum gh_verdict gh_call(struct gh_step *s, struct gh_upstream *upstream, const struct gh_call *call,
			gh_then *then);
const struct gh_answer *gh_answer(struct gh_step *s);
/* All that makes an upstream what it is, as text: the same after a reload that left it as it was, so
 * fit for a key of what outlives one. */
struct gh_str gh_upstream_key(const struct gh_upstream *upstream);
/* Its name in `upstreams:`, or its first address. */
struct gh_str gh_upstream_name(const struct gh_upstream *upstream);
/* Its option `assemble`. */
bool gh_upstream_assembles(const struct gh_upstream *upstream);

/* Reads the whole body into s->req->body, at most `max` bytes, else 413. */
enum gh_verdict gh_collect_body(struct gh_step *s, size_t max, gh_then *then);

/* ---- A request's memory and end ---- */

void *gh_alloc(struct gh_request *r, size_t size);            /* zeroed, gone with the request */
struct gh_str gh_copy(struct gh_request *r, struct gh_str s); /* terminated */
struct gh_str gh_printf(struct gh_request *r, const char *format, ...) GH_PRINTF(2, 3);
/* Calls `done(arg)` when the request ends, however it ends. */
void gh_defer(struct gh_request *r, void (*done)(void *arg), void *arg);

/* Who the caller is, for all later steps and the log. The name is copied. */
void gh_set_caller(struct gh_request *r, struct gh_str name);
/* What they are bound to; of the request's memory. */
void gh_set_grant(struct gh_request *r, const struct gh_grant *grant);
/* The model that is asked for, for the log, the usage and its metrics. Copied. A request with a model
 * is counted in `gatehouse usage`, with what gh_set_usage() said. */
void gh_set_model(struct gh_request *r, struct gh_str name);
void gh_set_usage(struct gh_request *r, const struct gh_usage *usage);

/* ---- Body editors ---- */

/* The slice's memory is the editor's again when this is back. A part of what the editor was given
 * costs least: what is of its own is sent at once. */
void gh_give(struct gh_sink *to, struct gh_str slice);

/* ---- Log, time, random ---- */

enum gh_level { GH_LOG_ERROR, GH_LOG_WARN, GH_LOG_INFO, GH_LOG_DEBUG };
/* One line, with request id, route and module. Never a credential, a prompt or an answer. */
void gh_log(struct gh_step *s, enum gh_level level, const char *format, ...) GH_PRINTF(3, 4);
/* One line that fail2ban can read: a login failed, and for what reason. */
void gh_log_denied(struct gh_step *s, struct gh_str user, const char *reason);

int64_t gh_now_ms(const struct gh_step *s); /* monotonic, as of this turn of the loop */
void gh_random(void *bytes, size_t size);   /* fit for keys */

/* Stands for a text in a table of what strangers send: SipHash-2-4 of 128 bits. Who does not know the key,
 * which gh_random() drew, finds no two texts with one hash. Any thread. */
enum { GH_SIPHASH = 16 };
void gh_siphash(const uint8_t key[GH_SIPHASH], struct gh_str text, uint8_t ret_hash[GH_SIPHASH]);

#endif
