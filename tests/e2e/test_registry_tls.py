"""The real schema registry behind TLS: verified by default, with a certificate of the client where it asks for one.
What fails to verify is an outage that names what to do: records wait for their schemas, none is lost or dead-lettered,
and it recovers by itself."""

import subprocess
import types
import urllib.parse

import pytest

import daemon
from lua import Config
from test_registry import Writer, registry_url  # noqa: F401 (a fixture)
from tls import Front
from waiting import throughout

COUNT = 60


@pytest.fixture
def guarded(real_world, registry_url, authority, closing, kafka, name):  # noqa: F811
    """guarded(certificate, clients) -> a world with a dead-letter topic whose registry is behind TLS, its topic filled
    with records of two schemas."""

    def make(certificate, clients=None):
        w = real_world(partitions=2)
        address = urllib.parse.urlsplit(registry_url)
        target = types.SimpleNamespace(host=address.hostname, port=address.port, key=None)
        w.front = closing(Front(target, certificate, authority.ca_file, clients))
        w.registry = f"https://127.0.0.1:{w.front.port}{address.path}"
        w.letters = name + "-dlq"
        kafka.create(w.letters, 1)
        writer = Writer(registry_url, name)
        values = [writer.avro(kind, n) for n in range(COUNT // 2) for kind in ('"int"', '"long"')]
        w.kafka.produce(w.topic, [{"value": value, "partition": n % 2} for n, value in enumerate(values)])
        return w

    return make


def start(w, daemons, **registry):
    config = w.config().block("registry", url=w.registry, **registry).block("dead_letter", topic=w.letters)
    config.topic(w.topic, value="avro", channel="tls:#{partition}", on_error="dlq")
    return daemons.run(config.block("limits", drain_ms=500))


def check_all_arrived(w, kably):
    w.wait_committed_ends(60)
    kably.stop()
    for partition in (0, 1):
        assert [int(m["data"]) for m in w.ably.history(f"tls:{partition}")] == list(range(COUNT // 2))
    assert w.kafka.empty(w.letters)
    assert w.front.received > 0, "it went around TLS"


def check_outage(w, kably, pattern):
    """It says why, with what to do, and goes on trying; the records wait."""
    kably.wait_log(rf"WARN registry: {w.registry}: schema \d+: 127\.0\.0\.1:{w.front.port}: .*{pattern}.*nothing is lost")

    def nothing_happens():
        committed = w.kafka.committed(w.group, w.topic, w.partitions)
        return kably.running() and all(offset <= 0 for offset in committed.values())

    throughout(nothing_happens, 1.5, lambda: f"nothing committed in the outage; {kably.tail()}")
    assert w.ably.unique() == 0 and w.kafka.empty(w.letters)
    assert w.front.received == 0, "it spoke to a server that it must not trust, or is not trusted by"


def test_a_certificate_of_the_ca_file_works(guarded, authority, daemons):
    w = guarded(authority.certificate())
    kably = start(w, daemons, ca_file=authority.ca_file)
    check_all_arrived(w, kably)
    assert not kably.logged("WARN"), kably.tail()


BAD = {
    "unknown authority": (
        lambda authority, stranger: stranger.certificate(),
        r"unable to get local issuer certificate.*signed by nobody that is trusted here.*ca_file",
    ),
    "expired": (lambda authority, stranger: authority.expired(), r"certificate has expired.*clock"),
    "another host's": (
        lambda authority, stranger: authority.certificate(host="DNS:elsewhere.example"),
        r"'127\.0\.0\.1'.*another name.*registry \{ url \}",
    ),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_certificate_is_an_outage_until_a_good_one_comes(guarded, authority, stranger, daemons, bad):
    certificate, pattern = BAD[bad]
    w = guarded(certificate(authority, stranger))
    kably = start(w, daemons, ca_file=authority.ca_file)
    check_outage(w, kably, pattern)
    w.front.present(authority.certificate())
    check_all_arrived(w, kably)
    assert kably.logged(f"INFO registry: {w.registry} answers again after")


def test_without_a_ca_file_the_system_is_trusted_and_nobody_else(guarded, authority, daemons):
    w = guarded(authority.certificate())
    kably = start(w, daemons)
    check_outage(w, kably, "signed by nobody that is trusted here.*ca_file")
    kably.stop()


def test_the_certificate_of_the_client(guarded, authority, daemons):
    """Asked for and shown: the key in a file of its own, encrypted."""
    w = guarded(authority.certificate(), clients=authority.ca_file)
    shown = authority.certificate(host="DNS:client.example")
    key = shown + ".encrypted"
    subprocess.run(
        ["openssl", "pkey", "-in", shown, "-aes256", "-passout", "pass:pa ss", "-out", key], check=True, capture_output=True
    )
    settings = {"ca_file": authority.ca_file, "certificate_file": shown, "key_file": key, "key_password": "pa ss"}
    kably = start(w, daemons, **settings)
    check_all_arrived(w, kably)


@pytest.mark.parametrize("shown", ["none", "a stranger's"])
def test_a_client_that_is_not_known_is_an_outage(guarded, authority, stranger, daemons, shown):
    w = guarded(authority.certificate(), clients=authority.ca_file)
    settings = {"ca_file": authority.ca_file}
    if shown != "none":
        settings["certificate_file"] = settings["key_file"] = stranger.certificate(host="DNS:client.example")
    kably = start(w, daemons, **settings)
    # Its alert, or where that is lost with the connection, what is seen of it.
    check_outage(w, kably, r"client certificate.*registry \{ certificate_file, key_file \}")
    kably.stop()


def test_files_that_cannot_be_used_are_refused_at_load(ably, authority, tmp_path):
    """Each by the option that names it, and without what is in it."""
    good, other, empty = authority.certificate(), authority.certificate(), tmp_path / "empty.pem"
    empty.write_text("no certificate and no key\n")
    missing, encrypted = str(tmp_path / "missing.pem"), str(tmp_path / "encrypted.pem")
    subprocess.run(
        ["openssl", "pkey", "-in", good, "-aes256", "-passout", "pass:secret-of-the-key", "-out", encrypted],
        check=True,
        capture_output=True,
    )
    pair = {"certificate_file": good, "key_file": good}
    cases = [
        ({"ca_file": missing}, "ca_file", "No such file"),
        ({"ca_file": str(empty)}, "ca_file", "holds no certificate"),
        ({**pair, "certificate_file": str(empty)}, "certificate_file", "holds no certificate"),
        ({**pair, "key_file": missing}, "key_file", "No such file"),
        ({**pair, "key_file": str(empty)}, "key_file", "holds no key"),
        ({**pair, "key_file": other}, "key_file", "is not that of the certificate"),
        ({**pair, "key_file": encrypted}, "key_file", "is encrypted, and no password is set"),
        ({**pair, "key_file": encrypted, "key_password": "another-password"}, "key_file", "not with this password"),
        ({"key_file": good}, "key_file", "together"),
    ]
    path = tmp_path / "f.lua"
    for settings, option, why in cases:
        config = Config("127.0.0.1:1", "g", ably).block("registry", url="https://r:8081", **settings)
        path.write_text(config.topic("t", value="avro", channel="c").text())
        done = daemon.command("check", path, env=config.env)
        said = done.stdout + done.stderr
        assert done.returncode == 2, f"{settings}: {said}"
        assert f"registry: {option}: " in said and why in said, said
        assert "secret-of-the-key" not in said and "another-password" not in said
    config = Config("127.0.0.1:1", "g", ably).block(
        "registry", url="https://r:8081", certificate_file=good, key_file=encrypted, key_password="secret-of-the-key"
    )
    path.write_text(config.topic("t", value="avro", channel="c").text())
    done = daemon.command("check", path, "--print", env=config.env)
    assert done.returncode == 0 and "secret-of-the-key" not in done.stdout, done.stdout + done.stderr
