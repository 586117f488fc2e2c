#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Channel binding as slixmpp 1.8 does it (RFC 5802 6, RFC 9266).

slixmpp knows tls-unique only, and claims it on TLS 1.3 as well, where it is
not defined. When that is refused it goes on without -PLUS, with the flag "y":
"I can, and you said that you can not". So there are these cases, each a step:

  plus12     a -PLUS mechanism over TLS 1.2
  plain12    without channel binding (flag "n") over TLS 1.2
  plain13    the same over TLS 1.3
  stock13    slixmpp as it is over TLS 1.3, at a server that offers no -PLUS:
             the flag is "y", which is true, and it gets in
  refused13  slixmpp as it is over TLS 1.3, at a server that offers -PLUS: all
             it tries is refused, and said so; it never gets in
  allowed13  the same, at a server that lets "y" pass
             (channel_binding_downgrade = "allow"): -PLUS is refused, then it
             gets in without

The default is plus12,plain12,plain13,refused13, which is right for a server
that offers -PLUS everywhere.
"""

import ssl

import steps
from steps import want

TLS12 = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
TLS13 = (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3)
SCRAM = [f"SCRAM-SHA-{n}{plus}" for n in ("1", "256", "512") for plus in ("", "-PLUS")]
PLUS = [m for m in SCRAM if m.endswith("-PLUS")]


def client(step, opts, tls, **kwargs):
    return step.client(opts.user, opts.password, "binding", tls=tls, **kwargs)


async def admitted(c, version, plus):
    detail = await c.login()
    want(c.version == version, f"over {c.version}, not {version}")
    want((c.tried[-1] in PLUS) == plus, f"got in by {c.tried[-1]} of {c.tried}")
    await c.logout()
    return detail


def offers(c, plus):
    got = sorted(c.offered & set(PLUS))
    want(bool(got) == plus, f"the server offers {got or 'no -PLUS mechanism'}: this case is for another configuration")


async def stock(c):
    detail = await admitted(c, "TLSv1.3", False)
    offers(c, False)
    return detail


async def refused(c):
    c.start()
    got = await c.until("session_start", "failed_all_auth", "disconnected")
    want(got != "session_start", f"got in by {c.tried[-1]} of {c.tried}, after {c.refusals}")
    offers(c, True)
    want(c.version == "TLSv1.3", f"over {c.version}, not TLSv1.3")
    want(c.refusals, f"{got} without a <failure/>; tried {c.tried}")
    want(c.tried and c.tried[0] in PLUS, f"tried {c.tried}, and -PLUS not first")
    want(c.tried[-1] not in PLUS, f"could not go on after the refusal of -PLUS: tried {c.tried}, refused {c.refusals}, then {got}")
    return f"tried {', '.join(c.tried[: len(c.refusals)])}: {', '.join(c.refusals)}"


async def allowed(c):
    detail = await admitted(c, "TLSv1.3", False)
    offers(c, True)
    want(c.refusals, "no -PLUS mechanism was refused")
    return detail


async def script(opts, step):
    cases = {
        "plus12": lambda: admitted(client(step, opts, TLS12, binding=True, mechanisms=PLUS), "TLSv1.2", True),
        "plain12": lambda: admitted(client(step, opts, TLS12), "TLSv1.2", False),
        "plain13": lambda: admitted(client(step, opts, TLS13), "TLSv1.3", False),
        "stock13": lambda: stock(client(step, opts, TLS13, binding=True, mechanisms=SCRAM)),
        "refused13": lambda: refused(client(step, opts, TLS13, binding=True, mechanisms=SCRAM)),
        "allowed13": lambda: allowed(client(step, opts, TLS13, binding=True, mechanisms=SCRAM)),
    }
    for name in opts.steps.split(","):
        want(name in cases, f"no step {name}; there are {', '.join(cases)}")
        await step(name, cases[name]())


if __name__ == "__main__":
    parser = steps.arguments(__doc__, peer=False)
    parser.add_argument("--steps", default="plus12,plain12,plain13,refused13", help="the cases, with commas")
    steps.run(parser.parse_args(), script)
