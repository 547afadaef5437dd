/* A template's life: memory, what it tells about itself, and the two lines that show a person where
 * it broke. Called at load by config/; the grammar is in parse.c, the rendering in render.c. */
#include "base/utf8.h"
#include "template/parts.h"

static size_t count(struct kb_slice text, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += text.ptr[i] == c;
    return n;
}

/* All the memory a template can need is known before it is parsed: a placeholder opens with '#' and
 * has at most one literal before it, a path's step begins with '.' or '[', a filter follows '|'. */
static struct kb_template *allocate(struct kb_slice text)
{
    struct kb_template *tmpl = calloc(1, sizeof(*tmpl));
    if (!tmpl)
        return NULL;
    tmpl->len = text.len;
    tmpl->text = malloc(text.len + 1);
    tmpl->unescaped = malloc(text.len + 1);
    tmpl->parts = calloc(2 * count(text, '#') + 1, sizeof(*tmpl->parts));
    tmpl->steps = calloc(count(text, '.') + count(text, '[') + 1, sizeof(*tmpl->steps));
    tmpl->filters = calloc(count(text, '|') + 1, sizeof(*tmpl->filters));
    if (!tmpl->text || !tmpl->unescaped || !tmpl->parts || !tmpl->steps || !tmpl->filters) {
        kb_template_free(tmpl);
        return NULL;
    }
    if (text.len > 0)
        memcpy(tmpl->text, text.ptr, text.len);
    tmpl->text[text.len] = '\0';
    return tmpl;
}

struct kb_template *kb_template_compile(struct kb_slice text, struct kb_paths *key_paths,
    struct kb_paths *value_paths, struct kb_err *err)
{
    if (text.len > KB_TEMPLATE_LEN_MAX) {
        kb_err_config(err, "the template is longer than %d bytes", KB_TEMPLATE_LEN_MAX);
        return NULL;
    }
    struct kb_template *tmpl = allocate(text);
    if (!tmpl) {
        kb_err_fatal(err, "no memory for a template");
        return NULL;
    }
    if (!kb_template_parse(tmpl, key_paths, value_paths, err)) {
        kb_template_free(tmpl);
        return NULL;
    }
    return tmpl;
}

struct kb_template *kb_template_function(size_t number, const char *place)
{
    struct kb_template *tmpl = allocate(kb_slice_of(place));
    if (tmpl)
        tmpl->parts[tmpl->n_parts++] =
            (struct kb_part){.kind = KB_PART_FUNCTION, .function = number};
    return tmpl;
}

bool kb_template_is_function(const struct kb_template *tmpl)
{
    return tmpl->n_parts > 0 && tmpl->parts[0].kind == KB_PART_FUNCTION;
}

void kb_template_free(struct kb_template *tmpl)
{
    if (!tmpl)
        return;
    free(tmpl->text);
    free(tmpl->unescaped);
    free(tmpl->parts);
    free(tmpl->steps);
    free(tmpl->filters);
    free(tmpl);
}

bool kb_template_constant(const struct kb_template *tmpl, struct kb_slice *out)
{
    struct kb_slice prefix = kb_template_prefix(tmpl);
    if (prefix.len != tmpl->len || kb_template_is_function(tmpl))
        return false;
    *out = prefix;
    return true;
}

bool kb_template_is_json(const struct kb_template *tmpl)
{
    return tmpl->n_parts == 1 && kb_part_is_json(&tmpl->parts[0]);
}

struct kb_slice kb_template_prefix(const struct kb_template *tmpl)
{
    if (tmpl->n_parts > 0 && tmpl->parts[0].kind == KB_PART_LITERAL)
        return tmpl->parts[0].text;
    return (struct kb_slice){tmpl->text, 0};
}

struct kb_slice kb_template_text(const struct kb_template *tmpl)
{
    return (struct kb_slice){tmpl->text, tmpl->len};
}

void kb_template_caret(struct kb_buf *out, struct kb_slice text, int column)
{
    size_t start = out->len;
    kb_buf_add(out, text);
    if (out->failed)
        return;
    kb_utf8_one_line(out->ptr + start, text.len);

    int characters = 0;
    for (size_t i = start; i < out->len; i++)
        characters += ((unsigned char)out->ptr[i] & 0xc0) != 0x80;
    kb_buf_byte(out, '\n');
    for (int i = 1; i < column && i <= characters; i++)
        kb_buf_byte(out, ' ');
    kb_buf_add(out, KB_S("^\n"));
}
