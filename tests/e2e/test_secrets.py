"""No secret shows: not in logs (at level debug), in errors, in what the admin server says, in `check --print`, in
the process's arguments, and not in a core dump."""

import os
import re
import resource
import socket
import urllib.request

import pytest

import daemon
import workload
from lua import Config, Raw
from proxy import HttpProxy
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
