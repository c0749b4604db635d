#include "sse.h"

#include "octets.h"

enum state {
	LINE,  /* at its first byte */
	WORD,  /* in a field's name */
	SPACE, /* behind the colon: one space is no part of the value */
	VALUE, /* in a field's value, or in a comment */
};

enum field { IGNORED, EVENT, DATA };

/* The end of the line that `at` is in, or `end`; sixteen bytes a step. */
static const char *line_end(const char *at, const char *end)
{
	for (; end - at >= 16; at += 16) {
		openai_octets x;

		memcpy(&x, at, sizeof x);
		size_t len = openai_first_mark((openai_octets)((x == '\n') | (x == '\r')));
		if (len < 16)
			return at + len;
	}
	while (at < end && *at != '\n' && *at != '\r')
		at++;
	return at;
}

void openai_sse_init(struct openai_sse *s, size_t limit)
{
	*s = (struct openai_sse){ .limit = limit };
}

void openai_sse_finish(struct openai_sse *s)
{
	openai_hold_free(&s->kept);
}

bool openai_sse_is_between(const struct openai_sse *s)
{
	return s->state == LINE && !s->open && !s->after_cr;
}

static void use(struct openai_sse *s, struct gh_str *rest, size_t len)
{
	rest->at += len;
	rest->len -= len;
	s->at += len;
}

/* What was told of stays until now. */
static void forget(struct openai_sse *s)
{
	s->told = false;
	s->event = (struct openai_sse_found){ .whole = false };
	s->once = (struct gh_str){ NULL, 0 };
	s->name_len = 0;
	openai_hold_free(&s->kept);
}

static void keep_once(struct openai_sse *s)
{
	openai_hold_add(&s->kept, s->once);
	s->once = (struct gh_str){ NULL, 0 };
}

static enum openai_sse_what tell_data(struct openai_sse *s, struct gh_str piece,
				      struct openai_sse_found *ret_found)
{
	struct openai_sse_found *e = &s->event;
	bool first = e->data_len == 0;

	e->data_len += piece.len;
	if (e->data_len > s->limit) {
		s->once = (struct gh_str){ NULL, 0 };
		openai_hold_free(&s->kept);
	} else if (first) {
		s->once = piece;
	} else {
		keep_once(s);
		openai_hold_add(&s->kept, piece);
	}
	*ret_found = (struct openai_sse_found){ .piece = piece };
	return OPENAI_SSE_DATA;
}

static enum openai_sse_what tell_event(struct openai_sse *s, struct openai_sse_found *ret_found)
{
	struct openai_sse_found *e = &s->event;

	e->end = s->at;
	e->name = (struct gh_str){ s->name, s->name_len };
	e->whole = e->data_len <= s->limit;
	if (e->whole)
		e->data = s->kept.len ? openai_hold_text(&s->kept) : s->once;
	s->open = false;
	s->told = true;
	*ret_found = *e;
	return OPENAI_SSE_EVENT;
}

/* The line's end, of one byte; the LF of a CRLF follows as if it were nothing. */
static void end_line(struct openai_sse *s, struct gh_str *rest)
{
	s->after_cr = *rest->at == '\r';
	s->state = LINE;
	use(s, rest, 1);
}

/* At the first byte of a line that is not empty. */
static void begin_line(struct openai_sse *s, struct gh_str *rest)
{
	if (*rest->at == ':') {
		s->event.comments |= s->open;
		s->field = IGNORED;
		s->state = VALUE;
		return;
	}
	if (!s->open) {
		s->open = true;
		s->event.first = s->at;
	}
	s->at_start = s->at == 0;
	s->word_len = 0;
	s->state = WORD;
}

static enum field which(const struct openai_sse *s)
{
	struct gh_str mark = GH_STR("\xef\xbb\xbf"), word = { s->word, s->word_len };

	if (s->word_len > sizeof s->word)
		return IGNORED;
	if (s->at_start && gh_str_starts(word, mark))
		word = gh_str_slice(word, mark.len, word.len);
	return gh_str_is(word, "data") ? DATA : gh_str_is(word, "event") ? EVENT : IGNORED;
}

/* Behind a field's name. Whether that is a line of data after another. */
static bool begin_value(struct openai_sse *s)
{
	s->field = which(s);
	s->state = SPACE;
	if (s->field == EVENT)
		s->name_len = 0;
	return s->field == DATA && s->event.data_lines++ > 0;
}

/* Up to the colon or the line's end. Whether it came. */
static bool read_word(struct openai_sse *s, struct gh_str *rest)
{
	size_t len = 0;

	for (; len < rest->len; len++) {
		char c = rest->at[len];
		if (c == ':' || c == '\n' || c == '\r')
			break;
		if (s->word_len < sizeof s->word)
			s->word[s->word_len] = c;
		if (s->word_len <= sizeof s->word)
			s->word_len++;
	}
	use(s, rest, len);
	return rest->len > 0;
}

static void add_name(struct openai_sse *s, struct gh_str piece)
{
	struct gh_str fits = gh_str_slice(piece, 0, sizeof s->name - s->name_len);

	memcpy(s->name + s->name_len, fits.at, fits.len);
	s->name_len = (uint8_t)(s->name_len + fits.len);
}

/* Up to the line's end, which is left. */
static struct gh_str read_value(struct openai_sse *s, struct gh_str *rest)
{
	const char *end = line_end(rest->at, rest->at + rest->len);
	struct gh_str piece = { rest->at, (size_t)(end - rest->at) };

	if (s->field == DATA && s->event.data_len == 0 && s->event.data_lines == 1)
		s->event.data_at = s->at;
	use(s, rest, piece.len);
	if (s->field == EVENT)
		add_name(s, piece);
	return piece;
}

enum openai_sse_what openai_sse_next(struct openai_sse *s, struct gh_str *rest,
				     struct openai_sse_found *ret_found)
{
	struct gh_str piece;

	if (s->told)
		forget(s);
	while (rest->len) {
		char c = *rest->at;
		bool ends = c == '\n' || c == '\r';

		switch ((enum state)s->state) {
		case LINE:
			if (s->after_cr && c == '\n') {
				s->after_cr = false;
				use(s, rest, 1);
				break;
			}
			s->after_cr = false;
			if (!ends) {
				begin_line(s, rest);
				break;
			}
			end_line(s, rest);
			if (s->open)
				return tell_event(s, ret_found);
			break;
		case WORD:
			if (!read_word(s, rest))
				break;
			if (*rest->at == ':')
				use(s, rest, 1);
			if (begin_value(s))
				return tell_data(s, GH_STR("\n"), ret_found);
			break;
		case SPACE:
			if (c == ' ')
				use(s, rest, 1);
			s->state = VALUE;
			break;
		case VALUE:
			if (ends) {
				end_line(s, rest);
				break;
			}
			piece = read_value(s, rest);
			if (s->field == DATA)
				return tell_data(s, piece, ret_found);
			break;
		}
	}
	keep_once(s);
	return OPENAI_SSE_MORE;
}
