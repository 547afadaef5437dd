/* See format_options.h. */
#include "decode/format_options.h"

static const enum kb_shown defaults[KB_LOGICAL_COUNT] = {
    [KB_LOGICAL_DATE] = KB_SHOWN_RAW,
    [KB_LOGICAL_TIME] = KB_SHOWN_RAW,
    [KB_LOGICAL_TIMESTAMP] = KB_SHOWN_RAW,
    [KB_LOGICAL_LOCAL_TIMESTAMP] = KB_SHOWN_RAW,
    [KB_LOGICAL_DECIMAL] = KB_SHOWN_NUMBER,
    [KB_LOGICAL_UUID] = KB_SHOWN_TEXT,
    [KB_LOGICAL_DURATION] = KB_SHOWN_ISO,
};

enum kb_shown kb_shown_as(const struct kb_format_options *options, enum kb_logical_type type)
{
    enum kb_shown shown = options->logical[type];
    return shown == KB_SHOWN_DEFAULT ? defaults[type] : shown;
}
