"""Many idle IMAP sessions over TLS, while mail goes in and is read."""
import concurrent.futures
import resource
import socket
import ssl
import time

import harness
import mailkit
from harness import Server, keys

SERVER = None
COUNT = 2000
WATCHERS = 100  # of them, those that idle on the mailbox that gets the mail
BOUND_KIB = 64


def raise_descriptor_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = COUNT + 200
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise harness.Skip(f"no more than {hard} descriptors are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if soft < wanted else soft, hard))


def memory_kib(process):
    """Pss: what the process would free if it ended."""
    with open(f"/proc/{process.pid}/smaps_rollup") as f:
        for line in f:
            if line.startswith("Pss:"):
                return int(line.split()[1])
    raise harness.Skip("there is no smaps_rollup here")


class Idler:
    """One connection without the buffers of imaplib."""

    def __init__(self, server, context, user, password):
        plain = socket.create_connection(("127.0.0.1", server.port("imaps")), 60)
        self.tls = context.wrap_socket(plain, server_hostname="localhost")
        self.rest = b""
        self.line()
        self.ask(b"a LOGIN %s %s" % (user, password), b"a OK")
        self.ask(b"b SELECT INBOX", b"b OK")
        self.ask(b"c IDLE", b"+ ")

    def line(self):
        while b"\n" not in self.rest:
            more = self.tls.recv(4096)
            assert more, "the server closed an idle connection"
            self.rest += more
        line, _, self.rest = self.rest.partition(b"\n")
        return line

    def until(self, start):
        while True:
            line = self.line()
            if line.startswith(start):
                return line

    def ask(self, text, start):
        self.tls.sendall(text + b"\r\n")
        return self.until(start)


@harness.slow
def test_two_thousand_idle_sessions():
    raise_descriptor_limit()
    with Server(edit=keys(net={"connections_per_address_max": COUNT + 100})) as server:
        context = server.context()
        warm = [Idler(server, context, b"bob", b"hunter2") for _ in range(8)]
        for idler in warm:
            idler.ask(b"DONE\r\nd LOGOUT", b"d OK")
            idler.tls.close()
        mailkit.smtp(server).quit()
        time.sleep(0.5)
        before = memory_kib(server.process)
        started = time.monotonic()
        who = [(b"bob", b"hunter2")] * WATCHERS + [(b"alice", b"secret")] * (COUNT - WATCHERS)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            idlers = list(pool.map(lambda w: Idler(server, context, *w), who))
        seconds = time.monotonic() - started
        time.sleep(1)
        each = (memory_kib(server.process) - before) / COUNT
        print(f"{COUNT} idle TLS sessions: {each:.1f} KiB each (base {before / 1024:.1f} MiB), "
              f"{COUNT / seconds:.0f} logins/s", flush=True)

        started = time.monotonic()
        message = mailkit.cases()["plain"]
        client = mailkit.smtp(server)
        for _ in range(50):
            client.sendmail("alice@example.org", ["bob@example.org"], message)
        client.quit()
        assert len(mailkit.wait_for_inbox(server, 50)) == 50
        for idler in idlers[:WATCHERS]:
            idler.until(b"* 50 EXISTS")
        print(f"50 messages sent, read and told to {WATCHERS} sessions in "
              f"{time.monotonic() - started:.2f} s", flush=True)

        for idler in idlers:
            idler.tls.sendall(b"DONE\r\nd NOOP\r\n")
        for idler in idlers:
            idler.until(b"d OK")
        for idler in idlers:
            idler.tls.close()
        time.sleep(2)
        after = (memory_kib(server.process) - before) / COUNT
        print(f"{after:.1f} KiB for each are still held after all have closed", flush=True)
        assert is_sanitized(server) or each < BOUND_KIB, f"{each:.1f} KiB for each session"


def is_sanitized(server):
    with open(f"/proc/{server.process.pid}/maps") as f:
        return "libasan" in f.read()
