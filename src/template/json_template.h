/* A JSON value with templates in the place of its texts, as in push = { title = "#{value.a}" }.
 * Built once by config/, rendered once a record.
 *
 *     struct kb_json_template *json = kb_json_template_new();
 *     kb_json_template_literal(json, KB_S("{\"title\":"));
 *     kb_json_template_field(json, tmpl);          // takes it: a JSON string of what it renders
 *     kb_json_template_literal(json, KB_S("}"));
 *     if (kb_json_template_failed(json)) ...       // no memory
 *     if (!kb_json_template_render(json, &input, &out, &scratch, &err)) ...
 *     kb_json_template_free(json);
 *
 * Numbers, booleans and null are literal, so they arrive exactly as written; what a template
 * renders is text, unless it is one placeholder with the filter json: then the value stands there
 * as the record has it. A function's value stands there as JSON. Errors are those of
 * kb_template_render. Thread: immutable once built, shared. */
#ifndef KB_TEMPLATE_JSON_TEMPLATE_H
#define KB_TEMPLATE_JSON_TEMPLATE_H

#include "template/template.h"

struct kb_json_template; /* opaque */

struct kb_json_template *kb_json_template_new(void); /* returns new, NULL = no memory */
void kb_json_template_free(struct kb_json_template *json);

void kb_json_template_literal(struct kb_json_template *json, struct kb_slice text);
void kb_json_template_field(struct kb_json_template *json, struct kb_template *tmpl);
bool kb_json_template_failed(const struct kb_json_template *json);

/* Appends to `out`; `scratch` holds one text at a time. */
bool kb_json_template_render(const struct kb_json_template *json,
    const struct kb_template_input *in, struct kb_buf *out, struct kb_buf *scratch,
    struct kb_err *err) KB_MUST_CHECK;

#endif
