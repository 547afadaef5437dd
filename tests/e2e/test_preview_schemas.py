"""`kably preview` of records that need a schema registry: shown as the daemon sends them, and never waited for for
ever."""

import base64
import json
import socket
import struct
import time

import pytest

import daemon
import test_protobuf
from test_preview import preview, shown
from test_protobuf import messages  # noqa: F401 (fixture)
from test_registry import proxy, registry_url, writer  # noqa: F401 (fixtures)
from waiting import until

ORDER = {"type": "record", "name": "Order", "fields": [{"name": "user", "type": "long"}, {"name": "text", "type": "string"}]}
UNKNOWN = b"\x00" + struct.pack(">I", 2**31 - 9) + b"\x02"


def avro_config(w, url, **options):
    config = w.config().block("registry", url=url)
    return config.topic(w.topic, value="avro", channel="user:#{value.user}", on_error="skip", **options)


def orders(writer, *users):  # noqa: F811
    return [{"partition": 0, "value": writer.avro(ORDER, {"user": user, "text": f"to {user}"})} for user in users]


def specs(records):
    """{offset: the one message} of partition 0."""
    got = {}
    for (_, offset), lines in records.items():
        (line,) = lines
        (spec,) = [json.loads(line)]
        (message,) = spec["messages"]
        got[offset] = (spec["channels"], message)
    return got


@pytest.mark.parametrize("form", ["avro", "protobuf", "json_schema"])
def test_each_format_is_shown_as_the_daemon_sends_it(real_world, daemons, tmp_path, registry_url, writer, messages, name, form):  # noqa: F811
    w = real_world(1)
    if form == "avro":
        value, channel = writer.avro(ORDER, {"user": 7, "text": "hi"}), "user:#{value.user}"
    elif form == "json_schema":
        value, channel = writer.json({"$schema": "http://json-schema.org/draft-07/schema#", "title": "o", "type": "object"}, {"user": 7, "text": "hi"}), "user:#{value.user}"
    else:
        message = messages("shared.Money")(currency="EUR", units=7)
        value, channel = test_protobuf.Writer(registry_url, name).write(message), "user:#{value.units}"
    w.kafka.produce(w.topic, [{"partition": 0, "key": "k", "value": value}])
    config = w.config().block("registry", url=registry_url).topic(w.topic, value=form, channel=channel)
    (spec,) = shown(preview(tmp_path, config)).values()
    spec = json.loads(spec[0])
    assert spec["channels"] == ["user:7"] and not w.ably.deliveries()
    daemons.run(config)
    until(lambda: w.ably.unique() == 1, 60, "the message")
    (sent,) = w.ably.history("user:7")
    (told,) = spec["messages"]
    assert {member: sent.get(member) for member in told} == told


def test_it_begins_where_it_is_told(real_world, tmp_path, registry_url, writer):  # noqa: F811
    """An offset, the last of it, a time, the end; a schema that is new in the midst is fetched then."""
    w = real_world(1)
    long_ago = int(time.time() * 1000) - 7200 * 1000
    old = [{**record, "timestamp": long_ago + n} for n, record in enumerate(orders(writer, 1, 2))]
    w.kafka.produce(w.topic, old + orders(writer, 3))
    config = avro_config(w, registry_url)

    def users(*arguments):
        found = specs(shown(preview(tmp_path, config, *arguments)))
        return {offset: json.loads(message["data"])["user"] for offset, (_, message) in found.items()}

    assert users() == {0: 1, 1: 2, 2: 3}
    assert users("--from", 1) == {1: 2, 2: 3}
    assert users("--from", -1) == {2: 3}
    assert users("--from", "1h") == {2: 3}
    path, options = tmp_path / "preview.lua", ("--from", "end", "--count", 1)
    running = daemon.Process(str(tmp_path), "tail", "preview", path, *options, env=config.env)

    running.wait_log(f"^kably preview: waits for new records of {w.topic}$")
    w.kafka.produce(w.topic, orders(writer, 9))
    until(lambda: not running.running(), 60, running.tail)
    assert running.ended() == 0 and '\\"user\\":9' in running.out()
    assert w.kafka.members("kably-preview") == []


def test_an_id_that_the_registry_does_not_know_is_that_records_fault(real_world, tmp_path, proxy, writer):  # noqa: F811
    w = real_world(1)
    good = orders(writer, 1, 2)
    w.kafka.produce(w.topic, [good[0], {"partition": 0, "value": UNKNOWN}, {"partition": 0, "value": "plain"}, good[1]])
    got = shown(preview(tmp_path, avro_config(w, proxy.url)))
    assert '\\"user\\":1' in got[0, 0][0] and '\\"user\\":2' in got[0, 3][0]
    assert got[0, 1][0].startswith(f"  fails: decode: value: format avro: schema {2**31 - 9}: the registry does not know it")
    assert got[0, 1][0].endswith("; policy=skip")
    assert "no registry framing" in got[0, 2][0]


def outage(w, writer, tmp_path, url, **registry):  # noqa: F811
    """A record before the first that needs a schema is shown; then it ends, and says why."""
    w.kafka.produce(w.topic, [{"partition": 0, "value": "plain"}, *orders(writer, 1)])
    config = w.config().block("registry", url=url, **registry)
    config.topic(w.topic, channel="c", on_error="skip")  # format auto
    begun = time.monotonic()
    done = preview(tmp_path, config)
    assert done.returncode == 1 and time.monotonic() - begun < 50
    assert "[0]@0" in done.stdout and "[0]@1" not in done.stdout
    assert f"kably preview: {w.topic}[0]@1: the schema registry gives no schema: {url}: schema " in done.stderr
    assert "check --online" in done.stderr and "schema 0" not in done.stderr
    return done.stderr


def test_a_registry_that_is_not_there(real_world, tmp_path, writer):  # noqa: F811
    assert "onnect" in outage(real_world(1), writer, tmp_path, "http://127.0.0.1:1")


def test_a_registry_that_refuses_the_credentials(real_world, tmp_path, proxy, writer):  # noqa: F811
    proxy.credentials = "Basic " + base64.b64encode(b"me:right-secret").decode()
    said = outage(real_world(1), writer, tmp_path, proxy.url, auth="me:wrong-secret")
    assert "HTTP 401" in said and "registry { auth }" in said and "wrong-secret" not in said


def test_a_registry_that_says_nothing(real_world, tmp_path, writer):  # noqa: F811
    """It takes the connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        said = outage(real_world(1), writer, tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert "schema" in said


def test_the_second_address_serves(real_world, tmp_path, proxy, writer):  # noqa: F811
    proxy.credentials = "Basic " + base64.b64encode(b"me:pa:ss").decode()
    w = real_world(1)
    w.kafka.produce(w.topic, orders(writer, 4))
    config = avro_config(w, ["http://127.0.0.1:1", proxy.url.replace("//", "//me:pa:ss@")])
    config.secrets.add("pa:ss")
    assert specs(shown(preview(tmp_path, config)))[0][0] == ["user:4"]
