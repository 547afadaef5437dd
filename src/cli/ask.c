/* Asks a running kably over HTTP; see ask.h. */
#include "cli/ask.h"

#include "base/utf8.h"

#include <curl/curl.h>
#include <string.h>

#define DEFAULT_URL "http://127.0.0.1:8088"
#define TOKEN_NAME "KABLY_ADMIN_TOKEN"
#define ANSWER_MAX ((size_t)64 << 20)
#define WAIT_MS 10000L

static size_t on_body(char *bytes, size_t size, size_t n, void *context)
{
    struct kb_question *q = context;
    kb_buf_add(&q->answer, (struct kb_slice){bytes, size * n});
    return q->answer.failed ? 0 : size * n;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *context)
{
    static const char name[] = "kably-ready: ";
    struct kb_question *q = context;
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

static bool add_headers(struct curl_slist **headers, const struct kb_question *q)
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

/* The URL and the path, whether or not the URL ends with a slash. */
static CURLcode set_url(CURL *easy, const struct kb_question *q)
{
    size_t len = strlen(q->url);
    struct kb_buf url;
    kb_buf_init(&url, (size_t)64 << 10);
    while (len > 0 && q->url[len - 1] == '/')
        len--;
    kb_buf_printf(&url, KB_FMT "%s", (int)len, q->url, q->path);
    CURLcode code = url.failed ? CURLE_OUT_OF_MEMORY : curl_easy_setopt(easy, CURLOPT_URL, url.ptr);
    kb_buf_deinit(&url);
    return code;
}

/* No proxy stands between a person and the kably beside them, whatever the environment says. */
static CURLcode perform(
    CURL *easy, struct curl_slist *headers, struct kb_question *q, char error[CURL_ERROR_SIZE])
{
    CURLcode code = set_url(easy, q);
    if (code != CURLE_OK)
        return code;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, q->wait_ms ? q->wait_ms : WAIT_MS);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, q);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, q);
    if (q->post)
        curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, "");
    code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &q->status);
    return code;
}

static void tell_unreachable(const struct kb_question *q, CURLcode code, const char *error)
{
    fprintf(stderr, "kably %s: %s: %s\n", q->command, q->url,
        *error ? error : curl_easy_strerror(code));
    if (code == CURLE_COULDNT_CONNECT)
        fputs("Is it running, and does its file have a block `admin {}`? --admin URL asks another "
              "address.\n",
            stderr);
}

/* False: nobody answers, or not without the right token; what to do is told. */
static bool ask(struct kb_question *q)
{
    char error[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = NULL;
    CURL *easy = curl_easy_init();
    CURLcode code = CURLE_OUT_OF_MEMORY;
    kb_buf_init(&q->answer, ANSWER_MAX);
    if (easy && add_headers(&headers, q))
        code = perform(easy, headers, q, error);
    curl_slist_free_all(headers);
    curl_easy_cleanup(easy);
    if (code != CURLE_OK)
        tell_unreachable(q, code, error);
    else if (q->status == 401)
        fprintf(stderr, "kably %s: %s asks for its token; set " TOKEN_NAME "%s\n", q->command,
            q->url, getenv(TOKEN_NAME) ? " to the right one" : "");
    return code == CURLE_OK && q->status != 401;
}

void kb_question_print(struct kb_question *q, FILE *to)
{
    struct kb_slice answer = kb_buf_slice(&q->answer);
    if (q->json) {
        fwrite(answer.ptr, 1, answer.len, stdout);
        return;
    }
    char *line = q->answer.ptr, *end = q->answer.ptr + q->answer.len;
    while (line < end) {
        char *next = memchr(line, '\n', (size_t)(end - line));
        size_t len = (size_t)((next ? next : end) - line);
        kb_utf8_one_line(line, len);
        fprintf(to, "%.*s\n", (int)len, line);
        line += len + 1;
    }
}

int kb_question_strange(const struct kb_question *q)
{
    fprintf(stderr, "kably %s: %s answers HTTP %ld, not as a kably does\n", q->command, q->url,
        q->status);
    return KB_EXIT_FAILED;
}

static int parse(struct kb_question *q, int argc, char **argv)
{
    q->url = DEFAULT_URL;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            q->json = true;
        else if (strcmp(argv[i], "--admin") == 0 && i + 1 < argc)
            q->url = argv[++i];
        else if (strcmp(argv[i], "--admin") == 0)
            return kb_cli_usage(q->command, "--admin needs a URL");
        else
            return kb_cli_usage(q->command, "unexpected \"%s\"", argv[i]);
    }
    return KB_EXIT_DONE;
}

int kb_question_run(struct kb_question *q, int argc, char **argv, kb_question_tell *tell)
{
    int code = parse(q, argc, argv);
    if (code != KB_EXIT_DONE)
        return code;
    code = ask(q) ? tell(q) : KB_EXIT_FAILED;
    kb_buf_deinit(&q->answer);
    return code;
}
