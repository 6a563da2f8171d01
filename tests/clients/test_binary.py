"""BINARYMIME (RFC 3030): a message with binary parts goes in by BDAT and comes out by IMAP and POP3 as a mail
reader's own library decodes it, byte for byte; and over a next hop that knows nothing of it."""
import email
import email.policy
import os
import random

import harness
import mailkit
import smtpsink
from harness import Server, keys, wait_until

SERVER = {"users": ["alice:secret", "bob:hunter2"]}
PIECE = 50000


def parts():
    """Bytes that are hard on line-minded programs."""
    random.seed(9)
    return [bytes(range(256)) * 4, b"\r\n.\r\n--edge\n\r\n-- edge\r\n", b"", b"\0" * 1000,
            random.randbytes(300000)]


def message(mark):
    head = (b"From: alice@example.org\r\nTo: bob@example.org\r\nSubject: " + mark + b"\r\n"
            b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=edge\r\n"
            b"Content-Transfer-Encoding: binary\r\n\r\nNot for readers.\r\n")
    body = b"".join(b"\r\n--edge\r\nContent-Type: application/octet-stream\r\n"
                    b"Content-Transfer-Encoding: binary\r\n\r\n" + part for part in parts())
    return head + body + b"\r\n--edge--\r\n"


def send(server, data, rcpt="bob@example.org"):
    client = mailkit.smtp(server)
    client.ehlo()
    assert client.has_extn("binarymime") and client.has_extn("chunking")
    assert client.mail("alice@example.org", ["BODY=BINARYMIME"])[0] == 250
    assert client.rcpt(rcpt)[0] == 250
    pieces = [data[at:at + PIECE] for at in range(0, len(data), PIECE)]
    for i, piece in enumerate(pieces):
        last = b" LAST" if i == len(pieces) - 1 else b""
        client.sock.sendall(b"BDAT %d%s\r\n" % (len(piece), last) + piece)
        code, text = client.getreply()
        assert code == 250, (code, text)
    client.quit()


def check(got, mark):
    read = email.message_from_bytes(got, policy=email.policy.SMTP)
    assert read["Subject"] == mark, read["Subject"]
    leaves = [leaf.get_payload(decode=True) for leaf in read.iter_parts()]
    assert leaves == parts(), [len(leaf) for leaf in leaves]
    assert b"\0" not in got and got.count(b"\n") == got.count(b"\r\n") == got.count(b"\r")


def test_binary_in_and_out_by_imap_and_pop3(server):
    mailkit.empty_inbox(server)
    send(server, message(b"local"))
    check(mailkit.wait_for_inbox(server, 1)[0], "local")
    client = mailkit.pop3(server, "pop3s")
    lines = client.retr(1)[1]
    client.quit()
    check(b"\r\n".join(lines) + b"\r\n", "local")


def test_binary_goes_on_to_a_next_hop(_):
    with Server(domains=["final.test"], users=["carol:pw3"]) as last, \
            Server(users=["alice:secret"],
                   edit=keys(relay={"smarthost": "localhost", "smarthost_tls": "starttls",
                                    "smarthost_port": last.port("smtp"),
                                    "smarthost_verify": "required"},
                             tls={"trusted": last.ca})) as one:
        send(one, message(b"onward"), "carol@final.test")
        check(mailkit.wait_for_inbox(last, 1, "carol", "pw3")[0], "onward")


def test_what_is_said_of_it_to_a_next_hop(_):
    """BODY=8BITMIME only where bytes above 127 are left: those of binary parts are base64."""
    port = harness.free_port()
    with smtpsink.Sink(port) as sink, \
            Server(users=["alice:secret"],
                   edit=keys(relay={"smarthost": "127.0.0.1", "smarthost_port": port,
                                    "smarthost_tls": "off", "smarthost_verify": "off"})) as one:
        send(one, message(b"seven"), "carol@final.test")
        wait_until(lambda: len(sink.messages) == 1, 20, "the first message")
        send(one, message(b"eight").replace(b"Not for", b"N\xc3\xb6t for"), "carol@final.test")
        wait_until(lambda: len(sink.messages) == 2, 20, "the second message")
        bodies = [[word for word in words if word.startswith("BODY=")] for words in sink.parameters]
        assert bodies == [[], ["BODY=8BITMIME"]], sink.parameters


def test_binary_that_is_half_there_is_not_kept(server):
    """The connection ends inside a chunk: nothing of it is in the mailbox or on the disk."""
    mailkit.empty_inbox(server)
    client = mailkit.smtp(server)
    client.mail("alice@example.org", ["BODY=BINARYMIME"])
    client.rcpt("bob@example.org")
    data = message(b"half")
    client.sock.sendall(b"BDAT %d LAST\r\n" % len(data) + data[:-10])
    client.close()
    send(server, message(b"whole"))
    assert len(mailkit.wait_for_inbox(server, 1)) == 1
    bodies = os.path.join(server.home, "store", "bodies")
    assert not os.path.isdir(bodies) or len(os.listdir(bodies)) <= 1, os.listdir(bodies)
