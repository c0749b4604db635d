/* Judging a text of JSON, in one pass and without recursion. json_read.c reads what was found good. */
#include "core/http/json.h"

#include <endian.h>

#include "core/http/octets.h"

struct scan {
	const char *at, *end;
	const char *what;  /* NULL until there is a mistake */
	const char *fault; /* where it is, when not at `at` */
	gh_json_take *take;
	void *arg;
	struct gh_json name; /* of the root's member that is being read */
	const char *value;   /* where its value begins */
};

enum byte {
	SPACE = 1,
	STOP = 2,   /* of a string: its end, an escape, what may not be in it, what is no ASCII */
	ESCAPE = 4, /* after a backslash, but for `u` */
};

static const unsigned char bytes_are[256] = {
	[0x00 ... 0x08] = STOP, ['\t'] = SPACE | STOP, ['\n'] = SPACE | STOP,
	[0x0b ... 0x0c] = STOP, ['\r'] = SPACE | STOP, [0x0e ... 0x1f] = STOP,
	[' '] = SPACE,          ['"'] = STOP | ESCAPE, ['\\'] = STOP | ESCAPE,
	['/'] = ESCAPE,         ['b'] = ESCAPE,        ['f'] = ESCAPE,
	['n'] = ESCAPE,         ['r'] = ESCAPE,        ['t'] = ESCAPE,
	[0x80 ... 0xff] = STOP,
};

static bool is(char c, enum byte class)
{
	return bytes_are[(unsigned char)c] & class;
}

static bool mistake(struct scan *s, const char *what)
{
	s->what = what;
	return false;
}

static void skip_space(struct scan *s)
{
	/* Most often there is none. */
	if (s->at < s->end && (unsigned char)*s->at > ' ')
		return;
	while (s->at < s->end && is(*s->at, SPACE))
		s->at++;
}

#define EACH(byte) (UINT64_MAX / 255 * (byte))

/* Of 8 bytes, the first the lowest, those that stop a string, by their highest bits: the first of them for certain, as a borrow
 * can only come from a byte that does. */
static uint64_t stops(uint64_t x)
{
	uint64_t quote = x ^ EACH('"'), backslash = x ^ EACH('\\');

	return ((x - EACH(0x20)) | (quote - EACH(1)) | (backslash - EACH(1)) | x) & EACH(0x80);
}

static const char *skip_plain(const char *at, const char *end)
{
	uint64_t x, found;

	for (; end - at >= (ptrdiff_t)sizeof x; at += sizeof x) {
		memcpy(&x, at, sizeof x);
		found = stops(le64toh(x));
		if (found)
			return at + __builtin_ctzll(found) / 8;
	}
	while (at < end && !is(*at, STOP))
		at++;
	return at;
}

/* Four hexadecimal digits at `at`, or -1. */
static int hex4(const char *at, const char *end)
{
	int code = 0;

	if (end - at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = gh__hex(at[i]);
		if (digit < 0)
			return -1;
		code = code * 16 + digit;
	}
	return code;
}

/* At the backslash. */
static bool scan_escape(struct scan *s)
{
	const char *at = s->at + 1;

	if (at < s->end && is(*at, ESCAPE)) {
		s->at = at + 1;
		return true;
	}
	if (at == s->end || *at != 'u')
		return mistake(s, "no escape begins like this");
	int code = hex4(at + 1, s->end);
	if (code < 0)
		return mistake(s, "\\u needs four hexadecimal digits");
	at += 5;
	if (code >= 0xdc00 && code <= 0xdfff)
		return mistake(s, "the second half of a surrogate pair stands alone");
	if (code >= 0xd800 && code <= 0xdbff) {
		int low = s->end - at >= 6 && at[0] == '\\' && at[1] == 'u' ? hex4(at + 2, s->end)
									    : -1;
		if (low < 0xdc00 || low > 0xdfff)
			return mistake(s, "the first half of a surrogate pair stands alone");
		at += 6;
	}
	s->at = at;
	return true;
}

/* What is no ASCII, up to what is. */
static bool scan_utf8(struct scan *s)
{
	do {
		size_t bad,
			len = gh__utf8((struct gh_str){ s->at, (size_t)(s->end - s->at) }, &bad);
		if (len == 0)
			return mistake(s, "this is not UTF-8");
		s->at += len;
	} while (s->at < s->end && (unsigned char)*s->at >= 0x80);
	return true;
}

/* At the opening quote. */
static bool scan_string(struct scan *s)
{
	const char *open = s->at++;

	for (;;) {
		s->at = skip_plain(s->at, s->end);
		if (s->at == s->end) {
			s->fault = open;
			return mistake(s, "this string does not end");
		}
		unsigned char c = (unsigned char)*s->at;
		if (c == '"') {
			s->at++;
			return true;
		}
		if (c < 0x20)
			return mistake(s, "a string may not have control bytes in it");
		if (c == '\\' ? !scan_escape(s) : !scan_utf8(s))
			return false;
	}
}

static bool scan_digits(struct scan *s)
{
	const char *from = s->at;

	while (s->at < s->end && gh__is_digit(*s->at))
		s->at++;
	return s->at > from || mistake(s, "a number needs a digit here");
}

static bool scan_number(struct scan *s)
{
	if (*s->at == '-')
		s->at++;
	if (s->at < s->end && *s->at == '0') {
		s->at++;
		if (s->at < s->end && gh__is_digit(*s->at))
			return mistake(s, "a number may not begin with a zero");
	} else if (!scan_digits(s)) {
		return false;
	}
	if (s->at < s->end && *s->at == '.') {
		s->at++;
		if (!scan_digits(s))
			return false;
	}
	if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
		s->at++;
		if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
			s->at++;
		return scan_digits(s);
	}
	return true;
}

static bool scan_word(struct scan *s, struct gh_str word)
{
	if (!gh_str_starts((struct gh_str){ s->at, (size_t)(s->end - s->at) }, word))
		return mistake(s, "no value begins like this");
	s->at += word.len;
	return true;
}

static bool scan_scalar(struct scan *s)
{
	switch (*s->at) {
	case '"':
		return scan_string(s);
	case 't':
		return scan_word(s, GH_STR("true"));
	case 'f':
		return scan_word(s, GH_STR("false"));
	case 'n':
		return scan_word(s, GH_STR("null"));
	case '-':
	case '0' ... '9':
		return scan_number(s);
	default:
		return mistake(s, "no value begins like this");
	}
}

static bool scan_name(struct scan *s, struct gh_json *ret_name)
{
	skip_space(s);
	if (s->at == s->end || *s->at != '"')
		return mistake(s, "a member's name must be here, in double quotes");
	const char *from = s->at;
	if (!scan_string(s))
		return false;
	*ret_name = (struct gh_json){ { from, (size_t)(s->at - from) } };
	skip_space(s);
	if (s->at == s->end || *s->at != ':')
		return mistake(s, "a colon must be here, between a member's name and its value");
	s->at++;
	return true;
}

/* What the text may go on with. A bit a level says whether that is an object. */
struct nest {
	enum { BEFORE_VALUE, BEFORE_NAME, AFTER_VALUE } state;
	unsigned depth;
	uint64_t objects;
};

static void leave(struct nest *n)
{
	n->depth--;
	n->objects >>= 1;
	n->state = AFTER_VALUE;
}

static bool scan_value(struct scan *s, struct nest *n)
{
	skip_space(s);
	if (s->at == s->end)
		return mistake(s, "a value must be here");
	if (n->depth == 1)
		s->value = s->at;
	if (*s->at != '{' && *s->at != '[') {
		n->state = AFTER_VALUE;
		return scan_scalar(s);
	}
	if (n->depth == GH_JSON_DEPTH_MAX)
		return mistake(s, "too many arrays and objects in each other");
	bool object = *s->at++ == '{';
	n->depth++;
	n->objects = n->objects << 1 | object;
	n->state = object ? BEFORE_NAME : BEFORE_VALUE;
	skip_space(s);
	if (s->at < s->end && *s->at == (object ? '}' : ']')) {
		s->at++;
		leave(n);
	}
	return true;
}

static bool scan_between(struct scan *s, struct nest *n)
{
	bool object = n->objects & 1;

	skip_space(s);
	if (s->at < s->end && *s->at == ',') {
		s->at++;
		n->state = object ? BEFORE_NAME : BEFORE_VALUE;
		return true;
	}
	if (s->at < s->end && *s->at == (object ? '}' : ']')) {
		s->at++;
		leave(n);
		return true;
	}
	return mistake(s, object ? "a comma or the object's } must be here"
				 : "a comma or the array's ] must be here");
}

static void tell_member(struct scan *s)
{
	struct gh_json value = { { s->value, (size_t)(s->at - s->value) } };

	s->take(s->arg, s->name, value);
}

static bool scan_text(struct scan *s)
{
	struct nest n = { .state = BEFORE_VALUE };
	struct gh_json name;

	_Static_assert(GH_JSON_DEPTH_MAX <= 64, "a level is a bit of struct nest");
	for (;;) {
		if (n.state == BEFORE_NAME && !scan_name(s, n.depth == 1 ? &s->name : &name))
			return false;
		if (!scan_value(s, &n))
			return false;
		while (n.state == AFTER_VALUE) {
			if (n.depth == 0)
				return true;
			if (n.depth == 1 && n.objects && s->take)
				tell_member(s);
			if (!scan_between(s, &n))
				return false;
		}
	}
}

static bool goes_on(char c) /* a character that began before it */
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

struct gh_json_error gh_json_error_at(struct gh_str bytes, size_t offset, const char *what)
{
	struct gh_str before = gh_str_slice(bytes, 0, offset);
	struct gh_json_error e = { .offset = before.len, .line = 1, .column = 1, .what = what };

	for (size_t i = 0; i < before.len; i++) {
		if (before.at[i] == '\n') {
			e.line++;
			e.column = 1;
		} else if (!goes_on(before.at[i])) {
			e.column++;
		}
	}
	return e;
}

int gh_json_parse_members(struct gh_str bytes, gh_json_take *take, void *arg,
			  struct gh_json *ret_value, struct gh_json_error *ret_error)
{
	static const char nothing[1];
	const char *at = bytes.at ? bytes.at : nothing;
	struct scan s = { .at = at, .end = at + bytes.len, .take = take, .arg = arg };

	skip_space(&s);
	const char *from = s.at;
	bool good = scan_text(&s);
	const char *to = s.at;
	if (good) {
		skip_space(&s);
		good = s.at == s.end || mistake(&s, "nothing may follow the value");
	}
	if (good) {
		ret_value->text = (struct gh_str){ from, (size_t)(to - from) };
		return 0;
	}
	const char *fault = s.fault ? s.fault : s.at;
	if (ret_error)
		*ret_error = gh_json_error_at(bytes, (size_t)(fault - at), s.what);
	return -1;
}

int gh_json_parse(struct gh_str bytes, struct gh_json *ret_value, struct gh_json_error *ret_error)
{
	return gh_json_parse_members(bytes, NULL, NULL, ret_value, ret_error);
}
