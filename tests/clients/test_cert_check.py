"""postern cert show and postern cert check, on files that openssl made: everything that can be wrong
is told with what to do, and the exit status says whether anything is."""
import contextlib
import os
import shutil
import tempfile

import harness

SERVER = None

HOST = "mail.example.org"
NOW = ("20200101000000Z", "20400101000000Z")
CONFIGURATION = """
[ca]
default_ca = own
[own]
database = {dir}/index.txt
new_certs_dir = {dir}
serial = {dir}/serial
crlnumber = {dir}/crlnumber
default_md = sha256
default_days = 30
default_crl_days = 30
policy = any
unique_subject = no
copy_extensions = none
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = CA:FALSE
keyUsage = digitalSignature
extendedKeyUsage = {purpose}
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
{more}
"""
EC = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
RSA_WEAK = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]


class Lab:
    """A root, an intermediate, and what they sign."""
    def __init__(self, directory):
        harness.need("openssl")
        self.dir = directory
        self.number = 0
        for name, text in (("index.txt", ""), ("serial", "1000\n"), ("crlnumber", "01\n")):
            self.write(name, text)
        self.root = self.sign("Root", None, section="authority")
        self.middle = self.sign("Middle", self.root, section="authority")

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)
        return self.path(name)

    def configure(self, purpose="serverAuth", more=f"subjectAltName = DNS:{HOST}"):
        return self.write("openssl.conf",
                          CONFIGURATION.format(dir=self.dir, purpose=purpose, more=more))

    def sign(self, subject, issuer, section="server", key=EC, dates=NOW, digest="sha256", **more):
        """The paths of a new certificate (alone) and its key."""
        self.number += 1
        conf = self.configure(**more)
        own = (self.path(f"{self.number}.pem"), self.path(f"{self.number}-key.pem"))
        harness.run(["openssl", "genpkey", *key, "-out", own[1]])
        request = self.path(f"{self.number}.csr")
        harness.run(["openssl", "req", "-new", "-config", conf, "-key", own[1], "-utf8",
                     "-subj", f"/CN={subject}", "-out", request])
        by = ["-selfsign", "-keyfile", own[1]] if issuer is None else [
            "-cert", issuer[0], "-keyfile", issuer[1]]
        harness.run(["openssl", "ca", "-batch", "-notext", "-config", conf, *by, "-md", digest,
                     "-extensions", section, "-startdate", dates[0], "-enddate", dates[1],
                     "-in", request, "-out", own[0]])
        return own

    def chain(self, *certificates):
        self.number += 1
        return self.write(f"chain{self.number}.pem",
                          "".join(open(pair[0]).read() for pair in certificates))

    def good(self, **more):
        leaf = self.sign(HOST, self.middle, **more)
        return self.chain(leaf, self.middle), leaf


@contextlib.contextmanager
def lab():
    directory = tempfile.mkdtemp(prefix="postern-cert-")
    try:
        yield Lab(directory)
    finally:
        shutil.rmtree(directory)


def cert(*words, **more):
    return harness.run([harness.BINARY, "cert", *words], check=False, **more)


def check_says(done, status, *texts):
    said = done.text + done.errors
    assert done.returncode == status, f"exit status {done.returncode}, wanted {status}: {said}"
    for text in texts:
        assert text in said, f"no {text!r} in: {said}"


def check_wrong(ca, words, step, sentence):
    done = cert("check", *words, "--ca", ca)
    check_says(done, 1, sentence)
    lines = done.text.splitlines()
    wrong = [i for i, line in enumerate(lines) if line.startswith("WRONG")]
    assert [lines[i].split()[1] for i in wrong] == [step], done.text
    assert "what to do: " in lines[wrong[0] + 1], done.text


def test_a_good_certificate():
    with lab() as made:
        chain, leaf = made.good()
        done = cert("check", chain, "--key", leaf[1], "--host", HOST, "--ca", made.root[0])
        check_says(done, 0, "leads to CN=Root through 1 intermediate", "days left", "key pin",
                   "  CN=mail.example.org (certificate 1)\n  `- CN=Middle (certificate 2)\n"
                   "     `- CN=Root (trusted authority)\n")
        assert "WRONG" not in done.text and "\033" not in done.text, done.text


def test_each_thing_that_can_be_wrong():
    past, future = ("20200101000000Z", "20210101000000Z"), ("20390101000000Z", "20400101000000Z")
    with lab() as made:
        ca = made.root[0]
        for words, step, sentence in (
                ({"dates": past}, "dates", "has expired: valid until 2021-01-01 00:00:00 UTC"),
                ({"dates": future}, "dates", "not valid yet: valid from 2039-01-01 00:00:00 UTC"),
                ({"key": RSA_WEAK}, "strength", "too weak: the key is RSA, 1024 bits"),
                ({"digest": "sha1"}, "strength", "too weak: signed with ECDSA-SHA1"),
                ({"purpose": "clientAuth"}, "purpose", "not for this purpose"),
                ({"more": ""}, "name", "no subject alternative name"),
                ({"more": "subjectAltName = DNS:other.example"}, "name",
                 "wanted mail.example.org, it names other.example")):
            chain, leaf = made.good(**words)
            check_wrong(ca, [chain, "--host", HOST, "--key", leaf[1]], step, sentence)
        chain, leaf = made.good(more="")
        check_wrong(ca, [chain], "names", "no subject alternative name")
        chain, leaf = made.good()
        check_wrong(ca, [chain, "--key", made.root[1]], "key", "is the key of another certificate")
        check_wrong(ca, [chain, "--key", leaf[0]], "key", "could not read a private key")
        check_wrong(ca, [chain, "--purpose", "client"], "purpose", "a TLS client")
        check_wrong(made.middle[0], [made.sign(HOST, None)[0]], "chain", "self-signed")
        stranger = made.sign("Stranger", None, section="authority")
        check_wrong(stranger[0], [chain], "chain", "not among the trusted ones")


def test_missing_intermediate_and_wrong_order():
    with lab() as made:
        url = f"subjectAltName = DNS:{HOST}\nauthorityInfoAccess = caIssuers;URI:http://ca.invalid/"
        leaf = made.sign(HOST, made.middle, more=url)
        check_wrong(made.root[0], [leaf[0]], "chain", "an intermediate certificate is missing")
        other = made.sign("Other Middle", made.root, section="authority")
        leaf = made.sign(HOST, made.middle)
        check_wrong(made.root[0], [made.chain(leaf, other)], "chain",
                    "the intermediate that was sent is another one")
        low = made.sign("Low", made.middle, section="authority")
        leaf = made.sign(HOST, low)
        check_wrong(made.root[0], [made.chain(leaf, made.middle, low)], "order", "not in order")
        check_says(cert("check", made.chain(leaf, low, made.middle), "--ca", made.root[0]), 0)


def test_revocation_lists():
    with lab() as made:
        chain, leaf = made.good()
        conf = made.configure()
        crl = made.path("crl.pem")
        by = ["-config", conf, "-cert", made.middle[0], "-keyfile", made.middle[1]]
        words = ["check", chain, "--ca", made.root[0], "--crl", crl]
        harness.run(["openssl", "ca", "-gencrl", *by, "-out", crl])
        check_says(cert(*words), 0, "not in the revocation lists")
        harness.run(["openssl", "ca", "-revoke", leaf[0], *by])
        harness.run(["openssl", "ca", "-gencrl", *by, "-out", crl])
        check_wrong(made.root[0], [chain, "--crl", crl], "revocation", "is revoked")
        check_says(cert("check", crl), 1, "is a revocation list", "--crl")


def staple(made, leaf, out, *more):
    """What openssl's responder says of the leaf, from its index."""
    request = made.path("request.der")
    harness.run(["openssl", "ocsp", "-issuer", made.middle[0], "-cert", leaf[0], "-no_nonce",
                 "-reqout", request])
    harness.run(["openssl", "ocsp", "-index", made.path("index.txt"), "-CA", made.middle[0],
                 "-rsigner", made.middle[0], "-rkey", made.middle[1], "-reqin", request,
                 "-respout", out, *more])


def test_staples():
    with lab() as made:
        chain, leaf = made.good(more=f"subjectAltName = DNS:{HOST}\ntlsfeature = status_request")
        _, other = made.good()
        out = made.path("staple.der")
        words = [chain, "--staple", out]
        staple(made, leaf, out, "-ndays", "3")
        check_says(cert("check", *words, "--ca", made.root[0]), 0, "must-staple  yes",
                   "not revoked, says the response")
        staple(made, other, out, "-ndays", "3")
        check_wrong(made.root[0], words, "revocation", "it is about another certificate")
        harness.run(["openssl", "ca", "-config", made.configure(), "-cert", made.middle[0],
                     "-keyfile", made.middle[1], "-revoke", leaf[0]])
        staple(made, leaf, out, "-ndays", "3")
        check_wrong(made.root[0], words, "revocation", "is revoked")


def test_what_is_no_certificate():
    with lab() as made:
        chain, leaf = made.good()
        der, p7, pfx = made.path("x.der"), made.path("x.p7b"), made.path("x.p12")
        harness.run(["openssl", "x509", "-in", leaf[0], "-outform", "der", "-out", der])
        harness.run(["openssl", "crl2pkcs7", "-nocrl", "-certfile", chain, "-out", p7])
        harness.run(["openssl", "pkcs12", "-export", "-in", leaf[0], "-inkey", leaf[1], "-out", pfx,
                     "-passout", "pass:"])
        for file, sentence in (
                (leaf[1], "is a private key, not a certificate"),
                (leaf[0].replace(".pem", ".csr"), "is a signing request, not a certificate"),
                (der, "is a certificate in DER"), (p7, "is a PKCS#7 bundle"), (pfx, "is binary"),
                (made.write("empty", ""), "is empty"),
                (made.write("note", "hello\n"), "holds no certificate"),
                (made.write("cut", open(chain).read()[:300]), "damaged or cut"),
                (made.write("many", open(chain).read() * 9), "more than 16 certificates"),
                (made.path("nowhere"), "nowhere")):
            for word in ("show", "check"):
                check_says(cert(word, file), 1, sentence)


def test_show_says_what_there_is_and_escapes_it():
    with lab() as made:
        chain, _ = made.good()
        odd = made.sign("a\033[31mb", made.middle)
        done = cert("show", chain, odd[0])
        check_says(done, 0, "certificate 2 of 2", "names        mail.example.org", "CN=Middle",
                   "key          ECDSA, 256 bits, SECP256R1", "purposes     TLS server")
        assert "\033" not in done.text, done.text
        check_says(cert("show", chain, made.path("nowhere")), 1, "CN=mail.example.org", "nowhere")


def test_calls_that_make_no_sense():
    for words in (["show"], ["check"], ["check", "a", "b"], ["check", "a", "--purpose", "mail"],
                  ["check", "a", "--nonsense"], ["show", "--nonsense"]):
        check_says(cert(*words), 2, "--help")
    for word in ("show", "check"):
        check_says(cert(word, "--help"), 0, f"postern cert {word}")
