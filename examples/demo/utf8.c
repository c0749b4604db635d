#include "utf8.h"

/* The first byte says how many follow and, at the four borders, what the second may be. */
static bool lead(struct demo_utf8 *utf8, unsigned char byte)
{
	utf8->low = 0x80;
	utf8->high = 0xbf;
	if (byte < 0x80) {
		utf8->more = 0;
	} else if (byte >= 0xc2 && byte <= 0xdf) {
		utf8->more = 1;
	} else if (byte >= 0xe0 && byte <= 0xef) {
		utf8->more = 2;
		if (byte == 0xe0)
			utf8->low = 0xa0;
		if (byte == 0xed)
			utf8->high = 0x9f;
	} else if (byte >= 0xf0 && byte <= 0xf4) {
		utf8->more = 3;
		if (byte == 0xf0)
			utf8->low = 0x90;
		if (byte == 0xf4)
			utf8->high = 0x8f;
	} else {
		return false;
	}
	return true;
}

bool demo_utf8_check(struct demo_utf8 *utf8, const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!utf8->more) {
			if (!lead(utf8, bytes[i]))
				return false;
			continue;
		}
		if (bytes[i] < utf8->low || bytes[i] > utf8->high)
			return false;
		utf8->low = 0x80;
		utf8->high = 0xbf;
		utf8->more--;
	}
	return true;
}
