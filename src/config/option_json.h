/* A Lua table of templates, in an option of a topic, as a template of JSON, and as Lua again for
 * `kably check --print`.
 *
 *     struct kb_option_json b;
 *     if (!kb_option_json_begin(&b, rules, err))
 *         return false;                                              // no memory
 *     return kb_option_json_end(&b, kb_option_json_table(&b, raw, &at), &rules->push, &text);
 *
 * A table becomes an object (members in the order of their names) or an array, a text a template
 * whose result is a JSON string, as is a function's; numbers, booleans and kably.null stay what
 * they are. How deep tables go is bounded by raw.h. Errors are KB_ERR_CONFIG, and begin with the
 * place in the table. Thread: one at a time.
 */
#ifndef KB_CONFIG_OPTION_JSON_H
#define KB_CONFIG_OPTION_JSON_H

#include "config/option_message.h"

struct kb_option_json {
    struct kb_rules *rules;
    struct kb_json_template *json;
    struct kb_buf lua;
    bool only_lua; /* it is for paper: nothing is compiled */
    struct kb_err *err;
};

bool kb_option_json_begin(
    struct kb_option_json *b, struct kb_rules *rules, struct kb_err *err) KB_MUST_CHECK;
/* The whole of a table, which stands at that place of the topic's block. */
bool kb_option_json_table(struct kb_option_json *b, const struct kb_raw *raw,
    const struct kb_value_path *at) KB_MUST_CHECK;
/* One member of it alone, without braces; `first` = there is none before it. */
bool kb_option_json_member(struct kb_option_json *b, const struct kb_raw_entry *entry, bool first,
    const struct kb_value_path *outer) KB_MUST_CHECK;
/* `ok`: *json and *lua become what was built, and what they were is freed. Else all of it is. */
bool kb_option_json_end(
    struct kb_option_json *b, bool ok, struct kb_json_template **json, char **lua) KB_MUST_CHECK;

#endif
