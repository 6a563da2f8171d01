"""Limits as clients meet them: many addresses of loopback, which are strangers here unless a test
says otherwise."""
import re
import socket

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
