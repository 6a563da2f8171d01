"""What was promised to the senders of load.py, compared with what is there; and the frame of a test."""
import collections
import os
import time

import audit
import load


class Check:
    def __init__(self):
        self.passed = self.failed = 0

    def __call__(self, is_so, name, detail=""):
        self.passed += bool(is_so)
        self.failed += not is_so
        print(f"{'ok' if is_so else 'FAILED':7} {name}" + (f": {detail}" if not is_so else ""),
              flush=True)


def tell(items):
    items = list(items)
    return f"{len(items)}: {items[:8]}"


def waiting(server):
    """The recipients in the queue."""
    return [line.split(" to=<")[1].split(">")[0]
            for line in server.cli("queue", "list").text.splitlines()[:-1]]


def check_mail(check, server, state, far):
    """far: where the recipients elsewhere were found, once for each place."""
    found = collections.Counter()
    torn = []
    for user in state.users:
        for message in load.fetch_all(server, user, "INBOX").values():
            key = load.key_of(message)
            if key is None or key not in state.messages or not load.is_whole(message):
                torn.append((user, message[:200]))
            found[key, f"{user}@example.org"] += 1
    for rcpt in far:
        found[rcpt.split("@")[0][1:], rcpt] += 1

    check(not torn, "nothing in a mailbox is torn", tell(torn))
    lost, twice, halves, unasked = [], [], [], []
    for message in state.messages.values():
        counts = [found.pop((message.key, rcpt), 0) for rcpt in message.rcpts]
        if message.is_answered and min(counts) == 0:
            lost.append((message.key, message.rcpts, message.size))
        if max(counts) > 1:
            twice.append((message.key, counts))
        if not message.is_answered and len(set(counts)) > 1:
            halves.append((message.key, message.rcpts, counts))
    unasked = [key for key, count in found.items() if count]
    check(not lost, "what was answered with 250 is there", tell(lost))
    check(not twice, "nothing is there twice", tell(twice))
    check(not halves, "an unanswered message is there for all its recipients or for none",
          tell(halves))
    check(not unasked, "nothing is there that nobody sent", tell(unasked))


def check_imap(check, server, worker):
    name = f"IMAP {worker.user}: "
    check(not worker.complaints, name + "UIDs and answers", tell(worker.complaints))
    where = collections.defaultdict(list)
    torn = []
    for mailbox in load.MAILBOXES:
        for uid, message in load.fetch_all(server, worker.user, mailbox).items():
            where[load.key_of(message)].append((mailbox, uid))
            if not load.is_whole(message):
                torn.append((mailbox, uid))
    check(not torn, name + "nothing is torn", tell(torn))
    wrong = []
    for key, possible in worker.possible.items():
        # possible: the places where the message may be; a uid is None where it was not told.
        places = where.pop(key, [])
        matches = len(places) <= 1 and any(
            place == (places[0] if places else None) or
            (places and place is not None and place[0] == places[0][0] and place[1] is None)
            for place in possible)
        if not matches:
            wrong.append((key, possible, places))
    check(not wrong, name + "each message is where it was acknowledged", tell(wrong))
    check(not where, name + "nothing is there that was not appended", tell(where.items()))


def check_end(check, server, data=None):
    """The server stops, and its files agree with each other."""
    status = server.terminate()
    check(status == 0, "the server stops as it should", f"exit {status}")
    audit.audit(data or os.path.join(server.home, "data"), check)


def conduct(server, story):
    """story(check) with the server, which starts within; the exit status. KEEP=1 leaves the server's
    directory. The count comes last, whatever happens."""
    check = Check()
    started = time.monotonic()
    try:
        server.start()
        story(check)
    except Exception as error:
        check(False, "the test itself", f"{type(error).__name__}: {error}\n{server.log_tail()}")
    if os.environ.get("KEEP"):
        print(f"kept: {server.dir}")
        if server.process is not None:
            server.kill()
    else:
        complaint = server.stop()
        if complaint:
            check(False, "stop", complaint)
    print(f"{time.monotonic() - started:.0f} s")
    print(f"{check.passed} passed, {check.failed} failed")
    return 1 if check.failed else 0
