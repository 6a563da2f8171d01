"""LMTP with real peers: Postfix delivers to us, we deliver to a mail store and to each other, by TCP
and through unix sockets; and what is left of a socket after a crash."""
import os
import re
import smtplib
import ssl
import stat

import harness
import mailkit
import smtpsink
from harness import Server, keys, wait_until
from test_postfix import MASTER, Postfix

SERVER = None  # each test has its own

MESSAGE = b"Subject: by LMTP\r\nMessage-ID: <lmtp@first.test>\r\n\r\n.one\r\ntwo\r\n"


class Keeper(Server):
    """A server for final.test that listens for LMTP at self.socket and, with STARTTLS, at
    self.lmtp_port."""

    def __init__(self, mode="0660", group=""):
        super().__init__(domains=["final.test"], users=["carol:pw3", "dora:pw4"], start=False)
        self.socket = os.path.join(self.dir, "lmtp.sock")
        self.lmtp_port = self.offset + 24
        self.set(lambda text: add_listener(
            text, f'{{ name = "lmtp-local"; protocol = "lmtp"; addresses = [ "{self.socket}" ]; '
            f'socket_mode = "{mode}"; socket_group = "{group}"; }},\n'
            f'{{ name = "lmtp"; protocol = "lmtp"; addresses = [ "127.0.0.1" ]; '
            f'port = 24; }}'))
        self.start()


def add_listener(text, row):
    changed, count = re.subn(r"(?s)(\nlisteners = \(\n.*?)\n\);", rf"\1,\n{row}\n);", text)
    assert count == 1, text
    return changed


def first(**relay):
    return Server(domains=["first.test"], users=["alice:secret"], edit=keys(relay=relay))


def send(server, *rcpts):
    client = mailkit.smtp(server)
    client.sendmail("alice@first.test", list(rcpts), MESSAGE)
    client.quit()


class LmtpPostfix(Postfix):
    """Everything that this Postfix gets goes to the next server by LMTP."""

    def __init__(self, next_server, way):
        super().__init__(next_server)
        path = os.path.join(self.dir, "main.cf")
        with open(path, "a") as f:
            f.write(f"default_transport = lmtp:{way}\nrelayhost =\n"
                    "lmtp_dns_support_level = disabled\nlmtp_host_lookup = native\n"
                    f"lmtp_tls_CAfile = {next_server.ca}\nlmtp_tls_loglevel = 1\n"
                    f"lmtp_tls_security_level = {'none' if way.startswith('unix') else 'verify'}\n"
                    "default_delivery_slot_cost = 0\nlmtp_destination_recipient_limit = 50\n")
        self.write("master.cf", MASTER.format(port=f"127.0.0.1:{self.port}") +
                   "lmtp unix - - n - - lmtp\n")


def deliver_by_postfix(way_of):
    with Keeper(group="postfix") as last, LmtpPostfix(last, way_of(last)) as postfix:
        with smtplib.SMTP("127.0.0.1", postfix.port) as client:
            client.starttls(context=ssl._create_unverified_context())
            client.sendmail("alice@first.test",
                            ["carol@final.test", "nobody@final.test", "dora@final.test"], MESSAGE)
        mine = mailkit.wait_for_inbox(last, 1, "carol", "pw3", 60)
        assert len(mailkit.wait_for_inbox(last, 1, "dora", "pw4", 20)) == 1
        wait_until(lambda: "550 5.1.1" in postfix.log(), 20, "the refusal in Postfix's log")
        sent = re.findall(r"postfix/lmtp.*to=<(\w+)@final.test>.*status=(\w+)", postfix.log())
        assert sorted(sent) == [("carol", "sent"), ("dora", "sent"), ("nobody", "bounced")], sent
        assert mine[0].endswith(b"\r\n\r\n.one\r\ntwo\r\n"), mine
        return mine[0], postfix.log()


@harness.slow
def test_postfix_delivers_through_a_unix_socket():
    message, _ = deliver_by_postfix(lambda last: f"unix:{last.socket}")
    assert re.search(rb"(?m)^Received: from postfix.test \(\[local\]\)(?:.*\r\n[ \t]+)*.*with LMTP ",
                     message), message


@harness.slow
def test_postfix_delivers_over_tcp_with_a_verified_certificate():
    message, log = deliver_by_postfix(lambda last: f"inet:localhost:{last.lmtp_port}")
    assert re.search(rb"with LMTPS\s", message), message
    assert "Verified TLS connection established to localhost" in log, log


def test_delivery_to_a_mail_store_settles_each_recipient():
    """The second recipient's mailbox is full for a while: only it is tried again."""
    replies = {("DATA", "dora@far.test"): "452 4.2.2 mailbox full",
               ("DATA", "eve@far.test"): "550 5.2.1 disabled"}
    with first(retry_min="1s", retry_max="1s") as one:
        path = one.path("store.sock")
        one.set(keys(relay={"smarthost": path, "smarthost_protocol": "lmtp"}))
        with smtpsink.Sink(0, path, replies) as sink:
            assert "server reloaded" in one.reload()
            send(one, "carol@far.test", "dora@far.test", "eve@far.test")
            wait_until(lambda: "attempts=2" in one.cli("queue", "list").text, 30, "two attempts")
            del replies["DATA", "dora@far.test"]
            wait_until(lambda: one.cli("queue", "list").text == "0 in the queue\n", 30, "delivery")
            assert sorted(to for _, to, _ in sink.messages) == [["carol@far.test"],
                                                                ["dora@far.test"]], sink.messages
            assert all(m.endswith(b"\r\n\r\n.one\r\ntwo\r\n") for _, _, m in sink.messages)
        report = mailkit.wait_for_inbox(one, 1, "alice", "secret")[0]
        assert b"eve@far.test" in report and b"dora@far.test" not in report, report


def test_from_postern_to_postern_through_a_unix_socket():
    with Keeper() as last, first(smarthost=last.socket, smarthost_protocol="lmtp") as one:
        send(one, "carol@final.test", "dora@final.test")
        mailkit.wait_for_inbox(last, 1, "dora", "pw4")
        got = mailkit.wait_for_inbox(last, 1, "carol", "pw3")[0]
        assert re.search(rb"with LMTP\s", got), got
        assert one.cli("queue", "list").text == "0 in the queue\n"


def test_from_postern_to_postern_over_tcp_demands_the_upgrade():
    with Keeper() as last, \
            Server(domains=["first.test"], users=["alice:secret"],
                   edit=keys(tls={"trusted": last.ca},
                             relay={"smarthost": "localhost", "smarthost_port": last.lmtp_port,
                                    "smarthost_protocol": "lmtp"})) as one:
        send(one, "carol@final.test", "dora@final.test")
        got = mailkit.wait_for_inbox(last, 1, "carol", "pw3")[0]
        assert re.search(rb"with LMTPS\s", got), got
        assert re.search(r'relay delivered .*tls="?TLS', one.log_text()), one.log_text()


def test_a_socket_left_by_a_crash_is_replaced_and_nothing_else():
    with Keeper(mode="0600") as last:
        assert stat.S_IMODE(os.stat(last.socket).st_mode) == 0o600
        last.kill()
        assert stat.S_ISSOCK(os.stat(last.socket).st_mode)  # nobody was there to take it away
        last.start()

        other = Server(domains=["b.test"], start=False)
        try:
            other.set(lambda text: add_listener(
                text, f'{{ name = "x"; protocol = "lmtp"; addresses = [ "{last.socket}" ]; }}'))
            done = other.run([harness.BINARY, "serve", "-c", other.conf], check=False)
            assert done.returncode != 0 and "another program listens there" in done.errors

            name = other.path("precious", b"not a socket")
            other.set(lambda text: text.replace(last.socket, name))
            done = other.run([harness.BINARY, "serve", "-c", other.conf], check=False)
            assert done.returncode != 0 and name in done.errors, done.errors
            assert open(name).read() == "not a socket"
        finally:
            other.remove()
        with smtplib.LMTP(last.socket) as client:
            assert client.noop()[0] == 250
