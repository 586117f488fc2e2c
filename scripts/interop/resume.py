#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A stream dies and is resumed (XEP-0198), by slixmpp: nothing is lost, nothing comes twice.

It dies in two ways: the socket is reset, so that the server knows; and the
network swallows everything without a word, so that the server takes the old
stream for a live one when the client is back.
"""

import asyncio

import steps
from steps import body, want

PLUGINS = ("xep_0030", "xep_0198", "xep_0199")


class Relay:
    """A TCP relay between the client and the server, which can go silent."""

    def __init__(self, host, port):
        self.target = (host, port)
        self.server = None
        self.live = asyncio.Event()
        self.live.set()
        self.writers = []  # kept, so that none is closed because nobody holds it

    async def open(self):
        self.server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()[1]

    async def _accept(self, reader, writer):
        there_reader, there_writer = await asyncio.open_connection(*self.target)
        self.writers += [writer, there_writer]
        asyncio.ensure_future(self._copy(reader, there_writer, self.live))
        asyncio.ensure_future(self._copy(there_reader, writer, self.live))

    async def _copy(self, reader, writer, live):
        try:
            while data := await reader.read(65536):
                if not live.is_set():
                    return  # not even the end is passed on
                writer.write(data)
                await writer.drain()
            if live.is_set():
                writer.close()
        except OSError:
            if live.is_set():
                writer.close()

    def silence(self):
        """Swallow what the present connections carry from now on."""
        self.live.clear()
        self.live = asyncio.Event()
        self.live.set()


class Letters:
    """Texts from one client to another, to be received once each and in order."""

    def __init__(self, sender, receiver):
        self.sender, self.receiver = sender, receiver
        self.sent = []

    def send(self, n):
        for _ in range(n):
            self.sent.append(body())
            self.sender.send_message(mto=self.receiver.boundjid.full, mbody=self.sent[-1], mtype="chat")

    def got(self):
        known = set(self.sent)
        return [s["body"] for s in self.receiver.inbox if s.name == "message" and s["body"] in known]

    async def arrive(self):
        while len(self.got()) < len(self.sent):
            self.receiver.news.clear()
            await self.receiver.news.wait()
        await asyncio.sleep(0.3)  # for what should not come
        want(self.got() == self.sent, f"{self.receiver.label} got {self.got()}, not {self.sent}")
        return f"{len(self.sent)} messages"


async def login(c, port):
    c.start("127.0.0.1", port)
    got = await c.until("session_start", "failed_all_auth", "disconnected")
    want(got == "session_start", f"{c.label}: {got}; tried {c.tried}, refused {c.refusals}")
    await c.states["sm_enabled"].wait()
    want(c["xep_0198"].sm_id, "the server gave no id to resume with")
    c.send_presence()
    return str(c["xep_0198"].sm_id)


async def reset(c):
    """The client's socket is gone, and what it had still to send."""
    c.transport.abort()
    await c.states["disconnected"].wait()


async def vanish(c, relay):
    """The network goes silent; the client notices, the server does not."""
    relay.silence()
    await reset(c)


async def resume(c, port):
    c.start("127.0.0.1", port)
    got = await c.until("session_resumed", "session_start", "failed_all_auth", "disconnected")
    want(got == "session_resumed", f"{c.label}: {got} instead of a resumption")


async def acknowledged(c):
    """After an <r/> nothing is left that the server has not taken."""
    sm = c["xep_0198"]
    while sm.unacked_queue:
        sm.request_ack()
        await asyncio.sleep(0.1)


async def script(opts, step):
    relay = Relay(opts.host, opts.port)
    port = await relay.open()
    romeo = step.client(opts.user, opts.password, "sm", PLUGINS)
    juliet = step.client(opts.peer, opts.peer_password, "witness", ("xep_0030", "xep_0199"))
    await step(f"{opts.user} logs in and enables", login(romeo, port))
    await step(f"{opts.peer} logs in", juliet.login())
    to, fro = Letters(romeo, juliet), Letters(juliet, romeo)

    async def chat():
        to.send(3)
        fro.send(3)
        await asyncio.gather(to.arrive(), fro.arrive())

    await step("chat before", chat())
    for name, kill in (("reset", lambda: reset(romeo)), ("silence", lambda: vanish(romeo, relay)), ("a second reset", lambda: reset(romeo))):

        async def die():
            to.send(5)  # some of it on the wire, some not yet
            await asyncio.sleep(0.005)
            await kill()
            fro.send(7)
            await juliet["xep_0199"].ping(opts.domain)  # so that the server has taken them

        await step(f"{name}: messages on their way both ways", die())
        await step(f"{name}: resume", resume(romeo, port))
        await step(f"{name}: to the resumed stream, once each and in order", fro.arrive())
        await step(f"{name}: from the resumed stream, once each and in order", to.arrive())
    await step("chat after", chat())
    await step("everything is acknowledged", acknowledged(romeo))
    await step("log out", romeo.logout())


if __name__ == "__main__":
    steps.run(steps.arguments(__doc__).parse_args(), script)
