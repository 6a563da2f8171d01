"""postern cert: what makes keys, certificates and lists, judged by openssl and certtool. What shows
and checks them is in test_cert_check.py."""
import contextlib
import hashlib
import os
import re
import resource
import signal
import socket
import ssl
import stat
import subprocess
import tempfile
import threading

import harness
from harness import Server

SERVER = None
WORDS = ("ca", "csr", "sign", "self-signed", "renew", "revoke", "crl")


class Place:
    """A directory in which commands run; file names are relative to it."""
    def __init__(self, directory):
        harness.need("openssl")
        self.dir = directory

    def path(self, name):
        return os.path.join(self.dir, name)

    def cert(self, *words, **more):
        return harness.run([harness.BINARY, "cert", *words], cwd=self.dir, **more)

    def refuse(self, sentence, *words, status=1):
        """The command does not work, says why, and changes nothing."""
        before = self.everything()
        done = self.cert(*words, check=False)
        assert done.returncode == status, (words, done.returncode, done.text, done.errors)
        assert sentence in done.errors, (words, sentence, done.errors)
        assert not done.text, done.text
        assert self.everything() == before, (words, "something was changed")

    def everything(self):
        found = {}
        for folder, _, names in os.walk(self.dir):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.islink(path):
                    found[path] = os.readlink(path)
                    continue
                with open(path, "rb") as f:
                    found[path] = (hashlib.sha256(f.read()).hexdigest(), os.stat(path).st_mode)
        return found

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as f:
            return f.read()

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        return self.path(name)

    def openssl(self, *words, **more):
        return harness.run(["openssl", *words], cwd=self.dir, **more)

    def text(self, name):
        return self.openssl("x509", "-in", name, "-noout", "-text", "-nameopt", "RFC2253").text

    def serial(self, name):
        return self.openssl("x509", "-in", name, "-noout", "-serial").text.strip()[7:].lower()

    def verify(self, name, *more, ca="postern-ca", check=True):
        """The file as a server sends it, against the root alone."""
        return self.openssl("verify", "-x509_strict", "-CAfile", f"{ca}/root.pem", "-untrusted",
                            name, *more, name, check=check)

    def modes(self, *names):
        return [stat.S_IMODE(os.stat(self.path(name)).st_mode) for name in names]

    def fits(self, certificate, key):
        public = self.openssl("x509", "-in", certificate, "-noout", "-pubkey").text
        return public == self.openssl("pkey", "-in", key, "-pubout").text


@contextlib.contextmanager
def place(authority=True, *words):
    with tempfile.TemporaryDirectory(prefix="postern-cert-") as directory:
        it = Place(directory)
        if authority:
            it.cert("ca", "--name", "Example Org", *words)
        yield it


def test_every_word_has_help_with_an_example():
    for word in WORDS:
        for option in ("--help", "-h"):
            done = harness.run([harness.BINARY, "cert", word, option])
            assert re.search(rf"Example: postern cert {word} ", done.text) and not done.errors, word
        done = harness.run([harness.BINARY, "cert", word, "--nonsense"], check=False)
        assert done.returncode == 2 and f"postern cert {word} --help" in done.errors, done.errors
        assert word in harness.run([harness.BINARY, "cert", "--help"]).text
    done = harness.run([harness.BINARY, "cert", "nonsense"], check=False)
    assert done.returncode == 2 and 'no command "cert nonsense"' in done.errors


# ---- The authority ---------------------------------------------------------------------------


def test_an_authority_has_a_root_and_an_intermediate():
    with place(False) as it:
        told = it.cert("ca", "--name", "Example Org").text
        assert "root-key.pem      is not needed from now on" in told, told
        assert "next: postern cert sign" in told, told
        names = ["root.pem", "root-key.pem", "intermediate.pem", "intermediate-key.pem",
                 "chain.pem", "crl.pem", "index", "crl-number"]
        assert sorted(os.listdir(it.path("postern-ca"))) == sorted(names)
        for name in names:
            wanted = 0o600 if "-key" in name else 0o644
            assert it.modes("postern-ca/" + name) == [wanted], name
        root, middle = it.text("postern-ca/root.pem"), it.text("postern-ca/intermediate.pem")
        assert "CN=Example Org Root,O=Example Org" in root, root
        assert "CA:TRUE, pathlen:1" in root and "CA:TRUE, pathlen:0" in middle
        for text in (root, middle):
            assert "Key Usage: critical\n                Certificate Sign, CRL Sign" in text, text
            assert "ecdsa-with-SHA256" in text and "prime256v1" in text
        it.openssl("verify", "-x509_strict", "-CAfile", "postern-ca/root.pem",
                   "postern-ca/intermediate.pem")
        chain = it.read("postern-ca/intermediate.pem") + it.read("postern-ca/root.pem")
        assert it.read("postern-ca/chain.pem") == chain
        for name in ("root", "intermediate"):
            assert it.fits(f"postern-ca/{name}.pem", f"postern-ca/{name}-key.pem")


def test_an_authority_is_never_overwritten_and_never_half_made():
    with place() as it:
        it.refuse("postern-ca exists and is not empty", "ca", "--name", "Other")
        it.refuse("No such file or directory", "ca", "--name", "Other", "--dir", "none/here")
        os.mkdir(it.path("empty"))
        it.cert("ca", "--name", "Other", "--dir", "empty/")
        it.write("file", "")
        it.refuse("could not look into file", "ca", "--name", "Other", "--dir", "file")
        # Killed at any moment, the directory is whole or not there.
        for number in range(12):
            name = f"killed{number}"
            process = subprocess.Popen([harness.BINARY, "cert", "ca", "--name", "X", "--dir", name],
                                       cwd=it.dir, stdout=subprocess.DEVNULL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.002 * number)
            process.kill()
            process.wait()
            if os.path.exists(it.path(name)):
                assert len(os.listdir(it.path(name))) == 8, name


def test_an_authority_that_is_called_wrongly_is_not_made():
    with place(False) as it:
        it.refuse("expected --name", "ca", status=2)
        for name in ("", "x" * 49, "a\nb", "\udcff"):
            it.refuse("--name wants the authority's name", "ca", "--name", name, status=2)
        for years in ("0", "31", "-1", "ten", ""):
            it.refuse("--years wants a number from 1 to 30", "ca", "--name", "X", "--years", years,
                      status=2)
        it.refuse("--key-type wants ecdsa", "ca", "--name", "X", "--key-type", "dsa", status=2)
        it.refuse("takes only options", "ca", "--name", "X", "Y", status=2)
        it.refuse("unrecognized option", "ca", "--name", "X", "--days", "5", status=2)


def test_each_key_type_makes_an_authority_that_signs():
    kinds = {"ecdsa": "prime256v1", "rsa": "(2048 bit)", "rsa-3072": "(3072 bit)",
             "ed25519": "ED25519"}
    for kind, shown in kinds.items():
        with place(True, "--key-type", kind, "--years", "1") as it:
            assert shown in it.text("postern-ca/intermediate.pem"), kind
            assert shown in it.text("postern-ca/root.pem"), kind
            it.cert("sign", "--name", "a.example.org", "--out", "a.pem", "--out-key", "a-key.pem",
                    "--key-type", kind)
            assert shown in it.text("a.pem"), kind
            it.cert("crl")
            it.verify("a.pem", "-crl_check", "-CRLfile", "postern-ca/crl.pem")
            it.openssl("crl", "-in", "postern-ca/crl.pem", "-CAfile", "postern-ca/chain.pem",
                       "-noout")


def test_all_works_without_the_root_key():
    with place() as it:
        os.unlink(it.path("postern-ca/root-key.pem"))
        it.cert("sign", "--name", "a.example.org", "--out", "a.pem", "--out-key", "a-key.pem")
        it.cert("renew", "a.pem")
        it.cert("revoke", "a.pem")
        it.cert("crl")
        it.verify("a.pem")


def test_the_intermediate_is_renewed_with_the_root_key():
    with place(True, "--years", "8") as it:
        it.cert("sign", "--name", "a.example.org", "--out", "a.pem", "--out-key", "k.pem")
        it.cert("revoke", "a.pem")
        it.cert("sign", "--name", "b.example.org", "--out", "b.pem", "--out-key", "kb.pem")
        os.rename(it.path("postern-ca/root-key.pem"), it.path("stick.pem"))
        middle, serial = "postern-ca/intermediate.pem", it.serial("postern-ca/intermediate.pem")
        before = it.read(middle)
        it.refuse("could not open postern-ca/root-key.pem", "ca", "--renew")
        it.refuse("is not the key of", "ca", "--renew", "--root-key", "k.pem")
        it.refuse("at most 5 years", "ca", "--renew", "--years", "6", status=2)
        it.refuse("leave --name out", "ca", "--renew", "--name", "X", status=2)
        it.refuse("goes with --renew", "ca", "--name", "X", "--root-key", "stick.pem", status=2)
        it.cert("ca", "--renew", "--root-key", "stick.pem", "--years", "4")
        assert it.serial(middle) != serial and it.read(middle + ".old") == before
        assert abs(lifetime_s(it, middle) - 4 * 365 * 86400 - 300) <= 2
        assert it.read("postern-ca/chain.pem") == it.read(middle) + it.read("postern-ca/root.pem")
        assert "CA:TRUE, pathlen:0" in it.text(middle)
        # Old leaves and lists go with the new certificate, new leaves with the old one.
        it.openssl("verify", "-x509_strict", "-CAfile", "postern-ca/root.pem", "-untrusted", middle,
                   "-crl_check", "-CRLfile", "postern-ca/crl.pem", "b.pem")
        it.verify("b.pem", "-crl_check", "-CRLfile", "postern-ca/crl.pem")
        it.cert("sign", "--name", "c.example.org", "--out", "c.pem", "--out-key", "kc.pem")
        it.verify("c.pem")
        it.openssl("verify", "-CAfile", "postern-ca/root.pem", "-untrusted", middle + ".old",
                   "c.pem")
        it.cert("renew", "b.pem")
    with place(True, "--years", "2") as it:
        it.refuse("the root ends before that", "ca", "--renew", "--years", "3")


# ---- Certificates ----------------------------------------------------------------------------


def test_a_pair_is_made_at_once():
    with place() as it:
        told = it.cert("sign", "--name", "mail.example.org", "--name", "*.example.org", "--name",
                       "MAIL.example.org", "--name",
                       "127.0.0.1", "--name", "::1", "--out", "s.pem", "--out-key", "k.pem").text
        assert f'certificate = "{os.path.realpath(it.path("s.pem"))}";' in told, told
        assert f'key = "{os.path.realpath(it.path("k.pem"))}";' in told, told
        assert it.modes("s.pem", "k.pem") == [0o644, 0o600]
        assert it.fits("s.pem", "k.pem")
        assert it.read("s.pem").count("BEGIN CERTIFICATE") == 2
        assert it.read("s.pem").endswith(it.read("postern-ca/intermediate.pem"))
        text = it.text("s.pem")
        assert "DNS:mail.example.org, DNS:*.example.org, IP Address:127.0.0.1, " \
               "IP Address:0:0:0:0:0:0:0:1" in text, text
        assert "CA:FALSE" in text and "Digital Signature" in text
        assert "TLS Web Server Authentication" in text and "Client Auth" not in text
        assert it.serial("s.pem") in told and it.serial("s.pem") in it.read("postern-ca/index")
        for host in ("mail.example.org", "x.example.org"):
            it.verify("s.pem", "-purpose", "sslserver", "-verify_hostname", host)
        it.verify("s.pem", "-verify_ip", "::1")
        assert it.verify("s.pem", "-purpose", "sslclient", check=False).returncode != 0
        assert it.verify("s.pem", "-verify_hostname", "example.net", check=False).returncode != 0


def test_purposes_and_people():
    with place() as it:
        rows = (("server", ["--name", "a.example.org"], True, False, 90),
                ("client", ["--name", "a.example.org"], False, True, 365),
                ("both", ["--name", "a.example.org", "--name", "a@example.org"], True, True, 90),
                (None, ["--name", "alice@example.org"], False, True, 365))
        for number, (purpose, names, is_server, is_client, days) in enumerate(rows):
            out, key = f"{number}.pem", f"{number}-key.pem"
            more = ["--purpose", purpose] if purpose else []
            told = it.cert("sign", *names, *more, "--out", out, "--out-key", key).text
            text = it.text(out)
            assert ("TLS Web Server Authentication" in text) == is_server, purpose
            assert ("TLS Web Client Authentication" in text) == is_client, purpose
            assert ("client_certificate =" in told) == (not is_server), told
            assert abs(lifetime_s(it, out) - days * 86400 - 300) <= 2, purpose
            for name in names[1::2]:
                assert ("email:" if "@" in name else "DNS:") + name in text, text
            side = "sslserver" if is_server else "sslclient"
            it.verify(out, "-purpose", side)


def lifetime_s(it, name):
    dates = it.openssl("x509", "-in", name, "-noout", "-startdate", "-enddate").text
    first, last = (ssl.cert_time_to_seconds(d) for d in re.findall(r"=(.*)", dates))
    return last - first


def test_what_no_certificate_should_say_is_refused():
    files = ["--out", "a.pem", "--out-key", "k.pem"]
    with place() as it:
        for name, sentence in (("bücher.example", "xn--"), ("a_b.example.org", "write a host name"),
                               ("a.example.org.", "leave the dot"), ("*.org", "two labels"),
                               ("1.2.3", "must not be a number"), ("", "it is empty"),
                               ("a@", "behind the @")):
            for word in ("sign", "csr", "self-signed"):
                it.refuse(sentence, word, "--name", name, *files, status=2)
        host = ["--name", "a.example.org"]
        it.refuse("needs a host name", "sign", "--name", "a@example.org", "--purpose", "both",
                  *files, status=2)
        it.refuse("does not name a server", "sign", *host, "--name", "a@example.org", *files,
                  status=2)
        it.refuse("at most 397", "sign", *host, *files, "--days", "398", status=2)
        it.refuse("at most 1095", "sign", *host, *files, "--purpose", "client", "--days", "1096",
                  status=2)
        it.refuse("--purpose wants", "sign", *host, *files, "--purpose", "mail", status=2)
        it.refuse("--crl-url wants", "sign", *host, *files, "--crl-url", "ldap://x", status=2)
        it.refuse("too many names", "sign",
                  *(w for n in range(101) for w in ("--name", f"h{n}.example.org")), *files,
                  status=2)
        it.refuse("expected a REQUEST", "sign", *host, "--out", "a.pem", status=2)
        it.refuse("expected --out", "sign", *host, "--out-key", "k.pem", status=2)
        it.refuse("postern cert ca makes one", "sign", *host, *files, "--dir", "nowhere")
        it.refuse("go together", "sign", *host, *files, "--ca", "postern-ca/root.pem", status=2)
        it.cert("sign", *host, *files, "--days", "397")
        assert abs(lifetime_s(it, "a.pem") - 397 * 86400 - 300) <= 2


def test_nothing_is_overwritten():
    host = ["--name", "a.example.org"]
    with place() as it:
        it.write("there", "precious")
        os.symlink("nowhere", it.path("link"))
        it.cert("csr", *host, "--out", "a.csr", "--out-key", "a-key.pem")
        for old in ("there", "link", "postern-ca/intermediate-key.pem"):
            for word in ("sign", "csr", "self-signed"):
                it.refuse(f"{old} exists", word, *host, "--out", "new", "--out-key", old)
                it.refuse(f"{old} exists", word, *host, "--out", old, "--out-key", "new")
            it.refuse(f"{old} exists", "sign", "a.csr", "--out", old)
        # A key that lost its certificate would lie about for ever.
        done = it.cert("csr", *host, "--out", "no/where", "--out-key", "lonely", check=False)
        assert done.returncode == 1 and not os.path.exists(it.path("lonely"))


def test_a_leaf_ends_with_its_authority():
    with place(False) as it:
        it.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca-key.pem", "-subj",
                   "/CN=Short", "-days", "10", "-out", "ca.pem")
        more = ["--ca", "ca.pem", "--ca-key", "ca-key.pem", "--name", "a.example.org"]
        it.refuse("longer than the authority's own", "sign", *more, "--out", "a.pem", "--out-key",
                  "k.pem", "--days", "11")
        told = it.cert("sign", *more, "--out", "b.pem", "--out-key", "kb.pem", "--days", "9").text
        assert "note:" not in told, told
        told = it.cert("sign", *more, "--out", "a.pem", "--out-key", "k.pem").text
        assert "note: it ends with the authority's own certificate" in told, told
        ends = [it.openssl("x509", "-in", name, "-noout", "-enddate").text
                for name in ("a.pem", "ca.pem")]
        assert ends[0] == ends[1], ends
        it.openssl("verify", "-CAfile", "ca.pem", "a.pem", "b.pem")
        # An authority that has ended signs nothing more.
        it.openssl("x509", "-req", "-in", it.write("ended.csr", it.openssl(
            "req", "-new", "-key", "ca-key.pem", "-subj", "/CN=Short").text), "-signkey",
                   "ca-key.pem", "-days", "-1", "-out", "ended.pem", "-extfile",
                   it.write("ext", "basicConstraints = critical, CA:TRUE\n"))
        it.refuse("the authority's certificate ended on", "sign", "--ca", "ended.pem", *more[2:],
                  "--out", "c.pem", "--out-key", "kc.pem")


def test_urls_and_must_staple_stand_in_the_certificate():
    with place() as it:
        it.cert("sign", "--name", "a.example.org", "--out", "a.pem", "--out-key", "k.pem",
                "--must-staple", "--ocsp-url", "http://ocsp.example.org/",
                "--crl-url", "http://pki.example.org/crl.pem",
                "--issuer-url", "https://pki.example.org/ca.der")
        for round_ in ("made", "renewed"):
            text = it.text("a.pem")
            assert "TLS Feature: \n                status_request" in text, (round_, text)
            assert "OCSP - URI:http://ocsp.example.org/" in text, round_
            assert "CA Issuers - URI:https://pki.example.org/ca.der" in text, round_
            assert "URI:http://pki.example.org/crl.pem" in text, round_
            it.cert("renew", "a.pem")


def test_self_signed():
    for kind in ("ecdsa", "rsa", "ed25519"):
        with place(False) as it:
            it.cert("self-signed", "--name", "localhost", "--name", "127.0.0.1", "--out", "s.pem",
                    "--out-key", "k.pem", "--key-type", kind, "--days", "7")
            assert it.fits("s.pem", "k.pem") and it.modes("k.pem") == [0o600]
            assert abs(lifetime_s(it, "s.pem") - 7 * 86400 - 300) <= 2
            it.openssl("verify", "-CAfile", "s.pem", "-purpose", "sslserver", "-verify_hostname",
                       "localhost", "s.pem")
            it.refuse("it is self-signed: --key", "renew", "s.pem", status=2)
            before = it.serial("s.pem")
            it.cert("renew", "s.pem", "--key", "k.pem")
            assert it.fits("s.pem", "k.pem") and it.serial("s.pem") != before
            it.cert("renew", "s.pem", "--key", "k.pem", "--new-key")
            assert it.fits("s.pem", "k.pem") and not it.fits("s.pem.old", "k.pem")
            it.openssl("verify", "-CAfile", "s.pem", "-verify_hostname", "localhost", "s.pem")


# ---- Requests --------------------------------------------------------------------------------


def test_requests_are_made_and_signed():
    for kind in ("ecdsa", "rsa-3072", "ed25519"):
        with place() as it:
            told = it.cert("csr", "--name", "a.example.org", "--name", "::1", "--name",
                           "a@example.org", "--out", "a.csr", "--out-key", "k.pem", "--key-type",
                           kind, "--must-staple").text
            assert "postern cert check" in told and "it stays here" in told, told
            assert it.modes("k.pem") == [0o600]
            shown = it.openssl("req", "-in", "a.csr", "-verify", "-noout", "-text")
            assert "verify OK" in shown.text + shown.errors
            assert "DNS:a.example.org, IP Address:0:0:0:0:0:0:0:1, email:a@example.org" \
                in shown.text, shown.text
            assert "status_request" in shown.text
            told = it.cert("sign", "a.csr", "--purpose", "both", "--out", "a.pem").text
            assert "left out must-staple" in told, told
            assert it.fits("a.pem", "k.pem") and "status_request" not in it.text("a.pem")
            it.verify("a.pem", "-purpose", "sslserver", "-verify_hostname", "a.example.org")


def test_names_of_a_request_are_limited():
    with place() as it:
        it.cert("csr", "--name", "a.example.org", "--name", "b.example.org", "--out", "a.csr",
                "--out-key", "k.pem")
        told = it.cert("sign", "a.csr", "--name", "A.example.org", "--name", "c.example.org",
                       "--out", "a.pem").text
        assert "left out b.example.org" in told and "added c.example.org" in told, told
        assert "a.example.org, which" not in told.lower().replace("left out b.", ""), told
        text = it.text("a.pem")
        assert "DNS:A.example.org, DNS:c.example.org" in text and "b.example.org" not in text
        it.refuse("leave --out-key out", "sign", "a.csr", "--out", "b.pem", "--out-key", "k2",
                  status=2)


def test_a_request_gets_only_what_the_authority_grants():
    with place() as it:
        it.write("conf", "[req]\ndistinguished_name = dn\nreq_extensions = more\nprompt = no\n"
                         "[dn]\nO = Evil Corp\nCN = mx.example.org\n[more]\n"
                         "basicConstraints = critical, CA:TRUE\nkeyUsage = keyCertSign, cRLSign\n"
                         "extendedKeyUsage = codeSigning\nnameConstraints = permitted;DNS:evil\n"
                         "subjectAltName = DNS:mx.example.org, URI:https://evil/\n")
        it.openssl("req", "-new", "-config", "conf", "-newkey", "rsa:2048", "-nodes", "-keyout",
                   "k.pem", "-out", "evil.csr")
        told = it.cert("sign", "evil.csr", "--out", "a.pem").text
        assert "left out 1 names that are neither" in told, told
        text = it.text("a.pem")
        for wish in ("CA:TRUE", "Certificate Sign", "Code Signing", "evil", "Evil"):
            assert wish not in text, (wish, text)
        assert "CA:FALSE" in text and "Subject: CN=mx.example.org" in text


def test_bad_requests_are_refused():
    with place() as it:
        for name, key in (("rsa", ["rsa:1024"]), ("dsa", None)):
            if key is None:
                it.openssl("dsaparam", "-genkey", "-out", "dsa-key.pem", "2048")
                key = ["-key", "dsa-key.pem"]
            else:
                key = ["-newkey", *key, "-nodes", "-keyout", name + "-key.pem"]
            it.openssl("req", "-new", *key, "-subj", "/CN=mx.example.org", "-out", name + ".csr")
            it.refuse("a key that is not signed here", "sign", name + ".csr", "--out", "a.pem")
        it.cert("csr", "--name", "mx.example.org", "--out", "good.csr", "--out-key", "k.pem")
        der = bytearray(it.openssl("req", "-in", "good.csr", "-outform", "DER").stdout)
        at = der.index(b"mx.example.org")
        der[at:at + 2] = b"my"
        with open(it.path("changed.der"), "wb") as f:
            f.write(der)
        it.openssl("req", "-inform", "DER", "-in", "changed.der", "-out", "changed.csr")
        it.refuse("is not signed by the key that it is for", "sign", "changed.csr", "--out", "a.pem")
        it.write("empty", "")
        it.write("large", "A" * 70000)
        it.refuse("could not read a signing request", "sign", "empty", "--out", "a.pem")
        it.refuse("larger than 65536 bytes", "sign", "large", "--out", "a.pem")
        it.refuse("could not open nothing", "sign", "nothing", "--out", "a.pem")
        it.refuse("could not read a signing request", "sign", "postern-ca/root.pem", "--out",
                  "a.pem")


# ---- Renewal ---------------------------------------------------------------------------------


def test_renewal_keeps_what_is_not_to_change():
    with place() as it:
        it.cert("sign", "--name", "a.example.org", "--name", "127.0.0.1", "--purpose", "both",
                "--key-type", "rsa", "--days", "200", "--out", "a.pem", "--out-key", "k.pem")
        os.chmod(it.path("k.pem"), 0o640)
        before, key, serial = it.read("a.pem"), it.read("k.pem"), it.serial("a.pem")
        names = it.openssl("x509", "-in", "a.pem", "-noout", "-ext",
                           "subjectAltName,extendedKeyUsage").text
        it.cert("renew", "a.pem")
        assert it.read("a.pem.old") == before and it.read("k.pem") == key
        assert it.serial("a.pem") != serial and it.fits("a.pem", "k.pem")
        assert abs(lifetime_s(it, "a.pem") - 200 * 86400) <= 302
        told = it.cert("renew", "a.pem", "--key", "k.pem", "--new-key", "--days", "30").text
        assert it.fits("a.pem", "k.pem") and it.fits("a.pem.old", "k.pem.old"), told
        assert it.read("k.pem.old") == key and it.modes("k.pem", "k.pem.old") == [0o640, 0o640]
        assert "(2048 bit)" in it.text("a.pem")
        assert abs(lifetime_s(it, "a.pem") - 30 * 86400 - 300) <= 2
        assert names == it.openssl("x509", "-in", "a.pem", "-noout", "-ext",
                                   "subjectAltName,extendedKeyUsage").text
        it.verify("a.pem")
        assert it.read("postern-ca/index").count("a.example.org,127.0.0.1") == 3
        left = sorted(n for n in os.listdir(it.dir) if n != "postern-ca")
        assert left == ["a.pem", "a.pem.old", "k.pem", "k.pem.old"], left


def test_what_cannot_be_renewed_is_refused():
    with place() as it:
        it.cert("sign", "--name", "a.example.org", "--out", "a.pem", "--out-key", "k.pem")
        it.cert("sign", "--name", "b.example.org", "--out", "b.pem", "--out-key", "kb.pem")
        it.cert("ca", "--name", "Other", "--dir", "other")
        it.refuse("is not the key of a.pem", "renew", "a.pem", "--key", "kb.pem", "--new-key")
        it.refuse("is not the key of a.pem", "renew", "a.pem", "--key", "kb.pem")
        it.refuse("--new-key needs --key", "renew", "a.pem", "--new-key", status=2)
        it.refuse("was not signed by this authority", "renew", "a.pem", "--dir", "other")
        it.refuse("expected CERT", "renew", status=2)
        it.refuse("could not open none.pem", "renew", "none.pem")
        it.refuse("could not read a certificate", "renew", "k.pem")
        it.refuse("is an authority's", "renew", "postern-ca/root.pem", "--key",
                  "postern-ca/root-key.pem")
        it.refuse("at most 397", "renew", "a.pem", "--days", "398", status=2)
        it.cert("revoke", "a.pem")
        it.refuse("was revoked on", "renew", "a.pem")
        for names in (["DNS:a.example.org", "URI:http://a.example.org/"],
                      ["DNS:n%d.example.org" % i for i in range(101)]):
            it.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=a",
                       "-addext", "basicConstraints=critical,CA:FALSE", "-addext",
                       "subjectAltName=" + ",".join(names), "-keyout", "s.key", "-out", "s.pem")
            it.refuse("would lose them", "renew", "s.pem", "--key", "s.key")


def test_renewal_through_links_replaces_what_they_lead_to():
    with place() as it:
        os.mkdir(it.path("store"))
        it.cert("sign", "--name", "a.example.org", "--out", "store/a.pem", "--out-key", "k.pem")
        os.symlink("store/a.pem", it.path("live.pem"))
        serial = it.serial("live.pem")
        it.cert("renew", "live.pem")
        assert os.path.islink(it.path("live.pem")) and it.serial("store/a.pem") != serial


def test_the_authority_of_init_signs_and_renews():
    with place(False) as it:
        harness.run([harness.BINARY, "init", "--dir", "data", "--hostname", "mx.example.org"],
                    cwd=it.dir)
        own = ["--ca", "data/tls/ca.pem", "--ca-key", "data/tls/ca-key.pem"]
        it.cert("sign", *own, "--name", "b.example.org", "--out", "b.pem", "--out-key", "k.pem")
        it.openssl("verify", "-CAfile", "data/tls/ca.pem", "b.pem")
        it.cert("renew", "data/tls/server.pem", *own, "--key", "data/tls/server-key.pem",
                "--new-key")
        assert it.fits("data/tls/server.pem", "data/tls/server-key.pem")
        it.openssl("verify", "-CAfile", "data/tls/ca.pem", "-verify_hostname", "mx.example.org",
                   "data/tls/server.pem")
        it.refuse("no CA:TRUE", "sign", "--ca", "b.pem", "--ca-key", "k.pem", "--name", "c.org",
                  "--out", "c.pem", "--out-key", "kc.pem")
        it.refuse("is not the key of", "sign", "--ca", "data/tls/ca.pem", "--ca-key", "k.pem",
                  "--name", "c.org", "--out", "c.pem", "--out-key", "kc.pem")


# ---- Revocation ------------------------------------------------------------------------------


def test_what_is_revoked_is_on_the_list():
    with place() as it:
        for name in ("a", "b", "c"):
            it.cert("sign", "--name", name + ".example.org", "--out", name + ".pem", "--out-key",
                    name + "-key.pem")
        told = it.cert("revoke", "a.pem", "--reason", "keycompromise").text
        assert "1 on it" in told and "tls.revocations" in told, told
        serial = it.serial("b.pem").upper()
        it.cert("revoke", ":".join(serial[i:i + 2] for i in range(0, len(serial), 2)))
        crl = ["-crl_check", "-CRLfile", "postern-ca/crl.pem"]
        for name in ("a", "b"):
            done = it.verify(name + ".pem", *crl, check=False)
            assert done.returncode != 0 and "certificate revoked" in done.errors, done.errors
        it.verify("c.pem", *crl)
        it.openssl("crl", "-in", "postern-ca/crl.pem", "-CAfile", "postern-ca/chain.pem", "-noout")
        index = it.read("postern-ca/index")
        assert re.search(rf"(?m)^{it.serial('a.pem')} +revoked .* keyCompromise +a\.example", index)
        assert re.search(rf"(?m)^{it.serial('c.pem')} +good ", index), index
        shown = it.openssl("crl", "-in", "postern-ca/crl.pem", "-noout", "-crlnumber").text
        assert shown.strip().endswith("=0x03"), shown
        if harness.shutil.which("certtool"):
            shown = harness.run(["certtool", "--crl-info", "--infile", "postern-ca/crl.pem"],
                                cwd=it.dir).text
            assert "Revoked certificates (2)" in shown, shown


def test_what_cannot_be_revoked_is_refused():
    with place() as it:
        it.cert("sign", "--name", "a.example.org", "--out", "a.pem", "--out-key", "k.pem")
        it.cert("ca", "--name", "Other", "--dir", "other")
        it.cert("revoke", "a.pem")
        it.refuse("it was revoked already, on 2", "revoke", "a.pem")
        it.refuse("it was revoked already, on 2", "revoke", it.serial("a.pem"))
        it.refuse("was not signed by the authority in other", "revoke", "a.pem", "--dir", "other")
        it.refuse("was not signed by the authority", "revoke", "other/intermediate.pem")
        it.refuse("is not in other/index", "revoke", it.serial("a.pem"), "--dir", "other")
        it.refuse("neither a file nor a serial number", "revoke", "none.pem")
        it.refuse("neither a file nor a serial number", "revoke", "ab" * 21)
        it.refuse("--reason wants", "revoke", "a.pem", "--reason", "boredom", status=2)
        it.refuse("expected CERT or SERIAL", "revoke", status=2)
        it.refuse("could not read a certificate", "revoke", "k.pem")


def test_a_list_is_made_anew():
    with place() as it:
        it.cert("crl", "--days", "7")
        dates = it.openssl("crl", "-in", "postern-ca/crl.pem", "-noout", "-lastupdate",
                           "-nextupdate").text
        first, last = (ssl.cert_time_to_seconds(d) for d in re.findall(r"=(.*)", dates))
        assert last - first == 7 * 86400
        assert it.read("postern-ca/crl-number") == "2\n"
        it.refuse("--days wants", "crl", "--days", "0", status=2)
        it.refuse("takes only options", "crl", "7", status=2)
        os.unlink(it.path("postern-ca/crl-number"))
        it.refuse("could not open postern-ca/crl-number", "crl")


def test_several_at_once_lose_nothing():
    with place() as it:
        def sign(number):
            it.cert("sign", "--name", f"h{number}.example.org", "--out", f"{number}.pem",
                    "--out-key", f"{number}-key.pem")
        threads = [threading.Thread(target=sign, args=(n,)) for n in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        index = it.read("postern-ca/index")
        for number in range(12):
            assert it.serial(f"{number}.pem") in index, number


def test_what_is_made_passes_our_own_check():
    with place() as it:
        it.cert("csr", "--name", "a.example.org", "--out", "a.csr", "--out-key", "k.pem")
        it.cert("sign", "a.csr", "--out", "a.pem")
        words = ["check", "a.pem", "--key", "k.pem", "--host", "a.example.org", "--ca",
                 "postern-ca/root.pem", "--crl", "postern-ca/crl.pem"]
        it.cert(*words)
        it.cert("revoke", "a.pem")
        done = it.cert(*words, check=False)
        assert done.returncode != 0 and "revoked" in done.text + done.errors, done.text


# ---- In use ----------------------------------------------------------------------------------


def test_a_server_is_believed_with_what_was_made():
    harness.need("curl")
    for kind in ("ecdsa", "rsa", "ed25519"):
        with place() as it:
            it.cert("sign", "--name", "localhost", "--key-type", kind, "--out", "s.pem",
                    "--out-key", "k.pem")
            with Server(start=False) as server:
                os.chmod(it.dir, 0o755)
                for name, made in (("server.pem", "s.pem"), ("server-key.pem", "k.pem")):
                    with open(os.path.join(server.home, "tls", name), "w") as f:
                        f.write(it.read(made))
                server.start()
                root = it.path("postern-ca/root.pem")
                harness.run(["curl", "-sS", "--cacert", root, "-u", "alice@example.org:secret",
                             f"imaps://localhost:{server.port('imaps')}/"])
                for version in ("-tls1_2", "-tls1_3"):
                    harness.run(["openssl", "s_client", "-connect",
                                 f"localhost:{server.port('submission')}", "-starttls", "smtp",
                                 "-CAfile", root, "-verify_return_error", "-verify_hostname",
                                 "localhost", version], input="QUIT\r\n")
                done = harness.run(["curl", "-sS", f"imaps://localhost:{server.port('imaps')}/"],
                                   check=False)
                assert done.returncode == 60, done.errors


def served_serial(server):
    with socket.create_connection(("127.0.0.1", server.port("imaps")), 10) as plain:
        with server.context().wrap_socket(plain, server_hostname="localhost") as tls:
            return tls.getpeercert()["serialNumber"].lower()


def test_a_running_server_takes_a_renewed_pair():
    # By SIGHUP, and by looking at its files.
    for watch, rounds in (("0s", 4), ("500ms", 2)):
        with Server(edit=harness.keys(tls={"watch": watch})) as server:
            it = Place(os.path.join(server.home, "tls"))
            for number in range(rounds):
                before = it.serial("server.pem")
                it.cert("renew", "server.pem", "--ca", "ca.pem", "--ca-key", "ca-key.pem", "--key",
                        "server-key.pem", *(["--new-key"] if number % 2 == 0 else []))
                made = it.serial("server.pem")
                assert made != before
                if watch == "0s":
                    assert "server reloaded" in server.reload()
                harness.wait_until(lambda: served_serial(server) == made, 20, "the new one")
            assert "not-reloaded" not in server.log_text(), server.log_tail()


def test_a_renewal_that_is_killed_leaves_a_pair():
    with place() as it:
        it.cert("sign", "--name", "a.example.org", "--out", "a.pem", "--out-key", "k.pem")
        for number in range(15):
            process = subprocess.Popen([harness.BINARY, "cert", "renew", "a.pem", "--key", "k.pem",
                                        "--new-key"], cwd=it.dir, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.0015 * number)
            process.kill()
            process.wait()
            assert it.fits("a.pem", "k.pem") or it.fits("a.pem", "k.pem.old"), number
            if not it.fits("a.pem", "k.pem"):
                os.rename(it.path("k.pem.old"), it.path("k.pem"))
        it.cert("renew", "a.pem", "--key", "k.pem", "--new-key")
        assert it.fits("a.pem", "k.pem")


def small_files(size):
    """For preexec_fn: as if the disk were full behind that many bytes of each file."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return limit


def test_a_full_disk_leaves_what_was_there():
    with place() as it:
        it.cert("sign", "--name", "a.example.org", "--out", "a.pem", "--out-key", "k.pem")
        before = it.everything()
        index = it.path("postern-ca/index")
        for size in (0, 1, 100, 200, 300, 500, 800, 1200):
            more = {"check": False, "preexec_fn": small_files(size)}
            for words in (["ca", "--name", "X", "--dir", "new"],
                          ["sign", "--name", "b.example.org", "--out", "b.pem", "--out-key", "kb"],
                          ["self-signed", "--name", "b.example.org", "--key-type", "rsa", "--out",
                           "b.pem", "--out-key", "kb"],
                          ["csr", "--name", "b.example.org", "--key-type", "rsa", "--out", "b.csr",
                           "--out-key", "kb"],
                          ["renew", "a.pem", "--key", "k.pem", "--new-key"]):
                done = it.cert(*words, **more)
                assert done.returncode == 1 and "could not" in done.errors, (size, words)
                after = it.everything()
                # What was signed stays in the register although nobody got it.
                assert {k: v for k, v in after.items() if k != index} == \
                    {k: v for k, v in before.items() if k != index}, (size, words)
        assert it.serial("a.pem") in it.read("postern-ca/index")
        it.cert("renew", "a.pem", "--key", "k.pem", "--new-key")
        it.cert("revoke", "a.pem")
