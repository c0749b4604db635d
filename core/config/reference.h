/*
 * ${env:NAME} and ${file:PATH} in the values of a config: what they stand for takes their place
 * before anything is bound. Main thread: it reads the environment and files.
 */
#ifndef GATEHOUSE_CORE_CONFIG_REFERENCE_H
#define GATEHOUSE_CORE_CONFIG_REFERENCE_H

#include "core/config/node.h"

/* In every value of the tree. A relative PATH is relative to the folder of the config file. */
void gh__references_resolve(struct gh__tree *t, enum gh__read_mode mode, struct gh__mistakes *m);
/* Whether a text is one ${…} and nothing else, so that it shows no secret. */
bool gh__reference_alone(struct gh_str written);

#endif
