"""`trace = true`: what a running server writes of its connections, and what it never writes."""
import base64
import imaplib
import json
import os
import re
import socket
import stat

import mailkit
from harness import Server, keys, wait_until

SERVER = None
PASSWORD = "Kn0blauch-9"


def traced(*names):
    """Turns trace on for these listeners."""
    def edit(text):
        for name in names:
            text = text.replace(f'{{ name = "{name}";', f'{{ name = "{name}"; trace = true;')
        return text
    return edit


def both(*edits):
    def edit(text):
        for one in edits:
            text = one(text)
        return text
    return edit


def start(edit, **more):
    return Server(users=[f"alice:{PASSWORD}"], edit=edit, **more)


def events(server):
    path = server.path("server/trace.jsonl")
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def wait_for_closed(server, count=1):
    """The events, once so many connections have ended."""
    def done():
        found = events(server)
        return found if sum(e["event"] == "close" for e in found) >= count else None
    return wait_until(done, 20, f"{count} closed connections in the trace")


def assert_no_secret(text):
    plain = base64.b64encode(b"\0alice\0" + PASSWORD.encode()).decode()
    for secret in (PASSWORD, plain, base64.b64encode(PASSWORD.encode()).decode()):
        assert secret not in text, f"the trace holds {secret!r}"


def test_starttls_is_told_step_by_step():
    with start(traced("submission")) as server:
        with socket.create_connection(("127.0.0.1", server.port("submission")), 20) as plain:
            lines = plain.makefile("rwb")
            lines.readline()
            lines.write(b"EHLO client.example.net\r\n")
            lines.flush()
            while lines.readline()[3:4] == b"-":
                pass
            # Refused in plaintext; a client that does not wait has sent it all the same.
            response = base64.b64encode(b"\0alice\0" + PASSWORD.encode())
            lines.write(b"AUTH PLAIN " + response + b"\r\n")
            lines.flush()
            lines.readline()
            lines.write(b"STARTTLS\r\n")
            lines.flush()
            assert lines.readline().startswith(b"220")
            with server.context().wrap_socket(plain, server_hostname="localhost") as tls:
                tls.sendall(b"EHLO client.example.net\r\nAUTH PLAIN " + response + b"\r\nQUIT\r\n")
                while tls.recv(4096):
                    pass
        found = wait_for_closed(server)
        said = [e.get("detail", "") for e in found if e["event"] == "line" and e["way"] == "in"]
        assert said == ["EHLO client.example.net", "AUTH PLAIN", "STARTTLS"], said
        names = [e["name"] for e in found if e["event"] == "handshake"]
        assert names[:2] == ["ClientHello", "ServerHello"] and "Finished" in names, names
        hello = next(e for e in found if e.get("name") == "ClientHello")
        assert hello["fields"]["server_name"] == "localhost", hello
        assert hello["bytes"].startswith("0303") and hello["size"] == len(hello["bytes"]) // 2 + 4
        secure = [e for e in found if e["event"] == "secure"]
        assert len(secure) == 1 and secure[0]["detail"] == "TLSv1.3", secure
        assert secure[0]["fields"]["cipher_suite"].startswith("TLS_"), secure
        order = [e["event"] for e in found]
        assert order[0] == "open" and order[-1] == "close", order
        assert order.index("upgrade-offered") < order.index("handshake") < order.index("secure")
        times = [e["us"] for e in found]
        assert times == sorted(times) and times[0] == 0, times
        text = open(server.path("server/trace.jsonl")).read()
        assert_no_secret(text)
        mode = stat.S_IMODE(os.stat(server.path("server/trace.jsonl")).st_mode)
        assert mode == 0o600, oct(mode)


def test_only_listeners_that_ask_for_it_are_traced_also_after_a_reload():
    with start(traced("imaps")) as server:
        for name in ("imap", "imaps"):
            login(server, name)
        found = wait_for_closed(server)
        assert len({e["conn"] for e in found}) == 1, "imap was traced too"
        assert found[0]["fields"]["listener"] == "imaps", found[0]
        assert_no_secret(json.dumps(found))

        server.set(lambda text: traced("imap")(text.replace(" trace = true;", "")))
        assert " server reloaded " in server.reload()
        for name in ("imap", "imaps"):
            login(server, name)
        found = wait_for_closed(server, 2)
        listeners = [e["fields"]["listener"] for e in found if e["event"] == "open"]
        assert listeners == ["imaps", "imap"], listeners
        assert_no_secret(json.dumps(found))


def login(server, name):
    if name == "imaps":
        client = imaplib.IMAP4_SSL("localhost", server.port(name), ssl_context=server.context())
    else:
        client = imaplib.IMAP4("localhost", server.port(name))
        client.starttls(server.context())
    client.login("alice", PASSWORD)
    client.logout()


def test_text_is_for_reading_and_the_relay_is_traced():
    with Server(domains=["final.test"], users=["carol:pw3"]) as target:
        edit = both(keys(top={"trace_format": "text", "trace_file": "seen.txt"},
                         tls={"trusted": target.ca},
                         relay={"smarthost": "localhost", "smarthost_port": target.port("smtp"),
                                "smarthost_tls": "starttls", "smarthost_verify": "required",
                                "keep_time": "0s", "trace": True}))
        with Server(domains=["first.test"], users=[f"alice:{PASSWORD}"], edit=edit) as server:
            client = mailkit.smtp(server, password=PASSWORD)
            client.sendmail("alice@first.test", ["carol@final.test"],
                            b"From: alice@first.test\r\nSubject: x\r\n\r\nvery private words\r\n")
            client.quit()
            path = server.path("server/seen.txt")
            wait_until(lambda: os.path.exists(path) and "close" in open(path).read(), 20,
                       "the trace of the delivery")
            text = open(path).read()
            assert text.startswith("connection "), text[:100]
            for pattern in (r"->  line .*EHLO ", r"<-  line .*220 ", r"->  ClientHello ",
                            r"certificate 0: subject CN=localhost", r"check chain +good",
                            r"secure +TLSv1.3", r"cipher suite: TLS_"):
                assert re.search(pattern, text), f"no {pattern} in:\n{text}"
            assert "private" not in text
            assert_no_secret(text)


def test_a_file_that_cannot_be_written_is_told_once():
    # One loop: each loop tells it once.
    with start(both(keys(top={"trace_file": "missing/trace.jsonl", "loops": 1}),
                    traced("imaps"))) as server:
        for _ in range(3):
            login(server, "imaps")
        server.wait_for_log(" trace not-written ")
        log = server.log_text()
        assert log.count(" trace not-written ") == 1, log
        assert "No such file" in log
