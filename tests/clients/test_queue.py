"""postern queue: filters, hold and release, flush and JSON, with a server and without one."""
import json

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
