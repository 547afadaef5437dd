/* Ably codes and HTTP statuses -> class, by the tables of classify.h. reply.c asks, for every error
 * it reads. */
#include "ably/classify.h"

#include "base/compiler.h"

struct range {
    int first, last;
    enum kb_ably_class at_request, at_spec;
};

#define X(first, last, at_request, at_spec) {first, last, KB_ABLY_##at_request, KB_ABLY_##at_spec},
static const struct range by_code[] = {KB_ABLY_CODES(X)};
static const struct range by_status[] = {KB_ABLY_STATUSES(X)};
#undef X

static const struct range *find(const struct range *table, size_t n, int number)
{
    for (size_t i = 0; i < n; i++)
        if (number >= table[i].first && number <= table[i].last)
            return &table[i];
    return NULL;
}

enum kb_ably_class kb_classify(int status, int code, enum kb_level level)
{
    if (status == 0 && code == 0)
        return level == KB_LEVEL_REQUEST ? KB_ABLY_TRANSIENT : KB_ABLY_FOREIGN;
    const struct range *row = find(by_code, KB_COUNT(by_code), code);
    if (row)
        return level == KB_LEVEL_REQUEST ? row->at_request : row->at_spec;
    row = find(by_status, KB_COUNT(by_status), status);
    if (!row)
        return KB_ABLY_FOREIGN;
    bool from_ably = level == KB_LEVEL_SPEC || (code != 0 && row->at_request == KB_ABLY_FOREIGN);
    return from_ably ? row->at_spec : row->at_request;
}

bool kb_ably_class_refuses(enum kb_ably_class class)
{
    return class == KB_ABLY_DENIED || class == KB_ABLY_PERMANENT || class == KB_ABLY_REQUEST_BUG;
}

const char *kb_ably_class_name(enum kb_ably_class class)
{
    static const char *const names[] = {
#define X(id, name, help) name,
        KB_ABLY_CLASSES(X)
#undef X
    };
    return names[class];
}

const char *kb_ably_class_help(enum kb_ably_class class)
{
    static const char *const helps[] = {
#define X(id, name, help) help,
        KB_ABLY_CLASSES(X)
#undef X
    };
    return helps[class];
}
