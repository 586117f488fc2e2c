# SPDX-License-Identifier: Apache-2.0
"""What plugins of Tercet in Python are written with: sdk/README.md.

It needs grpcio and protobuf (Debian: python3-grpcio, python3-protobuf), the
openssl program, and module_pb2.py beside it. A plugin makes a Plugin, attaches
its handlers, and ends with run().
"""

import base64
import json
import os
import queue
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from concurrent import futures

import grpc

import module_pb2 as wire

NEXT, STOP, FAILED = wire.NEXT, wire.STOP, wire.FAILED
DEBUG, INFO, WARNING, ERROR = range(4)

PROTOCOL = 1
COOKIE = ("TERCET_PLUGIN", "module")
BATCH = 256  # answers and the like in one message at most, and no more of them
SIZE = 1 << 20  # once they have so many bytes
LARGEST = 4 << 20  # bytes of an answer; the server refuses most of these, too
PATIENCE = 30  # seconds until the server has called


class Refused(Exception):
    """The server says no; code is one of module_pb2.Code."""

    def __init__(self, code):
        super().__init__(wire.Code.Name(code))
        self.code = code


class Event:
    """One event: its body, and what shall be done about it."""

    def __init__(self, message):
        self.body = message.body
        self._answer = wire.Answer(id=message.id)

    def reply(self, xml):
        """Answers the stanza with the elements of a payload."""
        self._answer.reply = _bytes(xml)

    def replace(self, text):
        """Puts another payload into the stanza, or other values into the JSON."""
        self._answer.replace = _bytes(text)

    def send(self, xml):
        """Sends a stanza, from the host itself."""
        self._answer.sends.append(_bytes(xml))


class Plugin:
    """A module. load(plugin) is called when the options are known, and attaches
    the same whenever it is called."""

    def __init__(self, load, workers=8):
        self._load = load
        self._handlers = []
        self._loaded = wire.Loaded()
        self._out = queue.SimpleQueue()
        self._waiting = {}
        self._lock = threading.Lock()
        self._ids = 0
        self._workers = futures.ThreadPoolExecutor(workers)
        self._began = threading.Event()
        self._over = threading.Event()
        self.options = {}
        self.host = self.name = ""

    # What load may call.

    def handle(self, name, handler, priority=0.0, filter=""):
        """Attaches handler(event), which returns NEXT or STOP."""
        self._handlers.append(handler)
        self._loaded.hooks.add(handler=len(self._handlers), name=name, priority=priority, filter=filter)

    def every(self, seconds, handler):
        """Calls handler(event) each so many seconds, at least 0.1."""
        self._handlers.append(handler)
        self._loaded.timers.add(handler=len(self._handlers), period_ms=int(seconds * 1000))

    def add(self, name, value):
        """Adds a value to a list."""
        self._loaded.adds.add(name=name, value=json.dumps(value).encode())

    # What handlers, and threads of the plugin, may call.

    def get(self, owner, key):
        """What is stored for an account or, with "", for the host; or None."""
        try:
            return self._ask(wire.Request(operation=wire.GET, owner=owner, key=key)).value
        except Refused as e:
            if e.code == wire.NONE:
                return None
            raise

    def put(self, owner, key, value):
        """Stores a value; None deletes it."""
        self._ask(wire.Request(operation=wire.PUT, owner=owner, key=key, value=value))

    def find(self, owner, prefix):
        """The keys with that prefix, in order, at most 1000."""
        return json.loads(self._ask(wire.Request(operation=wire.FIND, owner=owner, key=prefix)).value)

    def count(self, owner, key, by=1):
        """Adds to a stored number and returns it, as one step."""
        return self._ask(wire.Request(operation=wire.COUNT, owner=owner, key=key, by=by)).number

    def log(self, level, text):
        """Writes a line to the server's log."""
        self._out.put(wire.Line(level=level, text=text))

    def _ask(self, request):
        done = futures.Future()
        with self._lock:
            self._ids += 1
            request.id = self._ids
            self._waiting[request.id] = done
        self._out.put(request)
        result = done.result(timeout=30)
        if result.code != wire.OK:
            raise Refused(result.code)
        return result

    # The session.

    def _session(self, messages, _context):
        """Serves the one stream."""
        self._began.set()
        try:
            welcome = next(messages).welcome
        except StopIteration:
            return
        self.host, self.name, self.options = welcome.host, welcome.name, json.loads(welcome.options)
        threading.Thread(target=self._read, args=(messages,), daemon=True).start()
        self._workers.submit(self._attach, welcome)
        while True:
            item = self._out.get()
            if item is None:
                return
            message, more, size = wire.FromPlugin(), BATCH, 0
            while item is not None:
                self._put(message, item)
                more -= 1
                size += item.ByteSize()
                if more == 0 or size > SIZE or self._out.empty():
                    break
                item = self._out.get()
            yield message
            if item is None:
                return

    @staticmethod
    def _put(message, item):
        if isinstance(item, wire.Answer):
            message.answers.append(item)
        elif isinstance(item, wire.Request):
            message.requests.append(item)
        elif isinstance(item, wire.Line):
            message.lines.append(item)
        else:
            message.loaded.CopyFrom(item)

    def _attach(self, welcome):
        try:
            if welcome.protocol != PROTOCOL:
                raise ValueError("the server speaks protocol %d, not %d" % (welcome.protocol, PROTOCOL))
            self._load(self)
        except Exception as e:  # pylint: disable=broad-except
            self._loaded = wire.Loaded(error="%s: %s" % (type(e).__name__, e))
        self._out.put(self._loaded)

    def _read(self, messages):
        """Hands out what comes, until the end of the stream."""
        try:
            for message in messages:
                for result in message.results:
                    with self._lock:
                        done = self._waiting.pop(result.id, None)
                    if done is not None:
                        done.set_result(result)
                for event in message.events:
                    self._workers.submit(self._event, event)
                if message.goodbye:
                    break
        except grpc.RpcError:
            pass
        self._out.put(None)
        self._over.set()

    def _event(self, message):
        event = Event(message)
        try:
            event._answer.verdict = self._handlers[message.handler - 1](event)
            answer = event._answer
            if answer.ByteSize() > LARGEST:
                raise ValueError("the answer has %d bytes" % answer.ByteSize())
        except Exception as e:  # pylint: disable=broad-except
            answer = wire.Answer(id=message.id, verdict=FAILED, error="%s: %s" % (type(e).__name__, e))
        self._out.put(answer)

    def run(self):
        """Serves the server that has started this process, until it is over."""
        if os.environ.get(COOKIE[0]) != COOKIE[1]:
            sys.exit("This is a plugin of Tercet, which starts it: see process_modules.")
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: self._over.set())
        server = grpc.server(futures.ThreadPoolExecutor(4), options=[
            ("grpc.max_receive_message_length", 16 << 20), ("grpc.max_send_message_length", 16 << 20)])
        session = grpc.stream_stream_rpc_method_handler(
            self._session, wire.FromServer.FromString, wire.FromPlugin.SerializeToString)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("tercet.module.Module", {"Session": session}),))
        folder = os.environ.get("PLUGIN_UNIX_SOCKET_DIR") or tempfile.gettempdir()
        path = os.path.join(folder, "plugin-%d" % os.getpid())
        certificate, key = _certificate()
        server.add_secure_port("unix:" + path, grpc.ssl_server_credentials(
            [(key, certificate)], os.environ["PLUGIN_CLIENT_CERT"].encode(), require_client_auth=True))
        server.start()
        der = base64.b64encode(ssl.PEM_cert_to_DER_cert(certificate.decode())).decode().rstrip("=")
        print("1|%d|unix|%s|grpc|%s" % (PROTOCOL, path, der), flush=True)
        if self._began.wait(PATIENCE):
            self._over.wait()
        server.stop(0.5).wait()
        os._exit(0)  # threads that hang are of no interest any more


def _bytes(text):
    return text if isinstance(text, bytes) else text.encode()


def _certificate():
    """A certificate for this process alone, and its key, both in PEM."""
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = os.path.join(folder, "key"), os.path.join(folder, "certificate")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", key, "-out", certificate, "-days", "3650", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost", "-addext", "keyUsage=digitalSignature,keyCertSign",
                        "-addext", "extendedKeyUsage=serverAuth"],
                       check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(key, "rb") as k, open(certificate, "rb") as c:
            return c.read(), k.read()
