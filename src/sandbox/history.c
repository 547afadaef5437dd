/* History of the local Ably: GET /channels/NAME/messages?limit=&direction=&start=&end=, with Link
 * headers to the first, this and the next page. A page is told by the number of the message it goes
 * on behind. */
#include "sandbox/posted.h"
#include "sandbox/state.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000

struct page {
    bool forwards;
    int64_t limit, start_ms, end_ms,
        behind; /* behind: the last page's last number, 0 = the first page */
};

static bool read_page(struct kb_exchange *x, struct page *page)
{
    struct kb_slice direction = kb_exchange_query(x, "direction");

    page->forwards = kb_slice_is(direction, "forwards");
    return (!direction.ptr || page->forwards || kb_slice_is(direction, "backwards")) &&
           kb_exchange_query_number(x, "limit", LIMIT_DEFAULT, &page->limit) && page->limit > 0 &&
           page->limit <= LIMIT_MAX && kb_exchange_query_number(x, "start", 0, &page->start_ms) &&
           kb_exchange_query_number(x, "end", INT64_MAX, &page->end_ms) &&
           page->start_ms <= page->end_ms &&
           kb_exchange_query_number(x, "behind", 0, &page->behind);
}

static bool on_page(const struct page *page, const struct kb_stored *stored)
{
    bool behind = page->forwards ? (int64_t)stored->seq > page->behind
                                 : page->behind == 0 || (int64_t)stored->seq < page->behind;

    return behind && stored->timestamp_ms >= page->start_ms && stored->timestamp_ms <= page->end_ms;
}

/* One link, to the page behind a message's number; 0 = the first page. */
static void print_link(
    struct kb_buf *out, const char *relation, const struct page *page, int64_t behind)
{
    kb_buf_printf(out, "%s<./messages?limit=%" PRId64 "&direction=%s", out->len > 0 ? ", " : "",
        page->limit, page->forwards ? "forwards" : "backwards");
    if (page->start_ms > 0)
        kb_buf_printf(out, "&start=%" PRId64, page->start_ms);
    if (page->end_ms < INT64_MAX)
        kb_buf_printf(out, "&end=%" PRId64, page->end_ms);
    if (behind > 0)
        kb_buf_printf(out, "&behind=%" PRId64, behind);
    kb_buf_printf(out, ">; rel=\"%s\"", relation);
}

/* `next` is the number that the next page goes on behind, 0 = there is none. */
static void add_links(struct kb_exchange *x, const struct page *page, uint64_t next)
{
    struct kb_buf links;

    kb_buf_init(&links, 1024);
    print_link(&links, "first", page, 0);
    print_link(&links, "current", page, page->behind);
    if (next > 0)
        print_link(&links, "next", page, (int64_t)next);
    kb_exchange_add_header(x, KB_S("Link"), kb_buf_slice(&links));
    kb_buf_deinit(&links);
}

void kb_service_history(struct kb_service *service, struct kb_exchange *x, struct kb_slice name)
{
    struct kb_refusal refusal = kb_posted_check_channel(name);
    const struct kb_stored *stored;
    struct page page;
    int64_t n = 0;
    uint64_t last = 0, next = 0;

    if (refusal.code)
        return kb_exchange_error(x, refusal.status, refusal.code, KB_FMT, KB_ARG(refusal.text));
    if (!kb_auth_allows(service, name, "history"))
        return kb_exchange_error(
            x, 401, 40160, "the token's capability has no history on this channel");
    if (!read_page(x, &page))
        return kb_exchange_error(x, 400, 40003,
            "limit is 1 to 1000, direction forwards or backwards, start and end are milliseconds");
    x->status = 200;
    kb_buf_byte(&x->answer, '[');
    stored = page.forwards ? kb_store_oldest(service->store, name)
                           : kb_store_newest(service->store, name);
    for (; stored; stored = page.forwards ? stored->newer : stored->older) {
        if (!on_page(&page, stored))
            continue;
        if (n == page.limit) {
            next = last;
            break;
        }
        if (n++ > 0)
            kb_buf_byte(&x->answer, ',');
        struct kb_local_message msg = kb_stored_message(stored);
        kb_local_message_history(&msg, service->started, &x->answer);
        last = stored->seq;
    }
    kb_buf_byte(&x->answer, ']');
    add_links(x, &page, next);
}
