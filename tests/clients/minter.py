"""Mints what the tests of TLS need with openssl: an authority and server certificates of each kind
of key, in files of one directory. The certificates that postern makes itself are tested elsewhere;
here the maker is to be somebody else."""
import os

import harness

KEYS = {"ecdsa": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        "ed25519": ["-algorithm", "ED25519"]}
DIGESTS = {"ecdsa": ["-sha256"], "rsa": ["-sha256"], "ed25519": []}

CONFIGURATION = """
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


class Pair:
    def __init__(self, directory, name):
        self.certificate = os.path.join(directory, name + ".pem")
        self.key = os.path.join(directory, name + "-key.pem")


class Authority:
    def __init__(self, directory, name="Test CA", kind="ecdsa"):
        os.makedirs(directory)
        self.directory = directory
        self.own = Pair(directory, "ca")
        self.ca = self.own.certificate
        self.conf = os.path.join(directory, "openssl.conf")
        with open(self.conf, "w") as f:
            f.write(CONFIGURATION)
        self.serial = 1000
        make_key(self.own.key, kind)
        harness.run(["openssl", "req", "-new", "-x509", "-config", self.conf, "-extensions",
                     "authority", "-key", self.own.key, *DIGESTS[kind], "-days", "300",
                     "-subj", f"/CN={name}", "-out", self.ca])

    def mint(self, file, kind="ecdsa", names=("localhost",), days=90):
        """A pair that is valid for so many days (-1: until yesterday); its serial number is one more
        than the last one's."""
        harness.need("openssl")
        self.serial += 1
        pair = Pair(self.directory, file)
        extensions = os.path.join(self.directory, file + ".conf")
        with open(extensions, "w") as f:
            f.write(CONFIGURATION + "subjectAltName = IP:127.0.0.1, "
                    + ", ".join("DNS:" + name for name in names) + "\n")
        make_key(pair.key, kind)
        request = harness.run(["openssl", "req", "-new", "-config", self.conf, "-key", pair.key,
                               "-subj", f"/CN={names[0]}"]).stdout
        harness.run(["openssl", "x509", "-req", "-CA", self.ca, "-CAkey", self.own.key, "-days",
                     str(days), "-set_serial", self.serial, "-extfile", extensions, "-extensions", "server",
                     "-sha256", "-out", pair.certificate], input=request)
        pair.serial = self.serial
        return pair


# For servers whose clients make more RSA handshakes a second than any honest crowd.
without_rsa_cap = harness.keys(tls={"rsa_rate_max": 1000000})


def make_key(file, kind):
    harness.run(["openssl", "genpkey", *KEYS[kind], "-out", file])
    os.chmod(file, 0o600)


def use(server, pair):
    """Puts the pair where the server reads its own; counts from the next start or reload."""
    directory = os.path.join(server.home, "tls")
    for source, name in ((pair.key, "server-key.pem"), (pair.certificate, "server.pem")):
        place(source, os.path.join(directory, name))


def place(source, target):
    """Replaces a file as a whole; the mode stays, so that no reader sees half of it."""
    mode, owner = os.stat(target).st_mode, os.stat(target)
    with open(source, "rb") as f:
        data = f.read()
    with open(target + ".new", "wb") as f:
        os.fchmod(f.fileno(), mode & 0o777)
        os.fchown(f.fileno(), owner.st_uid, owner.st_gid)
        f.write(data)
    os.rename(target + ".new", target)
