"""Reload after reload while records flow, half of them broken in different ways: no record is lost, doubled or
reordered, and the group is not left once."""

import collections
import os
import re

import workload
from conftest import kafka_script
from judge import Arrived
from reloading import BROKEN, UNREACHABLE, Running
from waiting import until

POISON = 97  # a record whose offset it divides is one that the hook can't bear
PREFIXES = "abc"


def poison(place):
    return place[1] % POISON == POISON - 1


class Editor:
    """Files as somebody in a hurry writes them. Each good one differs from the last in several things."""

    def __init__(self, running, other, rng):
        self.running, self.other, self.rng = running, other, rng
        self.good = re.sub(r"limits \{.*?\n\}\n", "", running.text, flags=re.DOTALL)
        settings = dict(re.findall(r"^(?:export )?(\w+)=(\S+)$", kafka_script("env").stdout, re.MULTILINE))
        self.registry = settings["SCHEMA_REGISTRY_URL"]
        self.with_other = False
        self.topic_changes = 0

    def hooks(self):
        """Each of them fails for the same records, so that it is known which may be missing."""
        return self.rng.choice(
            [
                "return record",
                "record.value.text = nil; return record",
                'record.value.seen = { at = record.offset, by = "kably" }; return record',
                "local copy = kably.copy(record.value); record.value = copy; return record",
            ]
        )

    def topic(self, name):
        prefix = self.rng.choice(PREFIXES)
        channel = self.rng.choice([f'"{prefix}:#{{key}}"', f'function(record) return "{prefix}:" .. record.key end'])
        return f"""
            topic "{name}" {{
              channel = {channel}, value = "{self.rng.choice(['json', 'auto'])}", key = "string",
              on_error = "{self.rng.choice(['skip', 'dlq'])}", name = "{self.rng.choice(['n', '#{topic}'])}",
              transform = function(record)
                if record.offset % {POISON} == {POISON - 1} then error("this one not") end
                {self.hooks()}
              end,
            }}"""

    def ably(self, text):
        """Another host, other credentials: of the same Ably."""
        if self.rng.random() < 0.5:
            text = text.replace('["endpoint"] = "127.0.0.1"', '["endpoint"] = "localhost"')
        more = self.rng.choice(["", "use_token_auth = true,", 'client_id = "kably",', "http_open_timeout_ms = 3000,"])
        return text.replace("ably {", "ably { " + more, 1)

    def limits(self):
        memory, hook_ms = self.rng.choice(["200MiB", "256MiB", "512MiB"]), self.rng.choice([50, 80])
        return f"""
            limits {{ memory = "{memory}", hook_ms = {hook_ms}, workers = 2, drain_ms = 4000 }}
            dead_letter {{ topic = "{self.running.world.topic}-dlq{self.rng.randrange(2)}" }}
            publish {{
              linger_ms = {self.rng.choice([1, 50])}, concurrency = {self.rng.randrange(2, 20)},
              max_records = {self.rng.choice([1, 10, 1000])}, max_channels = {self.rng.choice([1, 100])},
              requests_per_second = {self.rng.choice([0, 500])},
            }}"""

    def right(self):
        if self.rng.random() < 0.1:
            self.with_other = not self.with_other
            self.topic_changes += 1
        topics = [self.running.world.topic] + [self.other] * self.with_other
        registry = f'registry {{ url = "{self.registry}" }}' if self.rng.random() < 0.5 else ""
        self.running.text = self.ably(self.good)
        self.running.write("\n".join([*map(self.topic, topics), self.limits(), registry]))

    def wrong(self):
        """Gives what is to be said of it."""
        self.running.text = self.good
        ways = [*BROKEN.items(), *UNREACHABLE.items()]
        name, (how, expected) = ways[self.rng.randrange(len(ways))]
        bad = f'topic "{self.running.world.topic}" {{ channel = "bad:#{{key}}" }}\n'
        if name in UNREACHABLE:
            self.running.text = how(self.good)
            self.running.write(bad + self.limits())
            return name, f"the block {expected}"
        how = how.replace("TOPIC", self.running.world.topic)
        self.running.write((bad if how else "") + how)
        return name, expected


# What Ably does meanwhile. Only where messages are published, so that what a reload asks for has its answer.
TROUBLE = [
    {"path": "/messages", "status": 503, "times": 2},
    {"path": "/messages", "cut": "before", "times": 2},
    {"path": "/messages", "cut": "after", "times": 2},
    {"path": "/messages", "delay_ms": 200, "times": 5},
]


def dead_letters(w, topic):
    """The places that they are from."""
    if not w.kafka.exists(topic):
        return
    for letter in w.kafka.read(topic, sum(w.kafka.ends(topic, 1).values())):
        names = {name.removeprefix("__connect.errors."): value for name, value in letter.headers}
        yield names["topic"].decode(), int(names["partition"]), int(names["offset"])


def check_single(w, expected):
    """None was published twice: under one id Ably drops repeats, but on one channel only."""
    twice = collections.defaultdict(set)
    for channel, place in w.ably.deliveries():
        twice[place].add(channel)
    twice = {place: channels for place, channels in twice.items() if len(channels) > 1}
    assert not twice, f"{len(twice)} records on two channels: {list(twice.items())[:5]}"
    assert w.ably.unique() == expected


def check(w, running, other, flows, letters):
    """Every record that a hook did not refuse has arrived, with one id, in its channel's order."""
    for topic, places in flows.items():
        good = {place for place in places if not poison(place)}
        arrived = Arrived(w.ably, topic)
        arrived.check_complete(good)
        arrived.check_order()
        ends = w.kafka.ends(topic, 4)
        w.kafka.wait_committed(w.group, topic, ends, 60)
    refused = {(topic, *place) for topic, places in flows.items() for place in places if poison(place)}
    dead = [place for topic in letters for place in dead_letters(w, topic)]
    skipped = running.admin.total("kably_records_skipped_total")
    twice = [place for place, times in collections.Counter(dead).items() if times > 1]
    assert not twice and refused >= set(dead), f"{twice} lie there twice; {set(dead) - refused} were no poison"
    assert skipped + len(dead) == len(refused), f"{skipped} skipped, {len(dead)} dead letters, {len(refused)} refused"
    assert dead and skipped, "no record was refused: too few records"


def hammer(w, running, name, rng, count):
    other = name + "-other"
    w.kafka.create(other, 4)
    editor = Editor(running, other, rng)
    editor.right()
    assert running.reload()[0] == 200
    flow = workload.Flow(w, rng, rate=100)
    beside = workload.Flow(w, rng, rate=20, topic=other)
    until(lambda: w.ably.unique() >= 100, 60, running.kably.tail)
    members = until(lambda: len(found := w.kafka.members(w.group)) == 2 and found, 30, "two workers in the group")
    seen = collections.Counter()
    good = 1
    for n in range(count):
        if n % 2:
            kind, expected = editor.wrong()
            seen[kind] += 1
            status, answer = running.reload()
            assert status == 422, (kind, answer)
            assert re.search(expected, answer["error"], re.MULTILINE), (kind, answer)
            continue
        w.ably.faults(*rng.sample(TROUBLE, rng.randrange(3)))
        editor.right()
        status, answer = running.reload()
        assert status == 200, answer
        good += 1
        assert w.kafka.members(w.group) == members, "the group was left"
    w.ably.faults()
    editor.with_other = False  # so that the next one has it
    while not editor.with_other:
        editor.right()
    assert running.reload()[0] == 200
    flows = {w.topic: flow.finish(), other: beside.finish()}
    expected = sum(not poison(place) for places in flows.values() for place in places)
    until(lambda: w.ably.unique() >= expected, 120, running.kably.tail)
    check_single(w, expected)
    letters = [f"{w.topic}-dlq{n}" for n in range(2)]
    check(w, running, other, flows, letters)
    assert w.kafka.members(w.group) == members, "the group was left"
    assert editor.topic_changes > 0 and running.metric("generation") == good + 2
    assert running.metric("reload_failures_total") == count // 2
    assert not running.kably.logged("leave the group"), "no consumer was made anew"
    assert "bad" not in {channel.split(":")[0] for channel, _ in w.ably.deliveries()}
    print(f"{good} right, wrong: {dict(seen)}; {expected} records")


def test_reloads_under_load(real_world, daemons, name, rng):
    w = real_world(4)
    hammer(w, Running(w, daemons, workers=2), name, rng, int(os.environ.get("KABLY_RELOADS", 200)))

