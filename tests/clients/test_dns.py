"""postern dns: with all records, without any, with wrong and with hostile ones, and with a server
that does not answer."""
import hashlib
import json
import os
import subprocess

from dnsd import SERVFAIL, NameServer
from harness import Server, keys

SERVER = None
HOST = "mail.example.org"
ADDRESS, ADDRESS6 = "198.18.0.25", "2001:2::25"  # for tests of devices: RFC 2544, RFC 5180
REVERSE = "25.0.18.198.in-addr.arpa"
REVERSE6 = ".".join(reversed("20010002" + "0" * 22 + "25")) + ".ip6.arpa"


def server():
    return Server(hostname="mail.example.org", start=False)


def key_hash(one):
    certificate = os.path.join(one.home, "tls", "server.pem")
    der = subprocess.run(f"openssl x509 -in {certificate} -noout -pubkey | openssl pkey -pubin -outform DER",
                         shell=True, check=True, capture_output=True).stdout
    return hashlib.sha256(der).digest()


def good_zones(one, domain="example.org"):
    served = {"_submissions": "submissions", "_submission": "submission", "_imaps": "imaps",
              "_imap": "imap", "_pop3s": "pop3s", "_pop3": "pop3"}
    zones = {
        domain: {"mx": [(20, "other.test"), (10, HOST)],
                 "txt": ["google-site-verification=x", "v=spf1 mx -all"]},
        HOST: {"a": [ADDRESS], "aaaa": [ADDRESS6]},
        REVERSE: {"ptr": [HOST]},
        REVERSE6: {"ptr": [HOST.upper()]},
        "_dmarc." + domain: {"txt": ["v=DMARC1; p=none"]},
        "_mta-sts." + domain: {"txt": [["v=STSv1; ", "id=2026;"]]},
        "_smtp._tls." + domain: {"txt": ["v=TLSRPTv1; rua=mailto:x@example.org"]},
        "_25._tcp." + HOST: {"tlsa": [(3, 1, 1, b"x" * 32), (3, 1, 1, key_hash(one))]},
    }
    for name, listener in served.items():
        zones[f"{name}._tcp.{domain}"] = {"srv": [(0, 1, one.port(listener), HOST)]}
    return zones


def ask(one, zones, domain="example.org", *words, status=None):
    with NameServer(zones) as dns:
        done = one.cli("dns", domain, "--resolver", dns.at, *words, check=False)
    if status is not None:
        assert done.returncode == status, (done.stdout + done.stderr).decode()
    return done.stdout.decode()


def ask_json(one, zones, domain="example.org", status=None):
    return json.loads(ask(one, zones, domain, "--json", status=status))


def states(report, state):
    return [(row["name"], row["type"]) for row in report["records"] if row["state"] == state]


def row_of(report, name, kind):
    return next(row for row in report["records"] if (row["name"], row["type"]) == (name, kind))


def test_all_records_are_there():
    with server() as one:
        report = ask_json(one, good_zones(one), status=0)
        assert report["lacking"] == 0 and report["configured"], report
        assert {row["state"] for row in report["records"]} == {"there"}, states(report, "missing")
        assert not any(row["secure"] for row in report["records"])
        assert row_of(report, REVERSE6, "PTR")["found"] == [HOST.upper() + "."]
        assert report["policy_url"] == "https://mta-sts.example.org/.well-known/mta-sts.txt"
        assert f"mx: {HOST}\n" in report["policy_text"]
        text = ask(one, good_zones(one), status=0)
        assert "All that is needed is there." in text and "For the zone file" not in text, text
        assert "not signed by DNSSEC" in text and "mode: testing" in text, text
        assert "so nobody believes it" in text, text


def test_no_records_are_there():
    """What is printed for the zone file is, put into the zone, all that is needed."""
    with server() as one:
        report = ask_json(one, {}, status=1)
        assert states(report, "there") == [] and states(report, "different") == []
        assert row_of(report, "_25._tcp." + HOST, "TLSA")["optional"]
        text = ask(one, {}, status=1)
        lines = text[text.index("For the zone file"):].splitlines()
        assert f"example.org. 3600 IN MX 10 {HOST}." in lines, text
        assert f"; {HOST}. 3600 IN A ADDRESS" in lines, text
        assert f"_25._tcp.{HOST}. 3600 IN TLSA 3 1 1 {key_hash(one).hex()}" in lines, text
        assert f"_imaps._tcp.example.org. 3600 IN SRV 0 1 {one.port('imaps')} {HOST}." in lines, text
        assert 'example.org. 3600 IN TXT "v=spf1 mx -all"' in lines, text
        zones = {HOST: {"a": [ADDRESS]}, REVERSE: {"ptr": [HOST]}}
        for line in lines:
            put(zones, line)
        ask(one, zones, status=0)


def put(zones, line):
    """A line of a zone file into the name server's table."""
    words = line.split(maxsplit=4)
    if len(words) < 5 or words[2] != "IN":
        return
    name, kind, data = words[0].rstrip("."), words[3], words[4]
    fields = data.split()
    values = {"MX": lambda: (int(fields[0]), fields[1]), "TXT": lambda: data.strip('"'),
              "SRV": lambda: (*map(int, fields[:3]), fields[3]),
              "TLSA": lambda: (*map(int, fields[:3]), bytes.fromhex(fields[3]))}
    if kind in values:
        zones.setdefault(name, {}).setdefault(kind.lower(), []).append(values[kind]())


def test_wrong_records_are_told_from_missing_ones():
    with server() as one:
        cases = [
            ("example.org", "MX", {"mx": [(10, "other.test"), (0, "x" + HOST)]}, "other servers"),
            (REVERSE, "PTR", {"ptr": ["dsl.provider.test"]}, "another name"),
            ("example.org", "TXT", {"txt": ["v=spf1 a:other.test -all"]}, "nothing in it stands"),
            ("example.org", "TXT", {"txt": ["v=spf1 mx", "v=spf1 a"]}, "several"),
            ("_dmarc.example.org", "TXT", {"txt": ["v=DMARC1; rua=mailto:x@y"]}, "no policy"),
            ("_mta-sts.example.org", "TXT", {"txt": ["v=STSv1; id=a-b"]}, ""),
            ("_smtp._tls.example.org", "TXT", {"txt": ["v=TLSRPTv1; rua=x"]}, "no URI"),
            ("_25._tcp." + HOST, "TLSA", {"tlsa": [(3, 1, 1, b"y" * 32)]}, "none is of"),
            ("_imap._tcp.example.org", "SRV", {"srv": [(0, 1, 1, HOST)]}, "another server or port"),
            ("_imap._tcp.example.org", "SRV", {"srv": [(0, 0, 0, "")]}, "another server or port"),
        ]
        for name, kind, records, why in cases:
            zones = good_zones(one)
            zones[name] = {**zones[name], **records}
            report = ask_json(one, zones, status=1)
            row = row_of(report, name, kind)
            assert row["state"] == "different" and why in row["why"], (row, records)
            assert states(report, "missing") == [], report
            assert report["lacking"] == 1, report


def test_what_dns_says_is_escaped():
    with server() as one:
        zones = good_zones(one)
        evil = b'v=spf1 mx \x1b[31m"\n\xff'
        zones["example.org"]["txt"] = [evil]
        zones[REVERSE] = {"ptr": ["a\x1b[2J.test"]}
        text = ask(one, zones, status=1)
        assert "\x1b" not in text and "\\x1b[31m" in text and "\\xff" in text, text
        report = ask_json(one, zones, status=1)
        assert row_of(report, REVERSE, "PTR")["found"] == ["a\x1b[2J.test."]


def test_a_server_that_does_not_answer_is_no_missing_record():
    with server() as one:
        zones = good_zones(one)
        zones["_dmarc.example.org"] = SERVFAIL
        report = ask_json(one, zones, status=1)
        row = row_of(report, "_dmarc.example.org", "TXT")
        assert row["state"] == "unknown" and row["why"], row
        text = ask(one, zones, status=1)
        assert "_dmarc.example.org. 3600" not in text, text


def test_another_domain_than_those_that_are_kept():
    with server() as one:
        text = ask(one, good_zones(one, "far.test"), "far.test.", status=0)
        assert "not among `domains`" in text, text
        assert not ask_json(one, good_zones(one, "far.test"), "FAR.test", status=0)["configured"]


def test_what_is_not_served_is_told():
    with server() as one:
        text = open(one.conf).read()
        start = text.index('name = "pop3"')
        begin, end = text.rindex("{", 0, start), text.index("}", start) + 1
        rest = text[end:]
        open(one.conf, "w").write(text[:begin] + rest.lstrip().removeprefix(","))
        zones = good_zones(one)
        report = ask_json(one, zones, status=0)
        row = row_of(report, "_pop3._tcp.example.org", "SRV")
        assert row["wanted"] == "0 0 0 ." and row["state"] == "different" and row["optional"], row
        zones["_pop3._tcp.example.org"] = {"srv": [(0, 0, 0, "")]}
        assert row_of(ask_json(one, zones, status=0), "_pop3._tcp.example.org",
                      "SRV")["state"] == "there"


def test_missing_trust_anchors_are_told_and_hinder_nothing():
    with Server(hostname=HOST, start=False,
                edit=keys(relay={"dnssec_anchors": "/nonexistent/root.key"})) as one:
        text = ask(one, good_zones(one), status=0)
        assert "/nonexistent/root.key" in text and "dns-root-data" in text, text


def test_a_dmarc_policy_of_subdomains_is_none_of_the_domain():
    with server() as one:
        zones = good_zones(one)
        zones["_dmarc.example.org"] = {"txt": ["v=DMARC1; sp=none"]}
        row = row_of(ask_json(one, zones, status=1), "_dmarc.example.org", "TXT")
        assert row["state"] == "different" and "no policy" in row["why"], row


def test_wrong_words():
    with server() as one:
        for words in ([], ["a.test", "b.test"], ["a b"], ["a.test", "--resolver"],
                      ["a.test", "--resolver", "x y"], ["192.0.2.1"]):
            done = one.cli("dns", *words, check=False)
            assert done.returncode == 2 and done.stdout == b"", (words, done)
        assert "postern dns DOMAIN" in one.cli("dns", "--help").stdout.decode()
