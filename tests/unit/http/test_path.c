/* The canonical path: each spelling is either refused or becomes the one that all else sees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/http/path.h"

struct spelling {
	struct gh_str raw;
	const char *canonical; /* NULL: refused */
};
#define BAD(text) \
	{ \
		GH_STR_INIT(text), NULL \
	}
#define SAME(text) \
	{ \
		GH_STR_INIT(text), text \
	}
#define GOOD(text, canonical_) \
	{ \
		GH_STR_INIT(text), canonical_ \
	}

static const struct spelling spellings[] = {
	/* Canonical as they are. */
	SAME("/"),
	SAME("/v1"),
	SAME("/v1/"),
	SAME("/v1/models"),
	SAME("/v1/chat/completions"),
	SAME("/ws/socket.io/"),
	SAME("/V1"),
	SAME("/v1./"),
	SAME("/v1."),
	SAME("/.well-known/x"),
	SAME("/..."),
	SAME("/.../x"),
	SAME("/.a"),
	SAME("/..a"),
	SAME("/a."),
	SAME("/a.."),
	SAME("/a..b"),
	SAME("/v1;x"),
	SAME("/v1;x=1,2/y"),
	SAME("/;"),
	SAME("/;/x"),
	SAME("/a;.."),
	SAME("/...;x"),
	SAME("/-._~!$&'()*+,;=:@"),
	SAME("/v1/models/org%2Fname"),
	SAME("/a%2Fb%2Fc"),
	SAME("/a%2F"),
	SAME("/a%20b"),
	SAME("/%25"),
	SAME("/%252F"),
	SAME("/%252e%252e/x"),
	SAME("/%25%25"),
	SAME("/%3A%40%21"),
	SAME("/%3F"),
	SAME("/%23"),
	SAME("/%3B"),
	SAME("/a%3Bb"),
	SAME("/%C3%A4"),
	SAME("/%E2%82%AC"),
	SAME("/%F0%9F%98%80"),
	SAME("/%F4%8F%BF%BF"),
	SAME("/%EF%BF%BF"),
	SAME("/%EE%80%80"),
	SAME("/%ED%9F%BF"),
	SAME("/%DF%BF"),
	SAME("/%22%3C%3E%5B%5D%5E%60%7B%7C%7D"),
	/* Escapes that need not be, and those in lower case. */
	GOOD("/%761", "/v1"),
	GOOD("/%76%31", "/v1"),
	GOOD("/%56%31", "/V1"),
	GOOD("/v1%2fmodels", "/v1%2Fmodels"),
	GOOD("/%2d%2e%5f%7e", "/-._~"),
	GOOD("/%61%7A%41%5A%30%39", "/azAZ09"),
	GOOD("/a%2eb", "/a.b"),
	GOOD("/%2e%2e%2e", "/..."),
	GOOD("/%2ea", "/.a"),
	GOOD("/%c3%a4", "/%C3%A4"),
	GOOD("/%e2%82%ac/%61", "/%E2%82%AC/a"),
	GOOD("/%3a", "/%3A"),
	GOOD("/%25%36%31", "/%2561"),
	GOOD("/%2%35", NULL),
	/* Bytes that browsers send raw and URIs do not have. */
	GOOD("/a|b", "/a%7Cb"),
	GOOD("/a[0]", "/a%5B0%5D"),
	GOOD("/a^b", "/a%5Eb"),
	GOOD("/{a}", "/%7Ba%7D"),
	GOOD("/\"a\"", "/%22a%22"),
	GOOD("/<a>", "/%3Ca%3E"),
	GOOD("/`a`", "/%60a%60"),
	/* No path at all. */
	BAD(""),
	BAD("*"),
	BAD("v1"),
	BAD(".."),
	BAD("%2Fv1"),
	BAD("\\v1"),
	/* Empty segments. */
	BAD("//"),
	BAD("//v1"),
	BAD("/v1//models"),
	BAD("/v1//"),
	BAD("///"),
	BAD("/%2F"),
	BAD("/%2f"),
	BAD("/%2Fv1"),
	BAD("/%2f/v1"),
	BAD("/v1/%2Fmodels"),
	BAD("/v1%2F/models"),
	BAD("/v1%2F%2Fmodels"),
	BAD("/v1%2f%2f"),
	BAD("/v1/%2F"),
	BAD("/%61//b"),
	/* Dot segments, in every dress. */
	BAD("/."),
	BAD("/./"),
	BAD("/./v1"),
	BAD("/v1/."),
	BAD("/v1/./models"),
	BAD("/.."),
	BAD("/../"),
	BAD("/../v1"),
	BAD("/foo/../v1"),
	BAD("/v1/.."),
	BAD("/v1/../"),
	BAD("/v1/../../etc/passwd"),
	BAD("/%2e"),
	BAD("/%2E/v1"),
	BAD("/%2e%2e/v1"),
	BAD("/%2E%2E/v1"),
	BAD("/.%2e/v1"),
	BAD("/%2e./v1"),
	BAD("/foo/%2e%2e/v1"),
	BAD("/foo/.%2E"),
	BAD("/foo%2F../v1"),
	BAD("/foo%2f..%2fv1"),
	BAD("/foo/..%2Fv1"),
	BAD("/..%2Fv1"),
	BAD("/foo%2F.."),
	BAD("/foo%2F."),
	BAD("/.%2Ffoo"),
	BAD("/%2e%2e%2fv1"),
	BAD("/..;/v1"),
	BAD("/..;x=y/v1"),
	BAD("/.;/v1"),
	BAD("/foo/..;"),
	BAD("/foo/..%3B/v1"),
	BAD("/foo/..%3bx"),
	BAD("/%2e%2e;/v1"),
	BAD("/foo/%2e%3B"),
	BAD("/foo/..;a%2Fb"),
	/* Backslashes. */
	BAD("/\\"),
	BAD("/v1\\models"),
	BAD("/..\\v1"),
	BAD("/%5C"),
	BAD("/%5c..%5cv1"),
	BAD("/v1%5Cmodels"),
	/* Control bytes, spaces, and what is not ASCII. */
	BAD("/\0"),
	BAD("/v1\0/x"),
	BAD("/ "),
	BAD("/a b"),
	BAD("/\t"),
	BAD("/\n"),
	BAD("/\x1f"),
	BAD("/\x7f"),
	BAD("/\x80"),
	BAD("/\xc3\xa4"),
	BAD("/\xff"),
	BAD("/%00"),
	BAD("/v1%00"),
	BAD("/%01"),
	BAD("/%09"),
	BAD("/%0a"),
	BAD("/%0D%0AX:y"),
	BAD("/%1F"),
	BAD("/%7F"),
	/* Bad escapes. */
	BAD("/%"),
	BAD("/%2"),
	BAD("/%%"),
	BAD("/%g0"),
	BAD("/%0g"),
	BAD("/%-1"),
	BAD("/% 20"),
	BAD("/%u002e"),
	BAD("/%x2e"),
	BAD("/a%"),
	BAD("/a%2"),
	/* Bad UTF-8 in escapes: overlong, surrogates, past the end, cut short. */
	BAD("/%c0%ae"),
	BAD("/%c0%ae%c0%ae/v1"),
	BAD("/%C0%AF"),
	BAD("/%c1%9c"),
	BAD("/%e0%80%ae"),
	BAD("/%E0%80%AF"),
	BAD("/%E0%9F%BF"),
	BAD("/%f0%80%80%ae"),
	BAD("/%F0%8F%BF%BF"),
	BAD("/%F4%90%80%80"),
	BAD("/%F5%80%80%80"),
	BAD("/%F8%80%80%80%AE"),
	BAD("/%ED%A0%80"),
	BAD("/%ED%BF%BF"),
	BAD("/%80"),
	BAD("/%BF"),
	BAD("/%C3"),
	BAD("/%C3a"),
	BAD("/%C3%"),
	BAD("/%C3%A"),
	BAD("/%E2%82"),
	BAD("/%E2%82/%AC"),
	BAD("/%E2%82%20"),
	BAD("/%C3\xa4"),
	BAD("/%F0%9F%98"),
	BAD("/%FE"),
	BAD("/%FF"),
	/* A query or fragment is no part of it. */
	BAD("/#"),
	BAD("/v1#x"),
	BAD("/v1?x"),
	BAD("/%61#"),
};

static void every_spelling_is_refused_or_becomes_the_canonical_one(void **state)
{
	(void)state;
	assert_true(GH_COUNT_OF(spellings) >= 120);
	for (size_t i = 0; i < GH_COUNT_OF(spellings); i++) {
		const struct spelling *s = &spellings[i];
		struct gh_str path = { NULL, 0 }, again;
		const char *why = NULL;
		struct gh__arena a;

		/* Of its exact size, so that a sanitizer sees a read past it. */
		char *raw = malloc(s->raw.len ? s->raw.len : 1);
		assert_non_null(raw);
		memcpy(raw, s->raw.at, s->raw.len);
		gh__arena_init(&a, NULL, 0);
		int r = gh__path_canonical(&a, (struct gh_str){ raw, s->raw.len }, &path, &why);
		if (r) {
			if (s->canonical)
				fail_msg(GH_FMT ": %s", GH_ARG(s->raw), why);
			assert_non_null(why);
			assert_null(path.at);
		} else {
			if (!s->canonical)
				fail_msg(GH_FMT " became " GH_FMT, GH_ARG(s->raw), GH_ARG(path));
			assert_int_equal(path.len, strlen(s->canonical));
			assert_memory_equal(path.at, s->canonical, path.len);
			assert_int_equal(gh__path_canonical(&a, path, &again, &why), 0);
			assert_true(gh_str_eq(path, again));
		}
		gh__arena_finish(&a);
		free(raw);
	}
}

static void a_canonical_path_is_not_copied(void **state)
{
	struct gh_str raw = GH_STR("/v1/chat/completions"), path;
	struct gh__arena a;
	const char *why;

	(void)state;
	gh__arena_init(&a, NULL, 0);
	assert_int_equal(gh__path_canonical(&a, raw, &path, &why), 0);
	assert_ptr_equal(path.at, raw.at);
	assert_null(a.blocks);
}

static void prefixes_end_at_segment_borders(void **state)
{
	static const struct {
		const char *path, *prefix;
		bool below;
	} cases[] = {
		{ "/v1", "/v1", true },       { "/v1/", "/v1", true },
		{ "/v1/x", "/v1", true },     { "/v1/x/y", "/v1", true },
		{ "/v10", "/v1", false },     { "/v1.", "/v1", false },
		{ "/v1;x", "/v1", false },    { "/v1%2Fx", "/v1", false },
		{ "/V1", "/v1", false },      { "/v", "/v1", false },
		{ "/", "/v1", false },        { "/x/v1", "/v1", false },
		{ "/v1", "/v1/", true },      { "/v1/x", "/v1/", true },
		{ "/v10", "/v1/", false },    { "/", "/", true },
		{ "/v1", "/", true },         { "*", "/", true },
		{ "*", "/v1", false },        { "/v1/x", "/v1/x", true },
		{ "/v1/xy", "/v1/x", false },
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++)
		if (gh__path_below(gh_str(cases[i].path), gh_str(cases[i].prefix)) !=
		    cases[i].below)
			fail_msg("%s below %s", cases[i].path, cases[i].prefix);
}

static void escaped_slashes_can_be_asked_for(void **state)
{
	struct gh__arena a;
	struct gh_str slashed = GH_STR("untouched");

	(void)state;
	gh__arena_init(&a, NULL, 0);
	assert_false(gh__path_slashed(&a, GH_STR("/v1/a%20b%252F"), &slashed));
	assert_string_equal(slashed.at, "untouched");
	assert_true(gh__path_slashed(&a, GH_STR("/v1%2Fmodels/a%2Fb%2F%20"), &slashed));
	assert_string_equal(slashed.at, "/v1/models/a/b/%20");
	assert_int_equal(slashed.len, strlen(slashed.at));
	gh__arena_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_spelling_is_refused_or_becomes_the_canonical_one),
		cmocka_unit_test(a_canonical_path_is_not_copied),
		cmocka_unit_test(prefixes_end_at_segment_borders),
		cmocka_unit_test(escaped_slashes_can_be_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
