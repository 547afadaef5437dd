"""Several hosts of Ably on this machine: addresses of the loopback network that share one port, each passing what
comes to the local Ably, or failing in its own way."""

import collections
import http.client
import http.server
import socket
import threading

Request = collections.namedtuple("Request", "method path headers body")


class Host:
    """One address. `mode` may change at any time:

    "well"     answers as `answer` says: (status, headers, body) for a Request; unless a test has another, that is
               pass_on, what the local Ably says to it
    "silent"   takes requests and never answers
    "gone"     closes connections, those that were open with the next request
    a number   answers with that status
    "cloudfront"  answers 403 as the content network does when it has no origin
    """

    def __init__(self, address, port, ably):
        self.address, self.mode = address, "well"
        self.answer = self.pass_on
        self.seen = []  # each Request, in the order in which they came
        self._behind = (ably.host, ably.port)
        self._release = threading.Event()
        self._server = None
        self.port = port
        self.open()

    def open(self):
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                host._serve(self)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_):
                pass

        self._server = Server((self.address, self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def refuse(self):
        """Nobody listens at the address any more. (Connections that are open go on.)"""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
        self._server = None

    def close(self):
        self._release.set()
        self.refuse()

    def _serve(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        asked = Request(request.command, request.path, request.headers, body)
        self.seen.append(asked)
        if self.mode == "silent":
            self._release.wait(120)
            request.close_connection = True
        elif self.mode == "gone":
            request.close_connection = True
        elif self.mode == "cloudfront":
            self._say(request, 403, [("Server", "CloudFront")], b"<html>ERROR</html>")
        elif isinstance(self.mode, int):
            self._say(request, self.mode, [], b"trouble")
        else:
            self._say(request, *self.answer(asked))

    def pass_on(self, request):
        behind = http.client.HTTPConnection(*self._behind, timeout=60)
        behind.request(request.method, request.path, request.body, dict(request.headers))
        reply = behind.getresponse()
        text = reply.read()
        behind.close()
        return reply.status, [("Content-Type", reply.headers["Content-Type"])], text

    @staticmethod
    def _say(request, status, headers, body):
        request.send_response_only(status)
        for name, value in [*headers, ("Content-Length", str(len(body)))]:
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)


class Hosts:
    """The first is the endpoint, the others are its fallbacks. In a Config it stands where a LocalAbly does."""

    def __init__(self, ably, addresses, **settings):
        self.key, self.host = ably.key, addresses[0]
        first = Host(addresses[0], 0, ably)
        self.port = first.port
        self.all = [first, *(Host(address, self.port, ably) for address in addresses[1:])]
        self.settings = {"tls": False, "fallback_hosts": addresses[1:], **settings}

    def close(self):
        for host in self.all:
            host.close()
