# SPDX-License-Identifier: Apache-2.0
"""What the slixmpp scripts of this folder share: arguments, steps, a client.

A script is a list of steps. Each prints one line; the first that fails ends
the script with status 1 and says what was waited for and what came instead.
"""

import argparse
import asyncio
import logging
import os
import ssl
import sys
import time
import uuid

logging.basicConfig(level=logging.CRITICAL)  # before slixmpp warns of its slower stringprep

import slixmpp  # noqa: E402


class Failed(Exception):
    """A step found something else than it wanted."""


def want(condition, said):
    if not condition:
        raise Failed(said)


def arguments(doc, peer=True):
    """The parser with what every script needs; peer adds the second user."""
    p = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--host", default="127.0.0.1", help="address of the server")
    p.add_argument("--port", type=int, default=5222)
    p.add_argument("--domain", required=True)
    p.add_argument("--user", required=True, help="localpart of the first account")
    p.add_argument("--password", required=True)
    if peer:
        p.add_argument("--peer", required=True, help="localpart of the second account")
        p.add_argument("--peer-password", required=True)
    p.add_argument("--direct", action="store_true", help="TLS from the first byte instead of STARTTLS")
    p.add_argument("--ca", help="PEM file that the server's certificate must be signed by (default: any certificate)")
    p.add_argument("--timeout", type=float, default=10, help="seconds for one step")
    p.add_argument("--debug", action="store_true", help="print the streams")
    return p


class Client(slixmpp.ClientXMPP):
    """One stream of one account. All that comes in is kept in inbox."""

    def __init__(self, opts, user, password, resource, plugins=(), binding=False, mechanisms=None, tls=None):
        super().__init__(f"{user}@{opts.domain}/{resource}", password)
        self.opts = opts
        self.label = f"{user}/{resource}"
        self.inbox = []
        self.news = asyncio.Event()
        self.refusals = []  # conditions of failed authentications
        self.tried = []  # mechanisms
        self.offered = set()
        self.version = None  # of TLS
        self.tls = tls or (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
        self.auto_authorize = None  # subscriptions are the scripts' business
        self.auto_subscribe = False
        self.ca_certs = opts.ca
        for name in plugins:
            self.register_plugin(name)
        sasl = self["feature_mechanisms"]
        sasl.use_mechs = set(mechanisms or ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"])
        if not binding:  # else slixmpp says that it can do tls-unique, on TLS 1.3 as well
            default = sasl.sasl_callback

            def without_binding(required, optional):
                return {**default(required, optional), "channel_binding": None}

            sasl.sasl_callback = without_binding
        self._spy(sasl)
        self.add_filter("in", self._note)
        self.states = {
            name: asyncio.Event()
            for name in ("session_start", "session_resumed", "sm_enabled", "failed_all_auth", "disconnected", "connection_failed")
        }
        for name, event in self.states.items():
            self.add_event_handler(name, lambda _, event=event: event.set())
        self.add_event_handler("failed_auth", lambda s: self.refusals.append(s["condition"]))

    def get_ssl_context(self):
        context = super().get_ssl_context()
        context.check_hostname = bool(self.opts.ca)
        if not self.opts.ca:
            context.verify_mode = ssl.CERT_NONE
        context.minimum_version, context.maximum_version = self.tls
        return context

    def _spy(self, sasl):
        """Remember what is offered and tried."""
        send, handle = sasl._send_auth, sasl._handle_sasl_auth

        def spying_send():
            result = send()
            if sasl.mech is not None and self.tried[-1:] != [sasl.mech.name]:
                self.tried.append(sasl.mech.name)
            return result

        def spying_handle(features):
            self.offered = set(features["mechanisms"])
            if isinstance(self.socket, ssl.SSLObject):
                self.version = self.socket.version()
            return handle(features)

        sasl._send_auth = spying_send
        _, restart = self._stream_feature_handlers["mechanisms"]
        self._stream_feature_handlers["mechanisms"] = (spying_handle, restart)

    def _note(self, stanza):
        self.inbox.append(stanza)
        self.news.set()
        return stanza

    def start(self, host=None, port=None):
        for event in self.states.values():
            event.clear()
        self.connect((host or self.opts.host, port or self.opts.port), use_ssl=self.opts.direct)

    async def until(self, *names):
        """Wait for the first of some events, and return its name."""
        waits = {asyncio.ensure_future(self.states[n].wait()): n for n in names}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for w in waits:
                w.cancel()
        return waits[done.pop()]

    async def login(self, presence=True):
        self.start()
        got = await self.until("session_start", "failed_all_auth", "disconnected", "connection_failed")
        want(got == "session_start", f"{self.label}: {got}; offered {sorted(self.offered)}, tried {self.tried}, refused {self.refusals}")
        want(self.version is not None, f"{self.label} authenticated without TLS")
        if presence:
            self.send_presence()
        return f"{self.version}, {self.tried[-1]}, {self.boundjid.full}"

    async def logout(self):
        await self.disconnect()

    async def wait(self, match):
        """Take the first stanza out of the inbox that matches."""
        while True:
            for s in self.inbox:
                if match(s):
                    self.inbox.remove(s)
                    return s
            self.news.clear()
            await self.news.wait()

    async def message(self, body, **attributes):
        return await self.wait(lambda s: s.name == "message" and s["body"] == body and _has(s, attributes))

    async def presence(self, kind, sender, status=None):
        """A presence from a JID or, if that is bare, from any of its resources."""
        want_type = {"unavailable", "subscribe", "subscribed", "unsubscribe", "unsubscribed"}
        return await self.wait(
            lambda s: s.name == "presence"
            and (s.xml.get("type") == kind if kind in want_type else s.xml.get("type") is None and s["type"] == kind)
            and sender in (s["from"].full, s["from"].bare)
            and status in (None, s["status"])
        )

    def last(self):
        return "; ".join(f"{str(s)[:300]}" for s in self.inbox[-3:]) or "nothing"


def _has(stanza, attributes):
    return all(str(stanza[k]) == str(v) for k, v in attributes.items())


def body():
    """A text that no other run has used."""
    return "text " + uuid.uuid4().hex[:12]


class Steps:
    """The runner. clients are asked what they have got when a step fails."""

    def __init__(self, opts):
        self.opts = opts
        self.clients = []

    def client(self, *args, **kwargs):
        c = Client(self.opts, *args, **kwargs)
        self.clients.append(c)
        return c

    async def __call__(self, name, work, timeout=None):
        timeout = timeout or self.opts.timeout
        start = time.monotonic()
        try:
            detail = await asyncio.wait_for(work, timeout)
        except asyncio.TimeoutError:
            unread = "".join(f"\n  {c.label} has unread: {c.last()}" for c in self.clients)
            raise Failed(f"{name}: nothing after {timeout:g} s{unread}") from None
        except Failed as e:
            raise Failed(f"{name}: {e}") from None
        except Exception as e:
            raise Failed(f"{name}: {type(e).__name__}: {e}") from e
        ms = (time.monotonic() - start) * 1000
        print(f"ok    {name} ({ms:.0f} ms){': ' + detail if isinstance(detail, str) else ''}", flush=True)


def run(opts, script, limit=120):
    """Run the script and exit: 0, or 1 with the reason."""
    if opts.debug:
        logging.getLogger().setLevel(logging.DEBUG)

    async def bounded():
        await asyncio.wait_for(script(opts, Steps(opts)), limit)

    status = 0
    try:
        asyncio.run(bounded())
    except Failed as e:
        print(f"FAIL  {e}", flush=True)
        status = 1
    except asyncio.TimeoutError:
        print(f"FAIL  not done after {limit} s", flush=True)
        status = 1
    # slixmpp's own tasks may not end by themselves.
    sys.stdout.flush()
    os._exit(status)
