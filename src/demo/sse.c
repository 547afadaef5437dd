/* See sse.h. */
#include "demo/sse.h"

#include "base/compiler.h"

enum { EVENT_MAX = 1 << 20 };

void kb_sse_init(struct kb_sse *sse, kb_sse_event *on_event, void *context)
{
    *sse = (struct kb_sse){.on_event = on_event, .context = context};
    kb_buf_init(&sse->line, EVENT_MAX);
    kb_buf_init(&sse->type, EVENT_MAX);
    kb_buf_init(&sse->data, EVENT_MAX);
}

void kb_sse_deinit(struct kb_sse *sse)
{
    kb_buf_deinit(&sse->line);
    kb_buf_deinit(&sse->type);
    kb_buf_deinit(&sse->data);
}

static void dispatch(struct kb_sse *sse)
{
    struct kb_slice data = kb_buf_slice(&sse->data), type = kb_buf_slice(&sse->type);
    if (data.len > 0) {
        data.len--; /* the LF behind its last line */
        sse->on_event(sse->context, type.len > 0 ? type : KB_S("message"), data);
    }
    kb_buf_reset(&sse->data);
    kb_buf_reset(&sse->type);
}

/* "NAME: VALUE", one space behind the colon being no part of the value. A comment is a field
 * without a name. */
static void take_field(struct kb_sse *sse, struct kb_slice line)
{
    const char *colon = memchr(line.ptr, ':', line.len);
    struct kb_slice name = {line.ptr, colon ? (size_t)(colon - line.ptr) : line.len};
    struct kb_slice value = {line.ptr + line.len, 0};
    if (colon)
        value = (struct kb_slice){colon + 1, line.len - name.len - 1};
    if (value.len > 0 && value.ptr[0] == ' ')
        value = (struct kb_slice){value.ptr + 1, value.len - 1};

    if (kb_slice_is(name, "data")) {
        kb_buf_add(&sse->data, value);
        kb_buf_byte(&sse->data, '\n');
    } else if (kb_slice_is(name, "event")) {
        kb_buf_reset(&sse->type);
        kb_buf_add(&sse->type, value);
    }
}

static void end_line(struct kb_sse *sse)
{
    struct kb_slice line = kb_buf_slice(&sse->line);
    if (line.len == 0)
        dispatch(sse);
    else
        take_field(sse, line);
    kb_buf_reset(&sse->line);
}

bool kb_sse_feed(struct kb_sse *sse, struct kb_slice bytes)
{
    const char *at = bytes.ptr, *end = bytes.ptr + bytes.len;
    while (at < end && !sse->line.failed && !sse->data.failed && !sse->type.failed) {
        if (sse->after_cr && *at == '\n') {
            at++;
            sse->after_cr = false;
            continue;
        }
        const char *stop = at;
        while (stop < end && *stop != '\n' && *stop != '\r')
            stop++;
        kb_buf_add(&sse->line, (struct kb_slice){at, (size_t)(stop - at)});
        if (stop == end || sse->line.failed)
            break;
        sse->after_cr = *stop == '\r';
        end_line(sse);
        at = stop + 1;
    }
    return !sse->line.failed && !sse->data.failed && !sse->type.failed;
}
