/* HTTP/2: how a connection ends, in order, by its client's faults and floods, and by the clock. */
#include "unit/net/http2_bench.h"

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
/* GET / of a.test, and POST / of it: indices of the static table and a literal authority. */
#define GET_BLOCK \
	"\x82\x86\x84\x01\x06" \
	"a.test"
#define POST_BLOCK \
	"\x83\x86\x84\x01\x06" \
	"a.test"

enum { BLOCK = sizeof GET_BLOCK - 1 };

static void say_head(struct bench *b, uint32_t id, uint8_t flags)
{
	say_frame(b, NGHTTP2_HEADERS, flags, id,
		  flags & NGHTTP2_FLAG_END_STREAM ? GET_BLOCK : POST_BLOCK, BLOCK);
}

static void say_get(struct bench *b, uint32_t id)
{
	say_head(b, id, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM);
}

static void say_post(struct bench *b, uint32_t id)
{
	say_head(b, id, NGHTTP2_FLAG_END_HEADERS);
}

static void say_reset(struct bench *b, uint32_t id)
{
	say_frame(b, NGHTTP2_RST_STREAM, 0, id, "\0\0\0\x8", 4);
}

/* The code of the last GOAWAY on the wire: nghttp2 as a client reads no further when the frames that
 * were sent by hand get answers that it did not ask for. */
static void look_for_goaway(struct bench *b)
{
	wire_read(&b->wire);
	for (size_t at = 0; at + 17 <= b->wire.len;) {
		const uint8_t *f = (const uint8_t *)b->wire.got + at;
		if (f[3] == NGHTTP2_GOAWAY)
			b->goaway = f[13] << 24 | f[14] << 16 | f[15] << 8 | f[16];
		at += 9u + ((size_t)f[0] << 16 | (size_t)f[1] << 8 | f[2]);
	}
}

/* The connection ends by itself, in order, after a GOAWAY of this code. */
static void assert_over(struct bench *b, uint32_t code)
{
	talk(b);
	look_for_goaway(b);
	if (b->goaway != code)
		fail_msg("GOAWAY %lld where %u is right", (long long)b->goaway, code);
	assert_true(wire_ends(&b->loop, &b->wire));
	assert_int_equal(b->wire.end, WIRE_FIN);
	assert_int_equal(b->heads, b->ends); /* streams are over at once */
}

/* ---- in order ---- */

static void a_stop_lets_answers_end(void **state)
{
	struct bench *b = *state;

	b->on_head = begin_stream;
	struct seen *s = get(b, "/");
	gh__conns_stop(&b->conns);
	wire_settle(&b->loop);
	wire_read(&b->wire);
	talk(b);
	/* First a notice; then, when its echo has come, the number of the last stream. */
	assert_int_equal(b->goaways, 2);
	assert_int_equal(b->goaway, NGHTTP2_NO_ERROR);
	assert_int_equal(b->goaway_last, 1);
	assert_int_equal(b->closes, 0);
	give(b->users, "two", GH_LAST);
	talk(b);
	assert_true(s->ended);
	assert_string_equal(s->body, "onetwo");
	assert_int_equal(b->users[0].gones, 0);
	assert_true(wire_ends(&b->loop, &b->wire));
	assert_int_equal(b->wire.end, WIRE_FIN);
}

static void a_request_on_its_way_is_answered_in_a_stop(void **state)
{
	struct bench *b = *state;

	b->on_head = begin_stream;
	get(b, "/one");
	gh__conns_stop(&b->conns);
	/* The client does not know yet. */
	ask(b, "GET", "/two", NULL, NULL);
	talk(b);
	assert_int_equal(b->heads, 2);
	assert_int_equal(b->goaway_last, 3);
	/* Now it should. */
	say_get(b, 5);
	wire_settle(&b->loop);
	assert_int_equal(b->heads, 2);
	give(b->users, "x", GH_LAST);
	give(b->users + 1, "x", GH_LAST);
	wire_settle(&b->loop);
	assert_int_equal(b->ends, 2);
}

static void a_client_that_does_not_echo_is_not_waited_for(void **state)
{
	struct bench *b = *state;

	b->on_head = begin_stream;
	get(b, "/");
	gh__conns_stop(&b->conns);
	wire_settle(&b->loop);
	nghttp2_session_del(b->client);
	b->client = NULL;
	pass(b, 1500);
	give(b->users, "two", GH_LAST);
	assert_true(wire_ends(&b->loop, &b->wire));
	assert_int_equal(b->wire.end, WIRE_FIN);
}

static void an_idle_connection_ends_at_once_in_a_stop(void **state)
{
	struct bench *b = *state;

	b->on_head = say_path;
	get(b, "/");
	gh__conns_stop(&b->conns);
	talk(b);
	assert_int_equal(b->goaway, NGHTTP2_NO_ERROR);
	assert_int_equal(b->closes, 1);
}

static void a_door_that_closes_stops_its_connections(void **state)
{
	struct bench *b = *state;

	b->on_head = begin_stream;
	get(b, "/");
	atomic_store(&b->door->closing, true);
	gh__conns_leave_door(&b->conns, b->door);
	talk(b);
	assert_int_equal(b->goaway, NGHTTP2_NO_ERROR);
	give(b->users, "two", GH_LAST);
	talk(b);
	assert_true(b->seen[0].ended);
	assert_true(wire_ends(&b->loop, &b->wire));
	atomic_store(&b->door->closing, false);
}

static void a_connection_that_comes_in_a_stop_is_served_once(void **state)
{
	struct bench *b = *state;

	b->conns.stopping = true;
	b->on_head = say_path;
	join(b);
	assert_string_equal(get(b, "/x")->body, "/x");
	assert_int_equal(b->goaway, NGHTTP2_NO_ERROR);
	assert_true(wire_ends(&b->loop, &b->wire));
}

static void a_cut_breaks_answers(void **state)
{
	struct bench *b = *state;

	b->on_head = begin_stream;
	struct seen *s = get(b, "/");
	gh__conns_cut(&b->conns);
	talk(b);
	assert_false(s->ended);
	assert_int_equal(b->users[0].gones, 1);
	assert_int_equal(b->closes, 1);
}

static void a_client_that_says_goodbye_gets_its_answers(void **state)
{
	struct bench *b = *state;

	b->on_head = begin_stream;
	struct seen *s = get(b, "/");
	say_frame(b, NGHTTP2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0", 8);
	talk(b);
	assert_int_equal(b->users[0].gones, 0);
	give(b->users, "two", GH_LAST);
	talk(b);
	assert_string_equal(s->body, "onetwo");
	assert_true(wire_ends(&b->loop, &b->wire));
	assert_int_equal(b->wire.end, WIRE_FIN);
}

/* ---- faults ---- */

static void an_error_of_the_connection_is_told_and_can_be_read(void **state)
{
	struct bench *b = *state;

	b->on_head = begin_stream;
	get(b, "/a");
	get(b, "/b");
	say_frame(b, NGHTTP2_DATA, 0, 0, "x", 1);
	assert_over(b, NGHTTP2_PROTOCOL_ERROR);
	assert_int_equal(b->users[0].gones, 1);
	assert_int_equal(b->users[1].gones, 1);
	/* What the client still sends does not reset the connection under its eyes. */
	assert_int_equal(b->closes, 0);
	say_get(b, 5);
	wire_settle(&b->loop);
	assert_int_equal(b->heads, 2);
	assert_int_equal(b->closes, 0);
	pass(b, 6000);
	assert_int_equal(b->closes, 1);
}

static void faults_have_their_codes(void **state)
{
	static const struct {
		uint8_t type, flags;
		uint32_t id;
		const char *payload;
		size_t len;
		uint32_t code;
	} faults[] = {
		{ NGHTTP2_HEADERS, 5, 2, GET_BLOCK, BLOCK, NGHTTP2_PROTOCOL_ERROR },
		{ NGHTTP2_HEADERS, 5, 0, GET_BLOCK, BLOCK, NGHTTP2_PROTOCOL_ERROR },
		{ NGHTTP2_HEADERS, 5, 1, GET_BLOCK, BLOCK, NGHTTP2_STREAM_CLOSED }, /* again */
		{ NGHTTP2_HEADERS, 5, 3, "\x80", 1, NGHTTP2_COMPRESSION_ERROR },
		{ NGHTTP2_DATA, 0, 1, "x", 1, NGHTTP2_STREAM_CLOSED },
		{ NGHTTP2_DATA, 0, 3, "x", 1, NGHTTP2_PROTOCOL_ERROR },
		{ NGHTTP2_PING, 0, 0, "short", 5, NGHTTP2_FRAME_SIZE_ERROR },
		{ NGHTTP2_SETTINGS, 0, 0, "short", 5, NGHTTP2_FRAME_SIZE_ERROR },
		{ NGHTTP2_SETTINGS, 0, 0, "\0\2\0\0\0\2", 6, NGHTTP2_PROTOCOL_ERROR },
		{ NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0\0", 4, NGHTTP2_PROTOCOL_ERROR },
		{ NGHTTP2_WINDOW_UPDATE, 0, 0, "\x7f\xff\xff\xff", 4, NGHTTP2_FLOW_CONTROL_ERROR },
		{ NGHTTP2_CONTINUATION, 4, 1, "", 0, NGHTTP2_PROTOCOL_ERROR },
		{ NGHTTP2_PUSH_PROMISE, 4, 1, "\0\0\0\2", 4, NGHTTP2_PROTOCOL_ERROR },
		{ NGHTTP2_PRIORITY, 0, 0, "\0\0\0\1\0", 5, NGHTTP2_PROTOCOL_ERROR },
		{ NGHTTP2_PRIORITY, 0, 7, "\0\0\0\7\0", 5, NGHTTP2_PROTOCOL_ERROR },
		{ NGHTTP2_RST_STREAM, 0, 9, "\0\0\0\0", 4, NGHTTP2_PROTOCOL_ERROR },
	};
	struct bench *b = *state;

	b->on_head = say_path;
	for (size_t i = 0; i < GH_COUNT_OF(faults); i++) {
		join(b);
		get(b, "/");
		say_frame(b, faults[i].type, faults[i].flags, faults[i].id, faults[i].payload,
			  faults[i].len);
		assert_over(b, faults[i].code);
	}
}

static void streams_that_a_client_left_out_are_closed(void **state)
{
	struct bench *b = *state;

	say_get(b, 9);
	talk(b);
	say_get(b, 7);
	assert_over(b, NGHTTP2_PROTOCOL_ERROR);
	/* But what was on its way when a stream was reset from here is no fault. */
	join(b);
	say_post(b, 1);
	wire_settle(&b->loop);
	b->users[0].stream->ops->abort(b->users[0].stream);
	wire_settle(&b->loop);
	say_frame(b, NGHTTP2_DATA, 0, 1, "late", 4);
	say_frame(b, NGHTTP2_HEADERS, 5, 1, "\0\1x\1y", 5);
	say_get(b, 3);
	talk(b);
	assert_int_equal(b->goaway, NEVER);
	assert_int_equal(b->heads, 2);
}

static void a_preface_that_is_none_is_not_answered_as_a_request(void **state)
{
	struct bench *b = *state;

	come(b);
	say(b, PREFACE, sizeof PREFACE - 1);
	say_get(b, 1);
	wire_settle(&b->loop);
	assert_true(wire_ends(&b->loop, &b->wire));
	assert_int_equal(b->heads, 0);
}

static void trailers_end_their_request(void **state)
{
	struct bench *b = *state;

	b->on_head = want;
	b->on_last = say_body;
	say_post(b, 1);
	say_frame(b, NGHTTP2_DATA, 0, 1, "hello", 5);
	say_frame(b, NGHTTP2_HEADERS, 5, 1, "\0\1x\1y", 5);
	/* Malformed: a field of a connection; without the end. */
	say_post(b, 3);
	say_frame(b, NGHTTP2_HEADERS, 5, 3, "\0\2te\1y", 6);
	say_post(b, 5);
	say_frame(b, NGHTTP2_HEADERS, 4, 5, "\0\1x\1y", 5);
	talk(b);
	assert_int_equal(b->users[0].lasts, 1);
	assert_string_equal(b->users[0].body, "hello");
	for (unsigned i = 1; i < 3; i++) {
		assert_int_equal(b->users[i].gones, 1);
		assert_int_equal(b->users[i].error, UV_EPROTO);
		assert_int_equal(b->users[i].ends, 1);
	}
	assert_int_equal(b->goaway, NEVER);
}

static void streams_over_the_limit_are_refused(void **state)
{
	struct bench *b = *state;

	/* Before its settings are acknowledged the limit is not the client's to know. */
	come(b);
	say(b, PREFACE, sizeof PREFACE - 1);
	say_frame(b, NGHTTP2_SETTINGS, 0, 0, "", 0);
	for (uint32_t i = 0; i < 110; i++)
		say_get(b, 2 * i + 1);
	wire_settle(&b->loop);
	assert_int_equal(b->heads, 100);
	assert_int_equal(b->ends, 0);
}

/* ---- floods ---- */

enum { MUCH = 20000 };

/* Sends until the connection ends; how many it took. */
static unsigned flood(struct bench *b, void (*one)(struct bench *b, uint32_t n))
{
	unsigned n = 0;

	while (n < MUCH && b->goaway == NEVER) {
		for (unsigned i = 0; i < 50; i++)
			one(b, n++);
		wire_settle(&b->loop);
		look_for_goaway(b);
	}
	return n;
}

static void get_and_reset(struct bench *b, uint32_t n)
{
	say_get(b, 2 * n + 1);
	say_reset(b, 2 * n + 1);
}

static void provoke_by_window(struct bench *b, uint32_t n)
{
	say_get(b, 2 * n + 1);
	say_frame(b, NGHTTP2_WINDOW_UPDATE, 0, 2 * n + 1, "\x7f\xff\xff\xff", 4);
}

static void provoke_by_length(struct bench *b, uint32_t n)
{
	say_frame(b, NGHTTP2_HEADERS, 4, 2 * n + 1,
		  POST_BLOCK "\x0f\x0d\x01"
			     "1",
		  BLOCK + 4);
	say_frame(b, NGHTTP2_DATA, 0, 2 * n + 1, "xx", 2);
}

static void malform(struct bench *b, uint32_t n)
{
	say_frame(b, NGHTTP2_HEADERS, 5, 2 * n + 1, "\x82\x86", 2);
}

static void be_refused(struct bench *b, uint32_t n)
{
	/* A path that is none. */
	say_frame(b, NGHTTP2_HEADERS, 5, 2 * n + 1,
		  "\x82\x86\x04\x01x\x01\x01"
		  "a",
		  8);
}

static void ping(struct bench *b, uint32_t n)
{
	(void)n;
	say_frame(b, NGHTTP2_PING, 0, 0, "12345678", 8);
}

static void settings(struct bench *b, uint32_t n)
{
	(void)n;
	say_frame(b, NGHTTP2_SETTINGS, 0, 0, "", 0);
}

static void acknowledge(struct bench *b, uint32_t n)
{
	(void)n;
	say_frame(b, NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, "12345678", 8);
}

static void send_nothing(struct bench *b, uint32_t n)
{
	if (n == 0)
		say_post(b, 1);
	say_frame(b, NGHTTP2_DATA, 0, 1, "", 0);
}

static void send_padding(struct bench *b, uint32_t n)
{
	if (n == 0)
		say_post(b, 1);
	say_frame(b, NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, "\3\0\0\0", 4);
}

static void grant_a_byte(struct bench *b, uint32_t n)
{
	(void)n;
	say_frame(b, NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0\1", 4);
}

static void prioritise(struct bench *b, uint32_t n)
{
	(void)n;
	say_frame(b, NGHTTP2_PRIORITY, 0, 99, "\0\0\0\0\1", 5);
}

static void be_unknown(struct bench *b, uint32_t n)
{
	say_frame(b, 99, 0, n, "what", 4);
}

static void go_on_for_ever(struct bench *b, uint32_t n)
{
	if (n == 0)
		say_frame(b, NGHTTP2_HEADERS, 1, 1, GET_BLOCK, BLOCK);
	say_frame(b, NGHTTP2_CONTINUATION, 0, 1, "\0\1x\1y", 5);
}

static void go_on_with_nothing(struct bench *b, uint32_t n)
{
	if (n == 0)
		say_frame(b, NGHTTP2_HEADERS, 1, 1, GET_BLOCK, BLOCK);
	say_frame(b, NGHTTP2_CONTINUATION, 0, 1, "", 0);
}

static void blow_up(struct bench *b, uint32_t n)
{
	static char block[BLOCK + 3 + 3000 + 500] = GET_BLOCK "\x40\x01x\x7f\xb9\x16";

	/* A field of 3000 bytes that is kept, and named a few times more. */
	memset(block + BLOCK + 6, 'a', 3000);
	memset(block + BLOCK + 6 + 3000, 0xbe, 4);
	if (n == 0)
		say_frame(b, NGHTTP2_HEADERS, 5, 1, block, BLOCK + 6 + 3000);
	/* It is the newest of the table. */
	memcpy(block + BLOCK, "\xbe\xbe\xbe", 3);
	say_frame(b, NGHTTP2_HEADERS, 5, 2 * n + 3, block, BLOCK + 3);
	memcpy(block + BLOCK, "\x40\x01x", 3);
}

static void send_to_the_dead(struct bench *b, uint32_t n)
{
	/* A stream that was reset from here; its data were on their way for too long. */
	if (n == 0)
		say_frame(b, NGHTTP2_HEADERS, 4, 1, "\x82\x86", 2);
	say_frame(b, NGHTTP2_DATA, 0, 1, "x", 1);
}

static void each_flood_ends_the_connection(void **state)
{
	static const struct {
		const char *name;
		void (*one)(struct bench *b, uint32_t n);
		unsigned most;
	} floods[] = {
		{ "reset", get_and_reset, 500 },
		{ "provoked by windows", provoke_by_window, 200 },
		{ "provoked by lengths", provoke_by_length, 200 },
		{ "malformed", malform, 200 },
		{ "refused", be_refused, 200 },
		{ "ping", ping, 400 },
		{ "settings", settings, 200 },
		{ "acks", acknowledge, 1000 },
		{ "empty", send_nothing, 300 },
		{ "padding", send_padding, 300 },
		{ "windows", grant_a_byte, 1500 },
		{ "priority", prioritise, 1000 },
		{ "unknown", be_unknown, 1000 },
		{ "continuation", go_on_for_ever, 100 },
		{ "empty continuation", go_on_with_nothing, 100 },
		{ "dead streams", send_to_the_dead, 3000 },
		{ "blown up", blow_up, 100 },
	};
	struct bench *b = *state;

	for (size_t i = 0; i < GH_COUNT_OF(floods); i++) {
		join(b);
		unsigned n = flood(b, floods[i].one);
		if (n > floods[i].most)
			fail_msg("%s: %u", floods[i].name, n);
		if (b->goaway != NGHTTP2_ENHANCE_YOUR_CALM)
			fail_msg("%s: GOAWAY %lld", floods[i].name, (long long)b->goaway);
		assert_true(wire_ends(&b->loop, &b->wire));
		assert_int_equal(b->heads, b->ends);
	}
}

static void resets_do_not_pile_up_requests(void **state)
{
	struct bench *b = *state;
	char *all = calloc(100, 9 + BLOCK + 13), *at = all;

	/* All in one read: each is over before the next one begins. */
	b->on_head = want;
	for (uint32_t i = 0; i < 100; i++) {
		memcpy(at, "\0\0\0\1\5\0\0\0\0", 9);
		at[2] = BLOCK;
		at[8] = (char)(2 * i + 1);
		memcpy(at + 9, GET_BLOCK, BLOCK);
		memcpy(at + 9 + BLOCK, "\0\0\4\3\0\0\0\0\0\0\0\0\x8", 13);
		at[9 + BLOCK + 8] = (char)(2 * i + 1);
		at += 9 + BLOCK + 13;
	}
	say(b, all, (size_t)(at - all));
	talk(b);
	assert_int_equal(b->heads, 100);
	assert_int_equal(b->ends, 100);
	assert_int_equal(b->goaway, NEVER);
	free(all);
}

static void a_client_in_earnest_meets_no_budget(void **state)
{
	struct bench *b = *state;

	b->on_head = say_path;
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; i < 100; i++) {
			nghttp2_submit_ping(b->client, 0, NULL);
			struct seen *s = get(b, "/x");
			assert_string_equal(s->body, "/x");
		}
		/* Numbers of streams are the test's bound, not the gateway's. */
		join(b);
	}
}

/* ---- the clock ---- */

static void who_does_not_greet_is_not_waited_for(void **state)
{
	struct bench *b = *state;

	come(b);
	say(b, PREFACE, sizeof PREFACE - 1);
	wire_settle(&b->loop);
	pass(b, HEAD_MS - 100);
	assert_int_equal(b->wire.end, WIRE_OPEN);
	pass(b, 300);
	assert_true(wire_ends(&b->loop, &b->wire));
	assert_int_equal(b->refused_status, 408);
}

static void half_a_head_is_not_waited_for(void **state)
{
	struct bench *b = *state;

	say_frame(b, NGHTTP2_HEADERS, 1, 1, GET_BLOCK, BLOCK);
	talk(b);
	for (unsigned i = 0; i < 4; i++) {
		pass(b, HEAD_MS / 5);
		say_frame(b, NGHTTP2_CONTINUATION, 0, 1, "\0\1x\1y", 5);
		talk(b);
	}
	assert_int_equal(b->goaway, NEVER);
	pass(b, HEAD_MS / 5 + 200);
	assert_over(b, NGHTTP2_ENHANCE_YOUR_CALM);
	assert_int_equal(b->refused_status, 408);
	assert_int_equal(b->heads, 0);
}

static void an_idle_connection_ends(void **state)
{
	struct bench *b = *state;

	b->on_head = say_path;
	pass(b, IDLE_MS - 1000);
	get(b, "/");
	pass(b, IDLE_MS - 100);
	assert_int_equal(b->goaway, NEVER);
	pass(b, 300);
	assert_over(b, NGHTTP2_NO_ERROR);
}

static void a_request_under_way_is_not_idle(void **state)
{
	struct bench *b = *state;

	b->on_head = begin_stream;
	struct seen *s = get(b, "/");
	pass(b, 10 * IDLE_MS);
	give(b->users, "two", GH_LAST);
	talk(b);
	assert_string_equal(s->body, "onetwo");
	assert_int_equal(b->goaway, NEVER);
}

static void say_408(struct user *u)
{
	answer(u, 408, "late");
}

static void a_body_that_stops_is_broken_and_others_are_not(void **state)
{
	struct bench *b = *state;

	b->on_head = want;
	b->on_gone = say_408;
	b->upload_goes_on = true;
	struct seen *s = post(b, "/", b->big, 1000);
	b->on_head = begin_stream;
	get(b, "/other");
	pass(b, BODY_MS / 2);
	say_frame(b, NGHTTP2_DATA, 0, 1, "more", 4);
	talk(b);
	pass(b, BODY_MS - 200);
	assert_int_equal(b->users[0].gones, 0);
	pass(b, 400);
	assert_int_equal(b->users[0].gones, 1);
	assert_int_equal(b->users[0].error, UV_ETIMEDOUT);
	b->on_gone = NULL;
	assert_int_equal(s->status, 408);
	assert_true(s->ended);
	pass(b, 1200);
	assert_int_equal(b->users[0].ends, 1);
	give(b->users + 1, "two", GH_LAST);
	talk(b);
	assert_string_equal(b->seen[1].body, "onetwo");
	b->upload_goes_on = false;
}

static void a_body_that_is_held_has_no_deadline(void **state)
{
	struct bench *b = *state;

	b->upload_goes_on = true;
	post(b, "/", b->big, 1000);
	pass(b, 3 * BODY_MS);
	assert_int_equal(b->users[0].gones, 0);
	want(b->users);
	assert_int_equal(b->users[0].len, 1000);
	b->upload_goes_on = false;
}

static void an_upload_that_goes_on_after_its_answer_is_stopped(void **state)
{
	struct bench *b = *state;

	b->on_head = say_path;
	b->upload_goes_on = true;
	struct seen *s = post(b, "/", b->big, 1000);
	assert_true(s->ended);
	assert_int_equal(b->ends, 0);
	pass(b, 1200);
	assert_int_equal(s->closed, NGHTTP2_NO_ERROR);
	assert_int_equal(b->users[0].gones, 0);
	assert_int_equal(b->ends, 1);
	b->upload_goes_on = false;
}

static void a_window_that_stays_closed_ends_its_stream(void **state)
{
	struct bench *b = *state;

	b->window = 5;
	b->by_hand = true;
	b->on_head = begin_stream;
	join(b);
	struct seen *s = get(b, "/");
	get(b, "/other");
	give(b->users, "twothree", GH_MORE);
	talk(b);
	pass(b, WRITE_MS - 1000);
	nghttp2_submit_window_update(b->client, 0, 1, 1); /* some progress */
	talk(b);
	pass(b, WRITE_MS - 200);
	assert_int_equal(b->users[0].gones, 0);
	pass(b, 400);
	assert_int_equal(b->users[0].gones, 1);
	assert_int_equal(s->closed, NGHTTP2_CANCEL);
	assert_string_equal(s->body, "onetwo");
	assert_int_equal(b->users[0].ends, 1);
	assert_int_equal(b->users[1].gones, 0);
}

static void a_whole_answer_that_nobody_takes_ends_too(void **state)
{
	struct bench *b = *state;

	b->window = 5;
	b->by_hand = true;
	b->on_head = say_big;
	join(b);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(get(b, "/")->len, 5);
	pass(b, WRITE_MS + 200);
	/* All that the connection has stalls. */
	assert_over(b, NGHTTP2_ENHANCE_YOUR_CALM);
	assert_int_equal(b->users[0].gones, 0);
	assert_int_equal(b->ends, 3);
}

static void a_socket_that_nobody_reads_ends_the_connection(void **state)
{
	struct bench *b = *state;

	b->window = INT32_MAX;
	b->on_head = begin_stream;
	join(b);
	nghttp2_submit_window_update(b->client, 0, 0, INT32_MAX - 65535);
	get(b, "/");
	struct gh__stream *stream = b->users[0].stream;
	while (!stream->ops->pressure(stream)) {
		stream->ops->send_body(stream, (struct gh_str){ b->big, BIG }, GH_MORE);
		stream->ops->flush(stream);
	}
	for (unsigned i = 0; i < 2; i++) {
		for (uint64_t until = b->loop.now + WRITE_MS - 200; b->loop.now < until;) {
			b->loop.now += 50;
			gh__loop_tick(&b->loop);
		}
		wire_settle(&b->loop);
		assert_int_equal(b->closes, i);
	}
	assert_int_equal(b->users[0].gones, 1);
	assert_int_equal(b->users[0].ends, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_stop_lets_answers_end),
		CASE(a_request_on_its_way_is_answered_in_a_stop),
		CASE(a_client_that_does_not_echo_is_not_waited_for),
		CASE(an_idle_connection_ends_at_once_in_a_stop),
		CASE(a_door_that_closes_stops_its_connections),
		CASE(a_connection_that_comes_in_a_stop_is_served_once),
		CASE(a_cut_breaks_answers),
		CASE(a_client_that_says_goodbye_gets_its_answers),
		CASE(an_error_of_the_connection_is_told_and_can_be_read),
		CASE(faults_have_their_codes),
		CASE(streams_that_a_client_left_out_are_closed),
		CASE(a_preface_that_is_none_is_not_answered_as_a_request),
		CASE(trailers_end_their_request),
		CASE(streams_over_the_limit_are_refused),
		CASE(each_flood_ends_the_connection),
		CASE(resets_do_not_pile_up_requests),
		CASE(a_client_in_earnest_meets_no_budget),
		CASE(who_does_not_greet_is_not_waited_for),
		CASE(half_a_head_is_not_waited_for),
		CASE(an_idle_connection_ends),
		CASE(a_request_under_way_is_not_idle),
		CASE(a_body_that_stops_is_broken_and_others_are_not),
		CASE(a_body_that_is_held_has_no_deadline),
		CASE(an_upload_that_goes_on_after_its_answer_is_stopped),
		CASE(a_window_that_stays_closed_ends_its_stream),
		CASE(a_whole_answer_that_nobody_takes_ends_too),
		CASE(a_socket_that_nobody_reads_ends_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
