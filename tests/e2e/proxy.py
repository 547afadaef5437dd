"""Proxies for the tests: HTTP with CONNECT and with whole addresses, and SOCKS5, each with a password if asked for."""

import base64
import hashlib
import os
import re
import select
import socket
import ssl

from listener import Listener


def pump(near, far):
    while True:
        for source in select.select([near, far], [], [])[0]:
            chunk = source.recv(65536)
            if not chunk:
                return
            (far if source is near else near).sendall(chunk)


class Proxy(Listener):
    """`auth`: "none", "basic" or "digest" (HTTP only). `targets` are the places that were asked for, `unreachable`
    those that it says it can't reach."""

    user, password = "mole", "hidden-" + os.urandom(4).hex()

    def __init__(self, auth="none"):
        self.auth, self.targets, self.refusals = auth, [], 0
        self.unreachable = set()
        super().__init__()

    def url(self, scheme):
        login = f"{self.user}:{self.password}@" if self.auth != "none" else ""
        return f"{scheme}://{login}127.0.0.1:{self.port}"


class HttpProxy(Proxy):
    def _serve(self, client):
        while True:
            head = b""
            while b"\r\n\r\n" not in head:
                chunk = client.recv(65536)
                if not chunk:
                    return
                head += chunk
            if self._allowed(head):
                break
            self.refusals += 1
            ask = 'Basic realm="p"' if self.auth == "basic" else 'Digest realm="p", nonce="abc", qop="auth"'
            length = int((re.search(rb"(?i)content-length: (\d+)", head) or [0, 0])[1])
            rest = head.split(b"\r\n\r\n", 1)[1]
            while len(rest) < length and (chunk := client.recv(65536)):
                rest += chunk
            client.sendall(f"HTTP/1.1 407 No\r\nProxy-Authenticate: {ask}\r\nContent-Length: 0\r\n\r\n".encode())
        method, target = head.split(b" ", 2)[:2]
        if method == b"CONNECT":
            self.targets.append(target.decode())
            if target.decode() in self.unreachable:
                client.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
                return
            host, port = target.decode().rsplit(":", 1)
            with socket.create_connection((host, int(port))) as far:
                client.sendall(b"HTTP/1.1 200 Yes\r\n\r\n")
                pump(client, far)
        else:  # a whole address: passed on as it is, for the local Ably reads the path behind it
            hit = re.match(rb"http://([^/:]+):(\d+)(/.*)", target)
            self.targets.append(f"{hit[1].decode()}:{hit[2].decode()}")
            with socket.create_connection((hit[1], int(hit[2]))) as far:
                far.sendall(head.replace(target, hit[3], 1).replace(b"Proxy-Connection: Keep-Alive", b"Connection: close"))
                pump(client, far)

    def _allowed(self, head):
        if self.auth == "none":
            return True
        hit = re.search(rb"(?i)proxy-authorization: (\w+) (.*?)\r\n", head)
        if not hit or hit[1].decode().lower() != self.auth:
            return False
        if self.auth == "basic":
            return base64.b64decode(hit[2]).decode() == f"{self.user}:{self.password}"
        fields = dict(re.findall(r'(\w+)="?([^",]+)"?', hit[2].decode()))
        first = hashlib.md5(f"{self.user}:p:{self.password}".encode()).hexdigest()
        method = head.split(b" ", 1)[0].decode()
        second = hashlib.md5(f"{method}:{fields['uri']}".encode()).hexdigest()
        text = f"{first}:{fields['nonce']}:{fields['nc']}:{fields['cnonce']}:{fields['qop']}:{second}"
        return fields["response"] == hashlib.md5(text.encode()).hexdigest()


class HttpsProxy(HttpProxy):
    """Spoken to over TLS itself."""

    def __init__(self, certificate, auth="none"):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        super().__init__(auth)

    def _serve(self, client):
        super()._serve(self._context.wrap_socket(client, server_side=True))


class SocksProxy(Proxy):
    def _take(self, client, n):
        got = b""
        while len(got) < n:
            chunk = client.recv(n - len(got))
            if not chunk:
                raise EOFError
            got += chunk
        return got

    def _serve(self, client):
        _, n = self._take(client, 2)
        offered = self._take(client, n)
        wanted = 0 if self.auth == "none" else 2
        if wanted not in offered:
            client.sendall(b"\x05\xff")
            return
        client.sendall(bytes([5, wanted]))
        if wanted:
            _, length = self._take(client, 2)
            user = self._take(client, length)
            password = self._take(client, self._take(client, 1)[0])
            good = (user.decode(), password.decode()) == (self.user, self.password)
            client.sendall(bytes([1, 0 if good else 1]))
            if not good:
                return
        kind = self._take(client, 4)[3]
        if kind == 1:
            host = socket.inet_ntoa(self._take(client, 4))
        else:
            host = self._take(client, self._take(client, 1)[0]).decode()
        port = int.from_bytes(self._take(client, 2), "big")
        self.targets.append(f"{host}:{port}")
        if f"{host}:{port}" in self.unreachable:
            client.sendall(b"\x05\x04\x00\x01\x00\x00\x00\x00\x00\x00")
            return
        with socket.create_connection((host, port)) as far:
            client.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
            pump(client, far)
