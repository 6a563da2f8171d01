"""DANE against a real name server and signed zones: good, wrong, expired, unsigned and forged data,
each with the verdict that it must have, over real sockets and certificates of another maker."""
import base64
import hashlib
import os
import re
import subprocess
import tempfile

import harness
import minter
import signedzone
import smtpsink
from harness import keys, wait_until
from signedzone import FORGED, LATE, WRONG_KEY, Zone
from test_relay import HEAD, first, queue, send

SERVER = None  # each test has its own

SAFE, PLAIN = "127.0.0.2", "127.0.0.3"  # the server with TLS, the one without
ZERO = "00" * 32


def der(pair):
    with open(pair.certificate) as f:
        return base64.b64decode("".join(f.read().split("-----")[2].split()))


def key_digest(pair):
    key = harness.run(["openssl", "x509", "-in", pair.certificate, "-noout", "-pubkey"]).stdout
    spki = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=key,
                          stdout=subprocess.PIPE, check=True).stdout
    return hashlib.sha256(spki).hexdigest()


class World:
    """An authority, a server with TLS at SAFE, one without at PLAIN, signed zones, and a Postern."""

    def __enter__(self):
        harness.need("knotd", "ldns-signzone", "openssl")
        self.port = harness.free_port()
        self.dir = tempfile.TemporaryDirectory()
        authority = minter.Authority(os.path.join(self.dir.name, "ca"))
        self.authority = der(authority.own).hex()
        self.pair = authority.mint("mx", names=("mx.ta.test",))
        self.parts = []
        self.safe = self.part(smtpsink.Sink(self.port, SAFE, pair=self.pair))
        self.plain = self.part(smtpsink.Sink(self.port, PLAIN))
        self.zones = self.make_zones()
        self.names = self.part(signedzone.NameServer(self.zones))
        self.postern = self.part(first(keys(relay=self.keys())))
        return self

    def keys(self, **more):
        return {"resolver": self.names.at, "dnssec_anchors": self.names.anchors,
                "mx_port": self.port, **more}

    def part(self, part):
        self.parts.append(part)
        return part.__enter__()

    def __exit__(self, *what):
        for part in reversed(self.parts):
            part.__exit__(*what)
        self.dir.cleanup()

    def tlsa(self, host, text):
        return f"_{self.port}._tcp.{host} TLSA {text}"

    def domain(self, name, address, *records):
        """The domain's lines: its one host is mx.NAME (in the zone of the name: mx)."""
        host = f"mx.{name}" if name else "mx"
        return [f"{name or '@'} MX 10 {host}", f"{host} A {address}",
                *(self.tlsa(host, record) for record in records)]

    def make_zones(self):
        right, wrong = f"3 1 1 {key_digest(self.pair)}", f"3 1 1 {ZERO}"
        root = [*self.domain("good", SAFE, right),
                *self.domain("soon", SAFE, wrong, right),
                *self.domain("wrong", SAFE, wrong),
                *self.domain("ta", SAFE, f"2 0 0 {self.authority}"),
                *self.domain("misnamed", SAFE, f"2 0 0 {self.authority}"),
                *self.domain("unusable", SAFE, f"1 1 1 {ZERO}"),
                *self.domain("stripped", PLAIN, right),
                *self.domain("unusable-stripped", PLAIN, f"0 0 1 {ZERO}"),
                *self.domain("none", PLAIN),
                "next MX 10 mx.stripped", "next MX 20 mx.good",
                "alias MX 10 www.alias", "www.alias CNAME mx.good"]
        a, tlsa = f"A\t{SAFE}", f"TLSA\t3 1 1 {key_digest(self.pair)}"
        return [Zone("test", root),
                Zone("unsigned.test", self.domain("", PLAIN, wrong), sign=None),
                Zone("late.test", self.domain("", SAFE, right), sign=LATE),
                Zone("key.test", self.domain("", SAFE, right), sign=WRONG_KEY),
                Zone("forged-a.test", self.domain("", SAFE, right), sign=FORGED,
                     forge=[(a, f"A\t{PLAIN}")]),
                Zone("forged-tlsa.test", self.domain("", SAFE, right), sign=FORGED,
                     forge=[(tlsa, f"TLSA\t3 1 1 {ZERO}")]),
                Zone("forged-mx.test", self.domain("", PLAIN), sign=FORGED,
                     forge=[("MX\t10 mx.", "MX\t11 mx.")])]


def arrived(sink):
    """Domain -> whether its mail came over TLS."""
    return {message[1][0].partition("@")[2]: is_secure
            for message, is_secure in zip(list(sink.messages), list(sink.secured))}


def waiting(postern):
    """Domain -> the line of the queue, of what was tried."""
    lines = [line for line in queue(postern) if "attempts=0" not in line]
    return {re.search(r"x@([^>\s]+)", line).group(1): line for line in lines}


DELIVERED = {"good.test": True, "soon.test": True, "ta.test": True, "unusable.test": True,
             "next.test": True, "alias.test": True, "none.test": False, "unsigned.test": False}
DEFERRED = {
    "wrong.test": "fits none of the server's TLSA records",
    "misnamed.test": "the certificate is for another name",
    "stripped.test": "STARTTLS",
    "unusable-stripped.test": "STARTTLS",
    "late.test": "DNSSEC validation failed",
    "key.test": "DNSSEC validation failed",
    "forged-a.test": "DNSSEC validation failed",
    "forged-tlsa.test": "its TLSA records cannot be had",
    "forged-mx.test": "DNSSEC validation failed",
}


def test_each_verdict():
    with World() as world:
        for domain in {**DELIVERED, **DEFERRED}:
            send(world.postern, domain, [f"x@{domain}"])
        wait_until(lambda: len(waiting(world.postern)) == len(DEFERRED)
                   and len(world.safe.messages) + len(world.plain.messages) == len(DELIVERED), 40,
                   lambda: f"all verdicts: {waiting(world.postern)} {arrived(world.safe)} "
                           f"{arrived(world.plain)}")
        assert {**arrived(world.safe), **arrived(world.plain)} == DELIVERED
        lines = waiting(world.postern)
        assert set(lines) == set(DEFERRED), lines
        for domain, told in DEFERRED.items():
            assert told in lines[domain], lines[domain]
        assert "TLSA records of mx.stripped.test demand TLS" in lines["stripped.test"]
        # SNI is the TLSA base domain: of an alias the name at its end.
        assert set(world.safe.server_names) == {
            f"mx.{x}.test" for x in ("good", "soon", "wrong", "ta", "misnamed", "unusable")}
        assert "left-out" in world.postern.log_text()


def test_mail_goes_when_the_record_is_mended():
    with World() as world:
        send(world.postern, "wait", ["x@wrong.test"])
        wait_until(lambda: waiting(world.postern), 20, "the verdict on the wrong key")
        lines = [line.replace(ZERO, key_digest(world.pair)) for line in world.zones[0].lines]
        world.names.change(world.zones[0], lines)
        world.postern.cli("queue", "flush")
        wait_until(lambda: arrived(world.safe) == {"wrong.test": True}, 20, "the mail")


def test_keys_and_wishes():
    """TLS-Required: No sets the policy aside, and so does relay.dane = false."""
    with World() as world:
        send(world.postern, rcpts=["x@wrong.test"],
             message=b"TLS-Required: No\r\n" + HEAD % (b"open", b"open") + b"Hi.\r\n")
        wait_until(lambda: arrived(world.safe) == {"wrong.test": True}, 20, "the mail that waives TLS")
        world.postern.set(keys(relay=world.keys(dane=False)))
        world.postern.reload()
        send(world.postern, "off", ["x@stripped.test"])
        wait_until(lambda: arrived(world.plain) == {"stripped.test": False}, 20, "mail without DANE")


def test_without_anchors_nothing_is_signed():
    with World() as world:
        world.postern.set(keys(relay=world.keys(dnssec_anchors="/nowhere/root.key")))
        log = world.postern.reload()
        assert "relay no-dnssec" in log and "dns-root-data" in log, log
        send(world.postern, "plain", ["x@stripped.test"])
        wait_until(lambda: arrived(world.plain) == {"stripped.test": False}, 20, "the mail")
        broken = os.path.join(world.dir.name, "broken")
        with open(broken, "w") as f:
            f.write("this is no key\n")
        world.postern.set(keys(relay=world.keys(dnssec_anchors=broken)))
        assert "relay.dnssec_anchors to a file of DS or DNSKEY" in world.postern.reload()
