/* See demo.h. */
#include "demo/demo.h"

#include "admin/admin.h"
#include "demo/story.h"
#include "http/curl_transport.h"
#include "pipeline/daemon.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>

enum { EXIT_GOOD, EXIT_BAD, EXIT_WRONG_USAGE };

static void *tell(void *story)
{
    kb_story_tell(story);
    return NULL;
}

/* The daemon reads signals from a descriptor of its own. They are blocked before any thread
 * starts, so that none gets them in its stead. */
static void block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* What `kably run` would listen on; the demo can do without, where the address is taken. */
static struct kb_admin *start_admin(struct kb_daemon *daemon)
{
    size_t n;
    struct kb_board *boards = kb_daemon_boards(daemon, &n);
    struct kb_admin *admin;
    struct kb_err err;
    if (!kb_admin_start_for(kb_daemon_config(daemon), boards, n, NULL, &admin, &err))
        fprintf(stderr, "kably demo: no status page: %s\n", err.text);
    return admin;
}

static int play(struct kb_story *story, struct kb_daemon *daemon)
{
    pthread_t teller;
    if (pthread_create(&teller, NULL, tell, story) != 0) {
        fprintf(stderr, "kably demo: no thread for it\n");
        return EXIT_BAD;
    }
    int code = kb_daemon_run(daemon);
    atomic_store(&story->daemon_ended, true);
    pthread_join(teller, NULL);
    if (code != EXIT_GOOD)
        fprintf(stderr, "kably demo: the daemon ended with exit code %d\n", code);
    return code != EXIT_GOOD ? code : story->good ? EXIT_GOOD : EXIT_BAD;
}

int kb_demo_run(const struct kb_demo_options *options)
{
    struct kb_story story = {.options = *options};
    struct kb_err err;
    int code;

    if (story.options.records == 0)
        story.options.records = options->real ? KB_DEMO_RECORDS_REAL : KB_DEMO_RECORDS;
    block_signals();
    if (!kb_curl_global_init(&err) || !kb_place_open(&story.place, options->real, &err)) {
        fprintf(stderr, "kably demo: %s\n", err.text);
        return err.class == KB_ERR_CONFIG ? EXIT_WRONG_USAGE : EXIT_BAD;
    }
    /* The configuration is read first: where it is wrong there is no story to tell. */
    struct kb_daemon *daemon = kb_daemon_new(story.place.config, &code);
    if (daemon) {
        struct kb_admin *admin = start_admin(daemon);
        story.admin_port = admin ? kb_admin_port(admin) : 0;
        code = play(&story, daemon);
        kb_admin_stop(admin);
    }
    kb_daemon_free(daemon);
    kb_place_close(&story.place);
    return code;
}
