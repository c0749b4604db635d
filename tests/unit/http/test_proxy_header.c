/* PROXY headers: the good, cut at every byte, and the malformed, with the byte that gives them away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/http/proxy_header.h"
#include "core/http/text.h"

#define V2 "\r\n\r\n\0\r\nQUIT\n"

struct verdict {
	enum gh__proxy_result result;
	size_t len;
	struct gh_address client;
	const char *why;
};

/* Of the first `len` bytes, in memory of exactly that size. */
static struct verdict judge(struct gh_str bytes, size_t len)
{
	struct verdict v = { .len = 4711, .client = { .port = 4711 }, .why = NULL };
	char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, bytes.at, len);
	v.result = gh__proxy_header((struct gh_str){ copy, len }, &v.len, &v.client, &v.why);
	assert_int_equal(memcmp(copy, bytes.at, len), 0);
	free(copy);
	if (v.result != GH__PROXY_CLIENT)
		assert_int_equal(v.client.port, 4711);
	if (v.result == GH__PROXY_MORE || v.result == GH__PROXY_BAD)
		assert_int_equal(v.len, 4711);
	assert_true((v.result == GH__PROXY_BAD) == (v.why != NULL));
	return v;
}

/* Every cut wants more; the whole, and the whole with bytes behind it, are the same header. */
static void check_good(struct gh_str header, const char *client, unsigned port)
{
	static const char *const behind[] = { "",         "G",           "\n",
					      "\r\n\r\n", "PROXY TCP4 ", "\x16\x03\x01" };

	for (size_t cut = 0; cut < header.len; cut++)
		if (judge(header, cut).result != GH__PROXY_MORE)
			fail_msg("%s:%u: cut at %zu", client ? client : "none", port, cut);
	for (size_t i = 0; i < GH_COUNT_OF(behind); i++) {
		char bytes[4096];
		size_t extra = strlen(behind[i]);

		memcpy(bytes, header.at, header.len);
		memcpy(bytes + header.len, behind[i], extra);
		struct verdict v = judge((struct gh_str){ bytes, sizeof bytes },
					 header.len + extra);
		if (v.result != (client ? GH__PROXY_CLIENT : GH__PROXY_LOCAL))
			fail_msg("%s:%u: %d %s", client ? client : "none", port, (int)v.result,
				 v.why ? v.why : "");
		assert_int_equal(v.len, header.len);
		if (client) {
			char text[46];
			size_t len = gh__address_text(&v.client, text);
			assert_int_equal(len, strlen(client));
			assert_memory_equal(text, client, len);
			assert_int_equal(v.client.port, port);
			assert_int_equal(v.client.family, strchr(client, ':') ? AF_INET6 : AF_INET);
		}
	}
}

/* `at` is the first byte after which no header can come of it. */
static void check_bad(struct gh_str bytes, size_t at)
{
	assert_true(at < bytes.len);
	for (size_t len = 0; len <= bytes.len; len++) {
		struct verdict v = judge(bytes, len);
		if (v.result != (len <= at ? GH__PROXY_MORE : GH__PROXY_BAD))
			fail_msg("'" GH_FMT "' %zu: %d after %zu bytes", GH_ARG(bytes), at,
				 (int)v.result, len);
	}
}

static void lines_are_taken(void **state)
{
	static const struct {
		const char *line, *client;
		unsigned port;
	} cases[] = {
		{ "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", "192.0.2.1", 56324 },
		{ "PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", "0.0.0.0", 0 },
		{ "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255",
		  65535 },
		{ "PROXY TCP4 10.0.0.9 1.1.1.1 1 2\r\n", "10.0.0.9", 1 },
		{ "PROXY TCP6 2001:db8::1 2001:db8::2 4000 443\r\n", "2001:db8::1", 4000 },
		{ "PROXY TCP6 :: ::1 1 2\r\n", "::", 1 },
		{ "PROXY TCP6 ::1 :: 1 2\r\n", "::1", 1 },
		{ "PROXY TCP6 1:: 1::1 1 2\r\n", "1::", 1 },
		{ "PROXY TCP6 1:2:3:4:5:6:7:8 8:7:6:5:4:3:2:1 1 2\r\n", "1:2:3:4:5:6:7:8", 1 },
		{ "PROXY TCP6 1:2:3:4:5:6:7:: ::2:3:4:5:6:7:8 1 2\r\n", "1:2:3:4:5:6:7:0", 1 },
		{ "PROXY TCP6 ::2:3:4:5:6:7:8 ::1 1 2\r\n", "0:2:3:4:5:6:7:8", 1 },
		{ "PROXY TCP6 1:2::7:8 ::1 1 2\r\n", "1:2::7:8", 1 },
		{ "PROXY TCP6 FFFF:ffff:FFFF:ffff:ffff:ffff:ffff:ffff "
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535 },
		{ "PROXY TCP6 0001:0020:0300:4000:0:0:0:0 ::1 1 2\r\n", "1:20:300:4000::", 1 },
		/* IPv4 in IPv6's clothes is IPv4. */
		{ "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 5 6\r\n", "192.0.2.1", 5 },
		{ "PROXY TCP6 ::ffff:c000:201 ::1 5 6\r\n", "192.0.2.1", 5 },
		{ "PROXY TCP6 0:0:0:0:0:ffff:10.1.2.3 ::1 5 6\r\n", "10.1.2.3", 5 },
		{ "PROXY TCP6 64:ff9b::10.0.0.255 ::1 5 6\r\n", "64:ff9b::a00:ff", 5 },
		{ "PROXY TCP6 1:2:3:4:5::1.2.3.4 ::1 5 6\r\n", "1:2:3:4:5:0:102:304", 5 },
		{ "PROXY UNKNOWN\r\n", NULL, 0 },
		{ "PROXY UNKNOWN \r\n", NULL, 0 },
		{ "PROXY UNKNOWN 192.0.2.1 192.0.2.2 1 2\r\n", NULL, 0 },
		{ "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
		  NULL, 0 },
		{ "PROXY UNKNOWN  any\tthing \x01\xff at all\r\n", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++)
		check_good(gh_str(cases[i].line), cases[i].client, cases[i].port);
}

static void a_line_has_107_bytes_at_the_most(void **state)
{
	char line[200] = "PROXY UNKNOWN ";

	(void)state;
	memset(line + 14, 'x', sizeof line - 14);
	check_bad((struct gh_str){ line, sizeof line }, 106);
	memcpy(line + 106, "\r\n", 2);
	check_bad((struct gh_str){ line, sizeof line }, 106);
	memcpy(line + 105, "\r\n", 2);
	check_good((struct gh_str){ line, 107 }, NULL, 0);

	/* Addresses that are good, but too long together: the 107th byte is a port's. */
	check_bad(GH_STR("PROXY TCP6 0000:0000:0000:0000:0000:0000:255.255.255.255 "
			 "0000:0000:0000:0000:0000:0000:255.255.255.255 65535 65535\r\n"),
		  106);
}

static void malformed_lines_are_seen_at_once(void **state)
{
	/* The last byte of `line` is the one that gives it away; `rest` cannot mend it. */
	static const struct {
		const char *line, *rest;
	} cases[] = {
		/* Other protocols, and almost this one. */
		{ "G", "ET / HTTP/1.1\r\n" },
		{ "\x16", "\x03\x01\x02" },
		{ " ", "PROXY" },
		{ "\n", "PROXY" },
		{ "p", "roxy TCP4" },
		{ "PO", "ST / HTTP/1.1\r\n" },
		{ "PRI", " * HTTP/2.0\r\n\r\nSM\r\n\r\n" },
		{ "PROP", "FIND / HTTP/1.1\r\n" },
		{ "PROXy", " TCP4" },
		{ "PROXY\r", "\n" },
		{ "PROXY\t", "TCP4" },
		{ "PROXY  ", "TCP4 1.1.1.1 1.1.1.1 1 1\r\n" },
		{ "PROXY \r", "\n" },
		{ "PROXY t", "cp4" },
		{ "PROXY u", "nknown\r\n" },
		{ "PROXY TCP5", " 1.1.1.1 1.1.1.1 1 1\r\n" },
		{ "PROXY TCP ", "1.1.1.1 1.1.1.1 1 1\r\n" },
		{ "PROXY TCP46", " 1.1.1.1" },
		{ "PROXY TCP64", " ::1" },
		{ "PROXY UD", "P4 1.1.1.1 1.1.1.1 1 1\r\n" },
		{ "PROXY UNKNOWNX", "\r\n" },
		{ "PROXY UNKNOWN\n", "" },
		{ "PROXY UNKNOWN\t", "\r\n" },
		{ "PROXY UNKNOWN\r\r", "\n" },
		{ "PROXY UNKNOWN\r ", "\n" },
		{ "PROXY UNKNOWN x\n", "\r\n" },
		{ "PROXY UNKNOWN x\ry", "\r\n" },
		/* Addresses of IPv4. */
		{ "PROXY TCP4  ", "1.1.1.1 1.1.1.1 1 1\r\n" },
		{ "PROXY TCP4 :", ":1 ::1 1 1\r\n" },
		{ "PROXY TCP4 -", "1.1.1.1" },
		{ "PROXY TCP4 +", "1.1.1.1" },
		{ "PROXY TCP4 a", "" },
		{ "PROXY TCP4 01", ".1.1.1" },
		{ "PROXY TCP4 00", ".1.1.1" },
		{ "PROXY TCP4 0x", "7f.1.1.1" },
		{ "PROXY TCP4 256", ".1.1.1" },
		{ "PROXY TCP4 1000", ".1.1.1" },
		{ "PROXY TCP4 .", "1.1.1.1" },
		{ "PROXY TCP4 1..", "1.1.1" },
		{ "PROXY TCP4 1.1 ", "1.1.1.1 1 1\r\n" },
		{ "PROXY TCP4 1.1.1 ", "1.1.1.1 1 1\r\n" },
		{ "PROXY TCP4 1.1.1. ", "1.1.1.1 1 1\r\n" },
		{ "PROXY TCP4 1.1.1.1.", "1 1.1.1.1 1 1\r\n" },
		{ "PROXY TCP4 1.1.1.1:", "80 1.1.1.1 1 1\r\n" },
		{ "PROXY TCP4 1.1.1.1/", "8 1.1.1.1 1 1\r\n" },
		{ "PROXY TCP4 1.1.1.1\r", "\n" },
		{ "PROXY TCP4 1.1.1.1\t", "1.1.1.1 1 1\r\n" },
		{ "PROXY TCP4 1.1.1.1  ", "1.1.1.1 1 1\r\n" },
		{ "PROXY TCP4 1.1.1.1 :", ":1 1 1\r\n" },
		{ "PROXY TCP4 1.1.1.1 256", ".1.1.1 1 1\r\n" },
		{ "PROXY TCP4 1.1.1.1 1.1.1.1\r", "\n" },
		/* Addresses of IPv6. */
		{ "PROXY TCP6 1.", "1.1.1 1.1.1.1 1 1\r\n" },
		{ "PROXY TCP6  ", "::1 ::1 1 1\r\n" },
		{ "PROXY TCP6 [", "::1] ::1 1 1\r\n" },
		{ "PROXY TCP6 :1", "::1 ::1 1 1\r\n" },
		{ "PROXY TCP6 : ", "::1 1 1\r\n" },
		{ "PROXY TCP6 :::", " ::1 1 1\r\n" },
		{ "PROXY TCP6 1:::", "1 ::1 1 1\r\n" },
		{ "PROXY TCP6 1::2::", "3 ::1 1 1\r\n" },
		{ "PROXY TCP6 ::1%", "eth0 ::1 1 1\r\n" },
		{ "PROXY TCP6 fe80::1%", "1 ::1 1 1\r\n" },
		{ "PROXY TCP6 ::1/", "64 ::1 1 1\r\n" },
		{ "PROXY TCP6 g", "::1 ::1 1 1\r\n" },
		{ "PROXY TCP6 12345", "::1 ::1 1 1\r\n" },
		{ "PROXY TCP6 00000", "::1 ::1 1 1\r\n" },
		{ "PROXY TCP6 1:2:3:4:5:6:7 ", "::1 1 1\r\n" },
		{ "PROXY TCP6 1:2:3:4:5:6:7: ", "::1 1 1\r\n" },
		{ "PROXY TCP6 1:2:3:4:5:6:7:8:", "9 ::1 1 1\r\n" },
		{ "PROXY TCP6 1:2:3:4:5:6:7::8", " ::1 1 1\r\n" },
		{ "PROXY TCP6 ::1:2:3:4:5:6:7:", "8 ::1 1 1\r\n" },
		{ "PROXY TCP6 1:2: ", "::1 1 1\r\n" },
		{ "PROXY TCP6 ::1: ", "::1 1 1\r\n" },
		{ "PROXY TCP6 ::.", "1.1.1 ::1 1 1\r\n" },
		{ "PROXY TCP6 ::01.", "1.1.1 ::1 1 1\r\n" },
		{ "PROXY TCP6 ::256.", "1.1.1 ::1 1 1\r\n" },
		{ "PROXY TCP6 ::a.", "1.1.1 ::1 1 1\r\n" },
		{ "PROXY TCP6 ::a1.", "1.1.1 ::1 1 1\r\n" },
		{ "PROXY TCP6 ::1:.", "1.1.1 ::1 1 1\r\n" },
		{ "PROXY TCP6 ::1.2.3 ", "::1 1 1\r\n" },
		{ "PROXY TCP6 ::1.2.3.4.", "5 ::1 1 1\r\n" },
		{ "PROXY TCP6 ::1.2.3.4:", "5 ::1 1 1\r\n" },
		{ "PROXY TCP6 ::1.2.3.a", " ::1 1 1\r\n" },
		{ "PROXY TCP6 1:2:3:4:5:6:7:1.", "2.3.4 ::1 1 1\r\n" },
		{ "PROXY TCP6 1:2:3:4:5:1.", "2.3.4 ::1 1 1\r\n" },
		{ "PROXY TCP6 1:2:3:4:5:6::1.", "2.3.4 ::1 1 1\r\n" },
		{ "PROXY TCP6 ::1  ", "::1 1 1\r\n" },
		{ "PROXY TCP6 ::1 1.", "1.1.1 1 1\r\n" },
		/* Ports. */
		{ "PROXY TCP4 1.1.1.1 2.2.2.2  ", "1 1\r\n" },
		{ "PROXY TCP4 1.1.1.1 2.2.2.2 -", "1 1\r\n" },
		{ "PROXY TCP4 1.1.1.1 2.2.2.2 +", "1 1\r\n" },
		{ "PROXY TCP4 1.1.1.1 2.2.2.2 00", " 1\r\n" },
		{ "PROXY TCP4 1.1.1.1 2.2.2.2 08", "0 1\r\n" },
		{ "PROXY TCP4 1.1.1.1 2.2.2.2 65536", " 1\r\n" },
		{ "PROXY TCP4 1.1.1.1 2.2.2.2 100000", " 1\r\n" },
		{ "PROXY TCP4 1.1.1.1 2.2.2.2 0x", "1 1\r\n" },
		{ "PROXY TCP4 1.1.1.1 2.2.2.2 1\r", "\n" },
		{ "PROXY TCP4 1.1.1.1 2.2.2.2 1  ", "1\r\n" },
		{ "PROXY TCP4 1.1.1.1 2.2.2.2 1 \r", "\n" },
		{ "PROXY TCP4 1.1.1.1 2.2.2.2 1 65536", "\r\n" },
		{ "PROXY TCP4 1.1.1.1 2.2.2.2 1 01", "\r\n" },
		{ "PROXY TCP4 1.1.1.1 2.2.2.2 1 1 ", "\r\n" },
		{ "PROXY TCP4 1.1.1.1 2.2.2.2 1 1\n", "" },
		{ "PROXY TCP4 1.1.1.1 2.2.2.2 1 1\rx", "\n" },
		{ "PROXY TCP4 1.1.1.1 2.2.2.2 1 1\r\r", "\n" },
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		char bytes[256];
		int len = snprintf(bytes, sizeof bytes, "%s%s", cases[i].line, cases[i].rest);
		check_bad((struct gh_str){ bytes, (size_t)len }, strlen(cases[i].line) - 1);
	}
	check_bad(GH_STR("PROXY TCP4 1.1.1.1\0 1.1.1.1 1 1\r\n"), 18);
	check_bad(GH_STR("PROXY\0 TCP4 1.1.1.1 1.1.1.1 1 1\r\n"), 5);
	check_bad(GH_STR("\0"), 0);
}

#define IPV4_BLOCK "\xc0\x00\x02\x01\xc6\x33\x64\x02\xdc\x04\x01\xbb"
#define IPV6_BLOCK \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01" \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\x0f\xa0\x01\xbb"
#define MAPPED_BLOCK \
	"\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x07" \
	"\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x08\xff\xff\x01\xbb"

static void binary_headers_are_taken(void **state)
{
	static const struct {
		struct gh_str bytes;
		const char *client;
		unsigned port;
	} cases[] = {
		{ GH_STR_INIT(V2 "\x21\x11\x00\x0c" IPV4_BLOCK), "192.0.2.1", 56324 },
		{ GH_STR_INIT(V2 "\x21\x21\x00\x24" IPV6_BLOCK), "2001:db8::1", 4000 },
		{ GH_STR_INIT(V2 "\x21\x21\x00\x24" MAPPED_BLOCK), "192.0.2.7", 65535 },
		/* With TLVs: an empty one, one with a value, two. */
		{ GH_STR_INIT(V2 "\x21\x11\x00\x0f" IPV4_BLOCK "\x04\x00\x00"), "192.0.2.1",
		  56324 },
		{ GH_STR_INIT(V2 "\x21\x11\x00\x11" IPV4_BLOCK "\x01\x00\x02h2"), "192.0.2.1",
		  56324 },
		{ GH_STR_INIT(V2 "\x21\x21\x00\x30" IPV6_BLOCK "\x01\x00\x02h2"
				 "\xee\x00\x04\0\0\xff\xff"),
		  "2001:db8::1", 4000 },
		/* A port that looks like anything, and a value that looks like a line's end. */
		{ GH_STR_INIT(V2 "\x21\x11\x00\x11"
				 "\x0a\x00\x00\x01\x0a\x00\x00\x02\x00\x00\x00\x00"
				 "\x02\x00\x02\r\n"),
		  "10.0.0.1", 0 },
		/* LOCAL: whatever the family and the block are. */
		{ GH_STR_INIT(V2 "\x20\x00\x00\x00"), NULL, 0 },
		{ GH_STR_INIT(V2 "\x20\x11\x00\x0c" IPV4_BLOCK), NULL, 0 },
		{ GH_STR_INIT(V2 "\x20\xff\x00\x02\x01\xff"), NULL, 0 },
		{ GH_STR_INIT(V2 "\x20\x12\x00\x01x"), NULL, 0 },
		/* UNSPEC, with and without a block. */
		{ GH_STR_INIT(V2 "\x21\x00\x00\x00"), NULL, 0 },
		{ GH_STR_INIT(V2 "\x21\x00\x00\x03\xff\xff\xff"), NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++)
		check_good(cases[i].bytes, cases[i].client, cases[i].port);
}

static void unix_sockets_name_no_client(void **state)
{
	char bytes[16 + 216 + 5] = V2 "\x21\x31\x00\xd8";

	(void)state;
	memcpy(bytes + 16, "/run/front.sock", 15);
	check_good((struct gh_str){ bytes, 16 + 216 }, NULL, 0);

	bytes[15] = (char)(216 + 5); /* a field behind the names */
	memcpy(bytes + 16 + 216, "\x01\x00\x02h2", 5);
	check_good((struct gh_str){ bytes, sizeof bytes }, NULL, 0);
	bytes[16 + 216 + 2] = 3;
	check_bad((struct gh_str){ bytes, sizeof bytes }, 16 + 216 + 2);

	bytes[15] = (char)215;
	check_bad((struct gh_str){ bytes, sizeof bytes }, 15);
}

static void a_block_has_2048_bytes_at_the_most(void **state)
{
	char bytes[GH__PROXY_HEADER_MAX + 1] = V2 "\x21\x11\x08\x00" IPV4_BLOCK;
	size_t value = 2048 - 12 - 3;

	(void)state;
	assert_int_equal(GH__PROXY_HEADER_MAX, 2064);
	bytes[28] = 4;
	bytes[29] = (char)(value >> 8);
	bytes[30] = (char)value;
	check_good((struct gh_str){ bytes, 2064 }, "192.0.2.1", 56324);

	bytes[15] = 1; /* 2049 */
	check_bad((struct gh_str){ bytes, 2065 }, 15);
	bytes[14] = 9;
	check_bad((struct gh_str){ bytes, 2065 }, 14);
	bytes[12] = 0x20; /* LOCAL may be no longer */
	check_bad((struct gh_str){ bytes, 2065 }, 14);
	bytes[14] = 8;
	bytes[15] = 0;
	check_good((struct gh_str){ bytes, 2064 }, NULL, 0);
}

static void malformed_binary_headers_are_seen_at_once(void **state)
{
	static const struct {
		struct gh_str bytes;
		size_t at;
	} cases[] = {
		/* The signature. */
		{ GH_STR_INIT("\rGET"), 1 },
		{ GH_STR_INIT("\r\r\n\0\r\nQUIT\n"), 1 },
		{ GH_STR_INIT("\r\nGET / HTTP/1.1\r\n"), 2 },
		{ GH_STR_INIT("\r\n\r\nPROXY"), 4 },
		{ GH_STR_INIT("\r\n\r\n\0\n\nQUIT\n"), 5 },
		{ GH_STR_INIT("\r\n\r\n\0\r\nquit\n"), 7 },
		{ GH_STR_INIT("\r\n\r\n\0\r\nQUIT\r\n"), 11 },
		/* Version and command. */
		{ GH_STR_INIT(V2 "\x11\x11\x00\x0c" IPV4_BLOCK), 12 },
		{ GH_STR_INIT(V2 "\x31\x11\x00\x0c" IPV4_BLOCK), 12 },
		{ GH_STR_INIT(V2 "\x01\x11\x00\x0c" IPV4_BLOCK), 12 },
		{ GH_STR_INIT(V2 "\xa1\x11\x00\x0c" IPV4_BLOCK), 12 },
		{ GH_STR_INIT(V2 "\x22\x11\x00\x0c" IPV4_BLOCK), 12 },
		{ GH_STR_INIT(V2 "\x2f\x11\x00\x0c" IPV4_BLOCK), 12 },
		/* Families and protocols. */
		{ GH_STR_INIT(V2 "\x21\x01\x00\x00"), 13 },
		{ GH_STR_INIT(V2 "\x21\x02\x00\x00"), 13 },
		{ GH_STR_INIT(V2 "\x21\x10\x00\x0c" IPV4_BLOCK), 13 },
		{ GH_STR_INIT(V2 "\x21\x12\x00\x0c" IPV4_BLOCK), 13 },
		{ GH_STR_INIT(V2 "\x21\x13\x00\x0c" IPV4_BLOCK), 13 },
		{ GH_STR_INIT(V2 "\x21\x20\x00\x24" IPV6_BLOCK), 13 },
		{ GH_STR_INIT(V2 "\x21\x22\x00\x24" IPV6_BLOCK), 13 },
		{ GH_STR_INIT(V2 "\x21\x30\x00\xd8"), 13 },
		{ GH_STR_INIT(V2 "\x21\x32\x00\xd8"), 13 },
		{ GH_STR_INIT(V2 "\x21\x41\x00\x0c" IPV4_BLOCK), 13 },
		{ GH_STR_INIT(V2 "\x21\xff\x00\x0c" IPV4_BLOCK), 13 },
		/* Lengths. */
		{ GH_STR_INIT(V2 "\x21\x11\x00\x00"), 15 },
		{ GH_STR_INIT(V2 "\x21\x11\x00\x0b" IPV4_BLOCK), 15 },
		{ GH_STR_INIT(V2 "\x21\x21\x00\x0c" IPV4_BLOCK), 15 },
		{ GH_STR_INIT(V2 "\x21\x21\x00\x23" IPV6_BLOCK), 15 },
		{ GH_STR_INIT(V2 "\x21\x31\x00\x0c" IPV4_BLOCK), 15 },
		{ GH_STR_INIT(V2 "\x21\x11\xff\xff" IPV4_BLOCK), 14 },
		{ GH_STR_INIT(V2 "\x21\x00\x09\x00"), 14 },
		/* A rest too short for a TLV. */
		{ GH_STR_INIT(V2 "\x21\x11\x00\x0d" IPV4_BLOCK "\x04"), 15 },
		{ GH_STR_INIT(V2 "\x21\x11\x00\x0e" IPV4_BLOCK "\x04\x00"), 15 },
		{ GH_STR_INIT(V2 "\x21\x21\x00\x25" IPV6_BLOCK "\x04"), 15 },
		/* TLVs that run past the end. */
		{ GH_STR_INIT(V2 "\x21\x11\x00\x0f" IPV4_BLOCK "\x04\x00\x01x"), 30 },
		{ GH_STR_INIT(V2 "\x21\x11\x00\x0f" IPV4_BLOCK "\x04\x01\x00x"), 29 },
		{ GH_STR_INIT(V2 "\x21\x11\x00\x0f" IPV4_BLOCK "\x04\xff\xffx"), 29 },
		{ GH_STR_INIT(V2 "\x21\x11\x00\x11" IPV4_BLOCK "\x01\x00\x03h2x"), 30 },
		/* One that leaves too little for another. */
		{ GH_STR_INIT(V2 "\x21\x11\x00\x12" IPV4_BLOCK "\x01\x00\x02h2x"), 30 },
		{ GH_STR_INIT(V2 "\x21\x11\x00\x13" IPV4_BLOCK "\x01\x00\x02h2xx"), 30 },
		/* The second one. */
		{ GH_STR_INIT(V2 "\x21\x11\x00\x14" IPV4_BLOCK "\x01\x00\x02h2\x05\x00\x01"), 35 },
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++)
		check_bad(cases[i].bytes, cases[i].at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_taken),
		cmocka_unit_test(a_line_has_107_bytes_at_the_most),
		cmocka_unit_test(malformed_lines_are_seen_at_once),
		cmocka_unit_test(binary_headers_are_taken),
		cmocka_unit_test(unix_sockets_name_no_client),
		cmocka_unit_test(a_block_has_2048_bytes_at_the_most),
		cmocka_unit_test(malformed_binary_headers_are_seen_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
