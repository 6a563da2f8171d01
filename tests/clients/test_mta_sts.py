"""MTA-STS against real HTTPS servers and mail servers: each verdict, changed and vanished policies, a
kill in between. Names by a name server of our own, certificates of another maker."""
import os
import re
import tempfile

import dnsd
import harness
import minter
import policyhost
import signedzone
import smtpsink
from harness import keys, wait_until
from test_relay import HEAD, first, queue, send

SERVER = None  # each test has its own

POLICIES, SAFE, PLAIN = "127.0.0.4", "127.0.0.2", "127.0.0.3"  # the last offers no TLS
WEEK = 604800


def policy(mode, mx, max_age=WEEK):
    return f"version: STSv1\r\nmode: {mode}\r\nmx: {mx}\r\nmax_age: {max_age}\r\n"


def enforced(domain):
    return policy("enforce", f"mx.{domain}")


# Domain -> where its mail server is, and its policy. No policy counts: over TLS or not as offered.
WITHOUT = {
    "wrong-name": {"text": enforced("wrong-name.test")},
    "expired": {"text": enforced("expired.test")},
    "stranger": {"text": enforced("stranger.test")},
    "redirect": {"status": 301, "headers": {"Location": "/other"}, "text": enforced("redirect.test")},
    "missing": {"status": 404, "text": enforced("missing.test")},
    "html": {"type": "text/html", "text": enforced("html.test")},
    "large": enforced("large.test") + "x: " + "x" * 65536,
    "broken": "mode: enforce\n",
    "slow": {"wait": 20, "text": enforced("slow.test")},
    "none": policy("none", "mx.none.test"),
    "testing": policy("testing", "mx.testing.test"),
}
DELIVERED = {"good.test": True, "wild.test": True, **{f"{name}.test": False for name in WITHOUT}}
DEFERRED = {
    "unnamed.test": "the MTA-STS policy of unnamed.test does not name it",
    "stripped.test": "STARTTLS",
    "bad-cert.test": "the certificate is for another name",
}
TROUBLE = {  # what the log says of the fetch
    "wrong-name.test": "certificate", "expired.test": "certificate", "stranger.test": "certificate",
    "redirect.test": "status 301", "missing.test": "status 404", "html.test": "text/plain",
    "large.test": "too large", "broken.test": "the policy has no line", "slow.test": "too long",
}


class World:
    """Mail servers at SAFE and PLAIN, policies at POLICIES, their names, and a Postern."""

    certified = ("good", "wild")  # whose mail server's certificate names it

    def __init__(self, domains):
        self.domains = domains  # without .test

    def name_server(self):
        return dnsd.NameServer(self.zones)

    def __enter__(self):
        harness.need("openssl")
        self.dir = tempfile.TemporaryDirectory()
        self.parts = []
        self.port, self.https_port = harness.free_port(), harness.free_port()
        self.authority = minter.Authority(os.path.join(self.dir.name, "ca"))
        pair = self.authority.mint("mx", names=[f"mx.{name}.test" for name in self.certified])
        self.safe = self.part(smtpsink.Sink(self.port, SAFE, pair=pair))
        self.plain = self.part(smtpsink.Sink(self.port, PLAIN))
        self.https = self.part(policyhost.PolicyHost(self.https_port, POLICIES, self.pairs(),
                                                     self.answers()))
        self.zones = self.make_zones()
        self.names = self.part(self.name_server())
        self.postern = self.part(first(keys(tls={"trusted": self.authority.ca}, relay=self.keys())))
        return self

    def keys(self, **more):
        return {"resolver": self.names.at, "dnssec_anchors": "", "mx_port": self.port,
                "mta_sts_port": self.https_port, "mta_sts_timeout": "3s", **more}

    def part(self, part):
        self.parts.append(part)
        return part.__enter__()

    def __exit__(self, *what):
        for part in reversed(self.parts):
            part.__exit__(*what)
        self.dir.cleanup()

    def pairs(self):
        hosts = [f"mta-sts.{name}.test" for name in self.domains]
        stranger = minter.Authority(os.path.join(self.dir.name, "stranger"), "Stranger")
        return {"": self.authority.mint("https", names=[h for h in hosts if "wrong" not in h]),
                "mta-sts.expired.test": self.authority.mint("expired", days=-1,
                                                            names=("mta-sts.expired.test",)),
                "mta-sts.stranger.test": stranger.mint("stranger", names=("mta-sts.stranger.test",))}

    def answers(self):
        answers = {f"mta-sts.{name}.test": answer for name, answer in WITHOUT.items()}
        for name in ("good", "stripped", "bad-cert"):
            answers[f"mta-sts.{name}.test"] = enforced(f"{name}.test")
        answers["mta-sts.wild.test"] = policy("enforce", "*.wild.test")
        answers["mta-sts.unnamed.test"] = policy("enforce", "*.mx.unnamed.test")
        return answers

    def make_zones(self):
        zones = {}
        for name in self.domains:
            domain = f"{name}.test"
            is_safe = name in ("good", "wild", "unnamed", "bad-cert")
            zones[domain] = {"mx": [(10, "mx." + domain)]}
            zones["mx." + domain] = {"a": [SAFE if is_safe else PLAIN]}
            zones["mta-sts." + domain] = {"a": [POLICIES]}
            self.set_id(domain, "1", zones)
        return zones

    def set_id(self, domain, number, zones=None):
        zones = self.zones if zones is None else zones
        zones["_mta-sts." + domain] = {"txt": [b"v=STSv1; id=" + number.encode() + b";"]}


class SignedWorld(World):
    """The same with zones that are signed, or should be, from a trust anchor on."""
    certified = ("signed", "unsigned", "late", "record", "host", "mx-forged")

    def keys(self, **more):
        return super().keys(dnssec_anchors=self.names.anchors, **more)

    def answers(self):
        answers = {f"mta-sts.{name}.test": enforced(f"{name}.test") for name in self.domains}
        answers["mta-sts.other.test"] = policy("enforce", "mx.elsewhere.test")
        return answers

    def make_zones(self):
        return None

    def name_server(self):
        forged = {"record": [("id=1", "id=2")], "host": [(POLICIES, "127.0.0.9")],
                  "mx-forged": [("10 mx.", "11 mx.")]}
        zones = [signedzone.Zone("test", [])]
        for name in self.domains:
            at = PLAIN if name == "stripped" else SAFE
            sign = {"unsigned": None, "late": signedzone.LATE}.get(name, signedzone.GOOD)
            lines = [f"{name}.test. MX 10 mx.{name}.test.", f"mx A {at}", f"mta-sts A {POLICIES}",
                     '_mta-sts TXT "v=STSv1; id=1;"']
            zones.append(signedzone.Zone(f"{name}.test", lines, sign, forged.get(name, ())))
        return signedzone.NameServer(zones)


def arrived(*sinks):
    """Domain -> whether its mail came over TLS."""
    return {message[1][0].partition("@")[2]: is_secure for sink in sinks
            for message, is_secure in zip(list(sink.messages), list(sink.secured))}


def waiting(postern):
    """Domain -> the line of the queue, of what was tried."""
    lines = [line for line in queue(postern) if "attempts=0" not in line]
    return {re.search(r"x@([^>\s]+)", line).group(1): line for line in lines}


def fetched(world, domain):
    return world.https.asked.count(("mta-sts." + domain, "/.well-known/mta-sts.txt"))


def test_each_verdict():
    names = [d.removesuffix(".test") for d in (*DELIVERED, *DEFERRED)]
    with World(names) as world:
        for name in names:
            send(world.postern, name, [f"x@{name}.test"])
        wait_until(lambda: len(waiting(world.postern)) == len(DEFERRED)
                   and len(world.safe.messages) + len(world.plain.messages) == len(DELIVERED), 40,
                   lambda: f"all verdicts: {waiting(world.postern)} "
                           f"{arrived(world.safe, world.plain)}\n{world.postern.log_tail()}")
        assert arrived(world.safe, world.plain) == DELIVERED
        lines = waiting(world.postern)
        assert set(lines) == set(DEFERRED), lines
        for domain, told in DEFERRED.items():
            assert told in lines[domain], lines[domain]
        log = world.postern.log_text()
        for domain, told in TROUBLE.items():
            line = re.search(f".* relay sts-fetch domain={re.escape(domain)} .*", log)
            assert line and told in line.group(0), (domain, told, line and line.group(0))
        assert "relay sts-policy domain=good.test mode=enforce id=1 mx=1 max_age=604800" in log
        assert re.search("relay sts-testing destination=testing.test .*STARTTLS is not offered", log)
        assert all(path == "/.well-known/mta-sts.txt" for _, path in world.https.asked)
        # Only names that were asked for go to the resolver of the configuration, and no others.
        assert {name for name, _ in world.names.asked} <= set(world.zones) | {
            f"_{world.port}._tcp.mx.{n}.test" for n in names}, set(world.names.asked)


def attack(world, domain):
    """Whoever is between: no record, no policy, and a mail server without TLS."""
    world.zones["_mta-sts." + domain] = dnsd.NXDOMAIN
    world.zones["mta-sts." + domain] = dnsd.SERVFAIL
    world.zones["mx." + domain] = {"a": [PLAIN]}
    world.https.answers["mta-sts." + domain] = {"status": 503}


def test_a_known_policy_counts_after_a_kill_when_everything_vanishes():
    with World(["good"]) as world:
        send(world.postern, "one", ["x@good.test"])
        wait_until(lambda: arrived(world.safe) == {"good.test": True}, 20, "the first mail")
        attack(world, "good.test")
        world.postern.kill()
        world.postern.start()
        send(world.postern, "two", ["x@good.test"])
        wait_until(lambda: "good.test" in waiting(world.postern), 20, "the verdict")
        assert "the MTA-STS policy of good.test demands TLS" in waiting(world.postern)["good.test"]
        assert world.plain.messages == []
        # TLS-Required: No sets it aside.
        send(world.postern, rcpts=["x@good.test"],
             message=b"TLS-Required: No\r\n" + HEAD % (b"open", b"open") + b"Hi.\r\n")
        wait_until(lambda: arrived(world.plain) == {"good.test": False}, 20, "mail that waives TLS")
        assert fetched(world, "good.test") == 1


def test_another_id_brings_the_new_policy():
    with World(["good"]) as world:
        world.zones["mx.good.test"] = {"a": [PLAIN]}
        send(world.postern, "one", ["x@good.test"])
        wait_until(lambda: "good.test" in waiting(world.postern), 20, "the verdict")
        world.https.answers["mta-sts.good.test"] = policy("none", "mx.good.test")
        world.set_id("good.test", "2")
        world.postern.kill()  # our resolver has the record for a minute
        world.postern.start()
        world.postern.cli("queue", "flush")
        wait_until(lambda: arrived(world.plain) == {"good.test": False}, 20, "the mail")
        assert fetched(world, "good.test") == 2
        assert "relay sts-policy domain=good.test mode=none id=2" in world.postern.log_text()


def test_policies_are_renewed_without_mail_and_can_be_switched_off():
    with World(["good"]) as world:
        world.postern.set(keys(relay=world.keys(mta_sts_refresh="1s")))
        world.postern.reload()
        send(world.postern, "one", ["x@good.test"])
        wait_until(lambda: fetched(world, "good.test") >= 3, 30, "two more fetches")
        attack(world, "good.test")
        world.postern.wait_for_log("warn relay sts-fetch domain=good.test known=enforce")
        world.postern.set(keys(relay=world.keys(mta_sts=False)))
        world.postern.restart()  # our resolver has the addresses for a minute
        send(world.postern, "two", ["x@good.test"])
        wait_until(lambda: arrived(world.plain) == {"good.test": False}, 20, "mail without MTA-STS")


def test_each_verdict_in_signed_zones():
    """The policy counts whether its zone is signed or not; what is forged is never used: mail waits, or
    goes as it would without a policy where only the policy's own names are forged."""
    delivered = {"signed.test": True, "unsigned.test": True, "record.test": True, "host.test": True}
    deferred = {"other.test": "the MTA-STS policy of other.test does not name it",
                "stripped.test": "STARTTLS", "late.test": "DNSSEC", "mx-forged.test": "DNSSEC"}
    names = [domain.removesuffix(".test") for domain in (*delivered, *deferred)]
    with SignedWorld(names) as world:
        for name in names:
            send(world.postern, name, [f"x@{name}.test"])
        wait_until(lambda: len(waiting(world.postern)) == len(deferred)
                   and len(world.safe.messages) + len(world.plain.messages) == len(delivered), 40,
                   lambda: f"all verdicts: {waiting(world.postern)} "
                           f"{arrived(world.safe, world.plain)}\n{world.postern.log_tail()}")
        assert arrived(world.safe, world.plain) == delivered
        lines = waiting(world.postern)
        assert set(lines) == set(deferred), lines
        for domain, why in deferred.items():
            assert why in lines[domain], (domain, lines[domain])
        assert fetched(world, "signed.test") == fetched(world, "unsigned.test") == 1
        assert fetched(world, "host.test") == 0, "not from where a forged answer says"
