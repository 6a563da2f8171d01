"""Exim, OpenSMTPD and Postfix between two Posterns: as our next hop and as a sender to us; TLS is demanded
and verified on each hop. What only Postfix is asked for is in test_postfix.py."""
import functools
import re

import harness
import mailkit
from harness import Server, keys, wait_until
from peers import Exim, OpenSMTPD
from test_postfix import Postfix

SERVER = None
DATES = b"Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%s@first.test>\r\n"


def final(**more):
    return Server(domains=["final.test"], users=["carol:pw3", "dave:pw4"], **more)


def first(peer, ca=None):
    return Server(domains=["first.test"], users=["alice:secret"],
                  edit=keys(tls={"trusted": ca or peer.ca},
                            relay={"smarthost": "localhost", "smarthost_port": peer.port,
                                   "smarthost_tls": "starttls", "smarthost_verify": "required",
                                   "retry_min": "1s"}))


def send(server, message, rcpts=("carol@final.test",), **options):
    client = mailkit.smtp(server)
    client.sendmail("alice@first.test", list(rcpts), message, **options)
    client.quit()


def five_megabytes():
    line = b"0123456789abcdef" * 4 + b"\r\n"
    return (b"From: alice@first.test\r\nTo: carol@final.test\r\nSubject: 5 MB\r\n\r\n" +
            line * (5 * 1024 * 1024 // len(line)))


def there_and_on(peer_type):
    """Everything that a peer has no reason to change comes out as it went in."""
    with final() as last, peer_type(last) as peer, first(peer) as one:
        cases = {k: DATES % k.encode() + m for k, m in mailkit.cases().items()
                 if k != "header-only"}
        cases["five"] = DATES % b"five" + five_megabytes()
        for message in cases.values():
            send(one, message, ("carol@final.test", "dave@final.test"))
        for user, password in (("carol", "pw3"), ("dave", "pw4")):
            got = mailkit.wait_for_inbox(last, len(cases), user, password, 60)
            for key, message in cases.items():
                mine = [m for m in got if b"<" + key.encode() + b"@first.test>" in m]
                assert len(mine) == 1, (key, len(mine))
                mailkit.check_same(mine[0], message)
        assert peer.verified in peer.log(), peer.log()
        assert re.search(r'relay delivered .*tls="?TLS.* good', one.log_text()), one.log_tail()
        assert re.search(r'smtp accepted .*tls="?TLS', last.log_text()), last.log_tail()
        wait_until(lambda: "0 in the queue" in one.cli("queue", "list").text, 20, "an empty queue")
        wait_until(peer.is_empty, 20, f"an empty queue of {peer.name}")


def refused_and_put_off(peer_type):
    """As our next hop it says 550 of one recipient, 451 of another and takes the third; as a sender it
    hears our 550."""
    with final() as last, peer_type(last) as peer, first(peer) as one:
        send(one, DATES % b"three" + mailkit.cases()["plain"],
             ("nobody@final.test", "later@final.test", "carol@final.test"))
        report = mailkit.wait_for_inbox(one, 1, "alice", "secret")[0]
        assert b"Final-Recipient: rfc822; nobody@final.test" in report, report
        assert re.search(rb"Diagnostic-Code: smtp; 550", report), report
        assert b"later@" not in report, report
        mailkit.wait_for_inbox(last, 1, "carol", "pw3")
        assert "later@final.test" in one.cli("queue", "list").text

        peer.open_up()
        one.cli("queue", "flush")
        wait_until(lambda: "0 in the queue" in one.cli("queue", "list").text, 30, "a later attempt")
        wait_until(lambda: "550 5.1.1" in peer.log(), 30, "our refusal in its log")
        assert len(mailkit.inbox(last, "carol", "pw3")) == 1


def notification_passed_on(peer_type):
    """It offers DSN, so success is told by the last server, which alone knows it, to the first."""
    with final() as last, peer_type(last) as peer, first(peer) as one:
        last.set(keys(tls={"trusted": one.ca},
                      relay={"smarthost": "localhost", "smarthost_port": one.port("smtp"),
                             "smarthost_tls": "starttls", "smarthost_verify": "required"}))
        assert "server reloaded" in last.reload()
        send(one, DATES % b"dsn" + mailkit.cases()["plain"], mail_options=["RET=HDRS", "ENVID=e-17"],
             rcpt_options=["NOTIFY=SUCCESS", "ORCPT=rfc822;carol@final.test"])
        report = mailkit.wait_for_inbox(one, 1, "alice", "secret", 40)[0]
        for text in (b"Original-Envelope-Id: e-17", b"Action: delivered", b"Status: 2.",
                     b"Original-Recipient: rfc822;carol@final.test", b"Subject: plain"):
            assert text.lower() in report.lower(), (text, report)
        assert b"Hello." not in report, "only the header was asked for"


def wrong_authorities(peer_type):
    """Each trusts the wrong one: nothing goes over either hop."""
    with final() as last:
        peer = peer_type(last)
        peer.next_ca = peer.ca  # it trusts its own authority, not the last server's
        peer.configure()
        with peer, first(peer, ca=last.ca) as one:
            send(one, DATES % b"wrong" + mailkit.cases()["plain"])
            wait_until(lambda: "attempts=1" in one.cli("queue", "list").text, 20, "an attempt")
            assert re.search("certificate|authority|issuer|signer", one.cli("queue", "list").text)

            one.set(keys(tls={"trusted": peer.ca}))
            assert "server reloaded" in one.reload()
            one.cli("queue", "flush")
            wait_until(lambda: peer.unverified in peer.log(), 20, "it to refuse the last hop")
            wait_until(lambda: "0 in the queue" in one.cli("queue", "list").text, 20, "the first hop")
            assert mailkit.inbox(last, "carol", "pw3") == []


@harness.slow
def test_exim_there_and_on():
    there_and_on(Exim)


@harness.slow
def test_exim_refuses_and_puts_off():
    refused_and_put_off(Exim)


@harness.slow
def test_exim_passes_notifications_on():
    notification_passed_on(Exim)


@harness.slow
def test_exim_wrong_authorities_stop_both_hops():
    wrong_authorities(Exim)


@harness.slow
def test_exim_takes_chunks_and_gives_them():
    """BDAT on both hops: K stands for CHUNKING in its log."""
    with final() as last, Exim(last) as peer, first(peer) as one:
        send(one, DATES % b"chunks" + mailkit.cases()["plain"])
        mailkit.wait_for_inbox(last, 1, "carol", "pw3")
        wait_until(lambda: "Completed" in peer.log(), 20, "the end in its log")
        assert re.search(r" <= .* K ", peer.log()), peer.log()
        assert re.search(r" => .* K ", peer.log()), peer.log()


@harness.slow
def test_exim_smtputf8_on_both_hops():
    user = "j\u00fcrgen"
    with Server(domains=["final.test"], users=[user + ":pw5"]) as last, Exim(last) as peer, \
            first(peer) as one:
        message = (DATES % b"utf8" +
                   f"From: alice@first.test\r\nTo: {user}@final.test\r\nSubject: gr\u00fc\u00dfe\r\n"
                   "\r\nHallo.\r\n".encode())
        client = mailkit.smtp(one)
        client.ehlo()
        client.command_encoding = "utf-8"
        assert client.mail("alice@first.test", ["SMTPUTF8", "BODY=8BITMIME"])[0] == 250
        assert client.rcpt(f"{user}@final.test")[0] == 250
        assert client.data(message)[0] == 250
        client.quit()
        wait_until(lambda: "Completed" in peer.log(), 20, "the end in its log")
        assert "SMTPUTF8" in peer.log() or user in peer.log(), peer.log()
        wait_until(lambda: re.search("smtp accepted .*rcpts=1", last.log_text()), 20, "it")


@harness.slow
def test_opensmtpd_there_and_on():
    there_and_on(OpenSMTPD)


@harness.slow
def test_opensmtpd_refuses_and_puts_off():
    refused_and_put_off(OpenSMTPD)


@harness.slow
def test_opensmtpd_passes_notifications_on():
    notification_passed_on(OpenSMTPD)


@harness.slow
def test_opensmtpd_wrong_authorities_stop_both_hops():
    wrong_authorities(OpenSMTPD)


@harness.slow
def test_postfix_there_and_on():
    there_and_on(Postfix)


@harness.slow
def test_postfix_refuses_and_puts_off():
    refused_and_put_off(functools.partial(Postfix, refuses=True))


@harness.slow
def test_postfix_passes_notifications_on():
    notification_passed_on(Postfix)
