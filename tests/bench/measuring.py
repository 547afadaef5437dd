"""One run of scripts/bench: Kafka, kably and the sink as processes, and what is read off them."""

import contextlib
import http.server
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LIMITED_KEYS = 20
LUA_CHANNEL = 'function(record) return "user:" .. record.key .. ":" .. record.value.city end'
LUA_EDIT = """, transform = function(record)
  local value = record.value
  value.note = nil
  value.ts_us = nil
  value.country = "PT"
  value.total = value.total + 1
  return record
end"""
SCENARIOS = {
    "static": dict(channel="bench"),
    "msgpack": dict(channel="bench", publish=', protocol = "msgpack"'),
    "fanout": dict(channel="ch:#{key}"),
    "template": dict(channel="user:#{value.user}"),
    "lua_route": dict(channel=LUA_CHANNEL),
    "lua_edit": dict(channel="bench", hooks=LUA_EDIT),
    "avro": dict(channel="bench", format="avro"),
    "protobuf": dict(channel="bench", format="protobuf"),
    "rtt": dict(channel="ch:#{key}", keys=100, sink=["--delay-ms", "20", "--order"]),
    "latency": dict(channel="bench", rate=1000, sink=["--latency"]),
    "healthy": dict(channel="ch:#{key}", keys=LIMITED_KEYS, rate=1000, sink=["--latency"]),
    # One of the channels is over its rate; what is measured and waited for is the others.
    "limited": dict(
        channel="ch:#{key}",
        keys=LIMITED_KEYS,
        rate=1000,
        sink=["--latency", "--limit", "ch:k0"],
        others=1 - 1 / LIMITED_KEYS,
    ),
    "grouped": dict(
        channel="ch:#{key}",
        keys=LIMITED_KEYS,
        rate=1000,
        publish=', group = "when_limited"',
        sink=["--latency", "--limit", "ch:k0"],
        others=1 - 1 / LIMITED_KEYS,
    ),
}
CONFIG = """
kafka {{ ["bootstrap.servers"] = "{bootstrap}", ["group.id"] = "bench-{run}"{kafka} }}
ably {{ key = "bench.key:secret", endpoint = "127.0.0.1", port = {port}, tls = false }}
publish {{ requests_per_second = 0{publish} }}
topic "{topic}" {{ value = "{format}", channel = {channel}{hooks} }}
"""
PROFILE_LINES = 25


def tell(text):
    print(text, file=sys.stderr, flush=True)


def build(source, directory, *targets, **settings):
    """A release build; quick when nothing changed."""
    settings = [f"-D{name}={value}" for name, value in settings.items()]
    if shutil.which("ccache"):
        settings.append("-DCMAKE_C_COMPILER_LAUNCHER=ccache")
    steps = [
        ["cmake", "-S", source, "-B", directory, "-DCMAKE_BUILD_TYPE=Release", *settings],
        ["cmake", "--build", directory, "-j2", "--target", *targets],
    ]
    for step in steps:
        done = subprocess.run(step, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            sys.exit(f"{done.stdout[-4000:]}\nbench: the build failed; scripts/setup --tests installs what it needs")


# ---- the processes


def start(arguments, **more):
    return subprocess.Popen([str(a) for a in arguments], stdout=subprocess.PIPE, text=True, **more)


def read_word(process, word):
    for line in process.stdout:
        if line.startswith(word + " "):
            return line.split()[1]
    sys.exit(f"bench: {process.args[0]} ended without saying {word}")


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_rss_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


@contextlib.contextmanager
def broker(kafka):
    """The address of the real broker that `kafka` names, None for the mock."""
    if kafka != "real":
        yield None if kafka == "mock" else kafka
        return
    script = ROOT / "scripts" / "kafka"
    env = [script, "env"]
    ran_before = subprocess.run(env, capture_output=True, check=False).returncode == 0
    if not ran_before:
        subprocess.run([script, "start"], check=True)
    settings = subprocess.run(env, capture_output=True, text=True, check=True).stdout
    try:
        yield next(line.split("=", 1)[1] for line in settings.splitlines() if line.startswith("KAFKA_BOOTSTRAP="))
    finally:
        if not ran_before:
            subprocess.run([script, "stop"], check=True)


class Kafka:
    """One topic, filled once and read by every run through a group of its own."""

    def __init__(self, tools, address, records, keys, format):
        # Joining the group and the first connection are not what is measured, nor is a broker whose Java is
        # still interpreted: for its first seconds it takes a second to hand a record on, to any consumer.
        self.warm_seconds = 10 if address else 1
        self.topic = f"bench-{random.getrandbits(32):08x}"
        arguments = ["--topic", f"{self.topic}:{8 if address else 100}", "--records", records, "--keys", keys]
        arguments += ["--format", format]
        if address:
            arguments += ["--bootstrap", address]
        self.process = start([tools / "bench_kafka", *arguments], stdin=subprocess.PIPE)
        self.bootstrap = read_word(self.process, "BOOTSTRAP")
        read_word(self.process, "FILLED")

    def rate(self, per_second, seconds):
        self.process.stdin.write(f"rate {per_second} {seconds}\n")
        self.process.stdin.flush()

    def stop(self):
        self.process.stdin.close()
        self.process.wait(30)


class Kafkas:
    """The topics that the scenarios share, by how they are filled."""

    def __init__(self, tools, address, records):
        self.tools, self.address, self.records, self.open = tools, address, records, {}

    def of(self, scenario):
        # Each run of a rate has a topic of its own: it must find no records of the run before.
        records = 0 if "rate" in scenario else self.records
        shape = (records, scenario.get("keys", 10000), scenario.get("format", "json"))
        if shape not in self.open or "rate" in scenario:
            self.stop()  # one at a time: a full mock takes half a gigabyte
            self.open[shape] = Kafka(self.tools, self.address, *shape)
        return self.open[shape]

    def stop(self):
        for kafka in self.open.values():
            kafka.stop()
        self.open.clear()


class Sink:
    def __init__(self, tools, arguments):
        self.process = start([tools / "bench_sink", *arguments])
        self.url = f"http://127.0.0.1:{read_word(self.process, 'PORT')}"
        self.port = self.url.rsplit(":", 1)[1]

    def stats(self):
        with urllib.request.urlopen(self.url + "/stats", timeout=10) as reply:
            return json.load(reply)

    def reset(self):
        urllib.request.urlopen(self.url + "/reset", data=b"", timeout=10).close()


@contextlib.contextmanager
def registry(options, format):
    """The address of a schema registry that knows one schema, under every id: that of the records."""
    command = [options.build / "tests" / "bench_decode", format, "--schema"]
    schema = subprocess.run(command, capture_output=True, check=True).stdout
    answer = json.dumps({"schema": schema.decode(), "schemaType": format.upper()}).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


# ---- one run


def wait_for_records(sink, wanted, kably, deadline_s=120):
    """Times from the first record seen to the last one wanted; the CPU is read at both ends."""
    first = None
    deadline = time.monotonic() + deadline_s
    while time.monotonic() < deadline:
        stats, now = sink.stats(), time.monotonic()
        if stats["records"] and first is None:
            first = (now, stats["records"], cpu_seconds(kably.pid))
        if stats["records"] >= wanted:
            seconds = max(now - first[0], 1e-9)
            return seconds, stats["records"] - first[1], cpu_seconds(kably.pid) - first[2], stats
        if kably.poll() is not None:
            sys.exit(f"bench: kably ended with {kably.returncode}")
        time.sleep(0.01)
    sys.exit(f"bench: only {sink.stats()['records']} of {wanted} records came in {deadline_s} s")


def measure(kably, kafka, sink, scenario, wanted, seconds):
    if rate := scenario.get("rate"):
        share = scenario.get("others", 1)
        kafka.rate(rate, kafka.warm_seconds)
        wait_for_records(sink, rate * kafka.warm_seconds * share, kably)
        sink.reset()
        kafka.rate(rate, seconds)
        wanted = rate * seconds * share
    took, counted, cpu, stats = wait_for_records(sink, wanted, kably)
    assert "others" not in scenario or stats["refused"], "nothing was over its rate"
    return dict(
        records=stats["records"],
        records_per_s=counted / took,
        cpu_us_per_record=cpu * 1e6 / max(counted, 1),
        rss_mb=peak_rss_mb(kably.pid),
        requests=stats["requests"],
        out_of_order=stats["out_of_order"],
        p50_ms=stats["latency_us"]["p50"] / 1000,
        p99_ms=stats["latency_us"]["p99"] / 1000,
    )


@contextlib.contextmanager
def profiled(kably, folder, wanted):
    """Samples kably while the body runs, then prints the functions that took most of it."""
    if not wanted:
        yield
        return
    data = folder / "perf.data"
    record = ["perf", "record", "--quiet", "-e", "cpu-clock", "-F", "997", "-p", str(kably.pid), "-o", data]
    perf = subprocess.Popen(record, stdin=subprocess.DEVNULL)
    yield
    perf.terminate()
    perf.wait(30)
    report = ["perf", "report", "--stdio", "--quiet", "--no-children", "--sort", "overhead,dso,symbol", "-i", data]
    lines = subprocess.run(report, capture_output=True, text=True, check=False).stdout.splitlines()
    rows = [line for line in lines if line.strip() and not line.startswith("#")]
    tell("\n".join(rows[:PROFILE_LINES]))


def run(program, name, kafka, options):
    scenario = SCENARIOS[name]
    rate, channel = scenario.get("rate"), scenario["channel"]
    # The mock answers a fetch only when its time is up; a broker as soon as there is something.
    wait = "" if options.kafka != "mock" else f', ["fetch.wait.max.ms"] = {0 if rate else 10}'
    with tempfile.TemporaryDirectory(prefix="kably-bench-") as folder, registry(options, scenario.get("format", "avro")) as url:
        folder = pathlib.Path(folder)
        sink = Sink(options.build / "tests", scenario.get("sink", []))
        text = CONFIG.format(
            bootstrap=kafka.bootstrap,
            run=random.getrandbits(32),
            kafka=wait,
            port=sink.port,
            topic=kafka.topic,
            channel=channel if channel.startswith("function") else f'"{channel}"',
            hooks=scenario.get("hooks", ""),
            publish=scenario.get("publish", ""),
            format=scenario.get("format", "json"),
        )
        if "format" in scenario:
            text += f'registry {{ url = "{url}" }}\n'
        (folder / "bench.lua").write_text(text, encoding="utf-8")
        with open(folder / "log", "w", encoding="utf-8") as log:
            kably = start([program, "run", folder / "bench.lua"], stderr=log)
            try:
                with profiled(kably, folder, options.profile):
                    result = measure(kably, kafka, sink, scenario, options.records, options.seconds)
                kably.terminate()
                kably.wait(20)
            except SystemExit:
                tell((folder / "log").read_text(encoding="utf-8")[-4000:])
                raise
            finally:
                for process in (kably, sink.process):
                    process.kill()
    return result
