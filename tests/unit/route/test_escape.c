/* Bytes of strangers in lines of a log: against a second, plain way to do the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/http/text.h"
#include "core/route/escape.h"

static size_t slow_hex(char *to, struct gh_str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
			n += (size_t)sprintf(to + n, "\\x%02x", c);
		else
			to[n++] = (char)c;
	}
	return n;
}

/* Each byte at each place of a string that is long enough for the fast way. */
static void every_byte_at_every_place(void **state)
{
	char in[24], out[200], want[200];

	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		for (size_t at = 0; at < sizeof in; at++) {
			memset(in, 'm', sizeof in);
			in[at] = (char)byte;
			struct gh_str s = { in, sizeof in };
			size_t n = slow_hex(want, s);
			assert_int_equal(gh__escape_hex(out, sizeof out, s), n);
			assert_memory_equal(out, want, n);
			n = gh__json_escape(want, s);
			assert_int_equal(gh__escape_json(out, sizeof out, s), n);
			assert_memory_equal(out, want, n);
		}
	}
}

/* What is cut is cut between escapes, and nothing is written behind the room. */
static void room_is_kept(void **state)
{
	static const struct gh_str s = GH_STR_INIT("ab\"\x01\xe2\x82\xac\xff"
						   "cdefghijklmnop");
	char whole_hex[200], whole_json[200], out[200];
	size_t hex = gh__escape_hex(whole_hex, sizeof whole_hex, s);
	size_t json = gh__escape_json(whole_json, sizeof whole_json, s);

	(void)state;
	for (size_t room = 0; room <= hex + 1; room++) {
		memset(out, '#', sizeof out);
		size_t n = gh__escape_hex(out, room, s);
		assert_true(n <= room && (n + 4 > room || n == hex));
		assert_memory_equal(out, whole_hex, n);
		assert_int_equal(out[n], '#');
		assert_true(n == 0 || n == hex || whole_hex[n] == '\\' || whole_hex[n - 1] != '\\');
	}
	for (size_t room = 0; room <= json + 1; room++) {
		memset(out, '#', sizeof out);
		size_t n = gh__escape_json(out, room, s);
		assert_true(n <= room && (n + 6 > room || n == json));
		assert_memory_equal(out, whole_json, n);
		assert_int_equal(out[n], '#');
		/* Never within a character of UTF-8. */
		assert_true(n == json || ((unsigned char)whole_json[n] & 0xc0) != 0x80);
	}
}

static void nothing_is_nothing(void **state)
{
	char out[4] = "###";

	(void)state;
	assert_int_equal(gh__escape_hex(out, sizeof out, (struct gh_str){ 0 }), 0);
	assert_int_equal(gh__escape_json(out, sizeof out, (struct gh_str){ 0 }), 0);
	assert_string_equal(out, "###");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_at_every_place),
		cmocka_unit_test(room_is_kept),
		cmocka_unit_test(nothing_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
