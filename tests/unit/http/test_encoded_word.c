/* RFC 2047 in a field: what is decoded, and what stays as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/http/encoded_word.h"

/* Into memory of just the size that is promised to be enough. */
static void assert_text(const char *value, const char *want)
{
	size_t size = strlen(value);
	char *to = malloc(size + !size);
	int64_t len = gh__field_text(gh_str(value), to);

	if (!want && len >= 0)
		fail_msg("'%s' is text: '%.*s'", value, (int)len, to);
	if (want && (len != (int64_t)strlen(want) || memcmp(to, want, (size_t)len) != 0))
		fail_msg("'%s': %lld '%.*s', not '%s'", value, (long long)len,
			 (int)(len < 0 ? 0 : len), to, want);
	free(to);
}

static void words_are_decoded(void **state)
{
	static const char *const words[][2] = {
		{ "=?utf-8?q?Zo=C3=AB?=", "Zo\u00eb" },
		{ "=?UTF-8?Q?Zo=c3=ab_Q.?=", "Zo\u00eb Q." },
		{ "=?utf-8?b?Wm/Dqw==?=", "Zo\u00eb" },
		{ "=?utf-8?B?5bGx55Sw?=", "\u5c71\u7530" },
		{ "  =?utf-8?q?Zo=C3=AB?=\t", "Zo\u00eb" },
		{ "=?utf-8?q?Zo=C3=AB?= =?utf-8?q?_Q?=", "Zo\u00eb Q" },
		/* As a line that was folded arrives. */
		{ "=?utf-8?q?=E5=B1=B1?=   =?utf-8?b?55Sw?=", "\u5c71\u7530" },
		{ "=?utf-8?q?=F0=9F=A6=8A!?=", "\U0001f98a!" },
		/* Halves of a character that only together are one. */
		{ "=?utf-8?q?Zo=C3?= =?utf-8?q?=AB?=", "Zo\u00eb" },
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(words); i++)
		assert_text(words[i][0], words[i][1]);
}

static void what_is_no_sound_word_is_its_own_text(void **state)
{
	static const char *const texts[] = {
		"",
		"alice@example.com",
		"Zo\u00eb",
		"a\tb",
		"=?utf-8?q?alice?=",              /* nobody encodes ASCII */
		"=?utf-8?q?root=40example.com?=", /* nor this */
		"=?utf-8?b?cm9vdA==?=",
		("=?utf-8?q?"
		 "?="),
		"=?iso-8859-1?q?Zo=EB?=",
		"=?utf-8?x?Zo=C3=AB?=",
		"=?utf-8?q?Zo=C3?=",       /* cut */
		"=?utf-8?q?Zo=ED=A0=80?=", /* a surrogate */
		"=?utf-8?q?Zo=C0=AF?=",    /* overlong */
		"=?utf-8?q?Zo=C3=AB=0D=0Ax:?=",
		"=?utf-8?q?Zo=C3=AB=00?=",
		"=?utf-8?q?Zo=C3=AB=7F?=",
		"=?utf-8?q?Zo=C3=A?=",
		"=?utf-8?q?Zo=C3=GB?=",
		"=?utf-8?q?Zo =C3=AB?=",
		"=?utf-8?b?Wm/Dqw=?=",
		"=?utf-8?b?Wm_Dqw==?=",
		"=?utf-8?q?Zo=C3=AB",
		"=?utf-8?q?Zo=C3=AB?",
		"=?utf-8?q",
		"=?utf-8",
		"=?",
		"x =?utf-8?q?Zo=C3=AB?=",
		"=?utf-8?q?Zo=C3=AB?= x",
		"=?utf-8?q?Zo=C3=AB?=@example.com",
		"=?utf-8?q?Zo=C3=AB?==?utf-8?q?=C3=AB?=",
		"=?utf-8*de?q?Zo=C3=AB?=",
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(texts); i++)
		assert_text(texts[i], texts[i]);
}

static void what_is_no_utf8_is_no_text(void **state)
{
	(void)state;
	assert_text("Zo\xeb", NULL);
	assert_text("\xc3", NULL);
	assert_text("a\xed\xa0\x80", NULL);
	assert_text("a\x7f"
		    "b",
		    NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_decoded),
		cmocka_unit_test(what_is_no_sound_word_is_its_own_text),
		cmocka_unit_test(what_is_no_utf8_is_no_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
