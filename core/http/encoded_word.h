/*
 * RFC 2047 encoded words, by which a field's value says what ASCII has no letters for. Pure.
 */
#ifndef GATEHOUSE_CORE_HTTP_ENCODED_WORD_H
#define GATEHOUSE_CORE_HTTP_ENCODED_WORD_H

#include <gatehouse/base.h>

/* The text of a value, in UTF-8 and without control bytes but tabs, not terminated. Decoded is what is encoded
 * words of UTF-8 from end to end and had a reason to be: so that `=?utf-8?q?root?=`, which nobody needs to
 * encode, stays those sixteen characters. Everything else is its own text. `to` holds as many bytes as
 * the value has. Returns the length, or -1: no text. */
int64_t gh__field_text(struct gh_str value, char *to);

#endif
