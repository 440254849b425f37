"""A network that misbehaves: stands between pawl and PostgreSQL (or PgBouncer).

It reads the protocol's messages, so that it can cut or go silent at an exact one. A test that wants
every point makes one clean run, counts proxy.messages and repeats with each number.
"""

import shutil
import socket
import struct
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from support.server import wait_until

SSL_REQUEST, GSS_REQUEST = 80877103, 80877104
CANCEL_REQUEST = 80877102

ACTIONS = ("cut", "cut_client", "silence")


@dataclass(frozen=True)
class Message:
    connection: int  # from 1, in the order in which they were accepted
    sender: str      # "client" or "server"
    type: str        # the protocol's letter; "startup", "request" (TLS and its answer), "cancel"
    data: bytes      # all of it, type and length included


@dataclass
class Rule:
    action: str
    nth: int
    sender: str
    type: str
    contains: bytes
    connection: int
    deliver: bool
    seen: int = 0

    def fires(self, message):
        if (message.sender != self.sender or self.type not in (None, message.type)
                or self.connection not in (None, message.connection)
                or self.contains not in message.data):
            return False
        self.seen += 1
        return self.seen == self.nth


class Connection:
    """One client and its connection to the server, with what is known of their conversation."""

    def __init__(self, proxy, number, client, server):
        self.proxy = proxy
        self.number = number
        self.sockets = {"client": client, "server": server}
        self.buffers = {"client": b"", "server": b""}
        self.started = False         # the client's messages have a type from its startup on
        self.answers_pending = 0     # one byte each from the server, for a TLS or GSS request
        self.opaque = False          # encrypted: bytes, no messages
        self.silent = False
        self.client_cut = False

    def pump(self, sender):
        """Passes on what one side sends, until either side is gone."""
        receiver = "server" if sender == "client" else "client"
        try:
            while data := self.sockets[sender].recv(65536):
                for message in self._messages(sender, data):
                    self.proxy.pass_on(self, message, self.sockets[receiver])
        except OSError:
            pass
        if not self.client_cut:
            self.close()

    def _messages(self, sender, data):
        self.buffers[sender] += data
        while (message := self._next_message(sender)) is not None:
            yield Message(self.number, sender, *message)

    def _next_message(self, sender):
        buffer = self.buffers[sender]
        if not buffer:
            return None
        if self.opaque:
            kind, size = "opaque", len(buffer)
        elif sender == "server" and self.answers_pending:
            kind, size = "request", 1
            self.answers_pending -= 1
            self.opaque = buffer[:1] in (b"S", b"G")
        elif sender == "client" and not self.started:
            if len(buffer) < 8:
                return None
            size, code = struct.unpack("!II", buffer[:8])
            if len(buffer) < size:
                return None
            kind = self._untyped(code)
        else:
            if len(buffer) < 5:
                return None
            kind, size = chr(buffer[0]), 1 + struct.unpack("!I", buffer[1:5])[0]
            if len(buffer) < size:
                return None
        self.buffers[sender] = buffer[size:]
        return kind, buffer[:size]

    def _untyped(self, code):
        if code in (SSL_REQUEST, GSS_REQUEST):
            self.answers_pending += 1
            return "request"
        if code == CANCEL_REQUEST:
            return "cancel"
        self.started = True
        return "startup"

    def cut_client(self):
        """The client is gone; the server does not hear of it."""
        self.client_cut = True
        close_socket(self.sockets["client"])

    def close(self):
        for end in self.sockets.values():
            close_socket(end)


def close_socket(end):
    try:
        end.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads from it
    except OSError:
        pass
    end.close()


class Proxy:
    """Listens on a socket in a folder of its own, or with tcp=True on a free port of 127.0.0.1.
    server is a Cluster or a Bouncer. Everything passes until a method says otherwise."""

    def __init__(self, server, database, tcp=False):
        self.upstream = str(server.folder / f".s.PGSQL.{server.port}")
        self.database = database
        self.folder = Path(tempfile.mkdtemp(prefix="pawl-proxy-", dir="/tmp"))
        self.tcp = tcp
        self.port = 0 if tcp else 6544
        self.connections = []
        self.messages = []         # every Message that came in, passed on or not
        self.delay_s = 0.0         # before each message, in both directions
        self.fired = threading.Event()
        self._rule = None
        self._bytes_left = None    # [action, sender, bytes]
        self._silent = False
        self._closed = False
        self._state = threading.Condition()
        self._listener = None
        self.accept()

    @property
    def url(self):
        if self.tcp:
            return f"postgres://postgres@127.0.0.1:{self.port}/{self.database}"
        host = quote(str(self.folder))
        return f"postgres://postgres@/{self.database}?host={host}&port={self.port}"

    # What a test asks for

    def at(self, action, nth=1, sender="client", type=None, contains=b"", connection=None,
           deliver=False):
        """Does the action once, when the nth message that matches comes in; deliver: it is still
        passed on first. "cut" ends the connection on both sides, "cut_client" only the client's,
        "silence" holds it and all that follows on that connection back. Then `fired` is set."""
        assert action in ACTIONS, action
        self.fired.clear()
        with self._state:
            self._rule = Rule(action, nth, sender, type, contains, connection, deliver)

    def after_bytes(self, action, count, sender="client"):
        """The same after count bytes from that side, over all connections, mid-message or not."""
        assert action in ACTIONS, action
        self.fired.clear()
        with self._state:
            self._bytes_left = [action, sender, count]

    def cut(self):
        """Ends every connection; new ones are taken."""
        for connection in list(self.connections):
            connection.close()

    def silence(self):
        """Holds everything back, new connections too, until resume()."""
        with self._state:
            self._silent = True

    def resume(self):
        with self._state:
            self._silent = False
            for connection in self.connections:
                connection.silent = False
            self._state.notify_all()

    def refuse(self):
        """New connections are refused, open ones go on."""
        close_socket(self._listener)
        self._accepting.join()

    def accept(self):
        if self.tcp:
            self._listener = socket.socket()
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind(("127.0.0.1", self.port))
            self.port = self._listener.getsockname()[1]
        else:
            path = self.folder / f".s.PGSQL.{self.port}"
            path.unlink(missing_ok=True)
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(path))
        self._listener.listen(256)
        self._accepting = threading.Thread(target=self._accept, args=[self._listener], daemon=True)
        self._accepting.start()

    def wait_fired(self, timeout=30):
        wait_until(self.fired.is_set, "the proxy's rule fires", timeout)

    def count(self, sender="client", type=None):
        return sum(1 for message in list(self.messages)
                   if message.sender == sender and type in (None, message.type))

    # How it is done

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self.upstream)
            except OSError:
                client.close()
                continue
            connection = Connection(self, len(self.connections) + 1, client, server)
            self.connections.append(connection)
            for sender in ("client", "server"):
                threading.Thread(target=connection.pump, args=[sender], daemon=True).start()

    def pass_on(self, connection, message, receiver):
        self.messages.append(message)
        if self.delay_s:
            time.sleep(self.delay_s)
        action = self._due_action(message)
        if action is None:
            self._send(connection, message.sender, message.data, receiver)
            return
        action, deliver = action
        if deliver:
            self._send(connection, message.sender, message.data, receiver)
        self._act(action, connection)
        if not deliver:
            self._send(connection, message.sender, message.data, receiver)

    def _due_action(self, message):
        with self._state:
            rule = self._rule
            if rule is None or not rule.fires(message):
                return None
            self._rule = None
            return rule.action, rule.deliver

    def _send(self, connection, sender, data, receiver):
        """Once nothing holds it back; OSError when the connection is cut before its end."""
        with self._state:
            self._state.wait_for(lambda: self._closed or not (self._silent or connection.silent))
            if self._closed:
                raise ConnectionAbortedError
            allowed, action = self._within_bytes(sender, len(data))
        receiver.sendall(data[:allowed])
        if action is not None:
            self._act(action, connection)
            self._send(connection, sender, data[allowed:], receiver)

    def _within_bytes(self, sender, size):
        """How many bytes may still pass, and the action that is due after them."""
        if self._bytes_left is None or self._bytes_left[1] != sender:
            return size, None
        action, _, left = self._bytes_left
        if size < left:
            self._bytes_left[2] -= size
            return size, None
        self._bytes_left = None
        return left, action

    def _act(self, action, connection):
        """Returns only from a silence, which the next message waits for."""
        connection.silent = action == "silence"
        self.fired.set()  # before the client can notice, so that a test may look right away
        if action == "silence":
            return
        if action == "cut":
            connection.close()
        else:
            connection.cut_client()
        raise ConnectionAbortedError

    def close(self):
        with self._state:
            self._closed = True
            self._state.notify_all()
        close_socket(self._listener)
        self.cut()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()
