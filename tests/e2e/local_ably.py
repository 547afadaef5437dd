"""`kably sandbox` as a child process, and a client for the control side of its local Ably."""

import base64
import collections
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request

import daemon
from waiting import until

MessageId = collections.namedtuple("MessageId", "topic partition offset part tag")


def parse_id(text):
    """TOPIC/PARTITION/OFFSET/TAG:0, or .../OFFSET.N/TAG:0 for a record's further messages."""
    hit = re.fullmatch(r"(.+)/(\d+)/(\d+)(?:\.(\d+))?/([A-Za-z0-9_-]{11}):0", text)
    assert hit, f"not a message id of kably's: {text!r}"
    return MessageId(hit[1], int(hit[2]), int(hit[3]), int(hit[4] or 0), hit[5])


class Sandbox:
    """A local Ably, and unless `kafka` is false a mock cluster with `topics` ({name: partitions})."""

    def __init__(self, folder, topics=None, kafka=True, port=None):
        arguments = ["--key", "app.keyid:" + os.urandom(8).hex()]  # a secret that stands out in a log
        if not kafka:
            arguments.append("--no-kafka")
        for name, partitions in (topics or {}).items():
            arguments += ["--topic", f"{name}:{partitions}"]
        if port:
            arguments += ["--ably-port", port]
        name = "sandbox-" + os.urandom(2).hex()
        self.process = daemon.Process(str(folder), name, "sandbox", *arguments)
        until(self._settings_printed, 30, lambda: f"the sandbox's settings; {self.process.tail()}")
        settings = dict(re.findall(r"^(?:export )?(\w+)=(\S+)$", self.process.out(), re.MULTILINE))
        self.bootstrap = settings.get("KAFKA_BOOTSTRAP")
        self.ably = LocalAbly(settings["ABLY_URL"], settings["ABLY_API_KEY"])

    def _settings_printed(self):
        assert self.process.running(), self.process.tail()
        return re.search(r"^(export )?ABLY_API_KEY=\S+\n", self.process.out(), re.MULTILINE) and re.search(
            r"^(export )?ABLY_URL=\S+\n", self.process.out(), re.MULTILINE
        )


class LocalAbly:
    def __init__(self, url, key):
        self.url = url.rstrip("/")
        self.key = key
        parts = urllib.parse.urlsplit(self.url)
        self.host, self.port = parts.hostname, parts.port
        self.settings = {"tls": False}  # what an `ably` block needs besides these

    def call(self, method, path, body=None, headers=None):
        """Gives (status, parsed body)."""
        status, text = self.call_text(method, path, body, headers)
        return status, json.loads(text) if text else None

    def call_text(self, method, path, body=None, headers=None):
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": "Basic " + base64.b64encode(self.key.encode()).decode(),
                "Content-Type": "application/json",
                "X-Ably-Version": "6",
                **(headers or {}),
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read()

    def get(self, path):
        status, body = self.call("GET", path)
        assert status == 200, f"GET {path}: {status} {body}"
        return body

    def faults(self, *faults):
        """Replaces the list of faults; none = healthy."""
        status, body = self.call("POST", "/_control/faults", list(faults))
        assert status in (200, 201, 204), f"faults: {status} {body}"

    def faulted(self):
        """How often the faults of the list have struck."""
        return sum(fault["met"] for fault in self.get("/_control/faults"))

    def stats(self):
        return self.get("/_control/stats")

    def unique(self):
        """How many messages were published, those sent again not counted."""
        return self.stats()["published"]

    def deliveries(self):
        """Every message that was accepted, sent again or not, in order of arrival: [(channel, id)]."""
        rows = self.get("/_control/deliveries")
        assert self.stats()["deliveries_dropped"] == 0, "too many deliveries for the local Ably's log"
        return [(row["channel"], row["id"]) for row in rows]

    def history(self, channel, newest=None):
        """The messages of a channel as an SDK gets them on the wire: the oldest thousand, oldest first; or the
        `newest` so many, newest first."""
        query = f"direction=backwards&limit={newest}" if newest else "direction=forwards&limit=1000"
        return self.get(f"/channels/{urllib.parse.quote(channel, safe='')}/messages?{query}")

    def history_text(self, channel):
        """The same as its bytes, for who counts the digits of numbers."""
        status, text = self.call_text("GET", f"/channels/{urllib.parse.quote(channel, safe='')}/messages")
        assert status == 200, text
        return text
