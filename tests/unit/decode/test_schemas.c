/* The registry's client against a door that a test answers by hand: who is asked for what and when,
 * and what each answer means. */
#include "decode/decoder.h"
#include "decode/schema_cache.h"
#include "decode/schemas.h"
#include "value/json.h"

#include "support/prop.h"

#define ASKED_MAX 16

struct door {
    struct kb_transport transport;
    struct kb_http_request *open[ASKED_MAX];
    size_t n_open, asked;
    struct kb_http_request *ended; /* the next `done` gives it */
};

static bool submit(struct kb_transport *tr, struct kb_http_request *req, struct kb_err *err)
{
    struct door *door = (struct door *)tr;
    (void)err;
    assert_true(door->n_open < ASKED_MAX);
    door->open[door->n_open++] = req;
    door->asked++;
    return true;
}

static void take_out(struct door *door, struct kb_http_request *req)
{
    for (size_t i = 0; i < door->n_open; i++)
        if (door->open[i] == req)
            door->open[i] = door->open[--door->n_open];
}

static struct kb_http_request *done(struct kb_transport *tr)
{
    struct door *door = (struct door *)tr;
    struct kb_http_request *req = door->ended;
    door->ended = NULL;
    if (req)
        take_out(door, req);
    return req;
}

static void cancel(struct kb_transport *tr, struct kb_http_request *req)
{
    take_out((struct door *)tr, req);
}

struct fixture {
    struct door door;
    struct kb_random_seeded random;
    struct kb_schemas *schemas;
    int64_t now;
};

static void set_up(struct fixture *f, const char *urls)
{
    static const struct kb_transport_ops ops = {submit, done, cancel};
    struct kb_err err;
    struct kb_registry_options options = {.urls = urls};
    *f = (struct fixture){.door.transport.ops = &ops, .now = 1000};
    kb_random_seed(&f->random, 7);
    f->schemas = kb_schemas_new(&options, &f->door.transport, &f->random.random, &err);
    assert_non_null(f->schemas);
    kb_schemas_step(f->schemas, f->now);
}

static void step(struct fixture *f, int64_t ms)
{
    f->now += ms;
    kb_schemas_step(f->schemas, f->now);
}

static enum kb_schemas_result get(struct fixture *f, uint32_t id, struct kb_err *err)
{
    struct kb_schema *schema;
    struct kb_schema_key key = {.id = id};
    return kb_schemas_get(f->schemas, &key, &schema, err);
}

static void expect_state(struct fixture *f, uint32_t id, enum kb_schemas_result wanted)
{
    struct kb_err err = {0};
    enum kb_schemas_result got = get(f, id, &err);
    if (got != wanted)
        fail_msg("schema %u: state %d, not %d: %s", id, got, wanted, err.text);
}

/* A schema is asked for at the first address. */
static void set_up_asking(struct fixture *f, const char *urls, uint32_t id)
{
    set_up(f, urls);
    expect_state(f, id, KB_SCHEMA_AWAITED);
    step(f, 0);
}

static struct kb_http_request *open_request(struct fixture *f, const char *url)
{
    for (size_t i = 0; i < f->door.n_open; i++)
        if (strcmp(f->door.open[i]->url, url) == 0)
            return f->door.open[i];
    fail_msg("nobody asks for %s (%zu requests are open, the first is %s)", url, f->door.n_open,
        f->door.n_open ? f->door.open[0]->url : "-");
    return NULL;
}

static void answer(struct fixture *f, const char *url, int status, const char *body)
{
    struct kb_http_request *req = open_request(f, url);
    req->reply = (struct kb_http_reply){.status = status, .body = kb_slice_of(body)};
    if (status == 0)
        kb_err_outage(&req->reply.err, "connection refused");
    f->door.ended = req;
    step(f, 1);
}

#define ANSWER_LONG "{\"schema\":\"\\\"long\\\"\"}"
#define REFERS_TO_A \
    "{\"schema\":\"\\\"A\\\"\",\"references\":[{\"name\":\"A\",\"subject\":\"a\",\"version\":1}]}"
#define URL_OF_A "http://r/subjects/a/versions/1?deleted=true"
#define NOT_FOUND "{\"error_code\":40403,\"message\":\"Schema 9 not found\"}"

static void test_one_request_for_an_id(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, "http://r:8081/");
    for (int i = 0; i < 5; i++)
        expect_state(&f, 7, KB_SCHEMA_AWAITED);
    step(&f, 0);
    step(&f, 5000);
    expect_state(&f, 7, KB_SCHEMA_AWAITED);
    assert_int_equal(f.door.asked, 1);
    uint64_t changes = kb_schemas_changes(f.schemas);
    answer(&f, "http://r:8081/schemas/ids/7", 200, ANSWER_LONG);
    expect_state(&f, 7, KB_SCHEMA_THERE);
    assert_int_equal(kb_schemas_changes(f.schemas), changes + 1);
    assert_int_equal(kb_schemas_wake_ms(f.schemas), INT64_MAX);
    assert_int_equal(f.door.asked, 1);
    kb_schemas_free(f.schemas);
}

/* An outage never becomes the record's fault, however long it takes. */
static void test_outages(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
    } outages[] = {{0, ""}, {500, ""}, {503, NOT_FOUND}, {429, ""}, {401, "{\"error_code\":401}"},
        {403, ""}, {302, ""}, {200, "<html>"}, {200, "{}"}, {200, "{\"schema\":7}"},
        {404, "<html>no such page</html>"}, {404, "{\"error\":\"x\"}"}, {400, NOT_FOUND}};
    struct fixture f;
    set_up(&f, "http://r");
    expect_state(&f, 7, KB_SCHEMA_AWAITED);
    for (size_t i = 0; i < KB_COUNT(outages); i++) {
        step(&f, 0);
        answer(&f, "http://r/schemas/ids/7", outages[i].status, outages[i].body);
        expect_state(&f, 7, KB_SCHEMA_AWAITED);
        assert_int_equal(f.door.n_open, 0);
        int64_t wait = kb_schemas_wake_ms(f.schemas) - f.now;
        assert_in_range(wait, 100, 5000);
        step(&f, wait - 1);
        assert_int_equal(f.door.n_open, 0);
        step(&f, 1);
        assert_int_equal(f.door.n_open, 1);
    }
    struct kb_schemas_status status = kb_schemas_status(f.schemas);
    assert_true(status.outage);
    assert_int_equal(status.outage_since_ms, 1001);
    assert_int_equal(status.outage_tries, KB_COUNT(outages));
    assert_string_equal(status.outage_text, "http://r: schema 7: HTTP 400: Schema 9 not found");
    answer(&f, "http://r/schemas/ids/7", 200, ANSWER_LONG);
    expect_state(&f, 7, KB_SCHEMA_THERE);
    assert_false(kb_schemas_status(f.schemas).outage);
    kb_schemas_free(f.schemas);
}

static void test_unknown_ids(void **state)
{
    (void)state;
    struct fixture f;
    struct kb_err err;
    set_up_asking(&f, "http://r", 9);
    answer(&f, "http://r/schemas/ids/9", 404, NOT_FOUND);
    assert_int_equal(get(&f, 9, &err), KB_SCHEMA_REFUSED);
    assert_int_equal(err.class, KB_ERR_RECORD);
    assert_int_equal(err.failure, KB_FAILURE_DECODE);
    assert_int_equal(err.code, KB_SCHEMA_UNKNOWN_CODE);
    assert_string_equal(err.text, "schema 9: the registry does not know it: Schema 9 not found");
    step(&f, KB_SCHEMA_REFUSED_MS - 10);
    expect_state(&f, 9, KB_SCHEMA_REFUSED);
    assert_int_equal(f.door.asked, 1);
    step(&f, 10); /* it may have been registered meanwhile */
    expect_state(&f, 9, KB_SCHEMA_AWAITED);
    step(&f, 0);
    answer(&f, "http://r/schemas/ids/9", 200, ANSWER_LONG);
    expect_state(&f, 9, KB_SCHEMA_THERE);
    kb_schemas_free(f.schemas);
}

/* A proxy before a registry that has answered for days may say 404 while it restarts: only the
 * registry's own words deny a schema. */
static void test_a_404_of_somebody_else(void **state)
{
    (void)state;
    static const char *const others[] = {"nothing here", "{}", "{\"error_code\":404}",
        "{\"error_code\":50001,\"message\":\"x\"}", "{\"message\":\"no Route matched\"}"};
    struct fixture f;
    set_up_asking(&f, "http://r", 7);
    answer(&f, "http://r/schemas/ids/7", 200, ANSWER_LONG);
    expect_state(&f, 7, KB_SCHEMA_THERE);
    expect_state(&f, 10, KB_SCHEMA_AWAITED);
    for (size_t i = 0; i < KB_COUNT(others); i++) {
        step(&f, 5000);
        answer(&f, "http://r/schemas/ids/10", 404, others[i]);
        expect_state(&f, 10, KB_SCHEMA_AWAITED);
        assert_true(kb_schemas_status(f.schemas).outage);
    }
    step(&f, 5000);
    answer(&f, "http://r/schemas/ids/10", 404, NOT_FOUND);
    expect_state(&f, 10, KB_SCHEMA_REFUSED);
    kb_schemas_free(f.schemas);
}

static void test_what_does_not_compile(void **state)
{
    (void)state;
    struct fixture f;
    struct kb_err err;
    set_up(&f, "http://r");
    expect_state(&f, 1, KB_SCHEMA_AWAITED);
    expect_state(&f, 2, KB_SCHEMA_AWAITED);
    step(&f, 0);
    answer(&f, "http://r/schemas/ids/1", 200, "{\"schema\":\"\\\"nothing\\\"\"}");
    assert_int_equal(get(&f, 1, &err), KB_SCHEMA_REFUSED);
    assert_int_equal(err.code, 0); /* it is known: format auto must not take it for plain bytes */
    assert_string_equal(err.text, "schema 1: avro schema: there is no type \"nothing\"");
    answer(&f, "http://r/schemas/ids/2", 200, "{\"schemaType\":\"XML\",\"schema\":\"\"}");
    assert_int_equal(get(&f, 2, &err), KB_SCHEMA_REFUSED);
    assert_string_equal(err.text, "schema 2: schemas of type XML are not read");
    kb_schemas_free(f.schemas);
}

/* Depth first, each once, subjects escaped; the whole is awaited until the last is there. */
static void test_references(void **state)
{
    (void)state;
    struct fixture f;
    set_up_asking(&f, "http://r", 7);
    answer(&f, "http://r/schemas/ids/7", 200,
        "{\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"O\\\",\\\"fields\\\":[{"
        "\\\"name\\\":\\\"a\\\",\\\"type\\\":\\\"A\\\"},{\\\"name\\\":\\\"b\\\",\\\"type\\\":"
        "\\\"B\\\"}]}\",\"references\":[{\"name\":\"B\",\"subject\":\"b/ü\",\"version\":2},{"
        "\"name\":\"A\",\"subject\":\"a\",\"version\":1}]}");
    expect_state(&f, 7, KB_SCHEMA_AWAITED);
    answer(&f, "http://r/subjects/b%2F%C3%BC/versions/2?deleted=true", 200,
        "{\"schema\":\"{\\\"type\\\":\\\"array\\\",\\\"items\\\":\\\"A\\\"}\",\"references\":[{"
        "\"name\":\"A\",\"subject\":\"a\",\"version\":1}]}");
    answer(&f, URL_OF_A, 503, "");
    expect_state(&f, 7, KB_SCHEMA_AWAITED);
    step(&f, 5000);
    answer(&f, URL_OF_A, 200,
        "{\"schema\":\"{\\\"type\\\":\\\"enum\\\",\\\"name\\\":\\\"A\\\",\\\"symbols\\\":[]}\"}");
    struct kb_err err;
    assert_int_equal(get(&f, 7, &err), KB_SCHEMA_REFUSED); /* B is an array: it has no name */
    assert_non_null(strstr(err.text, "there is no type \"B\""));
    assert_int_equal(f.door.asked, 4);
    kb_schemas_free(f.schemas);
}

/* Of a name that is referred to in two versions the first counts, depth first, as it does for the
 * serializers. */
static void test_a_reference_in_two_versions(void **state)
{
    (void)state;
    struct fixture f;
    set_up_asking(&f, "http://r", 7);
    answer(&f, "http://r/schemas/ids/7", 200,
        "{\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"O\\\",\\\"fields\\\":[{"
        "\\\"name\\\":\\\"a\\\",\\\"type\\\":\\\"A\\\"},{\\\"name\\\":\\\"b\\\",\\\"type\\\":"
        "\\\"B\\\"}]}\",\"references\":[{\"name\":\"B\",\"subject\":\"b\",\"version\":1},{"
        "\"name\":\"A\",\"subject\":\"a\",\"version\":2}]}");
    answer(&f, "http://r/subjects/b/versions/1?deleted=true", 200,
        "{\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"B\\\",\\\"fields\\\":[{"
        "\\\"name\\\":\\\"a\\\",\\\"type\\\":\\\"A\\\"}]}\",\"references\":[{"
        "\"name\":\"A\",\"subject\":\"a\",\"version\":1}]}");
    answer(&f, "http://r/subjects/a/versions/2?deleted=true", 200,
        "{\"schema\":\"{\\\"type\\\":\\\"fixed\\\",\\\"name\\\":\\\"A\\\",\\\"size\\\":9}\"}");
    answer(&f, URL_OF_A, 200,
        "{\"schema\":\"{\\\"type\\\":\\\"fixed\\\",\\\"name\\\":\\\"A\\\",\\\"size\\\":1}\"}");
    struct kb_err err;
    if (get(&f, 7, &err) != KB_SCHEMA_THERE)
        fail_msg("%s", err.text);
    kb_schemas_free(f.schemas);
}

/* The id is known, what it refers to is not: format auto must not take the record for plain bytes.
 */
static void test_an_unknown_reference(void **state)
{
    (void)state;
    struct fixture f;
    struct kb_err err;
    set_up_asking(&f, "http://r", 7);
    answer(&f, "http://r/schemas/ids/7", 200, REFERS_TO_A);
    answer(&f, URL_OF_A, 404, "{\"error_code\":40401,\"message\":\"no\"}");
    assert_int_equal(get(&f, 7, &err), KB_SCHEMA_REFUSED);
    assert_int_equal(err.code, 0);
    assert_string_equal(
        err.text, "schema 7: a schema it refers to: the registry does not know it: no");
    kb_schemas_free(f.schemas);
}

/* Under auto, the JSON of what is 8 bytes with the id of `schema`, or NULL where it is plain bytes.
 */
static void expect_auto(struct kb_slice raw, const char *schema, const char *json)
{
    struct fixture f;
    struct kb_err err = {0};
    struct kb_value value;
    struct kb_buf text, heard;
    struct kb_json_writer sink;
    struct kb_format_options options = {0};
    set_up_asking(&f, "http://r", 1);
    answer(&f, "http://r/schemas/ids/1", 200, schema);
    kb_buf_init(&text, KB_DECODE_TEXT_MAX);
    kb_buf_init(&heard, 100);
    kb_json_writer_init(&sink, &heard);
    struct kb_decoding with = {
        .options = &options, .text = &text, .sink = &sink.events, .schemas = f.schemas};
    if (!kb_decode(KB_FORMAT_AUTO, raw, &with, &value, &err))
        fail_msg("%s", err.text);
    assert_int_equal(value.form, json ? KB_FORM_JSON : KB_FORM_BYTES);
    assert_slice(value.bytes, json ? kb_slice_of(json) : raw);
    assert_slice(kb_buf_slice(&heard), json ? kb_slice_of(json) : KB_S("\"AAAAAAEBrQA=\""));
    kb_buf_deinit(&text);
    kb_buf_deinit(&heard);
    kb_schemas_free(f.schemas);
}

/* LongSerializer's 16,887,040 begins with a magic 0 and the id 1: what the schema does not take is
 * no failure of a record that may well be good. */
static void test_a_number_that_looks_framed(void **state)
{
    (void)state;
    struct kb_slice number = KB_S("\0\0\0\0\1\1\xad\0");
    expect_auto(number, ANSWER_LONG, NULL);
    expect_auto(
        number, "{\"schema\":\"{\\\"type\\\":\\\"array\\\",\\\"items\\\":\\\"int\\\"}\"}", NULL);
    expect_auto(number, "{\"schema\":\"\\\"nothing\\\"\"}", NULL);
    expect_auto(KB_S("\0\0\0\0\1\xfe\xff\x03"), ANSWER_LONG, "32767");
}

static void test_addresses_in_turn(void **state)
{
    (void)state;
    struct fixture f;
    set_up_asking(&f, "http://a, http://b:1/x/,https://c", 7);
    answer(&f, "http://a/schemas/ids/7", 0, "");
    answer(&f, "http://b:1/x/schemas/ids/7", 500, ""); /* at once, without a wait */
    assert_false(kb_schemas_status(f.schemas).outage);
    answer(&f, "https://c/schemas/ids/7", 500, "");
    assert_int_equal(f.door.n_open, 0); /* all have been asked: now it waits */
    assert_true(kb_schemas_wake_ms(f.schemas) > f.now);
    assert_true(kb_schemas_status(f.schemas).outage);
    step(&f, 5000);
    answer(&f, "http://a/schemas/ids/7", 200, ANSWER_LONG);
    expect_state(&f, 7, KB_SCHEMA_THERE);
    kb_schemas_free(f.schemas);
}

/* Several schemas at once: each asks every address, and the one that answers is the first of those
 * that come later. */
static void test_addresses_in_turn_for_each_schema(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, "http://a,http://b");
    expect_state(&f, 1, KB_SCHEMA_AWAITED);
    expect_state(&f, 2, KB_SCHEMA_AWAITED);
    step(&f, 0);
    answer(&f, "http://a/schemas/ids/1", 503, "");
    answer(&f, "http://a/schemas/ids/2", 503, "");
    answer(&f, "http://b/schemas/ids/1", 200, ANSWER_LONG);
    answer(&f, "http://b/schemas/ids/2", 200, ANSWER_LONG);
    expect_state(&f, 3, KB_SCHEMA_AWAITED);
    step(&f, 0);
    answer(&f, "http://b/schemas/ids/3", 200, ANSWER_LONG);
    assert_int_equal(f.door.asked, 5);
    kb_schemas_free(f.schemas);
}

/* A replica that is behind does not know a schema that another one has. */
static void test_a_replica_that_is_behind(void **state)
{
    (void)state;
    struct fixture f;
    set_up_asking(&f, "http://a,http://b", 9);
    answer(&f, "http://a/schemas/ids/9", 404, NOT_FOUND);
    expect_state(&f, 9, KB_SCHEMA_AWAITED);
    assert_false(kb_schemas_status(f.schemas).outage);
    answer(&f, "http://b/schemas/ids/9", 200, REFERS_TO_A);
    answer(&f, "http://b/subjects/a/versions/1?deleted=true", 404, NOT_FOUND);
    answer(&f, "http://a/subjects/a/versions/1?deleted=true", 200,
        "{\"schema\":\"{\\\"type\\\":\\\"fixed\\\",\\\"name\\\":\\\"A\\\",\\\"size\\\":1}\"}");
    expect_state(&f, 9, KB_SCHEMA_THERE);
    kb_schemas_free(f.schemas);
}

/* None of them knows it: then it is the record's fault. As long as one gives no answer, that may be
 * the one that knows it: an outage, however often the other denies it, and no hurry about it. */
static void test_what_each_address_denies(void **state)
{
    (void)state;
    struct fixture f;
    struct kb_err err;
    set_up(&f, "http://a,http://b");
    expect_state(&f, 9, KB_SCHEMA_AWAITED);
    for (int i = 0; i < 3; i++) {
        step(&f, i == 0 ? 0 : 5000);
        answer(&f, "http://a/schemas/ids/9", 404, NOT_FOUND);
        answer(&f, "http://b/schemas/ids/9", 503, "");
        assert_int_equal(f.door.n_open, 0);
        expect_state(&f, 9, KB_SCHEMA_AWAITED);
        assert_string_equal(
            kb_schemas_status(f.schemas).outage_text, "http://b: schema 9: HTTP 503");
        assert_int_equal(kb_schemas_status(f.schemas).outage_tries, i + 1);
        assert_true(kb_schemas_wake_ms(f.schemas) > f.now + 100);
    }
    step(&f, 5000);
    answer(&f, "http://a/schemas/ids/9", 500, "");
    answer(&f, "http://b/schemas/ids/9", 404, NOT_FOUND); /* the last to be asked, not the first */
    assert_int_equal(f.door.n_open, 0);
    expect_state(&f, 9, KB_SCHEMA_AWAITED);
    assert_string_equal(kb_schemas_status(f.schemas).outage_text, "http://a: schema 9: HTTP 500");
    step(&f, 5000);
    answer(&f, "http://a/schemas/ids/9", 404, NOT_FOUND);
    assert_true(kb_schemas_status(f.schemas).outage);
    answer(&f, "http://b/schemas/ids/9", 404, NOT_FOUND);
    assert_int_equal(get(&f, 9, &err), KB_SCHEMA_REFUSED);
    assert_int_equal(err.code, KB_SCHEMA_UNKNOWN_CODE);
    assert_false(kb_schemas_status(f.schemas).outage);
    kb_schemas_free(f.schemas);
}

/* One answer ends the wait of all, but the outage only when none is left that can't be had. */
static void test_an_outage_ends_for_all(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, "http://r");
    for (uint32_t id = 1; id <= 2; id++)
        expect_state(&f, id, KB_SCHEMA_AWAITED);
    step(&f, 0);
    answer(&f, "http://r/schemas/ids/1", 503, "");
    answer(&f, "http://r/schemas/ids/2", 503, "");
    step(&f, 5000);
    answer(&f, "http://r/schemas/ids/2", 503, "");
    answer(&f, "http://r/schemas/ids/1", 404, NOT_FOUND);
    assert_true(kb_schemas_status(f.schemas).outage);
    answer(&f, "http://r/schemas/ids/2", 200, ANSWER_LONG); /* it was asked for at once */
    assert_false(kb_schemas_status(f.schemas).outage);
    kb_schemas_free(f.schemas);
}

static const char *authorization(const struct kb_http_request *req)
{
    for (const char *const *line = req->headers; *line; line++)
        if (strncmp(*line, "Authorization: ", 15) == 0)
            return *line + 15;
    return NULL;
}

static void change(struct fixture *f, const struct kb_registry_options *options)
{
    struct kb_err err;
    assert_true(kb_schemas_prepare(f->schemas, options, &err));
    kb_schemas_adopt(f->schemas);
}

static void test_credentials(void **state)
{
    (void)state;
    struct fixture f;
    set_up_asking(&f, "http://me:pa%40ss@r:8081/x", 7);
    const char *in_url = authorization(open_request(&f, "http://r:8081/x/schemas/ids/7"));
    assert_string_equal(in_url, "Basic bWU6cGFAc3M="); /* me:pa@ss */
    struct kb_registry_options other = {.urls = "http://s", .auth = "you:t"};
    struct kb_err err;
    assert_true(kb_schemas_prepare(f.schemas, &other, &err));
    kb_schemas_forget(f.schemas); /* nothing has changed */
    kb_schemas_adopt(f.schemas);
    step(&f, 0);
    open_request(&f, "http://r:8081/x/schemas/ids/7");
    change(&f, &other);
    step(&f, 0);
    assert_int_equal(f.door.n_open, 1); /* the old one was given up */
    assert_string_equal(
        authorization(open_request(&f, "http://s/schemas/ids/7")), "Basic eW91OnQ=");
    kb_schemas_free(f.schemas);
    assert_int_equal(f.door.n_open, 0);
}

/* Another registry's ids mean other schemas, and what it doesn't know the other may. The same
 * options change nothing, not even what is being asked. */
static void test_a_change_of_options(void **state)
{
    (void)state;
    struct fixture f;
    struct kb_registry_options same = {.urls = "http://r/"},
                               with = {.urls = "http://r", .auth = "u:p"},
                               other = {.urls = "http://s", .auth = "u:p"};
    set_up(&f, "http://r");
    for (uint32_t id = 1; id <= 3; id++)
        expect_state(&f, id, KB_SCHEMA_AWAITED);
    step(&f, 0);
    answer(&f, "http://r/schemas/ids/1", 200, ANSWER_LONG);
    answer(&f, "http://r/schemas/ids/2", 404, NOT_FOUND);
    change(&f, &same);
    assert_int_equal(f.door.n_open, 1);
    change(&f, &with);
    assert_int_equal(f.door.n_open, 0);
    expect_state(&f, 1, KB_SCHEMA_THERE);
    expect_state(&f, 2, KB_SCHEMA_REFUSED);
    step(&f, 0);
    answer(&f, "http://r/schemas/ids/3", 200, REFERS_TO_A);
    open_request(&f, URL_OF_A);
    change(&f, &other);
    for (uint32_t id = 1; id <= 3; id++)
        expect_state(&f, id, KB_SCHEMA_AWAITED);
    step(&f, 0);
    for (uint32_t id = 1; id <= 3; id++) {
        char url[64];
        snprintf(url, sizeof(url), "http://s/schemas/ids/%u", id);
        answer(&f, url, 200, ANSWER_LONG);
        expect_state(&f, id, KB_SCHEMA_THERE);
    }
    kb_schemas_free(f.schemas);
}

/* The one that is longest unused goes; what is awaited stays. */
static void test_the_cache_is_bounded(void **state)
{
    (void)state;
    struct fixture f;
    char url[64];
    set_up(&f, "http://r");
    for (uint32_t id = 1; id <= KB_SCHEMAS_MAX + 1; id++) {
        expect_state(&f, id, KB_SCHEMA_AWAITED);
        step(&f, 0);
        snprintf(url, sizeof(url), "http://r/schemas/ids/%u", id);
        answer(&f, url, 200, ANSWER_LONG);
        if (id > 1)
            expect_state(&f, 1, KB_SCHEMA_THERE); /* used all the time */
    }
    assert_int_equal(kb_schemas_status(f.schemas).cached, KB_SCHEMAS_MAX);
    expect_state(&f, 1, KB_SCHEMA_THERE);
    expect_state(&f, 3, KB_SCHEMA_THERE);
    expect_state(&f, 2, KB_SCHEMA_AWAITED);
    kb_schemas_free(f.schemas);
}

/* By bytes, too: large schemas that nobody uses go before there are many. */
static void test_the_cache_is_bounded_in_bytes(void **state)
{
    (void)state;
    struct kb_schema_cache cache = {0};
    struct kb_err err;
    struct kb_buf text;
    kb_buf_init(&text, 16u << 20);
    kb_buf_printf(&text, "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"a\"");
    for (int i = 0; i < 50000; i++)
        kb_buf_printf(&text, ",\"symbol_%d\"", i);
    kb_buf_add(&text, KB_S("]}"));
    size_t size = 0;
    uint32_t n = 0;
    while (size * n < 2 * (size_t)KB_SCHEMA_BYTES_MAX) {
        struct kb_schema_key key = {.id = n++};
        struct kb_schema *schema =
            kb_schema_compile(KB_SCHEMA_AVRO, kb_buf_slice(&text), NULL, 0, &err);
        if (!schema)
            fail_msg("%s", err.text);
        size = kb_schema_size(schema);
        assert_true(size > text.len);
        kb_schema_entry_there(&cache, kb_schema_cache_add(&cache, &key, NULL), schema);
        assert_in_range(cache.bytes, size, KB_SCHEMA_BYTES_MAX);
        assert_int_equal(cache.bytes, size * cache.n);
        assert_non_null(kb_schema_cache_find(&cache, &(struct kb_schema_key){.id = 0}));
    }
    assert_true(n > cache.n);
    assert_null(kb_schema_cache_find(&cache, &(struct kb_schema_key){.id = 1}));
    assert_non_null(kb_schema_cache_find(&cache, &(struct kb_schema_key){.id = n - 1}));
    kb_schema_cache_forget(&cache);
    assert_int_equal(cache.bytes, 0);
    kb_schema_cache_deinit(&cache);
    kb_buf_deinit(&text);
}

static void test_lists_of_addresses(void **state)
{
    (void)state;
    struct kb_err err;
    static const char *const good[] = {"http://a", "https://a:1/b , http://c", "http://u:p@a/"};
    static const char *const bad[] = {"", " , ", "a:8081", "ftp://a", "http://", "http:///x",
        "http://a,b",
        ("http://1,http://2,http://3,http://4,http://5,http://6,http://7,http://8,"
         "http://9")};
    for (size_t i = 0; i < KB_COUNT(good); i++)
        assert_true(kb_registry_urls_check(good[i], &err));
    for (size_t i = 0; i < KB_COUNT(bad); i++)
        if (kb_registry_urls_check(bad[i], &err))
            fail_msg("%s was taken", bad[i]);
}

/* What follows would be shown as the address's path: the password's end, and a host of its own. */
static void test_a_password_that_ends_the_address(void **state)
{
    (void)state;
    static const char *const bad[] = {"http://me:hid/den@r", "https://me:hid?den@r:8081/x",
        "http://me:hid#den@r", "http://a,http://me:/hidden@r"};
    struct kb_err err;
    for (size_t i = 0; i < KB_COUNT(bad); i++) {
        struct kb_registry_options options = {.urls = bad[i]};
        struct kb_registry_access access;
        if (kb_registry_access_init(&access, &options, &err))
            fail_msg("%s was taken", bad[i]);
        assert_int_equal(err.class, KB_ERR_CONFIG);
        assert_non_null(strstr(err.text, "write / as %2F"));
        assert_null(strstr(err.text, "hid"));
        assert_null(strstr(err.text, "den"));
    }
    assert_true(kb_registry_urls_check("http://me:hid%2Fd@n@r/x", &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_request_for_an_id),
        cmocka_unit_test(test_outages),
        cmocka_unit_test(test_unknown_ids),
        cmocka_unit_test(test_a_404_of_somebody_else),
        cmocka_unit_test(test_what_does_not_compile),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_a_reference_in_two_versions),
        cmocka_unit_test(test_an_unknown_reference),
        cmocka_unit_test(test_a_number_that_looks_framed),
        cmocka_unit_test(test_addresses_in_turn),
        cmocka_unit_test(test_addresses_in_turn_for_each_schema),
        cmocka_unit_test(test_a_replica_that_is_behind),
        cmocka_unit_test(test_what_each_address_denies),
        cmocka_unit_test(test_an_outage_ends_for_all),
        cmocka_unit_test(test_a_change_of_options),
        cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_the_cache_is_bounded),
        cmocka_unit_test(test_the_cache_is_bounded_in_bytes),
        cmocka_unit_test(test_lists_of_addresses),
        cmocka_unit_test(test_a_password_that_ends_the_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
