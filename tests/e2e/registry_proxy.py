"""A proxy before the schema registry, with faults: what a registry has no setting for."""

import http.server
import threading
import urllib.error
import urllib.request


class RegistryProxy:
    """Passes requests on. `fault(path)` may give (status, body) instead, or None; `away` refuses everything with 503;
    `credentials` asks for exactly that Authorization header. `asked` counts by path."""

    def __init__(self, target):
        self.target = target
        self.fault = lambda path: None
        self.away = False
        self.credentials = None
        self.asked = {}
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                status, body = proxy.answer(self.path, self.headers)
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path, headers):
        self.asked[path] = self.asked.get(path, 0) + 1
        if self.away:
            return 503, b"away"
        if self.credentials and headers.get("Authorization") != self.credentials:
            return 401, b'{"error_code":401,"message":"who are you?"}'
        if fault := self.fault(path):
            return fault
        try:
            with urllib.request.urlopen(self.target + path, timeout=30) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
