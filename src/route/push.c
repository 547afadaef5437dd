/* Is a text a push notification? It is read once, by the same capture that serves templates, and
 * passes byte for byte: no number is rounded, no null dropped. Called by route_message.c, wherever
 * the push comes from. */
#include "route/route.h"
#include "value/json.h"

/* The paths' numbers, in the order in which they are added. */
enum { WHOLE, NOTIFICATION, TITLE, BODY };

struct kb_paths *kb_push_paths_new(void)
{
    const struct kb_path_step title[] = {{.name = KB_S("notification")}, {.name = KB_S("title")}};
    const struct kb_path_step body[] = {{.name = KB_S("notification")}, {.name = KB_S("body")}};
    struct kb_paths *paths = kb_paths_new();
    bool ok = paths && kb_paths_add(paths, NULL, 0) == WHOLE &&
              kb_paths_add(paths, title, 1) == NOTIFICATION &&
              kb_paths_add(paths, title, 2) == TITLE && kb_paths_add(paths, body, 2) == BODY;
    if (ok)
        return paths;
    kb_paths_free(paths);
    return NULL;
}

static bool is_there(const struct kb_capture *cap, size_t path)
{
    enum kb_scalar_kind kind = kb_capture_get(cap, path)->kind;
    return kind != KB_SCALAR_MISSING && kind != KB_SCALAR_NULL;
}

bool kb_push_check(
    struct kb_slice json, const struct kb_paths *paths, struct kb_arena *arena, struct kb_err *err)
{
    struct kb_capture cap;
    if (!kb_capture_init(&cap, paths, arena))
        return kb_err_fatal(err, "no memory to check a push");
    if (!kb_json_read(json, &cap.events, err)) {
        err->failure = KB_FAILURE_MESSAGE;
        return kb_err_wrap(err, "is not JSON");
    }
    if (cap.failed)
        return kb_err_record(err, KB_FAILURE_MESSAGE, "is too large");
    if (kb_capture_get(&cap, WHOLE)->kind != KB_SCALAR_OBJECT)
        return kb_err_record(err, KB_FAILURE_MESSAGE, "is not a JSON object");
    if (!is_there(&cap, NOTIFICATION))
        return kb_err_record(err, KB_FAILURE_MESSAGE,
            "`notification` is missing; expected one with `title` and `body`");
    if (kb_capture_get(&cap, NOTIFICATION)->kind != KB_SCALAR_OBJECT)
        return kb_err_record(err, KB_FAILURE_MESSAGE, "`notification` is not an object");
    if (!is_there(&cap, TITLE))
        return kb_err_record(err, KB_FAILURE_MESSAGE, "`notification.title` is missing or null");
    if (!is_there(&cap, BODY))
        return kb_err_record(err, KB_FAILURE_MESSAGE, "`notification.body` is missing or null");
    return true;
}
