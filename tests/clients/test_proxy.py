"""Behind a proxy: the PROXY header of both versions before SMTP, STARTTLS and implicit TLS, who is
believed, and what is logged and limited by the announced address."""
import re
import smtplib
import socket
import ssl
import struct
import subprocess

import harness
from harness import Server, keys, wait_until

SERVER = None  # each test has its own

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v1(address, port=40000):
    family = "TCP6" if ":" in address else "TCP4"
    here = "2001:db8::1" if ":" in address else "198.51.100.1"
    return f"PROXY {family} {address} {here} {port} 25\r\n".encode()


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def v2(address, port=40000, local=False, tlvs=b"\x05\0\x08uniqueid"):
    """With a checksum, as HAProxy sends it on request."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    packed = socket.inet_pton(family, address)
    body = packed * 2 + struct.pack(">HH", port, 25) + tlvs + b"\x03\0\x04"
    head = SIGNATURE + bytes([0x20 if local else 0x21, 0x21 if ":" in address else 0x11])
    head += struct.pack(">H", len(body) + 4) + body
    return head + struct.pack(">I", crc32c(head + b"\0\0\0\0"))


def proxied(networks=("127.0.0.0/8",), **more):
    def edit(text):
        text, count = re.subn(r'(name = "(?:smtp|submissions)";)', r"\1 proxy = true;", text)
        assert count == 2, text
        return keys(net={"proxy_networks": list(networks), **more},
                    smtp={"relay_networks": ["192.0.2.0/24"]}, top={"log_level": "debug"})(text)
    return Server(edit=edit)


class Client(smtplib.SMTP):
    """Says a header first."""

    def __init__(self, port, header):
        self.header = header
        super().__init__("127.0.0.1", port, timeout=20)

    def _get_socket(self, host, port, timeout):
        connection = socket.create_connection((host, port), timeout)
        connection.sendall(self.header)
        return connection


def hangs_up(server, data, name="smtp"):
    """The server closes without a word."""
    with socket.create_connection(("127.0.0.1", server.port(name)), 20) as connection:
        try:
            connection.sendall(data)
            return connection.recv(100) == b""
        except ConnectionResetError:
            return True


def test_the_announced_address_is_the_peer():
    with proxied() as server:
        for header, shown in ((v1("192.0.2.7"), "[192.0.2.7]"), (v2("192.0.2.8"), "[192.0.2.8]"),
                              (v1("2001:db8::7"), "[IPv6:2001:db8::7]"),
                              (v2("2001:db8::8"), "[IPv6:2001:db8::8]"),
                              (v2("192.0.2.9", local=True), "[127.0.0.1]")):
            with Client(server.port("smtp"), header) as client:
                client.sendmail("x@far.test", ["alice@example.org"], "Subject: " + shown + "\r\n\r\n")
                may_relay = client.docmd("MAIL", "FROM:<x@far.test>")[0] == 250 and \
                    client.docmd("RCPT", "TO:<y@far.test>")[0] == 250
                assert may_relay == shown.startswith("[192.0.2."), shown
        with harness_inbox(server) as texts:
            for shown in ("[192.0.2.7]", "[192.0.2.8]", "[127.0.0.1]", "[IPv6:2001:db8::7]"):
                assert any(f"({shown})".encode() in t for t in texts), (shown, texts)
        for line in (r"accepted .*peer=192\.0\.2\.7 ",
                     r"net proxied .*peer=192\.0\.2\.7:40000 proxy=127\.0\.0\.1:"):
            wait_until(lambda: re.search(line, server.log_text()), 10, line)


class harness_inbox:
    """The messages that alice has, by POP3."""

    def __init__(self, server):
        import poplib
        self.box = poplib.POP3_SSL("localhost", server.port("pop3s"), context=server.context())
        self.box.user("alice@example.org")
        self.box.pass_("secret")

    def __enter__(self):
        count = len(self.box.list()[1])
        return [b" ".join(self.box.retr(i + 1)[1]) for i in range(count)]

    def __exit__(self, *ignored):
        self.box.quit()


def test_starttls_and_implicit_tls_behind_the_header():
    with proxied() as server:
        with Client(server.port("smtp"), v2("192.0.2.7")) as client:
            client._host = "localhost"
            client.starttls(context=server.context())
            assert client.ehlo()[0] == 250
        with socket.create_connection(("127.0.0.1", server.port("submissions")), 20) as plain:
            plain.sendall(v1("192.0.2.7"))
            with server.context().wrap_socket(plain, server_hostname="localhost") as secure:
                assert secure.recv(100).startswith(b"220 ")
        wait_until(lambda: len(re.findall(r"tls established .*peer=192\.0\.2\.7:40000",
                                          server.log_text())) == 2, 10, "both handshakes' lines")


def test_what_is_no_header_is_hung_up_on():
    with proxied(handshake_timeout="1s") as server:
        for data in (b"EHLO x\r\n", b"PROXY TCP4 1.2.3.4\r\n", v2("192.0.2.7")[:-1] + b"!", b"PRO"):
            assert hangs_up(server, data), data
        context = ssl._create_unverified_context()
        try:
            with socket.create_connection(("127.0.0.1", server.port("submissions")), 20) as plain:
                context.wrap_socket(plain).close()
            raise AssertionError("TLS without a header")
        except OSError:
            pass
        for why in ("is no PROXY header", "bad addresses or ports", "wrong checksum",
                    "did not come in time"):
            wait_until(lambda: re.search(f"net proxy-header .*{why}", server.log_text()), 10, why)


def test_only_the_proxies_are_believed():
    with proxied(networks=["203.0.113.0/24"]) as server:
        assert hangs_up(server, v1("192.0.2.7"))
        wait_until(lambda: "net no-proxy listener=smtp peer=127.0.0.1 " in server.log_text(), 10,
                   "the line about a stranger")
        server.set(keys(net={"proxy_networks": ["127.0.0.1"]}))
        assert "server reloaded" in server.reload()
        with Client(server.port("smtp"), v1("192.0.2.7")) as client:
            assert client.noop()[0] == 250


def test_the_limit_is_the_announced_addresses():
    """The proxy itself has none."""
    with proxied(connections_per_address_max=2) as server:
        clients = [Client(server.port("smtp"), v1(f"192.0.2.{i // 2}")) for i in range(8)]
        try:
            Client(server.port("smtp"), v1("192.0.2.1"))
            raise AssertionError("a third connection of one address")
        except smtplib.SMTPConnectError as error:
            assert error.smtp_code == 421, error
        clients.pop(2).quit()

        def again():
            try:
                clients.append(Client(server.port("smtp"), v1("192.0.2.1")))
                return True
            except smtplib.SMTPConnectError:
                return False
        wait_until(again, 10, "a free place")
        for client in clients:
            client.quit()


def test_check_wants_to_know_the_proxies():
    with proxied() as server:
        server.set(keys(net={"proxy_networks": []}))
        done = server.cli("check", check=False)
        assert done.returncode != 0 and "net.proxy_networks is empty" in done.errors, done.errors


HAPROXY = """
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
listen first
    bind 127.0.0.1:{first}
    server postern 127.0.0.1:{smtp} send-proxy check check-send-proxy inter 200ms
listen second
    bind 127.0.0.1:{second}
    server postern 127.0.0.1:{smtp} send-proxy-v2 proxy-v2-options crc32c check check-send-proxy inter 200ms
listen secure
    bind 127.0.0.1:{secure}
    server postern 127.0.0.1:{submissions} send-proxy-v2 proxy-v2-options crc32c
"""


@harness.slow
def test_haproxy_in_front():
    """Both versions, its health checks, STARTTLS and implicit TLS through it. The client's address
    is another than HAProxy's."""
    harness.need("haproxy")
    source = ("127.0.0.9", 0)
    ports = {name: harness.free_port() for name in ("first", "second", "secure")}
    with proxied(networks=["127.0.0.1"]) as server:
        conf = server.path("haproxy.cfg", HAPROXY.format(
            smtp=server.port("smtp"), submissions=server.port("submissions"), **ports))
        proxy = subprocess.Popen(["haproxy", "-db", "-f", conf], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: not any(harness.is_free(port) for port in ports.values()), 20,
                       "HAProxy's start")
            for name in ("first", "second"):
                with smtplib.SMTP("localhost", ports[name], source_address=source) as client:
                    client.starttls(context=server.context())
                    client.sendmail("x@far.test", ["alice@example.org"], "Subject: a\r\n\r\n")
            with smtplib.SMTP_SSL("localhost", ports["secure"], source_address=source,
                                  context=server.context()) as client:
                client.login("alice@example.org", "secret")
        finally:
            proxy.terminate()
            proxy.wait(20)
        with harness_inbox(server) as texts:
            assert len(texts) == 2 and all(b"([127.0.0.9])" in text for text in texts), texts
        wait_until(lambda: re.search(r"smtp login .*peer=127\.0\.0\.9 ", server.log_text()), 10,
                   "the login's line")
        assert "net proxy-header" not in server.log_text(), server.log_text()
        assert "net no-proxy" not in server.log_text(), server.log_text()
