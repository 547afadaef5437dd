"""`kably check --online`, part by part: what each says when it is well, and one line with what to do when it is not.
The other parts are tried all the same."""

import base64
import datetime
import http.server
import json
import re
import socket
import threading
import time

import pytest

import daemon
import hosts
import proxy as proxies
import tls
from conftest import kafka_script
from lua import Config, Raw
from test_credentials import auth_server, jwt  # noqa: F401 (fixture)
from test_registry import proxy, registry_url, writer  # noqa: F401 (fixtures)

NOBODY = "127.0.0.1:1"


class Found:
    """The lines of --online: (mark, part, text)."""

    def __init__(self, done):
        self.code, self.output = done.returncode, done.stdout + done.stderr
        self.lines = re.findall(r"^(ok  |warn|FAIL) ([^:]+): (.*)$", done.stdout, re.M)

    def of(self, mark, part=""):
        return [text for m, p, text in self.lines if m == mark.ljust(4) and p.startswith(part)]

    def only_failure(self, part):
        """The one failing line, which is that part's; the exit code says that there is one."""
        failed = [(p, text) for m, p, text in self.lines if m == "FAIL"]
        assert self.code == 1 and len(failed) == 1 and failed[0][0].startswith(part), self.output
        return failed[0][1]


@pytest.fixture
def online(tmp_path):
    def check(config, seconds=60, **env):
        path = tmp_path / "online.lua"
        path.write_text(config.text())
        done = daemon.command("check", path, "--online", env={**config.env, **env}, seconds=seconds)
        for secret in config.secrets:
            assert secret not in done.stdout + done.stderr
        return Found(done)

    return check


@pytest.fixture
def w(mock_world):
    """A mock cluster whose topic has its leaders, and a local Ably: all is well."""
    world = mock_world(2)
    world.kafka.produce(world.topic, [{"partition": p, "value": "v"} for p in range(2)])
    return world


def with_ably(w, ably=None, **options):
    """A Config whose ably block has these options as well."""
    config = Config(w.kafka.bootstrap, w.group, ably or w.ably)
    head, _, tail = config.blocks[1].rpartition("}")
    config.blocks[1] = head + "".join(Config(NOBODY, "g", w.ably).block("x", **options).blocks[-1].splitlines(True)[1:-1]) + "}" + tail
    return config.topic(w.topic, channel="c")


# --- Kafka ---


def test_all_is_well(w, online):
    found = online(w.config().topic(w.topic, channel="c"))
    assert found.code == 0 and not found.of("FAIL") and not found.of("warn"), found.output
    cluster, group = found.of("ok", "Kafka")
    assert f"{w.topic} with 2 partitions" in cluster and "committed nothing yet" in group


def test_a_group_goes_on_from_its_commits(real_world, daemons, online):
    w = real_world(2)
    w.kafka.produce(w.topic, [{"partition": p, "value": "v"} for p in range(2)])
    config = w.config().topic(w.topic, channel="c")
    daemons.run(config)
    w.wait_committed_ends()
    members = w.kafka.members(w.group)
    assert f"group {w.group} goes on from its commits in 2 partitions" in online(config).output
    assert w.kafka.members(w.group) == members, "nobody has joined"


def test_topics_that_are_not_there(real_world, online, name):
    w = real_world(1)
    config = w.config().topic(w.topic, channel="c", on_error="dlq").topic(f"^{name}-none.*", channel="c")
    found = online(config.block("dead_letter", topic=name + "-dlq"))
    assert found.only_failure("Kafka") == f"there is no topic {name}-dlq; create it, or correct its name"
    (pattern,) = found.of("warn")
    assert pattern.startswith(f'no topic matches "^{name}-none.*" yet (') and "online.lua:" in pattern
    assert not w.kafka.exists(name + "-dlq"), "asking does not make it"


def secure(w, **kafka):
    """Kafka by TLS and a password."""
    lines = kafka_script("env").stdout.splitlines()
    env = dict(line.split("=", 1) for line in lines if "=" in line)
    settings = {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "PLAIN",
        "sasl_username": env["KAFKA_USER"],
        "sasl_password": env["KAFKA_PASSWORD"],
        "ssl_ca_location": env["KAFKA_CA"],
        **kafka,
    }
    config = Config(env["KAFKA_SASL_SSL"], w.group, w.ably, **settings).topic(w.topic, channel="c")
    config.secrets.add(settings["sasl_password"])
    return config


def test_kafka_by_tls_and_a_password(real_world, online, tmp_path):
    w = real_world(1)
    assert not online(secure(w)).of("FAIL")
    refused = online(secure(w, sasl_password="not-the-password")).only_failure("Kafka")
    assert "Authentication failed" in refused and "look at sasl.mechanism, sasl.username and sasl.password" in refused
    other = tls.Authority(tmp_path / "other", "other").ca_file
    refused = online(secure(w, ssl_ca_location=other)).only_failure("Kafka")
    assert "certificate verify failed" in refused and "ssl.ca.location" in refused


def test_nobody_at_bootstrap_servers(w, online):
    config = Config(NOBODY, w.group, w.ably).topic(w.topic, channel="c")
    begun = time.monotonic()
    failed = online(config).only_failure("Kafka")
    assert "Connection refused" in failed and "security.protocol" in failed and time.monotonic() - begun < 40


# --- Ably ---


def test_a_key_that_is_refused(w, online):
    config = w.config().topic(w.topic, channel="c")
    name = w.ably.key.split(":")[0]
    config.env = {"ABLY_API_KEY": name + ":not-the-secret"}
    config.secrets = {"not-the-secret"}
    failed = online(config).only_failure("Ably")
    assert f"{w.ably.url} refuses the key {name}: HTTP 401: " in failed and "dashboard" in failed


@pytest.mark.parametrize("fallbacks", [[], ["127.0.0.2", "127.0.0.3"]])
def test_no_host_answers(w, online, fallbacks):
    failed = online(with_ably(w, w.ably, port=1, fallback_hosts=fallbacks)).only_failure("Ably")
    assert failed.startswith(f"http://{NOBODY}: Failed to connect") and "endpoint" in failed
    assert ("2 fallback hosts" in failed) == bool(fallbacks)


@pytest.mark.parametrize("mode", [503, "cloudfront", "refuse"])
def test_one_of_several_hosts_is_away(w, online, mode):
    several = hosts.Hosts(w.ably, ["127.0.0.1", "127.0.0.2", "127.0.0.3"])
    try:
        found = online(with_ably(w, several))
        assert found.code == 0 and "and its 2 fallback hosts answer" in found.of("ok", "Ably")[0], found.output
        for away, host in (("fallback host ", several.all[1]), ("", several.all[0])):
            host.mode = mode
            if mode == "refuse":
                host.refuse()
            found = online(with_ably(w, several))
            said = f"{away}http://{host.address}:{several.port}: "
            assert [text for _, part, text in found.lines if part == "Ably" and text.startswith(said)], found.output
            assert found.of("ok", "Ably")[-1].startswith("http://127.0.0."), "the key is tried at another"
        assert found.code == 1, "the endpoint itself is away"
    finally:
        several.close()


def test_a_host_that_says_nothing(w, online):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = with_ably(w, w.ably, port=silent.getsockname()[1], http_request_timeout_ms=2000)
        assert "imed out" in online(config).only_failure("Ably")


class Words(http.server.BaseHTTPRequestHandler):
    """What somebody else than Ably says, or an Ably of other times and capabilities."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self._say(self.server.time)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self._say(json.dumps({"token": "never-shown", "capability": self.server.capability}))

    def _say(self, text):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def words(w):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Words)
    server.time, server.capability = f"[{int(time.time() * 1000)}]", '{"*":["*"]}'
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.config = lambda: with_ably(w, w.ably, port=server.server_address[1])
    yield server
    server.shutdown()
    server.server_close()


def test_somebody_else_at_the_endpoint(words, online):
    words.time = "<html>Welcome</html>"
    assert "not as Ably does" in online(words.config()).only_failure("Ably")


def test_a_key_that_may_not_publish(words, online):
    """To the channel "c" of the file; and of others, what they begin with decides."""
    words.capability = '{"orders:*":["subscribe","history"]}'
    failed = online(words.config()).only_failure("Ably")
    assert failed.startswith('the key may not publish to "c" (') and "online.lua:" in failed and "never-shown" not in failed
    words.capability = '{"c":["publish"],"user:*":["publish"]}'
    config = words.config()
    assert online(config).code == 0
    config.topic("more", channel=["user:#{key}", "#{key}", "orders:#{key}"]).topic("f", channel=Raw("function() return 'x' end"))
    failed = [text for text in online(config).of("FAIL", "Ably")]
    assert len(failed) == 1 and failed[0].startswith('the key may not publish to "orders:#{key}" (')


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_clock_that_is_wrong(words, online, hours):
    words.time = f"[{int(time.time() * 1000) - hours * 3600000}]"
    found = online(words.config())
    (said,) = found.of("warn", "Ably")
    seconds = int(re.match(rf"this machine's clock is (\d+) s {'ahead of' if hours > 0 else 'behind'} Ably's; ", said)[1])
    assert abs(seconds - abs(hours) * 3600) < 120 and found.code == 0


# --- tokens ---


def test_tokens_are_tried(w, online, auth_server):  # noqa: F811
    """A token of each source, from one that may do little; and one that ended."""
    little = {"x-ably-capability": '{"orders":["publish"]}'}
    server = auth_server(lambda _: (200, "application/jwt", jwt(w.ably.key, **little)))
    for options, said in (
        ({"token": jwt(w.ably.key)}, "the file gives"),
        ({"auth_url": server.url}, "auth_url gives"),
        ({"use_token_auth": True}, "the key gets"),
        ({"use_token_auth": True, "token_type": "ably"}, "the key gets"),
    ):
        found = online(with_ably(w, **options))
        assert found.of("ok", "Ably") == [f"{w.ably.url} takes the token that {said}"], found.output
    ended = jwt(w.ably.key, ttl=-10)
    config = with_ably(w, token=ended)
    config.secrets.add(ended)
    assert "refuses the token: HTTP 401: " in online(config).only_failure("Ably")


def test_an_auth_url_that_gives_none(w, online, auth_server):  # noqa: F811
    server = auth_server(lambda _: (500, "text/plain", "out of order"))
    assert "no token: " in (failed := online(with_ably(w, auth_url=server.url)).only_failure("Ably")) and "500" in failed
    assert "no token: " in online(with_ably(w, auth_url=f"http://{NOBODY}/token")).only_failure("Ably")


# --- proxies, TLS and certificates ---


def test_a_proxy(w, online):
    running = proxies.HttpProxy(auth="basic")
    try:
        config = with_ably(w, proxy=running.url("http"))
        config.secrets.add(running.password)
        assert online(config).code == 0 and running.targets
        wrong = with_ably(w, proxy=running.url("http").replace(running.password, "wrong-word"))
        wrong.secrets.add("wrong-word")
        failed = online(wrong).only_failure("Ably")
        assert "407" in failed and "ably { proxy }" in failed
    finally:
        running.close()
    failed = online(with_ably(w, proxy=f"http://{NOBODY}")).only_failure("Ably")
    assert "port 1 " in failed and "ably { proxy }" in failed


def test_a_certificate_that_nobody_trusts(w, online, tmp_path):
    own, other = tls.Authority(tmp_path / "own", "own"), tls.Authority(tmp_path / "other", "other")
    front = tls.Front(w.ably, own.certificate(), own.ca_file)
    try:
        found = online(with_ably(w, front))
        assert found.code == 0 and "ca.pem (CN=own) " in found.output, found.output
        front.settings = {"ca_file": other.ca_file}
        assert "name its authority in ca_file" in online(with_ably(w, front)).only_failure("Ably")
        front.settings = {"ca_file": own.ca_file}
        front.present(own.expired())
        assert "the server needs another certificate" in online(with_ably(w, front)).only_failure("Ably")
    finally:
        front.close()


def test_certificates_that_end_or_do_not_fit(w, online, tmp_path):
    own = tls.Authority(tmp_path / "own", "own")
    soon = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=3, hours=1)).strftime("%Y%m%d%H%M%SZ")
    good, ends, ended = own.certificate(), own.certificate(end=soon), own.expired()
    found = online(with_ably(w, cert_file=good))
    assert found.code == 0 and f"{good} (CN=leaf) is good until 2049-12-31" in found.of("ok", "ably")[0], found.output
    found = online(with_ably(w, cert_file=ends))
    assert found.code == 0 and "in 3 days; renew it" in found.of("warn", "ably { cert_file }")[0], found.output
    assert "expired on 2020-02-01; renew it" in online(with_ably(w, cert_file=ended)).only_failure("ably { cert_file }")
    other = str(tmp_path / "other.key")
    tls.openssl("genrsa", "-out", other, "2048")
    found = online(with_ably(w, cert_file=good, cert_key_file=other))
    assert found.code == 2 and f"the key in {other} is not that of the certificate in {good}" in found.output
    config = w.config(ssl_certificate_location=good, ssl_key_location=other).topic(w.topic, channel="c")
    assert "is not that of the certificate" in online(config).of("FAIL", "kafka { ssl.certificate.location }")[0]
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("no certificate\n")
    config = w.config(ssl_ca_location=str(nothing)).topic(w.topic, channel="c")
    assert "holds no certificate" in online(config).of("FAIL", "kafka { ssl.ca.location }")[0]
    locked = str(tmp_path / "locked.key")
    tls.openssl("genrsa", "-aes256", "-passout", "pass:sesame", "-out", locked, "2048")
    config = w.config(ssl_certificate_location=good, ssl_key_location=locked).topic(w.topic, channel="c")
    failed = online(config).of("FAIL", "kafka { ssl.certificate.location }")[0]
    assert failed == f"{locked} is encrypted, and no password is set"


# --- the registry ---


def with_registry(w, url, **options):
    config = w.config().block("registry", url=url, **options)
    config.secrets |= {"right-secret", "wrong-secret"}
    return config.topic(w.topic, value="avro", channel="c")


def test_the_registry_and_its_subjects(w, online, proxy, writer):  # noqa: F811
    proxy.credentials = "Basic " + base64.b64encode(b"me:right-secret").decode()
    config = with_registry(w, proxy.url, auth="me:right-secret")
    found = online(config)
    assert found.code == 0 and found.of("ok", "registry") == [f"{proxy.url} answers and takes the credentials"]
    assert f'no subject {w.topic}-value for value = "avro"' in found.of("warn", "registry")[0]
    writer.subject = lambda: f"{w.topic}-value"
    writer.avro('"int"', 1)
    assert online(config).of("ok", "registry")[1] == f"subject {w.topic}-value is of type AVRO"
    config.blocks[-1] = config.blocks[-1].replace('"avro"', '"protobuf"')
    failed = online(config).only_failure("registry")
    assert f"{w.topic}-value is of type AVRO, but the topic has value = \"protobuf\"" in failed


@pytest.mark.parametrize("status, fix", [(401, "registry { auth }"), (302, "redirects"), (404, "path"), (503, "is it well")])
def test_a_registry_that_refuses(w, online, proxy, status, fix):  # noqa: F811
    proxy.fault = lambda path: (status, b"no")
    failed = online(with_registry(w, proxy.url, auth="me:wrong-secret")).only_failure("registry")
    assert failed.startswith(f"{proxy.url} answers HTTP {status}; ") and fix in failed


def test_a_registry_that_is_not_there(w, online, proxy):  # noqa: F811
    """Of two addresses one: the other's subjects are looked at."""
    found = online(with_registry(w, [f"http://{NOBODY}", proxy.url]))
    failed = found.only_failure("registry")
    assert failed.startswith(f"http://{NOBODY}: Failed to connect") and "does it run" in failed
    assert found.of("ok", "registry") == [f"{proxy.url} answers"] and found.of("warn", "registry")


def test_somebody_else_at_the_registrys_address(w, online, words):
    words.time = "<html>Welcome</html>"
    url = f"http://127.0.0.1:{words.server_address[1]}"
    assert "not as a schema registry does" in online(with_registry(w, url)).only_failure("registry")
