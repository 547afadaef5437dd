/* The grammar of templates (template.h): text -> parts. Called once a template, at load.
 *
 * A recursive descent over the bytes: each parse_... begins where `at` stands and leaves it behind
 * what it took, or fails with the column of what it could not take. */
#include "base/suggest.h"
#include "base/utf8.h"
#include "template/parts.h"
#include "value/json.h"

#include <stdarg.h>

struct parser {
    struct kb_template *tmpl;
    const char *at, *end;
    struct kb_paths *key_paths, *value_paths;
    struct kb_err *err;
};

/* The references that are words and nothing else. */
static const struct {
    const char *name;
    enum kb_part_kind kind;
} words[] = {
    {"topic", KB_PART_TOPIC},
    {"topic.name", KB_PART_TOPIC},
    {"topic.partition", KB_PART_PARTITION},
    {"partition", KB_PART_PARTITION},
    {"offset", KB_PART_OFFSET},
    {"timestamp", KB_PART_TIMESTAMP},
};

/* What somebody may have meant by an unknown one. */
static const char *const references[] = {"topic", "topic.name", "topic.partition", "partition",
    "offset", "timestamp", "key", "value", "header"};

#define REFERENCES_HELP "topic, partition, offset, timestamp, key.FIELD, value.FIELD, header.NAME"
#define FILTERS_HELP "default(\"text\"), lower, upper, url, json"

static int column_of(const struct parser *p, const char *at)
{
    int column = 1;
    for (const char *c = p->tmpl->text; c < at; c++)
        column += ((unsigned char)*c & 0xc0) != 0x80;
    return column;
}

static bool fail(struct parser *p, const char *at, const char *fmt, ...) KB_PRINTF(3, 4);
static bool fail(struct parser *p, const char *at, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    int column = column_of(p, at);
    kb_err_config(p->err, "column %d: %s", column, text);
    p->err->column = column;
    return false;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(struct parser *p)
{
    while (p->at < p->end && is_space(*p->at))
        p->at++;
}

static bool at_char(const struct parser *p, char c)
{
    return p->at < p->end && *p->at == c;
}

static bool take(struct parser *p, char c)
{
    if (!at_char(p, c))
        return false;
    p->at++;
    return true;
}

/* The bytes from here to the first of `stops` or the end. */
static struct kb_slice peek_until(const struct parser *p, const char *stops)
{
    const char *c = p->at;
    while (c < p->end && (*c == '\0' || !strchr(stops, *c)))
        c++;
    return (struct kb_slice){p->at, (size_t)(c - p->at)};
}

/* Does the reference end here, with nothing but its filters or the brace to follow? */
static bool ends_reference(const struct parser *p, const char *at)
{
    return at == p->end || *at == '|' || *at == '}';
}

static struct kb_slice trim_end(struct kb_slice text)
{
    while (text.len > 0 && is_space(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

/* "text" or 'text', with \" \' \\ for what can't stand there as it is. */
static bool parse_quoted(struct parser *p, struct kb_slice *out)
{
    const char *open = p->at++;
    char *to = p->tmpl->unescaped + p->tmpl->unescaped_len;
    out->ptr = to;
    while (!at_char(p, *open)) {
        if (at_char(p, '\\')) {
            p->at++;
            if (!at_char(p, '"') && !at_char(p, '\'') && !at_char(p, '\\'))
                return fail(p, p->at - 1, "a backslash stands before a quote or a backslash only");
        }
        if (p->at == p->end)
            return fail(p, open, "this text in quotes has no end");
        *to++ = *p->at++;
    }
    p->at++;
    out->len = (size_t)(to - out->ptr);
    p->tmpl->unescaped_len += out->len;
    return true;
}

static bool at_quote(const struct parser *p)
{
    return at_char(p, '"') || at_char(p, '\'');
}

/* A bare name of a field, up to a dot, a bracket or the reference's end. */
static bool parse_member(struct parser *p, struct kb_path_step *step)
{
    struct kb_slice name = peek_until(p, ".[|}");
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '{')
            return fail(p, name.ptr + i, "'}' expected");
        if (strchr("\"']", name.ptr[i]) && name.ptr[i] != '\0')
            return fail(p, name.ptr + i, "such a name is written in quotes: [\"...\"]");
    }
    p->at += name.len;
    step->name = ends_reference(p, p->at) ? trim_end(name) : name;
    if (step->name.len == 0)
        return fail(p, name.ptr, "a field's name expected; an empty one is written [\"\"]");
    return true;
}

static bool parse_index(struct parser *p, struct kb_path_step *step)
{
    const char *begin = p->at;
    uint64_t index = 0;
    while (p->at < p->end && *p->at >= '0' && *p->at <= '9') {
        index = index * 10 + (uint64_t)(*p->at++ - '0');
        if (index > UINT32_MAX)
            return fail(p, begin, "this index is too large");
    }
    if (p->at == begin)
        return fail(p, begin, "an index from 0 or a name in quotes expected");
    step->name = (struct kb_slice){NULL, 0};
    step->index = (uint32_t)index;
    return true;
}

/* What stands in brackets: an index or any name in quotes. */
static bool parse_bracket(struct parser *p, struct kb_path_step *step)
{
    p->at++;
    skip_space(p);
    if (!(at_quote(p) ? parse_quoted(p, &step->name) : parse_index(p, step)))
        return false;
    skip_space(p);
    return take(p, ']') || fail(p, p->at, "']' expected");
}

/* Dots at a path's end vanish, as in the Kafka Connect sink. */
static bool skip_last_dots(struct parser *p)
{
    const char *c = p->at;
    while (c < p->end && (*c == '.' || is_space(*c)))
        c++;
    if (!ends_reference(p, c))
        return false;
    p->at = c;
    return true;
}

/* .name, [0], ["name"] in any number, none included. *end is where the path ended, before such
 * dots. */
static bool parse_path(
    struct parser *p, struct kb_paths *paths, struct kb_part *part, const char **end)
{
    struct kb_path_step *steps = p->tmpl->steps + p->tmpl->n_steps;
    size_t n = 0;
    for (*end = p->at; at_char(p, '.') || at_char(p, '['); *end = p->at) {
        if (skip_last_dots(p))
            break;
        if (n == KB_TEMPLATE_STEPS_MAX)
            return fail(p, p->at, "a path has at most %d steps", KB_TEMPLATE_STEPS_MAX);
        bool ok = take(p, '.') ? parse_member(p, &steps[n]) : parse_bracket(p, &steps[n]);
        if (!ok)
            return false;
        n++;
    }
    p->tmpl->n_steps += n;
    part->steps = steps;
    part->n_steps = n;
    part->path = kb_paths_add(paths, steps, n);
    return part->path != SIZE_MAX || kb_err_fatal(p->err, "no memory for a template's paths");
}

/* .NAME up to the reference's end, dots and all, or ["NAME"]. */
static bool parse_header(struct parser *p, struct kb_slice *name)
{
    if (take(p, '.')) {
        struct kb_slice rest = peek_until(p, "|}{");
        p->at += rest.len;
        *name = trim_end(rest);
        if (name->len > 0)
            return true;
    } else if (take(p, '[')) {
        skip_space(p);
        if (!at_quote(p))
            return fail(p, p->at, "a header's name in quotes expected");
        if (!parse_quoted(p, name))
            return false;
        skip_space(p);
        return take(p, ']') || fail(p, p->at, "']' expected");
    }
    return fail(p, p->at, "a header's name expected: header.NAME or header[\"NAME\"]");
}

static bool fail_unknown_reference(struct parser *p, struct kb_slice word, struct kb_slice head)
{
    const char *meant = kb_suggest(word, references, KB_COUNT(references));
    if (!meant)
        meant = kb_suggest(head, references, KB_COUNT(references));
    if (meant)
        return fail(
            p, word.ptr, "unknown reference '" KB_FMT "'; did you mean '%s'?", KB_ARG(word), meant);
    return fail(
        p, word.ptr, "unknown reference '" KB_FMT "'; known are " REFERENCES_HELP, KB_ARG(word));
}

static bool parse_reference(struct parser *p, struct kb_part *part)
{
    struct kb_slice word = peek_until(p, " \t\r\n[|}{");
    if (word.len == 0)
        return fail(p, p->at, "a reference expected, such as value.id or topic");
    part->text = word;
    for (size_t i = 0; i < KB_COUNT(words); i++) {
        if (kb_slice_is(word, words[i].name)) {
            part->kind = words[i].kind;
            p->at += word.len;
            return true;
        }
    }

    struct kb_slice head = peek_until(p, " \t\r\n[|}{.");
    const char *end = NULL;
    bool ok;
    p->at += head.len;
    if (kb_slice_is(head, "key")) {
        part->kind = KB_PART_KEY;
        ok = parse_path(p, p->key_paths, part, &end);
    } else if (kb_slice_is(head, "value")) {
        part->kind = KB_PART_VALUE;
        ok = parse_path(p, p->value_paths, part, &end);
    } else if (kb_slice_is(head, "header")) {
        part->kind = KB_PART_HEADER;
        ok = parse_header(p, &part->header);
        end = p->at;
    } else {
        ok = fail_unknown_reference(p, word, head);
    }
    if (ok)
        part->text = trim_end((struct kb_slice){word.ptr, (size_t)(end - word.ptr)});
    return ok;
}

static bool parse_default(struct parser *p, struct kb_filter *filter)
{
    skip_space(p);
    bool opened = take(p, '(');
    skip_space(p);
    if (!opened || !at_quote(p))
        return fail(p, p->at, "default takes a text in quotes: default(\"none\")");
    if (!parse_quoted(p, &filter->text))
        return false;
    skip_space(p);
    return take(p, ')') || fail(p, p->at, "')' expected");
}

/* json says what is there in the first place, so nothing comes before it, and behind it nothing
 * that would make something else of JSON. */
static bool check_json_place(
    struct parser *p, const struct kb_filter *first, const struct kb_filter *filter, const char *at)
{
    struct kb_err why;
    if (filter == first)
        return true;
    if (filter->kind == KB_FILTER_JSON)
        return fail(p, at, "json comes before every other filter");
    if (first->kind != KB_FILTER_JSON)
        return true;
    if (filter->kind != KB_FILTER_DEFAULT)
        return fail(p, at, "behind json only a default may follow");
    return kb_json_read(filter->text, NULL, &why) ||
           fail(p, at, "behind json a default is JSON itself, such as default(\"null\")");
}

static bool parse_filter(struct parser *p, const struct kb_filter *first)
{
    skip_space(p);
    const char *at = p->at;
    struct kb_slice name = peek_until(p, " \t\r\n(|}{");
    if (name.len == 0)
        return fail(p, p->at, "a filter expected: " FILTERS_HELP);
    struct kb_filter *filter = &p->tmpl->filters[p->tmpl->n_filters];
    for (size_t i = 0; i < KB_FILTER_COUNT; i++) {
        if (!kb_slice_is(name, kb_filter_names[i]))
            continue;
        p->tmpl->n_filters++;
        p->at += name.len;
        filter->kind = (enum kb_filter_kind)i;
        return (filter->kind != KB_FILTER_DEFAULT || parse_default(p, filter)) &&
               check_json_place(p, first, filter, at);
    }
    const char *meant = kb_suggest(name, kb_filter_names, KB_FILTER_COUNT);
    if (meant)
        return fail(
            p, p->at, "unknown filter '" KB_FMT "'; did you mean '%s'?", KB_ARG(name), meant);
    return fail(p, p->at, "unknown filter '" KB_FMT "'; known are " FILTERS_HELP, KB_ARG(name));
}

/* What follows `#{`, the closing brace included. */
static bool parse_placeholder(struct parser *p)
{
    struct kb_template *tmpl = p->tmpl;
    struct kb_part *part = &tmpl->parts[tmpl->n_parts++];
    size_t first_filter = tmpl->n_filters;
    skip_space(p);
    if (!parse_reference(p, part))
        return false;
    for (skip_space(p); !take(p, '}'); skip_space(p)) {
        if (p->at == p->end)
            return fail(p, p->at, "'}' expected");
        if (!take(p, '|'))
            return fail(p, p->at, "'|' or '}' expected");
        if (!parse_filter(p, tmpl->filters + first_filter))
            return false;
    }
    part->filters = tmpl->filters + first_filter;
    part->n_filters = tmpl->n_filters - first_filter;
    return true;
}

/* So that every literal and default is text, and what is rendered from text is text. */
static bool check_utf8(struct parser *p)
{
    size_t good = kb_utf8_prefix((struct kb_slice){p->tmpl->text, p->tmpl->len});
    return good == p->tmpl->len || fail(p, p->tmpl->text + good, "this is not UTF-8");
}

bool kb_template_parse(struct kb_template *tmpl, struct kb_paths *key_paths,
    struct kb_paths *value_paths, struct kb_err *err)
{
    struct parser p = {tmpl, tmpl->text, tmpl->text + tmpl->len, key_paths, value_paths, err};
    if (!check_utf8(&p))
        return false;
    while (p.at < p.end) {
        const char *open = memmem(p.at, (size_t)(p.end - p.at), "#{", 2);
        const char *literal_end = open ? open : p.end;
        if (literal_end > p.at)
            tmpl->parts[tmpl->n_parts++] = (struct kb_part){
                .kind = KB_PART_LITERAL, .text = {p.at, (size_t)(literal_end - p.at)}};
        p.at = literal_end;
        if (open) {
            p.at += 2;
            if (!parse_placeholder(&p))
                return false;
        }
    }
    return true;
}
