"""TLS for the tests: an authority of their own, certificates good and bad, and a front that speaks TLS before the
local Ably and whose certificate can change while kably runs."""

import os
import select
import shutil
import socket
import ssl
import subprocess

from listener import Listener

CA_SETTINGS = """
[ca]
default_ca = own
[own]
dir = {folder}
database = $dir/index.txt
new_certs_dir = $dir
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
[req]
distinguished_name = names
[names]
"""
LONG_AGO, YESTERDAY, LATER = "20200101000000Z", "20200201000000Z", "20491231000000Z"


def openssl(*arguments):
    done = subprocess.run(
        ["openssl", *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class Authority:
    """Signs certificates; `ca_file` is what a client has to trust."""

    def __init__(self, folder, name):
        self.folder, self.name = str(folder), name
        os.makedirs(self.folder)
        self._write("index.txt", "")
        self.settings = self._write("settings", CA_SETTINGS.format(folder=self.folder))
        self.key, self.ca_file = self._path("ca.key"), self._path("ca.pem")
        openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 30, "-subj", f"/CN={name}"),
            *("-addext", "basicConstraints=critical,CA:true", "-keyout", self.key, "-out", self.ca_file),
        )

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _write(self, name, text):
        with open(self._path(name), "w", encoding="ascii") as file:
            file.write(text)
        return self._path(name)

    def certificate(self, host="IP:127.0.0.1", begin=LONG_AGO, end=LATER):
        """A file of key and certificate for `host`, good from `begin` to `end`."""
        base = self._path("leaf-" + os.urandom(3).hex())
        key, request, leaf, both = (base + end for end in (".key", ".csr", ".crt", ".pem"))
        openssl(
            *("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=leaf", "-config", self.settings),
            *("-addext", f"subjectAltName={host}", "-keyout", key, "-out", request),
        )
        openssl(
            *("ca", "-batch", "-notext", "-config", self.settings, "-cert", self.ca_file, "-keyfile", self.key),
            *("-startdate", begin, "-enddate", end, "-in", request, "-out", leaf),
        )
        with open(both, "wb") as out:
            for part in (key, leaf):
                with open(part, "rb") as source:
                    shutil.copyfileobj(source, out)
        return both

    def expired(self):
        return self.certificate(end=YESTERDAY)

    def self_signed(self):
        """The authority's own certificate, shown by a server: for 127.0.0.1, and signed by nobody else."""
        both = self._path("self-signed.pem")
        openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 30, "-subj", "/CN=leaf"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", both, "-out", both + ".crt"),
        )
        with open(both, "ab") as out, open(both + ".crt", "rb") as certificate:
            shutil.copyfileobj(certificate, out)
        return both

    def trusted_folder(self, folder):
        """A folder as the system's /etc/ssl/certs is one, with this authority alone in it."""
        os.makedirs(folder)
        hashed = openssl("x509", "-noout", "-hash", "-in", self.ca_file).strip() + ".0"
        for name in (hashed, "ca-certificates.crt"):
            shutil.copy(self.ca_file, os.path.join(folder, name))
        return folder


class Front(Listener):
    """Speaks TLS on a port of its own and passes what comes to the local Ably, or to whatever has `host`, `port` and
    `key`. In a Config it stands where a LocalAbly does. `clients` = the authority whose certificates its clients
    have to show."""

    def __init__(self, ably, certificate, ca_file, clients=None):
        self.key, self.host = ably.key, "127.0.0.1"
        self.settings = {"ca_file": ca_file} if ca_file else {}
        self.received = 0  # bytes of clients that believed the certificate, and were believed
        self._clients = clients
        self._target = (ably.host, ably.port)
        super().__init__()
        self.present(certificate)

    def present(self, certificate):
        """Shows another certificate from now on, also to those who were connected: they must come again."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        if self._clients:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self._clients)
        self._context = context
        self.disconnect()

    def _serve(self, client):
        client.settimeout(30)
        near = self._context.wrap_socket(client, server_side=True)
        self._sockets.append(near)
        with near, socket.create_connection(self._target) as far:
            self._sockets.append(far)
            self._pump(near, far)

    def _pump(self, near, far):
        """Both ways in one thread, because OpenSSL wants a connection to be used by one at a time."""
        while True:
            readable = [near] if near.pending() else select.select([near, far], [], [])[0]
            for source in readable:
                chunk = source.recv(65536)
                if not chunk:
                    return
                if source is near:
                    self.received += len(chunk)
                (far if source is near else near).sendall(chunk)
