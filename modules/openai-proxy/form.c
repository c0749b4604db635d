/*
 * Bodies of multipart/form-data: RFC 7578, and nothing of it that two readers could understand
 * differently. No preamble and no epilogue, no boundary that goes on as something else, one
 * Content-Disposition a part, and no backslash before a quote in it, which some take for an escape
 * and some do not. Only the heads of parts are looked at, and the values of the fields that count.
 */
#include "body.h"
#include "name.h"

enum {
	BOUNDARY_MOST = 70, /* RFC 2046 */
	HEAD_MOST = 4096,   /* of a part */
	DELIMITER_MOST = 4 + BOUNDARY_MOST,
};

struct form {
	struct openai_body *body;
	struct openai_fault *fault;
	const char *at, *end;
	char delimiter[DELIMITER_MOST]; /* CR LF, `--` and the boundary */
	size_t delimiter_len;
	unsigned seen; /* of the fields that count */
};

struct part {
	struct gh_str name, value;
	bool encoded, is_file;
};

static int refuse(const struct form *f, const char *param, const char *at, const char *what)
{
	*f->fault = (struct openai_fault){
		param, { .offset = (size_t)(at - f->body->bytes.at), .what = what }
	};
	return -1;
}

static struct gh_str rest_of(const struct form *f)
{
	return (struct gh_str){ f->at, (size_t)(f->end - f->at) };
}

/* ---- Parameters: `; name=value` and `; name="value"` ---- */

static bool is_token(char c)
{
	return c > ' ' && c < 0x7f && !strchr("()<>@,;:\\\"/[]?={}", c);
}

static struct gh_str cut_token(struct gh_str *s)
{
	size_t len = 0;

	while (len < s->len && is_token(s->at[len]))
		len++;
	struct gh_str token = gh_str_slice(*s, 0, len);
	*s = gh_str_slice(*s, len, s->len);
	return token;
}

static void skip_blanks(struct gh_str *s)
{
	while (s->len && (*s->at == ' ' || *s->at == '\t'))
		*s = gh_str_slice(*s, 1, s->len);
}

static bool cut_mark(struct gh_str *s, char mark)
{
	if (s->len == 0 || *s->at != mark)
		return false;
	*s = gh_str_slice(*s, 1, s->len);
	return true;
}

/* What is in quotes, behind the first of them. The last must end it for those, too, who take
 * a backslash for an escape. */
static bool cut_quoted(struct gh_str *s, struct gh_str *ret_value)
{
	const char *quote = s->len ? memchr(s->at, '"', s->len) : NULL;

	if (!quote)
		return false;
	struct gh_str value = { s->at, (size_t)(quote - s->at) };
	size_t slashes = 0;
	while (slashes < value.len && quote[-1 - (ptrdiff_t)slashes] == '\\')
		slashes++;
	if (slashes % 2)
		return false;
	*s = gh_str_slice(*s, value.len + 1, s->len);
	*ret_value = value;
	return true;
}

enum cut { CUT, CUT_NONE, CUT_BAD };

static enum cut cut_parameter(struct gh_str *s, struct gh_str *ret_name, struct gh_str *ret_value)
{
	skip_blanks(s);
	if (s->len == 0)
		return CUT_NONE;
	if (!cut_mark(s, ';'))
		return CUT_BAD;
	skip_blanks(s);
	*ret_name = cut_token(s);
	if (ret_name->len == 0 || !cut_mark(s, '='))
		return CUT_BAD;
	if (cut_mark(s, '"'))
		return cut_quoted(s, ret_value) ? CUT : CUT_BAD;
	*ret_value = cut_token(s);
	return ret_value->len ? CUT : CUT_BAD;
}

/* ---- The boundary ---- */

static bool is_boundary(struct gh_str s)
{
	if (s.len == 0 || s.len > BOUNDARY_MOST || s.at[s.len - 1] == ' ')
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = gh_lower(s.at[i]);
		bool letter = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
		if (!letter && (c == 0 || !strchr("'()+_,-./:=? ", c)))
			return false;
	}
	return true;
}

static int find_boundary(struct form *f, struct gh_str content_type)
{
	struct gh_str name, value, found = { NULL, 0 };
	enum cut cut;

	skip_blanks(&content_type);
	struct gh_str type = cut_token(&content_type);
	if (!gh_str_same(type, GH_STR("multipart")) || !cut_mark(&content_type, '/') ||
	    !gh_str_same(cut_token(&content_type), GH_STR("form-data")))
		return refuse(f, NULL, f->at, "its Content-Type is no multipart/form-data");
	while ((cut = cut_parameter(&content_type, &name, &value)) == CUT) {
		if (!gh_str_same(name, GH_STR("boundary")))
			continue;
		if (found.len)
			return refuse(f, NULL, f->at, "its Content-Type has two boundaries");
		if (!is_boundary(value))
			return refuse(f, NULL, f->at, "the boundary in its Content-Type is none");
		found = value;
	}
	if (cut == CUT_BAD || found.len == 0)
		return refuse(f, NULL, f->at, "its Content-Type has no boundary");
	f->body->boundary = found;
	memcpy(f->delimiter, "\r\n--", 4);
	memcpy(f->delimiter + 4, found.at, found.len);
	f->delimiter_len = 4 + found.len;
	return 0;
}

/* ---- Parts ---- */

static int read_disposition(struct form *f, struct gh_str text, struct part *p)
{
	struct gh_str name, value;
	const char *from = text.at;
	enum cut cut;

	if (p->name.at)
		return refuse(f, NULL, from, "a part has two Content-Dispositions");
	if (!gh_str_same(cut_token(&text), GH_STR("form-data")))
		return refuse(f, NULL, from, "a part's Content-Disposition is not form-data");
	while ((cut = cut_parameter(&text, &name, &value)) == CUT) {
		if (gh_str_same(name, GH_STR("name*")))
			return refuse(f, NULL, name.at, "a part's name may not be in name*");
		if (gh_str_same(name, GH_STR("filename")) || gh_str_same(name, GH_STR("filename*")))
			p->is_file = true;
		if (!gh_str_same(name, GH_STR("name")))
			continue;
		if (p->name.at)
			return refuse(f, NULL, name.at, "a part has two names");
		if (value.len && memchr(value.at, '\\', value.len))
			return refuse(f, NULL, value.at, "a part's name has a backslash in it");
		p->name = value;
	}
	if (cut == CUT_BAD || !p->name.at)
		return refuse(f, NULL, from,
			      "a part's Content-Disposition cannot be read, or has no name");
	return 0;
}

static bool is_plain_encoding(struct gh_str text)
{
	return gh_str_same(text, GH_STR("binary")) || gh_str_same(text, GH_STR("8bit")) ||
	       gh_str_same(text, GH_STR("7bit"));
}

static int read_field(struct form *f, struct gh_str line, struct part *p)
{
	const char *from = line.at;
	struct gh_str name = cut_token(&line);

	if (name.len == 0 || !cut_mark(&line, ':'))
		return refuse(f, NULL, from, "a part has a line in its head that is no field");
	for (size_t i = 0; i < line.len; i++)
		if ((unsigned char)line.at[i] < ' ' && line.at[i] != '\t')
			return refuse(f, NULL, line.at + i,
				      "a part has a control byte in its head");
	skip_blanks(&line);
	while (line.len && (line.at[line.len - 1] == ' ' || line.at[line.len - 1] == '\t'))
		line.len--;
	if (gh_str_same(name, GH_STR("Content-Disposition")))
		return read_disposition(f, line, p);
	if (gh_str_same(name, GH_STR("Content-Transfer-Encoding")) && !is_plain_encoding(line))
		p->encoded = true;
	return 0;
}

/* From behind the boundary's line to behind the empty line. */
static int read_head(struct form *f, struct part *p)
{
	const char *from = f->at;

	for (;;) {
		struct gh_str rest = gh_str_slice(rest_of(f), 0,
						  HEAD_MOST - (size_t)(f->at - from));
		const char *crlf = rest.len ? memmem(rest.at, rest.len, "\r\n", 2) : NULL;

		if (!crlf)
			return refuse(f, NULL, from, "a part's head does not end, or is too long");
		struct gh_str line = { f->at, (size_t)(crlf - f->at) };
		f->at = crlf + 2;
		if (line.len == 0)
			break;
		if (read_field(f, line, p))
			return -1;
	}
	if (!p->name.at)
		return refuse(f, NULL, from, "a part has no Content-Disposition");
	return 0;
}

/* To behind the boundary that ends the part. */
static int read_value(struct form *f, struct part *p)
{
	struct gh_str rest = rest_of(f), bare = { f->delimiter + 2, f->delimiter_len - 2 };
	const char *found;

	/* An empty value has an empty line of its own; without it the head's would be taken for both. */
	if (gh_str_starts(rest, bare))
		return refuse(f, NULL, f->at, "a part ends before it began");
	found = rest.len ? memmem(rest.at, rest.len, f->delimiter, f->delimiter_len) : NULL;
	if (!found)
		return refuse(f, NULL, f->end, "it breaks off, or its last boundary is missing");
	p->value = (struct gh_str){ f->at, (size_t)(found - f->at) };
	f->at = found + f->delimiter_len;
	return 0;
}

/* ---- Fields that count ---- */

enum field { MODEL, STREAM, FIELD_COUNT };

static const char *const fields[FIELD_COUNT] = { [MODEL] = "model", [STREAM] = "stream" };

static int take_model(struct form *f, struct gh_str value)
{
	struct openai_body *b = f->body;

	if (value.len > OPENAI_MODEL_MAX)
		return refuse(f, "model", value.at, "is too long");
	if (openai_name_check(value))
		return refuse(f, "model", value.at,
			      "must be UTF-8 and may not have control characters in it");
	memcpy(b->model_text, value.at, value.len);
	b->model_len = (uint16_t)value.len;
	b->model_value = value;
	b->has_model = true;
	return 0;
}

static int take_stream(struct form *f, struct gh_str value)
{
	bool yes = gh_str_same(value, GH_STR("true")) || gh_str_is(value, "1");

	if (!yes && !gh_str_same(value, GH_STR("false")) && !gh_str_is(value, "0"))
		return refuse(f, "stream", value.at, "must be true or false");
	f->body->streams = yes;
	return 0;
}

static int take(struct form *f, const struct part *p)
{
	unsigned i = 0;

	while (i < FIELD_COUNT && !gh_str_is(p->name, fields[i]))
		i++;
	if (i == FIELD_COUNT)
		return 0;
	if (f->seen & 1u << i)
		return refuse(f, fields[i], p->value.at, "is there twice");
	f->seen |= 1u << i;
	if (p->is_file || p->encoded)
		return refuse(f, fields[i], p->value.at, "must be plain text, and no file");
	return i == MODEL ? take_model(f, p->value) : take_stream(f, p->value);
}

static int read_parts(struct form *f)
{
	struct gh_str bare = { f->delimiter + 2, f->delimiter_len - 2 };

	if (!gh_str_starts(rest_of(f), bare))
		return refuse(f, NULL, f->at, "it does not begin with its boundary");
	f->at += bare.len;
	for (;;) {
		struct part p = { .encoded = false };

		if (gh_str_starts(rest_of(f), GH_STR("--")))
			break;
		if (!gh_str_starts(rest_of(f), GH_STR("\r\n")))
			return refuse(f, NULL, f->at, "a boundary does not end with its line");
		f->at += 2;
		if (read_head(f, &p) || read_value(f, &p) || take(f, &p))
			return -1;
	}
	f->at += 2;
	if (f->at < f->end && !gh_str_eq(rest_of(f), GH_STR("\r\n")))
		return refuse(f, NULL, f->at, "nothing may follow its last boundary");
	return 0;
}

int openai_form_read(struct gh_str bytes, struct gh_str content_type, struct openai_body *ret_body,
		     struct openai_fault *ret_fault)
{
	static const char nothing[1];
	struct openai_body b = { .bytes = bytes, .max_tokens = -1 };
	struct openai_fault fault = { .param = NULL };

	if (!b.bytes.at)
		b.bytes.at = nothing;
	struct form f = {
		.body = &b,
		.fault = &fault,
		.at = b.bytes.at,
		.end = b.bytes.at + b.bytes.len,
	};
	if (find_boundary(&f, content_type) || read_parts(&f)) {
		*ret_fault = fault;
		return -1;
	}
	*ret_body = b;
	return 0;
}
