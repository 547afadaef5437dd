"""TLS towards Ably: verified by default, and what fails to verify is an outage that names what to do. Nothing is
lost meanwhile, and it recovers by itself once the right certificate is there."""

import shlex
import shutil
import subprocess

import pytest

import daemon
import workload
from judge import check_all_arrived
from lua import Config
from tls import Front
from waiting import throughout, until

COUNT = 300


@pytest.fixture
def fronted(mock_world, authority, closing, rng):
    """fronted(certificate, ca_file) -> a world whose Ably is behind TLS, its topic filled, `places` written."""

    def make(certificate, ca_file=authority.ca_file):
        w = mock_world(partitions=4)
        w.ably = closing(Front(w.behind, certificate, ca_file))
        w.places = w.kafka.produce(w.topic, workload.records(COUNT, 4, rng))
        return w

    return make


def start(w, daemons, program=None):
    config = w.config().topic(w.topic, value="json", channel="tls:#{key}")
    return daemons.run(config.block("limits", drain_ms=500), program=program)


def check_outage(w, kably, pattern):
    """It says why, with what to do, goes on trying, and publishes and commits nothing."""
    kably.wait_log(pattern)

    def nothing_happens():
        committed = w.kafka.committed(w.group, w.topic, w.partitions)
        return kably.running() and all(offset <= 0 for offset in committed.values())

    throughout(nothing_happens, 1.5, lambda: f"nothing committed in the outage; {kably.tail()}")
    assert w.ably.received == 0, "it spoke to a server that it must not trust"
    assert w.behind.unique() == 0


def test_a_certificate_of_the_ca_file_works(fronted, authority, daemons):
    w = fronted(authority.certificate())
    kably = start(w, daemons)
    assert check_all_arrived(w, kably).repeats() == 0, "sent twice"
    assert w.ably.received > 0, "it went around TLS"
    assert not kably.logged("WARN"), kably.tail()


BAD = {
    "unknown authority": (
        lambda authority, stranger: stranger.certificate(),
        r"unable to get local issuer certificate.*signed by nobody that is trusted here.*ca_file",
    ),
    "self-signed": (
        lambda authority, stranger: stranger.self_signed(),
        r"self.signed certificate.*signed by nobody that is trusted here.*ca_file",
    ),
    "expired": (
        lambda authority, stranger: authority.expired(),
        r"certificate has expired.*clock",
    ),
    "another host's": (
        lambda authority, stranger: authority.certificate(host="DNS:elsewhere.example"),
        r"'127\.0\.0\.1'.*endpoint",
    ),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_certificate_is_an_outage_until_a_good_one_comes(fronted, authority, stranger, daemons, bad):
    certificate, pattern = BAD[bad]
    w = fronted(certificate(authority, stranger))
    kably = start(w, daemons)
    check_outage(w, kably, rf"WARN ably.*127\.0\.0\.1:{w.ably.port}: .*{pattern}.*nothing is lost")
    w.ably.present(authority.certificate())
    assert check_all_arrived(w, kably).repeats() == 0, "sent twice"
    assert kably.logged("answers again after")


def test_a_certificate_that_turns_bad_while_records_flow(fronted, authority, daemons, rng):
    w = fronted(authority.certificate())
    kably = start(w, daemons)
    until(lambda: w.behind.unique() >= COUNT, 60, lambda: f"the first {COUNT}; {kably.tail()}")
    w.ably.present(authority.expired())
    w.places += w.kafka.produce(w.topic, workload.records(COUNT, 4, rng, begin=COUNT))
    kably.wait_log("certificate has expired")
    assert w.behind.unique() == COUNT
    w.ably.present(authority.certificate())
    until(lambda: w.behind.unique() >= 2 * COUNT, 60, lambda: f"the rest; {kably.tail()}")
    assert check_all_arrived(w, kably).repeats() == 0, "sent twice"


def test_the_ca_file_may_be_replaced_while_it_runs(fronted, authority, stranger, daemons, tmp_path):
    """An authority that is renewed: curl by itself keeps what it has read of the file for a day."""
    trusted = tmp_path / "trusted.pem"
    shutil.copy(stranger.ca_file, trusted)
    w = fronted(authority.certificate(), ca_file=str(trusted))
    kably = start(w, daemons)
    check_outage(w, kably, "signed by nobody that is trusted")
    shutil.copy(authority.ca_file, trusted)
    assert check_all_arrived(w, kably).repeats() == 0, "sent twice"


def test_without_a_ca_file_the_system_is_trusted_and_nobody_else(fronted, authority, daemons):
    w = fronted(authority.certificate(), ca_file=None)
    kably = start(w, daemons)
    check_outage(w, kably, "signed by nobody that is trusted here.*ca_file")
    kably.stop()


def test_a_ca_file_stands_instead_of_the_system(fronted, authority, stranger, daemons, tmp_path):
    """The system trusts the server's authority, in a mount namespace of this test, and ca_file names another."""
    folder = authority.trusted_folder(tmp_path / "certs")
    inside = f"mount --bind {shlex.quote(str(folder))} /etc/ssl/certs"
    if subprocess.run(["unshare", "-rm", "sh", "-c", inside], capture_output=True, check=False).returncode:
        pytest.skip("mount namespaces are not allowed here")
    program = tmp_path / "kably-inside"
    program.write_text(f'#!/bin/sh\nexec unshare -rm sh -c \'{inside} && exec "$@"\' sh {daemon.binary()} "$@"\n')
    program.chmod(0o755)
    w = fronted(authority.certificate(), ca_file=None)
    assert check_all_arrived(w, start(w, daemons, program)).repeats() == 0  # or else this proves nothing
    w = fronted(authority.certificate(), ca_file=stranger.ca_file)
    check_outage(w, start(w, daemons, program), "signed by nobody that is trusted here")


def test_plain_http_behind_tls_is_an_outage_that_says_so(mock_world, daemons, rng):
    """The port of a plain server, and tls left at its default."""
    w = mock_world(partitions=1)
    w.kafka.produce(w.topic, workload.records(10, 1, rng))
    w.ably.settings = {}
    kably = start(w, daemons)
    kably.wait_log(r"WARN ably.*no TLS there.*port")
    assert w.ably.unique() == 0
    kably.stop()


def check(config, path):
    path.write_text(config.text())
    return {name: daemon.command(name, path, env=config.env) for name in ("check", "run")}


@pytest.mark.parametrize("host", ["192.0.2.1", "ably.example", "127.0.0.1.example", "2001:db8::1", "main"])
def test_a_key_over_plain_http_to_another_machine_is_refused_at_load(ably, tmp_path, host):
    ably.host = host
    for name, done in check(Config("127.0.0.1:1", "g", ably).topic("t", channel="c"), tmp_path / "f.lua").items():
        assert done.returncode == 2, f"{name}: {done.stdout}{done.stderr}"
        said = done.stdout + done.stderr
        assert "f.lua:" in said and "tls" in said and "unprotected" in said and host in said, said
        assert ably.key not in said and ably.key.split(":")[1] not in said


def test_a_ca_file_that_cannot_be_read_is_refused_at_load(ably, tmp_path):
    missing = tmp_path / "missing.pem"
    empty = tmp_path / "empty.pem"
    empty.write_text("this is no certificate\n")
    for path, why in ((missing, "No such file"), (empty, "no certificate")):
        ably.settings = {"ca_file": str(path)}
        config = Config("127.0.0.1:1", "g", ably).topic("t", channel="c")
        for name, done in check(config, tmp_path / "f.lua").items():
            said = done.stdout + done.stderr
            assert done.returncode == 2, f"{name} {why}: {said}"
            assert "f.lua:" in said and "ca_file" in said and str(path) in said and why in said, said
