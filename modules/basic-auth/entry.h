/*
 * One entry of a credentials file: NAME: "TEXT", or NAME with a mapping that binds it. Read from
 * events into a book; one thread.
 */
#ifndef GATEHOUSE_BASIC_AUTH_ENTRY_H
#define GATEHOUSE_BASIC_AUTH_ENTRY_H

#include "book.h"
#include "events.h"

enum basic_auth_section { BASIC_AUTH_USERS, BASIC_AUTH_KEYS };

/* What stands behind `name`, which is a scalar. 0, or -1 and e->why. */
int basic_auth_entry_read(struct basic_auth_events *e, enum basic_auth_section section,
			  const yaml_event_t *name, struct basic_auth_book *book);

#endif
