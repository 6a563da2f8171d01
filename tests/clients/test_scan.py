"""testssl.sh and sslscan look at every protocol in both styles: nothing above informational."""
import concurrent.futures
import os
import subprocess
import tempfile

import harness
import minter
import scanners
from harness import Server, keys

SERVER = None

# listener, STARTTLS protocol for the scanners (None: TLS from the first byte), key of the server
ENDPOINTS = (
    ("smtp", "smtp", "ecdsa"),
    ("submission", "smtp", "rsa"),
    ("submissions", None, "ecdsa"),
    ("imap", "imap", "ecdsa"),
    ("imaps", None, "rsa"),
    ("pop3", "pop3", "rsa"),
    ("pop3s", None, "ecdsa"),
)
AT_ONCE = 3  # the scanners wait half of their time


def all_of(work, rows):
    """The sentences of all rows, each behind what it is about."""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [(row, pool.submit(work, *row)) for row in rows]
        return [f"{row}: {fault}" for row, job in jobs for fault in job.result()]


class Servers:
    """One server for each kind of key, with a certificate of an authority that is not our own."""

    def __init__(self, kinds, edit=minter.without_rsa_cap):
        self.directory = tempfile.TemporaryDirectory(prefix="postern-scan-ca-")
        self.authority = minter.Authority(os.path.join(self.directory.name, "ca"))
        self.ca = self.authority.ca
        self.by_kind = {}
        for kind in kinds:
            server = self.by_kind[kind] = Server(start=False, edit=edit)
            minter.use(server, self.authority.mint(kind, kind))
            server.start()

    def __enter__(self):
        return self

    def __exit__(self, *why):
        complaints = [server.stop() for server in self.by_kind.values()]
        self.directory.cleanup()
        assert why[0] is not None or not any(complaints), complaints

    def __getitem__(self, kind):
        return self.by_kind[kind]


@harness.slow
def test_testssl_finds_nothing_above_informational():
    harness.need("testssl", "openssl")
    with Servers(("ecdsa", "rsa")) as servers:
        def scan(listener, protocol, kind):
            findings = scanners.testssl(servers[kind].port(listener), servers.ca, protocol)
            return scanners.testssl_faults(findings)

        faults = all_of(scan, ENDPOINTS)
        assert not faults, "\n".join(faults)


@harness.slow
def test_sslscan_finds_what_the_policy_says():
    harness.need("sslscan", "openssl")
    with Servers(("ecdsa", "rsa", "ed25519")) as servers:
        def scan(listener, protocol, kind):
            return scanners.sslscan_faults(scanners.sslscan(servers[kind].port(listener), protocol))

        rows = [(listener, protocol, kind) for listener, protocol, _ in ENDPOINTS
                for kind in servers.by_kind]
        faults = all_of(scan, rows)
        assert not faults, "\n".join(faults)


@harness.slow
def test_sslscan_of_the_modern_profile():
    harness.need("sslscan", "openssl")
    with Servers(("ecdsa",), edit=keys(tls={"server_profile": "modern"})) as servers:
        def scan(listener, protocol):
            root = scanners.sslscan(servers["ecdsa"].port(listener), protocol)
            return scanners.sslscan_faults(root, versions=("1.3",))

        faults = all_of(scan, [row[:2] for row in ENDPOINTS])
        assert not faults, "\n".join(faults)


class WeakServer:
    """What the scanners must complain of: TLS 1.0, CBC, no authentication, renegotiation."""

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="postern-weak-")
        authority = minter.Authority(os.path.join(self.directory.name, "ca"))
        pair = authority.mint("weak", "rsa")
        self.ca = authority.ca
        self.port = harness.free_port()
        self.process = subprocess.Popen(
            ["openssl", "s_server", "-accept", f"127.0.0.1:{self.port}", "-quiet", "-min_protocol",
             "TLSv1", "-cipher", "ALL:@SECLEVEL=0", "-cert", pair.certificate, "-key", pair.key,
             "-client_renegotiation"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        harness.wait_until(lambda: not harness.is_free(self.port), what="openssl s_server listening")
        return self

    def __exit__(self, *why):
        self.process.kill()
        self.process.wait()
        self.directory.cleanup()


@harness.slow
def test_the_scanners_find_a_weak_server():
    harness.need("testssl", "sslscan", "openssl")
    with WeakServer() as weak:
        findings = scanners.testssl(weak.port, weak.ca, sections=("-p", "-s"))
        faults = "\n".join(scanners.testssl_faults(findings, ran=("TLS1", "cipherlist_NULL")))
        for wanted in ("TLS1 is LOW", "TLS1_1 is LOW", "cipherlist_aNULL is CRITICAL",
                       "cipherlist_AVERAGE is LOW"):
            assert wanted in faults, f"{wanted} is not among:\n{faults}"
        assert "PFS did not run" in "\n".join(scanners.testssl_faults(findings))
        faults = "\n".join(scanners.sslscan_faults(scanners.sslscan(weak.port)))
        for wanted in ("'tls 1.0'", "takes AES128-SHA in TLSv1.2", "takes ADH-AES128-SHA in TLSv1.0",
                       "renegotiation: ", "has the groups"):
            assert wanted in faults, f"{wanted!r} is not among:\n{faults}"
