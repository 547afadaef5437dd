"""Starting and ending: what is down is waited for, loudly; SIGTERM ends it within ten seconds whatever is down."""

import contextlib
import signal
import socket
import threading
import time

import pytest

import workload
from judge import Arrived
from kafka_peer import Kafka
from lua import Config, Raw
from waiting import throughout, until


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def forward(port, bootstrap):
    """A port that leads to the broker, from now on."""
    host, target = bootstrap.split(",")[0].rsplit(":", 1)
    server = socket.create_server(("127.0.0.1", port))
    open_sockets = [server]

    def pump(source, sink):
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                sink.sendall(chunk)
            sink.shutdown(socket.SHUT_WR)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                near, _ = server.accept()
                far = socket.create_connection((host, int(target)))
                open_sockets.extend((near, far))
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield
    finally:
        for one in open_sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_what_was_taken(real_world, daemons, rng, number):
    w = real_world(partitions=4)
    flow = workload.Flow(w, rng, rate=500)
    config = w.config().topic(w.topic, value="json", channel="drain:#{key}")
    kably = daemons.run(config)
    until(lambda: w.ably.unique() >= 500, 60, kably.tail)
    kably.signal(number)
    assert kably.ended() == 0, kably.tail()
    committed = w.kafka.committed(w.group, w.topic, 4)
    behind = {(p, o) for p, o in Arrived(w.ably, w.topic).places() if o >= committed[p]}
    assert not behind, "it published what it did not commit, with nothing in its way"

    again = daemons.run(config)
    places = flow.finish()
    until(lambda: w.ably.unique() >= len(places), 60, again.tail)
    w.wait_committed_ends()
    again.stop()
    arrived = Arrived(w.ably, w.topic)
    arrived.check_complete(places)
    arrived.check_order()
    assert arrived.repeats() == 0


def test_sigterm_while_ably_is_down_says_how_much_comes_again(real_world, daemons, rng):
    w = real_world(partitions=2)
    config = w.config().topic(w.topic, channel="down:#{key}").block("limits", drain_ms=3000)
    w.ably.faults({"status": 503})
    places = w.kafka.produce(w.topic, workload.records(300, 2, rng))
    kably = daemons.run(config)
    kably.wait_log("503")
    begun = time.monotonic()
    kably.stop()
    print(f"ended after {time.monotonic() - begun:.1f} s")
    assert kably.logged(r"\b[1-9]\d* record.*again"), kably.tail()
    w.ably.faults()
    again = daemons.run(config)
    until(lambda: w.ably.unique() >= len(places), 60, again.tail)
    w.wait_committed_ends()
    Arrived(w.ably, w.topic).check_complete(places)


def test_a_second_signal_ends_it_at_once(real_world, daemons, rng):
    w = real_world(partitions=2)
    config = w.config().topic(w.topic, channel="down:#{key}").block("limits", drain_ms=9000)
    w.ably.faults({"status": 503})
    w.kafka.produce(w.topic, workload.records(100, 2, rng))
    kably = daemons.run(config)
    kably.wait_log("503")
    kably.signal(signal.SIGTERM)
    throughout(kably.running, 1, "waiting for Ably in its drain")
    kably.signal(signal.SIGTERM)
    kably.ended(2)


@pytest.mark.parametrize("ably_too", [False, True], ids=["ably-is-well", "ably-is-down-too"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["closed", "silent"])
def test_sigterm_while_the_broker_is_gone(mock_world, ably, daemons, rng, how, ably_too):
    """Its connections closed, or its host silent: the end is bounded all the same."""
    w = mock_world(partitions=2)
    cluster = w.running.process
    w.ably = ably  # of another process: only the broker goes away
    w.kafka.produce(w.topic, workload.records(100, 2, rng))
    kably = daemons.run(w.config().topic(w.topic, channel="gone:#{key}"))
    until(lambda: ably.unique() >= 100, 60, kably.tail)
    if ably_too:
        ably.faults({"status": 503})
        w.kafka.produce(w.topic, workload.records(100, 2, rng))
        kably.wait_log("503")
    kably.may_hang = True
    cluster.signal(how)
    try:
        if how == signal.SIGKILL:
            kably.wait_log(r"(WARN|ERROR) kafka")
        begun = time.monotonic()
        kably.stop()
        print(f"ended after {time.monotonic() - begun:.1f} s")
    finally:
        cluster.kill()


def test_sigterm_before_the_broker_was_ever_there(ably, daemons):
    config = Config(f"127.0.0.1:{free_port()}", "never", ably).topic("t", channel="x")
    kably = daemons.run(config)
    kably.wait_log(r"(?i)(WARN|ERROR).*(broker|kafka|connect)")
    kably.stop()


def test_an_absent_broker_is_waited_for_loudly(real_world, daemons, rng):
    w = real_world(partitions=2)
    places = w.kafka.produce(w.topic, workload.records(50, 2, rng))
    port = free_port()
    config = w.config(bootstrap_servers=f"127.0.0.1:{port}").topic(w.topic, channel="absent:#{key}")
    kably = daemons.run(config)
    kably.wait_log(rf"(WARN|ERROR).*127\.0\.0\.1:{port}")
    throughout(kably.running, 2, kably.tail)
    with forward(port, w.kafka.bootstrap):
        until(lambda: w.ably.unique() >= len(places), 60, kably.tail)
        w.wait_committed_ends()
        kably.stop()


def test_wrong_credentials_are_waited_for_loudly(real_world, daemons, rng):
    w = real_world(partitions=2)
    places = w.kafka.produce(w.topic, workload.records(50, 2, rng))
    w.ably.faults({"status": 401, "code": 40101, "message": "invalid credentials"})
    kably = daemons.run(w.config().topic(w.topic, channel="credentials:#{key}"))
    kably.wait_log(r"(WARN|ERROR).*(401|40101)")
    throughout(kably.running, 2, kably.tail)
    assert all(offset <= 0 for offset in w.kafka.committed(w.group, w.topic, 2).values())
    assert w.ably.unique() == 0
    w.ably.faults()
    until(lambda: w.ably.unique() >= len(places), 60, kably.tail)
    w.wait_committed_ends()
    Arrived(w.ably, w.topic).check_complete(places)
    kably.stop()


def test_an_unknown_topic_is_waited_for(kafka, ably, daemons, name):
    kably = daemons.run(Config(kafka.bootstrap, name, ably).topic(name, channel="new"))
    kably.wait_log(name)
    kafka.create(name, 1)
    kafka.produce(name, [{"value": "v"}])
    until(lambda: ably.unique() >= 1, 60, kably.tail)
    kably.stop()


@pytest.mark.parametrize("workers", [1, 4])
def test_the_end_with_dead_letters_out_and_a_silent_broker(sandbox, name, daemons, workers):
    """Nobody waits for the letters then: they are written again after the next start."""
    letters = name + "-dlq"
    running = sandbox(topics={name: 8, letters: 1})
    kafka = Kafka(running.bootstrap, real=False)
    kafka.produce(name, [{"value": "{", "partition": n % 8} for n in range(20000)])
    config = Config(running.bootstrap, name + "-group", running.ably)
    config.topic(name, value="json", channel="c", on_error="dlq").block("dead_letter", topic=letters)
    kably = daemons.run(config.block("limits", workers=workers))
    kably.may_hang = True
    kably.wait_log(r"policy=dlq", 60)
    running.process.signal(signal.SIGSTOP)
    try:
        kably.signal(signal.SIGTERM)
        assert kably.ended() == 0
    finally:
        running.process.signal(signal.SIGCONT)
        kafka.close()


def test_sigterm_while_a_stop_policy_drains_is_the_first_signal(real_world, daemons):
    """Symptom: it was taken for a second one, so nothing was committed and the exit code was 0."""
    w = real_world(partitions=2)
    w.ably.faults({"status": 503})
    w.kafka.produce(w.topic, [{"value": '{"a":1}', "partition": 0}] * 20)
    config = w.config().topic(w.topic, value="json", channel="c:x").block("limits", drain_ms=3000)
    kably = daemons.run(config)
    kably.wait_log("503")
    w.kafka.produce(w.topic, [{"value": "{bad", "partition": 1}])
    kably.wait_log("policy=stop")
    kably.signal(signal.SIGTERM)
    assert kably.ended() == 1
    assert not kably.logged("second signal"), kably.tail()


def test_sigterm_while_every_record_runs_away(mock_world, daemons):
    """Symptom: hundreds of functions of 50 ms each before the worker looked at anything else."""
    w = mock_world(partitions=1)
    w.kafka.produce(w.topic, [{"value": "1", "partition": 0}] * 2000)
    endless = Raw("function(record) while true do end end")
    kably = daemons.run(w.config().topic(w.topic, value="json", channel="c", on_error="skip", transform=endless))
    kably.wait_log("policy=skip")
    kably.stop()
