"""A client of the admin server, as an operator and as Prometheus have one."""

import json
import urllib.error
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from waiting import until


class Admin:
    """Of a daemon whose file says `admin { listen = "127.0.0.1:0" }`: the port stands in its log."""

    def __init__(self, process, token=None):
        self.process = process
        self.token = token
        self.url = process.wait_log(r"admin: listening on (http://\S+?)(,|$)")[1]

    def ask(self, path, method="GET", headers=None, token=None, seconds=10):
        """(status, headers, body as text)."""
        headers = dict(headers or {})
        if token or self.token:
            headers["Authorization"] = f"Bearer {token or self.token}"
        request = urllib.request.Request(self.url + path, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=seconds) as reply:
                return reply.status, reply.headers, reply.read().decode()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.headers, refusal.read().decode()

    def live(self):
        return self.ask("/livez")[0] == 200

    def reasons(self):
        """Why it is not ready; empty = it is."""
        status, _, body = self.ask("/readyz")
        told = json.loads(body)
        assert told["ready"] == (status == 200) == (not told["reasons"]), body
        assert status in (200, 503)
        return {reason["reason"]: reason for reason in told["reasons"]}

    def wait_ready(self, seconds=30):
        until(lambda: not self.reasons(), seconds, lambda: f"ready; {self.reasons()}; {self.process.tail()}")

    def wait_reason(self, reason, seconds=30):
        return until(
            lambda: self.reasons().get(reason),
            seconds,
            lambda: f"{reason}, but {self.reasons()}; {self.process.tail()}",
        )

    def status(self):
        status, _, body = self.ask("/status")
        assert status == 200, body
        return json.loads(body)

    def metrics(self):
        """{name: {labels as a frozenset of pairs: value}}, by Prometheus's own parser, each name once."""
        status, headers, body = self.ask("/metrics")
        assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4"), body
        samples, families = {}, set()
        for family in text_string_to_metric_families(body):
            assert family.name not in families, f"{family.name} comes twice"
            assert family.documentation and family.type != "unknown", family
            families.add(family.name)
            if not family.samples:
                samples[family.name] = {}
            for sample in family.samples:
                series = samples.setdefault(sample.name, {})
                labels = frozenset(sample.labels.items())
                assert labels not in series, f"{sample} comes twice"
                series[labels] = sample.value
        return samples

    def total(self, name, **labels):
        """The sum of a metric's samples with these labels."""
        series = self.metrics()[name]
        return sum(value for key, value in series.items() if key >= set(labels.items()))
