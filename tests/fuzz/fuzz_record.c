/* Fuzzes one record's bytes under every format, with the schemas below: a value or an error of the
 * record, within what one may cost. The first byte is the format, the second says how the record
 * names its schema and the options, the rest is the record.
 *
 *     KABLY_FORMAT=avro fuzz_record -runs=1000000 ...     that format alone
 *
 * It ends with a line of a table: what scripts/fuzz --records shows. */
#include "base/log.h"
#include "base/random.h"
#include "base/utf8.h"
#include "decode/decoder.h"
#include "decode/schemas.h"
#include "support/cost.h"
#include "value/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
/* libFuzzer's; not there where a corpus is only replayed. */
extern size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max) __attribute__((weak));

#define ARENA_MAX (64u << 20)

/* ---- schemas, and the registry that has them ---- */

static const struct sample {
    enum kb_format format;
    const char *type, *text;
} samples[] = {
    {KB_FORMAT_AVRO, "AVRO",
        "{'type':'record','name':'a.R','fields':[{'name':'n','type':'null'},{'name':'b','type':"
        "'boolean'},{'name':'i','type':'int'},{'name':'l','type':'long'},{'name':'f','type':"
        "'float'},{'name':'d','type':'double'},{'name':'y','type':'bytes'},{'name':'s','type':"
        "'string'},{'name':'e','type':{'type':'enum','name':'E','symbols':['X','Y','Z']}},{'name':"
        "'x','type':{'type':'fixed','name':'F','size':3}},{'name':'a','type':{'type':'array',"
        "'items':['null','long','R']}},{'name':'m','type':{'type':'map','values':{'type':'array',"
        "'items':'string'}}}]}"},
    {KB_FORMAT_AVRO, "AVRO",
        "{'type':'array','items':{'type':'record','name':'L','fields':["
        "{'name':'day','type':{'type':'int','logicalType':'date'}},"
        "{'name':'ms','type':{'type':'int','logicalType':'time-millis'}},"
        "{'name':'us','type':{'type':'long','logicalType':'timestamp-micros'}},"
        "{'name':'lns','type':{'type':'long','logicalType':'local-timestamp-nanos'}},"
        "{'name':'dec','type':{'type':'bytes','logicalType':'decimal','precision':40,'scale':9}},"
        "{'name':'fd','type':{'type':'fixed','name':'D','size':5,'logicalType':'decimal',"
        "'precision':9,'scale':2}},"
        "{'name':'u','type':{'type':'fixed','name':'U','size':16,'logicalType':'uuid'}},"
        "{'name':'p','type':{'type':'fixed','name':'P','size':12,'logicalType':'duration'}}]}}"},
    {KB_FORMAT_AVRO, "AVRO", "'bytes'"},
    {KB_FORMAT_AVRO, "AVRO", "'string'"},
    {KB_FORMAT_PROTOBUF, "PROTOBUF",
        "syntax = 'proto3'; message A { int32 i = 1; sint64 w = 2; fixed32 f = 3; double d = 4; "
        "float g = 5; bool b = 6; string s = 7; bytes y = 8; enum E { ZERO = 0; TWO = 2; } E e = "
        "9; "
        "repeated int32 p = 10; repeated A r = 11; map<string, A> m = 12; map<int32, bytes> n = "
        "13; "
        "A a = 14; oneof o { string x = 15; A z = 16; uint64 q = 17; } optional uint32 u = 18; "
        "repeated E es = 19; repeated double ds = 20 [packed = false]; message B { A a = 1; } }"},
    {KB_FORMAT_PROTOBUF, "PROTOBUF",
        "syntax = 'proto3'; import 'google/protobuf/timestamp.proto'; import "
        "'google/protobuf/duration.proto'; import 'google/protobuf/struct.proto'; import "
        "'google/protobuf/any.proto'; import 'google/protobuf/field_mask.proto'; import "
        "'google/protobuf/wrappers.proto'; message W { google.protobuf.Timestamp t = 1; "
        "google.protobuf.Duration d = 2; google.protobuf.Struct s = 3; google.protobuf.Value v = "
        "4; "
        "google.protobuf.ListValue l = 5; google.protobuf.Any a = 6; google.protobuf.FieldMask f = "
        "7; repeated google.protobuf.Int64Value i = 8; google.protobuf.BytesValue b = 9; }"},
    {KB_FORMAT_JSON_SCHEMA, "JSON", "{'type':'object'}"},
};

/* Answers at once: schemas/ids/N is sample N, others are not known. */
struct registry {
    struct kb_transport transport;
    struct kb_http_request *open;
    struct kb_buf body;
};

static bool submit(struct kb_transport *tr, struct kb_http_request *req, struct kb_err *err)
{
    struct registry *registry = (struct registry *)tr;
    if (registry->open)
        return kb_err_outage(err, "one at a time");
    registry->open = req;
    return true;
}

static void put_schema(struct kb_buf *body, const struct sample *sample)
{
    struct kb_buf text;
    kb_buf_init(&text, 1 << 16);
    for (const char *c = sample->text; *c; c++)
        kb_buf_byte(&text, *c == '\'' ? '"' : *c);
    kb_buf_printf(body, "{\"schemaType\":\"%s\",\"schema\":", sample->type);
    kb_json_string(body, kb_buf_slice(&text));
    kb_buf_byte(body, '}');
    kb_buf_deinit(&text);
}

static struct kb_http_request *done(struct kb_transport *tr)
{
    struct registry *registry = (struct registry *)tr;
    struct kb_http_request *req = registry->open;
    if (!req)
        return NULL;
    registry->open = NULL;
    const char *id = strstr(req->url, "/ids/");
    unsigned long n = id ? strtoul(id + 5, NULL, 10) : KB_COUNT(samples);
    kb_buf_reset(&registry->body);
    if (n < KB_COUNT(samples))
        put_schema(&registry->body, &samples[n]);
    else
        kb_buf_add(&registry->body, KB_S("{\"error_code\":40403,\"message\":\"not found\"}"));
    req->reply = (struct kb_http_reply){
        .status = n < KB_COUNT(samples) ? 200 : 404, .body = kb_buf_slice(&registry->body)};
    return req;
}

static void cancel(struct kb_transport *tr, struct kb_http_request *req)
{
    struct registry *registry = (struct registry *)tr;
    if (registry->open == req)
        registry->open = NULL;
}

static struct {
    bool ready;
    enum kb_format only; /* KB_FORMAT_COUNT = all */
    struct registry registry;
    struct kb_random_seeded random;
    struct kb_schemas *schemas;
    int64_t now_ms;
    long records, values;
    struct cost most;
} all;

/* ---- the table's line ---- */

static void tell(void)
{
    if (all.only != KB_FORMAT_COUNT)
        fprintf(stderr, "RECORDS %s %ld %ld %ld %.2f %.2f\n", kb_format_name(all.only), all.records,
            all.values, all.records - all.values, all.most.cpu_ms,
            (double)all.most.memory / (1 << 20));
    kb_schemas_free(all.schemas);
    kb_buf_deinit(&all.registry.body);
}

static void set_up(void)
{
    static const struct kb_transport_ops ops = {submit, done, cancel};
    static const struct kb_registry_options options = {.urls = "http://registry"};
    const char *name = getenv("KABLY_FORMAT");
    struct kb_err err;
    for (all.only = 0; all.only < KB_FORMAT_COUNT; all.only++)
        if (name && strcmp(name, kb_format_name(all.only)) == 0)
            break;
    KB_BUG_ON(name && all.only == KB_FORMAT_COUNT);
    kb_log_setup(KB_LOG_ERROR, KB_LOG_TEXT); /* every id that is not known would be a line */
    all.registry.transport.ops = &ops;
    kb_buf_init(&all.registry.body, 1 << 17);
    kb_random_seed(&all.random, 1);
    all.schemas = kb_schemas_new(&options, &all.registry.transport, &all.random.random, &err);
    KB_BUG_ON(!all.schemas);
    all.ready = true;
    atexit(tell);
}

/* ---- one record ---- */

static struct kb_format_options options_of(unsigned byte)
{
    struct kb_format_options options = {
        .unions = (enum kb_union_style)(byte % 3),
        .binary = (enum kb_binary_style)(byte / 3 % 2),
        .proto_int64 = (enum kb_proto_int64)(byte % 2),
        .proto_enums = (enum kb_proto_enums)(byte / 2 % 2),
        .proto_names = byte / 4 % 2,
        .proto_defaults = byte / 8 % 2,
    };
    for (size_t i = 0; i < KB_LOGICAL_COUNT; i++)
        options.logical[i] = (enum kb_shown)((byte / 2 + i) % KB_SHOWN_COUNT);
    return options;
}

/* The framing of a sample of the format; false: the format has none, or the record brings its own.
 */
static bool frame(enum kb_format format, unsigned byte, char out[5])
{
    unsigned way = byte >> 4;
    for (unsigned i = 0; i < KB_COUNT(samples); i++) {
        unsigned n = (i + way) % KB_COUNT(samples);
        bool same = samples[n].format == format || format == KB_FORMAT_AUTO;
        if (same && way < 14) {
            memcpy(out, (const char[]){0, 0, 0, 0, (char)n}, 5);
            return true;
        }
    }
    return false;
}

static bool decode(enum kb_format format, struct kb_slice raw, const struct kb_decoding *with,
    struct kb_value *value)
{
    struct kb_err err;
    for (int turn = 0; turn < 8; turn++) {
        kb_buf_reset(with->text);
        kb_arena_reset(with->arena);
        if (kb_decode(format, raw, with, value, &err))
            return true;
        if (err.class == KB_ERR_RECORD)
            return false;
        KB_BUG_ON(err.class != KB_ERR_OUTAGE || !with->schemas); /* the schema is on its way */
        kb_schemas_step(all.schemas, all.now_ms += 1000);
    }
    KB_BUG_ON(true);
}

static void check_value(const struct kb_value *value)
{
    struct kb_err err;
    if (value->form == KB_FORM_JSON)
        KB_BUG_ON(!kb_json_read(value->bytes, NULL, &err));
    if (value->form == KB_FORM_TEXT)
        KB_BUG_ON(!kb_utf8_valid(value->bytes));
}

static void run(enum kb_format format, unsigned byte, struct kb_slice raw, struct kb_slice header)
{
    struct kb_format_options options = options_of(byte);
    struct kb_buf text;
    struct kb_arena arena;
    struct kb_value value;
    kb_buf_init(&text, KB_DECODE_TEXT_MAX);
    kb_arena_init(&arena, ARENA_MAX);
    struct kb_decoding with = {.options = &options,
        .text = &text,
        .arena = &arena,
        .schemas = all.schemas,
        .header = header};
    bool ok = decode(format, raw, &with, &value); /* what has to be fetched is there now */
    kb_buf_deinit(&text);
    kb_arena_deinit(&arena);
    cost_begin();
    KB_BUG_ON(decode(format, raw, &with, &value) != ok);
    struct cost cost = cost_end();
    if (ok)
        check_value(&value);
    kb_buf_deinit(&text);
    kb_arena_deinit(&arena);
    all.records++;
    all.values += ok;
    all.most.cpu_ms = cost.cpu_ms > all.most.cpu_ms ? cost.cpu_ms : all.most.cpu_ms;
    all.most.memory = cost.memory > all.most.memory ? cost.memory : all.most.memory;
}

/* --formats lists them, for scripts/fuzz. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    if (*argc != 2 || strcmp((*argv)[1], "--formats") != 0)
        return 0;
    for (int format = 0; format < KB_FORMAT_COUNT; format++)
        puts(kb_format_name((enum kb_format)format));
    exit(0);
}

/* The record is mutated, seldom how it names its schema, and the format only where all are meant.
 */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    if (size < 2 || max < 3)
        return LLVMFuzzerMutate(data, size, max);
    size_t kept = seed % 8 ? 2 : all.only < KB_FORMAT_COUNT;
    size = kept + LLVMFuzzerMutate(data + kept, size - kept, max - kept);
    if (all.only < KB_FORMAT_COUNT)
        data[0] = (uint8_t)all.only;
    return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!all.ready)
        set_up();
    if (size < 2 || size > 1 << 20)
        return 0;
    enum kb_format format = (enum kb_format)(data[0] % KB_FORMAT_COUNT);
    if (all.only < KB_FORMAT_COUNT && all.only != format)
        return 0;
    struct kb_slice raw = {(const char *)data + 2, size - 2}, none = {NULL, 0};
    char framing[5];
    if (!frame(format, data[1], framing)) {
        run(format, data[1], raw, none);
        return 0;
    }
    if (data[1] & 8) { /* the framing in a header */
        run(format, data[1], raw, (struct kb_slice){framing, sizeof(framing)});
        return 0;
    }
    struct kb_buf framed;
    kb_buf_init(&framed, 2u << 20);
    kb_buf_add(&framed, (struct kb_slice){framing, sizeof(framing)});
    kb_buf_add(&framed, raw);
    run(format, data[1], kb_buf_slice(&framed), none);
    kb_buf_deinit(&framed);
    return 0;
}
