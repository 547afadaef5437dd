"""Hosts of Ably that fail while others serve: requests move on, as they are, and nobody notices. One machine has
several: 127.0.0.2, 127.0.0.3..., and ::1."""

import pytest

import workload
from hosts import Hosts
from judge import check_all_arrived

COUNT = 300
ADDRESSES = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]


@pytest.fixture
def spread(mock_world, rng):
    """spread(addresses, **settings) -> a world whose Ably has several hosts, its topic filled."""
    opened = []

    def make(addresses=ADDRESSES, **settings):
        w = mock_world(partitions=4)
        w.behind, w.ably = w.ably, Hosts(w.ably, list(addresses), **settings)
        w.hosts = w.ably.all
        opened.append(w.ably)
        w.places = w.kafka.produce(w.topic, workload.records(COUNT, 4, rng))
        return w

    yield make
    for hosts in opened:
        hosts.close()


def start(w, daemons):
    return daemons.run(w.config().topic(w.topic, value="json", channel="hosts:#{key}"))


def names(host):
    """What its Host headers said."""
    return {request.headers["Host"] for request in host.seen}


def fail(host, how):
    if how == "refused":
        host.refuse()
    else:
        host.mode = how


@pytest.mark.parametrize("how", ["refused", "silent", 503, "cloudfront"])
def test_a_host_that_fails_is_left_for_another(spread, daemons, how):
    w = spread(http_request_timeout_ms=1000)
    fail(w.hosts[0], how)
    kably = start(w, daemons)
    check_all_arrived(w, kably)
    first, *others = w.hosts
    used = [host for host in others if host.seen]
    assert used, "no fallback was asked"
    assert kably.logged(rf"the request goes to http://127\.0\.0\.[34]:{w.ably.port}"), kably.tail()
    assert kably.logged(r"it is used for the next 600 s"), kably.tail()
    assert not kably.logged("nothing is lost"), f"another host served, and yet it was an outage: {kably.tail()}"
    for host in used:
        assert names(host) == {f"{host.address}:{w.ably.port}"}, "the wrong Host header"
    if how != "refused":
        assert first.seen, "the endpoint itself was never asked"
        moved = {request.body for request in first.seen}
        arrived = {request.body for host in used for request in host.seen}
        assert moved <= arrived, "a request changed on its way to another host"
        # Those that were out together when it failed, and no later one: what worked is kept.
        assert len(first.seen) <= 10


def test_an_answer_of_ably_is_taken_at_its_word(spread, daemons):
    """401 is about the key, 429 about the account: another host would say the same."""
    w = spread()
    w.behind.faults({"path": "/messages", "status": 401, "code": 40101, "times": 2})
    kably = start(w, daemons)
    check_all_arrived(w, kably)
    assert not w.hosts[1].seen and not w.hosts[2].seen


def test_all_hosts_away_is_an_outage_and_the_primary_is_asked_first_again(spread, daemons):
    w = spread()
    for host in w.hosts:
        host.mode = 503
    kably = start(w, daemons)
    kably.wait_log("nothing is lost")
    assert all(host.seen for host in w.hosts)
    for host in w.hosts:
        host.mode = "well"
    check_all_arrived(w, kably)


def test_an_empty_list_asks_nobody_else(spread, daemons):
    w = spread()
    w.ably.settings["fallback_hosts"] = []
    w.hosts[0].mode = 503
    kably = start(w, daemons)
    kably.wait_log("nothing is lost")
    w.hosts[0].mode = "well"
    check_all_arrived(w, kably)
    assert not w.hosts[1].seen and not w.hosts[2].seen


def test_ipv6_addresses_are_hosts_too(spread, daemons):
    w = spread(["::1", "127.0.0.2"])
    kably = start(w, daemons)
    check_all_arrived(w, kably)
    assert names(w.hosts[0]) == {f"[::1]:{w.ably.port}"}
