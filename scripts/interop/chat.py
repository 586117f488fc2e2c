#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Two people and what they do every day, by slixmpp.

Both log in over TLS with SCRAM, add each other, see presence, chat both ways;
a second resource gets carbons; a message waits for who is offline; the archive
has it all; ping and service discovery answer.
"""

import asyncio

import steps
from steps import body, want

PLUGINS = ("xep_0030", "xep_0059", "xep_0092", "xep_0199", "xep_0203", "xep_0280", "xep_0297", "xep_0313")
NS_DELAY = "urn:xmpp:delay"
NS_CARBONS = "urn:xmpp:carbons:2"


async def subscribe(a, b):
    """a asks, b agrees and asks back, a agrees; each from an empty roster."""
    for one, other in ((a, b), (b, a)):
        one.inbox.clear()
        await one.get_roster()
        if other.boundjid.bare in one.client_roster:
            await one.del_roster_item(other.boundjid.bare)
    await asyncio.sleep(0.3)
    for c in (a, b):
        c.inbox.clear()  # of what the removal caused
    a.send_presence(pto=b.boundjid.bare, ptype="subscribe")
    await b.presence("subscribe", a.boundjid.bare)
    b.send_presence(pto=a.boundjid.bare, ptype="subscribed")
    await a.presence("subscribed", b.boundjid.bare)
    b.send_presence(pto=a.boundjid.bare, ptype="subscribe")
    await a.presence("subscribe", b.boundjid.bare)
    a.send_presence(pto=b.boundjid.bare, ptype="subscribed")
    await b.presence("subscribed", a.boundjid.bare)
    # Both are now told that the other is available.
    await asyncio.gather(a.presence("available", b.boundjid.full), b.presence("available", a.boundjid.full))


async def roster(c, other):
    """What the server has stored, asked anew."""
    iq = c.make_iq_get()
    iq.enable("roster")
    items = (await iq.send())["roster"]["items"]
    entry = {str(k): v for k, v in items.items()}.get(other.boundjid.bare)
    want(entry is not None, f"{other.boundjid.bare} is not on the roster of {c.label}")
    want(entry["subscription"] == "both", f"the subscription is {entry['subscription']}, not both")


async def show(c, other, kind):
    status = body()
    c.send_presence(pshow="" if kind == "available" else kind, pstatus=status)
    await other.presence(kind, c.boundjid.full, status)


async def say(sender, to, receiver, text=None):
    """A message comes, with the right addresses."""
    text = text or body()
    sender.send_message(mto=to, mbody=text, mtype="chat")
    m = await receiver.message(text)
    want(m["from"] == sender.boundjid, f"from {m['from']}, not {sender.boundjid}")
    want(m["type"] == "chat", f"type {m['type']}")
    return text


def carbon(text, direction):
    """Match a carbon copy (XEP-0280 6) of that text."""

    def match(s):
        copy = s.xml.find(f"{{{NS_CARBONS}}}{direction}")
        return s.name == "message" and copy is not None and text in [e.text for e in copy.iter("{jabber:client}body")]

    return match


async def carbons(romeo, juliet, second):
    await asyncio.gather(juliet["xep_0280"].enable(), second["xep_0280"].enable())
    heard = await say(romeo, juliet.boundjid.full, juliet)
    copy = await second.wait(carbon(heard, "received"))
    want(copy["from"].full == juliet.boundjid.bare, f"the copy is from {copy['from']}, not the account")
    said = await say(juliet, romeo.boundjid.full, romeo)
    await second.wait(carbon(said, "sent"))
    want(not any(carbon(said, "sent")(s) for s in juliet.inbox), "the sender got a copy of its own")
    return [heard, said]


async def offline(romeo, gone, back):
    """Sent while nobody is there, it comes at the next login, with its time."""
    for c in gone:
        await c.logout()
    await asyncio.sleep(0.3)
    text = body()
    romeo.send_message(mto=back.boundjid.bare, mbody=text, mtype="chat")
    await romeo["xep_0199"].ping(romeo.boundjid.host)  # so that the server has taken the message
    await back.login()
    m = await back.message(text)
    delay = m.xml.find(f"{{{NS_DELAY}}}delay")
    want(delay is not None and delay.get("stamp"), f"no delay on {m}")
    await back["xep_0199"].ping(back.boundjid.host)
    want(not any(s.name == "message" and s["body"] == text for s in back.inbox), "it came twice")
    return text


async def archive(c, other, texts):
    """All texts are in the archive, once and in order, by pages of two."""
    got = []
    async for result in c["xep_0313"].iterate(with_jid=other.boundjid.bare, rsm={"max": 2}):
        want(result["mam_result"]["id"], f"a result without an id: {result}")
        got.append(result["mam_result"]["forwarded"]["stanza"]["body"])
    new = [t for t in got if t in texts]
    want(new == texts, f"the archive of {c.label} has {new}, not {texts}")
    return f"{len(got)} messages"


async def disco(c):
    host, account = c.boundjid.host, c.boundjid.bare
    info = await c["xep_0030"].get_info(jid=host, cached=False)
    features = set(info["disco_info"]["features"])
    lack = {"http://jabber.org/protocol/disco#info", "urn:xmpp:ping", NS_CARBONS} - features
    want(not lack, f"{host} has no {sorted(lack)}; it has {sorted(features)}")
    kinds = {(i[0], i[1]) for i in info["disco_info"]["identities"]}
    want(("server", "im") in kinds, f"{host} is {sorted(kinds)}")
    info = await c["xep_0030"].get_info(jid=account, cached=False)
    features = set(info["disco_info"]["features"])
    want("urn:xmpp:mam:2" in features, f"{account} has no archive; it has {sorted(features)}")
    version = await c["xep_0092"].get_version(host)
    return str(version["software_version"]["name"])


async def goodbye(c, other):
    full = c.boundjid.full
    await c.logout()
    await other.presence("unavailable", full)


async def script(opts, step):
    romeo = step.client(opts.user, opts.password, "orchard", PLUGINS)
    juliet = step.client(opts.peer, opts.peer_password, "balcony", PLUGINS)
    await step(f"{opts.user} logs in", romeo.login())
    await step(f"{opts.peer} logs in", juliet.login())
    await step("subscribe to each other", subscribe(romeo, juliet))
    await step("roster of the first", roster(romeo, juliet))
    await step("roster of the second", roster(juliet, romeo))
    await step("presence to the second", show(romeo, juliet, "away"))
    await step("presence to the first", show(juliet, romeo, "dnd"))
    await step("presence available again", show(juliet, romeo, "available"))
    texts = []

    async def chat(sender, to, receiver):
        texts.append(await say(sender, to, receiver))

    await step("chat to the full JID", chat(romeo, juliet.boundjid.full, juliet))
    await step("chat back", chat(juliet, romeo.boundjid.full, romeo))
    await step("chat to the bare JID", chat(romeo, juliet.boundjid.bare, juliet))

    second = step.client(opts.peer, opts.peer_password, "chamber", PLUGINS)
    await step("a second resource logs in", second.login())
    await step("its presence is seen", romeo.presence("available", second.boundjid.full))

    async def copies():
        texts.extend(await carbons(romeo, juliet, second))

    await step("carbons", copies())

    back = step.client(opts.peer, opts.peer_password, "balcony", PLUGINS)

    async def wait_for_her():
        texts.append(await offline(romeo, (juliet, second), back))

    await step("offline message", wait_for_her(), 2 * opts.timeout)
    await step("archive of the first", archive(romeo, back, texts))
    await step("archive of the second", archive(back, romeo, texts))
    await step("ping the server", romeo["xep_0199"].ping(opts.domain))
    await step("ping the other", romeo["xep_0199"].ping(back.boundjid.full))
    await step("service discovery", disco(romeo))
    await step("log out", goodbye(back, romeo))


if __name__ == "__main__":
    steps.run(steps.arguments(__doc__).parse_args(), script)
