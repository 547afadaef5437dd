/* The names of the formats; see value.h. */
#include "value/value.h"

#include "base/compiler.h"

static const char *const names[KB_FORMAT_COUNT] = {
#define X(id, name, meaning) [KB_FORMAT_##id] = name,
    KB_FORMATS(X)
#undef X
};

const char *kb_format_name(enum kb_format format)
{
    KB_BUG_ON((unsigned)format >= KB_FORMAT_COUNT);
    return names[format];
}
