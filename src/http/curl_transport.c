/* curl's multi interface behind the transport's door; see curl_transport.h. One transfer per
 * request in flight, taken from those that are idle. */
#include "http/curl_inside.h"

#define WAIT_FDS 16

bool kb_curl_global_init(struct kb_err *err)
{
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK)
        return kb_err_fatal(err, "libcurl can't be initialised: %s", curl_easy_strerror(code));
    return true;
}

static void recycle(struct kb_curl *tr, struct kb_curl_transfer *transfer)
{
    transfer->req = NULL;
    transfer->next = tr->idle;
    tr->idle = transfer;
}

static bool curl_submit(struct kb_transport *door, struct kb_http_request *req, struct kb_err *err)
{
    struct kb_curl *tr = (struct kb_curl *)door;
    struct kb_curl_transfer *transfer = tr->idle;
    if (transfer)
        tr->idle = transfer->next;
    if (transfer && transfer->stale)
        kb_curl_transfer_renew(transfer, &tr->options);
    if (!transfer)
        transfer = kb_curl_transfer_new(tr);
    if (!transfer)
        return kb_err_outage(err, "no memory for an HTTP request");
    if (!kb_curl_transfer_begin(transfer, req) ||
        curl_multi_add_handle(tr->multi, transfer->easy) != CURLM_OK) {
        recycle(tr, transfer);
        return kb_err_outage(err, "no memory for an HTTP request");
    }
    req->handle = transfer;
    tr->main->fresh = true;
    return true;
}

/* ---- the end of a transfer ---- */

/* Sorts what has ended to the doors it was submitted through. */
static void collect_ended(struct kb_curl *tr)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(tr->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct kb_curl_transfer *transfer = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        curl_multi_remove_handle(tr->multi, transfer->easy);
        transfer->code = code;
        transfer->next = transfer->owner->ended;
        transfer->owner->ended = transfer;
    }
}

static struct kb_http_request *take_ended(struct kb_curl *tr)
{
    collect_ended(tr);
    struct kb_curl_transfer *transfer = tr->ended;
    if (!transfer)
        return NULL;
    tr->ended = transfer->next;
    kb_curl_fill_reply(transfer, transfer->code);
    tr->given = transfer;
    return transfer->req;
}

static void run(struct kb_curl *tr)
{
    int running;
    tr->main->fresh = false;
    curl_multi_perform(tr->multi, &running);
}

static void take_back(struct kb_curl *tr)
{
    if (tr->given)
        recycle(tr, tr->given);
    tr->given = NULL;
}

static struct kb_http_request *curl_done(struct kb_transport *door)
{
    struct kb_curl *tr = (struct kb_curl *)door;
    take_back(tr);
    if (!tr->performed)
        run(tr);
    struct kb_http_request *req = take_ended(tr);
    tr->performed = req != NULL;
    return req;
}

static void curl_cancel(struct kb_transport *door, struct kb_http_request *req)
{
    struct kb_curl *tr = (struct kb_curl *)door;
    struct kb_curl_transfer *transfer = req->handle;
    if (transfer == tr->given || transfer->req != req)
        return; /* it had ended */
    curl_multi_remove_handle(tr->multi, transfer->easy);
    for (struct kb_curl_transfer **link = &tr->ended; *link; link = &(*link)->next) {
        if (*link == transfer) {
            *link = transfer->next;
            break;
        }
    }
    recycle(tr, transfer);
}

void kb_curl_wait(struct kb_transport *door, const int *fds, size_t n_fds, int timeout_ms)
{
    struct kb_curl *tr = (struct kb_curl *)door;
    struct curl_waitfd waits[WAIT_FDS];
    KB_BUG_ON(n_fds > WAIT_FDS);
    for (size_t i = 0; i < n_fds; i++)
        waits[i] = (struct curl_waitfd){.fd = fds[i], .events = CURL_WAIT_POLLIN};
    if (tr->fresh)
        run(tr); /* what was just submitted is on its way before we sleep */
    curl_multi_poll(tr->multi, waits, (unsigned)n_fds, timeout_ms, NULL);
}

/* ---- begin and end ---- */

static const struct kb_transport_ops curl_ops = {curl_submit, curl_done, curl_cancel};

/* A door to `main`'s multi handle, or to one of its own. */
static struct kb_transport *open_door(
    const struct kb_curl_options *options, struct kb_curl *main, struct kb_err *err)
{
    struct kb_curl *tr = calloc(1, sizeof(*tr));
    if (!tr) {
        kb_err_fatal(err, "no memory for HTTP");
        return NULL;
    }
    tr->door.ops = &curl_ops;
    tr->main = main ? main : tr;
    tr->multi = main ? main->multi : curl_multi_init();
    if (!tr->multi || !kb_curl_options_copy(&tr->options, options)) {
        kb_curl_free(&tr->door);
        kb_err_fatal(err, "no memory for HTTP");
        return NULL;
    }
    return &tr->door;
}

struct kb_transport *kb_curl_new(const struct kb_curl_options *options, struct kb_err *err)
{
    struct kb_transport *door = open_door(options, NULL, err);
    if (door)
        curl_multi_setopt(
            ((struct kb_curl *)door)->multi, CURLMOPT_MAXCONNECTS, (long)options->max_connections);
    return door;
}

struct kb_transport *kb_curl_beside(
    struct kb_transport *door, const struct kb_curl_options *options, struct kb_err *err)
{
    return open_door(options, (struct kb_curl *)door, err);
}

bool kb_curl_prepare(
    struct kb_transport *door, const struct kb_curl_options *options, struct kb_err *err)
{
    struct kb_curl *tr = (struct kb_curl *)door;
    kb_curl_forget(door);
    if (kb_curl_options_copy(&tr->prepared, options))
        return true;
    kb_curl_forget(door);
    return kb_err_fatal(err, "no memory for HTTP");
}

/* curl shares a kept connection only where authorities, certificate and proxy are the same. */
void kb_curl_adopt(struct kb_transport *door)
{
    struct kb_curl *tr = (struct kb_curl *)door;
    struct kb_curl_options before = tr->options;
    tr->options = tr->prepared;
    tr->prepared = (struct kb_curl_options){.user_agent = NULL};
    if (!kb_curl_options_same(&before, &tr->options))
        for (struct kb_curl_transfer *transfer = tr->all; transfer; transfer = transfer->sibling)
            transfer->stale = true;
    kb_curl_options_free(&before);
    if (tr->main == tr)
        curl_multi_setopt(tr->multi, CURLMOPT_MAXCONNECTS, (long)tr->options.max_connections);
}

void kb_curl_forget(struct kb_transport *door)
{
    struct kb_curl *tr = (struct kb_curl *)door;
    kb_curl_options_free(&tr->prepared);
    tr->prepared = (struct kb_curl_options){.user_agent = NULL};
}

void kb_curl_free(struct kb_transport *door)
{
    struct kb_curl *tr = (struct kb_curl *)door;
    if (!tr)
        return;
    for (struct kb_curl_transfer *transfer = tr->all, *next; transfer; transfer = next) {
        next = transfer->sibling;
        curl_multi_remove_handle(tr->multi, transfer->easy);
        kb_curl_transfer_free(transfer);
    }
    if (tr->main == tr)
        curl_multi_cleanup(tr->multi);
    kb_curl_options_free(&tr->options);
    kb_curl_options_free(&tr->prepared);
    free(tr);
}
