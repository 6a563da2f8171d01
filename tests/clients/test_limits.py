"""Limits as clients meet them: many addresses of loopback, which are strangers here unless a test
says otherwise."""
import poplib
import re
import smtplib
import socket
import time

import dnsd
from harness import Server, keys, wait_until

SERVER = None  # each test has its own


def strangers(net=None, **groups):
    """A server to which loopback is as far away as any network."""
    return Server(edit=keys(net={"trusted_networks": [], **(net or {})}, **groups))


def connect(server, name, source, timeout=20):
    return socket.create_connection(("127.0.0.1", server.port(name)), timeout, (source, 0))


def first_words(server, name, source):
    with connect(server, name, source) as connection:
        return connection.recv(200).decode()


def test_connecting_too_often():
    with strangers({"connection_rate_max": 3}) as server:
        for _ in range(3):
            assert first_words(server, "smtp", "127.1.0.1").startswith("220 ")
        refusals = [first_words(server, name, "127.1.0.1") for name in ("smtp", "imap", "pop3")]
        assert refusals == [
            "421 4.7.0 You connect too often, try again in a minute\r\n",
            "* BYE [UNAVAILABLE] You connect too often, try again in a minute\r\n",
            "-ERR [SYS/TEMP] you connect too often, try again in a minute\r\n"], refusals
        # Others do not suffer.
        assert first_words(server, "smtp", "127.1.0.2").startswith("220 ")
        wait_until(lambda: re.search(r'net over-limit listener=\w+ peer=127\.1\.0\.1 '
                                     r'limit="rate of the address"', server.log_text()), 10, "log")
        # A reload lifts it.
        server.set(keys(net={"connection_rate_max": 0}))
        assert " server reloaded " in server.reload()
        assert first_words(server, "smtp", "127.1.0.1").startswith("220 ")


def test_a_network_that_connects_too_often():
    with strangers({"connection_rate_per_network_max": 4}) as server:
        for host in range(1, 5):
            assert first_words(server, "smtp", f"127.1.0.{host}").startswith("220 ")
        assert first_words(server, "smtp", "127.1.0.9").startswith("421 4.7.0 ")
        assert first_words(server, "smtp", "127.1.1.1").startswith("220 ")


def test_too_many_connections_of_a_network():
    with strangers({"connections_per_network_max": 3}) as server:
        held = [connect(server, "smtp", f"127.1.0.{host}") for host in range(1, 4)]
        for connection in held:
            assert connection.recv(200).startswith(b"220 ")
        assert first_words(server, "smtp", "127.1.0.9").startswith("421 4.3.2 ")
        assert first_words(server, "smtp", "127.1.1.1").startswith("220 ")
        held[0].close()
        wait_until(lambda: first_words(server, "smtp", "127.1.0.9").startswith("220 "), 10, "place")
        for connection in held:
            connection.close()


def test_trusted_networks_are_not_counted():
    net = {"connection_rate_max": 1, "connections_per_network_max": 1,
           "connection_rate_per_network_max": 1, "trusted_networks": ["127.1.0.0/16"]}
    with Server(edit=keys(net=net)) as server:
        held = [connect(server, "smtp", "127.1.0.1") for _ in range(5)]
        for connection in held:
            assert connection.recv(200).startswith(b"220 ")
            connection.close()
        assert first_words(server, "smtp", "127.2.0.1").startswith("220 ")
        assert first_words(server, "smtp", "127.2.0.1").startswith("421 4.")


def test_clients_that_speak_before_the_greeting():
    with strangers({"connection_rate_max": 0}, smtp={"greeting_delay": "2s"}) as server:
        with connect(server, "smtp", "127.1.0.1") as talker:
            talker.sendall(b"EHLO spam.example\r\nMAIL FROM:<a@spam.example>\r\n")
            assert talker.recv(200) == \
                b"554 5.5.1 You spoke before the greeting, closing the connection\r\n"
            assert talker.recv(200) == b""
        wait_until(lambda: re.search(r"net early-talker conn=\w+ listener=smtp peer=127\.1\.0\.1:",
                                     server.log_text()), 10, "log")
        begin = time.monotonic()
        assert first_words(server, "smtp", "127.1.0.2").startswith("220 ")
        assert time.monotonic() - begin >= 1.9
        # Mail programs and hosts that may relay are greeted at once.
        server.set(keys(smtp={"relay_networks": ["127.3.0.0/16"]}))
        assert " server reloaded " in server.reload()
        begin = time.monotonic()
        for name, source in (("submission", "127.1.0.3"), ("smtp", "127.3.0.1")):
            assert first_words(server, name, source).startswith("220 ")
        assert time.monotonic() - begin < 1.5
        server.set(keys(net={"refuse_early_talkers": False}))
        assert " server reloaded " in server.reload()
        with connect(server, "smtp", "127.1.0.1") as talker:
            talker.sendall(b"EHLO hasty.example\r\n")
            assert talker.recv(200).startswith(b"220 ")


# What the resolver library answers by itself (RFC 6303) begins with 127, 10, 192.0.2 and the like,
# so a proxy announces addresses that it asks about.
ZONES = {
    "1.0.0.11.bad.lab": {"a": ["127.0.0.2"], "txt": [b"see http://bad.lab/\r\n250 OK"]},
    "2.0.0.11.bad.lab": {"a": ["127.0.0.10"]},
    "3.0.0.11.bad.lab": dnsd.SERVFAIL,
    "1.0.0.11.in-addr.arpa": {"ptr": ["mail.far.lab"]},
    "2.0.0.11.in-addr.arpa": {"ptr": ["mail.far.lab"]},
    "3.0.0.11.in-addr.arpa": dnsd.SERVFAIL,
    "5.0.0.11.in-addr.arpa": {"ptr": ["mail.far.lab"]},
    "mail.far.lab": {"a": ["11.0.0.1", "11.0.0.5"]},
}


def looked_up(names, **smtp):
    def edit(text):
        text = re.sub(r'(name = "smtp";)', r"\1 proxy = true;", text)
        return keys(net={"proxy_networks": ["127.0.0.0/8"]}, relay={"resolver": names.at},
                    smtp={"lookup_timeout": "3s", **smtp})(text)
    return Server(edit=edit)


class Announced(smtplib.SMTP):
    """Comes from that address, through a proxy."""

    def __init__(self, server, address):
        self.header = f"PROXY TCP4 {address} 198.51.100.1 40000 25\r\n".encode()
        super().__init__("127.0.0.1", server.port("smtp"), "client.lab", 20)

    def _get_socket(self, host, port, timeout):
        connection = socket.create_connection((host, port), timeout)
        connection.sendall(self.header)
        return connection


def rcpt(server, address):
    with Announced(server, address) as client:
        assert client.ehlo()[0] == 250 and client.docmd("MAIL", "FROM:<x@far.lab>")[0] == 250
        code, text = client.docmd("RCPT", "TO:<alice@example.org>")
        return f"{code} {text.decode()}"


def test_dns_lists():
    with dnsd.NameServer(ZONES) as names, \
            looked_up(names, dns_lists=["bad.lab=127.0.0.2-9"]) as server:
        assert rcpt(server, "11.0.0.1") == "550 5.7.1 Your address is on the list: bad.lab: " \
            "see http://bad.lab/??250 OK"
        for free in ("11.0.0.2", "11.0.0.3", "11.0.0.4"):
            assert rcpt(server, free).startswith("250 "), free
        wait_until(lambda: re.search(r"smtp list-failed list=bad\.lab ", server.log_text()), 10, "log")
        wait_until(lambda: re.search(r"smtp recipient-refused .*peer=11\.0\.0\.1 .*list=bad\.lab",
                                     server.log_text()), 10, "log")
        # A login is no stranger.
        with Announced(server, "11.0.0.1") as client:
            client._host = "localhost"
            client.starttls(context=server.context())
            client.login("alice@example.org", "secret")
            client.sendmail("alice@example.org", ["bob@example.org"], "Subject: x\r\n\r\nx\r\n")
        server.set(keys(smtp={"dns_lists_action": "defer", "relay_networks": ["11.0.0.2"],
                              "dns_lists": ["bad.lab"]}))
        assert " server reloaded " in server.reload()
        assert rcpt(server, "11.0.0.1").startswith("450 4.7.1 Your address is on the list: bad.lab: ")
        assert rcpt(server, "11.0.0.2").startswith("250 ")
        assert "2.0.0.11.bad.lab" not in [name for name, _ in names.asked[-2:]]


def test_names_of_strangers():
    with dnsd.NameServer(ZONES) as names, looked_up(names, reverse_dns="required") as server:
        assert rcpt(server, "11.0.0.1").startswith("250 ")
        assert rcpt(server, "11.0.0.5").startswith("250 ")
        for liar in ("11.0.0.2", "11.0.0.4"):
            assert rcpt(server, liar) == \
                "550 5.7.25 Your address has no name that leads back to it", liar
        assert rcpt(server, "11.0.0.3").startswith("450 4.7.25 ")
        server.set(keys(smtp={"reverse_dns": "look"}))
        assert " server reloaded " in server.reload()
        for address, name in (("11.0.0.1", "mail.far.lab"), ("11.0.0.2", "unknown"),
                              ("11.0.0.3", "unknown")):
            with Announced(server, address) as client:
                client.sendmail("x@far.lab", ["alice@example.org"], "Subject: x\r\n\r\nx\r\n")
            wait_until(lambda: re.search(rf"smtp accepted .*peer={address} .*name={name}",
                                         server.log_text()), 10, "log")
        box = poplib.POP3_SSL("localhost", server.port("pop3s"), context=server.context())
        box.user("alice@example.org")
        box.pass_("secret")
        texts = [b" ".join(box.retr(i + 1)[1]).decode() for i in range(3)]
        box.quit()
        assert "(mail.far.lab [11.0.0.1])" in re.sub(r"\s+", " ", texts[0]), texts[0]
        assert "(unknown [11.0.0.2])" in re.sub(r"\s+", " ", texts[1]), texts[1]


def test_a_name_server_that_is_silent_delays_and_stops_nobody():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        names = type("Silent", (), {"at": f"127.0.0.1:{silent.getsockname()[1]}"})
        with looked_up(names, dns_lists=["bad.lab"], lookup_timeout="1s") as server:
            begin = time.monotonic()
            assert rcpt(server, "11.0.0.1").startswith("250 ")
            assert 0.9 < time.monotonic() - begin < 10
            # A reload in the midst of a look-up that takes the resolver away.
            server.set(keys(smtp={"lookup_timeout": "30s"}))
            assert " server reloaded " in server.reload()
            with socket.create_connection(("127.0.0.1", server.port("smtp")), 20) as waiting:
                waiting.sendall(b"PROXY TCP4 11.0.0.1 198.51.100.1 40000 25\r\n")
                time.sleep(0.5)
                server.set(keys(relay={"resolver": "127.0.0.1:9"}))
                assert " server reloaded " in server.reload()
                assert waiting.recv(200).startswith(b"220 ")
