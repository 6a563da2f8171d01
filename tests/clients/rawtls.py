"""TLS over a plain socket to any listener: the few lines of protocol before a handshake."""
import socket
import ssl

ADDRESS = "127.0.0.1"
# listener, protocol, whether it begins with plaintext
LISTENERS = (("smtp", "smtp", True), ("submission", "smtp", True), ("submissions", "smtp", False),
             ("imap", "imap", True), ("imaps", "imap", False),
             ("pop3", "pop3", True), ("pop3s", "pop3", False))
NAMES = tuple(row[0] for row in LISTENERS)
PROTOCOLS = {row[0]: row[1] for row in LISTENERS}
STARTTLS = {row[0]: row[2] for row in LISTENERS}
LINE_MAX = 4096
GREETINGS = {"smtp": b"220", "imap": b"* OK", "pop3": b"+OK"}

# protocol -> what is said before the handshake and what must come back
UPGRADES = {"smtp": ((b"EHLO client.test\r\n", b"250 "), (b"STARTTLS\r\n", b"220 ")),
            "imap": ((b"a STARTTLS\r\n", b"a OK"),),
            "pop3": ((b"STLS\r\n", b"+OK"),)}


def read_line(sock):
    """One line, read byte by byte: what comes behind it belongs to somebody else."""
    line = b""
    while not line.endswith(b"\n"):
        byte = sock.recv(1)
        assert byte, f"closed after {line!r}"
        line += byte
        assert len(line) < LINE_MAX, line
    return line


def read_until(sock, start):
    for _ in range(100):
        line = read_line(sock)
        if line.startswith(start):
            return line
    raise AssertionError(f"no line begins with {start!r}")


def connect(server, listener, timeout=30):
    """A connection that waits for a ClientHello."""
    sock = socket.create_connection((ADDRESS, server.port(listener)), timeout)
    try:
        if STARTTLS[listener]:
            protocol = PROTOCOLS[listener]
            read_until(sock, GREETINGS[protocol])
            for said, wanted in UPGRADES[protocol]:
                sock.sendall(said)
                read_until(sock, wanted)
    except BaseException:
        sock.close()
        raise
    return sock


def context(ca, version=None, alpn=()):
    """version: "1.2" or "1.3"; None leaves the choice."""
    made = ssl.create_default_context(cafile=ca)
    if version is not None:
        made.minimum_version = made.maximum_version = VERSIONS[version]
    if alpn:
        made.set_alpn_protocols(list(alpn))
    return made


VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def handshake(server, listener, tls_context, timeout=30, name="localhost", session=None):
    sock = connect(server, listener, timeout)
    try:
        return tls_context.wrap_socket(sock, server_hostname=name, session=session)
    except BaseException:
        sock.close()
        raise
