/* Ably's rules for channel names. Called for every rendered channel, and by config/ for what is
 * literal. */
#include "base/utf8.h"
#include "route/route.h"

#define SHOWN_MAX 80

static bool fail(struct kb_err *err, struct kb_slice name, const char *why)
{
    struct kb_slice shown = {name.ptr, kb_utf8_cut(name, SHOWN_MAX)};
    return kb_err_record(err, KB_FAILURE_MESSAGE, "the name \"" KB_FMT "%s\" %s", KB_ARG(shown),
        shown.len < name.len ? "..." : "", why);
}

bool kb_channel_check(struct kb_slice name, struct kb_err *err)
{
    if (name.len == 0)
        return kb_err_record(err, KB_FAILURE_MESSAGE, "the name is empty");
    if (name.len > KB_CHANNEL_LEN_MAX)
        return fail(err, name, "is longer than 2048 bytes");
    if (name.ptr[0] == '[' || name.ptr[0] == ':')
        return fail(err, name, "begins with '[' or ':', which Ably keeps for itself");
    if (memchr(name.ptr, '\n', name.len) || memchr(name.ptr, '\r', name.len))
        return fail(err, name, "has a line break in it");
    return kb_utf8_valid(name) || fail(err, name, "is not UTF-8");
}
