/*
 * libyaml's events, one after the other, and the sentence that tells where one is wrong. A reading's;
 * one thread.
 */
#ifndef GATEHOUSE_BASIC_AUTH_EVENTS_H
#define GATEHOUSE_BASIC_AUTH_EVENTS_H

#include <yaml.h>

#include <gatehouse/base.h>

struct basic_auth_events {
	yaml_parser_t yaml;
	const char *path; /* for messages */
	char *why;        /* where they go */
	size_t size;
};

void basic_auth_events_begin(struct basic_auth_events *e, struct gh_str bytes);
void basic_auth_events_end(struct basic_auth_events *e);
/* The next event, which yaml_event_delete() ends. 0, or -1 and `why`. */
int basic_auth_events_next(struct basic_auth_events *e, yaml_event_t *ret_event);

/* PATH:LINE:COLUMN and what is wrong there; returns -1. */
int basic_auth_events_wrong(const struct basic_auth_events *e, yaml_mark_t at, const char *format,
			    ...) GH_PRINTF(3, 4);

struct gh_str basic_auth_event_text(const yaml_event_t *event); /* of a scalar */
/* Nothing was written: `key:` and the end of the line. */
bool basic_auth_event_is_empty(const yaml_event_t *event);

#endif
