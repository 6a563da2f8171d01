"""Bad input before and during the TLS handshake: whatever comes, memory is bounded, the log is clear
and others are served. What needs virtual time is in tests/unit/test_net_handshake.c."""
import os
import re
import socket
import ssl
import struct
import threading
import time

import harness
import mailkit
import handtls

DEADLINE = 2
SERVER = {
    "settings": f'net = {{ handshake_timeout = "{DEADLINE}s"; }};\n',
}
PORTS = handtls.IMPLICIT + tuple(handtls.STARTTLS)
CROWDED = {"smtp": b"454 4.7.0 ", "submission": b"454 4.7.0 ", "imap": b"a NO [UNAVAILABLE] ",
           "pop3": b"-ERR [SYS/TEMP] "}


def is_sanitized():
    return "/asan/" in harness.BINARY


def rss(server):
    """Resident KiB."""
    with open(f"/proc/{server.process.pid}/status") as status:
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1])


def descriptors(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def log_from(server, where):
    return server.log_text()[where:]


def wait_for_lines(server, where, pattern, count):
    harness.wait_until(lambda: len(re.findall(pattern, log_from(server, where))) == count,
                       what=f"{count} lines with {pattern!r}")


def client_hello(server):
    client = handtls.Tls(None, server)
    client.shake()
    return client.sealed


def login(server, address="127.0.0.2"):
    """A whole login over TLS; how many seconds it took."""
    started = time.monotonic()
    s = handtls.connect(server, "imaps", address)
    with server.context().wrap_socket(s, server_hostname="localhost") as tls:
        assert tls.recv(4096).startswith(b"* OK")  # who does not wait is hung up on
        tls.sendall(b"a LOGIN alice secret\r\nb LOGOUT\r\n")
        assert b"a OK" in handtls.read_all(tls)
    return time.monotonic() - started


class Logins:
    """Somebody else, who logs in ten times a second as long as this lasts."""

    def __init__(self, server):
        self.server, self.times, self.errors, self.is_over = server, [], [], False

    def run(self):
        while not self.is_over:
            try:
                self.times.append(login(self.server))
            except Exception as error:  # whatever it is, the test is to fail with it
                self.errors.append(repr(error))
            time.sleep(0.1)

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self.is_over = True
        self.thread.join()
        if kind is None:
            assert not self.errors and len(self.times) > 3, (self.errors, len(self.times))
            assert max(self.times) < (5 if is_sanitized() else 1), max(self.times)


# --- what is no handshake ---

GARBAGE = {
    "a plaintext command": b"EHLO client.test\r\nMAIL FROM:<>\r\n",
    "zeroes": bytes(64),
    "high bytes": b"\xff" * 64,
    "a record too long": b"\x16\x03\x01\xff\xff" + bytes(64),
    "an empty record": b"\x16\x03\x01\x00\x00" * 4 + b"\x00" * 20,
    "another message": b"\x16\x03\x01\x00\x04\x02\x00\x00\x00" + bytes(16),
    "a ClientHello of nothing": b"\x16\x03\x01\x00\x04\x01\x00\x00\x00",
    "data": b"\x17\x03\x03\x00\x10" + bytes(16),
    "SSLv2": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(40),
    "an alert": b"\x15\x03\x03\x00\x02\x02\x28",
}


def test_garbage_instead_of_a_client_hello(server):
    for number, (name, data) in enumerate(GARBAGE.items()):
        where = len(server.log_text())
        for port in PORTS:
            s = handtls.open_port(server, port, address=f"127.0.1.{number + 1}")
            s.sendall(data)
            started = time.monotonic()
            said = handtls.read_all(s)
            assert time.monotonic() - started < DEADLINE + 2, (name, port)
            assert said == b"" or said[0] == 0x15, (name, port, said)
        wait_for_lines(server, where, r" tls failed .*fault=", len(PORTS))
    assert login(server) < 1 or is_sanitized()


def test_half_a_record_and_the_end(server):
    hello = client_hello(server)
    for number, length in enumerate((1, 4, 5, 6, len(hello) // 2, len(hello) - 1)):
        where = len(server.log_text())
        for port in PORTS:
            s = handtls.open_port(server, port, address=f"127.0.2.{number + 1}")
            s.sendall(hello[:length])
            s.shutdown(socket.SHUT_WR)
            started = time.monotonic()
            assert handtls.read_all(s) == b"", (length, port)
            assert time.monotonic() - started < 1.5, (length, port)
        wait_for_lines(server, where, "could not finish the TLS handshake: the peer closed", len(PORTS))


# --- who is slow ---

def test_a_stalled_handshake_ends_at_its_deadline_and_holds_little(server):
    before, open_before = rss(server), descriptors(server)
    hello = client_hello(server)
    record = b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc" + bytes(16000)
    held = []
    for i in range(90):
        s = handtls.open_port(server, PORTS[i % len(PORTS)], address="127.0.3.1")
        s.sendall(record if i % 2 else hello)
        held.append(s)
    started = time.monotonic()
    time.sleep(0.5)
    grown = rss(server) - before
    with Logins(server):
        for s in held:
            handtls.read_all(s)
    waited = time.monotonic() - started
    assert DEADLINE - 0.5 < waited < DEADLINE + 3, waited
    assert is_sanitized() or grown < 90 * 64, f"{grown} KiB for 90 handshakes under way"
    harness.wait_until(lambda: descriptors(server) <= open_before + 2, what="an end of all")
    print(f"90 stalled handshakes: {grown} KiB")


def test_a_byte_now_and_then_prolongs_nothing(server):
    hello = client_hello(server)
    sockets = [handtls.open_port(server, port, address="127.0.4.1") for port in PORTS]
    started = time.monotonic()
    for at in range(2 * DEADLINE * 5):
        for s in sockets:
            try:
                s.sendall(hello[at:at + 1])
            except OSError:
                pass
        time.sleep(0.2)
    for s in sockets:
        assert handtls.read_all(s) == b""
    assert time.monotonic() - started < 2 * DEADLINE + 2
    assert "it was not finished within its timeout" in server.log_text()


# --- who goes away ---

def shake_until(server, port, version, steps, close):
    """Goes on for so many records, counted in both directions, then closes. True: it was done before
    that."""
    client = handtls.Tls(handtls.open_port(server, port, address="127.0.5.1"), server, version)
    try:
        while True:
            is_done = client.shake()
            for record in client.records():
                if steps == 0:
                    return False
                steps -= 1
                client.send(record)
            if is_done:
                return True
            if steps == 0:
                return False
            steps -= 1
            assert client.read_record(), "the server closed"
    finally:
        close(client.sock)


def test_a_client_that_closes_at_each_step(server):
    open_before = descriptors(server)
    for version in handtls.VERSIONS:
        for port in ("imaps", "smtp", "pop3"):
            for close in (socket.socket.close, reset):
                steps = 0
                while not shake_until(server, port, version, steps, close):
                    steps += 1
                assert 4 <= steps <= 20, (version, steps)
    harness.wait_until(lambda: descriptors(server) <= open_before + 2, what="an end of all")
    assert login(server) < 1 or is_sanitized()


# --- who comes in crowds ---

def test_over_the_ceiling_of_an_address_it_is_told_so_and_others_are_served(server):
    where = len(server.log_text())
    held = [handtls.connect(server, PORTS[i % 3], "127.0.6.1") for i in range(100)]
    time.sleep(0.3)
    for port, words in CROWDED.items():
        s = handtls.connect(server, port, "127.0.6.1")
        said = handtls.ask_for_tls(s, port)
        assert said.startswith(words) and said.endswith(b"\r\n"), (port, said)
        assert handtls.read_all(s) == b""
    for port in handtls.IMPLICIT:
        assert handtls.read_all(handtls.connect(server, port, "127.0.6.1")) == b""
    assert login(server) < 1 or is_sanitized()
    assert re.search(r" warn tls crowded .*refused=1", log_from(server, where))
    for s in held:
        handtls.read_all(s)
    assert login(server, "127.0.6.1") < 1 or is_sanitized()


def abandon(server, count, addresses, hello):
    """Begins so many handshakes and leaves them with a reset, most behind the server's answer, some
    behind half a ClientHello or at any time; some tens are open at a time."""
    window = []
    for i in range(count):
        s = socket.socket()
        s.settimeout(10)
        s.bind((addresses[i % len(addresses)], 0))
        s.connect(("127.0.0.1", server.port("imaps")))
        is_whole = i % 4 > 0
        try:
            s.sendall(hello if is_whole else hello[:len(hello) // 2])
        except OSError:
            pass
        window.append((s, is_whole))
        if len(window) > 60:
            gone, is_answered = window.pop(0)
            try:
                if is_answered and i % 5:
                    gone.recv(4096)
            except OSError:
                pass
            reset(gone)
    for s, _ in window:
        reset(s)


def flood(server, count, addresses):
    hello = client_hello(server)
    abandon(server, count // 10, addresses, hello)
    harness.wait_until(lambda: descriptors(server) < 80, what="a quiet server")
    before, where, started = rss(server), len(server.log_text()), time.monotonic()
    peak = before
    with Logins(server) as logins:
        threads = [threading.Thread(target=abandon, args=(server, count // 2, addresses, hello))
                   for _ in range(2)]
        for t in threads:
            t.start()
        while any(t.is_alive() for t in threads):
            peak = max(peak, rss(server))
            time.sleep(0.05)
    seconds = time.monotonic() - started
    harness.wait_until(lambda: descriptors(server) < 80, what="the end of the flood")
    after = rss(server)
    lines = len(re.findall(" tls (failed|crowded) ", log_from(server, where)))
    print(f"{count} handshakes in {seconds:.1f} s: {before} KiB before, {peak} at most, {after} after; "
          f"{lines} lines; {len(logins.times)} logins, the slowest {max(logins.times):.3f} s")
    if not is_sanitized():
        assert peak - before < 16 * 1024, (before, peak)
        assert after - before < 4 * 1024, (before, after)
    return lines, seconds


def test_ten_thousand_handshakes_abandoned_by_one_address(server):
    lines, seconds = flood(server, 10000, ["127.0.7.1"])
    assert lines <= 2 * (10 + 4 * seconds), lines


def test_ten_thousand_handshakes_abandoned_by_many_addresses(server):
    lines, seconds = flood(server, 10000, [f"127.0.8.{i}" for i in range(1, 200)])
    assert lines <= 2 * (100 + 14 * seconds), lines
    assert "left_out=" in server.log_text()


# --- a server that means no good ---

class Hop(threading.Thread):
    """A next hop under implicit TLS; chain is what it shows."""

    def __init__(self, chain, key, version):
        super().__init__(daemon=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(chain, key)
        self.context.minimum_version = self.context.maximum_version = version
        self.port = harness.free_port()
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.count = 0

    def run(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            self.count += 1
            s.settimeout(10)
            try:
                self.context.wrap_socket(s, server_side=True).close()
            except OSError:
                s.close()


def test_a_megabyte_of_certificate_chain_is_not_collected(server):
    with open(os.path.join(server.home, "tls", "server.pem")) as f:
        chain = f.read()
    with open(server.ca) as f:
        ca = f.read()
    der_size = len(ssl.PEM_cert_to_DER_cert(ca))
    big = server.path("big.pem", chain + ca * (1048576 // der_size))
    key = os.path.join(server.home, "tls", "server-key.pem")
    for version in handtls.VERSIONS:
        hop = Hop(big, key, version)
        hop.start()
        relay = {"smarthost": "localhost", "smarthost_port": hop.port, "smarthost_tls": "implicit",
                 "smarthost_verify": "required"}
        with harness.Server(edit=harness.keys(tls={"trusted": server.ca}, relay=relay)) as sender:
            before = rss(sender)
            client = mailkit.smtp(sender)
            client.sendmail("alice@example.org", ["carol@final.test"], b"Subject: x\r\n\r\nx\r\n")
            client.quit()
            sender.wait_for_log("the peer's handshake is longer than 262144 bytes: "
                                "its certificate chain has to be shortened")
            print(f"a MiB of chain, {version.name}: {before} KiB before, {rss(sender)} after")
            assert hop.count == 1
            assert is_sanitized() or rss(sender) - before < 4 * 1024
        hop.listener.close()
