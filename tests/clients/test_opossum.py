"""Clients that are led to a port they were not meant for: by Opossum's splicing of STARTTLS and
implicit TLS, or with another protocol (ALPACA). docs/THREATS.md tells what is behind each."""
import socket
import ssl

import harness
import handtls

SERVER = {}
HTTP = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
FIRST_COMMANDS = {"submissions": b"EHLO client.test\r\n", "imaps": b"a CAPABILITY\r\n",
                  "pop3s": b"CAPA\r\n"}


def log_has(server, where, *texts):
    harness.wait_until(
        lambda: all(t in server.log_text()[where:] for t in texts), what=f"{texts} in the log")


def test_an_implicit_client_led_to_a_starttls_port_hears_nothing(server):
    """The attacker asks for TLS in plaintext and hands the client on. The client waits for a greeting,
    the server for a command: neither gets one, and there is no answer left over to shift the others."""
    for name in handtls.STARTTLS:
        for version in handtls.VERSIONS:
            client = handtls.Tls(handtls.open_port(server, name), server, version)
            client.handshake()
            client.sock.settimeout(0.5)
            try:
                heard = client.read()
                raise AssertionError(f"{name}: said without being asked: {heard}")
            except socket.timeout:
                pass


def test_a_starttls_client_led_to_an_implicit_port_is_hung_up_on(server):
    """It sends its first command with its Finished; a greeting would be the answer to it, and to each
    later command that of the one before."""
    for name, command in FIRST_COMMANDS.items():
        where = len(server.log_text())
        s = handtls.connect(server, name)
        client = handtls.Tls(s, server, ssl.TLSVersion.TLSv1_3)
        client.handshake(send_last=False)
        client.seal(command)
        client.send()
        assert client.read_all() == b"", name
        log_has(server, where, " tls early-talker ")


def test_what_an_implicit_port_cannot_see(server):
    """The limit of it: bytes that come later look as those of somebody who has read the greeting."""
    for version in handtls.VERSIONS:
        client = handtls.Tls(handtls.connect(server, "imaps"), server, version)
        client.handshake()
        assert client.read().startswith(b"* OK")
        client.seal(b"a LOGOUT\r\n")
        client.send()
        assert b"a OK" in client.read_all()


def test_early_talkers_may_be_served(ignored):
    with harness.Server(settings="net = { refuse_early_talkers = false; };\n") as server:
        client = handtls.Tls(handtls.connect(server, "imaps"), server)
        client.handshake(send_last=False)
        client.seal(b"a LOGOUT\r\n")
        client.send()
        heard = client.read_all()
        assert heard.startswith(b"* OK") and b"a OK" in heard, heard


def is_silence(heard):
    """IMAP has to say BYE (RFC 9051 7.1.5); a text that never changes and repeats nothing."""
    return heard in (b"", b"* BYE This is not a web server\r\n")


def test_http_is_hung_up_on_in_plaintext(server):
    for name in handtls.STARTTLS:
        for verb in (b"GET", b"POST", b"HEAD", b"PUT", b"OPTIONS", b"CONNECT"):
            where = len(server.log_text())
            s = handtls.connect(server, name)
            greeting = s.recv(4096)
            s.sendall(HTTP.replace(b"GET", verb) + b"MAIL FROM:<a@b>\r\na NOOP\r\nNOOP\r\n")
            heard = handtls.read_all(s)
            assert greeting and is_silence(heard), (name, verb, heard)
            log_has(server, where, " http ")


def test_http_is_hung_up_on_behind_starttls(server):
    for name in handtls.STARTTLS:
        where = len(server.log_text())
        client = handtls.Tls(handtls.open_port(server, name), server)
        client.handshake()
        client.seal(HTTP)
        client.send()
        heard = client.read_all()
        assert is_silence(heard), (name, heard)
        log_has(server, where, " http ")


def test_http_is_hung_up_on_under_implicit_tls(server):
    """Also when it comes late enough for the greeting to have been sent: then by the session."""
    for name in handtls.IMPLICIT:
        where = len(server.log_text())
        client = handtls.Tls(handtls.connect(server, name), server)
        client.handshake()
        greeting = client.read()
        client.seal(HTTP)
        client.send()
        heard = client.read_all()
        assert greeting and is_silence(heard), (name, heard)
        log_has(server, where, " http ")


def test_a_browser_is_refused_in_the_handshake(server):
    """It offers ALPN, and none of its protocols is ours: no byte of it is ever a command."""
    for name in handtls.IMPLICIT + tuple(handtls.STARTTLS):
        context = server.context()
        context.set_alpn_protocols(["h2", "http/1.1"])
        s = handtls.open_port(server, name)
        try:
            context.wrap_socket(s, server_hostname="localhost")
            raise AssertionError(f"{name} took HTTP's ALPN")
        except ssl.SSLError as error:
            assert "no application protocol" in str(error), error
