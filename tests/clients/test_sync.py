"""Programs that keep a copy in step with the server: mbsync and offlineimap both ways over some
hundred odd messages with flags and deletions on both sides, mpop one way, neomutt. (getmail works too,
but loses the race with its own child every hundredth message and then waits for a minute.)"""
import hashlib
import os
import random
import re

import harness
import mailkit
import oddmail
import rawimap

SERVER = {"users": ("alice:secret", "bob:hunter2", "carol:carol", "dave:dave", "frank:frank")}
# A Maildir's letters; \Recent and keywords are not kept there.
LETTERS = {"\\Draft": "D", "\\Flagged": "F", "\\Answered": "R", "\\Seen": "S", "\\Deleted": "T"}


def distinct_messages(count):
    """Every one with a mark that survives what clients add to a message."""
    pool = oddmail.possible()
    return [b"X-Mark: %d\r\n" % number + pool[number % len(pool)] for number in range(count)]


def digest(message):
    """Of the text with LF, without the field that mbsync puts in."""
    lines = message.replace(b"\r\n", b"\n").split(b"\n")
    text = b"\n".join(line for line in lines if not line.startswith(b"X-TUID:"))
    return hashlib.sha256(text.rstrip(b"\n")).hexdigest()[:16]


def mark(message):
    """Of a message that a client has written anew."""
    return re.search(rb"^X-Mark: (\w+)", message, re.MULTILINE).group(1)


def connect(server, user):
    password = dict(u.split(":") for u in SERVER["users"])[user]
    return rawimap.Client(server.port("imaps"), user, password, server.context())


def fill(server, user, messages):
    client = connect(server, user)
    rng = random.Random(1)
    for message in messages:
        flags = " ".join(f for f in LETTERS if f != "\\Deleted" and rng.randrange(4) == 0)
        tagged, _ = client.append("INBOX", message, f"({flags}) ")
        assert tagged.startswith(b"OK"), tagged
    client.logout()


def remote_set(server, user, key_of=digest):
    """{key: letters}"""
    client = connect(server, user)
    client.ok("EXAMINE INBOX")
    out = {}
    for line in client.ok("FETCH 1:* (FLAGS BODY.PEEK[])"):
        words = rawimap.Reader(line).all()
        if words[1:2] != ["FETCH"]:
            continue
        items = dict(zip(words[2][::2], words[2][1::2]))
        key = key_of(items["BODY[]"])
        assert key not in out, "a message is there twice"
        out[key] = "".join(sorted(LETTERS[f] for f in items["FLAGS"] if f in LETTERS))
    client.logout()
    return out


def maildir_files(path):
    return [os.path.join(path, sub, name) for sub in ("cur", "new")
            for name in sorted(os.listdir(os.path.join(path, sub)))]


def letters_of(file):
    return "".join(sorted(file.rpartition(":2,")[2])) if ":2," in file else ""


def local_set(path, key_of=digest):
    out = {}
    for file in maildir_files(path):
        key = key_of(open(file, "rb").read())
        assert key not in out, "a message is there twice"
        out[key] = letters_of(file)
    return out


def set_letters(file, letters):
    base = os.path.basename(file).partition(":2,")[0]
    folder = os.path.dirname(os.path.dirname(file))
    os.rename(file, os.path.join(folder, "cur", base + ":2," + "".join(sorted(letters))))


def change_local(path):
    """Some get a flag, some go, one comes."""
    for number, file in enumerate(maildir_files(path)):
        letters = set(letters_of(file))
        if number % 20 == 1:
            os.remove(file)
        elif number % 20 == 11:
            set_letters(file, letters | {"T"})
        elif number % 7 == 2:
            set_letters(file, letters ^ {"F"})
        elif number % 7 == 3:
            set_letters(file, letters | {"S"})
    with open(os.path.join(path, "new", "1.local.test"), "wb") as f:
        f.write(b"X-Mark: local\nSubject: written here\n\nhello\n")


def change_remote(server, user):
    client = connect(server, user)
    client.ok("SELECT INBOX")
    client.ok("STORE 4:20 +FLAGS.SILENT (\\Answered)")
    client.ok("STORE 10:15 -FLAGS (\\Seen \\Flagged)")
    client.ok("STORE 5,25:32 +FLAGS (\\Deleted)")
    client.ok("EXPUNGE")
    tagged, _ = client.append("INBOX", b"X-Mark: remote\r\n\r\nhello\r\n", "(\\Seen) ")
    assert tagged.startswith(b"OK")
    client.logout()


def check_equal(local, remote):
    missing = [key for key in remote if key not in local]
    extra = [key for key in local if key not in remote]
    flags = [(local[key], remote[key]) for key in local if key in remote and local[key] != remote[key]]
    assert not (missing or extra or flags), \
        f"{len(missing)} only remote, {len(extra)} only local, flags differ: {flags[:5]}"


def both_ways(server, user, path, sync, key_of):
    count = 200
    fill(server, user, distinct_messages(count))
    sync()
    check_equal(local_set(path, key_of), remote_set(server, user, key_of))
    change_local(path)
    change_remote(server, user)
    for _ in range(2):
        sync()
    local, remote = local_set(path, key_of), remote_set(server, user, key_of)
    check_equal(local, remote)
    gone = count + 2 - len(remote)
    assert count // 20 + 5 <= gone <= count // 10 + 9, f"{gone} of {count} are gone"


def mbsync(server, user, password, maildir):
    return server.path("mbsyncrc-sync-" + user, f"""
IMAPAccount test
Host localhost
Port {server.port("imaps")}
User {user}
Pass {password}
SSLType IMAPS
CertificateFile {server.ca}
SystemCertificates no

IMAPStore remote
Account test

MaildirStore local
Path {maildir}/
Inbox {maildir}/INBOX

Channel test
Far :remote:
Near :local:
Pattern INBOX
Create Both
Expunge Both
SyncState *
""")


def test_mbsync_keeps_hundreds_in_step(server):
    harness.need("mbsync")
    maildir = server.path("sync-mbsync")
    os.makedirs(maildir)
    conf = mbsync(server, "carol", "carol", maildir)
    both_ways(server, "carol", f"{maildir}/INBOX",
              lambda: harness.run(["mbsync", "-c", conf, "-a"]), digest)


@harness.slow
def test_offlineimap_keeps_hundreds_in_step(server):
    harness.need("offlineimap")
    maildir = server.path("sync-offlineimap")
    os.makedirs(maildir)
    conf = server.path("offlineimaprc", f"""
[general]
accounts = test
metadata = {server.dir}/offlineimap
ui = quiet
socktimeout = 30

[Account test]
localrepository = local
remoterepository = remote

[Repository local]
type = Maildir
localfolders = {maildir}

[Repository remote]
type = IMAP
remotehost = localhost
remoteport = {server.port("imaps")}
remoteuser = dave
remotepass = dave
ssl = yes
sslcacertfile = {server.ca}
folderfilter = lambda name: name == 'INBOX'
expunge = yes
""")
    both_ways(server, "dave", f"{maildir}/INBOX",
              lambda: harness.run(["offlineimap", "-o", "-c", conf]), mark)


def test_mpop_takes_all(server):
    harness.need("mpop")
    messages = distinct_messages(80)
    fill(server, "frank", messages)
    folder = server.path("mpop")
    for sub in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(folder, sub))
    for number, (port, starttls) in enumerate((("pop3", "on"), ("pop3s", "off"))):
        conf = server.path(f"mpoprc-{port}", f"""
account default
host localhost
port {server.port(port)}
user frank
password frank
tls on
tls_starttls {starttls}
tls_trust_file {server.ca}
delivery maildir {folder}
uidls_file {server.dir}/uidls
received_header off
keep {"off" if number else "on"}
""")
        os.chmod(conf, 0o600)
        harness.run(["mpop", "-C", conf])
        assert sorted(local_set(folder)) == sorted(digest(m) for m in messages)
    assert remote_set(server, "frank") == {}


def test_neomutt_flags_and_deletes(server):
    harness.need("neomutt", "script")
    count = 20
    fill(server, "alice", [b"X-Mark: %d\r\nSubject: number %d\r\n\r\nhi\r\n" % (n, n)
                           for n in range(count)])
    for number, port in enumerate(("imap", "imaps"), 1):
        conf = server.path(f"neomuttrc-{port}", f"""
set ssl_force_tls=yes ssl_starttls=yes certificate_file={server.ca} ssl_use_system_certs=no
set imap_user=alice imap_pass=secret quit=yes delete=yes confirmappend=no mark_old=no
set folder={port}://localhost:{server.port(port)}/ spoolfile=+INBOX
""")
        keys = "<tag-pattern>~A<enter><tag-prefix><set-flag>!<first-entry><delete-message>" \
               "<sync-mailbox><quit>"
        done = harness.run(["script", "-qec", f"neomutt -n -F {conf} -e 'push {keys}'", "/dev/null"],
                           timeout=30, check=False,
                           env={**os.environ, "TERM": "xterm", "HOME": server.dir})
        after = remote_set(server, "alice")
        assert len(after) == count - number, (len(after), done.text[-400:])
        assert all("F" in letters for letters in after.values())
