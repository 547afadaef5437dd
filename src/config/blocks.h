/* A kably file as it was written: its blocks as plain data, before anything is checked.
 *
 *     struct kb_blocks blocks;
 *     kb_blocks_init(&blocks, &inputs);
 *     if (kb_blocks_read(&blocks, "config/orders.lua", text, problems))
 *         for each blocks.list[i]: kind, place, title, names, body
 *     kb_blocks_deinit(&blocks);
 *
 * The text runs in a Lua state of its own (script/lua_state.h), which is gone when kb_blocks_read
 * returns; what is left lies in one arena. Thread: one at a time. */
#ifndef KB_CONFIG_BLOCKS_H
#define KB_CONFIG_BLOCKS_H

#include "base/arena.h"
#include "config/inputs.h"
#include "config/problems.h"
#include "config/raw.h"

#include <lua.h>
#include <sys/types.h>

#define KB_SOURCES_MAX 64

/* X(id, name, how often): ONCE, or NAMED and as often as one likes. */
#define KB_BLOCK_KINDS(X)               \
    X(KAFKA, "kafka", ONCE)             \
    X(REGISTRY, "registry", ONCE)       \
    X(ABLY, "ably", ONCE)               \
    X(PUBLISH, "publish", ONCE)         \
    X(DEFAULTS, "defaults", ONCE)       \
    X(TOPIC, "topic", NAMED)            \
    X(DEAD_LETTER, "dead_letter", ONCE) \
    X(LIMITS, "limits", ONCE)           \
    X(ADMIN, "admin", ONCE)             \
    X(LOG, "log", ONCE)                 \
    X(RELOAD, "reload", ONCE)           \
    X(TEST, "test", NAMED)

enum kb_block_kind {
#define X(id, name, how_often) KB_BLOCK_##id,
    KB_BLOCK_KINDS(X)
#undef X
        KB_BLOCK_KIND_COUNT
};

const char *kb_block_name(enum kb_block_kind kind);

struct kb_block {
    enum kb_block_kind kind;
    struct kb_file_place place; /* where it opens */
    const char *title;          /* topic "orders", or publish */
    struct kb_raw names;        /* of topic: a text or a table */
    struct kb_raw body;         /* KB_RAW_NIL where the braces are missing */
};

/* One text of the configuration: the file itself, or one that it includes. */
struct kb_lua_source {
    const char *path;
    struct kb_slice text;
    dev_t device;
    ino_t inode; /* 0 = no file */
};

/* What file() has read. */
struct kb_read_file {
    const char *path;
    struct kb_slice text; /* as the configuration has it: without the line break at the end */
};

struct kb_blocks {
    struct kb_arena arena;
    struct kb_problems *problems; /* borrowed while reading, NULL = nobody asks */
    struct kb_inputs *inputs;     /* borrowed: what the text reads, set before it is run */
    bool tests;                   /* the bodies of test blocks are wanted, and NAME.test.lua */
    struct kb_lua_source sources[KB_SOURCES_MAX];
    size_t n_sources;
    struct kb_read_file files[KB_SOURCES_MAX];
    size_t n_files;
    struct kb_block *list;
    size_t n;
    const struct kb_block *taking; /* the one whose notes are taken over; NULL = none */
    struct kb_text_function *functions,
        **functions_end; /* config/texts.h; where tests are wanted */
};

void kb_blocks_init(struct kb_blocks *blocks, struct kb_inputs *inputs);
void kb_blocks_deinit(struct kb_blocks *blocks);

/* False: the text could not be run to its end; the reason is a problem. */
bool kb_blocks_read(
    struct kb_blocks *blocks, const char *name, struct kb_slice text, struct kb_problems *problems);

/* The two steps of it, for whoever runs the text in a state of their own: the block functions and
 * helpers in that state (inside a protected call; `blocks` outlives the state), and after the text
 * the list of its notes, { { kind = , names = , body = }, ... }, pushed. */
void kb_blocks_prepare(lua_State *L, struct kb_blocks *blocks);
void kb_blocks_push_notes(lua_State *L);

/* The block's place, with the line of that key where the block has it and the text shows it without
 * doubt. */
struct kb_file_place kb_block_place_of(
    const struct kb_blocks *blocks, const struct kb_block *block, struct kb_slice key);

#endif
