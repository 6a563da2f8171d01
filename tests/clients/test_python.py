"""smtplib, imaplib and poplib, over STARTTLS and implicit TLS."""
import smtplib
import ssl
import time

import harness
import mailkit


def send(server, name, message, rcpt=("bob@example.org",)):
    client = mailkit.smtp(server, name)
    client.sendmail("alice@example.org", list(rcpt), message)
    client.quit()


def test_messages_come_out_as_they_went_in(server):
    for how in ("submission", "submissions"):
        for name, message in mailkit.cases().items():
            mailkit.empty_inbox(server)
            send(server, how, message)
            got = mailkit.wait_for_inbox(server, 1)
            try:
                mailkit.check_same(got[0], message)
            except AssertionError as error:
                raise AssertionError(f"{how} {name}: {error}") from error


def test_pop3_gives_the_same_bytes(server):
    for how in ("pop3", "pop3s"):
        for name, message in mailkit.cases().items():
            mailkit.empty_inbox(server)
            send(server, "submission", message)
            client = mailkit.pop3(server, how)
            assert client.stat()[0] == 1
            _, lines, _ = client.retr(1)
            got = b"".join(line + b"\r\n" for line in lines)
            try:
                mailkit.check_same(got, message)
            except AssertionError as error:
                raise AssertionError(f"{how} {name}: {error}") from error
            client.dele(1)
            client.quit()
            assert mailkit.inbox(server) == []


@harness.slow
def test_twenty_megabytes(server):
    mailkit.empty_inbox(server)
    message = mailkit.twenty_megabytes()
    send(server, "submission", message)
    mailkit.check_same(mailkit.wait_for_inbox(server, 1)[0], message)
    client = mailkit.pop3(server, "pop3s")
    _, lines, _ = client.retr(1)
    mailkit.check_same(b"".join(line + b"\r\n" for line in lines), message)
    client.dele(1)
    client.quit()


def test_a_wrong_authority_is_refused(server):
    for start in (lambda: mailkit.smtp, lambda: mailkit.imap, lambda: mailkit.pop3):
        for name in {"smtp": ("submission", "submissions"), "imap": ("imap", "imaps"),
                     "pop3": ("pop3", "pop3s")}[start().__name__]:
            class Stranger:
                port = server.port

                @staticmethod
                def context():
                    return ssl.create_default_context()
            try:
                start()(Stranger, name)
            except ssl.SSLCertVerificationError:
                continue
            raise AssertionError(f"{name}: a certificate of an unknown authority was accepted")


def test_no_password_in_plaintext(server):
    client = smtplib.SMTP("localhost", server.port("submission"))
    client.ehlo()
    assert not client.has_extn("auth")
    code, _ = client.docmd("AUTH", "PLAIN AGFsaWNlAHNlY3JldA==")
    assert code in (502, 530, 538), code
    client.quit()


def test_wrong_password(server):
    client = mailkit.smtp(server, "submission", login=False)
    try:
        client.login("alice", "wrong")
        raise AssertionError("logged in with a wrong password")
    except smtplib.SMTPAuthenticationError as error:
        assert error.smtp_code == 535
    client.quit()
    client = mailkit.imap(server, "imaps", login=False)
    try:
        client.login("bob", "wrong")
        raise AssertionError("logged in with a wrong password")
    except client.error:
        pass
    client.logout()


def test_never_an_open_relay(server):
    client = smtplib.SMTP("localhost", server.port("smtp"))
    client.ehlo("client.test")
    for rcpt in ("x@elsewhere.test", "x%elsewhere.test@example.org", "@example.org:x@elsewhere.test",
                 "elsewhere.test!x@example.org", '"x@elsewhere.test"@example.org',
                 '"x@elsewhere.test"'):
        client.docmd("MAIL", "FROM:<a@client.test>")
        code, text = client.docmd("RCPT", f"TO:<{rcpt}>")
        assert code >= 500, (rcpt, code, text)
        client.rset()
    client.quit()


def test_unknown_user(server):
    client = smtplib.SMTP("localhost", server.port("smtp"))
    client.ehlo("client.test")
    client.docmd("MAIL", "FROM:<a@client.test>")
    code, text = client.docmd("RCPT", "TO:<nobody@example.org>")
    assert (code, text[:5]) == (550, b"5.1.1"), (code, text)
    code, _ = client.docmd("RCPT", "TO:<postmaster@example.org>")
    assert code == 250
    code, _ = client.docmd("RCPT", "TO:<Postmaster>")
    assert code == 250
    client.quit()


def test_idle_sessions_see_each_other(server):
    mailkit.empty_inbox(server)
    watcher = mailkit.imap(server, "imaps")
    mailkit.ok(watcher.select())
    watcher.send(b"i1 IDLE\r\n")
    assert watcher.readline().startswith(b"+")
    started = time.monotonic()
    send(server, "submissions", mailkit.cases()["plain"])
    watcher.sock.settimeout(10)
    assert watcher.readline().strip() == b"* 1 EXISTS"
    assert time.monotonic() - started < 5
    other = mailkit.imap(server, "imap")
    mailkit.ok(other.select())
    mailkit.ok(other.store("1", "+FLAGS", r"(\Flagged)"))
    line = watcher.readline()
    while line.strip() == b"* 1 RECENT":
        line = watcher.readline()
    assert b"FETCH" in line and b"\\Flagged" in line, line
    other.logout()
    watcher.send(b"DONE\r\n")
    while not watcher.readline().startswith(b"i1 OK"):
        pass
    watcher.logout()


def test_aliases_and_users_while_the_server_runs(server):
    server.cli("user", "add", "carol:pass-word")
    assert "carol@example.org" in server.cli("user", "list").text
    server.cli("alias", "add", "team@example.org", "carol", "bob")
    mailkit.empty_inbox(server)
    send(server, "submission", mailkit.cases()["plain"], ["team@example.org"])
    assert len(mailkit.wait_for_inbox(server, 1)) == 1
    assert len(mailkit.wait_for_inbox(server, 1, "carol@example.org", "pass-word")) == 1
    server.cli("user", "passwd", "carol:other-word")
    mailkit.imap(server, "imaps", "carol", "other-word").logout()
    server.cli("alias", "delete", "team")
    server.cli("user", "delete", "carol")
    assert "carol" not in server.cli("user", "list").text
    assert server.cli("user", "delete", "carol", check=False).returncode == 1


def test_tags_and_a_catch_all(server):
    mailkit.empty_inbox(server)
    send(server, "submission", mailkit.cases()["plain"], ["bob+lists@example.org"])
    assert len(mailkit.wait_for_inbox(server, 1)) == 1
    for wrong in ("@", "@no domain", "@[192.0.2.1]"):
        done = server.cli("alias", "add", wrong, "bob", check=False)
        assert done.returncode == 1 and "write it like @example.org" in done.errors, wrong
    assert server.cli("alias", "add", "@elsewhere.test", "bob", check=False).returncode == 1
    server.cli("alias", "add", "@Example.org", "bob")
    assert "@example.org -> bob@example.org" in server.cli("alias", "list").text
    send(server, "submission", mailkit.cases()["plain"], ["whoever+x@example.org"])
    assert len(mailkit.wait_for_inbox(server, 2)) == 2
    server.cli("alias", "delete", "@example.org")
    mailkit.empty_inbox(server)


def test_domains_in_the_store(server):
    """At once, without a reload; users of it log in by their whole address."""
    rcpt = ["carol@second.test"]

    def asked():
        with mailkit.smtplib.SMTP("127.0.0.1", server.port("smtp")) as stranger:
            stranger.ehlo()
            stranger.mail("x@far.test")
            return stranger.rcpt(rcpt[0])[0]
    assert asked() == 550
    done = server.cli("user", "add", "carol@second.test:pass-word", check=False)
    assert done.returncode == 1 and "postern domain add" in done.errors, done.errors
    server.cli("domain", "add", "Second.test")
    listed = server.cli("domain", "list").text.splitlines()
    assert "example.org (configuration)" in listed and "second.test" in listed, listed
    server.cli("user", "add", "carol@second.test:pass-word")
    assert asked() == 250
    send(server, "smtp", mailkit.cases()["plain"], rcpt)
    assert len(mailkit.wait_for_inbox(server, 1, "carol@second.test", "pass-word")) == 1
    for words, why in ((("delete", "second.test"), "still has users or aliases"),
                       (("delete", "third.test"), "no such domain in the store"),
                       (("add", "second.test"), "exists already"),
                       (("add", "example.org"), "configuration"),
                       (("add", "a b"), "write it like example.org")):
        done = server.cli("domain", *words, check=False)
        assert done.returncode == 1 and why in done.errors, (words, done.errors)
    server.cli("user", "delete", "carol@second.test")
    server.cli("domain", "delete", "second.test")
    assert "second.test" not in server.cli("domain", "list").text
    assert asked() == 550


def test_imap_mailbox_work(server):
    mailkit.empty_inbox(server)
    client = mailkit.imap(server, "imaps")
    for number in range(5):
        mailkit.ok(client.append("INBOX", r"(\Seen)", None,
                                 b"Subject: n%d\r\n\r\nbody %d\r\n" % (number, number)))
    mailkit.ok(client.create("Work/2026"))
    mailkit.ok(client.select())
    mailkit.ok(client.copy("1:2", "Work/2026"))
    assert client._simple_command("MOVE", "5", '"Work/2026"')[0] == "OK"
    assert mailkit.ok(client.search(None, "ALL")) == [b"1 2 3 4"]
    assert mailkit.ok(client.search(None, "SUBJECT", "n2")) == [b"3"]
    assert mailkit.ok(client.search(None, "BODY", '"body 3"')) == [b"4"]
    mailkit.ok(client.select("Work/2026"))
    assert mailkit.ok(client.search(None, "ALL")) == [b"1 2 3"]
    mailkit.ok(client.rename("Work/2026", "Old"))
    mailkit.ok(client.close())
    mailkit.ok(client.delete("Old"))
    client.logout()
