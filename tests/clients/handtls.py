"""A TLS client whose records the test has in its own hands: what is sealed waits until it is sent,
whole, in pieces or not at all."""
import socket
import ssl

STARTTLS = {
    "smtp": (b"EHLO client.test\r\n", b"STARTTLS\r\n", b"220 "),
    "submission": (b"EHLO client.test\r\n", b"STARTTLS\r\n", b"220 "),
    "imap": (None, b"a STARTTLS\r\n", b"a OK"),
    "pop3": (None, b"STLS\r\n", b"+OK"),
}
IMPLICIT = ("submissions", "imaps", "pop3s")
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


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


def read_reply(s, last):
    """Until a line that begins with last has come whole; b"" in the end: the peer closed."""
    text = b""
    while True:
        lines = text.split(b"\r\n")
        if any(line.startswith(last) for line in lines[:-1]):
            return text
        got = s.recv(65536)
        if not got:
            return text
        text += got


def ask_for_tls(s, name):
    """The plaintext part of a STARTTLS port, up to and with the command; its answer."""
    hello, command, go_ahead = STARTTLS[name]
    read_reply(s, {"imap": b"* OK", "pop3": b"+OK"}.get(name, b"220 "))
    if hello:
        s.sendall(hello)
        read_reply(s, b"250 ")
    s.sendall(command)
    return read_reply(s, go_ahead)


def open_port(server, name, **more):
    """A connection on which TLS comes next, whatever the port's style."""
    s = connect(server, name, **more)
    if name in STARTTLS:
        assert ask_for_tls(s, name).split(b"\r\n")[-2].startswith(STARTTLS[name][2])
    return s


class Tls:
    """sealed: records that were made and not sent."""

    def __init__(self, sock, server, version=None, name="localhost"):
        context = server.context()
        if version is not None:
            context.minimum_version = context.maximum_version = version
        self.sock = sock
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        self.sealed = b""
        self.raw = b""

    def shake(self):
        """One step: True when the handshake is done; what it made is in sealed."""
        try:
            self.tls.do_handshake()
            return True
        except ssl.SSLWantReadError:
            return False
        finally:
            self.sealed += self.outgoing.read()

    def send(self, data=None):
        if data is None:
            data, self.sealed = self.sealed, b""
        self.sock.sendall(data)

    def records(self):
        """The records in sealed, which is emptied."""
        found, rest = [], self.sealed
        while rest:
            length = 5 + int.from_bytes(rest[3:5], "big")
            found.append(rest[:length])
            rest = rest[length:]
        self.sealed = b""
        return found

    def read_record(self):
        """The next whole record from the server goes to our TLS. False: the server closed."""
        while len(self.raw) < 5 or len(self.raw) < 5 + int.from_bytes(self.raw[3:5], "big"):
            got = self.sock.recv(65536)
            if not got:
                return False
            self.raw += got
        length = 5 + int.from_bytes(self.raw[3:5], "big")
        self.incoming.write(self.raw[:length])
        self.raw = self.raw[length:]
        return True

    def handshake(self, send_last=True):
        """To its end; with send_last=False the last flight stays in sealed."""
        while not self.shake():
            self.send()
            assert self.read_record(), "the server closed during the handshake"
        if send_last:
            self.send()

    def seal(self, data):
        self.tls.write(data)
        self.sealed += self.outgoing.read()

    def read(self):
        """Clear bytes, as they come; b"" at the end."""
        while True:
            try:
                return self.tls.read(65536)
            except ssl.SSLWantReadError:
                try:
                    if not self.read_record():
                        return b""
                except ConnectionError:
                    return b""
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def read_all(self):
        text = b""
        while True:
            got = self.read()
            if not got:
                return text
            text += got
