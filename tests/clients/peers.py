"""Exim and OpenSMTPD for tests: their packages cannot be installed beside Postfix's, so each is unpacked
(scripts/unpack-peer) and runs in a mount namespace of its own, in which its users are known and its fixed
places are its own. Every one takes all mail and sends it on to one next server, verifying its name."""
import os
import signal
import subprocess

import harness
from harness import run, wait_until
from test_postfix import make_certificate

HERE = os.path.dirname(os.path.abspath(__file__))
FIRST_ID = 64000  # of the users that only the namespace knows

EXIM = """
primary_hostname = exim.test
spool_directory = {dir}/spool
log_file_path = {dir}/log/%slog
log_selector = +tls_certificate_verified +received_recipients +smtp_protocol_error
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
disable_ipv6 = true
tls_advertise_hosts = *
tls_certificate = {dir}/cert.pem
tls_privatekey = {dir}/key.pem
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
dsn_advertise_hosts = *
chunking_advertise_hosts = *
smtputf8_advertise_hosts = *
keep_environment =
message_size_limit = 60M
begin acl
rcpt:
  deny    !encrypted = *
          message = this server takes mail over TLS only
  deny    local_parts = nobody
          message = no such user
  defer   local_parts = later
          condition = ${{if exists{{{dir}/open}}{{no}}{{yes}}}}
          message = come back later
  accept
begin routers
next:
  driver = manualroute
  route_list = * localhost
  self = send
  transport = next
begin transports
next:
  driver = smtp
  port = {next_port}
  hosts_require_tls = *
  tls_verify_hosts = *
  tls_verify_cert_hostnames = *
  tls_verify_certificates = {next_ca}
begin retry
* * F,1h,1s
"""

OPENSMTPD = """
smtp max-message-size "60M"
pki here cert "{dir}/cert.pem"
pki here key "{dir}/key.pem"
filter later phase rcpt-to match rcpt-to {{ "later@final.test" }} reject "451 4.2.0 come back later"
listen on 127.0.0.1 port {port} tls-require pki here hostname opensmtpd.test {filter}
action next relay host "smtp+tls://localhost:{next_port}"
match from any for rcpt-to "nobody@final.test" reject
match from any for any action next
"""


class Peer:
    """A server in a directory of next_server's test. next_ca: whom it trusts to be the next server."""
    name = None
    users = ()

    def __init__(self, next_server, next_ca=None):
        harness.need("openssl", "unshare", "nsenter")
        if os.geteuid() != 0:
            raise harness.Skip(f"{self.name} starts only as root")
        self.root = run([os.path.join(HERE, "../../scripts/unpack-peer"), self.name],
                        timeout=300).text.strip()
        self.dir = os.path.join(next_server.dir, self.name)
        self.port = harness.free_port()
        self.process = None
        os.mkdir(self.dir)
        os.chmod(self.dir, 0o755)
        make_certificate(self.dir)
        os.chown(os.path.join(self.dir, "key.pem"), FIRST_ID, FIRST_ID)
        self.ca = os.path.join(self.dir, "ca.pem")
        self.next_port = next_server.port("smtp")
        self.next_ca = next_ca or next_server.ca
        self.write("passwd", self.with_users("/etc/passwd", "{0}:x:{1}:{1}::/nonexistent:/bin/false"))
        self.write("group", self.with_users("/etc/group", "{0}:x:{1}:"))
        self.make_places()
        self.configure()

    def make_places(self):
        """Directories that it needs, once."""

    def write(self, name, text):
        with open(os.path.join(self.dir, name), "w") as f:
            f.write(text)

    def with_users(self, path, line):
        with open(path) as f:
            text = f.read()
        return text + "".join(line.format(user, FIRST_ID + i) + "\n"
                              for i, user in enumerate(self.users))

    def spawn(self, commands, words):
        """Runs words where commands (of sh) have laid out what they need."""
        layout = ["set -e", "mount --make-rprivate /", *commands,
                  f"mount --bind {self.dir}/passwd /etc/passwd",
                  f"mount --bind {self.dir}/group /etc/group", 'exec "$@"']
        with open(os.path.join(self.dir, "output"), "ab") as output:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", "\n".join(layout), "sh", *words],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
        wait_until(lambda: self.process.poll() is not None or not harness.is_free(self.port), 20,
                   f"{self.name} to listen")
        assert self.process.poll() is None, self.log()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *ignored):
        self.stop()

    def stop(self):
        if self.process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
                self.process.wait(10)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass
        self.process = None

    def log(self):
        text = ""
        for name in self.logs:
            path = os.path.join(self.dir, name)
            if os.path.exists(path):
                with open(path, errors="replace") as f:
                    text += f.read()
        return text


class Exim(Peer):
    name = "exim"
    users = ("Debian-exim",)
    logs = ("output", "log/mainlog", "log/rejectlog", "log/paniclog")
    verified = "CV=yes"
    unverified = "certificate verification failed"

    def make_places(self):
        for name in ("spool", "log"):
            os.mkdir(os.path.join(self.dir, name))
            os.chown(os.path.join(self.dir, name), FIRST_ID, FIRST_ID)
        os.makedirs(os.path.join(self.dir, "etc", "exim4"))

    def configure(self):
        self.write("etc/exim4/exim4.conf", EXIM.format(dir=self.dir, port=self.port, next_port=self.next_port,
                                                       next_ca=self.next_ca))

    def start(self):
        """It trusts a configuration only where it was built to look, and starts itself anew for each
        delivery."""
        lay = "mount -t overlay -o lowerdir={0}:{1} over {1}"
        self.spawn([lay.format(os.path.join(self.dir, "etc"), "/etc"),
                    lay.format(os.path.join(self.root, "usr/sbin"), "/usr/sbin")],
                   ["/usr/sbin/exim4", "-bdf", "-q1s"])

    def open_up(self):
        """From now on it takes what it put off before."""
        self.write("open", "")

    def is_empty(self):
        place = os.path.join(self.dir, "spool", "input")
        return not os.path.exists(place) or not os.listdir(place)


class OpenSMTPD(Peer):
    name = "opensmtpd"
    users = ("opensmtpd", "opensmtpq")
    logs = ("output",)
    verified = 'cert-check result="valid"'
    unverified = "certificate verification failed"

    def configure(self, filtered="filter later"):
        self.write("smtpd.conf", OPENSMTPD.format(dir=self.dir, port=self.port, filter=filtered,
                                                  next_port=self.next_port))
        os.chmod(os.path.join(self.dir, "smtpd.conf"), 0o600)
        os.chown(os.path.join(self.dir, "key.pem"), 0, 0)

    def start(self):
        smtpd = os.path.join(self.root, "usr/sbin/smtpd")
        own = ["/var/spool", "/var/lib", "/run"]
        self.spawn([f"mount -t tmpfs -o mode=755 own {place}" for place in own] +
                   ["mkdir -p -m 711 /var/spool/smtpd /var/lib/opensmtpd/empty",
                    f"mount --bind {self.next_ca} /etc/ssl/certs/ca-certificates.crt"],
                   [smtpd, "-d", "-v", "-f", os.path.join(self.dir, "smtpd.conf")])

    def command(self, *words):
        return run(["nsenter", "-t", self.process.pid, "-m",
                    os.path.join(self.root, "usr/sbin/smtpctl"), *words], check=False)

    def open_up(self):
        self.stop()
        self.configure(filtered="")
        self.start()

    def is_empty(self):
        return self.command("show", "queue").text == ""
