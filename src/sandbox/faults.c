/* See faults.h. The list is read with the same JSON reader as everything else and is strict: an
 * unknown key or a combination that means nothing is an error, as a test whose fault silently does
 * nothing would pass. */
#include "sandbox/faults.h"

#include "sandbox/tokens.h"
#include "value/json.h"

#define FAULTS_MAX 256
#define FAULT_HEADERS 8
#define ARENA_MAX ((size_t)1 << 20)
#define ANY_SPEC (-1)
#define FOR_EVER (-1)

struct fault {
    struct kb_slice channel, path, message; /* ptr NULL = not given */
    int64_t status, code, delay_ms, spec, times, seconds;
    enum kb_cut cut;
    struct {
        struct kb_slice name, value;
    } headers[FAULT_HEADERS];
    size_t n_headers;
    int64_t set_ms;
    uint64_t met;
};

struct kb_faults {
    struct fault *list;
    size_t n;
    struct kb_arena arena; /* the texts */
};

static const struct {
    const char *name;
    enum kb_cut cut;
} cuts[] = {{"before", KB_CUT_BEFORE}, {"after", KB_CUT_AFTER}, {"middle", KB_CUT_MIDDLE}};

/* The keys, once: text or number, and where the value goes. */
static const struct {
    const char *name;
    size_t offset;
    bool number;
} members[] = {
    {"channel", offsetof(struct fault, channel), false},
    {"path", offsetof(struct fault, path), false},
    {"message", offsetof(struct fault, message), false},
    {"status", offsetof(struct fault, status), true},
    {"code", offsetof(struct fault, code), true},
    {"delay_ms", offsetof(struct fault, delay_ms), true},
    {"spec", offsetof(struct fault, spec), true},
    {"times", offsetof(struct fault, times), true},
    {"seconds", offsetof(struct fault, seconds), true},
};

struct kb_faults *kb_faults_new(void)
{
    struct kb_faults *faults = calloc(1, sizeof(*faults));

    if (faults)
        kb_arena_init(&faults->arena, ARENA_MAX);
    return faults;
}

void kb_faults_clear(struct kb_faults *faults)
{
    free(faults->list);
    faults->list = NULL;
    faults->n = 0;
    kb_arena_reset(&faults->arena);
}

void kb_faults_free(struct kb_faults *faults)
{
    if (!faults)
        return;
    kb_faults_clear(faults);
    kb_arena_deinit(&faults->arena);
    free(faults);
}

/* --- reading the list --- */

struct reader {
    struct kb_tokens tokens;
    struct kb_faults *faults; /* being built */
    struct fault *fault;
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
    struct fault *list;

    if (faults->n == FAULTS_MAX)
        return complain(r, "too many (256 at most)");
    list = realloc(faults->list, (faults->n + 1) * sizeof(*list));
    if (!list)
        return complain(r, "out of memory");
    faults->list = list;
    r->fault = &list[faults->n++];
    *r->fault = (struct fault){.spec = ANY_SPEC, .times = FOR_EVER, .seconds = FOR_EVER};
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
        if (members[i].number) {
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
    struct fault *fault = r->fault;

    if (token == KB_TOKEN_OBJECT_END) {
        r->in_headers = false;
    } else if (token == KB_TOKEN_KEY) {
        r->header = keep(r, text);
    } else if (token != KB_TOKEN_STRING && token != KB_TOKEN_NUMBER) {
        complain(r, "a header must be a string");
    } else if (fault->n_headers == FAULT_HEADERS) {
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
    struct fault *fault = r->fault;

    r->key[0] = '\0';
    if (fault->code && !fault->status)
        fault->status = is_status(fault->code / 100) ? fault->code / 100 : 400;
    if (fault->status && !fault->code)
        fault->code = fault->status * 100;
    if (fault->status && !is_status(fault->status))
        complain(r, "status must be 300 to 599");
    if (fault->code > 999999)
        complain(r, "code must be one of Ably's, such as 42911");
    if (!fault->status && !fault->delay_ms && !fault->cut && !fault->n_headers)
        complain(r, "does nothing: give status, code, delay_ms, cut or headers");
    if (fault->status && fault->cut)
        complain(r, "either status or cut: one request can't meet both");
    if (fault->spec != ANY_SPEC && !fault->status)
        complain(r, "spec needs a status or a code");
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

    kb_arena_init(&next.arena, ARENA_MAX);
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

static void print_headers(struct kb_buf *out, const struct fault *fault)
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

static void print_fault(struct kb_buf *out, const struct fault *fault)
{
    kb_buf_byte(out, '{');
    print_text(out, "channel", fault->channel);
    print_text(out, "path", fault->path);
    print_number(out, "status", fault->status, 0);
    print_number(out, "code", fault->code, 0);
    print_text(out, "message", fault->message);
    print_headers(out, fault);
    print_number(out, "delay_ms", fault->delay_ms, 0);
    for (size_t i = 0; i < KB_COUNT(cuts); i++) {
        if (fault->cut == cuts[i].cut)
            print_text(out, "cut", kb_slice_of(cuts[i].name));
    }
    print_number(out, "spec", fault->spec, ANY_SPEC);
    print_number(out, "times", fault->times, FOR_EVER);
    print_number(out, "seconds", fault->seconds, FOR_EVER);
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

/* --- meeting them --- */

static bool active(const struct fault *fault, const struct kb_exchange *x, int64_t now_ms)
{
    if (fault->times != FOR_EVER && fault->met >= (uint64_t)fault->times)
        return false;
    if (fault->seconds != FOR_EVER && now_ms - fault->set_ms >= fault->seconds * 1000)
        return false;
    return !fault->path.ptr || kb_slice_eq(fault->path, x->path);
}

static struct kb_slice fault_text(const struct fault *fault)
{
    return fault->message.ptr ? fault->message : KB_S("a fault asked for through /_control/faults");
}

/* What a fault does whatever else it does. */
static void meet(struct fault *fault, struct kb_exchange *x)
{
    fault->met++;
    x->delay_ms += fault->delay_ms;
    if (fault->cut != KB_CUT_NONE)
        x->cut = fault->cut;
    for (size_t i = 0; i < fault->n_headers; i++)
        kb_exchange_add_header(x, fault->headers[i].name, fault->headers[i].value);
}

static void refuse_request(const struct fault *fault, struct kb_exchange *x)
{
    kb_exchange_error(x, (int)fault->status, (int)fault->code, KB_FMT, KB_ARG(fault_text(fault)));
    if (fault->code == 42922)
        kb_buf_reset(&x->answer);
}

bool kb_faults_meet_request(struct kb_faults *faults, struct kb_exchange *x, int64_t now_ms)
{
    for (size_t i = 0; i < faults->n; i++) {
        struct fault *fault = &faults->list[i];
        if (fault->channel.ptr || fault->spec != ANY_SPEC || !active(fault, x, now_ms))
            continue;
        meet(fault, x);
        if (fault->status)
            refuse_request(fault, x);
        if (fault->status || fault->cut == KB_CUT_BEFORE)
            return true;
    }
    return false;
}

static bool names_channel(const struct kb_posted *posted, struct kb_slice name)
{
    for (const struct kb_posted_spec *spec = posted->specs; spec; spec = spec->next) {
        for (const struct kb_posted_channel *ch = spec->channels; ch; ch = ch->next) {
            if (kb_slice_eq(ch->name, name))
                return true;
        }
    }
    return false;
}

bool kb_faults_meet_channels(
    struct kb_faults *faults, struct kb_exchange *x, const struct kb_posted *posted, int64_t now_ms)
{
    for (size_t i = 0; i < faults->n; i++) {
        struct fault *fault = &faults->list[i];
        if (!fault->channel.ptr || fault->status || !active(fault, x, now_ms) ||
            !names_channel(posted, fault->channel))
            continue;
        meet(fault, x);
        if (fault->cut == KB_CUT_BEFORE)
            return true;
    }
    return false;
}

struct kb_refusal kb_faults_meet_spec(struct kb_faults *faults, struct kb_exchange *x, size_t spec,
    struct kb_slice channel, int64_t now_ms)
{
    for (size_t i = 0; i < faults->n; i++) {
        struct fault *fault = &faults->list[i];
        bool narrowed = fault->channel.ptr || fault->spec != ANY_SPEC;
        if (!narrowed || !fault->status || !active(fault, x, now_ms))
            continue;
        if (fault->channel.ptr && !kb_slice_eq(fault->channel, channel))
            continue;
        if (fault->spec != ANY_SPEC && (size_t)fault->spec != spec)
            continue;
        meet(fault, x);
        return (struct kb_refusal){(int)fault->status, (int)fault->code, fault_text(fault)};
    }
    return (struct kb_refusal){0};
}
