/* The one table of options: name, type, bounds, default, reload, secret, help, and the field that
 * takes it. Reading a file, its error texts, `kably options`, `kably check --print` and redaction
 * all go by these rows.
 *
 *     const struct kb_option *option = kb_option_find(KB_BLOCK_PUBLISH, KB_S("linger_ms"));
 *     if (!kb_option_set(option, config, &raw, &err)) ...
 *         // KB_ERR_CONFIG: "70000 is out of bounds; ..."
 *
 * Rows of a topic write to a struct kb_rules, all others to the struct kb_config: `base` is that
 * one. The block `defaults` takes the rows of `topic`. Thread: any; the table is constant. */
#ifndef KB_CONFIG_OPTIONS_H
#define KB_CONFIG_OPTIONS_H

#include "base/buf.h"
#include "config/blocks.h"

enum kb_option_type {
    KB_OPTION_INTEGER,   /* int64_t or int */
    KB_OPTION_SIZE,      /* int64_t: bytes, or text such as "256MiB" */
    KB_OPTION_NUMBER,    /* double */
    KB_OPTION_BOOLEAN,   /* bool */
    KB_OPTION_TEXT,      /* char *, owned */
    KB_OPTION_PAIRS,     /* char **, owned: name, text, name, text... and a NULL; NULL = not set */
    KB_OPTION_LIST,      /* char **, owned: texts and a NULL behind them; NULL = not set */
    KB_OPTION_ADDRESSES, /* char *, owned: with commas between; may hold passwords */
    KB_OPTION_CHOICE,    /* an enum */
    KB_OPTION_TEMPLATE,  /* struct kb_template *, of a struct kb_rules; or a function */
    KB_OPTION_CHANNELS,  /* a template or a function, or a list of them */
    KB_OPTION_CIPHER,    /* { key = a template or a function }, of a struct kb_rules; secret */
    KB_OPTION_PUSH,      /* a push notification as a table of templates, or a function */
    KB_OPTION_EXTRAS,    /* a table of templates, of a struct kb_rules, or a function */
    KB_OPTION_FUNCTION,  /* a function, of a struct kb_rules */
    KB_OPTION_POLICY,    /* struct kb_policy */
    KB_OPTION_LOGICAL    /* enum kb_shown of each logical type */
};

struct kb_choice {
    const char *name; /* NULL ends the list */
    int value;
};

struct kb_option {
    enum kb_block_kind block;
    const char *key;
    enum kb_option_type type;
    size_t offset, size; /* the field */
    int64_t min, max;    /* of INTEGER, SIZE and NUMBER */
    const struct kb_choice *choices;
    bool function;        /* CHOICE: may be a function as well */
    enum kb_hook hook;    /* which one it is, of all that are not in the place of a template */
    const char *fallback; /* the default as text, NULL = none */
    bool required, secret;
    bool connects; /* how to reach somebody, or who one is there: a reload tries it first */
    bool restart;  /* a reload does not apply it */
    const char *help;
};

extern const struct kb_option kb_options[];
extern const size_t kb_n_options;

/* The blocks of these rows but for topic: each at most once in a file, and nothing but options. */
extern const enum kb_block_kind kb_option_blocks[];
extern const size_t kb_n_option_blocks;

/* NULL = no such key in that block. */
const struct kb_option *kb_option_find(enum kb_block_kind block, struct kb_slice key);
/* The key somebody may have meant, NULL = none is near. */
const char *kb_option_suggest(enum kb_block_kind block, struct kb_slice key);

/* Checks a value and writes it to the option's field, freeing what was there. A secret's value
 * stands in no error text. */
bool kb_option_set(const struct kb_option *option, void *base, const struct kb_raw *raw,
    struct kb_err *err) KB_MUST_CHECK;
/* The same with the option's default; nothing happens where it has none. */
void kb_option_set_default(const struct kb_option *option, void *base);
/* Frees what the field owns. (What belongs to a struct kb_rules is freed by kb_rules_deinit.) */
void kb_option_clear(const struct kb_option *option, void *base);

/* The field as a Lua value ("***" for a secret); false where it is not set. */
bool kb_option_format(const struct kb_option *option, const void *base, struct kb_buf *out);
/* A text in Lua's quotes. */
void kb_lua_quote(struct kb_buf *out, struct kb_slice text);

/* "a whole number from 1 to 1000", as error texts and the documentation say it. */
void kb_option_describe(const struct kb_option *option, struct kb_buf *out);

#endif
