/* The steps of loading, shared by the files of this room: blocks as written -> struct kb_config,
 * with every problem noted and nothing given up at the first. Order: the blocks that stand once,
 * kafka, then the topics, whose checks look at the others. Thread: one at a time. */
#ifndef KB_CONFIG_LOAD_H
#define KB_CONFIG_LOAD_H

#include "config/blocks.h"
#include "config/options.h"

struct kb_load {
    struct kb_config *config;
    const struct kb_blocks *blocks;
    struct kb_problems *problems;
    /* The block of each kind that stands once; one that is not in the file has no line and an empty
     * body. */
    struct kb_block once[KB_BLOCK_KIND_COUNT];
};

/* "FILE:LINE: TITLE: KEY: text"; `key` with NULL ptr = the block as a whole. */
void kb_load_problem(const struct kb_load *load, const struct kb_block *block, struct kb_slice key,
    const char *fmt, ...) KB_PRINTF(4, 5);
void kb_load_warning(const struct kb_load *load, const struct kb_block *block, struct kb_slice key,
    const char *fmt, ...) KB_PRINTF(4, 5);

/* Is the block's body a table of named members? Notes what else it is. */
bool kb_load_has_body(const struct kb_load *load, const struct kb_block *block);
/* Notes the keys that the option table doesn't have. */
void kb_load_check_keys(const struct kb_load *load, const struct kb_block *block);
/* Applies the block's rows to `base`: the block's value, else that of `below` (NULL = none), else
 * the default. */
void kb_load_options(const struct kb_load *load, const struct kb_block *block,
    const struct kb_block *below, void *base);

/* Does a mistyped key of the block stand for this option? Then that one complaint is enough. */
bool kb_load_mistyped(const struct kb_block *block, const struct kb_option *option);

void kb_load_kafka(const struct kb_load *load);
void kb_load_registry(const struct kb_load *load);
void kb_load_admin(const struct kb_load *load);
void kb_load_ably(const struct kb_load *load);
void kb_load_topics(const struct kb_load *load);
void kb_load_unused(const struct kb_load *load); /* the last: warnings of what has no effect */
/* Is that a topic's name Kafka could have? */
bool kb_topic_name_valid(struct kb_slice name);

#endif
