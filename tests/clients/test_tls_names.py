"""Several certificates: which one is shown to whom."""
import contextlib
import os
import re
import tempfile

import harness
import minter
import rawtls
from harness import Server
from test_tls_matrix import check_all

SERVER = None
SECONDS = 30
PEM = "-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----"
RSA_ONLY = ("-sigalgs", "rsa_pss_rsae_sha256:rsa_pkcs1_sha256")

# file, kind of key, names; the first is the server's default
PAIRS = (("default", "ecdsa", ("localhost",)),
         ("default-rsa", "rsa", ("localhost",)),
         ("a", "ecdsa", ("mail.a.test", "a.test")),
         ("a-rsa", "rsa", ("mail.a.test", "a.test")),
         ("b", "ed25519", ("mail.b.test",)),
         ("c", "ecdsa", ("*.c.test",)))

# what the client names (None: nothing), more of what it says, and the pair it is to be shown
CASES = (("localhost", (), "default"),
         (None, (), "default"),
         ("unknown.test", (), "default"),
         ("unknown.test", RSA_ONLY, "default-rsa"),
         (None, RSA_ONLY, "default-rsa"),
         ("mail.a.test", (), "a"),
         ("a.test", (), "a"),
         ("MAIL.A.test", (), "a"),
         ("mail.a.test", RSA_ONLY, "a-rsa"),
         ("mail.b.test", (), "b"),
         ("x.c.test", (), "c"),
         ("x.y.c.test", (), "default"),
         ("c.test", (), "default"))


def certificates(pairs):
    rows = ",\n".join(f'    {{ certificate = "{p.certificate}"; key = "{p.key}"; }}' for p in pairs)
    return f"certificates = (\n{rows}\n);\n"


@contextlib.contextmanager
def server_with_pairs():
    with tempfile.TemporaryDirectory(prefix="postern-names-") as directory:
        os.chmod(directory, 0o755)
        authority = minter.Authority(os.path.join(directory, "ca"))
        pairs = {file: authority.mint(file, kind, names) for file, kind, names in PAIRS}
        others = [pair for file, pair in pairs.items() if file != "default"]
        with Server(start=False, edit=minter.without_rsa_cap,
                    settings=certificates(others)) as server:
            minter.use(server, pairs["default"])
            server.start()
            yield server, authority, pairs


def shown(server, authority, listener, version, name, *more):
    """The PEM text of what the server shows to openssl, whose own check must pass."""
    starttls = ["-starttls", rawtls.PROTOCOLS[listener]] if rawtls.STARTTLS[listener] else []
    sni = ["-servername", name] if name else ["-noservername"]
    said = harness.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port(listener)}", *sni,
                        "-CAfile", authority.ca, "-no-CApath", "-no-CAstore", "-verify_return_error",
                        "-tls" + version.replace(".", "_"), *starttls, *more], timeout=SECONDS).text
    return re.search(PEM, said, re.S).group(0)


def text_of(pair):
    with open(pair.certificate) as f:
        return re.search(PEM, f.read(), re.S).group(0)


def test_each_name_gets_its_certificate():
    harness.need("openssl")
    with server_with_pairs() as (server, authority, pairs):
        files = {text_of(pair): file for file, pair in pairs.items()}

        def fault_of(listener, version, name, more, wanted):
            got = files.get(shown(server, authority, listener, version, name, *more))
            return None if got == wanted else f"wanted {wanted}, got {got}"

        check_all([(listener, version, *case) for listener in rawtls.NAMES
                   for version in ("1.2", "1.3") for case in CASES], fault_of)
