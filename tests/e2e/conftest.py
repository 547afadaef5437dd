"""Fixtures of the end-to-end tests: the real binary against a local Ably, and against the mock cluster or a real
Apache Kafka broker. Every test has topics, groups and processes of its own, and prints its seed."""

import os
import random
import re
import subprocess

import pytest

import daemon
from kafka_peer import Kafka
from local_ably import Sandbox
from lua import Config
from tls import Authority
from waiting import until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        item.failed = True


@pytest.fixture
def seed():
    """KABLY_SEED repeats a failing run."""
    number = int(os.environ.get("KABLY_SEED", random.SystemRandom().randrange(2**32)))
    print(f"seed {number}: repeat with KABLY_SEED={number}")
    return number


@pytest.fixture
def rng(seed):
    return random.Random(seed)


@pytest.fixture
def name(request):
    """A name that no other test and no earlier run has used, for topics and groups."""
    plain = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    return f"{plain}-{os.urandom(3).hex()}"


@pytest.fixture
def closing():
    """closing(thing) -> thing, closed at the test's end."""
    opened = []

    def keep(thing):
        opened.append(thing)
        return thing

    yield keep
    for thing in opened:
        thing.close()


@pytest.fixture
def authority(tmp_path):
    """Whose certificates are the right ones."""
    return Authority(tmp_path / "authority", "the right one")


@pytest.fixture
def stranger(tmp_path):
    return Authority(tmp_path / "stranger", "somebody else")


@pytest.fixture
def daemons(request, tmp_path):
    started = daemon.Daemons(tmp_path)
    yield started
    started.stop_all(broken=getattr(request.node, "failed", False))


@pytest.fixture
def sandbox(request, tmp_path):
    """sandbox(topics={"orders": 8}) -> a mock cluster and a local Ably; sandbox(kafka=False) -> only the Ably."""
    started = []

    def start(**options):
        started.append(Sandbox(tmp_path, **options))
        return started[-1]

    yield start
    for running in started:
        running.process.finish()


@pytest.fixture
def ably(sandbox):
    """A local Ably alone."""
    return sandbox(kafka=False).ably


def kafka_script(command):
    return subprocess.run(
        [os.path.join(ROOT, "scripts", "kafka"), command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="session")
def real_bootstrap():
    """The real broker: $KABLY_TEST_KAFKA, else the one of scripts/kafka, started unless it runs already."""
    if given := os.environ.get("KABLY_TEST_KAFKA"):
        yield given
        return
    ran_before = kafka_script("env").returncode == 0
    if not ran_before:
        started = kafka_script("start")
        assert started.returncode == 0, f"scripts/kafka start: {started.stdout}{started.stderr}"
    settings = dict(re.findall(r"^(?:export )?(\w+)=(\S+)$", kafka_script("env").stdout, re.MULTILINE))
    yield settings["KAFKA_BOOTSTRAP"]
    if not ran_before:
        kafka_script("stop")


@pytest.fixture
def kafka(real_bootstrap):
    client = Kafka(real_bootstrap, real=True)
    yield client
    client.close()


class World:
    """Kafka with one topic, and a local Ably: where most tests begin."""

    def __init__(self, kafka, ably, topic, partitions, running=None):
        self.kafka, self.ably = kafka, ably
        self.behind = ably  # the local Ably itself, where a test puts something in front of it
        self.places = []  # of the records that a test has produced
        self.running = running  # the sandbox, where Kafka is its mock cluster
        self.topic, self.group, self.partitions = topic, topic + "-group", partitions

    def config(self, **kafka):
        return Config(self.kafka.bootstrap, self.group, self.ably, **kafka)

    def ends(self):
        return self.kafka.ends(self.topic, self.partitions)

    def wait_committed_ends(self, seconds=30):
        self.kafka.wait_committed(self.group, self.topic, self.ends(), seconds)

    def wait_done(self, places, kably, seconds=60):
        """Until the records at those places are published and committed."""
        until(
            lambda: self.behind.unique() >= len(places),
            seconds,
            lambda: f"{len(places)} published; {self.behind.stats()}; {kably.tail()}",
        )
        self.wait_committed_ends()


@pytest.fixture
def real_world(kafka, ably, name):
    """real_world(partitions) on the real broker."""

    def make(partitions=8):
        kafka.create(name, partitions)
        return World(kafka, ably, name, partitions)

    return make


@pytest.fixture
def mock_world(sandbox, name):
    """mock_world(partitions) on the mock cluster."""
    clients = []

    def make(partitions=8):
        running = sandbox(topics={name: partitions})
        clients.append(Kafka(running.bootstrap, real=False))
        return World(clients[-1], running.ably, name, partitions, running)

    yield make
    for client in clients:
        client.close()


@pytest.fixture(params=["mock", "real"])
def world(request):
    """world(partitions), once on the mock cluster and once on the real broker."""
    return request.getfixturevalue(f"{request.param}_world")
