/* See json_template.h: pieces of JSON text, each with the template behind it. */
#include "template/json_template.h"

#include "template/parts.h"
#include "value/json.h"

#define LITERALS_MAX (1u << 20)

struct piece {
    size_t start, len;        /* in `literals` */
    struct kb_template *tmpl; /* behind it; NULL = none */
};

struct kb_json_template {
    struct kb_buf literals;
    struct piece *pieces;
    size_t n;
    bool failed;
};

struct kb_json_template *kb_json_template_new(void)
{
    struct kb_json_template *json = calloc(1, sizeof(*json));
    if (json)
        kb_buf_init(&json->literals, LITERALS_MAX);
    return json;
}

void kb_json_template_free(struct kb_json_template *json)
{
    if (!json)
        return;
    for (size_t i = 0; i < json->n; i++)
        kb_template_free(json->pieces[i].tmpl);
    free(json->pieces);
    kb_buf_deinit(&json->literals);
    free(json);
}

bool kb_json_template_failed(const struct kb_json_template *json)
{
    return json->failed || json->literals.failed;
}

static struct piece *add_piece(struct kb_json_template *json)
{
    struct piece *pieces = realloc(json->pieces, (json->n + 1) * sizeof(*pieces));
    if (!pieces) {
        json->failed = true;
        return NULL;
    }
    json->pieces = pieces;
    pieces[json->n] = (struct piece){.start = json->literals.len};
    return &pieces[json->n++];
}

void kb_json_template_literal(struct kb_json_template *json, struct kb_slice text)
{
    struct piece *last = json->n > 0 ? &json->pieces[json->n - 1] : NULL;
    if (!last || last->tmpl)
        last = add_piece(json);
    if (!last)
        return;
    kb_buf_add(&json->literals, text);
    last->len += text.len;
}

void kb_json_template_field(struct kb_json_template *json, struct kb_template *tmpl)
{
    kb_json_template_literal(json, KB_S(""));
    if (json->failed)
        kb_template_free(tmpl);
    else
        json->pieces[json->n - 1].tmpl = tmpl;
}

/* One field: a JSON string of what its template renders, or the JSON value that it renders, or that
 * its function gives. */
static bool render_field(const struct kb_template *tmpl, const struct kb_template_input *in,
    struct kb_buf *out, struct kb_buf *scratch, struct kb_err *err)
{
    if (kb_template_is_function(tmpl))
        return in->calls->json(in->calls->self, tmpl->parts[0].function, out, err);
    if (kb_template_is_json(tmpl))
        return kb_template_render(tmpl, in, out, err);
    kb_buf_reset(scratch);
    if (!kb_template_render(tmpl, in, scratch, err))
        return false;
    kb_json_string(out, kb_buf_slice(scratch));
    return true;
}

bool kb_json_template_render(const struct kb_json_template *json,
    const struct kb_template_input *in, struct kb_buf *out, struct kb_buf *scratch,
    struct kb_err *err)
{
    for (size_t i = 0; i < json->n; i++) {
        const struct piece *piece = &json->pieces[i];
        kb_buf_add(out, (struct kb_slice){json->literals.ptr + piece->start, piece->len});
        if (piece->tmpl && !render_field(piece->tmpl, in, out, scratch, err))
            return false;
    }
    return true;
}
