"""A host that moves: its name leads to another machine from now on, while the old one still serves, or is gone. Names
are those of an /etc/hosts of the daemon's own, in a mount namespace."""

import os
import stat
import subprocess

import pytest

import daemon
import workload
from hosts import Hosts
from judge import Arrived
from waiting import pass_time, throughout, until

NAME = "moving.ably.test"
OLD, NEW = "127.0.0.2", "127.0.0.3"
FOLLOWED_SECONDS = 60  # the promise of README's "Connecting to Ably"


class Names:
    """An /etc/hosts that a program of our own sees in the place of the machine's."""

    def __init__(self, folder, program):
        self._path = folder / "hosts"
        self.program = folder / "kably-with-its-own-hosts"
        self.lead(NAME, OLD)
        inside = f'mount --bind {self._path} /etc/hosts && exec {program} "$@"'
        self.program.write_text(f"#!/bin/sh\nexec {' '.join(self.unshare())} sh -c '{inside}' sh \"$@\"\n")
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)

    @staticmethod
    def unshare():
        return ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]

    def lead(self, name, address):
        """Written in place: the mount is of this very file."""
        with open(self._path, "w", encoding="ascii") as hosts:
            hosts.write(f"127.0.0.1 localhost\n{address} {name}\n")


@pytest.fixture
def names(tmp_path):
    made = Names(tmp_path, daemon.binary())
    probe = [*Names.unshare(), "sh", "-c", f"mount --bind {tmp_path}/hosts /etc/hosts && getent hosts {NAME}"]
    try:
        seen = subprocess.run(probe, capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare")
    if OLD not in seen.stdout:
        pytest.skip(f"no mount namespace of our own may be had here: {seen.stderr.strip()}")
    return made


@pytest.fixture
def moving(mock_world):
    """A world whose Ably is reached by name at either of two addresses; w.old and w.new are the hosts behind them."""
    w = mock_world(partitions=4)
    w.behind, w.ably = w.ably, Hosts(w.ably, [OLD, NEW])
    w.old, w.new = w.ably.all
    # A token, for the key itself goes to no name but this machine's own without TLS.
    w.ably.host = NAME
    w.ably.settings = {"tls": False, "use_token_auth": True, "http_open_timeout_ms": 1000}
    yield w
    w.ably.close()


@pytest.mark.long
@pytest.mark.parametrize("old_host", ["serves on", "is gone"])
def test_a_host_that_moves_is_followed_within_a_minute(moving, names, daemons, rng, old_host):
    """Also by the connections that were open: the one to a host that serves on would never end by itself."""
    w = moving
    config = w.config().topic(w.topic, value="json", channel="moved:#{key}")
    kably = daemons.run(config.block("publish", concurrency=3), program=names.program)
    flow = workload.Flow(w, rng, rate=50)
    until(lambda: len(w.old.seen) >= 20, 60, lambda: f"requests at the old address; {kably.tail()}")
    assert not w.new.seen

    names.lead(NAME, NEW)
    if old_host == "is gone":
        w.old.mode = "gone"
        w.old.refuse()
    pass_time(FOLLOWED_SECONDS)
    old, new = len(w.old.seen), len(w.new.seen)
    throughout(lambda: len(w.old.seen) == old, 3, "nothing goes to the old address")
    assert len(w.new.seen) > new, f"nothing goes to the new address either; {kably.tail()}"

    places = flow.finish()
    until(lambda: w.behind.unique() >= len(places), 60, lambda: f"{len(places)} arrived; {kably.tail()}")
    w.wait_committed_ends()
    kably.stop()
    arrived = Arrived(w.behind, w.topic)
    arrived.check_complete(places)
    arrived.check_order()
    if old_host == "serves on":
        assert not kably.logged("WARN"), kably.tail()
