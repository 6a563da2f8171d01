"""testssl.sh and sslscan: how they are run, and what in their findings is not as it must be."""
import json
import os
import signal
import subprocess
import tempfile
import xml.etree.ElementTree

import harness

# What each says of a server that offers TLS and nothing else wrong, to know that a scan went through:
# a finding of the first and the last check of each section.
TESTSSL_RAN = ("SSLv2", "TLS1_2", "TLS1_3", "cipherlist_NULL", "cipherlist_STRONG",
               "PFS", "PFS_ECDHE_curves", "cipher_order", "TLS_session_ticket", "cert_chain_of_trust",
               "cert_validityPeriod", "heartbleed", "CCS", "ROBOT", "secure_renego",
               "secure_client_renego", "CRIME_TLS", "fallback_SCSV", "SWEET32", "LOGJAM", "BEAST",
               "LUCKY13", "RC4")
SECTIONS = ("-p", "-s", "-f", "-P", "-S", "-U")

# Findings above informational that say nothing against the server, each with its reason. Only what
# this list names by its exact id passes.
TESTSSL_ALLOWED = {
    "cert_revocation": "a private authority without a public place for revocation lists",
    "engine_problem": "of the scanner's own openssl: no GOST engine",
    "service": "implicit TLS: the scanner only knows HTTP and leaves those checks out",
}
FINE = ("OK", "INFO")


def testssl(port, ca, protocol=None, sections=SECTIONS, seconds=600):
    """The findings, id -> (severity, text); ids that come twice are numbered."""
    harness.need("testssl")
    words = ["testssl", "--quiet", "--color=0", "--warnings=batch", "--nodns=none", "--ip=127.0.0.1",
             "--connect-timeout=20", "--openssl-timeout=20"]
    words += [f"--add-ca={ca}"] if ca else []
    words += ["-t", protocol] if protocol else []
    with tempfile.TemporaryDirectory(prefix="postern-scan-") as directory:
        file = os.path.join(directory, "findings.json")
        # Its exit status counts findings; what matters is whether it wrote them all.
        said = run_group([*words, f"--jsonfile={file}", *sections, f"localhost:{port}"], directory,
                         seconds)
        assert os.path.exists(file), f"testssl wrote no findings:\n{said}"
        with open(file) as f:
            text = f.read()
    try:
        rows = json.loads(text)
    except ValueError:
        raise AssertionError(f"testssl broke off:\n{said}\n{text[-500:]}") from None
    findings = {}
    for row in rows:
        name = row["id"].split(" ")[0]
        while name in findings:
            name += "+"
        findings[name] = (row["severity"], row["finding"])
    return findings


def run_group(words, directory, seconds):
    """What a script of many processes says; when its time is over all of them are ended."""
    with open(os.path.join(directory, "said"), "w+b") as said:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=said,
                                   stderr=subprocess.STDOUT, cwd=directory, start_new_session=True)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise AssertionError(f"{' '.join(words)}: not done within {seconds} s") from None
        finally:
            said.seek(0)
            text = said.read().decode("utf-8", "replace")
    return text


def testssl_faults(findings, ran=TESTSSL_RAN):
    """Sentences: checks that did not run, and findings that are neither fine nor allowed."""
    faults = [f"the check {name} did not run" for name in ran if name not in findings]
    for name, (severity, text) in findings.items():
        if severity not in FINE and name.rstrip("+") not in TESTSSL_ALLOWED:
            faults.append(f"{name} is {severity}: {text}")
    return faults


def sslscan(port, protocol=None, seconds=120):
    """The root of its report."""
    harness.need("sslscan")
    starttls = [f"--starttls-{protocol}"] if protocol else []
    done = harness.run(["sslscan", "--ipv4", "--no-colour", "--show-sigs", "--timeout=20", "--xml=-",
                        "--sni-name=localhost", *starttls, f"localhost:{port}"], timeout=seconds)
    # It says some things in the middle of the report that are no XML.
    text = "\n".join(line for line in done.text.splitlines() if line.lstrip().startswith("<")
                     or "]]>" in line)
    return xml.etree.ElementTree.fromstring(text)


GROUPS = {"x25519", "secp256r1 (NIST P-256)", "secp384r1 (NIST P-384)"}
AEAD_12 = ("-GCM-SHA256", "-GCM-SHA384", "-CHACHA20-POLY1305")
# Compression is only looked at where the scanner's OpenSSL has it, which Debian's has not:
# test_tls_rules.py looks itself.
SSLSCAN_MUST_BE_0 = (("renegotiation", "supported"), ("compression", "supported"),
                     ("heartbleed", "vulnerable"))
SUITES_13 = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}


def is_fit_suite(version, name):
    if version == "TLSv1.3":
        return name in SUITES_13
    return version == "TLSv1.2" and name.startswith("ECDHE-") and name.endswith(AEAD_12)


def sslscan_faults(root, versions=("1.2", "1.3")):
    """Sentences: what the server offers and should not, and what it should and does not."""
    faults = []
    offered = {f"{p.get('type')} {p.get('version')}" for p in root.iter("protocol")
               if p.get("enabled") == "1"}
    wanted = {f"tls {version}" for version in versions}
    if offered != wanted:
        faults.append(f"offers {sorted(offered)}, not {sorted(wanted)}")
    suites = [(c.get("sslversion"), c.get("cipher")) for c in root.iter("cipher")]
    faults += [f"takes {suite} in {version}" for version, suite in suites
               if not is_fit_suite(version, suite)]
    faults += [f"has no cipher in TLSv{version}" for version in versions
               if f"TLSv{version}" not in {v for v, _ in suites}]
    groups = {g.get("name") for g in root.iter("group")}
    if groups != GROUPS:
        faults.append(f"has the groups {sorted(groups)}, not {sorted(GROUPS)}")
    faults += [f"signs with {s.get('name')}" for s in root.iter("connection-signature-algorithm")
               if "sha1" in s.get("name") or "md5" in s.get("name") or "any" in s.get("name").lower()]
    for check, attribute in SSLSCAN_MUST_BE_0:
        faults += [f"{check}: {row.attrib}" for row in root.iter(check) if row.get(attribute) != "0"]
    faults += [f"the check {check} did not run" for check in ("renegotiation", "heartbleed", "pk")
               if root.find(f".//{check}") is None]
    # It does not know Ed25519 keys, so it calls them unknown.
    faults += [f"has a weak key: {pk.attrib}" for pk in root.iter("pk")
               if pk.get("error") != "false" and pk.get("type") != "unknown"]
    return faults
