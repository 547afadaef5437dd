"""The admin server of the real binary: what it tells of a process through its life, and to whom."""

import contextlib
import http.server
import os
import re
import signal
import socket
import threading
import time

import daemon
import workload
from admin import Admin
from lua import Config
from waiting import throughout, until

TOKEN = "correct-horse-battery-staple"


def watched(world, **topic):
    options = {"value": "json", "channel": "admin:#{key}", **topic}
    return world.config().topic(world.topic, **options).block("admin", listen="127.0.0.1:0")


def status_of(admin, *arguments, token=None):
    env = {"KABLY_ADMIN_TOKEN": token or "", "http_proxy": "http://127.0.0.1:9"}
    return daemon.command("status", "--admin", admin.url, *arguments, env=env)


class SaysOk(http.server.BaseHTTPRequestHandler):
    """Some other program's HTTP server."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def says_ok():
    with http.server.HTTPServer(("127.0.0.1", 0), SaysOk) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_readiness_through_its_life(mock_world, daemons, rng):
    w = mock_world(partitions=2)
    kably = daemons.run(watched(w).block("limits", drain_ms=4000))
    admin = Admin(kably)
    assert admin.reasons().keys() <= {"starting", "not_assigned"} and admin.reasons(), "ready before it reads"
    admin.wait_ready()
    w.kafka.produce(w.topic, workload.records(100, 2, rng))
    until(lambda: w.ably.unique() >= 100, 30, kably.tail)
    assert not admin.reasons()

    w.ably.faults({"status": 503, "code": 50003})
    w.kafka.produce(w.topic, workload.records(100, 2, rng))
    told = admin.wait_reason("ably_outage")
    assert "50003" in told["detail"] and admin.live()
    assert admin.total("kably_ably_outage") == 1 and admin.total("kably_ready") == 0
    w.ably.faults()
    admin.wait_ready()
    until(lambda: w.ably.unique() >= 200, 30, kably.tail)

    w.ably.faults({"status": 503})
    w.kafka.produce(w.topic, workload.records(10, 2, rng))
    admin.wait_reason("ably_outage")
    kably.signal(signal.SIGTERM)
    admin.wait_reason("stopping", 2)
    assert admin.live(), "a process that drains must not be killed for it"
    assert kably.ended() == 0
    assert re.search(r"\b10 records? had no outcome", kably.log()), kably.tail()


def test_wrong_credentials_are_a_reason_of_their_own(mock_world, daemons, rng):
    w = mock_world(partitions=1)
    w.ably.faults({"status": 401, "code": 40101, "message": "invalid credentials"})
    w.kafka.produce(w.topic, workload.records(10, 1, rng))
    admin = Admin(daemons.run(watched(w)))
    assert "40101" in admin.wait_reason("ably_credentials")["detail"]
    assert "ably_outage" not in admin.reasons()
    w.ably.faults()
    admin.wait_ready()


def test_kafka_that_goes_away(mock_world, ably, daemons, rng):
    w = mock_world(partitions=1)
    w.ably = ably  # of another process: only the broker goes away
    kably = daemons.run(watched(w))
    kably.may_hang = True
    admin = Admin(kably)
    w.kafka.produce(w.topic, workload.records(10, 1, rng))
    until(lambda: ably.unique() >= 10, 30, kably.tail)
    admin.wait_ready()
    w.running.process.kill()
    admin.wait_reason("kafka_unreachable")
    admin.wait_reason("not_assigned")  # its session is over
    assert admin.live() and "kafka_unreachable" in admin.reasons()


def test_an_absent_broker_is_said(ably, daemons):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        config = Config(f"127.0.0.1:{nobody.getsockname()[1]}", "absent", ably).topic("t", channel="x")
        admin = Admin(daemons.run(config.block("admin", listen="127.0.0.1:0")))
        admin.wait_reason("kafka_unreachable")
        assert "not_assigned" in admin.reasons() and admin.live()


def test_the_counts_are_what_happened(mock_world, daemons, rng):
    w = mock_world(partitions=4)
    config = watched(w, on_error={"decode": "skip", "default": "stop"})
    kably = daemons.run(config.block("limits", workers=2))
    admin = Admin(kably)
    good = list(workload.records(500, 4, rng))
    bad = [{"partition": n % 4, "key": "bad", "value": "{"} for n in range(30)]
    w.kafka.produce(w.topic, good + bad)
    until(lambda: w.ably.unique() >= 500, 30, kably.tail)
    w.wait_committed_ends()
    # What a worker shows of itself is a fraction of a second old.
    until(lambda: admin.total("kably_committed_offset") == 530, 5, lambda: f"530; {admin.status()}")
    assert admin.total("kably_lag_records") == 0

    seen = admin.metrics()
    nothing = frozenset()
    assert seen["kably_records_consumed_total"][nothing] == 530
    assert seen["kably_records_published_total"][nothing] == 500
    assert seen["kably_records_skipped_total"][nothing] == 30
    sizes = sum(len(r["key"].encode()) + len(r["value"].encode()) for r in good + bad)
    assert seen["kably_record_bytes_total"][nothing] == sizes
    assert seen["kably_record_latency_seconds_count"][nothing] == 500
    requests = sum(seen["kably_requests_total"].values())
    assert requests == w.ably.stats()["requests"]
    assert seen["kably_requests_total"][frozenset({("result", "ok")})] == requests
    assert seen["kably_responses_total"][frozenset({("status", "2xx")})] == requests
    assert seen["kably_request_duration_seconds_count"][nothing] == requests
    assert seen["kably_request_bytes_total"][nothing] > sum(len(r["value"]) for r in good)
    assert sum(seen["kably_assigned_partitions"].values()) == 4
    assert len(seen["kably_worker_last_turn_timestamp_seconds"]) == 2
    assert all(abs(time.time() - at) < 5 for at in seen["kably_worker_last_turn_timestamp_seconds"].values())
    assert sum(seen["kably_records_in_flight"].values()) == 0
    assert dict(next(iter(seen["kably_build_info"])))["version"] in daemon.command("--version").stdout
    assert abs(seen["process_resident_memory_bytes"][nothing] / 1024 - kably.rss_kib()) < 50_000
    assert abs(time.time() - seen["process_start_time_seconds"][nothing]) < 120
    assert 0 < seen["process_cpu_seconds_total"][nothing] < 120
    assert seen["process_open_fds"][nothing] > 10 and seen["process_threads"][nothing] > 3

    totals = admin.status()["totals"]
    assert (totals["taken"], totals["published"], totals["skipped"]) == (530, 500, 30)


def test_dead_letters_are_counted_by_class(mock_world, daemons):
    w = mock_world(partitions=1)
    letters = w.topic + "-dlq"
    config = watched(w, channel="admin:#{value.user}", on_error="dlq").block("dead_letter", topic=letters)
    admin = Admin(daemons.run(config))
    values = ["{"] * 3 + ["{}"] * 2 + ['{"user":"a"}'] * 4
    w.kafka.produce(w.topic, [{"partition": 0, "value": value} for value in values])
    name = "kably_records_dead_lettered_total"
    until(lambda: admin.total(name) == 5, 30, lambda: f"five letters; {admin.metrics()[name]}")
    assert admin.total(name, **{"class": "decode"}) == 3
    assert admin.total(name, **{"class": "mapping"}) == 2
    until(lambda: admin.total("kably_record_latency_seconds_count") == 9, 10, "nine outcomes measured")


def test_an_outage_is_seen_in_the_numbers(mock_world, daemons, rng):
    w = mock_world(partitions=2)
    w.ably.faults({"status": 503})
    kably = daemons.run(watched(w))
    admin = Admin(kably)
    w.kafka.produce(w.topic, workload.records(60, 2, rng))

    def sums(*names):
        seen = admin.metrics()  # one look: messages move between what is queued and what is in flight
        return [sum(seen[name].values()) for name in names]

    names = "kably_lag_records", "kably_records_in_flight"
    until(lambda: sums(*names) == [60, 60], 30, lambda: f"lag 60, 60 in flight; {admin.status()}")
    assert sum(sums("kably_messages_queued", "kably_messages_in_flight")) == 60
    assert admin.total("kably_responses_total", status="5xx") >= 1
    assert admin.total("kably_requests_total", result="outage") >= 1
    assert 0 < admin.total("kably_held_bytes") < admin.total("kably_held_bytes_max")
    outage = admin.status()["workers"][0]["outage"]
    assert outage["class"] == "transient" and outage["tries"] >= 1 and "503" in outage["text"]
    w.ably.faults()
    until(lambda: admin.total("kably_lag_records") == 0, 30, lambda: f"no lag; {admin.status()}")
    assert admin.total("kably_messages_retried_total") >= 1


def test_only_the_token_opens(mock_world, daemons):
    w = mock_world(partitions=1)
    config = w.config().topic(w.topic, channel="x").block("admin", listen="0.0.0.0:0", token=TOKEN)
    config.secrets.add(TOKEN)
    kably = daemons.run(config)
    admin = Admin(kably)
    admin.url = admin.url.replace("0.0.0.0", "127.0.0.1")
    for path in ("/", "/metrics", "/status", "/nothing"):
        status, headers, body = admin.ask(path)
        assert status == 401 and headers["WWW-Authenticate"].startswith("Bearer"), path
        assert admin.ask(path, token=TOKEN[:-1])[0] == 401
        assert TOKEN not in body
    assert admin.ask("/nothing", token=TOKEN)[0] == 404
    admin.wait_ready()
    assert admin.live()
    assert kably.wait_log(r"WARN admin: a request for /\S* without the right token")

    refused = status_of(admin)
    assert refused.returncode == 1 and "KABLY_ADMIN_TOKEN" in refused.stderr
    assert status_of(admin, token="wrong").returncode == 1
    done = status_of(admin, token=TOKEN)
    assert done.returncode == 0, done.stderr
    admin.token = TOKEN
    whole = done.stdout + str(admin.status()) + str(admin.metrics()) + str(admin.ask("/"))
    for secret in config.secrets:
        assert secret not in whole


def test_status_on_a_terminal(mock_world, daemons, rng):
    w = mock_world(partitions=2)
    kably = daemons.run(watched(w))
    admin = Admin(kably)
    early = status_of(admin)
    assert early.returncode == 1 and "not_assigned" in early.stdout or "starting" in early.stdout
    admin.wait_ready()
    w.kafka.produce(w.topic, workload.records(20, 2, rng))
    until(lambda: admin.total("kably_records_published_total") == 20, 30, kably.tail)
    done = status_of(admin)
    assert done.returncode == 0 and not done.stderr
    assert re.search(r"^ready$", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^published +20$", done.stdout, re.MULTILINE), done.stdout
    assert len(re.findall(rf"^{w.topic} ", done.stdout, re.MULTILINE)) == 2, done.stdout
    raw = status_of(admin, "--json")
    assert raw.returncode == 0 and '"published":20' in raw.stdout

    w.ably.faults({"status": 503})
    w.kafka.produce(w.topic, workload.records(5, 2, rng))
    admin.wait_reason("ably_outage")
    not_ready = status_of(admin, "--json")
    assert not_ready.returncode == 1 and '"ready":false' in not_ready.stdout
    assert re.search(r"^not ready\n +worker 0: ably_outage: ", status_of(admin).stdout, re.MULTILINE)
    w.ably.faults()


def test_status_of_nobody_and_of_others(ably):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        done = daemon.command("status", "--admin", url)
        assert done.returncode == 1 and url in done.stderr and "admin {}" in done.stderr
    other = daemon.command("status", "--admin", ably.url)
    assert other.returncode == 1 and "HTTP 404, not as a kably" in other.stderr
    with says_ok() as url:
        polite = daemon.command("status", "--admin", url)
    assert polite.returncode == 1 and "HTTP 200, not as a kably" in polite.stderr
    assert daemon.command("status", "--admin").returncode == 2
    assert daemon.command("status", "--token", "x").returncode == 2
    assert daemon.command("status", "--admin", "gopher://127.0.0.1").returncode == 1


def test_a_port_in_use_is_a_clear_error(mock_world, daemons):
    w = mock_world(partitions=1)
    first = Admin(daemons.run(watched(w)))
    taken = first.url.removeprefix("http://")
    second = daemons.run(w.config().topic(w.topic, channel="x").block("admin", listen=taken))
    assert second.ended() == 1
    assert second.logged(rf"ERROR admin: listen: {re.escape(taken)} is in use"), second.tail()
    first.wait_ready()
    third = daemons.run(w.config().topic(w.topic, channel="x"))  # no block, no server, no trouble
    third.wait_log("assigned")
    assert not third.logged("admin")


def test_clients_that_take_their_time_hurt_nobody(mock_world, daemons, rng):
    w = mock_world(partitions=2)
    kably = daemons.run(watched(w))
    admin = Admin(kably)
    admin.wait_ready()
    host, port = admin.url.removeprefix("http://").split(":")
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection((host, int(port)))) for _ in range(40)]
        for one in slow:
            one.sendall(b"GET /status HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        w.kafka.produce(w.topic, workload.records(200, 2, rng))

        def drip():
            for one in slow:
                with contextlib.suppress(OSError):
                    one.send(b"x")
            return admin.live()

        throughout(drip, 3, kably.tail)
        until(lambda: w.ably.unique() >= 200, 30, kably.tail)
        assert admin.total("kably_records_published_total") == 200
        kably.stop()


def test_methods_and_addresses(mock_world, daemons):
    w = mock_world(partitions=1)
    admin = Admin(daemons.run(watched(w)))
    index = admin.ask("/")
    assert index[0] == 200 and all(f"\n{path} " in index[2] for path in ("/livez", "/metrics", "/status"))
    for path in ("/livez", "/metrics", "/status"):
        status, headers, body = admin.ask(path, method="HEAD")
        assert status == 200 and not body and int(headers["Content-Length"]) > 0
        status, headers, _ = admin.ask(path, method="POST")
        assert status == 405 and headers["Allow"] == "GET, HEAD"
    status, headers, body = admin.ask("/nothing")
    assert status == 404 and headers["Content-Type"] == "application/json" and '"error"' in body
    text = admin.ask("/status", headers={"Accept": "text/plain"})
    assert text[1]["Content-Type"].startswith("text/plain") and text[2].startswith("kably ")
    assert str(admin.status()["pid"]) in text[2] and os.path.exists(f"/proc/{admin.status()['pid']}")
