/*
 * Bodies, a step at a time. Lengths are counted here; chunks are llhttp's, and what stands between
 * their data is judged here once more, byte by byte: it is a few bytes, and all that smuggling needs.
 */
#include "core/http/message.h"

#include "core/http/octets.h"

enum {
	OVERHEAD_MAX = 4096, /* bytes of framing between two of data, or after the last */
	EXTENSION_MAX = 256, /* bytes of extensions a chunk */
	DIGITS_MAX = 16,     /* hex digits of a size */
	DIGITS_OVER = 0xff,
};

/* ---- llhttp over chunks ---- */

static struct gh__message *message_of(llhttp_t *l)
{
	return (struct gh__message *)l;
}

/* Keeps the span and stops: gh__body_next() hands it out. */
static int on_data(llhttp_t *l, const char *at, size_t len)
{
	message_of(l)->data = (struct gh_str){ at, len };
	return HPE_PAUSED;
}

static int on_extension(llhttp_t *l, const char *at, size_t len)
{
	struct gh__message *m = message_of(l);

	(void)at;
	if (len > (size_t)(EXTENSION_MAX - m->extension))
		return -1;
	m->extension += (uint16_t)len;
	return 0;
}

static int on_chunk(llhttp_t *l)
{
	message_of(l)->extension = 0;
	message_of(l)->left = l->content_length;
	return l->content_length > INT64_MAX ? -1 : 0;
}

static int on_end(llhttp_t *l)
{
	message_of(l)->ended = 1;
	return HPE_PAUSED;
}

static const llhttp_settings_t body_settings = {
	.on_body = on_data,
	.on_chunk_extension_name = on_extension,
	.on_chunk_extension_value = on_extension,
	.on_chunk_header = on_chunk,
	.on_message_complete = on_end,
};

/* Judges bytes of framing: strict CRLF, no control bytes, no folded lines, no long sizes, not too
 * many. Trailers are held to the rule of digits too; no name of a field begins so. */
static bool judge_framing(struct gh__message *m, const char *at, const char *end)
{
	if ((size_t)(end - at) > OVERHEAD_MAX - m->overhead)
		return false;
	m->overhead += (uint32_t)(end - at);
	for (; at < end; at++) {
		char before = m->last;
		m->last = *at;
		if ((before == '\r') != (*at == '\n'))
			return false;
		if (*at == '\n') {
			m->digits = 0;
			continue;
		}
		if (before == '\n' && (*at == ' ' || *at == '\t'))
			return false;
		if (gh__is_control(*at) && *at != '\r' && *at != '\t')
			return false;
		if (m->digits == DIGITS_OVER)
			continue;
		if (gh__hex(*at) < 0)
			m->digits = DIGITS_OVER;
		else if (++m->digits > DIGITS_MAX)
			return false;
	}
	return true;
}

static enum gh__body_step refuse(struct gh__message *m, struct gh__refusal *ret_why)
{
	m->ended = 0;
	*ret_why = (struct gh__refusal){ 400, "The chunked body is malformed." };
	return GH__BODY_BAD;
}

static enum gh__body_step next_chunked(struct gh__message *m, const char **at, const char *end,
				       struct gh_str *ret_data, struct gh__refusal *ret_why)
{
	if (m->ended)
		return GH__BODY_END;
	if (*at == end)
		return GH__BODY_MORE;
	if (m->llhttp.error == HPE_PAUSED)
		llhttp_resume(&m->llhttp);
	m->llhttp.settings = (void *)(uintptr_t)&body_settings;
	m->data = (struct gh_str){ NULL, 0 };

	enum llhttp_errno e = llhttp_execute(&m->llhttp, *at, (size_t)(end - *at));
	if (e != HPE_OK && e != HPE_PAUSED)
		return refuse(m, ret_why);
	const char *stop = e == HPE_OK ? end : llhttp_get_error_pos(&m->llhttp);
	const char *framed = m->data.len ? m->data.at : stop;
	if (!judge_framing(m, *at, framed))
		return refuse(m, ret_why);
	*at = stop;
	if (m->data.len) {
		m->overhead = 0;
		m->left -= m->data.len;
		*ret_data = m->data;
		return GH__BODY_DATA;
	}
	return m->ended ? GH__BODY_END : GH__BODY_MORE;
}

enum gh__body_step gh__body_next(struct gh__message *m, const char **at, const char *end,
				 struct gh_str *ret_data, struct gh__refusal *ret_why)
{
	size_t have = (size_t)(end - *at);

	switch ((enum gh__framing)m->framing) {
	case GH__BODY_CHUNKED:
		return next_chunked(m, at, end, ret_data, ret_why);
	case GH__BODY_LENGTH:
		if (m->left == 0)
			break;
		if (have > m->left)
			have = (size_t)m->left;
		m->left -= have;
		/* fall through */
	case GH__BODY_UNTIL_CLOSE:
		if (m->ended)
			break;
		if (have == 0)
			return GH__BODY_MORE;
		*ret_data = (struct gh_str){ *at, have };
		*at += have;
		return GH__BODY_DATA;
	case GH__BODY_NONE:
		break;
	}
	m->ended = 1;
	return GH__BODY_END;
}

enum gh__body_step gh__body_closed(struct gh__message *m)
{
	if (m->framing == GH__BODY_UNTIL_CLOSE || m->framing == GH__BODY_NONE ||
	    (m->framing == GH__BODY_LENGTH && m->left == 0))
		m->ended = 1;
	return m->ended ? GH__BODY_END : GH__BODY_BAD;
}
