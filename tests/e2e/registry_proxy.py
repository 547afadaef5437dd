"""A proxy before the schema registry, with faults: what a registry has no setting for."""

import contextlib
import http.server
import json
import re
import socket
import threading
import urllib.error
import urllib.request
import uuid


class RegistryProxy:
    """Passes requests on. `fault(path)` may give (status, body) instead, or None; `away` refuses everything with 503;
    stop() and start() end and begin the server as such; `credentials` asks for exactly that Authorization header.
    `asked` counts by path."""

    def __init__(self, target):
        self.target = target
        self.fault = lambda path: None
        self.away = False
        self.credentials = None
        self.asked = {}
        self._sockets = []
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                proxy._sockets.append(self.request)
                super().setup()

            def reply(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
                status, answer = proxy.answer(self.path, self.headers, body)
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = reply

            def handle(self):
                with contextlib.suppress(OSError):  # stopped in the middle of it
                    super().handle()

            def log_message(self, *_):
                pass

        self._handler = Handler
        self.port = 0
        self.start()
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self):
        """Listens, after a stop on the same port."""
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), self._handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        """Nobody listens any more, and who was connected no longer is."""
        self.server.shutdown()
        self.server.server_close()
        while self._sockets:
            with contextlib.suppress(OSError):
                self._sockets.pop().shutdown(socket.SHUT_RDWR)

    def answer(self, path, headers, body=None):
        self.asked[path] = self.asked.get(path, 0) + 1
        if self.away:
            return 503, b"away"
        if self.credentials and headers.get("Authorization") != self.credentials:
            return 401, b'{"error_code":401,"message":"who are you?"}'
        return self.fault(path) or self.pass_on(path, body)

    def pass_on(self, path, body=None):
        kind = {"Content-Type": "application/vnd.schemaregistry.v1+json"} if body else {}
        request = urllib.request.Request(self.target + path, data=body, headers=kind)
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read()

    def close(self):
        self.stop()


class GuidRegistry(RegistryProxy):
    """Gives schemas the GUIDs that newer registries have, and knows them by these."""

    def __init__(self, target):
        super().__init__(target)
        self.ids = {}

    def pass_on(self, path, body=None):
        if named := re.fullmatch(r"/schemas/guids/([0-9a-f-]{36})(\?.*)?", path):
            if named[1] not in self.ids:
                return 404, b'{"error_code":40403,"message":"Schema not found"}'
            return super().pass_on(f"/schemas/ids/{self.ids[named[1]]}")
        status, answer = super().pass_on(path, body)
        if status == 200 and body and "id" in (told := json.loads(answer)):
            told["guid"] = str(uuid.uuid5(uuid.NAMESPACE_URL, str(told["id"])))
            self.ids[told["guid"]] = told["id"]
            answer = json.dumps(told).encode()
        return status, answer
