#include "core/http/text.h"

/* ---- Dates ---- */

static const int64_t day = 86400;
static const int64_t last_second = INT64_C(253402300799); /* 9999-12-31 23:59:59 */

static char *put_two(char *to, int n)
{
	to[0] = (char)('0' + n / 10);
	to[1] = (char)('0' + n % 10);
	return to + 2;
}

void gh__http_date(int64_t seconds, char ret_date[GH__DATE_LEN])
{
	static const char weekdays[] = "ThuFriSatSunMonTueWed"; /* 1970 began on a Thursday */
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	if (seconds < 0)
		seconds = 0;
	if (seconds > last_second)
		seconds = last_second;
	int64_t days = seconds / day;
	int rest = (int)(seconds % day);

	/* Counted from 1 March 0000 the leap day is the last of its year, and a day's place tells its
	 * month: eras of 400 years have 146097 days. */
	int64_t shifted = days + 719468;
	int era = (int)(shifted / 146097), of_era = (int)(shifted % 146097);
	int year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int march_month = (5 * of_year + 2) / 153;
	int day_of_month = of_year - (153 * march_month + 2) / 5 + 1;
	int month = march_month < 10 ? march_month + 2 : march_month - 10; /* 0: January */
	int year = era * 400 + year_of_era + (month < 2);

	char *to = ret_date;
	memcpy(to, weekdays + 3 * (days % 7), 3);
	memcpy(to + 3, ", ", 2);
	to = put_two(to + 5, day_of_month);
	*to++ = ' ';
	memcpy(to, months + 3 * month, 3);
	to[3] = ' ';
	to = put_two(to + 4, year / 100);
	to = put_two(to, year % 100);
	*to++ = ' ';
	to = put_two(to, rest / 3600);
	*to++ = ':';
	to = put_two(to, rest / 60 % 60);
	*to++ = ':';
	to = put_two(to, rest % 60);
	memcpy(to, " GMT", 4);
}

/* ---- Reasons ---- */

static const char *const reasons[] = {
	[100] = "Continue",
	[101] = "Switching Protocols",
	[102] = "Processing",
	[103] = "Early Hints",
	[200] = "OK",
	[201] = "Created",
	[202] = "Accepted",
	[203] = "Non-Authoritative Information",
	[204] = "No Content",
	[205] = "Reset Content",
	[206] = "Partial Content",
	[207] = "Multi-Status",
	[208] = "Already Reported",
	[226] = "IM Used",
	[300] = "Multiple Choices",
	[301] = "Moved Permanently",
	[302] = "Found",
	[303] = "See Other",
	[304] = "Not Modified",
	[305] = "Use Proxy",
	[307] = "Temporary Redirect",
	[308] = "Permanent Redirect",
	[400] = "Bad Request",
	[401] = "Unauthorized",
	[402] = "Payment Required",
	[403] = "Forbidden",
	[404] = "Not Found",
	[405] = "Method Not Allowed",
	[406] = "Not Acceptable",
	[407] = "Proxy Authentication Required",
	[408] = "Request Timeout",
	[409] = "Conflict",
	[410] = "Gone",
	[411] = "Length Required",
	[412] = "Precondition Failed",
	[413] = "Content Too Large",
	[414] = "URI Too Long",
	[415] = "Unsupported Media Type",
	[416] = "Range Not Satisfiable",
	[417] = "Expectation Failed",
	[418] = "I'm a teapot",
	[421] = "Misdirected Request",
	[422] = "Unprocessable Content",
	[423] = "Locked",
	[424] = "Failed Dependency",
	[425] = "Too Early",
	[426] = "Upgrade Required",
	[428] = "Precondition Required",
	[429] = "Too Many Requests",
	[431] = "Request Header Fields Too Large",
	[451] = "Unavailable For Legal Reasons",
	[499] = "Client Closed Request",
	[500] = "Internal Server Error",
	[501] = "Not Implemented",
	[502] = "Bad Gateway",
	[503] = "Service Unavailable",
	[504] = "Gateway Timeout",
	[505] = "HTTP Version Not Supported",
	[506] = "Variant Also Negotiates",
	[507] = "Insufficient Storage",
	[508] = "Loop Detected",
	[511] = "Network Authentication Required",
	[529] = "Overloaded",
};

const char *gh__reason(int status)
{
	if (status < 0 || (size_t)status >= GH_COUNT_OF(reasons) || !reasons[status])
		return "Unknown";
	return reasons[status];
}

/* ---- Numbers ---- */

size_t gh__chunk_line(char *to, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	size_t len = 1;

	for (uint64_t rest = (uint64_t)size >> 4; rest; rest >>= 4)
		len++;
	uint64_t rest = size;
	for (size_t i = len; i-- > 0; rest >>= 4)
		to[i] = digits[rest & 15];
	to[len] = '\r';
	to[len + 1] = '\n';
	return len + 2;
}

size_t gh__decimal(char *to, uint64_t n)
{
	char back[20];
	size_t len = 0;

	do {
		back[len++] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	for (size_t i = 0; i < len; i++)
		to[i] = back[len - 1 - i];
	return len;
}

/* ---- Base64 ---- */

static int sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int64_t gh__base64(struct gh_str text, char *to)
{
	char *start = to;
	size_t pad = 0;

	if (text.len % 4)
		return -1;
	while (pad < 2 && pad < text.len && text.at[text.len - 1 - pad] == '=')
		pad++;
	for (size_t i = 0; i < text.len; i += 4) {
		size_t use = i + 4 == text.len ? 4 - pad : 4;
		uint32_t bits = 0;

		for (size_t k = 0; k < use; k++) {
			int six = sextet(text.at[i + k]);
			if (six < 0)
				return -1;
			bits |= (uint32_t)six << (18 - 6 * k);
		}
		/* Bits that no byte takes must be zero: two spellings of one secret are one too many. */
		if (bits & (0xffffffu >> (8 * (use - 1))))
			return -1;
		for (size_t k = 0; k + 1 < use; k++)
			*to++ = (char)(bits >> (16 - 8 * k) & 0xff);
	}
	return to - start;
}
