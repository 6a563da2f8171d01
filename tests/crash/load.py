"""The load of tests/crash: senders that remember what they were promised."""
import hashlib
import random
import re
import socket
import ssl
import threading
import time

MAILBOXES = ("INBOX", "Kept")
LARGE = 300 * 1024
IN_FLIGHT = 4  # messages of one connection that are sent before their answers are read


class Message:
    def __init__(self, key, rcpts, size):
        self.key, self.rcpts, self.size = key, rcpts, size
        self.is_answered = False

    def text(self):
        return make_text(self.key, self.size)


def make_text(key, size):
    """The size in bytes, with a checksum of the body in the header. Lines with dots among them."""
    source = random.Random(key)
    line = b".%s %s\r\n" % (key.encode(), b"%0100x" % source.getrandbits(400))
    body = (line * (size // len(line) + 1))[:max(size - 100, 1)].rstrip(b"\r\n") + b"\r\n"
    digest = hashlib.sha256(body).hexdigest().encode()
    return b"Subject: crash\r\nX-Key: %s\r\nX-Sum: %s\r\n\r\n" % (key.encode(), digest) + body


def key_of(message):
    found = re.search(rb"(?m)^X-Key: (\S+)\r$", message[:4096])
    return found.group(1).decode() if found else None


def is_whole(message):
    head, _, body = message.partition(b"\r\n\r\n")
    found = re.search(rb"(?m)^X-Sum: (\S+)\r?$", head)
    return found is not None and hashlib.sha256(body).hexdigest().encode() == found.group(1)


class State:
    """far_share: of the messages go to a next hop; a third of them to a mailbox as well. pause_s: how
    long a connection rests behind each message, at most. may_refuse: whether messages and commands
    may be put off for want of room."""

    def __init__(self, server, wanted, users, far_share=0.06, pause_s=0.0, may_refuse=False):
        self.server, self.wanted, self.users = server, wanted, users
        self.far_share, self.pause_s, self.may_refuse = far_share, pause_s, may_refuse
        self.refusals = []  # (when, the reply)
        self.slowest_s = 0.0  # from a message's last byte to its 250
        self.lock = threading.Lock()
        self.messages = {}
        self.answered = 0
        self.complaints = []
        self.stop = False

    def new_message(self, source):
        with self.lock:
            key = f"m{len(self.messages)}"
            kind = source.random()
            users = [f"{user}@example.org" for user in source.sample(self.users, 2)]
            far = f"r{key}@far.example"
            rcpts = users[:1]
            if kind < 0.10:
                rcpts = users
            elif kind < 0.10 + self.far_share * 2 / 3:
                rcpts = [far]
            elif kind < 0.10 + self.far_share:
                rcpts = [users[0], far]
            size = LARGE if source.random() < 0.015 else source.randrange(200, 8000)
            message = self.messages[key] = Message(key, rcpts, size)
            return message

    def answer(self, message, waited_s):
        with self.lock:
            message.is_answered = True
            self.answered += 1
            self.slowest_s = max(self.slowest_s, waited_s)

    def refuse(self, reply):
        with self.lock:
            self.refusals.append((time.monotonic(), reply))

    def rest(self, source):
        if self.pause_s > 0:
            time.sleep(source.uniform(0, self.pause_s))


def connect(state, name):
    """A connection as soon as the server takes one; None when the test is over."""
    while not state.stop:
        try:
            return socket.create_connection(("127.0.0.1", state.server.port(name)), 20)
        except OSError:
            time.sleep(0.01)
    return None


# ---- SMTP ------------------------------------------------------------------------------------


class Gone(Exception):
    """The connection broke, as it does when the server is killed."""


class Refused(Exception):
    """NO, for want of room: it was done or not."""


class Sender(threading.Thread):
    """Sends until all is sent. Every second connection uses BDAT, which lets whole messages be
    pipelined; DATA is pipelined up to its 354 and on from the final dot."""

    def __init__(self, state, seed):
        super().__init__(daemon=True)
        self.state, self.random = state, random.Random(seed)

    def run(self):
        turn = 0
        while not self.state.stop:
            plain = connect(self.state, "smtp")
            if plain is None:
                return
            turn += 1
            try:
                with plain:
                    self.file = plain.makefile("rb")
                    self.socket = plain
                    self.talk(self.by_bdat if turn % 2 else self.by_data)
            except (OSError, Gone):
                continue

    def reply(self):
        while True:
            line = self.file.readline()
            if not line.endswith(b"\r\n"):
                raise Gone
            if line[3:4] != b"-":
                return line

    def expect(self, code, what):
        line = self.reply()
        if not line.startswith(code):
            self.state.complaints.append((what, line))
            raise Gone

    def talk(self, deliver):
        self.expect(b"220", "greeting")
        self.socket.sendall(b"EHLO client.test\r\n")
        self.expect(b"250", "EHLO")
        deliver()

    def envelope(self, message):
        lines = ["MAIL FROM:<sender@client.test>"] + [f"RCPT TO:<{r}>" for r in message.rcpts]
        return "\r\n".join(lines).encode() + b"\r\n"

    def expect_envelope(self, message):
        for _ in range(1 + len(message.rcpts)):
            self.expect(b"250", "envelope")

    def expect_taken(self, what):
        """Whether it was taken and not refused for want of room."""
        line = self.reply()
        if line.startswith(b"250"):
            return True
        if not self.state.may_refuse or line[:4] not in (b"451 ", b"452 ", b"503 "):
            self.state.complaints.append((what, line))
            raise Gone
        self.state.refuse(line)
        return False

    def expect_message(self, message, sent):
        if self.expect_taken("message"):
            self.state.answer(message, time.monotonic() - sent)

    def by_bdat(self):
        while not self.state.stop:
            batch = [self.state.new_message(self.random) for _ in range(IN_FLIGHT)]
            wire = b""
            for message in batch:
                text = message.text()
                cut = self.random.randrange(len(text))
                wire += self.envelope(message) + b"BDAT %d\r\n" % cut + text[:cut] + \
                    b"BDAT %d LAST\r\n" % (len(text) - cut) + text[cut:]
            self.socket.sendall(wire)
            sent = time.monotonic()
            for message in batch:
                self.expect_envelope(message)
                self.expect_taken("chunk")
                self.expect_message(message, sent)
                self.state.rest(self.random)

    def by_data(self):
        message = self.state.new_message(self.random)
        self.socket.sendall(self.envelope(message) + b"DATA\r\n")
        while True:
            self.expect_envelope(message)
            self.expect(b"354", "DATA")
            text = message.text().replace(b"\r\n.", b"\r\n..")
            following = None if self.state.stop else self.state.new_message(self.random)
            behind = b"QUIT\r\n" if following is None else self.envelope(following) + b"DATA\r\n"
            self.socket.sendall(text + b".\r\n" + behind)
            self.expect_message(message, time.monotonic())
            self.state.rest(self.random)
            if following is None:
                return
            message = following


# ---- IMAP ------------------------------------------------------------------------------------


class Imap:
    """The few commands that are needed, over implicit TLS."""

    def __init__(self, plain, ca, user):
        self.socket = ssl.create_default_context(cafile=ca).wrap_socket(
            plain, server_hostname="localhost")
        self.file = self.socket.makefile("rb")
        self.count = 0
        self.line()
        self.command(b"LOGIN %s secret" % user.encode())

    def line(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise Gone
        return line

    def command(self, text):
        """(the tagged answer, all lines before it with literals as bytes behind their line)."""
        self.count += 1
        tag = b"t%d" % self.count
        self.socket.sendall(tag + b" " + text + b"\r\n")
        before = []
        while True:
            line = self.line()
            if line.startswith(tag + b" "):
                return line, before
            before.append(line)
            literal = re.search(rb"\{(\d+)\}\r\n$", line)
            if literal:
                before.append(self.file.read(int(literal.group(1))))

    def close(self):
        self.socket.close()


class ImapWorker(threading.Thread):
    """Appends to INBOX, moves to the other mailbox, expunges. `possible` holds for each message all
    the places (mailbox, uid) where it may be; None: nowhere."""

    def __init__(self, state, user, seed):
        super().__init__(daemon=True)
        self.state, self.user, self.random = state, user, random.Random(seed)
        self.possible = {}
        self.complaints, self.refusals = [], []
        self.answered = 0
        self.highest = {mailbox: 0 for mailbox in MAILBOXES}
        self.validity = {}

    def run(self):
        while not self.state.stop:
            plain = connect(self.state, "imaps")
            if plain is None:
                return
            try:
                imap = Imap(plain, self.state.server.ca, self.user)
                try:
                    self.work(imap)
                finally:
                    imap.close()
            except (OSError, Gone):
                plain.close()

    def ask(self, imap, text):
        answer, before = imap.command(text)
        if b" NO [OVERQUOTA]" in answer or b" NO [UNAVAILABLE]" in answer:
            if self.state.may_refuse:
                self.refusals.append((time.monotonic(), answer))
                raise Refused
        if b" OK" not in answer[:12]:
            self.complaints.append((text[:60], answer))
            raise Gone
        self.answered += 1
        return answer, before

    def take_uid(self, mailbox, validity, uid):
        """UIDs only go up, under one UIDVALIDITY."""
        if self.validity.setdefault(mailbox, validity) != validity:
            self.complaints.append(("UIDVALIDITY changed", mailbox, validity))
        if uid <= self.highest[mailbox]:
            self.complaints.append(("UID went back", mailbox, uid, self.highest[mailbox]))
        self.highest[mailbox] = uid

    def work(self, imap):
        answer, _ = imap.command(b"CREATE Kept")
        if b" OK" not in answer[:12] and b"ALREADYEXISTS" not in answer:
            self.complaints.append(("CREATE", answer))
        _, before = self.ask(imap, b"SELECT INBOX")
        for line in before:
            found = re.search(rb"\[UIDNEXT (\d+)\]", line)
            if found and int(found.group(1)) <= self.highest["INBOX"]:
                self.complaints.append(("UIDNEXT went back", line, self.highest["INBOX"]))
        while not self.state.stop:
            try:
                self.take_turn(imap)
            except Refused:
                time.sleep(0.05)
            self.state.rest(self.random)

    def take_turn(self, imap):
        known = [k for k, p in self.possible.items()
                 if len(p) == 1 and p[0] is not None and p[0][0] == "INBOX"]
        turn = self.random.random()
        if turn < 0.5 or len(known) < 3:
            self.append(imap)
        elif turn < 0.8:
            self.move(imap, self.random.sample(known, 2))
        else:
            self.expunge(imap, self.random.choice(known))

    def append(self, imap):
        key = f"{self.user}-{len(self.possible)}"
        large = self.random.random() < 0.03
        text = make_text(key, LARGE if large else self.random.randrange(200, 6000))
        self.possible[key] = [None, ("INBOX", None)]
        answer, _ = self.ask(imap, b"APPEND INBOX {%d+}\r\n" % len(text) + text)
        found = re.search(rb"\[APPENDUID (\d+) (\d+)\]", answer)
        if not found:
            self.complaints.append(("no APPENDUID", answer))
            return
        self.take_uid("INBOX", int(found.group(1)), int(found.group(2)))
        self.possible[key] = [("INBOX", int(found.group(2)))]

    def move(self, imap, chosen):
        chosen = sorted(chosen, key=lambda key: self.possible[key][0][1])
        uids = [self.possible[key][0][1] for key in chosen]
        for key in chosen:
            self.possible[key] = self.possible[key] + [("Kept", None)]
        answer, before = self.ask(imap, b"UID MOVE %d,%d Kept" % tuple(uids))
        found = re.search(rb"\[COPYUID (\d+) (\S+) (\S+)\]", b"".join(before) + answer)
        if not found or numbers(found.group(2)) != uids or len(numbers(found.group(3))) != 2:
            self.complaints.append(("no COPYUID", before, answer))
            return
        for key, uid in zip(chosen, numbers(found.group(3))):
            self.take_uid("Kept", int(found.group(1)), uid)
            self.possible[key] = [("Kept", uid)]

    def expunge(self, imap, key):
        uid = self.possible[key][0][1]
        self.ask(imap, b"UID STORE %d +FLAGS.SILENT (\\Deleted)" % uid)
        self.possible[key] = self.possible[key] + [None]
        self.ask(imap, b"UID EXPUNGE %d" % uid)
        self.possible[key] = [None]


def numbers(text):
    """A UID set as a list."""
    result = []
    for part in text.decode().split(","):
        low, _, high = part.partition(":")
        result += range(int(low), int(high or low) + 1)
    return result


def fetch_all(server, user, mailbox):
    """uid -> message."""
    plain = socket.create_connection(("127.0.0.1", server.port("imaps")), 60)
    imap = Imap(plain, server.ca, user)
    answer, lines = imap.command(b"SELECT " + mailbox.encode())
    messages = {}
    if b" OK" in answer[:12] and not any(line == b"* 0 EXISTS\r\n" for line in lines):
        answer, lines = imap.command(b"FETCH 1:* (UID BODY.PEEK[])")
        assert b" OK" in answer[:12], answer
        for index, line in enumerate(lines):
            found = re.match(rb"\* \d+ FETCH \(.*UID (\d+).*\{\d+\}\r\n$", line)
            if found:
                uid = int(found.group(1))
                assert uid not in messages, uid
                messages[uid] = lines[index + 1]
    imap.close()
    return messages
