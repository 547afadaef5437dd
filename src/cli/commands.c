/* The table of commands, and finding one. */
#include "cli/cli.h"

#include <string.h>

const struct kb_command kb_commands[] = {
    {"run", "[FILE]", "publish the records of the topics in FILE, until told to stop",
        "FILE is a kably configuration; without it $KABLY_CONFIG, else\n"
        "/etc/kably/kably.lua.\n"
        "\n"
        "SIGTERM and SIGINT stop taking records, publish and commit what was taken\n"
        "(for at most limits.drain_ms) and exit 0; a second one exits at once. What\n"
        "was not committed comes again with the next start.\n"
        "\n"
        "Wrong credentials, an absent broker or an outage of Ably are waited for, and\n"
        "the log says so. Exit 1: a record met the policy \"stop\". Exit 2: FILE is\n"
        "wrong; `kably check` tells the same without starting.\n",
        kb_cli_run},
    {"check", "[FILE] [--print] [--online]", "read FILE and tell every error in it at once",
        "Each error comes with file:line, the key, what was expected and, where it can\n"
        "be told, what was probably meant. The records of the file's tests go through\n"
        "its templates and functions. Nothing is connected to.\n"
        "\n"
        "  --print   show the effective configuration, defaults included; secrets are\n"
        "            not shown\n"
        "  --online  ask the other sides as well, and tell what is amiss and what to do:\n"
        "            Kafka (topics, rights, the group), Ably (hosts, proxy, credentials),\n"
        "            the schema registry, certificates; nothing is published, committed\n"
        "            or joined\n"
        "\n"
        "FILE is a kably configuration; without it $KABLY_CONFIG, else\n"
        "/etc/kably/kably.lua. Exit 1: --online found something amiss. Exit 2: there\n"
        "is at least one error.\n",
        kb_cli_check},
    {"test", "[FILE]...", "run the tests in FILE: no Kafka, no Ably, no network",
        "A test gives records and says what is to come of them:\n"
        "\n"
        "  test \"an order reaches its user\" {\n"
        "    given  = { topic = \"orders\", key = \"k\", value = { userId = 7 } },\n"
        "    expect = { channel = \"user:7\", data = { userId = 7 } },\n"
        "  }\n"
        "\n"
        "given is a record, a list of them, or records \"FILE.jsonl\", one JSON object\n"
        "a line as `kcat -C -J` writes them. expect is a message (only what it names\n"
        "is compared), a list of them, \"drop\", { fails = CLASS, says = TEXT } or\n"
        "{ request = BODY }. Tests stand in FILE, what it includes, and NAME.test.lua\n"
        "beside NAME.lua. Variables that are not set do no harm.\n"
        "Exit 1: a test failed, or there is none. Exit 2: FILE is wrong.\n",
        kb_cli_test},
    {"preview", "[FILE] [--topic T] [--from WHERE] [--count N]",
        "show what would be sent for real records",
        "Reads the topics of FILE and prints for each record the message that would go to\n"
        "Ably, just as the daemon would send it, or why none would. No group is joined,\n"
        "nothing is committed and nothing is published.\n"
        "\n"
        "  --topic T     this one alone\n"
        "  --from WHERE  beginning (unless set), end (what comes from now on, until\n"
        "                Ctrl-C), an offset, -N (the last N of each partition), a time:\n"
        "                2026-11-27T10:00:00Z, or 10m, 2h, 1d ago\n"
        "  --count N     at most N records (10)\n"
        "\n"
        "FILE is a kably configuration; without it $KABLY_CONFIG, else\n"
        "/etc/kably/kably.lua. Exit 1: Kafka does not answer or has no such topic, or\n"
        "the schema registry gives no schema.\n",
        kb_cli_preview},
    {"status", "[--admin URL] [--json]", "ask a running kably how it is",
        "Whether it is ready, and if not, why; what was counted; its workers and\n"
        "partitions, those furthest behind first.\n"
        "\n"
        "  --admin URL   of its admin server; http://127.0.0.1:8088 without it\n"
        "  --json        all of it as JSON\n"
        "\n"
        "A running kably has an admin server where its file has a block admin {}. The\n"
        "token, where it wants one, comes from $KABLY_ADMIN_TOKEN.\n"
        "Exit 0: ready. Exit 1: not ready, or nobody answers.\n",
        kb_cli_status},
    {"reload", "[--admin URL] [--json]", "have a running kably load its file anew",
        "The file and all it includes are read and checked first. With anything wrong\n"
        "in it nothing changes, and each mistake is told with its line. Else the\n"
        "workers go over to it without leaving the group; records they have taken keep\n"
        "the templates and policy that took them. Settings of the Kafka client, the\n"
        "dead-letter topic and the memory are applied by joining the group anew. What\n"
        "needs a restart is named. SIGHUP does the same, and the log tells the rest.\n"
        "\n"
        "  --admin URL   of its admin server; http://127.0.0.1:8088 without it\n"
        "  --json        the answer as JSON\n"
        "\n"
        "The token, where it wants one, comes from $KABLY_ADMIN_TOKEN.\n"
        "Exit 0: it is in force. Exit 1: nothing changed, or nobody answers.\n",
        kb_cli_reload},
    {"options", "[--markdown]", "list every option of the configuration file",
        "Type, bounds, default, whether a reload applies it, and what it does.\n"
        "\n"
        "  --markdown   as tables for a document\n",
        kb_cli_options},
    {"demo", "[--stay] [--records N] [--real]",
        "see it work: no Kafka, no account, nothing to set up",
        "Starts a Kafka, a local Ably and a subscriber in this process, runs the\n"
        "daemon on config/demo.lua (or the copy of it in the binary), writes sample\n"
        "records, and shows each beside what the subscriber received.\n"
        "\n"
        "  --stay       go on with a record a second until Ctrl-C\n"
        "  --records N  how many, up to 100000; the first 24 one at a time (1000)\n"
        "  --real       publish to Ably itself, to channels named demo:..., with the\n"
        "               key in $ABLY_API_KEY, all one at a time (30)\n"
        "\n"
        "Exit 0: every record arrived exactly once, unchanged and in the order of its\n"
        "channel, and the one that can't be read is a dead letter. Exit 1 otherwise.\n",
        kb_cli_demo},
    {"sandbox", "[OPTION]...", "Kafka and Ably on this machine, without an account",
        "Runs a mock Kafka and a local Ably on loopback until Ctrl-C, and prints what\n"
        "to point things at. The local Ably keeps Ably's REST rules, in JSON and\n"
        "MessagePack, with keys, tokens and JWTs, history and GET /sse.\n"
        "\n"
        "  --topic NAME:PARTITIONS  make a topic; may come again. One that is merely\n"
        "                           used gets 4 partitions\n"
        "  --ably-port N            the local Ably's port; without it any free one\n"
        "  --key APP.KEYID:SECRET   the key it lets in (sandbox.key:secret)\n"
        "  --history N              messages kept per channel (1000; 0 = none)\n"
        "  --channel-rate N         messages a channel takes in a second (any number)\n"
        "  --no-kafka               the local Ably alone\n"
        "\n"
        "Of the local Ably, for tests: GET /_control/stats counts; GET\n"
        "/_control/deliveries lists all messages, duplicates too; POST\n"
        "/_control/faults takes [{\"status\":503,\"times\":3}] and the keys channel, path,\n"
        "code, message, headers, body, type, whole, delay_ms, cut (\"before\", \"after\",\n"
        "\"middle\"), spec, seconds, rate; [] clears; POST /_control/reset forgets\n"
        "everything.\n",
        kb_cli_sandbox},
    {"help", "[COMMAND]", "show the commands, or one of them", "", kb_cli_help},
};
const int kb_n_commands = KB_COUNT(kb_commands);

const struct kb_command *kb_command_find(const char *name)
{
    for (int i = 0; i < kb_n_commands; i++) {
        if (strcmp(kb_commands[i].name, name) == 0)
            return &kb_commands[i];
    }
    return NULL;
}
