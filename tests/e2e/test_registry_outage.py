"""Registries that are away, refuse, or don't know: an outage costs no record and holds back only the partitions that
need it, and the operator sees it; what the registry does not know is the record's own fault."""

import base64
import json
import struct
import time

import pytest

import sdk
from admin import Admin
from judge import Arrived
from test_registry import proxy, record, registry_url, writer  # noqa: F401 (fixtures)
from waiting import pass_time, until

UNKNOWN = 2**31 - 7


def avro_int(n):
    """As Avro writes it."""
    n, out = n << 1 ^ n >> 63, b""
    while n > 0x7F:
        n, out = n >> 7, out + bytes([n & 0x7F | 0x80])
    return out + bytes([n])


def unknown(payload=b"\x02"):
    return b"\x00" + struct.pack(">I", UNKNOWN) + payload


def test_an_unknown_id_is_the_records_own_fault(real_world, daemons, kafka, writer, proxy, name):  # noqa: F811
    """Exactly those records become dead letters, after one request for all of them; the others are published."""
    w = real_world(partitions=2)
    letters = name + "-dlq"
    kafka.create(letters, 1)
    good = [writer.avro('"int"', n) for n in range(20)]
    values = [value for number in range(20) for value in (good[number], unknown(bytes([number])))]
    w.kafka.produce(w.topic, [{"value": value, "partition": n % 4 // 2} for n, value in enumerate(values)])
    config = w.config().block("registry", url=proxy.url).block("dead_letter", topic=letters)
    config.topic(w.topic, channel="formats:#{partition}", value="avro", on_error={"decode": "dlq"})
    kably = daemons.run(config.block("admin", listen="127.0.0.1:0"))
    w.wait_committed_ends(60)
    for partition in (0, 1):
        got = [int(m["data"]) for m in w.ably.history(f"formats:{partition}")]
        assert got == list(range(partition, 20, 2))
    assert sorted(letter.value for letter in kafka.read(letters, 20)) == [unknown(bytes([n])) for n in range(20)]
    assert kafka.ends(letters, 1) == {0: 20}
    assert proxy.asked[f"/schemas/ids/{UNKNOWN}"] == 1
    assert kably.logged("the registry does not know it")
    admin = Admin(kably)
    assert admin.total("kably_registry_requests_total", result="unknown") == 1
    assert admin.total("kably_registry_requests_total", result="outage") == 0
    assert admin.reasons() == {}
    kably.stop()


@pytest.mark.long
def test_an_unknown_id_is_asked_for_again(real_world, daemons, writer, proxy):  # noqa: F811
    """A minute later it may have been registered."""
    w = real_world(partitions=1)
    answer = (404, json.dumps({"error_code": 40403, "message": "Schema not found"}).encode())
    proxy.fault = lambda path: answer if path.endswith(f"/{UNKNOWN}") else None
    w.kafka.produce(w.topic, [{"value": unknown()}, {"value": writer.avro('"int"', 5)}])
    config = w.config().block("registry", url=proxy.url)
    config.topic(w.topic, channel="formats", value="avro", on_error={"decode": "skip"})
    kably = daemons.run(config)
    w.wait_committed_ends(60)
    answer = (200, b'{"schema":"\\"int\\""}')
    w.kafka.produce(w.topic, [{"value": unknown(b"\x0c")}])
    w.wait_committed_ends(60)
    assert [m["data"] for m in w.ably.history("formats")] == ["5"]  # remembered as unknown

    def comes():
        w.kafka.produce(w.topic, [{"value": unknown(b"\x0e")}])
        return "7" in [m["data"] for m in w.ably.history("formats")]

    until(comes, 90, "the schema to be asked for again", every=3)
    assert proxy.asked[f"/schemas/ids/{UNKNOWN}"] == 2
    kably.stop()


OUTAGES = {
    "503": ((503, b"no"), "HTTP 503"),
    "401": ((401, b'{"error_code":401,"message":"who?"}'), "HTTP 401: who.*look at registry { auth } or { token }"),
    "302": ((302, b""), "HTTP 302.*redirects are not followed"),
    "a page": ((200, b"<html>"), "no schema in it: is this a schema registry's address"),
    "another 404": ((404, b"<html>"), "HTTP 404.*is the path of the address right"),
}


@pytest.mark.parametrize("outage", OUTAGES)
def test_an_outage_holds_back_only_who_needs_the_schema(real_world, daemons, kafka, writer, proxy, name, outage):  # noqa: F811
    """Nothing lost, nothing skipped; a topic without a registry flows on; the operator sees what, where, why, since
    when, and that it is over."""
    w = real_world(partitions=2)
    other = name + "-plain"
    answer, words = OUTAGES[outage]
    kafka.create(other, 1)
    proxy.fault = lambda path: answer
    values = [writer.avro('"int"', n) for n in range(50)]
    w.kafka.produce(w.topic, [{"value": value, "key": str(n % 2), "partition": n % 2} for n, value in enumerate(values)])
    kafka.produce(other, [{"value": "flows"}])
    config = w.config().block("registry", url=proxy.url.replace("//", "//me:hidden-pass@"))
    config.topic(w.topic, channel="formats:#{partition}", value="avro", on_error="skip")
    config.topic(other, channel="plain", value="string").block("admin", listen="127.0.0.1:0")
    config.secrets.add("hidden-pass")
    kably = daemons.run(config)
    until(lambda: len(w.ably.history("plain")) == 1, 30, "the topic without a registry to be published")
    line = rf"WARN registry: {proxy.url}: schema \d+: .*{words}.*the partitions that need it wait, nothing is lost"
    kably.wait_log(line)
    kafka.produce(other, [{"value": "flows"}])
    until(lambda: len(w.ably.history("plain")) == 2, 30, "the topic without a registry to flow on")
    assert w.ably.history("formats:0") == []

    admin = Admin(kably)
    until(lambda: "2 partitions wait" in admin.wait_reason("registry_outage")["detail"], 30, "both to wait")
    detail = admin.reasons()["registry_outage"]["detail"]
    assert detail.startswith(f"{proxy.url}: schema ") and "hidden-pass" not in detail, detail
    (worker,) = admin.status()["workers"]
    assert worker["registry_outage"]["partitions"] == 2 and worker["registry_outage"]["tries"] > 0
    assert admin.total("kably_registry_outage") == 1
    assert admin.total("kably_registry_requests_total", result="outage") > 0
    assert admin.total("kably_registry_requests_total", result="ok") == 0
    assert admin.total("kably_paused_partitions", reason="schema") == 2

    proxy.fault = lambda path: None
    w.wait_committed_ends(60)
    for partition in (0, 1):
        assert [int(m["data"]) for m in w.ably.history(f"formats:{partition}")] == list(range(partition, 50, 2))
    admin.wait_ready()
    assert admin.status()["workers"][0]["registry_outage"] is None
    assert admin.total("kably_registry_outage") == 0 and admin.total("kably_registry_requests_total", result="ok") > 0
    kably.stop()
    said = [row for row in kably.log().splitlines() if " registry: " in row and "outage" not in row]
    assert len([row for row in said if "the partitions that need it wait" in row]) == 1, said
    assert len([row for row in said if " answers again after " in row]) == 1, said


@pytest.mark.parametrize("format", ["avro", "auto"])
def test_however_many_records_wait_a_topic_without_a_registry_flows_on(real_world, daemons, kafka, writer, proxy, name, format):  # noqa: F811
    """What waits for a schema is far more than may wait for Ably: it stops nobody who needs no schema, and what is kept
    stays bounded, for the partitions that need the registry are no longer read."""
    w = real_world(partitions=20)
    plain = name + "-plain"
    kafka.create(plain, 1)
    proxy.stop()
    value = writer.avro('"string"', "x" * 2000)
    w.kafka.produce(w.topic, [{"value": value, "partition": n % 20} for n in range(20 * 300)])
    config = w.config().block("registry", url=proxy.url).block("admin", listen="127.0.0.1:0")
    config.block("publish", concurrency=1, max_bytes=65536, requests_per_second=0)  # a ceiling of 1 MiB
    config.topic(w.topic, channel="formats:#{partition}", value=format, on_error="skip")
    config.topic(plain, channel="plain", value="json")
    kably = daemons.run(config)
    admin = Admin(kably)
    until(lambda: admin.total("kably_paused_partitions") >= 20, 60, "all 20 partitions to be paused")
    for n in range(5):
        kafka.produce(plain, [{"value": str(n)}])
        until(lambda n=n: len(w.ably.history("plain")) == n + 1, 30, "the topic without a registry to flow on")
    assert admin.total("kably_paused_partitions", reason="schema") == 20
    assert admin.total("kably_paused_partitions", reason="memory") == 0
    assert admin.total("kably_held_bytes") < 2 * 2**20  # of 12 MB: half of the ceiling, and what one take adds
    proxy.start()
    w.wait_committed_ends(120)
    assert sum(len(w.ably.history(f"formats:{p}")) for p in range(20)) == 20 * 300
    kably.stop()


CIPHER_KEY = "o9qXZoPGDNla50VnRwH7cGqIrpyagTxGsRgimKJbY40="


def test_what_waited_for_its_schema_is_encrypted_all_the_same(real_world, daemons, writer, proxy):  # noqa: F811
    """Nothing of an encrypted topic goes in clear text, whichever way it comes to Ably."""
    w = real_world(partitions=1)
    proxy.away = True
    schema = record(("secret", "string"))
    w.kafka.produce(w.topic, [{"value": writer.avro(schema, {"secret": f"hush {n}"})} for n in range(20)])
    config = w.config().block("registry", url=proxy.url)
    config.topic(w.topic, channel="sealed", value="avro", cipher={"key": CIPHER_KEY}, on_error="skip")
    kably = daemons.run(config)
    kably.wait_log("the partitions that need it wait")
    proxy.away = False
    w.wait_committed_ends(60)
    kably.stop()
    raw = w.ably.history("sealed")
    assert [m["encoding"] for m in raw] == ["json/utf-8/cipher+aes-256-cbc/base64"] * 20
    assert not any(b"hush" in base64.b64decode(m["data"]) for m in raw)
    messages = sdk.read(w.ably, {"sealed": CIPHER_KEY})["sealed"]
    assert [m["value"] for m in messages] == [{"secret": f"hush {n}"} for n in range(20)]


@pytest.mark.long
def test_twenty_seconds_without_the_registry_under_load(real_world, daemons, kafka, writer, proxy, name):  # noqa: F811
    """It is stopped; new schemas appear all the while, the daemon is killed and started again in the midst of it:
    nothing is lost, nothing dead-lettered, order is kept, and the topic that needs no registry flows on."""
    w = real_world(partitions=3)
    other, letters = name + "-plain", name + "-dlq"
    kafka.create(other, 1)
    kafka.create(letters, 1)
    config = w.config().block("registry", url=proxy.url)
    config.topic(w.topic, channel="formats:#{partition}", value="avro", on_error="dlq")
    config.topic(other, channel="plain", value="string", on_error="dlq").block("dead_letter", topic=letters)
    kably = daemons.run(config)
    places = []
    begun, n, plain, flowed = time.monotonic(), 0, 0, 0  # flowed: of the other topic, while the registry was away
    away_at, back_at, killed, away = begun + 2, begun + 22, False, False
    while (now := time.monotonic()) < begun + 26:
        if away != (away_at < now < back_at):
            away = not away
            proxy.stop() if away else proxy.start()
        if not killed and now > begun + 12:
            kably.kill()
            kably, killed = daemons.run(config), True
        schema = record(("n", "int"), name=f"New{n // 200}")  # each is first seen by one of the partitions
        frame = writer.avro(schema, {"n": 0})[:5]
        batch = [{"value": frame + avro_int(n + i), "partition": (n + i) % 3} for i in range(200)]
        places += w.kafka.produce(w.topic, batch)
        kafka.produce(other, [{"value": str(plain)}])
        n, plain = n + 200, plain + 1
        if away and now > away_at + 3:
            until(lambda: len(w.ably.history("plain")) == plain, 15, "the topic without a registry to flow on")
            flowed += 1
        pass_time(0.1)
    assert flowed > 3, f"the registry was hardly away: {flowed}"
    w.wait_committed_ends(90)
    arrived = Arrived(w.ably, w.topic)
    arrived.check_complete(places)
    arrived.check_order()
    newest = w.ably.history("formats:0", newest=1)
    assert json.loads(newest[0]["data"])["n"] % 3 == 0
    until(lambda: len(w.ably.history("plain")) == plain, 30, "all of the topic without a registry")
    assert kafka.empty(letters)
    assert kably.logged("the partitions that need it wait") and kably.logged("answers again after")
    kably.stop()
    print(f"{n} records with {n // 200} schemas; {flowed} records of the other topic passed while the registry was away")
