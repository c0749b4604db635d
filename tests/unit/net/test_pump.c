/* The pump: bytes in order whatever the socket takes, and every kind of end told once, in a later turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/net/out.h"
#include "core/net/pump.h"
#include "support/wire.h"

struct side {
	struct gh__pump pump;
	char *got;
	size_t len;
	unsigned gone, drained, connected, closed;
	int error;
	bool close_in_data;
};

struct bench {
	struct gh__loop loop;
	struct side side;
	struct wire peer;
	char *big; /* a pattern */
};

enum { BIG = 1 << 20 };

static struct side *side_of(struct gh__pump *p)
{
	return GH__CONTAINER(p, struct side, pump);
}

static void on_data(struct gh__pump *p, const char *data, size_t len)
{
	struct side *s = side_of(p);

	assert_int_equal(s->gone, 0);
	s->got = realloc(s->got, s->len + len + 1);
	memcpy(s->got + s->len, data, len);
	s->len += len;
	s->got[s->len] = 0;
	if (s->close_in_data)
		gh__pump_close(p, GH__PUMP_FIN);
}

static void on_gone(struct gh__pump *p, int error)
{
	side_of(p)->gone++;
	side_of(p)->error = error;
}

static void on_drain(struct gh__pump *p)
{
	assert_int_equal(p->queued, 0);
	side_of(p)->drained++;
}

static void on_connected(struct gh__pump *p)
{
	side_of(p)->connected++;
}

static void on_closed(struct gh__pump *p)
{
	side_of(p)->closed++;
}

static const struct gh__pump_ops ops = {
	.on_data = on_data,
	.on_gone = on_gone,
	.on_drain = on_drain,
	.on_connected = on_connected,
	.on_closed = on_closed,
};

static int begin(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	*state = b;
	assert_int_equal(gh__loop_init(&b->loop), 0);
	b->big = malloc(BIG);
	for (uint32_t i = 0, x = 1; i < BIG; i++, x = x * 1664525 + 1013904223)
		b->big[i] = (char)('a' + (x >> 24) % 26);
	return 0;
}

static int end(void **state)
{
	struct bench *b = *state;

	if (b->side.pump.loop && !gh__pump_closing(&b->side.pump))
		gh__pump_close(&b->side.pump, GH__PUMP_FIN);
	wire_close(&b->peer);
	wire_settle(&b->loop);
	assert_true(!b->side.pump.loop || b->side.closed == 1);
	gh__loop_finish(&b->loop);
	free(b->side.got);
	free(b->big);
	free(b);
	return 0;
}

enum kind { UNIX, TCP };

static void join(struct bench *b, enum kind kind, unsigned flags)
{
	int fds[2], small = 4096;

	if (kind == TCP)
		wire_tcp_pair(fds);
	else
		wire_pair(fds);
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	assert_int_equal(gh__pump_open(&b->side.pump, &b->loop, fds[0], flags, &ops), 0);
	wire_open(&b->peer, fds[1]);
}

static void write_text(struct bench *b, const char *text)
{
	gh__pump_write(&b->side.pump, &(struct iovec){ (void *)(uintptr_t)text, strlen(text) }, 1);
}

static bool is_gone(void *arg)
{
	return ((struct side *)arg)->gone > 0;
}

static bool is_told(struct bench *b)
{
	return wire_until(&b->loop, is_gone, &b->side);
}

static bool has_data(void *arg)
{
	return ((struct side *)arg)->len > 0;
}

/* ---- writing ---- */

static void what_the_socket_does_not_take_follows_in_order(struct bench *b, enum kind kind)
{
	join(b, kind, 0);
	for (size_t at = 0; at < BIG;) {
		/* Several pieces a call, of odd sizes. */
		struct iovec pieces[3];
		for (int i = 0; i < 3; i++) {
			size_t len = BIG - at < 33333u + (size_t)i ? BIG - at : 33333u + (size_t)i;
			pieces[i] = (struct iovec){ b->big + at, len };
			at += len;
		}
		gh__pump_write(&b->side.pump, pieces, 3);
	}
	assert_true(b->side.pump.queued > 0);
	assert_int_equal(b->side.drained, 0);
	assert_true(wire_gets(&b->loop, &b->peer, BIG));
	assert_int_equal(b->peer.len, BIG);
	assert_memory_equal(b->peer.got, b->big, BIG);
	wire_settle(&b->loop);
	assert_int_equal(b->side.pump.queued, 0);
	assert_int_equal(b->side.drained, 1);
	write_text(b, "!");
	assert_true(wire_gets(&b->loop, &b->peer, BIG + 1));
	assert_int_equal(b->side.drained, 1);
}

static void partial_writes_to_a_unix_socket_arrive_whole(void **state)
{
	what_the_socket_does_not_take_follows_in_order(*state, UNIX);
}

static void partial_writes_to_tcp_arrive_whole(void **state)
{
	what_the_socket_does_not_take_follows_in_order(*state, TCP);
}

static void what_is_written_behind_a_queue_waits_its_turn(void **state)
{
	struct bench *b = *state;

	join(b, UNIX, 0);
	gh__pump_write(&b->side.pump, &(struct iovec){ b->big, 100000 }, 1);
	assert_true(b->side.pump.queued > 0);
	wire_read(&b->peer); /* now there is room, and the second must still not pass the first */
	write_text(b, "END");
	assert_true(wire_gets(&b->loop, &b->peer, 100003));
	assert_memory_equal(b->peer.got, b->big, 100000);
	assert_string_equal(b->peer.got + 100000, "END");
}

static void the_writer_may_use_its_memory_again_at_once(void **state)
{
	struct bench *b = *state;
	char *text = malloc(50000);

	join(b, UNIX, 0);
	memset(text, 'a', 50000);
	gh__pump_write(&b->side.pump, &(struct iovec){ text, 50000 }, 1);
	memset(text, 'b', 50000);
	assert_true(wire_gets(&b->loop, &b->peer, 50000));
	assert_null(strchr(b->peer.got, 'b'));
	free(text);
}

static void shut_waits_for_the_queue_and_reading_goes_on(void **state)
{
	struct bench *b = *state;

	join(b, TCP, 0);
	gh__pump_write(&b->side.pump, &(struct iovec){ b->big, BIG }, 1);
	assert_true(b->side.pump.queued > 0);
	gh__pump_shut(&b->side.pump);
	assert_true(wire_ends(&b->loop, &b->peer));
	assert_int_equal(b->peer.end, WIRE_FIN);
	assert_int_equal(b->peer.len, BIG);
	wire_send(&b->loop, &b->peer, "still here");
	assert_true(wire_until(&b->loop, has_data, &b->side));
	assert_string_equal(b->side.got, "still here");
}

static void shut_with_nothing_queued_is_seen_at_once(void **state)
{
	struct bench *b = *state;

	join(b, TCP, 0);
	gh__pump_shut(&b->side.pump);
	assert_true(wire_ends(&b->loop, &b->peer));
	assert_int_equal(b->peer.end, WIRE_FIN);
}

static void an_error_of_a_write_is_told_later_and_once(void **state)
{
	struct bench *b = *state;

	for (int paused = 0; paused < 2; paused++) {
		b->side = (struct side){ .got = NULL };
		join(b, UNIX, 0);
		if (paused)
			gh__pump_pause(&b->side.pump);
		wire_close(&b->peer);
		write_text(b, "hello");
		write_text(b, "again");
		assert_int_equal(b->side.gone, 0); /* not in the writer's face */
		assert_true(is_told(b));
		assert_int_equal(b->side.error, UV_EPIPE);
		write_text(b, "more"); /* is nothing */
		wire_settle(&b->loop);
		assert_int_equal(b->side.gone, 1);
		gh__pump_close(&b->side.pump, GH__PUMP_FIN);
		wire_settle(&b->loop);
		assert_int_equal(b->side.closed, 1);
	}
}

static void an_error_while_the_queue_drains_is_told_once(void **state)
{
	struct bench *b = *state;

	join(b, TCP, 0);
	gh__pump_write(&b->side.pump, &(struct iovec){ b->big, BIG }, 1);
	wire_reset(&b->peer);
	assert_true(is_told(b));
	assert_true(b->side.error == UV_ECONNRESET || b->side.error == UV_EPIPE);
	wire_settle(&b->loop);
	assert_int_equal(b->side.gone, 1);
	assert_int_equal(b->side.drained, 0);
}

/* ---- reading ---- */

static void a_pause_holds_bytes_back_until_it_is_over(void **state)
{
	struct bench *b = *state;

	join(b, TCP, GH__PUMP_WATCH_GONE);
	gh__pump_pause(&b->side.pump);
	wire_send(&b->loop, &b->peer, "hello");
	wire_settle(&b->loop);
	assert_int_equal(b->side.len, 0);
	gh__pump_resume(&b->side.pump);
	assert_true(wire_until(&b->loop, has_data, &b->side));
	assert_string_equal(b->side.got, "hello");
	assert_int_equal(b->side.gone, 0);
}

static void a_close_while_paused_is_told_where_it_is_watched(void **state)
{
	struct bench *b = *state;

	for (int kind = UNIX; kind <= TCP; kind++) {
		b->side = (struct side){ .got = NULL };
		join(b, (enum kind)kind, GH__PUMP_WATCH_GONE);
		gh__pump_pause(&b->side.pump);
		wire_send(&b->loop, &b->peer, "unread");
		wire_close(&b->peer);
		assert_true(is_told(b));
		assert_int_equal(b->side.error, 0);
		wire_settle(&b->loop);
		assert_int_equal(b->side.gone, 1);
		assert_int_equal(b->side.len, 0);
		gh__pump_close(&b->side.pump, GH__PUMP_FIN);
		wire_settle(&b->loop);
	}
}

static void a_close_while_paused_waits_where_it_is_not_watched(void **state)
{
	struct bench *b = *state;

	join(b, TCP, 0);
	gh__pump_pause(&b->side.pump);
	wire_send(&b->loop, &b->peer, "last words");
	wire_close(&b->peer);
	wire_settle(&b->loop);
	assert_int_equal(b->side.gone, 0);
	gh__pump_resume(&b->side.pump);
	assert_true(is_told(b));
	assert_int_equal(b->side.error, 0);
	assert_string_equal(b->side.got, "last words");
}

static void a_close_is_told_after_the_last_bytes(void **state)
{
	struct bench *b = *state;

	join(b, TCP, GH__PUMP_WATCH_GONE);
	wire_send_bytes(&b->loop, &b->peer, b->big, 200000);
	wire_close(&b->peer);
	assert_true(is_told(b));
	assert_int_equal(b->side.error, 0);
	assert_int_equal(b->side.len, 200000);
	assert_memory_equal(b->side.got, b->big, 200000);
	wire_settle(&b->loop);
	assert_int_equal(b->side.gone, 1);
}

static void a_reset_is_told_as_a_break(void **state)
{
	struct bench *b = *state;

	for (int paused = 0; paused < 2; paused++) {
		b->side = (struct side){ .got = NULL };
		join(b, TCP, GH__PUMP_WATCH_GONE);
		if (paused)
			gh__pump_pause(&b->side.pump);
		wire_reset(&b->peer);
		assert_true(is_told(b));
		assert_int_equal(b->side.error, UV_ECONNRESET);
		wire_settle(&b->loop);
		assert_int_equal(b->side.gone, 1);
		gh__pump_close(&b->side.pump, GH__PUMP_FIN);
		wire_settle(&b->loop);
	}
}

static void a_reset_right_behind_bytes_is_told_after_them(void **state)
{
	struct bench *b = *state;

	join(b, TCP, GH__PUMP_WATCH_GONE);
	/* Both are there before the loop looks: libuv tells of them at once, as an error. */
	assert_int_equal(send(b->peer.fd, "last words", 10, 0), 10);
	wire_reset(&b->peer);
	assert_true(is_told(b));
	assert_int_equal(b->side.error, UV_ECONNRESET);
	assert_string_equal(b->side.got, "last words");
	wire_settle(&b->loop);
	assert_int_equal(b->side.gone, 1);
}

/* ---- closing ---- */

static void a_close_says_fin_or_reset_as_asked(void **state)
{
	struct bench *b = *state;

	for (int end = GH__PUMP_FIN; end <= GH__PUMP_RST; end++) {
		b->side = (struct side){ .got = NULL };
		join(b, TCP, 0);
		write_text(b, "bye");
		assert_true(wire_sees(&b->loop, &b->peer, "bye"));
		gh__pump_close(&b->side.pump, (enum gh__pump_end)end);
		gh__pump_close(&b->side.pump, GH__PUMP_FIN); /* twice does no harm */
		assert_int_equal(b->side.closed, 0);         /* memory stays this turn */
		assert_true(wire_ends(&b->loop, &b->peer));
		assert_int_equal(b->peer.end, end == GH__PUMP_RST ? WIRE_RST : WIRE_FIN);
		wire_settle(&b->loop);
		assert_int_equal(b->side.closed, 1);
		wire_close(&b->peer);
	}
}

static void nothing_is_told_after_a_close(void **state)
{
	struct bench *b = *state;

	join(b, TCP, GH__PUMP_WATCH_GONE);
	b->side.close_in_data = true;
	wire_send_bytes(&b->loop, &b->peer, b->big, 10);
	assert_true(wire_until(&b->loop, has_data, &b->side));
	write_text(b, "nothing");
	wire_settle(&b->loop);
	assert_int_equal(b->side.closed, 1);
	assert_int_equal(b->side.gone, 0);
	assert_int_equal(b->side.drained, 0);
	assert_true(wire_ends(&b->loop, &b->peer));
	assert_int_equal(b->peer.len, 0);
}

/* ---- connecting ---- */

static int connect_to(struct bench *b, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr = { htonl(INADDR_LOOPBACK) } };

	return gh__pump_connect(&b->side.pump, &b->loop, (struct sockaddr *)&a, sizeof a, &ops);
}

static void what_is_written_while_it_connects_is_sent_then(void **state)
{
	struct bench *b = *state;
	uint16_t port;
	int listener = wire_listen(&port);

	int filler = wire_fill(listener, port);
	assert_int_equal(connect_to(b, port), 0);
	write_text(b, "early ");
	gh__pump_write(&b->side.pump, &(struct iovec){ b->big, 5 }, 1);
	wire_settle(&b->loop);
	assert_int_equal(b->side.connected, 0);
	wire_empty(listener, filler);
	assert_true(wire_accept(&b->loop, listener, &b->peer));
	assert_true(wire_gets(&b->loop, &b->peer, 11));
	assert_memory_equal(b->peer.got, "early ", 6);
	assert_memory_equal(b->peer.got + 6, b->big, 5);
	assert_int_equal(b->side.connected, 1);
	assert_int_equal(b->side.gone, 0);
	close(listener);
}

/* Within this machine nobody waits for a turn of the loop. */
static void what_is_connected_at_once_is_said_at_once(void **state)
{
	struct bench *b = *state;
	char got[8];
	uint16_t port;
	int listener = wire_listen(&port);

	assert_int_equal(connect_to(b, port), 1);
	write_text(b, "now");
	int fd = accept(listener, NULL, NULL); /* and not a turn was made */
	assert_true(fd >= 0);
	assert_int_equal(recv(fd, got, sizeof got, MSG_DONTWAIT), 3);
	assert_memory_equal(got, "now", 3);
	wire_settle(&b->loop);
	assert_int_equal(b->side.connected, 0); /* it was said */
	assert_int_equal(b->side.gone, 0);
	assert_int_equal(send(fd, "too", 3, 0), 3);
	assert_true(wire_until(&b->loop, has_data, &b->side));
	close(fd);
	close(listener);
}

static void a_refused_connection_is_told_or_returned(void **state)
{
	struct bench *b = *state;
	uint16_t port;
	int listener = wire_listen(&port);

	close(listener);
	int error = connect_to(b, port);
	if (error) {
		assert_int_equal(error, UV_ECONNREFUSED);
		b->side.pump.loop = NULL;
		return;
	}
	assert_true(is_told(b));
	assert_int_equal(b->side.error, UV_ECONNREFUSED);
	assert_int_equal(b->side.connected, 0);
}

static void a_unix_socket_that_is_not_there_is_refused_at_once(void **state)
{
	struct bench *b = *state;
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "/nonexistent/socket" };

	assert_int_equal(gh__pump_connect(&b->side.pump, &b->loop, (struct sockaddr *)&a, sizeof a,
					  &ops),
			 UV_ENOENT);
	b->side.pump.loop = NULL;
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(partial_writes_to_a_unix_socket_arrive_whole),
		CASE(partial_writes_to_tcp_arrive_whole),
		CASE(what_is_written_behind_a_queue_waits_its_turn),
		CASE(the_writer_may_use_its_memory_again_at_once),
		CASE(shut_waits_for_the_queue_and_reading_goes_on),
		CASE(shut_with_nothing_queued_is_seen_at_once),
		CASE(an_error_of_a_write_is_told_later_and_once),
		CASE(an_error_while_the_queue_drains_is_told_once),
		CASE(a_pause_holds_bytes_back_until_it_is_over),
		CASE(a_close_while_paused_is_told_where_it_is_watched),
		CASE(a_close_while_paused_waits_where_it_is_not_watched),
		CASE(a_close_is_told_after_the_last_bytes),
		CASE(a_reset_is_told_as_a_break),
		CASE(a_reset_right_behind_bytes_is_told_after_them),
		CASE(a_close_says_fin_or_reset_as_asked),
		CASE(nothing_is_told_after_a_close),
		CASE(what_is_written_while_it_connects_is_sent_then),
		CASE(what_is_connected_at_once_is_said_at_once),
		CASE(a_refused_connection_is_told_or_returned),
		CASE(a_unix_socket_that_is_not_there_is_refused_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
