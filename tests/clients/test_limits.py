"""Limits as clients meet them: many addresses of loopback, which are strangers here unless a test
says otherwise."""
import re
import socket
import time

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
