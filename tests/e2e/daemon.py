"""The real binary as a child process: started, watched, stopped, and judged for what it leaves behind.

Every process must end cleanly: within ten seconds of SIGTERM, with no sanitizer report and no secret in what it
wrote. A message or a partition list that is not released makes librdkafka hang at its end, so the bounded end is
also a leak test.
"""

import os
import re
import signal
import subprocess

from waiting import until

END_SECONDS = 10
HANG = "did not leave its group"  # a thread of librdkafka's that the daemon has given up
REPORT = re.compile(
    r"(ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|SUMMARY: \w+Sanitizer|runtime error:).*"
)


def binary():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return os.environ.get("KABLY_BIN", os.path.join(root, "build", "kably"))


def sanitized():
    """Is the binary under test built with a sanitizer? Its memory and speed then prove nothing."""
    with open(binary(), "rb") as program:
        return b"__asan_init" in (data := program.read()) or b"__tsan_init" in data


def command(*arguments, env=None, seconds=30):
    """Runs a sub-command to its end; gives the completed process with its texts."""
    done = subprocess.run(
        [binary(), *map(str, arguments)],
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert not REPORT.search(done.stderr), done.stderr
    return done


class Process:
    """One running `kably ...`; standard output and error go to files."""

    def __init__(self, folder, name, *arguments, env=None, secrets=(), program=None):
        self.name = name
        self.secrets = set(secrets)
        self.out_path = os.path.join(folder, f"{name}.out")
        self.log_path = os.path.join(folder, f"{name}.log")
        with open(self.out_path, "wb") as out, open(self.log_path, "wb") as log:
            self.child = subprocess.Popen(
                [program or binary(), *map(str, arguments)],
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
            )
        self.judged = False
        self.may_hang = False  # set where the broker is gone: then librdkafka's end may take its time

    @property
    def pid(self):
        return self.child.pid

    def out(self):
        with open(self.out_path, encoding="utf-8", errors="replace") as out:
            return out.read()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def logged(self, pattern):
        return re.search(pattern, self.log(), re.MULTILINE)

    def running(self):
        return self.child.poll() is None

    def tail(self):
        return f"{self.name} (exit {self.child.poll()}) wrote:\n" + "\n".join(self.log().splitlines()[-40:])

    def wait_log(self, pattern, seconds=30):
        def found():
            hit = self.logged(pattern)
            assert hit or self.running(), f"ended before it logged {pattern!r}; {self.tail()}"
            return hit

        return until(found, seconds, lambda: f"{pattern!r} in the log; {self.tail()}")

    def counted_inversions(self):
        """How often it says that Ably gave up a channel's order."""
        return sum(map(int, re.findall(r"\b(\d+) order inversion", self.log())))

    def _memory_kib(self, name):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return int(re.search(rf"{name}:\s+(\d+) kB", status.read()).group(1))

    def rss_kib(self):
        return self._memory_kib("VmRSS")

    def peak_kib(self):
        """The most it ever was."""
        return self._memory_kib("VmHWM")

    def signal(self, number):
        self.child.send_signal(number)

    def kill(self):
        """SIGKILL: the crash of a test."""
        self.child.kill()
        self.child.wait()
        self.judge()

    def ended(self, seconds=END_SECONDS):
        """Waits for its end and gives the exit code; hanging is a failure."""
        try:
            code = self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise AssertionError(f"{self.name} had not ended within {seconds} s; {self.tail()}") from None
        self.judge()
        return code

    def stop(self, code=0):
        """SIGTERM; it must drain and end within ten seconds."""
        if self.running():
            self.signal(signal.SIGTERM)
        got = self.ended()
        assert got == code, f"exit code {got}, not {code}; {self.tail()}"

    def finish(self):
        """At the end of a test: stops it if it still runs, judges it if nobody has."""
        if self.running():
            self.stop()
        elif not self.judged:
            self.ended()

    def judge(self):
        """No sanitizer report and no secret in what it wrote."""
        self.judged = True
        written = self.log() + self.out()
        report = REPORT.search(written)
        assert not report, f"{self.name}: {written[report.start():][:6000]}"
        assert self.may_hang or HANG not in written, f"librdkafka hung at its end: {self.tail()}"
        for secret in self.secrets:
            assert secret not in written, f"{self.name} wrote a secret: {self.tail()}"


class Daemons:
    """Starts `kably run` for one test and, at the test's end, stops and judges all that still run."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.started = []

    def run(self, config, name=None, program=None):
        name = name or f"kably{len(self.started)}"
        path = os.path.join(self.folder, f"{name}.lua")
        with open(path, "w", encoding="utf-8") as file:
            file.write(config.text())
        process = Process(
            self.folder, name, "run", path, env=config.env, secrets=config.secrets, program=program
        )
        self.started.append(process)
        return process

    def stop_all(self, broken):
        """`broken`: the test has failed already, so only clean up and show the logs."""
        problems = []
        for process in self.started:
            try:
                process.finish()
            except AssertionError as problem:
                problems.append(str(problem))
            if broken:
                print(f"--- {process.tail()}")
        assert broken or not problems, "\n".join(problems)
