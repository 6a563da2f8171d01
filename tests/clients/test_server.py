"""The server as an administrator sees it: reload, stop, configuration, the other subcommands."""
import os
import re
import shutil
import signal
import smtplib
import socket
import ssl
import time

import harness
import mailkit
from harness import Server, keys, run, wait_until

SERVER = None
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def other_certificate(server):
    """A directory with ca.pem, server.pem and server-key.pem of an authority of its own."""
    path = os.path.join(server.dir, "other")
    run([harness.BINARY, "init", "--dir", path, "--hostname", "localhost"])
    return os.path.join(path, "tls")


def put(server, name, data):
    """Into the file as it is: owner and mode stay."""
    with open(os.path.join(server.home, "tls", name), "wb") as f:
        f.write(data)


def get(path):
    with open(path, "rb") as f:
        return f.read()


def served(server, name="imaps", ca=None):
    """The certificate that a new connection is shown, verified."""
    context = ssl.create_default_context(cafile=ca or server.ca)
    with socket.create_connection(("127.0.0.1", server.port(name)), 10) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as tls:
            return tls.getpeercert(True)


# ---- Reload ----------------------------------------------------------------------------------


def test_reload_serves_a_new_certificate_to_new_connections():
    with Server() as server:
        old = served(server)
        imap, smtp = mailkit.imap(server, "imap"), mailkit.smtp(server, "submission")
        plain = smtplib.SMTP("localhost", server.port("smtp"))
        other = other_certificate(server)
        for name in ("server.pem", "server-key.pem"):
            put(server, name, get(os.path.join(other, name)))
        assert "server reloaded" in server.reload()

        ca = os.path.join(other, "ca.pem")
        for name in ("imaps", "submissions", "pop3s"):
            assert served(server, name, ca) != old
        try:
            served(server)
            raise AssertionError("the old certificate is still served")
        except ssl.SSLCertVerificationError:
            pass
        mailkit.ok(imap.select())
        mailkit.ok(imap.noop())
        smtp.sendmail("alice@example.org", ["bob@example.org"], mailkit.cases()["plain"])
        plain.starttls(context=ssl.create_default_context(cafile=ca))  # began before the reload
        mailkit.ok(imap.noop())
        assert imap.untagged_responses.get("EXISTS", [b"0"])[-1] == b"1", imap.untagged_responses
        imap.logout()
        smtp.quit()
        plain.quit()


def test_reload_refuses_what_cannot_be_used():
    with Server() as server:
        old = served(server)
        other = other_certificate(server)
        good = {name: get(os.path.join(server.home, "tls", name))
                for name in ("server.pem", "server-key.pem")}
        conf = get(server.conf)
        mate = get(os.path.join(other, "server-key.pem"))
        for name, data in (("server.pem", b"no certificate"), ("server.pem", good["server.pem"][:300]),
                           ("server-key.pem", b""), ("server-key.pem", mate)):
            put(server, name, data)
            log = server.reload()
            assert "error server not-reloaded" in log and "server reloaded" not in log, log
            assert served(server) == old
            put(server, name, good[name])
        for text in (b"no_such_key = 1;", b"port_offset = ", b"smtp = { errors_max = 0; };"):
            with open(server.conf, "ab") as f:
                f.write(text + b"\n")
            log = server.reload()
            assert "error server not-reloaded" in log and "line=" in log, log
            assert served(server) == old
            with open(server.conf, "wb") as f:
                f.write(conf)
        assert "server reloaded" in server.reload()


def test_reload_refuses_what_needs_a_restart():
    with Server() as server:
        conf = get(server.conf)
        for group, key, value in (("top", "loops", 3), ("top", "port_offset", server.offset + 7),
                                  ("top", "data_dir", "elsewhere"), ("net", "backlog", 77),
                                  ("store", "read_threads", 5), ("auth", "hash_threads", 3)):
            server.set(keys(**{group: {key: value}}))
            log = server.reload()
            assert "not-reloaded" in log and key in log and "restart" in log, (key, log)
            with open(server.conf, "wb") as f:
                f.write(conf)
        server.set(lambda text: text.replace('name = "pop3s"', 'name = "pop3x"'))
        log = server.reload()
        assert "not-reloaded" in log and "listeners" in log, log
        mailkit.imap(server, "imaps").logout()


def test_reload_applies_the_rest():
    def size(client):
        client.ehlo()
        return client.esmtp_features["size"]
    with Server() as server:
        old = smtplib.SMTP("localhost", server.port("smtp"))
        before = size(old)
        server.set(keys(smtp={"message_size_max": "1M"}, top={"log_level": "debug"}))
        assert "server reloaded" in server.reload()
        new = smtplib.SMTP("localhost", server.port("smtp"))
        assert size(new) == str(1024 * 1024) and size(old) == before
        old.quit()
        new.quit()


def test_many_reloads_under_connections():
    with Server() as server:
        clients = [mailkit.imap(server, "imaps") for _ in range(5)]
        for client in clients:
            mailkit.ok(client.select())
        for _ in range(30):
            server.process.send_signal(signal.SIGHUP)
            for client in clients:
                mailkit.ok(client.noop())
            mailkit.imap(server, "imap").logout()
        for client in clients:
            mailkit.ok(client.noop())
            client.logout()
        assert "not-reloaded" not in server.log_text()


# ---- Stop ------------------------------------------------------------------------------------


class Wire:
    """A plain SMTP connection whose bytes the test chooses."""

    def __init__(self, server, name="smtp"):
        self.socket = socket.create_connection(("127.0.0.1", server.port(name)), 20)
        self.file = self.socket.makefile("rb")
        self.reply()

    def reply(self):
        while True:
            line = self.file.readline()
            if line[3:4] != b"-":
                return line

    def say(self, text):
        self.socket.sendall(text)
        return self.reply()


def begin_data(server):
    wire = Wire(server)
    assert wire.say(b"EHLO client.test\r\n").startswith(b"250")
    assert wire.say(b"MAIL FROM:<a@client.test>\r\n").startswith(b"250")
    assert wire.say(b"RCPT TO:<bob@example.org>\r\n").startswith(b"250")
    assert wire.say(b"DATA\r\n").startswith(b"354")
    wire.socket.sendall(b"Subject: last\r\n\r\nhalf of it\r\n")
    return wire


def test_stop_lets_a_running_message_end():
    with Server() as server:
        data, idle = begin_data(server), Wire(server)
        watcher = mailkit.imap(server, "imaps")
        mailkit.ok(watcher.select())
        watcher.send(b"i1 IDLE\r\n")
        assert watcher.readline().startswith(b"+")
        server.process.send_signal(signal.SIGTERM)
        server.wait_for_log(" server stopping ")

        assert idle.reply().startswith(b"421"), "an idle session is not told"
        assert watcher.readline().startswith(b"* BYE")
        wait_until(lambda: is_refused(server), 5, "the end of accepting")
        assert server.process.poll() is None
        assert data.say(b"the rest\r\n.\r\n").startswith(b"250")
        assert server.process.wait(10) == 0
        assert data.reply()[:3] in (b"421", b"")
        server.start()
        assert b"the rest" in mailkit.inbox(server)[0]


def is_refused(server):
    try:
        socket.create_connection(("127.0.0.1", server.port("smtp")), 5).close()
        return False
    except ConnectionRefusedError:
        return True


def test_stop_ends_at_the_deadline():
    with Server(edit=keys(net={"drain_timeout": "1s"})) as server:
        data = begin_data(server)
        started = time.monotonic()
        assert server.terminate(15) == 0
        assert 0.8 < time.monotonic() - started < 10
        assert not data.file.read().startswith(b"250")
        server.start()
        assert mailkit.inbox(server) == []


def test_stop_at_once_when_nothing_happens():
    with Server() as server:
        started = time.monotonic()
        assert server.terminate(15) == 0
        assert time.monotonic() - started < 5
        assert " server stopped " in server.log_text()
        server.start()


def test_a_second_server_is_refused():
    with Server() as server:
        done = run([harness.BINARY, "serve", "-c", server.conf], check=False)
        assert done.returncode == 1 and "not-started" in done.errors, done.errors
        elsewhere = harness.free_offset()
        server.set(keys(top={"port_offset": elsewhere}))
        done = run([harness.BINARY, "serve", "-c", server.conf], check=False)
        assert done.returncode == 1 and "not-started" in done.errors, done.errors
        harness.give_back(elsewhere)
        server.set(keys(top={"port_offset": server.offset}))
        with Server(start=False) as other:  # another store on the same ports
            other.set(keys(top={"port_offset": server.offset}))
            done = run([harness.BINARY, "serve", "-c", other.conf], check=False)
            assert done.returncode == 1 and "another program listens there" in done.errors
        mailkit.imap(server, "imaps").logout()
        assert "alice" in server.cli("user", "list").text


# ---- init ------------------------------------------------------------------------------------


def tree(path):
    return {os.path.join(d, f): os.stat(os.path.join(d, f)).st_mtime_ns
            for d, _, files in os.walk(path) for f in files}


def test_init_never_overwrites():
    with Server(start=False) as server:
        before = tree(server.home)
        done = run([harness.BINARY, "init", "--dir", server.home], check=False)
        assert done.returncode == 1 and "never overwritten" in done.errors, done.errors
        assert tree(server.home) == before
        taken = server.path("file", "x")
        assert run([harness.BINARY, "init", "--dir", taken], check=False).returncode == 1
        assert get(taken) == b"x"
        nowhere = os.path.join(server.dir, "no", "such", "parent")
        assert run([harness.BINARY, "init", "--dir", nowhere], check=False).returncode == 1


def test_init_refuses_bad_arguments():
    with Server(start=False) as server:
        for words in (["--port-offset", "x"], ["--port-offset", "65536"], ["--listen", "nowhere"],
                      ["--domain", "not a domain"], ["--hostname", "-"], ["--user", "a b:c"],
                      ["--user", "x@y@z:c"], ["--no-such-option"], ["argument"]):
            path = os.path.join(server.dir, "never")
            done = run([harness.BINARY, "init", "--dir", path, *words], check=False)
            assert done.returncode in (1, 2) and done.errors, (words, done.errors)
            assert not os.path.exists(path), f"{words}: left something half made"
        assert sorted(os.listdir(server.dir)) == ["server"], os.listdir(server.dir)


def test_init_keeps_secrets_private():
    with Server(start=False) as server:
        for name in ("tls/ca-key.pem", "tls/server-key.pem", "postern.conf"):
            mode = os.stat(os.path.join(server.home, name)).st_mode & 0o777
            assert mode == 0o600, (name, oct(mode))
        path = os.path.join(server.dir, "made")
        done = run([harness.BINARY, "init", "--dir", path, "--user", "erin", "--domain", "x.test"])
        assert re.search(r"password for erin: \S{12,}", done.text), done.text


# A user "postern" in a copy of the machine's files, which nobody else sees.
WITH_USER = """
set -e
cp /etc/passwd /etc/group .
echo 'postern:x:61999:61999::/nonexistent:/usr/sbin/nologin' >> passwd
echo 'postern:x:61999:' >> group
mount --bind passwd /etc/passwd
mount --bind group /etc/group
cd "$1"
shift
exec "$@"
"""


def user_of_an_init_in(home, mode):
    """The user that init writes down when root makes a data directory below home, by a relative path."""
    place = os.path.join(home, "checkout")
    os.makedirs(place)
    os.chmod(home, mode)
    done = run(["unshare", "-m", "sh", "-c", WITH_USER, "sh", place, harness.BINARY, "init", "--dir",
                "made", "--domain", "x.test", "--user", "erin"], cwd=home, check=False)
    if "mount" in done.errors or "unshare" in done.errors:
        raise harness.Skip("no mounts may be made here: " + done.errors.strip())
    assert done.returncode == 0, done.errors
    return re.search(r'^user = "(.*)";', get(os.path.join(place, "made/postern.conf")).decode(),
                     re.MULTILINE).group(1)


def test_init_gives_no_data_to_a_user_who_cannot_get_there():
    if os.geteuid() != 0:
        raise harness.Skip("only root can give a directory away")
    with Server(start=False) as server:
        os.chmod(server.dir, 0o755)
        assert user_of_an_init_in(os.path.join(server.dir, "open"), 0o755) == "postern"
        assert user_of_an_init_in(os.path.join(server.dir, "shut"), 0o700) == ""


# ---- check -----------------------------------------------------------------------------------


def line_of(text, what):
    return text[:text.index(what)].count("\n") + 1


BROKEN = [
    # What is put in at the end (or an edit), what stands in the complaint.
    ("no_such_key = 1;", "no_such_key"),
    ("log_lvl = \"info\";", "log_level"),
    ("smtp = { errors_max = 3; };", "duplicate"),
    ("net = { output_mark = 5; };", "output_mark"),
    ("net = { output_mark = \"5Q\"; };", "output_mark"),
    ("net = { close_timeout = \"2h\"; };", "close_timeout"),
    ("net = { backlog = 0; };", "backlog"),
    ("net = { backlog = \"many\"; };", "backlog"),
    ("imap = { errors_mx = 3; };", "errors_max"),
    ("store = { body_memory_max = \"16M\"; body_memory_total = \"1M\"; };", "body_memory_total"),
    ("auth = { iterations = 10; };", "4096"),
    ("loops = -1;", "loops"),
    ("loops = 1.5;", "loops"),
    ("this is no configuration", ""),
    ("imap = {", ""),
]


def check(server, text):
    with open(server.conf, "w") as f:
        f.write(text)
    return run([harness.BINARY, "check", "-c", server.conf], check=False)


def test_check_names_file_and_line():
    with Server(start=False) as server:
        text = get(server.conf).decode()
        assert check(server, text).returncode == 0
        last = text.count("\n") + 1
        for broken, words in BROKEN:
            done = check(server, text + broken + "\n")
            lines = done.errors.splitlines()
            assert done.returncode == 1, (broken, done.text, done.errors)
            assert any(re.match(rf"{re.escape(server.conf)}:({last}|{last + 1}): .*{words}", line)
                       for line in lines), (broken, last, done.errors)
            done = run([harness.BINARY, "serve", "-c", server.conf], check=False)
            assert done.returncode == 1, broken

        for old, new, words in (
                ('"tls/server.pem"', '"tls/none.pem"', "tls/none.pem"),
                ('protocol = "imap"', 'protocol = "imp"', "imap"),
                ('addresses = [ "127.0.0.1" ]', 'addresses = [ "localhost" ]', "localhost"),
                ('domains = [ "example.org" ]', "domains = [ ]", "domains"),
                ('hostname = "localhost"', 'hostname = ""', "hostname"),
                ('name = "submission"', 'name = "smtp"', "smtp"),
                ('    # smarthost_user = "me";', '    smarthost_user = "me";', "smarthost_password"),
        ):
            assert old in text, old
            done = check(server, text.replace(old, new, 1))
            assert done.returncode == 1 and words in done.errors, (new, done.errors)
            numbers = [int(n) for n in re.findall(rf"(?m)^{re.escape(server.conf)}:(\d+):",
                                                  done.errors)]
            near = line_of(text, old)
            assert any(abs(n - near) <= 2 for n in numbers), (new, near, done.errors)


def test_check_looks_at_keys_and_privacy():
    with Server(start=False) as server:
        text = get(server.conf).decode()
        key = os.path.join(server.home, "tls", "server-key.pem")
        os.chmod(key, 0o644)
        done = check(server, text)
        assert done.returncode == 1 and "everybody can read" in done.errors, done.errors
        os.chmod(key, 0o600)
        other = other_certificate(server)
        put(server, "server-key.pem", get(os.path.join(other, "server-key.pem")))
        done = check(server, text)
        assert done.returncode == 1 and "key" in done.errors, done.errors
        done = run([harness.BINARY, "check", "-c", "/no/such/file"], check=False)
        assert done.returncode == 1 and "/no/such/file" in done.errors


# ---- The other subcommands -------------------------------------------------------------------


def test_every_help_has_an_example():
    for words in ([], ["init"], ["serve"], ["user"], ["alias"], ["queue"], ["message"], ["check"], ["version"]):
        for option in ("--help", "-h"):
            done = run([harness.BINARY, *words, option], check=False)
            assert done.returncode == 0, (words, option, done.errors)
            assert re.search(r"(?i)example", done.text), (words, done.text)
            assert "postern" in done.text and not done.errors
    for words in ([], ["nonsense"], ["user"], ["user", "nonsense"], ["queue", "show"],
                  ["alias", "add", "x"], ["--nonsense"]):
        done = run([harness.BINARY, *words], check=False)
        assert done.returncode == 2 and "--help" in done.errors + done.text, (words, done.errors)
    for words in (["version"], ["--version"]):
        assert re.search(r"\d+\.\d+", run([harness.BINARY, *words]).text)


def test_users_aliases_and_queue_without_a_server():
    with Server(start=False) as server:
        server.cli("user", "add", "carol:pass-word")
        server.cli("user", "add", "dave@example.org", input="from-stdin\n")
        made = server.cli("user", "add", "erin", input="\n").text
        made = re.search(r"password for erin\S*: (\S+)", made).group(1)
        users = server.cli("user", "list").text.split()
        assert users == sorted(users) and {f"{n}@example.org" for n in
                                           ("alice", "bob", "carol", "dave", "erin")} == set(users)
        for words, why in ((("add", "carol:x"), "exists"), (("passwd", "nobody:x"), "no such user"),
                           (("delete", "nobody"), "no such user"), (("add", "a b:x"), "address")):
            done = server.cli("user", *words, check=False)
            assert done.returncode == 1 and why in done.errors, (words, done.text, done.errors)
        server.cli("user", "passwd", "carol:other-word")
        server.cli("alias", "add", "team", "carol", "dave", "far@away.test")
        assert server.cli("alias", "list").text.count("team@example.org ->") == 3
        server.cli("alias", "delete", "team", "dave")
        assert server.cli("alias", "list").text.count("team@example.org ->") == 2
        assert server.cli("queue", "list").text == "0 in the queue\n"

        server.start()
        for name, password in (("carol", "other-word"), ("dave", "from-stdin"), ("erin", made)):
            mailkit.imap(server, "imaps", name, password).logout()
        server.cli("user", "delete", "dave")
        try:
            mailkit.imap(server, "imaps", "dave", "from-stdin")
            raise AssertionError("a deleted user can log in")
        except mailkit.imaplib.IMAP4.error:
            pass


def test_addresses_of_other_domains_are_refused():
    with Server(start=False) as server:
        for words in (("user", "add", "carol@elsewhere.test:pass-word"),
                      ("alias", "add", "info@elsewhere.test", "alice")):
            done = server.cli(*words, check=False)
            assert done.returncode == 1 and "elsewhere.test is not one of the domains" in done.errors
        assert "elsewhere" not in server.cli("user", "list").text
        server.cli("alias", "add", "info", "carol@elsewhere.test")


def test_what_could_not_be_done_goes_to_standard_error():
    """The same with the server running and without it."""
    with Server(start=False) as server:
        for start in (False, True):
            if start:
                server.start()
            for words, why in ((("user", "add", "alice:x"), "exists"),
                               (("queue", "retry", "4711"), "no such entry")):
                done = server.cli(*words, check=False)
                assert done.returncode == 1 and done.text == "" and why in done.errors, \
                    (start, words, done.text, done.errors)


def test_a_changed_password_counts_at_once():
    with Server() as server:
        mailkit.imap(server, "imaps").logout()
        mailkit.imap(server, "imaps").logout()  # from the cache
        server.cli("user", "passwd", "bob:new-word")
        try:
            mailkit.imap(server, "imaps")
            raise AssertionError("the old password still works")
        except mailkit.imaplib.IMAP4.error:
            pass
        mailkit.imap(server, "imaps", "bob", "new-word").logout()


def test_passwords_and_content_never_reach_the_log():
    with Server(edit=keys(top={"log_level": "debug"})) as server:
        client = mailkit.smtp(server)
        client.sendmail("alice@example.org", ["bob@example.org"],
                        b"Subject: s\r\n\r\nkept-between-us\r\n")
        client.quit()
        mailkit.wait_for_inbox(server, 1)
        pop = mailkit.pop3(server)
        pop.retr(1)
        pop.quit()
        server.cli("user", "add", "carol:pass-word")
        log = server.log_text()
        for secret in ("secret", "hunter2", "pass-word", "kept-between-us", "SCRAM-SHA-256$"):
            assert secret not in log, secret


def test_a_lost_directory_is_named():
    with Server(start=False) as server:
        shutil.rmtree(os.path.join(server.home, "data"))
        for words in (["serve"], ["user", "list"], ["queue", "list"]):
            done = run([harness.BINARY, words[0], *words[1:], "-c", server.conf], check=False)
            assert done.returncode == 1 and "data" in done.errors, (words, done.errors)
