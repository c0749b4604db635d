/*
 * What the tests of HTTP share: a head or a message goes through scanner and parser, in one piece or
 * cut, and comes out as one line of text.
 */
#ifndef GATEHOUSE_TESTS_UNIT_HTTP_HEADS_H
#define GATEHOUSE_TESTS_UNIT_HTTP_HEADS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/http/header.h"
#include "core/http/message.h"

enum { HEAD_LIMIT = 8192, HEADERS_LIMIT = 30 };

/* Bytes in memory of their exact size, so that a sanitizer sees a read past them. */
static inline struct gh_str exact(struct gh_str s)
{
	char *to = malloc(s.len ? s.len : 1);

	assert_non_null(to);
	if (s.len)
		memcpy(to, s.at, s.len);
	return (struct gh_str){ to, s.len };
}

static inline void drop(struct gh_str s)
{
	free((void *)(uintptr_t)s.at);
}

/* Scans `all`, first only the bytes before `cut`. */
static inline enum gh__scan_result scan_cut(struct gh_str all, size_t cut, size_t limit,
					    struct gh_str *ret_head, struct gh__refusal *ret_why)
{
	struct gh__scan s = { 0 };
	size_t len = 0;

	for (int turn = 0; turn < 2; turn++) {
		struct gh_str piece = exact(turn ? all : gh_str_slice(all, 0, cut));
		size_t skip = gh__scan_skip(piece);
		enum gh__scan_result r = gh__scan_head(&s, gh_str_slice(piece, skip, piece.len),
						       limit, &len, ret_why);
		drop(piece);
		if (r == GH__SCAN_HEAD)
			*ret_head = gh_str_slice(all, skip, skip + len);
		if (r != GH__SCAN_MORE)
			return r;
	}
	return GH__SCAN_MORE;
}

#endif
