"""The way to Ably: proxies with and without a password, client certificates, connections that the server closes."""

import socket
import ssl
import threading

import pytest

import workload
from daemon import command
from hosts import Hosts
from judge import check_all_arrived
from proxy import HttpProxy, HttpsProxy, SocksProxy
from tls import Front

COUNT = 300


@pytest.fixture
def w(mock_world, rng):
    made = mock_world(partitions=4)
    made.behind = made.ably
    made.places = made.kafka.produce(made.topic, workload.records(COUNT, 4, rng))
    return made


def start(w, daemons, *secrets, **ably):
    w.ably.settings = {**w.ably.settings, **ably}
    config = w.config().topic(w.topic, value="json", channel="net:#{key}")
    config.secrets |= set(secrets)
    return daemons.run(config)


PROXIES = {
    "http": (HttpProxy, "http", "none"),
    "http, basic": (HttpProxy, "http", "basic"),
    "http, digest": (HttpProxy, "http", "digest"),
    "socks5": (SocksProxy, "socks5", "none"),
    "socks5h, password": (SocksProxy, "socks5h", "basic"),
}


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("kind", PROXIES)
def test_a_proxy_is_gone_through(w, daemons, closing, authority, kind, tls):
    make, scheme, auth = PROXIES[kind]
    proxy = closing(make(auth))
    if tls:
        w.ably = closing(Front(w.behind, authority.certificate(), authority.ca_file))
    kably = start(w, daemons, proxy.password, proxy=proxy.url(scheme))
    check_all_arrived(w, kably)
    assert set(proxy.targets) == {f"{w.ably.host}:{w.ably.port}"}, "it went around the proxy"


def test_a_wrong_password_is_an_outage_that_names_the_proxy_and_no_password(w, daemons, closing, authority):
    proxy = closing(HttpProxy("basic"))
    w.ably = closing(Front(w.behind, authority.certificate(), authority.ca_file))
    kably = start(w, daemons, "wrong-password", proxy=f"http://mole:wrong-password@127.0.0.1:{proxy.port}")
    kably.wait_log("407.*nothing is lost")
    assert w.behind.unique() == 0


def test_a_wrong_password_for_plain_http_says_the_same(w, daemons, closing):
    proxy = closing(HttpProxy("basic"))
    kably = start(w, daemons, "wrong-password", proxy=f"http://mole:wrong-password@127.0.0.1:{proxy.port}")
    kably.wait_log("HTTP 407.*the proxy wants a user and password.*nothing is lost")
    assert w.behind.unique() == 0


def test_no_proxy_goes_around_it(w, daemons, closing):
    proxy = closing(HttpProxy())
    kably = start(w, daemons, proxy=proxy.url("http"), no_proxy=["example.org", "127.0.0.1"])
    check_all_arrived(w, kably)
    assert not proxy.targets


def test_a_proxy_over_tls_is_believed_by_the_same_authorities(w, daemons, closing, authority, stranger):
    w.ably = closing(Front(w.behind, authority.certificate(), authority.ca_file))
    proxy = closing(HttpsProxy(stranger.certificate()))
    kably = start(w, daemons, proxy=proxy.url("https"))
    kably.wait_log(r"name its authority in ca_file\); nothing is lost")
    kably.stop()
    proxy = closing(HttpsProxy(authority.certificate(), "basic"))
    kably = start(w, daemons, proxy.password, proxy=proxy.url("https"))
    check_all_arrived(w, kably)
    assert proxy.targets, "it went around the proxy"


def test_the_environments_no_proxy_is_not_about_the_files_proxy(w, daemons, closing):
    proxy = closing(HttpProxy())
    w.ably.settings = {**w.ably.settings, "proxy": proxy.url("http")}
    config = w.config().topic(w.topic, value="json", channel="net:#{key}")
    config.env |= {"no_proxy": "*", "NO_PROXY": "*"}
    check_all_arrived(w, daemons.run(config))
    assert proxy.targets, "it went around the proxy"


def test_no_proxy_of_the_environment_stands_before_this_machine(w, daemons, closing):
    """A key goes unprotected to this machine alone; a proxy of the environment may be another."""
    proxy = closing(HttpProxy())
    config = w.config().topic(w.topic, value="json", channel="net:#{key}")
    config.env |= {"http_proxy": proxy.url("http"), "all_proxy": proxy.url("http")}
    check_all_arrived(w, daemons.run(config))
    assert not proxy.targets


def test_a_key_over_plain_http_to_a_proxy_elsewhere_is_refused_at_load(w, tmp_path):
    w.ably.settings = {**w.ably.settings, "proxy": "http://proxy.example.org:3128"}
    config = w.config().topic(w.topic, channel="net:#{key}")
    path = tmp_path / "kably.lua"
    path.write_text(config.text())
    done = command("check", path, env=config.env)
    assert done.returncode == 2 and "unprotected to the proxy" in done.stderr + done.stdout, done


@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_a_host_that_the_proxy_cannot_reach_is_left_for_another(w, daemons, closing, authority, kind):
    proxy = closing((HttpProxy if kind == "http" else SocksProxy)())
    w.ably = closing(Front(w.behind, authority.certificate(), authority.ca_file))
    proxy.unreachable.add(f"127.0.0.2:{w.ably.port}")
    w.ably.host = "127.0.0.2"
    kably = start(w, daemons, fallback_hosts=["127.0.0.1"], proxy=proxy.url(kind))
    check_all_arrived(w, kably)
    assert kably.logged("the request goes to https://127.0.0.1"), kably.tail()
    assert not kably.logged("nothing is lost"), kably.tail()


class Gateway(Front):
    """A front that wants to see a client's certificate."""

    def present(self, certificate):
        super().present(certificate)
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._context.load_verify_locations(self.settings["ca_file"])


def test_a_client_certificate_is_shown_where_a_gateway_asks(w, daemons, closing, authority):
    w.ably = closing(Gateway(w.behind, authority.certificate(), authority.ca_file))
    kably = start(w, daemons)
    kably.wait_log("nothing is lost")
    assert w.behind.unique() == 0
    kably.stop()
    kably = start(w, daemons, cert_file=authority.certificate(host="DNS:client.example"))
    check_all_arrived(w, kably)


def test_old_tls_is_refused(w, daemons, closing, authority):
    front = closing(Front(w.behind, authority.certificate(), authority.ca_file))
    with pytest.warns(DeprecationWarning):
        front._context.minimum_version = ssl.TLSVersion.TLSv1
        front._context.maximum_version = ssl.TLSVersion.TLSv1_1
    front._context.set_ciphers("ALL:@SECLEVEL=0")
    w.ably = front
    kably = start(w, daemons)
    kably.wait_log("nothing is lost")
    assert w.behind.unique() == 0


class Fickle:
    """Passes on to the local Ably, and closes each connection after an answer, without a word, or when the next
    request has begun to come: a keep-alive whose time ran out at the wrong moment."""

    def __init__(self, ably, in_the_midst):
        self.key, self.host, self.settings = ably.key, "127.0.0.1", {"tls": False}
        self.in_the_midst, self.closed = in_the_midst, 0
        self._behind = (ably.host, ably.port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._server.close()

    def _accept(self):
        try:
            while True:
                client, _ = self._server.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()
        except OSError:
            pass

    def _serve(self, client):
        try:
            with client, socket.create_connection(self._behind) as far:
                self._exchange(client, far)
                if self.in_the_midst:
                    client.recv(100)  # the next one comes; with bytes unread, closing resets the connection
                self.closed += 1
        except OSError:
            pass

    def _exchange(self, client, far):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(1)
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        body = b""
        while len(body) < length:
            body += client.recv(length - len(body))
        far.sendall(head + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += far.recv(65536)
        text, rest = answer.split(b"\r\n\r\n", 1)
        length = int(text.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(rest) < length:
            rest += far.recv(65536)
        client.sendall(text + b"\r\n\r\n" + rest)


@pytest.mark.parametrize("in_the_midst", [False, True])
def test_a_kept_connection_that_the_server_closes_is_no_error(w, daemons, closing, rng, in_the_midst):
    w.ably = closing(Fickle(w.behind, in_the_midst))
    config = w.config().topic(w.topic, value="json", channel="net:#{key}")
    config.block("publish", concurrency=2, max_records=20, requests_per_second=0)
    kably = daemons.run(config)
    arrived = check_all_arrived(w, kably)
    assert w.ably.closed > 3
    assert not kably.logged("WARN"), kably.tail()
    assert in_the_midst or arrived.repeats() == 0


def test_a_proxy_that_is_not_there_is_no_host_that_fails(w, daemons, closing):
    """No fallback is tried for it, and it is an outage."""
    w.ably = closing(Hosts(w.behind, ["127.0.0.2", "127.0.0.3"]))
    kably = start(w, daemons, proxy="http://nowhere.invalid:1", tls=True)
    kably.wait_log("nothing is lost")
    assert not kably.logged("the request goes to"), kably.tail()
