/* `kably status [--admin URL] [--json]`: asks a running kably how it is. The table comes from the
 * admin server as text, so there is nothing to read out of it here; whether it is ready stands in a
 * header. */
#include "base/buf.h"
#include "base/utf8.h"
#include "cli/cli.h"

#include <curl/curl.h>
#include <string.h>

#define DEFAULT_URL "http://127.0.0.1:8088"
#define TOKEN_NAME "KABLY_ADMIN_TOKEN"
#define ANSWER_MAX ((size_t)64 << 20)
#define WAIT_MS 10000L

struct question {
    const char *url;
    bool json;
    char *error; /* curl's, CURL_ERROR_SIZE */
    struct kb_buf answer;
    long status;
    char ready[8]; /* "yes" or "no", as the answer says; empty = it is no kably that answers */
};

static size_t on_body(char *bytes, size_t size, size_t n, void *context)
{
    struct question *q = context;
    kb_buf_add(&q->answer, (struct kb_slice){bytes, size * n});
    return q->answer.failed ? 0 : size * n;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *context)
{
    static const char name[] = "kably-ready: ";
    struct question *q = context;
    size_t len = size * n, start = sizeof(name) - 1;
    if (len > start && strncasecmp(bytes, name, start) == 0) {
        size_t word = strcspn(bytes + start, "\r\n");
        snprintf(q->ready, sizeof(q->ready), KB_FMT, (int)word, bytes + start);
    }
    return len;
}

static bool add_header(struct curl_slist **headers, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*headers, line);
    if (longer)
        *headers = longer;
    return longer != NULL;
}

static bool add_headers(struct curl_slist **headers, const struct question *q)
{
    const char *token = getenv(TOKEN_NAME);
    struct kb_buf line;
    bool ok = add_header(headers, q->json ? "Accept: application/json" : "Accept: text/plain");
    if (!ok || !token || !*token)
        return ok;
    kb_buf_init(&line, (size_t)64 << 10);
    kb_buf_printf(&line, "Authorization: Bearer %s", token);
    ok = !line.failed && add_header(headers, line.ptr);
    kb_buf_deinit(&line);
    return ok;
}

/* URL/status, whether or not the URL ends with a slash. */
static CURLcode set_url(CURL *easy, const struct question *q)
{
    size_t len = strlen(q->url);
    struct kb_buf url;
    kb_buf_init(&url, (size_t)64 << 10);
    while (len > 0 && q->url[len - 1] == '/')
        len--;
    kb_buf_printf(&url, KB_FMT "/status", (int)len, q->url);
    CURLcode code = url.failed ? CURLE_OUT_OF_MEMORY : curl_easy_setopt(easy, CURLOPT_URL, url.ptr);
    kb_buf_deinit(&url);
    return code;
}

/* No proxy stands between a person and the kably beside them, whatever the environment says. */
static CURLcode ask(CURL *easy, struct curl_slist *headers, struct question *q)
{
    CURLcode code = set_url(easy, q);
    if (code != CURLE_OK)
        return code;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, q->error);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, WAIT_MS);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, q);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, q);
    code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &q->status);
    return code;
}

/* For a terminal: whatever answers there, it does not move the cursor. */
static void print_lines(struct kb_buf *text)
{
    char *line = text->ptr, *end = text->ptr + text->len;
    while (line < end) {
        char *next = memchr(line, '\n', (size_t)(end - line));
        size_t len = (size_t)((next ? next : end) - line);
        kb_utf8_one_line(line, len);
        printf("%.*s\n", (int)len, line);
        line += len + 1;
    }
}

static int unreachable(const struct question *q, CURLcode code)
{
    fprintf(
        stderr, "kably status: %s: %s\n", q->url, *q->error ? q->error : curl_easy_strerror(code));
    if (code == CURLE_COULDNT_CONNECT)
        fputs("Is it running, and does its file have a block `admin {}`? --admin URL asks another "
              "address.\n",
            stderr);
    return KB_EXIT_FAILED;
}

static int tell(struct question *q)
{
    if (q->status == 401) {
        fprintf(stderr, "kably status: %s asks for its token; set " TOKEN_NAME "%s\n", q->url,
            getenv(TOKEN_NAME) ? " to the right one" : "");
        return KB_EXIT_FAILED;
    }
    if (q->status != 200 || !*q->ready) {
        fprintf(
            stderr, "kably status: %s answers HTTP %ld, not as a kably does\n", q->url, q->status);
        return KB_EXIT_FAILED;
    }
    if (q->json)
        fwrite(q->answer.ptr, 1, q->answer.len, stdout);
    else
        print_lines(&q->answer);
    return strcmp(q->ready, "yes") == 0 ? KB_EXIT_DONE : KB_EXIT_FAILED;
}

static int status(struct question *q)
{
    char error[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = NULL;
    CURL *easy = curl_easy_init();
    CURLcode code = CURLE_OUT_OF_MEMORY;
    q->error = error;
    kb_buf_init(&q->answer, ANSWER_MAX);
    if (easy && add_headers(&headers, q))
        code = ask(easy, headers, q);
    int exit_code = code == CURLE_OK ? tell(q) : unreachable(q, code);
    curl_slist_free_all(headers);
    curl_easy_cleanup(easy);
    kb_buf_deinit(&q->answer);
    return exit_code;
}

int kb_cli_status(int argc, char **argv)
{
    struct question q = {.url = DEFAULT_URL};
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            q.json = true;
        else if (strcmp(argv[i], "--admin") == 0 && i + 1 < argc)
            q.url = argv[++i];
        else if (strcmp(argv[i], "--admin") == 0)
            return kb_cli_usage("status", "--admin needs a URL");
        else
            return kb_cli_usage("status", "unexpected \"%s\"", argv[i]);
    }
    return status(&q);
}
