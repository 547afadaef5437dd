"""A server of plain sockets, for the proxies and fronts of the tests."""

import contextlib
import socket
import threading


def end(one):
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


class Listener:
    """A port of its own, and a thread for each connection, in which `_serve(client)` says what becomes of it. What is
    in `_sockets` is ended with the listener."""

    def __init__(self):
        self._sockets = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def disconnect(self):
        while self._sockets:
            end(self._sockets.pop())

    def close(self):
        end(self._server)
        self.disconnect()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                self._sockets.append(client)
                threading.Thread(target=self._guard, args=(client,), daemon=True).start()

    def _guard(self, client):
        with contextlib.suppress(OSError, EOFError), client:
            self._serve(client)

    def _serve(self, client):
        raise NotImplementedError
