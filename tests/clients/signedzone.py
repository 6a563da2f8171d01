"""A real name server (Knot DNS) on loopback with zones that are signed by ldns-signzone, each as well
or as badly as a test wants, and the trust anchor that they begin at.

    with signedzone.NameServer([Zone("test", lines), Zone("plain.test", lines, sign=None)]) as names:
        Server(edit=keys(relay={"resolver": names.at, "dnssec_anchors": names.anchors, ...}))

The first zone is the anchor's; it delegates to the others, with a DS record for each that is signed.
"""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import harness

GOOD, LATE, FORGED, WRONG_KEY = "good", "late", "forged", "wrong-key"
DAY = 86400
HEAD = """$TTL 1
@ IN SOA ns.{name}. admin.{name}. {serial} 3600 600 86400 1
@ IN NS ns.{name}.
ns IN A 127.0.0.1
"""


class Zone:
    """lines: records as in a zone file, names relative to the zone. sign: GOOD; None: not signed; LATE:
    the signatures ended yesterday; FORGED: (old text, new text) pairs in `forge` are changed behind
    the signing; WRONG_KEY: the parent's DS record is another key's."""

    def __init__(self, name, lines, sign=GOOD, forge=()):
        self.name, self.lines, self.sign, self.forge = name, list(lines), sign, forge
        self.key = None


class NameServer:
    def __init__(self, zones):
        for program in ("knotd", "ldns-keygen", "ldns-signzone"):
            harness.need(program)
        self.zones = zones
        self.serial = 1
        self.dir = tempfile.mkdtemp(prefix="postern-zones-")
        self.port = harness.free_port()
        self.at = f"127.0.0.1:{self.port}"
        self.anchors = os.path.join(self.dir, "anchors")
        self.process = None

    def __enter__(self):
        try:
            for zone in self.zones:
                if zone.sign:
                    zone.key = self.make_key(zone.name)
            shutil.copy(self.path(self.zones[0].key + ".ds"), self.anchors)
            self.write()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *ignored):
        if self.process:
            self.process.terminate()
            self.process.wait(20)
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def make_key(self, name):
        """Its base name: NAME.key, NAME.private, NAME.ds."""
        words = ["ldns-keygen", "-a", "ECDSAP256SHA256", "-k", name]
        return harness.run(words, cwd=self.dir).text.strip()

    def write(self):
        """All zones anew, children first: the parent needs their DS records."""
        self.serial += 1
        for zone in reversed(self.zones):
            self.write_zone(zone)

    def write_zone(self, zone):
        text = HEAD.format(name=zone.name, serial=self.serial) + "\n".join(zone.lines) + "\n"
        if zone is self.zones[0]:
            text += "".join(self.delegation(child) for child in self.zones[1:])
        file = self.path(zone.name + ".zone")
        with open(file, "w") as f:
            f.write(text)
        if zone.sign:
            self.sign(zone, file)

    def delegation(self, zone):
        text = f"{zone.name}. IN NS ns.{zone.name}.\nns.{zone.name}. IN A 127.0.0.1\n"
        if zone.sign:
            key = self.make_key(zone.name) if zone.sign == WRONG_KEY else zone.key
            text += open(self.path(key + ".ds")).read()
        return text

    def sign(self, zone, file):
        now = int(time.time())
        start, end = (now - 9 * DAY, now - DAY) if zone.sign == LATE else (now - DAY, now + 9 * DAY)
        harness.run(["ldns-signzone", "-o", zone.name, "-i", str(start), "-e", str(end), "-f", file,
                     file, zone.key], cwd=self.dir)
        with open(file) as f:
            text = f.read()
        for old, new in zone.forge:
            assert old in text, (old, text)
            text = text.replace(old, new)
        with open(file, "w") as f:
            f.write(text)

    def start(self):
        conf = self.path("knot.conf")
        with open(conf, "w") as f:
            f.write(f"server:\n  rundir: {self.dir}\n  listen: 127.0.0.1@{self.port}\n"
                    f"log:\n  - target: stderr\n    any: info\n"
                    f"database:\n  storage: {self.dir}\n"
                    f"template:\n  - id: default\n    storage: {self.dir}\n"
                    "    journal-content: none\n    zonefile-sync: -1\n"
                    "zone:\n" + "".join(f"  - domain: {zone.name}.\n" for zone in self.zones))
        with open(self.path("log"), "wb") as log:
            self.process = subprocess.Popen(["knotd", "-c", conf], stderr=log, stdout=log)
        harness.wait_until(self.answers, 20, "an answer of knotd: " + self.log())

    def log(self):
        with open(self.path("log")) as f:
            return f.read()

    def answers(self):
        """To a question for the SOA record of the last zone."""
        labels = b"".join(bytes([len(x)]) + x.encode() for x in self.zones[-1].name.split("."))
        question = b"\x12\x34\0\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\x06\0\1"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.3)
            try:
                s.sendto(question, ("127.0.0.1", self.port))
                answer = s.recv(4096)
            except OSError:
                return False
        return answer[3] & 15 == 0 and answer[7] > 0

    def change(self, zone, lines):
        """Other records in a zone, signed anew; caches hold the old ones for a second."""
        zone.lines = list(lines)
        self.write()
        self.process.send_signal(signal.SIGHUP)
        time.sleep(1.2)
