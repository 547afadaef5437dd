/* tests/golden/spec.txt: a message and the exact bytes that are sent for it; and what the file
 * can't show. */
#include "ably/spec_msgpack.h"

#include "base/random.h"
#include "golden.h"
#include "value/json.h"
#include "value/msgpack.h"

#define HEADERS_MAX 8

static struct kb_value value_of(
    struct golden *golden, const struct golden_case *c, struct kb_slice text)
{
    static const char *const forms[] = {"null", "text", "bytes", "json"};
    const char *space = memchr(text.ptr, ' ', text.len);
    struct kb_slice form = {text.ptr, space ? (size_t)(space - text.ptr) : text.len};
    struct kb_slice rest = space ? (struct kb_slice){space + 1, text.len - form.len - 1} : KB_S("");
    for (size_t i = 0; i < KB_COUNT(forms); i++)
        if (kb_slice_is(form, forms[i]))
            return (struct kb_value){
                (enum kb_form)i, i == KB_FORM_NULL ? (struct kb_slice){0} : rest};
    golden_fail(golden, c, "no such form:", form);
    return (struct kb_value){0};
}

static void add_header(struct kb_message *msg, struct kb_header *headers, struct kb_slice text)
{
    assert_true(msg->n_headers < HEADERS_MAX);
    const char *equals = memchr(text.ptr, '=', text.len);
    size_t len = equals ? (size_t)(equals - text.ptr) : text.len;
    headers[msg->n_headers++] = (struct kb_header){
        {text.ptr, len}, {equals ? equals + 1 : NULL, equals ? text.len - len - 1 : 0}};
}

static void cut_out(struct kb_buf *buf, const char *words, size_t keep)
{
    char *at = memmem(buf->ptr, buf->len, words, strlen(words));
    if (!at)
        return;
    size_t len = strlen(words) - keep;
    memmove(at, at + len, buf->len - (size_t)(at - buf->ptr) - len);
    buf->len -= len;
}

/* The same message in MessagePack, back as JSON: nothing else, but that bytes are bytes there and
 * have no step base64 in their encoding. */
static void check_msgpack(struct golden *golden, const struct golden_case *c,
    const struct kb_message *msg, struct kb_slice json)
{
    struct kb_buf packed, extras, back, expected;
    struct kb_json_writer writer;
    struct kb_err err;
    kb_buf_init(&packed, 1 << 20);
    kb_buf_init(&extras, 1 << 20);
    kb_buf_init(&back, 1 << 20);
    kb_buf_init(&expected, 1 << 20);
    kb_spec_encode_msgpack(&packed, msg, &extras);
    kb_json_writer_init(&writer, &back);
    if (packed.failed || !kb_msgpack_read(kb_buf_slice(&packed), &writer.events, &err))
        golden_fail(golden, c, "not MessagePack:", kb_slice_of(err.text));
    kb_buf_add(&expected, json);
    if (msg->data.form == KB_FORM_BYTES) {
        assert_non_null(memmem(packed.ptr, packed.len, msg->data.bytes.ptr, msg->data.bytes.len));
        cut_out(&expected, ",\"encoding\":\"base64\"", 0);
        cut_out(&expected, "/base64\"", 1);
    }
    golden_check(golden, c, kb_buf_slice(&expected), kb_buf_slice(&back));
    kb_buf_deinit(&packed);
    kb_buf_deinit(&extras);
    kb_buf_deinit(&back);
    kb_buf_deinit(&expected);
}

static void run_case(struct golden *golden, const struct golden_case *c)
{
    struct kb_header headers[HEADERS_MAX];
    struct kb_message msg = {.channel = KB_S("c"), .id = KB_S("i"), .headers = headers};
    struct kb_slice json = {0}, size = {0};
    for (size_t i = 0; i < c->n; i++) {
        struct kb_slice label, text;
        if (!golden_label(c->lines[i], &label, &text))
            golden_fail(golden, c, "not understood:", c->lines[i]);
        else if (kb_slice_is(label, "channel"))
            msg.channel = text;
        else if (kb_slice_is(label, "id"))
            msg.id = text;
        else if (kb_slice_is(label, "name"))
            msg.name = text;
        else if (kb_slice_is(label, "client_id"))
            msg.client_id = text;
        else if (kb_slice_is(label, "data"))
            msg.data = value_of(golden, c, text);
        else if (kb_slice_is(label, "encoding"))
            msg.encoding = text;
        else if (kb_slice_is(label, "key"))
            msg.key = value_of(golden, c, text);
        else if (kb_slice_is(label, "header"))
            add_header(&msg, headers, text);
        else if (kb_slice_is(label, "push"))
            msg.push = text;
        else if (kb_slice_is(label, "json"))
            json = text;
        else if (kb_slice_is(label, "size"))
            size = text;
        else
            golden_fail(golden, c, "not understood:", label);
    }
    struct kb_buf out;
    struct kb_err err;
    kb_buf_init(&out, 1 << 20);
    kb_spec_encode(&out, &msg);
    golden_check(golden, c, json, kb_buf_slice(&out));
    if (!kb_json_read(kb_buf_slice(&out), NULL, &err))
        golden_fail(golden, c, "not JSON:", kb_slice_of(err.text));
    check_msgpack(golden, c, &msg, kb_buf_slice(&out));
    kb_buf_reset(&out);
    kb_buf_add_i64(&out, (int64_t)kb_message_size(&msg));
    golden_check(golden, c, size, kb_buf_slice(&out));
    kb_buf_deinit(&out);
}

static void test_golden(void **state)
{
    (void)state;
    struct golden golden;
    static struct golden_case c;
    golden_open(&golden, "spec.txt");
    while (golden_next(&golden, &c))
        run_case(&golden, &c);
    golden_close(&golden);
}

/* ---- random messages ---- */

/* What random texts are made of. */
static struct kb_slice random_text(struct kb_random *random, char *room, size_t size)
{
    static const char *const pieces[] = {"a", "\"", "\\", "\n", "\x01", "\x1f", "\x7f", "é", "€",
        "😀", "/", "\b", "\v", "\f", "\r", "\t", "long enough for a vector"};
    size_t len = 0;
    for (uint64_t n = kb_random_below(random, 6); n > 0; n--) {
        const char *piece = pieces[kb_random_below(random, KB_COUNT(pieces))];
        assert_true(len + strlen(piece) < size);
        memcpy(room + len, piece, strlen(piece));
        len += strlen(piece);
    }
    return (struct kb_slice){room, len};
}

/* The size is that of the parts, with extras as they stand in the JSON: counted twice, in two ways.
 */
static void test_the_size_is_that_of_the_encoded_parts(void **state)
{
    (void)state;
    struct kb_random_seeded seeded;
    struct kb_buf out;
    kb_buf_init(&out, 1 << 20);
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        char room[14][256];
        struct kb_header headers[4];
        kb_random_seed(&seeded, seed);
        struct kb_random *random = &seeded.random;
        for (size_t i = 0; i < 4; i++) {
            headers[i].name = random_text(random, room[2 * i], 256);
            headers[i].value = random_text(random, room[2 * i + 1], 256);
            if (kb_random_below(random, 4) == 0)
                headers[i].value = KB_S("\xff\x00");
        }
        struct kb_message msg = {.channel = KB_S("c"),
            .id = KB_S("i"),
            .name = random_text(random, room[8], 256),
            .data = {kb_random_below(random, 2) ? KB_FORM_BYTES : KB_FORM_TEXT,
                random_text(random, room[9], 256)},
            .key = {(enum kb_form)kb_random_below(random, 4), random_text(random, room[10], 256)},
            .headers = headers,
            .n_headers = kb_random_below(random, 5)};
        kb_buf_reset(&out);
        kb_spec_encode(&out, &msg);
        struct kb_slice json = kb_buf_slice(&out);
        const char *extras = memmem(json.ptr, json.len, "\"extras\":", 9);
        size_t size = msg.name.len + msg.data.bytes.len;
        if (extras) /* ...{extras}}]} */
            size += (size_t)(json.ptr + json.len - 3 - (extras + 9));
        if (kb_message_size(&msg) != size)
            fail_msg("seed %llu: size %zu, counted %zu in " KB_FMT, (unsigned long long)seed,
                kb_message_size(&msg), size, KB_ARG(json));
    }
    kb_buf_deinit(&out);
}

/* Thousands of headers: the same rule as for a few, and in no quadratic time. */
static void test_many_headers_follow_the_rule_of_a_few(void **state)
{
    (void)state;
    enum { N = 60000, NAMES = 1000 };
    struct kb_header *headers = calloc(N, sizeof(*headers));
    char(*names)[8] = calloc(N, sizeof(*names));
    struct kb_buf out, expected;
    kb_buf_init(&out, 16 << 20);
    kb_buf_init(&expected, 16 << 20);
    for (size_t i = 0; i < N; i++) {
        snprintf(names[i], sizeof(names[i]), "%zu", i % NAMES);
        headers[i] = (struct kb_header){kb_slice_of(names[i]), KB_S("old")};
        if (i >= N - NAMES)
            headers[i].value = KB_S("last");
    }
    headers[5].name = KB_S(KB_HEADER_ENCODING);
    struct kb_message msg = {
        .channel = KB_S("c"), .id = KB_S("i"), .headers = headers, .n_headers = N};
    kb_spec_encode(&out, &msg);
    kb_buf_add(&expected,
        KB_S("{\"channels\":[\"c\"],\"messages\":[{\"id\":\"i\",\"extras\":{\"headers\":{"));
    for (size_t i = 0; i < NAMES; i++)
        kb_buf_printf(&expected, "%s\"%zu\":\"last\"", i ? "," : "", i);
    kb_buf_add(&expected, KB_S("}}}]}"));
    assert_true(kb_slice_eq(kb_buf_slice(&out), kb_buf_slice(&expected)));
    assert_int_equal(kb_message_size(&msg),
        expected.len - strlen("{\"channels\":[\"c\"],\"messages\":[{\"id\":\"i\",\"extras\":") - 3);
    kb_buf_deinit(&out);
    kb_buf_deinit(&expected);
    free(names);
    free(headers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_the_size_is_that_of_the_encoded_parts),
        cmocka_unit_test(test_many_headers_follow_the_rule_of_a_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
