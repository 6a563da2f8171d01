"""Messages that have broken mail servers before, and ways to send and read them with Python's own
libraries."""
import imaplib
import poplib
import random
import smtplib

import harness


def cases():
    """name -> message, every one with CRLF line ends."""
    head = b"From: alice@example.org\r\nTo: bob@example.org\r\nSubject: %s\r\n\r\n"
    random.seed(7)
    big = b"".join(bytes(random.choice(b"abcdefghijklmnopqrstuvwxyz 0123456789") for _ in range(70))
                   + b"\r\n" for _ in range(64))
    return {
        "plain": head % b"plain" + b"Hello.\r\n",
        "dots": head % b"dots" + b".\r\n..\r\n.hidden\r\nend.\r\n.\r\n",
        "long-line": head % b"long" + b"x" * 990 + b"\r\n" + b"." * 990 + b"\r\n",
        "eight-bit": head % b"8bit" + bytes(range(128, 256)) + b"\r\n" + "grüße €\r\n".encode(),
        "empty-body": head % b"empty",
        "header-only": b"From: alice@example.org\r\nSubject: none\r\n",
        "blank-lines": head % b"blank" + b"\r\n\r\n\r\nx\r\n\r\n\r\n",
        "medium": head % b"medium" + big * 40,
    }


def twenty_megabytes():
    line = b"0123456789abcdef" * 4 + b"\r\n"
    head = b"From: alice@example.org\r\nTo: bob@example.org\r\nSubject: 20 MB\r\n\r\n"
    return head + line * (20 * 1024 * 1024 // len(line))


def smtp(server, name="submission", user="alice", password="secret", login=True):
    if name == "submissions":
        client = smtplib.SMTP_SSL("localhost", server.port(name), context=server.context(),
                                  timeout=60)
    else:
        client = smtplib.SMTP("localhost", server.port(name), timeout=60)
        client.starttls(context=server.context())
    if login:
        client.login(user, password)
    return client


def imap(server, name="imap", user="bob", password="hunter2", login=True):
    if name == "imaps":
        client = imaplib.IMAP4_SSL("localhost", server.port(name), ssl_context=server.context(),
                                   timeout=60)
    else:
        client = imaplib.IMAP4("localhost", server.port(name), timeout=60)
        client.starttls(server.context())
    if login:
        client.login(user, password)
    return client


def pop3(server, name="pop3", user="bob", password="hunter2", login=True):
    if name == "pop3s":
        client = poplib.POP3_SSL("localhost", server.port(name), context=server.context(),
                                 timeout=60)
    else:
        client = poplib.POP3("localhost", server.port(name), timeout=60)
        client.stls(server.context())
    if login:
        client.user(user)
        client.pass_(password)
    return client


def ok(answer):
    kind, data = answer
    assert kind == "OK", answer
    return data


def empty_inbox(server, user="bob", password="hunter2"):
    client = imap(server, "imaps", user, password)
    count = int(ok(client.select())[0])
    if count:
        ok(client.store("1:*", "+FLAGS.SILENT", r"(\Deleted)"))
        ok(client.expunge())
    client.logout()


def inbox(server, user="bob", password="hunter2"):
    """All messages of INBOX as bytes."""
    client = imap(server, "imaps", user, password)
    count = int(ok(client.select(readonly=True))[0])
    messages = []
    if count:
        for part in ok(client.fetch("1:*", "(BODY.PEEK[])")):
            if isinstance(part, tuple):
                messages.append(part[1])
    client.logout()
    return messages


def wait_for_inbox(server, count, user="bob", password="hunter2", seconds=30):
    return harness.wait_until(
        lambda: (lambda m: m if len(m) >= count else None)(inbox(server, user, password)),
        seconds, f"{count} message(s) in {user}'s INBOX")


def check_same(got, wanted):
    """Byte-exact but for trace fields; a final line end is always there."""
    if not wanted.endswith(b"\r\n"):
        wanted += b"\r\n"
    got = harness.strip_trace(got)
    # Submission completes a missing Date and Message-ID (RFC 6409 8).
    for field in (b"Date:", b"Message-ID:"):
        if got.startswith(field) and not wanted.startswith(field):
            got = got[got.index(b"\r\n") + 2:]
    assert got == wanted, f"differs: wanted {len(wanted)} bytes {wanted[:200]!r}, " \
                          f"got {len(got)} bytes {got[:300]!r}"
