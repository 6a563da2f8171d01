"""What every listener refuses, whoever asks for it: early data, renegotiation, compression, foreign
application protocols (ALPN), and web browsers."""
import base64
import contextlib
import os
import re
import socket
import ssl
import struct
import threading

import harness
import rawtls
from test_tls_matrix import FAREWELL, VERSIONS, openssl_words, s_client

SECONDS = 30
REPLY_MAX = 64 * 1024
HTTP = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\nNOOP\r\n"


def read_all(sock):
    """What comes until the other end closes; a server that does not is a failure."""
    text = b""
    while len(text) < REPLY_MAX:
        try:
            more = sock.recv(4096)
        except ConnectionResetError:
            break
        if not more:
            break
        text += more
    assert len(text) < REPLY_MAX, text[:200]
    return text


# ---- ALPN ------------------------------------------------------------------------------------------


def test_alpn(server):
    for listener in rawtls.NAMES:
        name = rawtls.PROTOCOLS[listener]
        others = [other for other in ("smtp", "imap", "pop3") if other != name]
        for version in VERSIONS:
            for offered, wanted in (((), None), ((name,), name), (("http/1.1", name), name),
                                    ((name, "h2"), name), (("http/1.1",), "refused"),
                                    (("h2", "http/1.1"), "refused"), (others, "refused"),
                                    ((name + "s",), "refused")):
                got = alpn_outcome(server, listener, version, offered)
                assert got == wanted, f"{listener} {version} {offered}: wanted {wanted}, got {got}"


def alpn_outcome(server, listener, version, offered):
    try:
        with rawtls.handshake(server, listener,
                              rawtls.context(server.ca, version, offered)) as tls:
            return tls.selected_alpn_protocol()
    except ssl.SSLError as error:
        assert "no application protocol" in str(error).lower(), error
        return "refused"


# ---- Web browsers ----------------------------------------------------------------------------------


def test_http_over_tls_is_hung_up_on(server):
    for listener in rawtls.NAMES:
        for version in VERSIONS:
            with rawtls.handshake(server, listener, rawtls.context(server.ca, version)) as tls:
                tls.sendall(HTTP)
                check_hung_up(f"{listener} {version}", read_all(tls))


def test_http_in_plaintext_is_hung_up_on(server):
    for listener in rawtls.NAMES:
        address = (rawtls.ADDRESS, server.port(listener))
        with socket.create_connection(address, SECONDS) as sock:
            sock.sendall(HTTP)
            said = read_all(sock)
            if rawtls.STARTTLS[listener]:
                check_hung_up(listener, said)
            else:  # at most an alert: no greeting, nothing in plaintext
                assert said == b"" or said[0] == 21, f"{listener}: {said!r}"


def check_hung_up(case, said):
    """A greeting and at most one refusal; no line of the request comes back, none is carried out."""
    lines = said.splitlines()
    assert len(lines) <= 2 and b"HTTP" not in said, f"{case}: {said!r}"
    assert b"2.0.0" not in said and b"localhost" not in b"".join(lines[1:]), f"{case}: {said!r}"


# ---- Renegotiation and compression -----------------------------------------------------------------


def test_renegotiation_is_refused(server):
    harness.need("openssl")
    for listener in rawtls.NAMES:
        where = os.path.getsize(server.log_path)
        words = openssl_words(listener, server.port(listener), "1.2", server.ca)
        done = harness.run(words, input=b"R\n", check=False, timeout=SECONDS)
        assert "RENEGOTIATING" in done.text + done.errors, done.errors
        assert done.returncode != 0, f"{listener}: {done.text}"
        server.wait_for_log('fault="the peer asked for renegotiation, which is refused"', where)


def extension(number, data):
    return struct.pack(">HH", number, len(data)) + data


def client_hello(compressions):
    """TLS 1.2 and suites that the server takes; RFC 5246 7.4.1.2."""
    suites = struct.pack(">5H", 0xC02B, 0xC02C, 0xC02F, 0xC030, 0x00FF)
    groups, signatures = struct.pack(">HHH", 4, 29, 23), struct.pack(">HHHH", 6, 0x0403, 0x0804, 0x0401)
    extensions = extension(10, groups) + extension(11, b"\x01\x00") + extension(13, signatures)
    body = (b"\x03\x03" + os.urandom(32) + b"\x00" + struct.pack(">H", len(suites)) + suites
            + bytes([len(compressions)]) + compressions
            + struct.pack(">H", len(extensions)) + extensions)
    message = b"\x01" + struct.pack(">I", len(body))[1:] + body
    return b"\x16\x03\x01" + struct.pack(">H", len(message)) + message


def read_exactly(sock, size):
    data = b""
    while len(data) < size:
        more = sock.recv(size - len(data))
        assert more, f"closed after {data!r}"
        data += more
    return data


def answer_to(server, listener, hello):
    """Type and payload of the first record that comes back."""
    with rawtls.connect(server, listener) as sock:
        sock.sendall(hello)
        kind, _, size = struct.unpack(">BHH", read_exactly(sock, 5))
        return kind, read_exactly(sock, size)


def test_nothing_is_compressed(server):
    """DEFLATE (1) is offered before null; alone, it is no offer (RFC 5246 7.4.1.2: null is a must)."""
    for listener in rawtls.NAMES:
        kind, payload = answer_to(server, listener, client_hello(b"\x01\x00"))
        assert kind == 22 and payload[0] == 2, f"{listener}: no ServerHello but {kind} {payload!r}"
        session_id_len = payload[4 + 34]
        compression = payload[4 + 35 + session_id_len + 2]
        assert compression == 0, f"{listener}: compression method {compression}"
        kind, payload = answer_to(server, listener, client_hello(b"\x01"))
        assert kind == 21 and payload[0] == 2, f"{listener}: no fatal alert but {kind} {payload!r}"


# ---- Early data ------------------------------------------------------------------------------------

MAX_EARLY_DATA = 16384
TAG_MAX_EARLY_DATA = 15  # of SSL_SESSION_ASN1 in openssl's ssl_asn1.c


def der(tag, content):
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def der_split(data):
    """(tag, content) of each element; all tags here are a byte long."""
    rows, at = [], 0
    while at < len(data):
        tag, size, start = data[at], data[at + 1], at + 2
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(data[at + 2:start], "big")
        rows.append((tag, data[start:start + size]))
        at = start + size
    return rows


def allow_early_data(file):
    """Our server's tickets allow none, so no honest client sends any: rewrites openssl's session as if
    the ticket did."""
    with open(file) as f:
        text = f.read()
    lines = re.search(r"(-----BEGIN [^\n]*\n)(.*?)(-----END [^\n]*\n)", text, re.S)
    (tag, content), = der_split(base64.b64decode(lines.group(2)))
    allowed = (0xA0 | TAG_MAX_EARLY_DATA, der(2, MAX_EARLY_DATA.to_bytes(3, "big").lstrip(b"\0")))
    rows = [row for row in der_split(content) if row[0] != allowed[0]]
    at = next((i for i, row in enumerate(rows) if row[0] & 0xE0 == 0xA0 and row[0] > allowed[0]),
              len(rows))
    rows.insert(at, allowed)
    session = der(tag, b"".join(der(*row) for row in rows))
    with open(file, "w") as f:
        f.write(lines.group(1) + base64.encodebytes(session).decode() + lines.group(3))


@contextlib.contextmanager
def door(server, listener):
    """A port that leads one connection to where a listener waits for a ClientHello: openssl sends
    early data at once, which is too early for STARTTLS."""
    with socket.create_server((rawtls.ADDRESS, 0)) as entrance:
        thread = threading.Thread(target=lead, args=(entrance, server, listener))
        thread.start()
        yield entrance.getsockname()[1]
        thread.join(SECONDS)


def lead(entrance, server, listener):
    entrance.settimeout(SECONDS)
    outside = entrance.accept()[0]
    outside.settimeout(SECONDS)
    with outside, rawtls.connect(server, listener) as inside:
        back = threading.Thread(target=pour, args=(inside, outside))
        back.start()
        pour(outside, inside)
        back.join(SECONDS)


def pour(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def test_early_data_is_never_taken(ignored):
    """It is skipped (RFC 8446 4.2.10): no answer to it, and the session goes on without. openssl does
    not wait for a greeting, so that its farewell may come with the end of its handshake."""
    harness.need("openssl")
    with harness.Server(settings="net = { refuse_early_talkers = false; };\n") as server:
        skip_early_data(server)


def skip_early_data(server):
    early = server.path("early", b"XEARLY\r\n" * 20)
    for listener in rawtls.NAMES:
        session = server.path("session-" + listener)
        assert "Max Early Data: 0" in s_client(server, listener, "1.3", "-sess_out", session)
        allow_early_data(session)
        protocol = rawtls.PROTOCOLS[listener]
        with door(server, listener) as port:
            done = harness.run([*openssl_words("imaps", port, "1.3", server.ca), "-nocommands",
                                "-ign_eof", "-sess_in", session, "-early_data", early],
                               input=FAREWELL[protocol], check=False, timeout=SECONDS)
        said = done.text + done.errors
        assert "Early data was rejected" in said, f"{listener}: {said[-1500:]}"
        bad = {"smtp": "\n500 ", "imap": " BAD ", "pop3": "\n-ERR"}[protocol]
        bye = {"smtp": "\n221 ", "imap": "* BYE", "pop3": "\n+OK"}[protocol]
        assert bye in said and bad not in said, f"{listener}: {said[-1500:]}"
