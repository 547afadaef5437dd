/* A list of faults as JSON; see faults.h. It is read with the same JSON reader as everything else
 * and is strict: an unknown key or a combination that means nothing is an error, as a test whose
 * fault silently does nothing would pass. */
#include "sandbox/faults_inside.h"

#include "sandbox/tokens.h"
#include "value/json.h"

#define FAULTS_MAX 256

static const struct {
    const char *name;
    enum kb_cut cut;
} cuts[] = {{"before", KB_CUT_BEFORE}, {"after", KB_CUT_AFTER}, {"middle", KB_CUT_MIDDLE}};

/* The keys, once: text, number or true, and where the value goes. */
static const struct {
    const char *name;
    size_t offset;
    enum { TEXT, NUMBER, TRUTH } kind;
} members[] = {
    {"channel", offsetof(struct kb_fault, channel), TEXT},
    {"path", offsetof(struct kb_fault, path), TEXT},
    {"message", offsetof(struct kb_fault, message), TEXT},
    {"body", offsetof(struct kb_fault, body), TEXT},
    {"type", offsetof(struct kb_fault, type), TEXT},
    {"whole", offsetof(struct kb_fault, whole), TRUTH},
    {"status", offsetof(struct kb_fault, status), NUMBER},
    {"code", offsetof(struct kb_fault, code), NUMBER},
    {"delay_ms", offsetof(struct kb_fault, delay_ms), NUMBER},
    {"spec", offsetof(struct kb_fault, spec), NUMBER},
    {"times", offsetof(struct kb_fault, times), NUMBER},
    {"seconds", offsetof(struct kb_fault, seconds), NUMBER},
    {"rate", offsetof(struct kb_fault, rate), NUMBER},
};

/* --- reading the list --- */

struct reader {
    struct kb_tokens tokens;
    struct kb_faults *faults; /* being built */
    struct kb_fault *fault;
    char key[32];
    bool in_list, in_headers, failed;
    struct kb_slice header;
    struct kb_err *err;
};

static void complain(struct reader *r, const char *what)
{
    if (r->failed)
        return;
    r->failed = true;
    if (r->fault)
        kb_err_config(r->err, "fault %zu: %s: %s", r->faults->n - 1, r->key, what);
    else
        kb_err_config(r->err, "faults: %s", what);
}

static struct kb_slice keep(struct reader *r, struct kb_slice text)
{
    struct kb_slice kept = KB_S("");

    if (!kb_arena_copy(&r->faults->arena, text, &kept))
        complain(r, "too long");
    return kept;
}

static void add_fault(struct reader *r)
{
    struct kb_faults *faults = r->faults;
    struct kb_fault *list;

    if (faults->n == FAULTS_MAX)
        return complain(r, "too many (256 at most)");
    list = realloc(faults->list, (faults->n + 1) * sizeof(*list));
    if (!list)
        return complain(r, "out of memory");
    faults->list = list;
    r->fault = &list[faults->n++];
    *r->fault = (struct kb_fault){
        .spec = KB_FAULT_ANY_SPEC, .times = KB_FAULT_FOR_EVER, .seconds = KB_FAULT_FOR_EVER};
    r->key[0] = '\0';
}

static void take_cut(struct reader *r, struct kb_slice text)
{
    for (size_t i = 0; i < KB_COUNT(cuts); i++) {
        if (kb_slice_is(text, cuts[i].name))
            r->fault->cut = cuts[i].cut;
    }
    if (r->fault->cut == KB_CUT_NONE)
        complain(r, "must be \"before\", \"after\" or \"middle\"");
}

static void take_member(struct reader *r, enum kb_token token, struct kb_slice text)
{
    if (strcmp(r->key, "cut") == 0 && token == KB_TOKEN_STRING)
        return take_cut(r, text);
    if (strcmp(r->key, "headers") == 0 && token == KB_TOKEN_OBJECT) {
        r->in_headers = true;
        return;
    }
    for (size_t i = 0; i < KB_COUNT(members); i++) {
        void *member = (char *)r->fault + members[i].offset;
        if (strcmp(r->key, members[i].name) != 0)
            continue;
        if (members[i].kind == TRUTH) {
            if (token != KB_TOKEN_BOOL || !kb_slice_is(text, "true"))
                complain(r, "must be true");
            *(bool *)member = true;
        } else if (members[i].kind == NUMBER) {
            if (token != KB_TOKEN_NUMBER || text.len > 9 || !kb_exchange_number(text, member))
                complain(r, "must be a whole number of at most 9 digits");
        } else if (token == KB_TOKEN_STRING) {
            *(struct kb_slice *)member = keep(r, text);
        } else {
            complain(r, "must be a string");
        }
        return;
    }
    complain(r, "unknown key, or a value of the wrong type");
}

static void take_header(struct reader *r, enum kb_token token, struct kb_slice text)
{
    struct kb_fault *fault = r->fault;

    if (token == KB_TOKEN_OBJECT_END) {
        r->in_headers = false;
    } else if (token == KB_TOKEN_KEY) {
        r->header = keep(r, text);
    } else if (token != KB_TOKEN_STRING && token != KB_TOKEN_NUMBER) {
        complain(r, "a header must be a string");
    } else if (fault->n_headers == KB_FAULT_HEADERS) {
        complain(r, "too many");
    } else {
        fault->headers[fault->n_headers].name = r->header;
        fault->headers[fault->n_headers++].value = keep(r, text);
    }
}

static bool is_status(int64_t status)
{
    return status >= 300 && status <= 599;
}

/* The defaults and what must fit together, at the end of one fault. */
static void finish_fault(struct reader *r)
{
    struct kb_fault *fault = r->fault;

    r->key[0] = '\0';
    if (fault->rate && !fault->code && !fault->status)
        fault->code = 42913;
    if (fault->code && !fault->status)
        fault->status = is_status(fault->code / 100) ? fault->code / 100 : 400;
    if (fault->status && !fault->code)
        fault->code = fault->status * 100;
    bool good = fault->body.ptr && fault->status >= 200 && fault->status <= 299;
    if (fault->status && !good && !is_status(fault->status))
        complain(r, "status must be 300 to 599, or with a body 200 to 299");
    if ((fault->body.ptr || fault->type.ptr || fault->whole) && !fault->status)
        complain(r, "body, type and whole need a status or a code");
    if (fault->whole && !fault->channel.ptr)
        complain(r, "whole needs a channel");
    if (fault->body.ptr &&
        (fault->spec != KB_FAULT_ANY_SPEC || (fault->channel.ptr && !fault->whole)))
        complain(r, "a body answers a request, not a spec: no spec, and a channel only with whole");
    if (fault->code > 999999)
        complain(r, "code must be one of Ably's, such as 42911");
    if (!fault->status && !fault->delay_ms && !fault->cut && !fault->n_headers)
        complain(r, "does nothing: give status, code, delay_ms, cut or headers");
    if (fault->status && fault->cut)
        complain(r, "either status or cut: one request can't meet both");
    if (fault->spec != KB_FAULT_ANY_SPEC && !fault->status)
        complain(r, "spec needs a status or a code");
    if (fault->rate && (fault->whole || fault->path.ptr))
        complain(r, "rate counts specs, whatever they came in: neither whole nor path");
    kb_rates_init(&fault->taken, (double)fault->rate);
    r->fault = NULL;
}

static void take(struct kb_tokens *tokens, enum kb_token token, struct kb_slice text)
{
    struct reader *r = (struct reader *)tokens;

    if (r->failed)
        return;
    if (r->in_headers) {
        take_header(r, token, text);
    } else if (r->fault && token == KB_TOKEN_KEY) {
        snprintf(r->key, sizeof(r->key), KB_FMT, KB_ARG(text));
    } else if (r->fault && token == KB_TOKEN_OBJECT_END) {
        finish_fault(r);
    } else if (r->fault) {
        take_member(r, token, text);
    } else if (r->in_list && token == KB_TOKEN_OBJECT) {
        add_fault(r);
    } else if (!r->in_list && token == KB_TOKEN_ARRAY) {
        r->in_list = true;
    } else if (token != KB_TOKEN_ARRAY_END) {
        complain(r, "must be an array of objects");
    }
}

bool kb_faults_set(
    struct kb_faults *faults, struct kb_slice json, int64_t now_ms, struct kb_err *err)
{
    struct kb_faults next = {0};
    struct reader r = {.faults = &next, .err = err};

    kb_arena_init(&next.arena, KB_FAULTS_ARENA_MAX);
    kb_tokens_init(&r.tokens, take);
    if (!kb_json_read(json, &r.tokens.events, err) || r.failed) {
        kb_faults_clear(&next);
        kb_arena_deinit(&next.arena);
        return false;
    }
    for (size_t i = 0; i < next.n; i++)
        next.list[i].set_ms = now_ms;
    kb_faults_clear(faults);
    kb_arena_deinit(&faults->arena);
    *faults = next;
    return true;
}

/* --- printing it --- */

static void print_text(struct kb_buf *out, const char *key, struct kb_slice text)
{
    if (!text.ptr)
        return;
    kb_buf_printf(out, "\"%s\":", key);
    kb_json_string(out, text);
    kb_buf_byte(out, ',');
}

static void print_number(struct kb_buf *out, const char *key, int64_t number, int64_t absent)
{
    if (number != absent)
        kb_buf_printf(out, "\"%s\":%lld,", key, (long long)number);
}

static void print_headers(struct kb_buf *out, const struct kb_fault *fault)
{
    if (fault->n_headers == 0)
        return;
    kb_buf_add(out, KB_S("\"headers\":{"));
    for (size_t i = 0; i < fault->n_headers; i++) {
        if (i > 0)
            kb_buf_byte(out, ',');
        kb_json_string(out, fault->headers[i].name);
        kb_buf_byte(out, ':');
        kb_json_string(out, fault->headers[i].value);
    }
    kb_buf_add(out, KB_S("},"));
}

static void print_fault(struct kb_buf *out, const struct kb_fault *fault)
{
    kb_buf_byte(out, '{');
    print_text(out, "channel", fault->channel);
    print_text(out, "path", fault->path);
    print_number(out, "status", fault->status, 0);
    print_number(out, "code", fault->code, 0);
    print_text(out, "message", fault->message);
    print_text(out, "body", fault->body);
    print_text(out, "type", fault->type);
    if (fault->whole)
        kb_buf_add(out, KB_S("\"whole\":true,"));
    print_headers(out, fault);
    print_number(out, "delay_ms", fault->delay_ms, 0);
    for (size_t i = 0; i < KB_COUNT(cuts); i++) {
        if (fault->cut == cuts[i].cut)
            print_text(out, "cut", kb_slice_of(cuts[i].name));
    }
    print_number(out, "spec", fault->spec, KB_FAULT_ANY_SPEC);
    print_number(out, "times", fault->times, KB_FAULT_FOR_EVER);
    print_number(out, "seconds", fault->seconds, KB_FAULT_FOR_EVER);
    print_number(out, "rate", fault->rate, 0);
    kb_buf_printf(out, "\"met\":%llu}", (unsigned long long)fault->met);
}

void kb_faults_print(const struct kb_faults *faults, struct kb_buf *out)
{
    kb_buf_byte(out, '[');
    for (size_t i = 0; i < faults->n; i++) {
        if (i > 0)
            kb_buf_byte(out, ',');
        print_fault(out, &faults->list[i]);
    }
    kb_buf_byte(out, ']');
}
