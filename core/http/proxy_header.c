#include "core/http/proxy_header.h"

#include "core/http/octets.h"
#include "core/http/text.h"

enum read { READ_DONE, READ_MORE, READ_BAD };

struct reader {
	struct gh_str in;
	size_t at;
	const char *why;
};

static enum read bad(struct reader *r, const char *why)
{
	r->why = why;
	return READ_BAD;
}

static unsigned byte_at(struct reader *r, size_t at)
{
	return (unsigned char)r->in.at[at];
}

static enum read read_exactly(struct reader *r, struct gh_str expected, const char *why)
{
	for (size_t i = 0; i < expected.len; i++, r->at++) {
		if (r->at == r->in.len)
			return READ_MORE;
		if (r->in.at[r->at] != expected.at[i])
			return bad(r, why);
	}
	return READ_DONE;
}

/* ---- Version 1 ---- */

/* A decimal number as far as it came: no sign, no leading zero, at most `max`. */
struct number {
	unsigned value, digits;
};

static bool number_takes(struct number *n, char c, unsigned max)
{
	if (!gh__is_digit(c) || (n->digits && n->value == 0))
		return false;
	unsigned value = n->value * 10 + (unsigned)(c - '0');
	if (value > max)
		return false;
	n->value = value;
	n->digits++;
	return true;
}

static enum read read_port(struct reader *r, char end, unsigned *ret_port)
{
	struct number n = { 0, 0 };

	for (; r->at < r->in.len; r->at++) {
		char c = r->in.at[r->at];
		if (c == end && n.digits) {
			r->at++;
			*ret_port = n.value;
			return READ_DONE;
		}
		if (!number_takes(&n, c, UINT16_MAX))
			return bad(r, "the PROXY header has a malformed port");
	}
	return READ_MORE;
}

/* The parsers of addresses ask of each byte only whether some address goes on like this; what the
 * address is, is said by the same function as everywhere, once it is whole. */
struct ipv4 {
	struct number part;
	unsigned parts; /* whole ones, each with its dot behind it */
};

static bool ipv4_takes(struct ipv4 *a, char c)
{
	if (c != '.')
		return number_takes(&a->part, c, UINT8_MAX);
	if (a->part.digits == 0 || a->parts == 3)
		return false;
	a->parts++;
	a->part = (struct number){ 0, 0 };
	return true;
}

static bool ipv4_is_whole(const struct ipv4 *a)
{
	return a->parts == 3 && a->part.digits;
}

struct ipv6 {
	unsigned groups; /* whole ones, each with its colon behind it */
	unsigned digits; /* of the group that is being read */
	unsigned colons; /* in a row, just read */
	bool has_gap;    /* there was a `::`, which stands for one group or more */
	bool is_tail;    /* it ends as IPv4 does: its first dot was read */
	bool maybe_tail; /* the group that is being read can be that one's first part */
	struct ipv4 tail;
};

/* How many groups can be written out. */
static unsigned ipv6_room(const struct ipv6 *a)
{
	return a->has_gap ? 7 : 8;
}

static bool ipv6_takes_colon(struct ipv6 *a)
{
	if (a->digits) {
		/* A group must follow, or a second colon in place of the last. */
		if (a->groups + 1 == ipv6_room(a))
			return false;
		a->groups++;
		a->digits = 0;
		a->colons = 1;
		return true;
	}
	if (a->colons == 0) { /* the first byte */
		a->colons = 1;
		return true;
	}
	if (a->has_gap)
		return false;
	a->has_gap = true;
	a->colons = 2;
	return true;
}

static bool ipv6_takes_digit(struct ipv6 *a, char c)
{
	bool after_lone_colon = a->groups == 0 && a->colons == 1;

	if (gh__hex(c) < 0 || after_lone_colon || a->digits == 4 || a->groups == ipv6_room(a))
		return false;
	if (a->digits == 0) {
		a->tail = (struct ipv4){ .parts = 0 };
		a->maybe_tail = true;
	}
	a->maybe_tail = a->maybe_tail && ipv4_takes(&a->tail, c);
	a->digits++;
	a->colons = 0;
	return true;
}

static bool ipv6_takes_dot(struct ipv6 *a)
{
	/* The tail is two groups. */
	bool fits = a->has_gap ? a->groups + 2 <= 7 : a->groups + 2 == 8;

	a->is_tail = fits && a->digits && a->maybe_tail && ipv4_takes(&a->tail, '.');
	return a->is_tail;
}

static bool ipv6_takes(struct ipv6 *a, char c)
{
	if (a->is_tail)
		return ipv4_takes(&a->tail, c);
	if (c == ':')
		return ipv6_takes_colon(a);
	return c == '.' ? ipv6_takes_dot(a) : ipv6_takes_digit(a, c);
}

static bool ipv6_is_whole(const struct ipv6 *a)
{
	if (a->is_tail)
		return ipv4_is_whole(&a->tail);
	return a->digits ? a->has_gap || a->groups == 7 : a->colons == 2;
}

/* Up to its space. */
static enum read read_address(struct reader *r, sa_family_t family, struct gh_address *ret_address)
{
	struct ipv4 v4 = { .parts = 0 };
	struct ipv6 v6 = { .groups = 0 };
	size_t from = r->at;

	for (; r->at < r->in.len; r->at++) {
		char c = r->in.at[r->at];
		bool whole = family == AF_INET ? ipv4_is_whole(&v4) : ipv6_is_whole(&v6);

		if (c == ' ' && whole) {
			if (gh__address_from(gh_str_slice(r->in, from, r->at), ret_address))
				break;
			r->at++;
			return READ_DONE;
		}
		if (family == AF_INET ? !ipv4_takes(&v4, c) : !ipv6_takes(&v6, c))
			break;
	}
	return r->at == r->in.len ? READ_MORE : bad(r, "the PROXY header has a malformed address");
}

static enum read read_ends(struct reader *r, sa_family_t family, struct gh_address *ret_client)
{
	struct gh_address client, server;
	unsigned port, server_port;
	enum read read;

	if ((read = read_address(r, family, &client)) ||
	    (read = read_address(r, family, &server)) || (read = read_port(r, ' ', &port)) ||
	    (read = read_port(r, '\r', &server_port)))
		return read;
	client.port = (uint16_t)port;
	*ret_client = client;
	return READ_DONE;
}

/* Whatever follows says nothing, but it must be a line. */
static enum read read_unknown(struct reader *r)
{
	static const char why[] = "the PROXY header does not end as a line must";
	const char *cr;
	size_t end;

	if (r->at == r->in.len)
		return READ_MORE;
	if (r->in.at[r->at] != ' ' && r->in.at[r->at] != '\r')
		return bad(r, "the PROXY header is of a protocol that is none");
	cr = memchr(r->in.at + r->at, '\r', r->in.len - r->at);
	end = cr ? (size_t)(cr - r->in.at) : r->in.len;
	if (memchr(r->in.at + r->at, '\n', end - r->at))
		return bad(r, why);
	if (!cr)
		return READ_MORE;
	r->at = end + 1;
	return READ_DONE;
}

static enum read read_line(struct reader *r, enum gh__proxy_result *ret_result,
			   struct gh_address *ret_client)
{
	static const char other[] = "the PROXY header is of a protocol that is none";
	sa_family_t family = AF_INET;
	enum read read;

	if ((read = read_exactly(r, GH_STR("PROXY "),
				 "the connection does not begin with a PROXY header")))
		return read;
	if (r->at == r->in.len)
		return READ_MORE;
	if (r->in.at[r->at] == 'U') {
		*ret_result = GH__PROXY_LOCAL;
		if ((read = read_exactly(r, GH_STR("UNKNOWN"), other)) || (read = read_unknown(r)))
			return read;
	} else {
		*ret_result = GH__PROXY_CLIENT;
		if ((read = read_exactly(r, GH_STR("TCP"), other)))
			return read;
		if (r->at < r->in.len && r->in.at[r->at] == '6')
			family = AF_INET6;
		if ((read = read_exactly(r, family == AF_INET6 ? GH_STR("6 ") : GH_STR("4 "),
					 other)) ||
		    (read = read_ends(r, family, ret_client)))
			return read;
	}
	return read_exactly(r, GH_STR("\n"), "the PROXY header does not end as a line must");
}

static enum gh__proxy_result version1(struct gh_str bytes, size_t *ret_len,
				      struct gh_address *ret_client, const char **ret_why)
{
	struct reader r = { .in = gh_str_slice(bytes, 0, GH__PROXY_V1_MAX) };
	enum gh__proxy_result result = GH__PROXY_BAD;
	struct gh_address client;
	enum read read = read_line(&r, &result, &client);

	if (read == READ_MORE && r.in.len == GH__PROXY_V1_MAX)
		read = bad(&r, "the PROXY header is too long");
	switch (read) {
	case READ_DONE:
		break;
	case READ_MORE:
		return GH__PROXY_MORE;
	case READ_BAD:
	default:
		*ret_why = r.why;
		return GH__PROXY_BAD;
	}
	*ret_len = r.at;
	if (result == GH__PROXY_CLIENT)
		*ret_client = client;
	return result;
}

/* ---- Version 2 ---- */

enum {
	V2_COMMAND = 12,
	V2_FAMILY = 13,
	V2_LENGTH = 14,
	V2_BLOCK = 16,
	TLV_HEAD = 3, /* a type and the two bytes of its value's length */
};

static const struct gh_str v2_signature = GH_STR_INIT("\r\n\r\n\0\r\nQUIT\n");

/* What family and protocol mean, and how many bytes the addresses take. */
static const struct v2_kind {
	unsigned char code;
	enum gh__proxy_result result;
	sa_family_t family;
	size_t len;
} v2_kinds[] = {
	{ 0x00, GH__PROXY_LOCAL, AF_UNSPEC, 0 },
	{ 0x11, GH__PROXY_CLIENT, AF_INET, 12 },
	{ 0x21, GH__PROXY_CLIENT, AF_INET6, 36 },
	{ 0x31, GH__PROXY_LOCAL, AF_UNIX, 216 },
};

static const struct v2_kind *v2_kind(unsigned code)
{
	for (size_t i = 0; i < GH_COUNT_OF(v2_kinds); i++)
		if (v2_kinds[i].code == code)
			return &v2_kinds[i];
	return NULL;
}

/* A rest that is too short for a TLV. */
static bool is_crumb(size_t left)
{
	return left > 0 && left < TLV_HEAD;
}

/* From `at` on, `left` bytes are TLVs and nothing else. Reads of them what came. */
static enum read read_tlvs(struct reader *r, size_t at, size_t left)
{
	static const char why[] = "the PROXY header has a field that does not end within it";

	if (is_crumb(left))
		return bad(r, why);
	while (left) {
		if (r->in.len < at + 2)
			return READ_MORE;
		left -= TLV_HEAD;
		size_t len = byte_at(r, at + 1) << 8;
		if (len > left)
			return bad(r, why);
		if (r->in.len < at + TLV_HEAD)
			return READ_MORE;
		len |= byte_at(r, at + 2);
		if (len > left || is_crumb(left - len))
			return bad(r, why);
		at += TLV_HEAD + len;
		left -= len;
	}
	return READ_DONE;
}

/* The source comes first; its port follows on both addresses. */
static struct gh_address v2_client(const struct v2_kind *kind, const char *block)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	size_t len = kind->family == AF_INET ? 4 : 16;
	struct gh_address a = { .family = kind->family };
	const unsigned char *port = (const unsigned char *)block + 2 * len;

	memcpy(a.bytes, block, len);
	if (len == 16 && memcmp(a.bytes, mapped, sizeof mapped) == 0) {
		a = (struct gh_address){ .family = AF_INET };
		memcpy(a.bytes, block + sizeof mapped, 4);
	}
	a.port = (uint16_t)(port[0] << 8 | port[1]);
	return a;
}

/* The first 16 bytes, as many as came. */
static enum read read_head(struct reader *r, const struct v2_kind **ret_kind, size_t *ret_len)
{
	static const char too_long[] = "the PROXY header is too long";
	const struct v2_kind *kind = v2_kind(0);
	enum read read = read_exactly(r, v2_signature,
				      "the connection does not begin with a PROXY header");

	if (read)
		return read;
	if (r->in.len <= V2_COMMAND)
		return READ_MORE;
	unsigned command = byte_at(r, V2_COMMAND);
	if (command >> 4 != 2)
		return bad(r, "the PROXY header is of an unknown version");
	if ((command & 0xf) > 1)
		return bad(r, "the PROXY header has an unknown command");
	if (r->in.len <= V2_FAMILY)
		return READ_MORE;
	if (command == 0x21) /* PROXY; of a LOCAL one nothing else counts */
		kind = v2_kind(byte_at(r, V2_FAMILY));
	if (!kind)
		return bad(r, "the PROXY header is of a protocol that is not served");
	if (r->in.len <= V2_LENGTH)
		return READ_MORE;
	size_t len = byte_at(r, V2_LENGTH) << 8;
	if (len > GH__PROXY_V2_BLOCK)
		return bad(r, too_long);
	if (r->in.len < V2_BLOCK)
		return READ_MORE;
	len |= byte_at(r, V2_LENGTH + 1);
	if (len > GH__PROXY_V2_BLOCK)
		return bad(r, too_long);
	if (len < kind->len)
		return bad(r, "the PROXY header is too short for its addresses");
	*ret_kind = kind;
	*ret_len = len;
	return READ_DONE;
}

static enum gh__proxy_result version2(struct gh_str bytes, size_t *ret_len,
				      struct gh_address *ret_client, const char **ret_why)
{
	struct reader r = { .in = bytes };
	const struct v2_kind *kind;
	size_t len;
	enum read read = read_head(&r, &kind, &len);

	if (read == READ_DONE && kind->len)
		read = read_tlvs(&r, V2_BLOCK + kind->len, len - kind->len);
	if (read == READ_BAD) {
		*ret_why = r.why;
		return GH__PROXY_BAD;
	}
	if (read == READ_MORE || bytes.len < V2_BLOCK + len)
		return GH__PROXY_MORE;
	*ret_len = V2_BLOCK + len;
	if (kind->result == GH__PROXY_CLIENT)
		*ret_client = v2_client(kind, bytes.at + V2_BLOCK);
	return kind->result;
}

enum gh__proxy_result gh__proxy_header(struct gh_str bytes, size_t *ret_len,
				       struct gh_address *ret_client, const char **ret_why)
{
	if (bytes.len == 0)
		return GH__PROXY_MORE;
	return bytes.at[0] == v2_signature.at[0] ? version2(bytes, ret_len, ret_client, ret_why)
						 : version1(bytes, ret_len, ret_client, ret_why);
}
