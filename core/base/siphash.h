/*
 * SipHash-2-4 of 128 bits: a keyed hash for tables that strangers choose the keys of. With a random key
 * nobody finds two texts with one hash, so the hash stands for the text. Pure.
 */
#ifndef GATEHOUSE_CORE_BASE_SIPHASH_H
#define GATEHOUSE_CORE_BASE_SIPHASH_H

#include <gatehouse/base.h>

struct gh__sipkey {
	uint64_t a, b;
};

/* 16 bytes that stand for a text. */
struct gh__id {
	uint64_t a, b;
};

struct gh__id gh__siphash(const struct gh__sipkey *key, struct gh_str s);

#endif
