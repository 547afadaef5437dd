"""Credentials: tokens made of the key, tokens from elsewhere, keys that rotate while it runs. Whatever happens to
them, no record is lost, and none of them is ever shown."""

import base64
import hashlib
import hmac
import http.server
import json
import os
import threading
import time
import urllib.parse

import pytest

import workload
from hosts import Hosts
from judge import check_all_arrived
from lua import Config, Raw
from waiting import pass_time, throughout, until

COUNT = 300


@pytest.fixture
def w(mock_world, rng):
    made = mock_world(partitions=4)
    made.places = made.kafka.produce(made.topic, workload.records(COUNT, 4, rng))
    return made


class Credentials(Config):
    """A file whose ably block has these credentials instead of the key."""

    def __init__(self, w, **ably):
        self._ably = ably
        super().__init__(w.kafka.bootstrap, w.group, w.ably)
        self.topic(w.topic, value="json", channel="cred:#{key}")

    def block(self, keyword, *names, **options):
        if keyword == "ably":
            options.pop("key")
            options.update(self._ably)
        return super().block(keyword, *names, **options)


def key(w):
    return Raw('env "ABLY_API_KEY"')


def more(w, rng, kably, begin):
    w.places += w.kafka.produce(w.topic, workload.records(COUNT, 4, rng, begin=begin))
    until(lambda: w.ably.unique() >= begin + COUNT, 60, lambda: f"{begin + COUNT} arrived; {kably.tail()}")


def jwt(key_text, ttl=3600, **claims):
    name, secret = key_text.split(":")

    def part(value):
        text = value if isinstance(value, bytes) else json.dumps(value).encode()
        return base64.urlsafe_b64encode(text).rstrip(b"=").decode()

    now = int(time.time())
    head = part({"typ": "JWT", "alg": "HS256", "kid": name})
    text = head + "." + part({"iat": now, "exp": now + ttl, **claims})
    return text + "." + part(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())


class AuthServer:
    """Answers at auth_url with what `give` makes of the parameters: (status, content type, text)."""

    def __init__(self, give):
        self.asked = []  # (method, parameters, headers)
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self._answer(urllib.parse.urlsplit(self.path).query)

            def do_POST(self):
                self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

            def _answer(self, text):
                params = dict(urllib.parse.parse_qsl(text))
                server.asked.append((self.command, params, dict(self.headers)))
                status, kind, body = give(params)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/token"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def auth_server():
    started = []

    def start(give):
        started.append(AuthServer(give))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.mark.parametrize("token_type", ["jwt", "ably"])
def test_a_key_gets_tokens_and_stays_at_home(w, daemons, token_type):
    config = Credentials(w, key=key(w), use_token_auth=True, token_type=token_type, client_id="me")
    kably = daemons.run(config)
    assert check_all_arrived(w, kably).repeats() == 0, "sent twice"
    assert not kably.logged("WARN"), kably.tail()
    assert w.ably.history(w.ably.deliveries()[0][0])[0]["clientId"] == "me", "the token's client id is missing"


@pytest.mark.parametrize("token_type", ["jwt", "ably"])
def test_a_token_is_renewed_before_it_ends(w, daemons, rng, token_type):
    """Its life is 10 s, so it is renewed after 8: nothing is ever refused for it."""
    kably = daemons.run(Credentials(w, key=key(w), use_token_auth=True, token_type=token_type, token_ttl_ms=10000))
    until(lambda: w.ably.unique() >= COUNT, 60, lambda: f"the first; {kably.tail()}")
    before = w.ably.stats()["by_status"].get("401", 0)
    flow = workload.Flow(w, rng, rate=50)
    throughout(kably.running, 13, kably.tail)
    w.places += flow.finish()
    assert check_all_arrived(w, kably).repeats() == 0, "sent twice"
    assert w.ably.stats()["by_status"].get("401", 0) == before, "a token was used beyond its end"
    assert not kably.logged("WARN"), kably.tail()


def test_a_token_that_is_refused_is_renewed_once_and_the_request_sent_again(w, daemons, rng):
    kably = daemons.run(Credentials(w, key=key(w), use_token_auth=True))
    until(lambda: w.ably.unique() >= COUNT, 60, lambda: f"the first; {kably.tail()}")
    w.ably.faults({"path": "/messages", "status": 401, "code": 40142, "times": 1})
    more(w, rng, kably, COUNT)
    assert w.ably.faulted() == 1
    assert not kably.logged("nothing is lost"), f"one refusal was an outage: {kably.tail()}"
    assert check_all_arrived(w, kably).repeats() == 0, "sent twice"


def test_a_token_that_is_refused_again_is_an_outage(w, daemons):
    w.ably.faults({"path": "/messages", "status": 401, "code": 40142})
    kably = daemons.run(Credentials(w, key=key(w), use_token_auth=True))
    kably.wait_log("HTTP 401, Ably code 40142.*nothing is lost")
    w.ably.faults()
    assert check_all_arrived(w, kably).repeats() == 0, "sent twice"


GIVERS = {
    "text": lambda w: lambda params: (200, "text/plain", jwt(w.ably.key)),
    "jwt": lambda w: lambda params: (200, "application/jwt", jwt(w.ably.key)),
    "details": lambda w: lambda params: (200, "application/json", json.dumps({"token": jwt(w.ably.key)})),
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("form", GIVERS)
def test_tokens_come_from_auth_url(w, daemons, auth_server, form, method):
    server = auth_server(GIVERS[form](w))
    config = Credentials(
        w,
        auth_url=server.url,
        auth_method=method,
        auth_params={"scope": "a b&c"},
        auth_headers={"X-Team": "hidden-header"},
    )
    config.secrets |= {"hidden-header", server.url}
    kably = daemons.run(config)
    assert check_all_arrived(w, kably).repeats() == 0, "sent twice"
    assert len(server.asked) == 1, "asked more than once though many requests waited"
    asked, params, headers = server.asked[0]
    assert asked == method and params["scope"] == "a b&c" and headers["X-Team"] == "hidden-header"


def test_a_token_request_from_auth_url_is_exchanged(w, daemons, auth_server):
    def signed(_):
        name, secret = w.ably.key.split(":")
        stamp, nonce = int(time.time() * 1000), os.urandom(10).hex()
        text = f"{name}\n60000\n\n\n{stamp}\n{nonce}\n"
        mac = base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()
        body = {"keyName": name, "ttl": 60000, "timestamp": stamp, "nonce": nonce, "mac": mac}
        return 200, "application/json", json.dumps(body)

    kably = daemons.run(Credentials(w, auth_url=auth_server(signed).url))
    assert check_all_arrived(w, kably).repeats() == 0, "sent twice"
    assert not kably.logged("WARN"), kably.tail()


@pytest.mark.parametrize(
    "answer", [(500, "text/plain", "no"), (200, "text/html", "<p>log in</p>"), (200, "text/plain", "x" * 200_000)]
)
def test_an_auth_url_that_gives_no_token_is_an_outage_until_it_does(w, daemons, auth_server, answer):
    good = []
    server = auth_server(lambda _: (200, "text/plain", jwt(w.ably.key)) if good else answer)
    config = Credentials(w, auth_url=server.url + "?secret=hidden-query")
    config.secrets.add("hidden-query")
    kably = daemons.run(config)
    kably.wait_log("no token from auth_url: .*nothing is lost")
    assert w.ably.unique() == 0
    good.append(True)
    assert check_all_arrived(w, kably).repeats() == 0, "sent twice"


def test_a_literal_token_that_ends_is_an_outage_that_names_it(w, daemons):
    config = Credentials(w, token=jwt(w.ably.key, ttl=-5 + 6))
    pass_time(1.5)
    kably = daemons.run(config)
    kably.wait_log("Ably code 40142.*nothing is lost")
    throughout(kably.running, 1, kably.tail)
    assert w.ably.unique() == 0


class Revoking:
    """A host of Ably that takes one Authorization line, which changes, and refuses others in its own way; the local
    Ably behind it knows nothing of that."""

    def __init__(self, host, ably, line):
        self._host, self._behind = host, ably
        self.line, self.refused, self.refusal = line, 0, error_of(401, 40101, "invalid credentials")
        host.answer = self._answer

    def _answer(self, request):
        if request.headers["Authorization"] != self.line:
            self.refused += 1
            return self.refusal
        headers = {**dict(request.headers), "Authorization": basic(self._behind.key)}
        return self._host.pass_on(request._replace(headers=headers))


def error_of(status, code, message):
    error = {"error": {"code": code, "statusCode": status, "message": message}}
    return status, [("Content-Type", "application/json")], json.dumps(error).encode()


def basic(key_text):
    return "Basic " + base64.b64encode(key_text.encode()).decode()


def bearer(token):
    return "Bearer " + base64.b64encode(token.encode()).decode()


# A token that nobody says the end of, and answers that don't say it is for the token: the key behind it was revoked,
# or somebody between has taken the code off.
SILENT_REFUSALS = {
    "the key behind it": error_of(401, 40131, "key revoked"),
    "without a code": (401, [("Content-Type", "application/json")], b'{"message":"Unauthorized"}'),
    "in HTML": (401, [("Content-Type", "text/html")], b"<html>401</html>"),
}


@pytest.mark.parametrize("how", SILENT_REFUSALS)
def test_a_token_that_is_no_longer_taken_is_followed_by_another(w, daemons, closing, rng, auth_server, how):
    """An outage that ends by itself: the refused token is not tried for ever."""
    w.ably = closing(Hosts(w.behind, ["127.0.0.2"]))
    tokens = ["first"]
    ably = Revoking(w.ably.all[0], w.behind, bearer("first"))
    server = auth_server(lambda _: (200, "text/plain", tokens[-1]))
    kably = daemons.run(Credentials(w, auth_url=server.url))
    until(lambda: w.behind.unique() == COUNT, 30, lambda: f"the first; {kably.tail()}")
    ably.line, ably.refusal = bearer("second"), SILENT_REFUSALS[how]
    w.places += w.kafka.produce(w.topic, workload.records(COUNT, 4, rng, begin=COUNT))
    kably.wait_log("HTTP 401.*nothing is lost")
    throughout(lambda: w.behind.unique() == COUNT, 1, "none published")
    tokens.append("second")
    assert check_all_arrived(w, kably).repeats() == 0, "sent twice"


@pytest.mark.parametrize("first", ["the file", "the revocation"])
def test_keys_rotate_under_load(w, daemons, closing, rng, tmp_path, first):
    """Again and again, whichever comes first: nothing is lost, doubled or out of order, and it is no restart."""
    w.ably = closing(Hosts(w.behind, ["127.0.0.2"]))
    ably = Revoking(w.ably.all[0], w.behind, basic(w.ably.key))
    secret = tmp_path / "ably.key"
    secret.write_text(w.ably.key)
    kably = daemons.run(Credentials(w, key=Raw(f'file "{secret}"')))
    flow = workload.Flow(w, rng, rate=100)
    for turn in range(4):
        reached = w.behind.unique()
        until(lambda: w.behind.unique() > reached + 50, 60, lambda: f"the flow; {kably.tail()}")
        renewed = f"app.turn{turn}:{os.urandom(8).hex()}"
        kably.secrets.add(renewed.split(":")[1])
        if first == "the revocation":
            refused, ably.line = ably.refused, basic(renewed)
            until(lambda: ably.refused > refused, 30, lambda: f"a refusal; {kably.tail()}")
        (tmp_path / "next").write_text(renewed + "\n")
        os.rename(tmp_path / "next", secret)
        if first == "the file":
            kably.wait_log(rf"the key app\.turn{turn} is used from now on")
            ably.line = basic(renewed)
    w.places += flow.finish()
    assert check_all_arrived(w, kably).repeats() == 0, "sent twice"


@pytest.mark.parametrize("way", ["key", "auth_url", "jwt", "a message alone"])
def test_a_secret_that_the_answer_repeats_is_not_shown(w, daemons, closing, auth_server, way):
    """Some gateways do: "the token ... is not valid"."""
    w.ably = closing(Hosts(w.behind, ["127.0.0.2"]))
    said = []

    def answer(request):
        secrets = [request.headers["Authorization"], "token-hidden-in-base64", w.behind.key]
        text = " ".join(secrets) + " " + "x" * 480 + request.headers["Authorization"]
        said.append(request)
        code = 40013 if way == "a message alone" else 40101
        return error_of(400 if way == "a message alone" else 401, code, text)

    w.ably.all[0].answer = answer
    server = auth_server(lambda _: (200, "text/plain", "token-hidden-in-base64"))
    ways = {"auth_url": {"auth_url": server.url}, "jwt": {"key": key(w), "use_token_auth": True}}
    config = Credentials(w, **ways.get(way, {"key": key(w)}))
    config.blocks[-1] = config.blocks[-1].replace("{", '{ on_error = "skip",', 1)
    config.secrets |= {basic(w.behind.key).split()[1]}
    if way == "auth_url":
        config.secrets = {"token-hidden-in-base64", bearer("token-hidden-in-base64").split()[1]}
    kably = daemons.run(config)
    kably.wait_log(r"\*\*\*")
    token = said[0].headers["Authorization"].split()[1]
    assert token not in kably.log() and token[:20] not in kably.log(), kably.tail()


def test_a_file_that_holds_no_key_any_more_is_told_and_does_no_harm(w, daemons, rng, tmp_path):
    secret = tmp_path / "ably.key"
    secret.write_text(w.ably.key)
    config = Credentials(w, key=Raw(f'file "{secret}"'))
    config.secrets.add("hidden-half")
    kably = daemons.run(config)
    until(lambda: w.ably.unique() == COUNT, 60, lambda: f"the first; {kably.tail()}")
    secret.write_text("app.keyid: hidden-half\n")
    kably.wait_log(r"WARN.*ably\.key holds no API key by now")
    more(w, rng, kably, COUNT)
    assert check_all_arrived(w, kably).repeats() == 0, "sent twice"


def test_a_key_in_a_file_rotates_while_it_runs(w, daemons, sandbox, rng, tmp_path):
    """The old key is revoked, which the local Ably plays by a fault, and comes back."""
    secret = tmp_path / "ably.key"
    secret.write_text(w.ably.key + "\n")
    kably = daemons.run(Credentials(w, key=Raw(f'file "{secret}"')))
    until(lambda: w.ably.unique() >= COUNT, 60, lambda: f"the first; {kably.tail()}")
    w.wait_committed_ends()
    renamed = "app.newkey:" + os.urandom(8).hex()

    # Refused from now on, as Ably refuses a key that was revoked; then the file has the new one.
    w.ably.faults({"path": "/messages", "status": 401, "code": 40101})
    w.places += w.kafka.produce(w.topic, workload.records(COUNT, 4, rng, begin=COUNT))
    kably.wait_log("Ably code 40101.*nothing is lost")
    (tmp_path / "new").write_text(renamed + "\n")
    os.rename(tmp_path / "new", secret)
    kably.wait_log(r"ably\.key has changed: the key app\.newkey is used from now on")
    kably.secrets.add(renamed.split(":")[1])
    assert w.ably.unique() == COUNT
    os.rename(secret, tmp_path / "new")
    (tmp_path / "old").write_text(w.ably.key)
    os.rename(tmp_path / "old", secret)
    kably.wait_log(r"the key app\.keyid is used from now on")
    w.ably.faults()
    assert check_all_arrived(w, kably).repeats() == 0, "sent twice"
