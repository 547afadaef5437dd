/* The rules of one `topic` block, compiled: which topics, how to read them, where they go, what if
 * it fails. Built by config/, immutable afterwards, shared by all workers through the
 * configuration's reference. */
#ifndef KB_ROUTE_RULES_H
#define KB_ROUTE_RULES_H

#include "decode/format_options.h"
#include "failure/policy.h"
#include "record/message.h"
#include "script/hook.h"
#include "template/json_template.h"
#include "template/template.h"
#include "value/value.h"

#include <regex.h>

#define KB_NULL_VALUES(X) X(PUBLISH, "publish") X(SKIP, "skip") X(DLQ, "dlq")

enum kb_null_value {
#define X(id, name) KB_NULL_##id,
    KB_NULL_VALUES(X)
#undef X
};

struct kb_topic_pattern {
    char *text;    /* "orders", or "^audit\\..*" as librdkafka reads it (POSIX extended) */
    bool is_regex; /* set once regcomp has succeeded */
    regex_t regex;
};

/* A key of a table in the block, or an element's number. */
struct kb_function_key {
    struct kb_slice name; /* ptr NULL = `index` */
    int64_t index;
};

/* One of the block's functions. */
struct kb_function {
    char *place; /* where it is written, "config/orders.lua:12"; NULL = there is none */
    char *name;  /* "channel", "push.notification.title" */
    struct kb_function_key *keys; /* what leads to it, the block's own key first */
    size_t n_keys;
};

/* All on the heap and owned. Zero-initialise, fill in any order; kb_rules_deinit takes it half
 * filled. */
struct kb_rules {
    struct kb_topic_pattern *patterns;
    size_t n_patterns;
    char *where; /* "config/orders.lua:18: topic \"orders\"", for messages */
    enum kb_format key_format, value_format;
    struct kb_format_options formats; /* how both are shown */
    enum kb_null_value null_value;
    struct kb_policy policy;
    struct kb_paths *key_paths, *value_paths;
    struct kb_template *channel;
    struct kb_template *name;           /* NULL = no name */
    struct kb_template *client_id;      /* NULL = none */
    struct kb_template **more_channels; /* further channels of each record; NULL = none */
    size_t n_more_channels;
    struct kb_template *id;                 /* NULL = a function's, or the record's place */
    struct kb_json_template *push, *extras; /* extras: its members, without braces; NULL = none */
    struct kb_extras_layout *layout;        /* NULL = the usual one */
    char *push_text, *extras_text;          /* as Lua, for kably check --print */
    struct kb_template *cipher_key;         /* base64; NULL = data is not encrypted */
    size_t number;                          /* of this block: what kb_hooks know it by */
    bool dead_letters;                      /* there is a topic for them */
    /* Those of enum kb_hook at their numbers, behind them those in the places of templates, as each
     * such template knows its number. NULL = none at all. */
    struct kb_function *functions;
    size_t n_functions;
};

static inline bool kb_rules_has(const struct kb_rules *rules, enum kb_hook hook)
{
    return rules->functions && rules->functions[hook].place;
}

/* Copies all of it. *number says which hook it is, or KB_HOOK_COUNT: one in the place of a
 * template, and gets its number. False: no memory. */
bool kb_rules_add_function(struct kb_rules *rules, const char *place,
    const struct kb_function_key *keys, size_t n_keys, size_t *number) KB_MUST_CHECK;

/* Does this block take that topic? A plain pattern is compared, a regular expression searched for.
 */
bool kb_rules_match(const struct kb_rules *rules, struct kb_slice topic);

/* Frees what the rules hold; the struct itself is its array's. */
void kb_rules_deinit(struct kb_rules *rules);

#endif
