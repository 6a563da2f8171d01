"""A Postfix between two Posterns: as our next hop and as a sender to us; TLS verified on each hop."""
import os
import re
import shutil
import subprocess

import harness
import mailkit
from harness import Server, keys, run, wait_until

SERVER = None

MAIN = """
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = {dir}/log
maillog_file_prefixes = {dir}
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.test
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
smtpd_tls_security_level = encrypt
smtpd_tls_chain_files = {dir}/key.pem, {dir}/cert.pem
relayhost = [localhost]:{next_port}
smtp_tls_security_level = secure
smtp_tls_CAfile = {next_ca}
smtp_tls_loglevel = 1
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
smtp_dns_support_level = disabled
smtp_host_lookup = native
message_size_limit = 60000000
minimal_backoff_time = 1s
queue_run_delay = 1s
{more}
"""
REFUSALS = """
smtpd_recipient_restrictions = check_recipient_access inline:{{ {{nobody@final.test = 550 5.1.1 no}} {later} }}
"""
LATER = "{later@final.test = 451 4.2.0 come back later}"

MASTER = """
{port} inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
showq unix n - n - - showq
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
"""


class Postfix:
    """A Postfix of its own: configuration, queue and log in the directory of a test's server. It takes
    all mail and sends it on; where it refuses, not to nobody@ and, for now, later@final.test."""
    name = "postfix"
    verified = "Verified TLS connection established to localhost"

    def __init__(self, next_server, next_ca=None, refuses=False):
        harness.need("postfix", "openssl")
        if os.geteuid() != 0:
            raise harness.Skip("Postfix starts only as root")
        self.dir = os.path.join(next_server.dir, "postfix")
        self.port = harness.free_port()
        for name in ("", "queue", "data"):
            os.mkdir(os.path.join(self.dir, name))
        shutil.chown(os.path.join(self.dir, "data"), "postfix")
        make_certificate(self.dir)
        self.ca = os.path.join(self.dir, "ca.pem")
        self.next_port, self.next_ca = next_server.port("smtp"), next_ca or next_server.ca
        self.configure(REFUSALS.format(later=LATER) if refuses else "")
        self.write("master.cf", MASTER.format(port=f"127.0.0.1:{self.port}"))

    def configure(self, more):
        self.write("main.cf", MAIN.format(dir=self.dir, next_port=self.next_port,
                                          next_ca=self.next_ca, more=more))

    def open_up(self):
        """From now on it takes what it put off before."""
        self.configure(REFUSALS.format(later=""))
        self.command("stop")
        self.command("start")

    def is_empty(self):
        return "queue is empty" in self.queue()

    def write(self, name, text):
        with open(os.path.join(self.dir, name), "w") as f:
            f.write(text)

    def __enter__(self):
        self.command("check")
        self.command("start")
        return self

    def __exit__(self, *ignored):
        subprocess.run(["postfix", "-c", self.dir, "stop"], stdin=subprocess.DEVNULL,
                       capture_output=True, timeout=60, check=False)

    def command(self, *words):
        done = run(["postfix", "-c", self.dir, *words], check=False)
        assert done.returncode == 0, f"postfix {words}: {done.text}{done.errors}{self.log()}"

    def log(self):
        path = os.path.join(self.dir, "log")
        return open(path).read() if os.path.exists(path) else ""

    def queue(self):
        return run(["postqueue", "-c", self.dir, "-p"]).text


def make_certificate(directory):
    """ca.pem, cert.pem and key.pem for localhost, by openssl."""
    def openssl(*words):
        run(["openssl", *words], cwd=directory)
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *new, "-days", "2", "-subj", "/CN=Test CA", "-keyout", "ca-key.pem",
            "-out", "ca.pem", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    openssl("req", *new, "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "request.pem")
    with open(os.path.join(directory, "extensions"), "w") as f:
        f.write("subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n"
                "keyUsage=critical,digitalSignature\nbasicConstraints=CA:FALSE\n")
    openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca-key.pem",
            "-CAcreateserial", "-days", "2", "-extfile", "extensions", "-out", "cert.pem")


def final():
    return Server(domains=["final.test"], users=["carol:pw3"])


def first(postfix, ca=None):
    return Server(domains=["first.test"], users=["alice:secret"],
                  edit=keys(tls={"trusted": ca or postfix.ca},
                            relay={"smarthost": "localhost", "smarthost_port": postfix.port,
                                   "smarthost_tls": "starttls", "smarthost_verify": "required"}))


def send(server, message, rcpts=("carol@final.test",)):
    client = mailkit.smtp(server)
    client.sendmail("alice@first.test", list(rcpts), message)
    client.quit()


@harness.slow
def test_postern_to_postfix_to_postern():
    with final() as last, Postfix(last) as postfix, first(postfix) as one:
        # Postfix breaks lines of more than 998 bytes, adds what is missing, and takes the message
        # apart at bare line ends; the rest must come out as it went in.
        cases = {k: b"Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <" + k.encode() +
                 b"@first.test>\r\n" + m for k, m in mailkit.cases().items() if k != "header-only"}
        for message in cases.values():
            send(one, message)
        got = mailkit.wait_for_inbox(last, len(cases), "carol", "pw3", 60)
        for key, message in cases.items():
            mine = [m for m in got if b"<" + key.encode() + b"@first.test>" in m]
            assert len(mine) == 1, (key, len(mine))
            mailkit.check_same(mine[0], message)
        hops = re.findall(rb"(?m)^Received: (?:.*\r\n[ \t]+)*.*with (\w+)", got[0])
        assert hops == [b"ESMTPS", b"ESMTPS", b"ESMTPSA"], hops
        assert "Verified TLS connection established to localhost" in postfix.log(), postfix.log()
        assert re.search(r'relay delivered .*tls="?TLS', one.log_text())
        assert one.cli("queue", "list").text == "0 in the queue\n"
        assert "queue is empty" in postfix.queue()


@harness.slow
def test_postfix_does_not_keep_to_requiretls():
    """Its certificate is good, but it would send the message on as it likes: it does not get it."""
    with final() as last, Postfix(last) as postfix, first(postfix) as one:
        client = mailkit.smtp(one)
        client.sendmail("alice@first.test", ["carol@final.test"], mailkit.cases()["plain"],
                        mail_options=["REQUIRETLS"])
        client.quit()
        report = mailkit.wait_for_inbox(one, 1, "alice", "secret")[0]
        assert b"Status: 5.7.30" in report and b"does not offer REQUIRETLS" in report, report
        assert mailkit.inbox(last, "carol", "pw3") == []


@harness.slow
def test_postfix_gets_a_refusal_and_reports_it():
    with final() as last, Postfix(last) as postfix, first(postfix) as one:
        send(one, mailkit.cases()["plain"], ["nobody@final.test", "carol@final.test"])
        assert len(mailkit.wait_for_inbox(last, 1, "carol", "pw3")) == 1
        wait_until(lambda: "550 5.1.1" in postfix.log(), 20, "the refusal in Postfix's log")


@harness.slow
def test_wrong_authorities_stop_both_hops():
    with final() as last, first_with_a_wrong_authority(last) as (postfix, one):
        send(one, mailkit.cases()["plain"])
        wait_until(lambda: "attempts=1" in one.cli("queue", "list").text, 20, "an attempt")
        assert re.search("certificate|authority|issuer|signer", one.cli("queue", "list").text)

        one.set(keys(tls={"trusted": postfix.ca}))
        assert "server reloaded" in one.reload()
        number = one.cli("queue", "list").text.split()[0]
        one.cli("queue", "retry", number)
        wait_until(lambda: "not verified" in postfix.log() or "not trusted" in postfix.log(), 20,
                   "Postfix to refuse the last hop's certificate")
        assert one.cli("queue", "list").text == "0 in the queue\n"
        assert mailkit.inbox(last, "carol", "pw3") == []


class first_with_a_wrong_authority:
    """Postfix trusts its own authority instead of the last server's, the first server the last's
    instead of Postfix's."""

    def __init__(self, last):
        self.postfix = Postfix(last, next_ca=os.path.join(last.dir, "postfix", "ca.pem"))
        self.last = last

    def __enter__(self):
        self.postfix.__enter__()
        try:
            self.one = first(self.postfix, ca=self.last.ca)
        except BaseException:
            self.postfix.__exit__()
            raise
        return self.postfix, self.one

    def __exit__(self, kind, value, trace):
        try:
            self.one.__exit__(kind, value, trace)
        finally:
            self.postfix.__exit__()
