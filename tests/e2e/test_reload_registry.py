"""Reloads while the schema registry is away and records wait for it: they keep what took them, lose nothing to a file
that is refused, and get their schemas from another registry as soon as there is one."""

import base64
import json

import pytest

from judge import Arrived
from registry_proxy import RegistryProxy
from reloading import Running, closed_port
from test_registry import proxy, record, registry_url, writer  # noqa: F811, F401 (fixtures)
from waiting import until

PARTITIONS = 3
WORKERS = 2

# How a generation is told from another by what it makes of a record.
RULES = {
    "template": 'channel = "{0}:#{{partition}}"',
    "hook": """channel = function(record) return "{0}:" .. record.partition end,
               transform = function(record) record.value.by = "{0}"; return record end""",
}


class Outage:
    """A daemon, two workers, whose registry has gone: in each partition of one topic records wait for a schema that
    nobody has told it, with others behind them whose schema it knows. Another topic needs none."""

    def __init__(self, w, daemons, writer, proxy, name, rules="template"):  # noqa: F811
        self.w, self.rules, self.proxy = w, RULES[rules], proxy
        self.stamped = rules == "hook"
        self.letters, self.other = name + "-dlq", name + "-plain"
        w.kafka.create(self.letters, 1)
        w.kafka.create(self.other, 1)
        known, late = (writer.avro(record(("n", "int"), name=kind), {"n": 0})[:5] for kind in ("Known", "Late"))
        self.known = int.from_bytes(known[1:], "big")
        self.late = int.from_bytes(late[1:], "big")
        self.frames = [late, known, known]
        self.places, self.plain = [], 0
        same = f"""topic "{self.other}" {{ channel = "plain", value = "string", on_error = "dlq" }}
            dead_letter {{ topic = "{self.letters}" }}\n"""
        self.running = Running(w, daemons, lambda text: text.replace("kafka {", same + "kafka {"), workers=WORKERS)
        self.running.kably.secrets |= {"hidden-pass", "other-pass"}
        self.admin = self.running.admin
        self.url = proxy.url.replace("//", "//me:hidden-pass@")
        self.reload("before", self.url, 200)
        until(self.is_shared_out, 30, self.running.kably.tail)
        self.produce(1, [known])
        w.wait_committed_ends()
        self.members = w.kafka.members(w.group)
        begun = self.admin.total("kably_records_consumed_total")
        self.rebalances = self.admin.total("kably_rebalances_total")
        proxy.stop()
        self.produce(9, self.frames)
        waits = {"reason": "schema"}
        until(lambda: self.admin.total("kably_paused_partitions", **waits) == PARTITIONS, 60, self.running.kably.tail)
        self.flows_on()
        # A paused partition gives nothing more: so many were taken, and what is left comes later.
        self.taken = int(self.admin.total("kably_records_consumed_total") - begun) - self.plain + PARTITIONS
        assert self.taken >= 2 * PARTITIONS

    def is_shared_out(self):
        """Each worker reads something, and together all of it: the group has come to rest."""
        shares = [worker["partitions"] for worker in self.admin.status()["workers"]]
        return len(self.w.kafka.members(self.w.group)) == WORKERS and all(shares) and sum(shares) == PARTITIONS + 1

    def reload(self, prefix, url, expected):
        """Another file: what a record becomes, where the registry is. Gives the answer."""
        self.running.write(f"""
            registry {{ url = "{url}" }}
            topic "{self.w.topic}" {{ value = "avro", on_error = "dlq", {self.rules.format(prefix)} }}""")
        status, answer = self.running.reload()
        assert status == expected, answer
        return answer

    def produce(self, rounds, frames):
        """Records that count up, in each partition; the schemas of `frames` by turns."""
        begin = len(self.places) // PARTITIONS
        batch = [
            {"value": frames[(n - begin) % len(frames)] + bytes([n << 1]), "partition": p}
            for n in range(begin, begin + rounds)
            for p in range(PARTITIONS)
        ]
        self.places += self.w.kafka.produce(self.w.topic, batch)

    def flows_on(self):
        """The topic that needs no registry."""
        self.w.kafka.produce(self.other, [{"value": str(self.plain)}])
        self.plain += 1
        until(lambda: len(self.w.ably.history("plain")) == self.plain, 30, self.running.kably.tail)

    def made(self, prefix, partition):
        """The numbers of the records that these rules have made something of, in their order."""
        data = [json.loads(message["data"]) for message in self.w.ably.history(f"{prefix}:{partition}")]
        assert all(value.get("by") == (prefix if self.stamped else None) for value in data), data
        return [value["n"] for value in data]

    def still_waits(self):
        for p in range(PARTITIONS):
            assert self.made("before", p) == [0] and self.made("after", p) == []
        assert self.admin.total("kably_registry_outage") > 0

    def check_arrived(self):
        """All is published once, in order and committed, and the group was not left."""
        self.w.wait_committed_ends(60)
        arrived = Arrived(self.w.ably, self.w.topic)
        arrived.check_complete(self.places)
        arrived.check_order()
        assert arrived.repeats() == 0
        assert self.w.kafka.empty(self.letters)
        assert self.admin.total("kably_records_skipped_total") == 0
        assert self.w.kafka.members(self.w.group) == self.members, "the group was left"
        assert self.admin.total("kably_rebalances_total") == self.rebalances
        self.admin.wait_ready()
        self.running.kably.stop()

    def check(self, generations):
        """The same, and in which order; `generations`: how many records the rules of each made."""
        self.check_arrived()
        made = {prefix: [self.made(prefix, p) for p in range(PARTITIONS)] for prefix in generations}
        for p in range(PARTITIONS):
            assert sum((lists[p] for lists in made.values()), []) == list(range(len(self.places) // PARTITIONS))
        assert {prefix: sum(map(len, lists)) for prefix, lists in made.items()} == generations


@pytest.mark.parametrize("rules", RULES)
def test_what_waits_keeps_the_rules_that_took_it(real_world, daemons, writer, proxy, name, rules):  # noqa: F811
    """The registry is not asked, for its block is the same; what comes behind goes by the new rules."""
    outage = Outage(real_world(PARTITIONS), daemons, writer, proxy, name, rules)
    outage.reload("after", outage.url, 200)
    assert outage.running.metric("generation") == 3
    outage.produce(6, outage.frames)
    outage.flows_on()
    outage.still_waits()
    proxy.start()
    outage.check({"before": outage.taken, "after": len(outage.places) - outage.taken})


def test_a_registry_that_nobody_reaches_is_refused_and_the_old_one_waited_for(
    real_world, daemons, writer, proxy, name  # noqa: F811
):
    outage = Outage(real_world(PARTITIONS), daemons, writer, proxy, name)
    port = closed_port()
    answer = outage.reload("after", f"http://me:other-pass@127.0.0.1:{port}", 422)
    assert f"the block registry has changed, and does not work: http://127.0.0.1:{port}: " in answer["error"], answer
    assert "other-pass" not in json.dumps(answer) and answer["generation"] == 2
    assert outage.running.kably.logged(rf"ERROR config: reload: .* http://127\.0\.0\.1:{port}: ")
    assert outage.running.kably.logged("reload failed; generation 2 of .* goes on as it is")
    assert outage.running.metric("generation") == 2 and outage.running.metric("reload_failures_total") == 1
    outage.produce(6, outage.frames)
    outage.flows_on()
    outage.still_waits()
    proxy.start()
    outage.check({"before": len(outage.places), "after": 0})


def test_another_registry_gives_what_waits_its_schemas(real_world, daemons, writer, proxy, registry_url, name):  # noqa: F811
    """The old one stays away. What it had told is asked for again: elsewhere an id may mean another schema."""
    outage = Outage(real_world(PARTITIONS), daemons, writer, proxy, name)
    front = RegistryProxy(registry_url)
    try:
        outage.reload("after", front.url.replace("//", "//me:other-pass@"), 200)
        outage.produce(6, outage.frames)
        outage.flows_on()
        outage.check({"before": outage.taken, "after": len(outage.places) - outage.taken})
    finally:
        front.close()
    for schema in (outage.known, outage.late):
        assert front.asked[f"/schemas/ids/{schema}"] == WORKERS, "once a worker, however many wait"


def test_without_a_registry_what_waits_goes_by_the_new_rules(real_world, daemons, writer, proxy, name):  # noqa: F811
    """Nobody will ever tell its schema."""
    outage = Outage(real_world(PARTITIONS), daemons, writer, proxy, name)
    outage.running.write(f'topic "{outage.w.topic}" {{ channel = "after:#{{partition}}", value = "bytes" }}')
    status, answer = outage.running.reload()
    assert status == 200, answer
    outage.produce(6, outage.frames)
    outage.check_arrived()
    for p in range(PARTITIONS):
        assert outage.made("before", p) == [0]
        got = [base64.b64decode(message["data"]) for message in outage.w.ably.history(f"after:{p}")]
        assert [value[5] >> 1 for value in got] == list(range(1, len(outage.places) // PARTITIONS))
