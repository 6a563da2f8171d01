"""The next hop of tests/crash/relay and tests/crash/full: it takes mail, puts some off or hangs up, and
writes down what it took in which of the sending server's lives, so that what is sent again can be
judged."""
import collections
import random
import socketserver
import threading
import time

import load

# recipients: the key's far recipient; life: how many times the sender had been killed when the
# connection began; at: when it was confirmed (time.monotonic()).
Taken = collections.namedtuple("Taken", "rcpt life at")

PUT_OFF = 0.03  # of the recipients hear 451
REFUSED_AT_END = 0.02  # of the messages hear 451 behind their last byte
HUNG_UP = 0.01  # of the messages: the connection ends there, and the message is thrown away


class Hop(socketserver.ThreadingTCPServer):
    """confirmed: a Taken for each recipient and 250, in their order, written down before the 250 is
    sent; torn: what did not arrive whole. life: the test counts it up behind each kill. slow_s: how
    long it thinks before a 250, at most."""
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port, seed):
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.confirmed, self.torn = [], []
        self.life = self.put_off = self.hung_up = 0
        self.has_moods, self.slow_s = True, 0.0
        super().__init__(("127.0.0.1", port), Session)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def __exit__(self, *ignored):
        self.shutdown()
        self.server_close()

    def is_in_mood(self, chance):
        with self.lock:
            return self.has_moods and self.random.random() < chance


class Session(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def setup(self):
        self.life = self.server.life
        super().setup()

    def handle(self):
        try:
            self.talk()
        except (OSError, ValueError):
            pass  # killed, or cut off in the middle of a command

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def line(self):
        line = self.rfile.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError
        return line

    def talk(self):
        rcpts, message = [], b""
        self.say("220 hop.test ESMTP")
        while True:
            words = self.line().decode().split()
            verb = words[0].upper()
            if verb == "EHLO":
                chunking = "250-CHUNKING\r\n" if self.server.is_in_mood(0.5) else ""
                self.say(f"250-hop.test\r\n{chunking}250-8BITMIME\r\n250 PIPELINING")
            elif verb == "MAIL":
                rcpts, message = [], b""
                self.say("250 2.1.0 sender ok")
            elif verb == "RCPT" and self.server.is_in_mood(PUT_OFF):
                self.server.put_off += 1
                self.say("451 4.2.0 come back later")
            elif verb == "RCPT":
                rcpts.append(words[1].partition("<")[2].partition(">")[0])
                self.say("250 2.1.5 recipient ok")
            elif verb in ("DATA", "BDAT") and not rcpts:
                if verb == "BDAT":
                    self.chunk(words)
                self.say("554 5.5.1 no recipients")
            elif verb == "DATA":
                self.say("354 go on")
                self.take(rcpts, self.read_message())
            elif verb == "BDAT":
                message += self.chunk(words)
                if words[-1].upper() == "LAST":
                    self.take(rcpts, message)
                else:
                    self.say("250 2.0.0 go on")
            elif verb == "QUIT":
                self.say("221 2.0.0 bye")
                return
            else:
                self.say("250 2.0.0 ok")

    def chunk(self, words):
        data = self.rfile.read(int(words[1]))
        if len(data) != int(words[1]):
            raise ConnectionError
        return data

    def read_message(self):
        lines = []
        while (line := self.line()) != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)

    def take(self, rcpts, message):
        if self.server.is_in_mood(HUNG_UP):
            self.server.hung_up += 1
            raise ConnectionError
        if self.server.is_in_mood(REFUSED_AT_END):
            self.server.put_off += 1
            self.say("451 4.3.0 not now")
            return
        time.sleep(random.uniform(0, self.server.slow_s))
        with self.server.lock:
            if not load.is_whole(message):
                self.server.torn.append(rcpts)
            now = time.monotonic()
            self.server.confirmed += [Taken(rcpt, self.life, now) for rcpt in rcpts]
            self.say("250 2.0.0 taken")


def sent_again(confirmed, kills, window_s):
    """(repeats, violations): each recipient that was confirmed more than once, and those of them for
    which RFC 5321 4.5.4.1 has no excuse: confirmed twice in one life, or longer before the kill
    than the sender needs to write a 250 down. kills: when each life ended. The ages are seconds."""
    places = collections.defaultdict(list)
    for taken in confirmed:
        places[taken.rcpt].append(taken)
    ages, violations = [], []
    for rcpt, found in places.items():
        for one, other in zip(found, found[1:]):
            age = kills[one.life] - one.at if one.life < len(kills) else None
            if one.life >= other.life:
                violations.append((rcpt, "twice in one life", one, other))
            elif age > window_s:
                violations.append((rcpt, f"confirmed {age:.2f} s before the kill", one, other))
            else:
                ages.append(age)
    return ages, violations
