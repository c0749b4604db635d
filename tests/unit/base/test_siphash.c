/* The hash is the one that the world knows by this name, and depends on all of its key and text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gatehouse/module.h>

#include "core/base/siphash.h"

/* The key 00 01 … 0f and the texts 00 01 …, as its authors publish them. */
static void it_gives_what_its_authors_publish(void **state)
{
	static const struct {
		size_t len;
		uint8_t id[16];
	} cases[] = {
		{ 0,
		  { 0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6, 0x72, 0x14, 0xc7,
		    0x55, 0x02, 0x93 } },
		{ 1,
		  { 0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34, 0x76, 0x59, 0x11, 0x9b,
		    0x22, 0xfc, 0x45 } },
		{ 2,
		  { 0x81, 0x77, 0x22, 0x8d, 0xa4, 0xa4, 0x5d, 0xc7, 0xfc, 0xa3, 0x8b, 0xde, 0xf6,
		    0x0a, 0xff, 0xe4 } },
	};
	const struct gh__sipkey key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)i;
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct gh__id id = gh__siphash(&key, (struct gh_str){ text, cases[i].len });
		for (size_t k = 0; k < 8; k++) {
			assert_int_equal((uint8_t)(id.a >> 8 * k), cases[i].id[k]);
			assert_int_equal((uint8_t)(id.b >> 8 * k), cases[i].id[8 + k]);
		}
		/* The same for modules, in bytes. */
		uint8_t hash[GH_SIPHASH];
		gh_siphash((const uint8_t *)text, (struct gh_str){ text, cases[i].len }, hash);
		assert_memory_equal(hash, cases[i].id, sizeof hash);
	}
}

static void every_bit_of_key_and_text_counts(void **state)
{
	const struct gh__sipkey key = { 1, 2 };
	char text[24] = "a name of some 24 bytes";

	(void)state;
	for (size_t len = 0; len <= sizeof text; len++) {
		struct gh__id first = gh__siphash(&key, (struct gh_str){ text, len }), other;
		for (size_t bit = 0; bit < 8 * len; bit++) {
			text[bit / 8] ^= (char)(1 << bit % 8);
			other = gh__siphash(&key, (struct gh_str){ text, len });
			text[bit / 8] ^= (char)(1 << bit % 8);
			assert_true(other.a != first.a && other.b != first.b);
		}
		for (size_t bit = 0; bit < 64; bit++) {
			struct gh__sipkey a = { key.a ^ UINT64_C(1) << bit, key.b },
					  b = { key.a, key.b ^ UINT64_C(1) << bit };
			other = gh__siphash(&a, (struct gh_str){ text, len });
			assert_true(other.a != first.a && other.b != first.b);
			other = gh__siphash(&b, (struct gh_str){ text, len });
			assert_true(other.a != first.a && other.b != first.b);
		}
	}
}

static void zeroes_at_the_end_count(void **state)
{
	const struct gh__sipkey key = { 1, 2 };
	const char zeroes[32] = "";

	(void)state;
	for (size_t i = 0; i < sizeof zeroes; i++)
		for (size_t k = 0; k < i; k++)
			assert_true(gh__siphash(&key, (struct gh_str){ zeroes, i }).a !=
				    gh__siphash(&key, (struct gh_str){ zeroes, k }).a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_gives_what_its_authors_publish),
		cmocka_unit_test(every_bit_of_key_and_text_counts),
		cmocka_unit_test(zeroes_at_the_end_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
