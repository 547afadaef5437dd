"""Reloads: what is right is applied while all goes on, what is wrong changes nothing, and the group never notices."""

import re
import signal
import socket
import threading

import daemon
import workload
from conftest import kafka_script
from judge import Arrived
from reloading import BROKEN, UNREACHABLE, Running, channels
from waiting import pass_time, throughout, until


def test_another_template_is_applied_without_a_lost_record(world, daemons, rng):
    w = world(4)
    flow = workload.Flow(w, rng, rate=500)
    running = Running(w, daemons)
    until(lambda: w.ably.unique() >= 300, 60, running.kably.tail)
    running.topic("two")
    status, answer = running.reload()
    assert status == 200 and answer["generation"] == 2, answer
    assert f'topic "{w.topic}"' in answer["reloaded"], answer
    until(lambda: "two" in channels(w.ably), 30, running.kably.tail)
    places = flow.finish()
    until(lambda: w.ably.unique() >= len(places), 60, running.kably.tail)
    w.wait_committed_ends()
    arrived = Arrived(w.ably, w.topic)
    arrived.check_complete(places)
    arrived.check_order()
    assert arrived.repeats() == 0
    # Of each partition first the old channels, then the new ones: no record was made twice.
    state = running.admin.status()
    assert (state["generation"], state["reloads"], state["reload_failures"]) == (2, 1, 0)
    assert state["last_reload"]["ok"]
    assert running.metric("generation") == 2 and running.metric("reloads_total") == 1
    assert running.kably.logged(r"INFO config: reloaded: generation 2")


def test_what_is_broken_changes_nothing_and_says_where(mock_world, daemons, rng):
    w = mock_world(2)
    running = Running(w, daemons)
    w.kafka.produce(w.topic, workload.records(50, 2, rng))
    until(lambda: w.ably.unique() >= 50, 60, running.kably.tail)
    for n, (name, (rest, expected)) in enumerate(BROKEN.items(), 1):
        good = f'topic "{w.topic}" {{ channel = "two:#{{key}}" }}\n' if name != "no-topic" else ""
        running.write(good + rest.replace("TOPIC", w.topic))
        status, answer = running.reload()
        assert status == 422, (name, answer)
        assert answer["generation"] == 1
        hit = until(lambda: running.kably.logged(rf"ERROR config: reload: .*{expected}"), 5, running.kably.tail)
        assert hit, name
        assert running.metric("reload_failures_total") == n and running.metric("generation") == 1
        w.kafka.produce(w.topic, workload.records(10, 2, rng, begin=50 + 10 * n))
        until(lambda: w.ably.unique() >= 50 + 10 * n, 30, running.kably.tail)
    assert channels(w.ably) == {"one"}
    assert not running.admin.status()["last_reload"]["ok"]
    assert running.admin.reasons() == {}, "it is as ready as before"


def test_all_workers_go_over_or_none_does(mock_world, daemons, rng):
    """A file that can be run twice, and no third time: at its check, for worker 0, and then for worker 1."""
    w = mock_world(4)
    running = Running(w, daemons, workers=2)
    w.kafka.produce(w.topic, workload.records(40, 4, rng))
    until(lambda: w.ably.unique() >= 40, 60, running.kably.tail)
    counters = 'for i = 1, 100 do kably.counter((kably.uuid():gsub("-", ""))) end\n'  # of 256 in a process
    running.write(f'''{counters}topic "{w.topic}" {{ channel = function(record) return "two:" .. record.key end }}''')
    status, answer = running.reload()
    assert status == 422 and "kably.counter" in answer["error"], answer
    w.kafka.produce(w.topic, workload.records(200, 4, rng, begin=40))
    until(lambda: w.ably.unique() >= 240, 60, running.kably.tail)
    assert channels(w.ably) == {"one"}
    assert running.metric("generation") == 1 and running.metric("reload_failures_total") == 1
    running.topic("three")
    assert running.reload()[0] == 200
    w.kafka.produce(w.topic, workload.records(40, 4, rng, begin=240))
    until(lambda: w.ably.unique() >= 280, 60, running.kably.tail)
    assert channels(w.ably) == {"one", "three"}


def test_the_command_and_the_signal(mock_world, daemons, rng):
    w = mock_world(2)
    running = Running(w, daemons)
    running.admin.wait_ready()
    running.topic("two")
    done = daemon.command("reload", "--admin", running.admin.url)
    assert done.returncode == 0 and "generation 2" in done.stdout, done
    running.write("nonsense(")
    done = daemon.command("reload", "--admin", running.admin.url)
    assert done.returncode == 1 and "kably.lua:" in done.stderr and "nothing was changed" in done.stderr, done
    assert "reload" in daemon.command("status", "--admin", running.admin.url).stdout
    running.topic("three")
    running.kably.signal(signal.SIGHUP)
    running.kably.wait_log(r"reloaded: generation 3")
    w.kafka.produce(w.topic, workload.records(10, 2, rng))
    until(lambda: w.ably.unique() >= 10, 30, running.kably.tail)
    assert channels(w.ably) == {"three"}


def test_many_signals_at_once_are_one_reload(mock_world, daemons):
    w = mock_world(1)
    running = Running(w, daemons)
    # The file takes a while, so that all the signals come while it is read.
    slow = "local n = 0; for i = 1, 2e7 do n = n + i end\n"
    running.topic("two", slow)
    askers = [threading.Thread(target=running.reload) for _ in range(20)]
    for asker in askers:
        asker.start()
        for _ in range(10):
            running.kably.signal(signal.SIGHUP)
    for asker in askers:
        asker.join()
    running.kably.wait_log(r"reloaded: generation 2")
    throughout(lambda: 1 <= running.admin.status()["reloads"] <= 3, 1, running.kably.tail)


def test_who_waits_for_a_reload_leaves_room_for_the_probes(mock_world, daemons):
    """All from one address, which may have 64 connections; some have gone away, which nobody sees before the end."""
    running = Running(mock_world(1), daemons)
    running.admin.wait_ready()
    running.topic("two", "local n = 0; for i = 1, 3e7 do n = n + i end\n")
    address = re.match(r"http://(.*):(\d+)", running.admin.url)
    askers = []
    for n in range(90):
        asker = socket.create_connection((address[1], int(address[2])), timeout=60)
        asker.sendall(b"POST /reload HTTP/1.0\r\n\r\n")
        askers.append(asker)
        if n >= 30:  # of these each has had an answer, or waits
            assert running.admin.ask("/livez")[0] == 200
    lines = [asker.recv(12) for asker in askers]
    assert set(lines) == {b"HTTP/1.1 200", b"HTTP/1.1 503"}, lines
    throughout(lambda: 1 <= running.admin.status()["reloads"], 1, running.kably.tail)


def test_what_needs_a_restart_says_so_by_name(mock_world, daemons):
    w = mock_world(1)
    running = Running(w, daemons)
    running.admin.wait_ready()
    running.text = running.text.replace("127.0.0.1:0", "127.0.0.1:1")
    running.topic("two", "limits { workers = 3 }")
    for _ in range(2):  # each time: it is still not so
        status, answer = running.reload()
        assert status == 200
        assert "needs a restart: limits.workers, admin.listen" in answer["reloaded"], answer
    assert running.kably.logged(r"WARN config: reloaded: .*limits\.workers")
    assert len(running.admin.status()["workers"]) == 1


def test_the_files_tests_come_first_where_it_asks_for_that(mock_world, daemons, rng):
    w = mock_world(2)
    running = Running(w, daemons)
    w.kafka.produce(w.topic, workload.records(20, 2, rng))
    until(lambda: w.ably.unique() >= 20, 60, running.kably.tail)
    hook = f"""
        topic "{w.topic}" {{ channel = "two:#{{key}}", transform = function(record)
          kably.counter("seen"):add()
          record.value.text = nil
          return record
        end }}"""
    test = """
        test "the text is left out" {
          given = { key = "k", value = { user = 7, text = "secret" } },
          expect = { channel = "two:k", data = { user = %d } },
        }
        test "and the key is the channel" { given = { key = "l", value = {} }, expect = { channel = "two:l" } }"""

    def seen():
        counters = running.admin.metrics()["kably_hook_counter_total"]
        return sum(value for labels, value in counters.items() if ("name", "seen") in labels)

    running.write(hook + test % 8)
    assert running.reload()[0] == 200, "nobody asked for its tests"
    running.write(hook + test % 8 + "reload { run_tests = true }")
    status, answer = running.reload()
    assert status == 422 and "1 of 2 tests failed" in answer["error"], answer
    log = running.kably.log()
    assert re.search(r"ERROR config: reload: FAIL .*kably\.lua:\d+: the text is left out", log)
    assert re.search(r"ERROR config: reload: .*data\.user: expected 8, got 7", log), "where it differs"
    assert running.metric("generation") == 2
    # Tests may stand beside the file, and see no variable but those of the daemon.
    running.write(hook + "reload { run_tests = true }")
    with open(running.path.replace(".lua", ".test.lua"), "w", encoding="utf-8") as file:
        file.write(test % 7)
    status, answer = running.reload()
    assert status == 200 and "reload.run_tests" in answer["reloaded"], answer
    assert running.metric("generation") == 3
    assert seen() == 0, "tests count for nothing"
    w.kafka.produce(w.topic, workload.records(20, 2, rng, begin=20))
    until(lambda: w.ably.unique() >= 40, 60, running.kably.tail)
    until(lambda: seen() == 20, 5, running.kably.tail)


def test_dead_letters_go_elsewhere_and_the_group_is_not_left(real_world, daemons, rng, kafka):
    w = real_world(2)
    letters = [f"{w.topic}-dlq{n}" for n in range(3)]
    policy = 'value = "json", on_error = "dlq", channel = "one:#{key}"'

    def file(more):
        return f'topic "{w.topic}" {{ {policy} }}\n{more}'

    def poison(n, topic):
        w.kafka.produce(w.topic, [{"key": f"k{i}", "value": "no JSON"} for i in range(n)])
        until(lambda: kafka.exists(topic) and kafka.ends(topic, 1) == {0: n}, 30, running.kably.tail)

    running = Running(w, daemons)
    running.admin.wait_ready()
    members = kafka.members(w.group)
    for n, topic in enumerate(letters[:2]):
        running.write(file(f'dead_letter {{ topic = "{topic}" }}'))
        status, answer = running.reload()
        assert status == 200 and "changed: dead_letter.topic" in answer["reloaded"], answer
        poison(3 + n, topic)
    running.write(file(f'dead_letter {{ topic = "{letters[1]}" }}\nlimits {{ memory = "160MiB" }}'))
    status, answer = running.reload()
    assert status == 200 and "changed: limits.memory" in answer["reloaded"], answer
    running.topic("two")
    assert running.reload()[0] == 200
    assert kafka.members(w.group) == members and running.admin.total("kably_rebalances_total") == 1
    # One that a pattern would take: only another consumer is blind to it.
    running.write(f'topic "^{w.topic}(-dlq2)?$" {{ {policy} }}\ndead_letter {{ topic = "{letters[2]}" }}')
    status, answer = running.reload()
    assert status == 200 and "joining the group anew: dead_letter.topic" in answer["reloaded"], answer
    poison(2, letters[2])
    w.wait_committed_ends()
    assert kafka.members(w.group) != members
    assert kafka.committed(w.group, letters[2], 1) == {0: -1001}, "its own dead letters are not read"


def test_topics_come_and_go_and_the_group_is_not_left(kafka, ably, daemons, name, rng, real_world):
    w = real_world(2)
    other = name + "-other"
    kafka.create(other, 2)
    running = Running(w, daemons)
    w.kafka.produce(w.topic, workload.records(50, 2, rng))
    w.kafka.produce(other, workload.records(50, 2, rng))
    until(lambda: w.ably.unique() >= 50, 60, running.kably.tail)
    members = kafka.members(w.group)
    assert len(members) == 1
    running.topic("one", f'topic "{other}" {{ channel = "other:#{{key}}" }}')
    assert running.reload()[0] == 200
    until(lambda: w.ably.unique() >= 100, 60, running.kably.tail)
    running.write(f'topic "{other}" {{ channel = "again:#{{key}}" }}')
    assert running.reload()[0] == 200
    w.kafka.produce(other, workload.records(20, 2, rng))
    w.kafka.produce(w.topic, workload.records(20, 2, rng))
    until(lambda: w.ably.unique() >= 120, 60, running.kably.tail)
    throughout(lambda: w.ably.unique() == 120, 2, running.kably.tail)
    assert kafka.members(w.group) == members
    running.topic("one", f'topic "{other}" {{ channel = "again:#{{key}}" }}')
    assert running.reload()[0] == 200
    until(lambda: w.ably.unique() >= 140, 60, running.kably.tail)
    assert kafka.members(w.group) == members
    assert Arrived(w.ably, w.topic).repeats() == 0


def test_properties_of_the_client_join_the_group_anew(real_world, daemons, rng, kafka):
    w = real_world(4)
    flow = workload.Flow(w, rng, rate=500)
    running = Running(w, daemons)
    until(lambda: w.ably.unique() >= 300, 60, running.kably.tail)
    members = kafka.members(w.group)
    running.text = running.text.replace('["heartbeat.interval.ms"] = 500', '["heartbeat.interval.ms"] = 700')
    running.topic("two")
    status, answer = running.reload()
    assert status == 200, answer
    assert "joining the group anew: kafka.heartbeat.interval.ms" in answer["reloaded"], answer
    until(lambda: "two" in channels(w.ably), 60, running.kably.tail)
    assert kafka.members(w.group) != members
    # And what no client can be made of changes nothing.
    running.text = running.text.replace('"session.timeout.ms"] = 6000', '"session.timeout.ms"] = 400000')
    running.topic("three")
    before = kafka.members(w.group)
    status, answer = running.reload()
    assert status == 422 and "session.timeout.ms" in answer["error"], answer
    places = flow.finish()
    until(lambda: w.ably.unique() >= len(places), 60, running.kably.tail)
    w.wait_committed_ends()
    assert kafka.members(w.group) == before
    arrived = Arrived(w.ably, w.topic)
    arrived.check_complete(places)
    arrived.check_order()
    assert arrived.repeats() == 0
    assert "three" not in channels(w.ably)


def test_new_credentials_apply_to_what_is_tried_again(mock_world, daemons, rng):
    w = mock_world(2)
    wrong = 'env "ABLY_API_KEY"', '"app.other:wrong"'
    running = Running(w, daemons, edit=lambda text: text.replace(*wrong))
    w.kafka.produce(w.topic, workload.records(50, 2, rng))
    running.admin.wait_reason("ably_credentials")
    until(lambda: running.admin.total("kably_records_consumed_total") == 50, 30, running.kably.tail)
    running.text = running.text.replace("app.other:wrong", "app.other:wronger")
    running.topic("two")
    status, answer = running.reload()
    assert status == 422 and "block ably has changed, and does not work" in answer["error"], answer
    assert "wronger" not in answer["error"] and running.metric("generation") == 1
    running.text = running.text.replace('"app.other:wronger"', wrong[0])
    running.topic("three")
    assert running.reload()[0] == 200
    until(lambda: w.ably.unique() >= 50, 30, running.kably.tail)
    assert channels(w.ably) == {"one"}, "their templates are those that took them"


def test_who_can_not_be_reached_is_not_gone_over_to(mock_world, daemons, rng):
    w = mock_world(2)
    running = Running(w, daemons)
    good = running.text
    running.admin.wait_ready()
    for n, (name, (edit, expected)) in enumerate(UNREACHABLE.items(), 1):
        running.text = edit(good)
        assert running.text != good, name
        running.topic("two")
        status, answer = running.reload()
        assert status == 422 and re.search(f"the block {expected}", answer["error"]), (name, answer)
        assert running.metric("generation") == 1 and running.metric("reload_failures_total") == n
        w.kafka.produce(w.topic, workload.records(20, 2, rng, begin=20 * n))
        until(lambda: w.ably.unique() >= 20 * n, 30, running.kably.tail)
    assert channels(w.ably) == {"one"}
    assert running.admin.total("kably_rebalances_total") == 1
    assert running.admin.reasons() == {}


def test_an_outage_refuses_only_what_touches_it(mock_world, daemons, rng):
    w = mock_world(2)
    running = Running(w, daemons)
    running.admin.wait_ready()
    w.ably.faults({"status": 503})
    w.kafka.produce(w.topic, workload.records(20, 2, rng))
    running.admin.wait_reason("ably_outage")
    running.topic("two", "publish { linger_ms = 5 }")
    assert running.reload()[0] == 200
    touched = running.text.replace("ably {", 'ably { client_id = "me",')
    running.text, before = touched, running.text
    running.topic("three")
    status, answer = running.reload()
    assert status == 422 and "HTTP 503" in answer["error"], answer
    running.text = before.replace("ably {", "ably { http_request_timeout_ms = 9000,")
    running.topic("four")
    assert running.reload()[0] == 200, "how long to wait is nothing that could be tried"
    w.ably.faults()
    running.text = touched
    running.topic("five")
    assert running.reload()[0] == 200
    until(lambda: w.ably.unique() >= 20, 60, running.kably.tail)
    w.kafka.produce(w.topic, workload.records(20, 2, rng, begin=20))
    until(lambda: w.ably.unique() >= 40, 60, running.kably.tail)
    assert channels(w.ably) == {"one", "five"}


def test_a_login_to_kafka_is_tried_first(real_world, daemons, rng, kafka):
    w = real_world(2)
    running = Running(w, daemons)
    running.admin.wait_ready()
    members = kafka.members(w.group)
    settings = dict(re.findall(r"^(?:export )?(\w+)=(\S+)$", kafka_script("env").stdout, re.MULTILINE))
    plain = running.text
    login = plain.replace(kafka.bootstrap, settings["KAFKA_SASL_SSL"]).replace(
        "kafka {",
        f"""kafka {{ ["security.protocol"] = "SASL_SSL", ["sasl.mechanism"] = "PLAIN",
            ["sasl.username"] = "{settings['KAFKA_USER']}", ["ssl.ca.location"] = "{settings['KAFKA_CA']}",
            ["sasl.password"] = "{settings['KAFKA_PASSWORD']}",""",
    )
    running.kably.secrets.add(settings["KAFKA_PASSWORD"])
    running.kably.secrets.add("notthepassword")
    running.text = login.replace(settings["KAFKA_PASSWORD"], "notthepassword")
    running.topic("two")
    status, answer = running.reload()
    assert status == 422 and re.search("block kafka .*[Aa]uthentication", answer["error"]), answer
    assert kafka.members(w.group) == members
    running.text = login
    running.topic("three")
    assert running.reload()[0] == 200
    w.kafka.produce(w.topic, workload.records(20, 2, rng))
    until(lambda: w.ably.unique() >= 20, 60, running.kably.tail)
    assert channels(w.ably) == {"three"} and kafka.members(w.group) != members


def test_the_admin_token_and_the_log_level(mock_world, daemons):
    w = mock_world(1)
    running = Running(w, daemons)
    token = "0123456789abcdef0123"
    running.kably.secrets.add(token)
    running.text = running.text.replace('"127.0.0.1:0"', f'"127.0.0.1:0", ["token"] = "{token}"')
    running.topic("two", 'log { level = "debug" }')
    assert running.reload()[0] == 200
    assert running.admin.ask("/status")[0] == 401
    assert running.admin.ask("/reload", method="POST")[0] == 401
    running.admin.token = token
    assert running.admin.status()["generation"] == 2
    running.text = running.text.replace(token, token[::-1])
    running.topic("three")
    running.kably.secrets.add(token[::-1])
    assert running.reload()[0] == 200, "whoever asked is told, though the token is another by now"
    assert running.admin.ask("/status")[0] == 401


def test_who_may_ask_for_a_reload_and_how(mock_world, daemons):
    running = Running(mock_world(1), daemons)
    status, headers, _ = running.admin.ask("/reload")
    assert (status, headers["Allow"]) == (405, "POST")
    status, _, body = running.admin.ask("/reload", method="POST", headers={"Origin": "http://evil.example"})
    assert status == 403, body
    assert running.admin.status()["reloads"] == 0


def test_a_stop_in_the_middle_of_reloads(mock_world, daemons, rng):
    """Whatever the reload is at: the end is in time, and clean."""
    w = mock_world(2)
    running = Running(w, daemons)
    running.admin.wait_ready()
    running.topic("two", "local n = 0; for i = 1, 3e7 do n = n + i end\n")
    if rng.random() < 0.5:
        running.topic("two", "while true do end\n")
    asked = threading.Thread(target=running.admin.ask, args=("/reload", "POST"), daemon=True)
    asked.start()
    pass_time(rng.random() * 0.3)
    running.kably.stop()
