/* Ably codes and HTTP statuses -> class. Two tables of ranges, the first row that holds the number
 * wins; the narrow rows stand before the wide ones. reply.c asks, for every error it reads. */
#include "ably/classify.h"

#include "base/compiler.h"

struct range {
    int first, last;
    enum kb_ably_class at_request, at_spec;
};

#define BOTH(class) KB_ABLY_##class, KB_ABLY_##class

static const struct range by_code[] = {
    {40005, 40005, BOTH(CREDENTIALS)}, {40009, 40010, BOTH(PERMANENT)},
    {40012, 40013, BOTH(PERMANENT)}, {40014, 40014, BOTH(TRANSIENT)}, /* resource disposed */
    {40016, 40016, BOTH(PERMANENT)}, {40030, 40034, BOTH(PERMANENT)},
    {40000, 40099, BOTH(REQUEST_BUG)}, {40140, 40149, BOTH(TOKEN)},
    {40160, 40169, KB_ABLY_CREDENTIALS,
        KB_ABLY_DENIED}, /* capability: of the key, or for one channel */
    {40100, 40199, BOTH(CREDENTIALS)}, {40300, 40399, BOTH(CREDENTIALS)},
    {40400, 40499, KB_ABLY_CREDENTIALS, KB_ABLY_PERMANENT}, /* no such application */
    {42210, 42213, BOTH(PERMANENT)}, /* rejected by a rule of the channel's */
    {42913, 42914, BOTH(RATE_CHANNEL)}, {42900, 42999, BOTH(RATE)}, {50000, 59999, BOTH(TRANSIENT)},
    {90021, 90021, BOTH(RATE)}, /* channel creation */
};

/* For codes nobody told us of, and answers without one. `at_spec` also stands for an unknown code
 * at request level: Ably itself has spoken, so 4xx blames what was sent. */
static const struct range by_status[] = {
    {200, 299, KB_ABLY_OK, KB_ABLY_FOREIGN}, /* an error inside `results` with a good status? */
    {401, 401, BOTH(CREDENTIALS)},
    {403, 403, BOTH(CREDENTIALS)},
    {404, 404, KB_ABLY_CREDENTIALS, KB_ABLY_PERMANENT},
    {407, 407, BOTH(CREDENTIALS)}, /* the proxy's */
    {408, 408, BOTH(TRANSIENT)},
    {413, 413, KB_ABLY_REQUEST_BUG, KB_ABLY_PERMANENT},
    {421, 421, BOTH(TRANSIENT)},
    {425, 425, BOTH(TRANSIENT)},
    {429, 429, BOTH(RATE)},
    {400, 499, KB_ABLY_FOREIGN, KB_ABLY_REQUEST_BUG},
    {500, 599, BOTH(TRANSIENT)},
};

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
