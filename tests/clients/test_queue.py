"""postern queue: filters, hold and release, flush and JSON, with a server and without one."""
import json
import os
import pty
import re
import subprocess

import dnsd
import harness
import mailkit
import smtpsink
from harness import Server, keys, wait_until

SERVER = None

MESSAGE = b"Subject: %d\r\n\r\nHello.\r\n"


def relaying(port):
    return Server(domains=["first.test"], users=["alice:secret"],
                  edit=keys(relay={"smarthost": "127.0.0.1", "smarthost_port": port,
                                   "smarthost_tls": "off"}))


def send(server, *recipients):
    client = mailkit.smtp(server)
    for number, recipient in enumerate(recipients):
        client.sendmail("alice@first.test", [recipient], MESSAGE % number)
    client.quit()


def entries(server, *words):
    return [json.loads(line) for line in server.cli("queue", "list", "--json", *words).text.splitlines()]


def wait_for_entries(server, count):
    def tried():
        found = entries(server)
        return found if len(found) == count and all(e["attempts"] > 0 for e in found) else None
    return wait_until(tried, 20, f"{count} tried entries")


def test_hold_release_and_flush():
    """A hop that is down; what is held stays when it comes up, what is not goes by one flush."""
    port = harness.free_port()
    with relaying(port) as one:
        send(one, "a@far.lab", "b@far.lab", "c@near.lab")
        found = wait_for_entries(one, 3)
        assert sorted(e["to"] for e in found) == ["a@far.lab", "b@far.lab", "c@near.lab"]
        assert all(e["from"] == "alice@first.test" and not e["held"] for e in found)
        assert len(entries(one, "far.lab")) == 2 and len(entries(one, "older=1h")) == 0
        assert len(entries(one, "host=127.0.0.1", "recipient=C@near.lab")) == 1

        assert "1 entry held" in one.cli("queue", "hold", "recipient=a@far.lab").text
        assert [e["to"] for e in entries(one, "held")] == ["a@far.lab"]
        assert "due=held" in one.cli("queue", "list", "held").text
        assert "next attempt  held" in one.cli("queue", "show", "recipient=a@far.lab").text
        assert "left as they are" in one.cli("queue", "retry", "recipient=a@far.lab").text

        with smtpsink.Sink(port) as sink:
            assert "2 entries due now" in one.cli("queue", "flush").text
            wait_until(lambda: len(sink.messages) == 2, 20, "what is not held")
            wait_until(lambda: len(entries(one)) == 1, 20, "the held one alone")
            assert sorted(m[1][0] for m in sink.messages) == ["b@far.lab", "c@near.lab"]
            assert "1 entry released" in one.cli("queue", "release", "held").text
            wait_until(lambda: not entries(one), 20, "an empty queue")
            assert len(sink.messages) == 3


def test_one_message_that_is_tried_fetches_the_others():
    port = harness.free_port()
    with relaying(port) as one:
        send(one, *(f"r{i}@far.lab" for i in range(20)))
        wait_for_entries(one, 20)
        with smtpsink.Sink(port) as sink:
            one.cli("queue", "retry", "recipient=r7@far.lab")
            wait_until(lambda: not entries(one), 20, "an empty queue")
            assert len(sink.messages) == 20


def test_without_a_server():
    with relaying(harness.free_port()) as one:
        send(one, "a@far.lab", "b@far.lab", "c@near.lab")
        wait_for_entries(one, 3)
        assert one.terminate() == 0
        assert one.cli("queue", "list").text.splitlines()[-1].startswith("3 in the queue, ")
        one.cli("queue", "hold", "near.lab")
        assert [e["to"] for e in entries(one, "held")] == ["c@near.lab"]
        assert "2 entries deleted" in one.cli("queue", "delete", "far.lab").text
        assert len(entries(one)) == 1
        for words in (("delete",), ("hold",), ("show",), ("list", "older=x"), ("flush", "--json"), ("go",)):
            done = one.cli("queue", *words, check=False)
            assert done.returncode == 2 and "--help" in done.errors, (words, done.errors)


def test_a_message_tells_its_whole_life():
    """Received over TLS with a login, tried in vain, delivered; asked for with a server and without."""
    port = harness.free_port()
    with relaying(port) as one:
        client = mailkit.smtp(one)
        client.mail("alice@first.test")
        client.rcpt("far@far.lab")
        code, text = client.data(MESSAGE % 1)
        client.quit()
        message = text.decode().split()[-1].strip("<>.")
        found = wait_for_entries(one, 1)
        assert found[0]["message"] in text.decode(), text
        message = found[0]["message"]

        told = one.cli("message", message).text
        for part in ("received ", "from <alice@first.test>", "over TLSv1.3 TLS_", "logged in as alice",
                     "attempt 1 ", "deferred  to <far@far.lab>", "by smarthost", "next attempt: ",
                     "in queue   entry ", "stored "):
            assert part in told, (part, told)
        with smtpsink.Sink(port, replies={"DATA": "250 2.0.0 taken by the sink"}):
            one.cli("queue", "flush")
            wait_until(lambda: not entries(one), 20, "an empty queue")
        for running in (True, False):
            if not running:
                assert one.terminate() == 0
            told = one.cli("message", message.upper() if running else message).text
            assert told.count("attempt ") >= 2 and "delivered  to <far@far.lab>" in told, told
            assert "in plaintext" in told and "reply: 250" in told and "taken by the sink" in told, told
            assert "in queue" not in told and "stored" not in told, told
        for words in (("message", "0" * 16), ("message", "12"), ("message", "x" * 16)):
            done = one.cli(*words, check=False)
            assert done.returncode == 1 and "message" in done.errors and done.text == "", done.errors


def test_each_check_of_a_delivery_is_told():
    """Over TLS, with a name that the certificate has and with one that it has not: for people and as JSON."""
    with Server(domains=["final.test"], users=["carol:pw3"]) as last:
        for host, name in (("localhost", "good"), ("127.0.0.3", "wrong-name")):
            relay = {"smarthost": host, "smarthost_port": last.port("smtp"), "smarthost_tls": "starttls",
                     "smarthost_verify": "opportunistic"}
            if host != "localhost":
                relay["smarthost"] = "elsewhere.lab"
            zone = {"elsewhere.lab": {"a": ["127.0.0.1"]}}
            with dnsd.NameServer(zone) as names, \
                    Server(domains=["first.test"], users=["alice:secret"],
                           edit=keys(tls={"trusted": last.ca}, relay={"resolver": names.at, **relay})) as one:
                send(one, "carol@final.test")
                wait_until(lambda: not entries(one), 20, "an empty queue")
                log = one.log_text()
                message = re.search(r"smtp accepted .*?msg=([0-9a-f]{16})", log).group(1)
                lines = [json.loads(line) for line in one.cli("message", message, "--json").text.splitlines()]
                assert [line["kind"] for line in lines] == ["received", "attempt"], lines
                attempt = lines[1]
                assert attempt["verdict"] == "delivered" and attempt["tls_version"] == "TLSv1.3", attempt
                assert attempt["reply"].startswith("250") and attempt["due"] is None, attempt
                checks = {check["check"]: check for check in attempt["checks"]}
                assert list(checks)[0] == "policy" and checks["policy"]["verdict"] == "configured", checks
                assert set(checks) == {"policy", "chain", "dates", "strength", "name", "purpose", "revocation"}
                assert checks["chain"]["verdict"] == "good" and checks["name"]["verdict"] == name, checks
                assert all(check["text"] for check in attempt["checks"] if check["verdict"] != "not-done"), checks
                told = one.cli("message", message).text
                for check in attempt["checks"]:
                    assert f"  {check['check']}: {check['verdict']}" in told, (check, told)


def in_a_terminal(server, *words):
    """Output and, apart from it, what the terminal of standard error got."""
    ours, theirs = pty.openpty()
    command = [harness.BINARY, *words[:2], "-c", server.conf, *words[2:]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        text, shown = process.stdout.read().decode(), b""
        try:
            while chunk := os.read(ours, 65536):
                shown += chunk
        except OSError:  # Linux ends a terminal so
            pass
        os.close(ours)
        assert process.wait() == 0, (text, shown)
    return text, shown.decode()


def test_long_operations_show_how_far_they_are():
    """On a terminal only, and gone at the end; held entries, so that nothing moves meanwhile."""
    count = 1900
    with relaying(harness.free_port()) as one:
        client = mailkit.smtp(one)
        for start in range(0, count, 100):
            client.sendmail("alice@first.test", [f"r{start + i}@far.lab" for i in range(100)], MESSAGE % start)
        client.quit()
        text, shown = in_a_terminal(one, "queue", "hold", "far.lab")
        assert f"{count} entries held" in text or "left as they are" in text, text
        assert f"] 1000 of {count}, " in shown and " left" in shown, shown
        assert shown.endswith("\r\x1b[K"), shown[-100:]
        done = one.cli("queue", "hold", "far.lab", check=False)
        assert done.errors == "" and "\x1b" not in done.text, (done.text, done.errors)
        text, shown = in_a_terminal(one, "queue", "delete", "far.lab")
        assert f"{count} entries deleted" in text and f"of {count}" in shown, (text, shown)
        assert not entries(one)
