"""Everything that can go wrong between kably and Ably, at random and for as long as asked, under load: no record is
lost or dead-lettered, the order of a channel is kept, and nothing is published twice that its id lets Ably drop.

KABLY_CHAOS_SECONDS says how long (scripts/chaos sets it); KABLY_SEED repeats the same faults in the same order.
"""

import collections
import contextlib
import copy
import os
import subprocess
import time

import pytest

import daemon
import workload
from judge import Arrived
from lua import Config
from relay import Relay
from waiting import pass_time, until

SECONDS = float(os.environ.get("KABLY_CHAOS_SECONDS", 600))
FAULT_SECONDS = (0.2, 2.5)
CALM_SECONDS = (0.05, 1.0)
PARTITIONS, CHANNELS = 4, 20

PAGE = {"body": "<html><body>welcome to the hotel's network</body></html>", "type": "text/html"}

# What the local Ably answers, for a while.
ANSWERS = {
    "500": {"status": 500, "code": 50000},
    "502 as a page": {"status": 502, **PAGE},
    "503": {"status": 503, "code": 50003},
    "504": {"status": 504, "code": 50004},
    "503 of one spec": {"status": 503, "code": 50003, "spec": 0},
    "401": {"status": 401, "code": 40101},
    "401 for a token": {"status": 401, "code": 40142},
    "a page with a good status": {"status": 200, **PAGE},
    "a page said to be JSON": {"status": 201, **PAGE, "type": "application/json"},
    "JSON said to be MessagePack": {"status": 201, "body": "[]", "type": "application/x-msgpack"},
    "half an answer": {"status": 201, "body": '[{"successCount":1,"fail', "type": "application/json"},
    "too few results": {"status": 201, "body": "[]", "type": "application/json"},
    "429": {"status": 429, "code": 42910},
    "429 of the edge": {"status": 429, "code": 42922},
    "429 of one spec": {"status": 429, "code": 42913, "spec": 0},
    "429 of one channel": {"channel": "chaos:user3", "status": 429, "code": 42913},
    "an answer late": {"delay_ms": 400},
    "an answer lost": {"cut": "after"},
    "a request lost": {"cut": "before"},
    "an answer cut": {"cut": "middle"},
}
INVERTING = {"429 of one spec", "503 of one spec"}  # Ably itself refuses one message and takes a later one


class Chaos:
    """The faults, one after the other, each for a random time."""

    def __init__(self, world, relay, rng, no_names):
        self.world, self.relay, self.rng, self.no_names = world, relay, rng, no_names
        self.met = collections.Counter()
        self.faults = {name: self._answer(fault) for name, fault in ANSWERS.items()}
        self.faults |= {
            "connections reset": self._resets,
            "connections refused": self._refusal,
            "a network that stalls": self._stall,
            "a slow network": self._slowness,
        }
        if no_names:
            self.faults["no name resolves"] = self._no_names

    def one(self):
        name = self.rng.choice(list(self.faults))
        with self.faults[name]():
            self._wait(FAULT_SECONDS)
        self.met[name] += 1
        self._wait(CALM_SECONDS)

    def _wait(self, bounds):
        pass_time(self.rng.uniform(*bounds))

    def _answer(self, fault):
        @contextlib.contextmanager
        def lasting():
            self.world.ably.faults({"path": "/messages", **fault})
            yield
            self.world.ably.faults()

        return lasting

    @contextlib.contextmanager
    def _resets(self):
        for _ in range(self.rng.randrange(1, 6)):
            self.relay.reset()
            self._wait((0.01, 0.2))
        yield

    @contextlib.contextmanager
    def _refusal(self):
        self.relay.refuse()
        self.relay.reset()
        yield
        self.relay.accept()

    @contextlib.contextmanager
    def _stall(self):
        self.relay.stall(True)
        yield
        self.relay.stall(False)

    @contextlib.contextmanager
    def _slowness(self):
        self.relay.slow(True)
        yield
        self.relay.slow(False)

    @contextlib.contextmanager
    def _no_names(self):
        """Names matter to new connections alone, so the old ones end."""
        self.no_names.touch()
        self.relay.reset()
        yield
        self.no_names.unlink()


@pytest.fixture
def relay(ably):
    network = Relay(ably.host, ably.port)
    yield network
    network.close()


def preloaded(tmp_path):
    """What lets names stop resolving: (the file that stops them, the environment for it). A sanitizer must be the first
    library of its process, so not there."""
    if daemon.sanitized():
        return None, {}
    source = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support", "no_names.c")
    library = tmp_path / "no_names.so"
    subprocess.run(["cc", "-std=c11", "-O1", "-shared", "-fPIC", "-o", library, source], check=True, timeout=60)
    switch = tmp_path / "no-names"
    return switch, {"LD_PRELOAD": str(library), "KABLY_TEST_NO_NAMES": str(switch)}


@pytest.mark.parametrize("seconds", [15, pytest.param(SECONDS, marks=pytest.mark.long)])
def test_random_faults_under_load(real_world, relay, daemons, rng, tmp_path, seconds):
    w = real_world(PARTITIONS)
    letters = w.topic + "-dlq"
    no_names, environment = preloaded(tmp_path)
    behind = copy.copy(w.ably)
    behind.host, behind.port = "localhost", relay.port
    config = Config(w.kafka.bootstrap, w.group, behind)
    config.topic(w.topic, value="json", channel="chaos:#{key}", on_error="dlq")
    config.block("dead_letter", topic=letters)
    config.env.update(environment)
    kably = daemons.run(config)
    flow = workload.Flow(w, rng, rate=200, channels=CHANNELS)
    until(lambda: w.ably.unique() >= 200, 60, lambda: f"the first records; {kably.tail()}")

    chaos = Chaos(w, relay, rng, no_names)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        chaos.one()
        assert kably.running(), kably.tail()
    relay.heal()
    places = flow.finish()
    w.wait_done(places, kably, 90)
    kably.stop()

    arrived = Arrived(w.ably, w.topic)
    print(f"{len(places)} records, {arrived.repeats()} sent again; faults: {dict(chaos.met)}")
    arrived.check_complete(places)
    assert w.ably.unique() == len(places), "published twice although the id is the same"
    inversions = len(arrived.inversions())
    assert inversions <= (kably.counted_inversions() if INVERTING & set(chaos.met) else 0)
    assert w.kafka.empty(letters), "an outage has dead-lettered records"
