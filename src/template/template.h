/* Templates: `user:#{value.userId | default("none") | lower}`, compiled at load, rendered per
 * record.
 *
 *     tmpl = kb_template_compile(KB_S("user:#{value.id}"), key_paths, value_paths, &err);
 *     ...
 *     if (!kb_template_render(tmpl, &input, &buf, &err))       // KB_ERR_RECORD, class mapping
 *
 * Grammar: text with `#{REFERENCE | FILTER | ...}` in it; a `#` without `{` is text.
 *
 *     topic, topic.name               the topic's name
 *     partition, topic.partition      its partition
 *     offset, timestamp               as numbers; timestamp in ms since 1970
 *     key, value                      the key or value itself, where it is a scalar
 *     key.PATH, value.PATH            a field: a.b, items[0].id, ["a.b"] or ['a.b'] for any name
 *     header.NAME, header["NAME"]     of a repeated header the last; NAME may hold dots and dashes
 *
 * Dots at the end of a path mean nothing, as in the Kafka Connect sink. Filters run from left to
 * right: default("text") stands in for what is missing or null; lower and upper change the ASCII
 * letters alone (no locale, no surprise); url percent-encodes all bytes but RFC 3986's unreserved.
 * json gives the JSON text of what is there, as it stands in the record: an object, an array, a
 * number with its digits, a text in quotes, null. It comes first; only a default may follow, which
 * is JSON itself.
 *
 * A field becomes text as it is: strings unchanged, numbers as written, true, false, bytes where
 * they are UTF-8. Objects, arrays and what is missing or null without a default are errors that
 * name the field.
 *
 * A function of the user's may stand in the place of a template (kb_template_function): it is
 * rendered by asking whoever renders, through `calls` of the input, so that all that takes a
 * template takes a function.
 *
 * Compilation registers the paths it names, so that decoding captures just those. An error at load
 * is KB_ERR_CONFIG with err.column, counted in characters from 1, where it broke. Rendering appends
 * to `out` and allocates nothing besides; a text over the maximum of `out` is KB_ERR_RECORD of
 * class message. Thread: a template is immutable and shared. */
#ifndef KB_TEMPLATE_TEMPLATE_H
#define KB_TEMPLATE_TEMPLATE_H

#include "base/buf.h"
#include "base/err.h"
#include "record/record.h"
#include "value/capture.h"
#include "value/value.h"

#define KB_TEMPLATE_LEN_MAX 65536
#define KB_TEMPLATE_STEPS_MAX 64 /* of one path */

struct kb_template; /* opaque */

/* Who calls functions: appends what function `number` gives, as a text (nothing for nil) or as JSON
 * (null for nil). */
struct kb_template_calls {
    bool (*json)(void *self, size_t number, struct kb_buf *out, struct kb_err *err);
    bool (*text)(void *self, size_t number, struct kb_buf *out, struct kb_err *err);
    void *self;
};

/* What a template reads. `key` and `value` are captures made with the paths given to compile;
 * either may be NULL where no path was registered. The whole of both is what the filter json looks
 * in; it is of the kind that the captures were made of. */
struct kb_template_input {
    const struct kb_record *record;
    const struct kb_capture *key, *value;
    const struct kb_template_calls *calls; /* NULL = no template here is a function */
    struct kb_value whole_key, whole_value;
};

/* Returns new. Copies the text. */
struct kb_template *kb_template_compile(struct kb_slice text, struct kb_paths *key_paths,
    struct kb_paths *value_paths, struct kb_err *err) KB_MUST_CHECK;
/* Returns new, NULL = no memory: the function that `calls` know by that number, written at `place`
 * ("orders.lua:12"), which is copied. */
struct kb_template *kb_template_function(size_t number, const char *place) KB_MUST_CHECK;
bool kb_template_is_function(const struct kb_template *tmpl);
void kb_template_free(struct kb_template *tmpl);

/* True and the text where the template has no placeholder. */
bool kb_template_constant(const struct kb_template *tmpl, struct kb_slice *out);
/* Is it one placeholder with the filter json and nothing else, so that it renders to a JSON value?
 */
bool kb_template_is_json(const struct kb_template *tmpl);
/* The literal text in front of the first placeholder (for checks at load). */
struct kb_slice kb_template_prefix(const struct kb_template *tmpl);
/* As it was written; of a function its place. */
struct kb_slice kb_template_text(const struct kb_template *tmpl);

bool kb_template_render(const struct kb_template *tmpl, const struct kb_template_input *in,
    struct kb_buf *out, struct kb_err *err) KB_MUST_CHECK;

/* "TEXT\n     ^\n" for err.column, into `out`; line breaks and other control characters of the
 * text are replaced, so that it stays one line. */
void kb_template_caret(struct kb_buf *out, struct kb_slice text, int column);

#endif
