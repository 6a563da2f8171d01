"""Certificates of a running server: several of them, changed files, staples, shared ticket keys."""
import os
import subprocess
import tempfile
import time

import harness
import minter
import rawtls
from harness import Server, keys

SERVER = None
WATCH_S = 0.3
SETTLED_S = 6 * WATCH_S  # for what must not happen: as many looks at the files


class Rig:
    """A server with a minted pair, and the authority that mints more."""

    def __init__(self, watch="300ms", more="", **values):
        harness.need("openssl")
        self.scratch = tempfile.TemporaryDirectory(prefix="postern-reload-")
        self.authority = minter.Authority(os.path.join(self.scratch.name, "ca"))
        os.chmod(self.scratch.name, 0o755)
        self.server = Server(start=False, settings=more,
                             edit=keys(tls={"watch": watch, **values}))
        self.pair = self.authority.mint("first")
        minter.use(self.server, self.pair)

    def __enter__(self):
        self.server.__enter__()
        return self

    def __exit__(self, *what):
        result = self.server.__exit__(*what)
        self.scratch.cleanup()
        return result

    def path(self, name):
        return os.path.join(self.server.home, "tls", name)

    def log_size(self):
        return os.path.getsize(self.server.log_path)

    def install(self, pair, name):
        """Copies a pair to where the server may read it; the list's entry for it."""
        for source, target in ((pair.certificate, name + ".pem"), (pair.key, name + "-key.pem")):
            with open(source, "rb") as f, open(self.path(target), "wb") as out:
                out.write(f.read())
            os.chmod(self.path(target), 0o640)
            owner = os.stat(self.path("server-key.pem"))
            os.chown(self.path(target), owner.st_uid, owner.st_gid)
        return f'{{ certificate = "tls/{name}.pem"; key = "tls/{name}-key.pem"; }}'

    def shown(self, version=None, name="localhost", authority=None):
        """The serial number of the certificate that imaps shows."""
        made = rawtls.context((authority or self.authority).ca, version)
        made.check_hostname = False
        with rawtls.handshake(self.server, "imaps", made, name=name) as tls:
            return int(tls.getpeercert()["serialNumber"], 16)


def count(text, what):
    return sum(what in line for line in text.splitlines())


def s_client(rig, *more):
    return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{rig.server.port('imaps')}",
                           "-CAfile", rig.authority.ca, *map(str, more)], input="", text=True,
                          capture_output=True, timeout=30).stdout


def test_changed_files_are_picked_up_and_sessions_go_on():
    with Rig() as rig:
        rig.server.start()
        assert rig.shown() == rig.pair.serial
        old = rawtls.handshake(rig.server, "imaps", rawtls.context(rig.authority.ca))
        rawtls.read_line(old)
        second = rig.authority.mint("second")
        where = rig.log_size()
        minter.use(rig.server, second)
        log = rig.server.wait_for_log(" tls reloaded ", where)
        assert count(log, "not-reloaded") == 0, log
        for version in rawtls.VERSIONS:
            assert rig.shown(version) == second.serial
        old.sendall(b"a NOOP\r\n")
        assert rawtls.read_until(old, b"a ").startswith(b"a OK")
        old.close()


def test_half_a_change_is_refused_once_and_the_other_half_taken():
    with Rig() as rig:
        rig.server.start()
        second = rig.authority.mint("second")
        where = rig.log_size()
        minter.place(second.certificate, rig.path("server.pem"))
        log = rig.server.wait_for_log(" tls not-reloaded ", where)
        assert "is not the key of the first certificate in" in log, log
        assert rig.shown() == rig.pair.serial
        time.sleep(SETTLED_S)
        assert count(rig.server.log_text(), " tls not-reloaded ") == 1
        minter.place(second.key, rig.path("server-key.pem"))
        rig.server.wait_for_log(" tls reloaded ", where)
        assert rig.shown() == second.serial


def test_files_that_keep_changing_are_left_to_settle():
    with Rig(watch="1s") as rig:
        rig.server.start()
        where = rig.log_size()
        for number in range(15):  # each sooner than the interval
            with open(rig.path("server.pem"), "a") as f:
                f.write(f"# {number}\n")
            time.sleep(0.2)
        assert count(rig.server.log_text(), "reloaded") == 0, rig.server.log_tail()
        rig.server.wait_for_log(" tls reloaded ", where)


def test_a_bad_pair_on_sighup_is_refused_and_told_once():
    with Rig() as rig:
        rig.server.start()
        weak = rig.authority.mint("weak")
        harness.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024",
                     "-out", weak.key])
        request = harness.run(["openssl", "req", "-new", "-config", rig.authority.conf, "-key",
                               weak.key, "-subj", "/CN=localhost"]).stdout
        harness.run(["openssl", "x509", "-req", "-CA", rig.authority.ca, "-CAkey",
                     rig.authority.own.key, "-days", "9", "-set_serial", 77, "-sha256", "-out",
                     weak.certificate], input=request)
        minter.use(rig.server, weak)
        log = rig.server.reload()
        assert " server not-reloaded " in log, log
        assert "has a key of 1024 bits (RSA), which clients refuse" in log, log
        time.sleep(SETTLED_S)
        assert count(rig.server.log_text(), "not-reloaded") == 1, rig.server.log_tail()
        assert rig.shown() == rig.pair.serial
        minter.use(rig.server, rig.pair)
        assert " server reloaded " in rig.server.reload()


def test_watching_can_be_turned_off():
    with Rig(watch="0s") as rig:
        rig.server.start()
        second = rig.authority.mint("second")
        minter.use(rig.server, second)
        time.sleep(SETTLED_S)
        assert rig.shown() == rig.pair.serial
        assert " server reloaded " in rig.server.reload()
        assert rig.shown() == second.serial


def test_names_choose_certificates():
    with Rig() as rig:
        other = rig.authority.mint("other", names=("other.test",))
        other_rsa = rig.authority.mint("other-rsa", kind="rsa", names=("other.test",))
        wild = rig.authority.mint("wild", kind="ed25519", names=("*.wild.test",))
        entries = [rig.install(other_rsa, "other-rsa"), rig.install(other, "other"),
                   rig.install(wild, "wild")]
        rig.server.set(lambda text: text + "certificates = ( " + ", ".join(entries) + " );\n")
        rig.server.start()
        for version in rawtls.VERSIONS:
            assert rig.shown(version, "localhost") == rig.pair.serial
            assert rig.shown(version, "unknown.test") == rig.pair.serial
            assert rig.shown(version, "OTHER.test") == other.serial
            assert rig.shown(version, "a.wild.test") == wild.serial
            assert rig.shown(version, "a.b.wild.test") == rig.pair.serial
            assert rig.shown(version, None) == rig.pair.serial
        rsa = s_client(rig, "-servername", "other.test", "-tls1_2", "-cipher",
                       "ECDHE-RSA-AES128-GCM-SHA256")
        assert "CN = other.test" in rsa and "RSA" in rsa, rsa
        assert "Peer signature type: RSA" in s_client(
            rig, "-servername", "other.test", "-tls1_3", "-sigalgs", "rsa_pss_rsae_sha256")
        harness.need("curl")
        got = harness.run(["curl", "-sv", "--cacert", rig.authority.ca, "--resolve",
                           f"other.test:{rig.server.port('imaps')}:127.0.0.1", "-u", "alice:secret",
                           f"imaps://other.test:{rig.server.port('imaps')}/"])
        assert "subjectAltName: host \"other.test\" matched" in got.stderr.decode(), got.stderr


def test_a_bad_certificate_of_the_list_stops_the_start():
    with Rig(more='certificates = ( { certificate = "tls/none.pem";\n key = "tls/none-key.pem"; } );\n') \
            as rig:
        checked = rig.server.cli("check", check=False)
        assert checked.returncode != 0
        assert "tls/none.pem (certificates.certificate)" in checked.stderr.decode(), checked.stderr


# --- staples ---

def respond(rig, target, revoked=False, days=("-ndays", 3), pair=None):
    """An OCSP response of the authority about the pair, as a file that the server reads."""
    pair = pair or rig.pair
    index = os.path.join(rig.scratch.name, "index.txt")
    request, response = (os.path.join(rig.scratch.name, n) for n in ("request.der", "response.der"))
    state = "R\t300101000000Z\t260101000000Z" if revoked else "V\t300101000000Z\t"
    with open(index, "w") as f:
        f.write(f"{state}\t{pair.serial:X}\tunknown\t/CN=localhost\n")
    harness.run(["openssl", "ocsp", "-issuer", rig.authority.ca, "-cert", pair.certificate,
                 "-no_nonce", "-reqout", request])
    harness.run(["openssl", "ocsp", "-index", index, "-CA", rig.authority.ca, "-rsigner",
                 rig.authority.ca, "-rkey", rig.authority.own.key, "-reqin", request, "-respout",
                 response, *days])
    with open(response, "rb") as f:
        give(rig, target, f.read())


def give(rig, target, data):
    with open(rig.path(target) + ".new", "wb") as f:
        f.write(data)
    os.chmod(rig.path(target) + ".new", 0o644)
    os.rename(rig.path(target) + ".new", rig.path(target))


def stapled(rig, version):
    """Whether a client gets a response that it believes."""
    said = s_client(rig, "-status", version)
    assert "OCSP response: no response sent" in said or "OCSP Response Status: successful" in said
    return "OCSP Response Status: successful" in said


def is_stapled(rig):
    got = {stapled(rig, version) for version in ("-tls1_2", "-tls1_3")}
    assert len(got) == 1
    return got.pop()


def test_staples_are_served_while_they_are_good():
    with Rig(staple="tls/staple.der", trusted="tls/trusted.pem") as rig:
        with open(rig.authority.ca, "rb") as f:
            give(rig, "trusted.pem", f.read())
        rig.server.start()
        rig.server.wait_for_log(" tls staple ")  # none is there
        assert not is_stapled(rig)
        for revoked, level, wanted in ((False, None, None), (True, "error", "revoked")):
            where = rig.log_size()
            respond(rig, "staple.der", revoked)
            log = rig.server.wait_for_log(" tls reloaded ", where)
            assert is_stapled(rig) is not revoked
            if level is not None:
                line = next(line for line in log.splitlines() if " tls staple " in line)
                assert f" {level} " in line and wanted in line and "staple.der" in line, line
        for bad in (b"no response", b""):
            where = rig.log_size()
            give(rig, "staple.der", bad)
            assert " warn tls staple " in rig.server.wait_for_log(" tls reloaded ", where)
            assert not is_stapled(rig)
        where = rig.log_size()
        respond(rig, "staple.der", pair=rig.authority.mint("another"))
        assert " warn tls staple " in rig.server.wait_for_log(" tls reloaded ", where)
        assert not is_stapled(rig)


# --- tickets ---

def resumes(first, second, ca, version):
    """Whether a session begun at the first server is resumed by the second."""
    made = rawtls.context(ca, version)
    with rawtls.handshake(first, "imaps", made) as tls:
        rawtls.read_line(tls)  # with TLS 1.3 the ticket comes in front of it
        session = tls.session
    with rawtls.handshake(second, "imaps", made, session=session) as tls:
        rawtls.read_line(tls)
        return tls.session_reused


def test_servers_that_share_a_ticket_key_resume_each_others_sessions():
    with Rig(ticket_key="tls/tickets") as one, Rig(ticket_key="tls/tickets") as two:
        minter.use(two.server, one.pair)
        for rig in (one, two):
            give(rig, "tickets", b"0123456789abcdef" * 4)
            os.chmod(rig.path("tickets"), 0o640)
            owner = os.stat(rig.path("server.pem"))
            os.chown(rig.path("tickets"), owner.st_uid, owner.st_gid)
            rig.server.start()
        for version in rawtls.VERSIONS:
            where = two.log_size()
            assert resumes(one.server, one.server, one.authority.ca, version)
            assert resumes(one.server, two.server, one.authority.ca, version)
            assert "resumed=1" in two.server.wait_for_log(" tls established ", where)
        where = two.log_size()
        mode = os.stat(two.path("tickets"))
        with open(two.path("tickets"), "wb") as f:
            f.write(b"fedcba9876543210" * 4)
        os.chmod(two.path("tickets"), mode.st_mode & 0o777)
        two.server.wait_for_log(" tls reloaded ", where)
        for version in rawtls.VERSIONS:
            assert not resumes(one.server, two.server, one.authority.ca, version)
            assert resumes(two.server, two.server, one.authority.ca, version)


def test_a_ticket_key_of_our_own_survives_reloads():
    with Rig(watch="0s") as rig:
        rig.server.start()
        made = rawtls.context(rig.authority.ca, "1.3")
        with rawtls.handshake(rig.server, "imaps", made) as tls:
            rawtls.read_line(tls)
            session = tls.session
        rig.server.reload()
        with rawtls.handshake(rig.server, "imaps", made, session=session) as tls:
            assert tls.session_reused


def test_a_short_ticket_key_stops_the_start():
    with Rig(ticket_key="tls/tickets") as rig:
        give(rig, "tickets", b"short")
        os.chmod(rig.path("tickets"), 0o600)
        checked = rig.server.cli("check", check=False)
        assert checked.returncode != 0
        assert "has 5 bytes: must have at least 32 random ones" in checked.stderr.decode(), checked.stderr


# --- ends ---

def test_an_end_in_sight_is_told_at_start_and_by_check():
    with Rig() as rig:
        request = harness.run(["openssl", "req", "-new", "-config", rig.authority.conf, "-key",
                               rig.pair.key, "-subj", "/CN=localhost"]).stdout
        extensions = os.path.join(rig.authority.directory, "first.conf")
        harness.run(["openssl", "x509", "-req", "-CA", rig.authority.ca, "-CAkey",
                     rig.authority.own.key, "-days", "5", "-set_serial", 78, "-sha256", "-extfile",
                     extensions, "-extensions", "server", "-out", rig.pair.certificate],
                    input=request)
        minter.use(rig.server, rig.pair)
        checked = rig.server.cli("check")
        assert "warning: the certificate in" in checked.stderr.decode(), checked.stderr
        assert b"usable, but look above" in checked.stdout, checked.stdout
        rig.server.start()
        log = rig.server.wait_for_log(" tls expiring ")
        line = next(line for line in log.splitlines() if " tls expiring " in line)
        assert " warn " in line and ("days=4" in line or "days=5" in line) and "names=localhost" in line, line
        rig.server.reload()
        time.sleep(SETTLED_S)
        assert count(rig.server.log_text(), " tls expiring ") == 1
