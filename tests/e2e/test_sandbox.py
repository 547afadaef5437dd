"""The sandbox as its users meet it: real curl listens, the real `ably` SDK publishes and reads back, tokens are
asked for and run out, faults strike, Ctrl-C ends it."""

import base64
import hashlib
import hmac
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.parse

import pytest

import daemon
import sdk
from waiting import throughout, until


class Curl:
    """A subscriber: `curl -s -N -u KEY URL`, as the sandbox prints it."""

    def __init__(self, ably, query, login=True):
        self.out, self.lines = "", []
        credentials = ["-u", ably.key] if login else []
        self.child = subprocess.Popen(
            ["curl", "-s", "-N", "-D", "-", *credentials, f"{ably.url}/sse?{query}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.child.stdout:
            self.lines.append(line.rstrip("\r\n"))

    def status(self):
        """Of the answer; None = it has not begun. From then on nothing is missed."""
        return int(self.lines[0].split()[1]) if "" in self.lines else None

    def events(self):
        """Whole events, each {field: text}; comments are left out."""
        body = self.lines[self.lines.index("") + 1 :] if "" in self.lines else []
        events = "\n".join([*body, ""]).split("\n\n")[:-1]
        fields = [[line.split(": ", 1) for line in event.split("\n") if line[:1] != ":"] for event in events]
        return [dict(event) for event in fields if event]

    def messages(self):
        return [json.loads(event["data"]) for event in self.events() if event["event"] == "message"]

    def ended(self, seconds=20):
        self.child.wait(seconds)
        self.reader.join(seconds)
        return self.child.returncode

    def stop(self):
        self.child.kill()
        self.child.wait()
        self.reader.join(10)
        self.child.stdout.close()


@pytest.fixture
def running(sandbox):
    return sandbox(kafka=False)


@pytest.fixture
def ably(running):
    return running.ably


@pytest.fixture
def curl(ably):
    started = []

    def listen(query, **options):
        started.append(Curl(ably, query, **options))
        return started[-1]

    yield listen
    for subscriber in started:
        subscriber.stop()


def listening(subscriber):
    assert until(subscriber.status, 20, "the stream's head") == 200
    return subscriber


def publish(ably, channel, message, status=201, headers=None):
    name = urllib.parse.quote(channel, safe="")
    got, body = ably.call("POST", f"/channels/{name}/messages", message, headers)
    assert got == status, f"{got} {body}"
    return body


# --- server-sent events ---


def test_two_subscribers_hear_what_is_published(ably, curl):
    one = listening(curl("channel=orders&v=1.1"))
    both = listening(curl("channels=orders,audit&v=1.2"))
    assert ably.stats()["subscribers"] == 2
    for n in range(50):
        publish(ably, "orders", {"name": "sink", "clientId": "me", "data": f"message\n{n}"})
    publish(ably, "audit", {"data": {"a": 1}})
    publish(ably, "unheard", {"data": "x"})
    until(lambda: len(both.messages()) == 51, 20, lambda: f"51 messages, not {len(both.messages())}")
    until(lambda: len(one.messages()) == 50, 20, lambda: f"50 messages, not {len(one.messages())}")
    assert [m["data"] for m in one.messages()] == [f"message\n{n}" for n in range(50)]
    assert both.messages()[:50] == one.messages()
    assert (both.messages()[50]["data"], both.messages()[50]["encoding"]) == ('{"a":1}', "json")
    assert list(one.events()[0]) == ["id", "event", "data"]
    assert list(one.messages()[0]) == ["id", "clientId", "timestamp", "channel", "data", "name"]
    ids = [event["id"] for event in both.events()]
    assert all(re.fullmatch(r"\w{14}@\d{13}-\d+", text) for text in ids) and len(set(ids)) == 51


def test_a_stream_goes_on_where_another_was_left(ably, curl):
    first = listening(curl("channel=c&v=1.2"))
    publish(ably, "c", {"data": "1"})
    until(first.events, 20, "the first message")
    first.stop()
    publish(ably, "c", {"data": "2"})
    last = urllib.parse.quote(first.events()[-1]["id"])
    second = listening(curl(f"channel=c&v=1.2&lastEvent={last}"))
    latest = listening(curl("channel=c&v=1.2&rewind=1"))
    publish(ably, "c", {"data": "3"})
    until(lambda: len(second.messages()) == 2 and len(latest.messages()) == 2, 20, "two messages each")
    assert [m["data"] for m in second.messages()] == ["2", "3"]
    assert [m["data"] for m in latest.messages()] == ["2", "3"]


def test_faults_strike_subscribers_too(ably, curl):
    ably.faults({"path": "/sse", "status": 503, "times": 1}, {"channel": "slow", "delay_ms": 700})
    assert until(curl("channel=c&v=1.2").status, 20, "an answer") == 503
    begun = time.monotonic()
    listening(curl("channel=slow&v=1.2"))
    assert time.monotonic() - begun >= 0.7
    ably.faults({"path": "/sse", "cut": "middle"})
    cut = curl("channel=c&v=1.2")
    assert until(cut.status, 20, "the stream's head") == 200
    publish(ably, "c", {"data": "x"})
    assert cut.ended() == 18, "curl calls it a partial file"
    assert cut.events() == []
    ably.faults({"path": "/sse", "cut": "before"})
    assert curl("channel=c&v=1.2").ended() == 52, "curl calls it an empty reply"


def test_one_that_does_not_read_is_cut_and_holds_up_nobody(ably, curl):
    quick = listening(curl("channel=c&v=1.2"))
    slow = socket.create_connection((ably.host, ably.port))
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    login = base64.b64encode(ably.key.encode()).decode()
    slow.sendall(f"GET /sse?channel=c&v=1.2 HTTP/1.1\r\nHost: h\r\nAuthorization: Basic {login}\r\n\r\n".encode())
    until(lambda: ably.stats()["subscribers"] == 2, 20, "two subscribers")
    sent = 0
    while ably.stats()["subscribers_cut"] == 0:
        assert sent < 400, "60 kB so often, and still not cut"
        publish(ably, "c", {"data": "x" * 60000})
        sent += 1
    until(lambda: ably.stats()["subscribers"] == 1, 20, "the slow one to be gone")
    publish(ably, "c", {"data": "last"})
    until(lambda: quick.messages()[-1:] and quick.messages()[-1]["data"] == "last", 30, "the last message")
    assert len(quick.messages()) == sent + 1
    slow.close()


def test_those_that_left_are_forgotten(ably, curl):
    for _ in range(3):
        listening(curl("channel=c&v=1.2")).stop()
    publish(ably, "c", {"data": "x"})  # what is written to them shows that they are gone
    publish(ably, "c", {"data": "x"})
    until(lambda: ably.stats()["subscribers"] == 0, 20, "no subscriber")


def test_it_ends_with_subscribers_listening(running, ably, curl):
    subscribers = [listening(curl("channel=c&v=1.2")) for _ in range(3)]
    publish(ably, "c", {"data": "x"})
    running.process.signal(signal.SIGINT)
    assert running.process.ended() == 0
    assert [subscriber.ended() for subscriber in subscribers] == [0, 0, 0], "the streams have a proper end"
    assert "ended: 1 messages published" in running.process.log()


# --- tokens ---


def jwt(key, **claims):
    name, secret = key.split(":", 1)
    now = int(time.time())

    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    text = part({"alg": "HS256", "typ": "JWT", "kid": name}) + b"." + part({"iat": now, "exp": now + 60, **claims})
    mac = base64.urlsafe_b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).rstrip(b"=")
    return (text + b"." + mac).decode()


def bearer(token):
    return {"Authorization": "Bearer " + token}


def test_a_token_is_asked_for_used_and_runs_out(ably, curl):
    name = ably.key.split(":")[0]
    status, details = ably.call(
        "POST",
        f"/keys/{name}/requestToken",
        {"keyName": name, "ttl": 3000, "capability": '{"mine:*":["publish","subscribe"]}'},
    )
    assert status == 201 and details["expires"] - details["issued"] == 3000, details
    token = details["token"]
    query = urllib.parse.urlencode({"channel": "mine:c", "v": "1.2", "accessToken": token})
    subscriber = listening(curl(query, login=False))
    publish(ably, "mine:c", {"data": "x"}, headers=bearer(token))
    encoded = base64.b64encode(token.encode()).decode()
    publish(ably, "mine:c", {"data": "y"}, headers=bearer(encoded))
    refused = publish(ably, "theirs", {"data": "x"}, status=401, headers=bearer(token))
    assert refused["error"]["code"] == 40160
    assert subscriber.ended() == 0
    assert [m["data"] for m in subscriber.messages()] == ["x", "y"]
    last = subscriber.events()[-1]
    assert last["event"] == "error" and json.loads(last["data"])["code"] == 40142
    refused = publish(ably, "mine:c", {"data": "x"}, status=401, headers=bearer(token))
    assert refused["error"]["code"] == 40142


def test_jwts(ably):
    publish(ably, "c", {"data": "x"}, headers=bearer(jwt(ably.key)))
    refusals = [
        (jwt(ably.key + "x"), 40144),
        (jwt(ably.key, exp=int(time.time()) - 1, iat=int(time.time()) - 60), 40142),
        (jwt(ably.key, **{"x-ably-capability": '{"d":["publish"]}'}), 40160),
        ("eyJ.x.y", 40144),
    ]
    for token, code in refusals:
        assert publish(ably, "c", {"data": "x"}, status=401, headers=bearer(token))["error"]["code"] == code


# --- the real SDK ---


@pytest.mark.parametrize("binary", [False, True], ids=["json", "msgpack"])
def test_the_ably_sdk(ably, binary):
    asked = {"host": ably.host, "port": ably.port, "key": ably.key, "binary": binary}
    seen = sdk.node("ably_sdk.js", json.dumps(asked), seconds=120)

    assert abs(seen["time"] - time.time() * 1000) < 60000
    assert seen["type"] == ("application/x-msgpack" if binary else "application/json")
    assert [(m.get("name"), m.get("data")) for m in seen["history"]] == [
        ("text", "héllo\n"),
        ("object", {"a": [1, 2.5, None, True], "ü": "x"}),
        ("bytes", {"bytes": "0001ff"}),
        ("one", []),
        ("two", None),
        ("ümlaut", ""),
    ]
    assert all(m.get("encoding") is None for m in seen["history"] + seen["decrypted"]), "left undecoded"
    assert seen["history"][3]["extras"] == {"headers": {"n": 1, "s": "x"}}
    assert [m["id"] for m in seen["history"][3:5]] == ["set:0", "set:1"]
    assert seen["history"][4]["clientId"] == "somebody"
    assert [m["data"] for m in seen["decrypted"]] == [{"bytes": "0908"}, {"hidden": True}]
    # without the key the SDK undoes base64 and stops at the cipher, newest first
    assert seen["encrypted"] == ["json/utf-8/cipher+aes-256-cbc", "cipher+aes-256-cbc"]
    assert seen["pages"] == [["6", "5", "4"], ["3", "2", "1"], ["0"]]
    assert seen["again"] == [["6", "5", "4"], ["0"]], "the first page and the last one, from the last one"

    both, half = seen["batch"]
    assert (both["successCount"], both["failureCount"]) == (2, 0)
    assert [(r["channel"], r["messageId"]) for r in both["results"]] == [("sdk:a", "x"), ("sdk:b", "x")]
    assert (half["successCount"], half["failureCount"]) == (1, 1)
    assert half["results"][1]["error"]["code"] == 40010

    token = seen["token"]
    assert (token["lives"], token["clientId"]) == (60000, "me")
    assert json.loads(token["capability"]) == {"only:*": ["publish"]}
    denied = {"code": 40160, "statusCode": 401}
    assert seen["narrow"] == {"publish": denied, "history": denied}
    assert seen["asked"] == ["asked"]
    assert seen["unknown"]["code"] == 40171, "a 40143, and no way to renew"
    assert seen["forged"] == {"code": 40101, "statusCode": 401}
    assert ably.stats()["duplicates"] == 2


# --- what it prints ---


def printed_lines(running):
    until(lambda: "ready; Ctrl-C ends it" in running.out(), 20, running.out)
    return [line[4:] for line in running.out().splitlines() if line.startswith("#   ")]


def printed_file(running, folder):
    file = folder / "printed.lua"
    lines = [line for line in printed_lines(running) if re.match(r"(kafka|ably|topic)\b", line)]
    file.write_text("\n".join(lines))
    return file


def test_what_it_prints_works(sandbox, tmp_path):
    running = sandbox(topics={"orders": 2}).process
    lines, file = printed_lines(running), printed_file(running, tmp_path)
    checked = daemon.command("check", file)
    assert checked.returncode == 0, checked.stdout + checked.stderr

    def shell(line):
        return subprocess.run(line, shell=True, capture_output=True, text=True, timeout=30, check=True).stdout

    listen, history, post, faults = (line for line in lines if line.startswith("curl "))
    assert "serials" in shell(post)
    assert [m["data"] for m in json.loads(shell(history))] == ["hello"]
    kably = daemon.Process(str(tmp_path), "printed", "run", file)
    try:
        produce = next(line for line in lines if line.startswith("kcat "))
        shell(f"echo 'k:from kafka' | {produce}")
        until(lambda: "from kafka" in shell(history), 60, kably.tail)
    finally:
        kably.finish()
    rewound = subprocess.run(
        listen.replace("v=1.1", "v=1.1&rewind=1").replace("curl ", "curl -m 2 "),
        shell=True,
        capture_output=True,
        text=True,
        timeout=30,
    ).stdout
    assert re.match(r'id: \S+\nevent: message\ndata: \{.*"channel":"orders","data":"from kafka"', rewound), rewound
    assert json.loads(shell(faults))[0]["status"] == 503
    assert "50300" in shell(post)


def test_a_second_member_with_the_file_it_prints_gets_its_share_soon(sandbox, tmp_path):
    """The mock shares out anew after session.timeout.ms: with Kafka's own 45 s both members stand still so long."""
    running = sandbox(topics={"orders": 2}).process
    file = printed_file(running, tmp_path)
    members = []
    try:
        for share in ("2 partitions assigned, 2 in all", "1 partitions assigned, 1 in all"):
            members.append(daemon.Process(str(tmp_path), f"printed{len(members)}", "run", file))
            members[-1].wait_log(share, 20)
    finally:
        for kably in members:
            kably.finish()


def test_it_is_idle_while_nothing_happens(running, curl):
    listening(curl("channel=c&v=1.2"))
    before = cpu_seconds(running.process.pid)
    throughout(running.process.running, 2, running.process.tail)
    assert cpu_seconds(running.process.pid) - before < 0.3


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
