/* Templates: `user:#{value.userId | default("none") | lower}`, compiled at load, rendered per record.
 *
 *     struct kb_template *t = kb_template_compile(KB_S("user:#{value.id}"), key_paths, value_paths, &err);
 *     ...
 *     if (!kb_template_render(t, &input, &buf, &err))          // KB_ERR_RECORD, class mapping
 *
 * Compilation registers the paths it names, so that decoding captures just those. An error at load is
 * KB_ERR_CONFIG with err.column (1-based) where it broke; kb_template_caret prints text and caret.
 * Rendering appends to `out` and allocates nothing besides. Grammar: interface.md, "Templates".
 * Thread: a template is immutable and shared. */
#ifndef KB_TEMPLATE_TEMPLATE_H
#define KB_TEMPLATE_TEMPLATE_H

#include "base/buf.h"
#include "base/err.h"
#include "record/record.h"
#include "value/capture.h"
#include "value/value.h"

struct kb_template; /* opaque */

/* What a template reads. `key` and `value` are captures made with the paths given to compile. */
struct kb_template_input {
    const struct kb_record *record;
    const struct kb_capture *key, *value;
};

/* Returns new. Copies the text. */
struct kb_template *kb_template_compile(struct kb_slice text, struct kb_paths *key_paths,
    struct kb_paths *value_paths, struct kb_err *err) KB_MUST_CHECK;
void kb_template_free(struct kb_template *tmpl);

/* True and the text where the template has no placeholder. */
bool kb_template_constant(const struct kb_template *tmpl, struct kb_slice *out);
/* The literal text in front of the first placeholder (for checks at load). */
struct kb_slice kb_template_prefix(const struct kb_template *tmpl);
struct kb_slice kb_template_text(const struct kb_template *tmpl);

bool kb_template_render(const struct kb_template *tmpl, const struct kb_template_input *in,
    struct kb_buf *out, struct kb_err *err) KB_MUST_CHECK;

/* "TEXT\n     ^\n" for err.column, into `out`. */
void kb_template_caret(struct kb_buf *out, struct kb_slice text, int column);

#endif
