/* The block `kafka`: any librdkafka property, as text. What exists and what may be set is the
 * business of kafka/properties.h. Called by load.c. */
#include "base/suggest.h"
#include "config/load.h"

#include <inttypes.h>

static const struct {
    const char *name, *expected;
} required[] = {
    {"bootstrap.servers", "the brokers to ask first, such as \"localhost:9092\""},
    {"group.id", "the name of the consumer group, such as \"kably-orders\""},
};

/* A Lua value as librdkafka's text; new, NULL = it has no such form. */
static char *text_of(const struct kb_raw *raw)
{
    char *text = NULL;
    int len = 0;
    switch (raw->kind) {
    case KB_RAW_TEXT:
        return memchr(raw->text.ptr, '\0', raw->text.len) ? NULL : strdup(raw->text.ptr);
    case KB_RAW_BOOLEAN:
        return strdup(raw->boolean ? "true" : "false");
    case KB_RAW_INTEGER:
        len = asprintf(&text, "%" PRId64, raw->integer);
        break;
    case KB_RAW_NUMBER:
        len = asprintf(&text, "%.14g", raw->number);
        break;
    default:
        return NULL;
    }
    return len < 0 ? NULL : text;
}

static void warn_cooperative(const struct kb_load *load, const struct kb_property *property)
{
    if (strcmp(property->name, "partition.assignment.strategy") == 0 &&
        strstr(property->value, "cooperative-sticky") && !kb_cooperative_trusted())
        kb_load_warning(load, &load->once[KB_BLOCK_KAFKA], kb_slice_of(property->name),
            "cooperative-sticky is not reliable in librdkafka %s; \"range\" is",
            rd_kafka_version_str());
}

static void add_property(const struct kb_load *load, const struct kb_raw_entry *entry)
{
    const struct kb_block *block = &load->once[KB_BLOCK_KAFKA];
    struct kb_config *config = load->config;
    struct kb_err err;
    if (!entry->key.ptr) {
        kb_load_problem(load, block, entry->key, "entry %lld has no key; expected key = value",
            (long long)entry->index);
        return;
    }
    if (entry->value.kind == KB_RAW_MISSING)
        return;
    struct kb_property property = {.name = strdup(entry->key.ptr),
        .value = text_of(&entry->value),
        .secret = kb_property_secret(entry->key),
        .line = kb_block_place_of(load->blocks, block, entry->key).line};
    if (!property.name || !property.value) {
        kb_load_problem(load, block, entry->key, "expected a text, a number, true or false");
    } else if (!kb_property_check(&property, &err)) {
        kb_load_problem(load, block, entry->key, "%s", err.text);
    } else {
        warn_cooperative(load, &property);
        config->kafka.properties[config->kafka.n++] = property;
        return;
    }
    free(property.name);
    free(property.value);
}

static bool is_empty(const struct kb_raw *value)
{
    return value && value->kind == KB_RAW_TEXT && value->text.len == 0;
}

/* Is that property there, or a mistyped one, which has been complained about? */
static bool stands_for(const struct kb_raw *body, const char *name)
{
    for (size_t i = 0; i < body->n_entries; i++)
        if (body->entries[i].key.ptr && kb_suggest(body->entries[i].key, &name, 1))
            return true;
    return false;
}

void kb_load_kafka(const struct kb_load *load)
{
    const struct kb_block *block = &load->once[KB_BLOCK_KAFKA];
    struct kb_config *config = load->config;
    size_t n = block->body.n_entries;
    config->kafka.properties = calloc(n + 1, sizeof(*config->kafka.properties));
    if (!config->kafka.properties) {
        kb_load_problem(load, block, (struct kb_slice){0}, "no memory");
        return;
    }
    for (size_t i = 0; i < n; i++)
        add_property(load, &block->body.entries[i]);
    for (size_t i = 0; i < KB_COUNT(required); i++) {
        const struct kb_slice name = kb_slice_of(required[i].name);
        if (is_empty(kb_raw_get(&block->body, required[i].name)))
            kb_load_problem(load, block, name, "is empty; expected %s", required[i].expected);
        else if (!stands_for(&block->body, required[i].name))
            kb_load_problem(load, block, name, "missing; expected %s", required[i].expected);
    }
}
