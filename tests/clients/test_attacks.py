"""Attacks over loopback that are too big, too slow or too strange for a dialogue."""
import os
import socket
import time

import harness
import mailkit

SERVER = {
    "settings": 'net = { connections_per_address_max = 40; handshake_timeout = "2s"; };\n',
}
CROWDED = {"smtp": b"421 4.3.2 ", "submission": b"421 4.3.2 ", "imap": b"* BYE ", "pop3": b"-ERR "}


def connect(server, name, address="127.0.0.1", timeout=10):
    s = socket.socket()
    s.settimeout(timeout)
    s.bind((address, 0))
    s.connect(("127.0.0.1", server.port(name)))
    return s


def read_all(s):
    """What comes until the end; a reset is an end too."""
    text = b""
    try:
        while True:
            got = s.recv(65536)
            if not got:
                return text
            text += got
    except ConnectionError:
        return text


def memory(server):
    """Resident KiB."""
    with open(f"/proc/{server.process.pid}/status") as status:
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1])


def descriptors(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def test_over_the_quota_is_told_and_others_are_served(server):
    held = [connect(server, "smtp") for _ in range(40)]
    for s in held:
        assert s.recv(3) == b"220"
    for name, words in CROWDED.items():
        got = read_all(connect(server, name))
        assert got.startswith(words) and got.endswith(b"\r\n"), (name, got)
    assert read_all(connect(server, "imaps")) == b""
    assert connect(server, "smtp", "127.0.0.2").recv(3) == b"220"
    assert "alice" in server.cli("user", "list").text
    for s in held:
        s.close()
    harness.wait_until(lambda: connect(server, "smtp").recv(3) == b"220", what="a free place")


def test_an_endless_handshake_message_is_not_collected(server):
    """It announces 16 MiB; GnuTLS would keep what comes."""
    before = memory(server)
    sockets = []
    for _ in range(20):
        s = connect(server, "imaps")
        record = b"\x16\x03\x03\x40\x00" + b"\x01\xff\xff\xff" + bytes(16380)
        try:
            for _ in range(200):
                s.sendall(record)
                record = b"\x16\x03\x03\x40\x00" + bytes(16384)
            raise AssertionError("three megabytes of ClientHello were taken")
        except OSError:
            sockets.append(s)
    assert memory(server) - before < 20 * 1024, (before, memory(server))


def test_a_line_without_end_is_cut_off(server):
    for name in CROWDED:
        s = connect(server, name)
        try:
            for _ in range(64):
                s.sendall(b"x" * 1048576)
            raise AssertionError(f"{name}: 64 MB without CRLF were taken")
        except ConnectionError:
            pass


def test_nobody_else_can_read_the_data(server):
    for where, directories, files in os.walk(os.path.join(server.home, "data")):
        for name in directories + files:
            mode = os.lstat(os.path.join(where, name)).st_mode
            assert mode & 0o077 == 0, (name, oct(mode))
    for name in ("server-key.pem", "ca-key.pem"):
        assert os.stat(os.path.join(server.home, "tls", name)).st_mode & 0o077 == 0, name
