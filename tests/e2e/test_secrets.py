"""No secret shows: not in logs (at level debug), in errors, in what the admin server says, in `check --print`, in
the process's arguments, and not in a core dump."""

import base64
import os
import re
import resource
import socket
import types
import urllib.request

import pytest

import daemon
import sdk
import tls
import workload
from admin import Admin
from lua import Config, Raw
from proxy import HttpProxy
from registry_proxy import RegistryProxy
from waiting import until

COUNT = 100


def get(url, token):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as reply:
        return reply.read().decode()


@pytest.fixture
def secrets(mock_world):
    """What must not show, by name; the world they belong to."""
    w = mock_world(partitions=2)
    made = {name: f"hidden-{name}-" + os.urandom(6).hex() for name in ("token", "query", "header", "admin", "sasl")}
    made["key"] = w.ably.key.split(":", 1)[1]
    return w, made


def configuration(w, hidden, proxy, admin_port, **ably):
    config = Config(w.kafka.bootstrap, w.group, w.ably, sasl_password=hidden["sasl"], sasl_username="u")
    config.blocks = [block for block in config.blocks if not block.startswith("ably")]
    config.block("ably", endpoint=w.ably.host, port=w.ably.port, tls=False, proxy=proxy.url("http"), **ably)
    config.topic(w.topic, value="json", channel="secret:#{key}")
    config.block("log", level="debug").block("limits", drain_ms=500)
    config.block("admin", listen=f"127.0.0.1:{admin_port}", token=hidden["admin"])
    return config


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def check_nothing_shows(texts, hidden):
    for where, text in texts.items():
        assert text, f"{where} is empty: this proves nothing"
        for name, secret in hidden.items():
            assert secret not in text, f"the {name} shows in {where}"


WAYS = {
    "key": lambda hidden: {"key": Raw('env "ABLY_API_KEY"')},
    "jwt": lambda hidden: {"key": Raw('env "ABLY_API_KEY"'), "use_token_auth": True},
    "exchange": lambda hidden: {"key": Raw('env "ABLY_API_KEY"'), "use_token_auth": True, "token_type": "ably"},
    "token": lambda hidden: {"token": hidden["token"]},
    "auth_url": lambda hidden: {
        "auth_url": "http://127.0.0.1:1/t?" + hidden["query"],
        "auth_headers": {"X-Secret": hidden["header"]},
        "auth_params": {"secret": hidden["query"]},
    },
}


@pytest.mark.parametrize("way", WAYS)
def test_no_secret_shows_anywhere(secrets, daemons, rng, way, tmp_path):
    w, hidden = secrets
    proxy = HttpProxy("basic")
    hidden["proxy"] = proxy.password
    port = free_port()
    config = configuration(w, hidden, proxy, port, **WAYS[way](hidden))
    config.secrets |= set(hidden.values())
    w.kafka.produce(w.topic, workload.records(COUNT, 2, rng))
    kably = daemons.run(config)
    works = way in ("key", "jwt", "exchange")
    if works:
        until(lambda: w.ably.unique() >= COUNT, 60, lambda: f"{COUNT} arrived; {kably.tail()}")
        w.ably.faults({"path": "/messages", "status": 401, "code": 40142})
        w.kafka.produce(w.topic, workload.records(COUNT, 2, rng))
    kably.wait_log("nothing is lost")
    base = f"http://127.0.0.1:{port}"
    pages = {path: get(base + path, hidden["admin"]) for path in ("/", "/status", "/metrics")}
    with open(f"/proc/{kably.pid}/cmdline", encoding="utf-8") as cmdline:
        pages["cmdline"] = cmdline.read()
    kably.stop()
    path = os.path.join(str(tmp_path), f"{kably.name}.lua")
    printed = daemon.command("check", path, "--print", env=config.env)
    assert printed.returncode == 0, printed.stderr
    pages["check --print"] = printed.stdout
    pages["log"] = kably.log()
    check_nothing_shows(pages, hidden)
    assert "***" in pages["check --print"]


def children(pid):
    """The processes that any thread of it has started."""
    found = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as listed:
            found += listed.read().split()
    return found


def new_cipher_key():
    raw = os.urandom(32)
    return base64.b64encode(raw).decode(), raw


def test_a_cipher_key_rotates_by_a_reload_and_shows_nowhere(mock_world, daemons, tmp_path):
    """What was sent before is read with the old key, what comes after with the new one; of neither a trace, whether as
    base64, as hexadecimal digits or as bytes."""
    w = mock_world(partitions=1)
    secret = tmp_path / "cipher.key"
    old, new = new_cipher_key(), new_cipher_key()
    secret.write_text(old[0] + "\n")
    config = w.config().topic(
        w.topic, value="json", channel="at:#{value.at}", cipher={"key": Raw(f'file "{secret}"')}
    )
    config.block("log", level="debug").block("admin", listen="127.0.0.1:0")
    kably = daemons.run(config)
    admin = Admin(kably)
    w.kafka.produce(w.topic, [{"value": '{"at":"first"}'}])
    until(lambda: w.ably.unique() == 1, 30, kably.tail)
    secret.write_text(new[0])
    status, _, answer = admin.ask("/reload", method="POST", seconds=60)
    assert status == 200 and "generation" in answer, answer
    w.kafka.produce(w.topic, [{"value": '{"at":"second"}'}])
    until(lambda: w.ably.unique() == 2, 30, kably.tail)

    pages = {path: admin.ask(path)[2] for path in ("/", "/status", "/metrics")}
    for name in ("cmdline", "environ"):
        with open(f"/proc/{kably.pid}/{name}", encoding="utf-8", errors="surrogateescape") as text:
            pages[name] = text.read()
    assert children(kably.pid) == [], "a child would have inherited what its parent knows"
    kably.stop()
    printed = daemon.command("check", os.path.join(str(tmp_path), f"{kably.name}.lua"), "--print", env=config.env)
    assert printed.returncode == 0 and 'key = "***"' in printed.stdout, printed.stdout + printed.stderr
    pages |= {"reload's answer": answer, "check --print": printed.stdout, "log": kably.log()}
    hidden = {}
    for which, (text, raw) in {"old": old, "new": new}.items():
        hidden |= {f"{which} key": text, f"{which} key in hexadecimal": raw.hex()}
    check_nothing_shows(pages, hidden)
    for key, shut in ((old, "at:second"), (new, "at:first")):
        seen = sdk.read(w.ably, {"at:first": key[0], "at:second": key[0]})
        opened = "at:first" if shut == "at:second" else "at:second"
        (message,) = seen[opened]
        assert message["value"] == {"at": opened.split(":")[1]}
        (message,) = seen[shut]
        assert "value" not in message or message.get("encoding"), "another key opens it"


@pytest.mark.parametrize("key", ["c2hvcnQ=", "no base64 at all"])
def test_a_wrong_cipher_key_is_told_without_it(mock_world, daemons, tmp_path, key):
    """In the file, and where a header gives it for one record."""
    w = mock_world(partitions=1)
    path = tmp_path / "wrong.lua"
    path.write_text(w.config().topic(w.topic, channel="c", cipher={"key": key}).text())
    done = daemon.command("check", path, env={"ABLY_API_KEY": w.ably.key})
    assert done.returncode == 2 and "cipher" in done.stderr
    assert key not in done.stderr
    w.kafka.produce(w.topic, [{"value": "v", "headers": [("k", key.encode())]}])
    config = w.config().topic(w.topic, channel="c", cipher={"key": "#{header.k}"}, on_error="skip")
    config.secrets.add(key)
    kably = daemons.run(config.block("log", level="debug"))
    w.wait_committed_ends()
    kably.wait_log("policy=skip")
    assert not w.ably.history("c")


def test_errors_name_no_secret(secrets, tmp_path):
    """A mistake in a secret is told without the secret."""
    w, hidden = secrets
    path = tmp_path / "wrong.lua"
    path.write_text(
        'kafka { ["bootstrap.servers"] = "b", ["group.id"] = "g" }\n'
        f'ably {{ key = "no-key {hidden["key"]}", auth_url = "{hidden["query"]}", proxy = "{hidden["header"]}",\n'
        f'  auth_headers = {{ "{hidden["token"]}" }} }}\n'
        'topic "t" { channel = "c" }\n'
    )
    done = daemon.command("check", path)
    assert done.returncode == 2
    assert all(word in done.stderr for word in ("key", "auth_url", "proxy", "auth_headers")), done.stderr
    check_nothing_shows({"errors": done.stdout + done.stderr}, hidden)


def registry_settings(way, hidden, proxy, authority):
    """The block `registry`, and the TLS front if there is one. Adds to what must not show."""
    hidden["password"] = os.urandom(6).hex()
    if way == "key_file":
        shown = authority.certificate(host="DNS:client.example")
        locked = shown + ".locked"
        tls.openssl("pkey", "-in", shown, "-aes256", "-passout", f"pass:{hidden['password']}", "-out", locked)
        for name, path in (("key", shown), ("encrypted key", locked)):
            with open(path, encoding="ascii") as key:
                hidden[name] = key.read().splitlines()[2]
        target = types.SimpleNamespace(host="127.0.0.1", port=proxy.port, key=None)
        front = tls.Front(target, authority.certificate(), None, clients=authority.ca_file)
        files = {"ca_file": authority.ca_file, "certificate_file": shown, "key_file": locked}
        return {"url": f"https://127.0.0.1:{front.port}", "key_password": hidden["password"], **files}, front
    if way == "token":
        proxy.credentials = f"Bearer hidden/{hidden['password']}"
        return {"url": proxy.url, "token": f"hidden/{hidden['password']}"}, None
    hidden["header"] = base64.b64encode(f"me:hidden/{hidden['password']}".encode()).decode()
    proxy.credentials = "Basic " + hidden["header"]
    if way == "auth":
        return {"url": proxy.url, "auth": f"me:hidden/{hidden['password']}"}, None
    return {"url": proxy.url.replace("//", f"//me:hidden%2F{hidden['password']}@")}, None


@pytest.mark.parametrize("way", ["address", "auth", "token", "key_file"])
def test_no_secret_of_the_registry_shows_anywhere(mock_world, daemons, tmp_path, way):
    """Neither while it answers nor in an outage; the address of the outage does."""
    w, hidden = mock_world(partitions=1), {}
    proxy = RegistryProxy("http://127.0.0.1:1")
    proxy.fault = lambda path: (200, b'{"schema":"\\"string\\""}')
    settings, front = registry_settings(way, hidden, proxy, tls.Authority(tmp_path / "authority", "own"))
    config = w.config().block("registry", **settings).block("log", level="debug")
    config.topic(w.topic, value="avro", channel="secret").block("admin", listen="127.0.0.1:0").block("limits", drain_ms=500)
    config.secrets |= set(hidden.values())
    kably = daemons.run(config)
    w.kafka.produce(w.topic, [{"value": b"\x00\x00\x00\x00\x01\x04hi"}])
    until(lambda: w.ably.unique() == 1, 30, kably.tail)  # the secret is right
    proxy.fault, proxy.credentials = (lambda path: (401, b'{"error_code":401,"message":"no"}')), None
    w.kafka.produce(w.topic, [{"value": b"\x00\x00\x00\x00\x02\x04ho"}])
    admin = Admin(kably)
    reason = admin.wait_reason("registry_outage")
    assert reason["detail"].startswith(f"{settings['url'].partition('me:')[0]}") and "HTTP 401: no" in reason["detail"]
    pages = {path: admin.ask(path)[2] for path in ("/", "/status", "/metrics", "/readyz")}
    with open(f"/proc/{kably.pid}/cmdline", encoding="utf-8") as cmdline:
        pages["cmdline"] = cmdline.read()
    kably.stop()
    proxy.close()
    if front:
        front.close()
    path = tmp_path / f"{kably.name}.lua"
    printed = daemon.command("check", path, "--print", env=config.env)
    assert printed.returncode == 0, printed.stdout + printed.stderr
    assert "***" in printed.stdout.partition("\nregistry {")[2].partition("}")[0], printed.stdout
    pages["check --print"] = printed.stdout
    pages["log"] = kably.log()
    assert "nothing is lost" in pages["log"] and "DEBUG" in pages["log"]
    check_nothing_shows(pages, hidden)


def test_errors_name_no_secret_of_the_registry(ably, tmp_path):
    hidden = {"password": os.urandom(6).hex()}
    wrong = [
        {"url": f"ftp://me:{hidden['password']}@r:8081"},
        {"url": ["http://r:8081", f"me:{hidden['password']}@r"]},
        {"url": "http://r:8081", "auth": hidden["password"]},
        {"url": "http://r:8081", "auth": f"me:{hidden['password']}", "token": hidden["password"]},
        {"url": "http://r:8081", "token": {"a": hidden["password"]}},
        {"url": f"http://me:{hidden['password']}@{'x' * 2000}"},
    ]
    path = tmp_path / "wrong.lua"
    for settings in wrong:
        config = Config("127.0.0.1:1", "g", ably).block("registry", **settings).topic("t", value="avro", channel="c")
        path.write_text(config.text())
        done = daemon.command("check", path, env=config.env)
        assert done.returncode == 2, f"{settings} was taken"
        check_nothing_shows({"errors": done.stdout + done.stderr}, hidden)


def core_limit(pid):
    with open(f"/proc/{pid}/limits", encoding="ascii") as limits:
        return re.search(r"^Max core file size\s+(\S+)", limits.read(), re.M)[1]


@pytest.mark.parametrize("allowed", [False, True])
def test_a_core_dump_is_not_written_unless_allowed(secrets, daemons, allowed):
    w, _ = secrets
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if hard == 0 or daemon.sanitized():
        pytest.skip("no process may dump core here at all; a sanitizer forbids it itself")
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    config = w.config().topic(w.topic, channel="c")
    if allowed:
        config.block("limits", core_dumps=True)
    kably = daemons.run(config)
    kably.wait_log("kably .*worker")
    assert core_limit(kably.pid) == (core_limit("self") if allowed else "0")
