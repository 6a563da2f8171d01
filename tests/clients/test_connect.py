"""postern connect: against our own server in each protocol, style and version, and against servers
of OpenSSL's that are wrong, hostile or lie: what is told, what the exit status is, and that no
password is in any of it."""
import base64
import contextlib
import json
import os
import pty
import re
import select
import socket
import ssl
import subprocess
import threading

import harness
from test_cert_check import HOST, lab
from test_postfix import Postfix

PASSWORD = "Tr0ub4dor-and-3"
SERVER = {"users": (f"alice:{PASSWORD}",)}
STYLES = {("smtp", "starttls"): "smtp", ("smtp", "implicit"): "submissions",
          ("imap", "starttls"): "imap", ("imap", "implicit"): "imaps",
          ("pop3", "starttls"): "pop3", ("pop3", "implicit"): "pop3s"}
FORMS = [PASSWORD, base64.b64encode(PASSWORD.encode()).decode(),
         base64.b64encode(b"\0alice\0" + PASSWORD.encode()).decode(), PASSWORD.encode().hex()]


def connect(target, *words, status=0, timeout=30, env=None):
    """Output and exit status, and never a password in it."""
    more = {"env": env} if env else {}
    done = harness.run([harness.BINARY, "connect", target, *words], check=False, timeout=timeout,
                       **more)
    said = done.text + done.errors
    for form in FORMS:
        assert form not in said, f"the password is told as {form}: {said}"
    assert done.returncode == status, f"exit {done.returncode}, wanted {status}: {said}"
    return done


def target(server, protocol, style):
    return f"localhost:{server.port(STYLES[protocol, style])}"


def look(where, *words, status=0):
    """The events and the summary."""
    lines = connect(where, "--json", *words, status=status).text.splitlines()
    parsed = [json.loads(line) for line in lines]
    assert parsed[-1]["event"] == "summary" and parsed[-1]["status"] == status, parsed[-1]
    return parsed[:-1], parsed[-1]


def password_file(server):
    return server.path("password", PASSWORD + "\n")


def login(server):
    return ["--user", "alice", "--password-file", password_file(server)]


# ---- Our own server -------------------------------------------------------------------------

TRIPS = {("starttls", "1.3"): 5, ("starttls", "1.2"): 6, ("implicit", "1.3"): 3,
         ("implicit", "1.2"): 3}


def test_each_protocol_style_and_version(server):
    for protocol, style in STYLES:
        for version in ("1.2", "1.3"):
            case = f"{protocol} {style} {version}"
            events, summary = look(target(server, protocol, style), "--protocol", protocol,
                                   "--" + style, "--tls", version, "--ca", server.ca)
            assert summary["version"] == "TLSv" + version, case
            assert summary["alpn"] == protocol and summary["verdict"] == "good", case
            assert summary["result"] == "done" and not summary["resumed"], case
            assert summary["round_trips"] == TRIPS[style, version], (case, summary["round_trips"])
            checks = summary["checks"]
            for step in ("chain", "dates", "strength", "name", "purpose"):
                assert checks[step]["verdict"] == "good", (case, checks)
            assert "localhost" in summary["certificate"]["names"], case
            assert summary["certificate"]["days_left"] > 300, case
            assert (summary["offers_plaintext"] is None) == (style == "implicit"), case
            assert any("PLAIN" in offer for offer in summary["offers_secure"]), case
            names = [e["name"] for e in events if e["event"] == "handshake"]
            wanted = ["ClientHello", "ServerHello", "Certificate", "Finished"]
            assert [n for n in names if n in wanted][:3] == wanted[:3] and "Finished" in names, case
            times = [e["us"] for e in events]
            assert times == sorted(times) and times[0] >= 0, case
            assert summary["bytes_sent"] > 300 and summary["bytes_received"] > 500, case


def test_what_was_said_in_plaintext_is_not_what_was_said_under_tls(server):
    events, _ = look(target(server, "smtp", "starttls"), "--protocol", "smtp", "--ca", server.ca)
    lines = [(e["fields"]["security"], e["way"], e.get("detail", "")) for e in events
             if e["event"] == "line"]
    plain = [line for line in lines if line[0] == "plaintext"]
    assert lines[:len(plain)] == plain
    assert plain[-2][1:] == ("out", "STARTTLS") and plain[-1][2].startswith("220 ")
    secure = lines[len(plain):]
    assert secure[0][2].startswith("EHLO ") and secure[-1][2].startswith("221 ")


def test_the_report_reads_from_top_to_bottom(server):
    text = connect(target(server, "imap", "starttls"), "--protocol", "imap", "--ca", server.ca).text
    headings = ["IN PLAINTEXT", "THE UPGRADE", "THE HANDSHAKE", "THE CHECKS", "WHAT WAS AGREED",
                "UNDER TLS", "CAPABILITIES", "WHAT AN EAVESDROPPER SAW", "WHAT IT COST"]
    places = [text.index(heading) for heading in headings]
    assert places == sorted(places), text
    assert "WHAT WENT WRONG" not in text and text.rstrip().endswith("All is good."), text
    for part in ("ClientHello", "[ ok ] chain", "[ -- ] revocation", "TLSv1.3", "x25519",
                 "= 1 TCP + 3 plaintext + 1 TLS", "only in plaintext"):
        assert part in text, f"no {part!r} in {text}"
    assert "\033" not in text and max(map(len, text.splitlines())) <= 100, text
    assert not [line for line in text.splitlines() if line.endswith(" ")], text


def test_fields_and_bytes_fit_on_paper(server):
    for show in ("fields", "bytes"):
        text = connect(target(server, "smtp", "implicit"), "--protocol", "smtp", "--implicit",
                       "--ca", server.ca, "--show", show).text
        assert "key share: x25519" in text and max(map(len, text.splitlines())) <= 100, text
    assert "0000  03 03 " in text, text


def test_tls12_seals_after_its_change_of_cipher(server):
    text = connect(target(server, "pop3", "implicit"), "--protocol", "pop3", "--implicit", "--tls",
                   "1.2", "--ca", server.ca).text
    order = ["ClientKeyExchange", "C  ChangeCipherSpec", "sealed records only", "C  Finished",
             "S  ChangeCipherSpec", "S  Finished"]
    places = [text.index(part) for part in order]
    assert places == sorted(places), text
    assert "TLS 1.2 shows it" in text and "TLS 1.3 seals it" not in text


def test_a_login_in_each_protocol(server):
    for protocol, style in STYLES:
        for show in ("steps", "bytes"):
            words = ["--protocol", protocol, "--" + style, "--ca", server.ca, "--show", show,
                     *login(server)]
            _, summary = look(target(server, protocol, style), *words)
            assert summary["login"] == "SCRAM-SHA-256" and summary["result"] == "done", summary
            text = connect(target(server, protocol, style), *words).text
            assert "<not shown>" in text and "name and password among them" in text, text


def test_a_refused_login(server):
    wrong = server.path("wrong", "not-the-password\n")
    for protocol, style in STYLES:
        where = target(server, protocol, style)
        words = ["--protocol", protocol, "--" + style, "--ca", server.ca, "--user",
                 f"nobody-{protocol}-{style}", "--password-file", wrong]
        _, summary = look(where, *words, status=1)
        assert summary["result"] == "login-refused" and summary["step"] == "login", summary
        assert "login" not in summary and summary["secure"], summary


def test_the_password_stays_here_unless_all_is_green(server):
    """Without --ca the server's authority is unknown."""
    for protocol, style in STYLES:
        where = target(server, protocol, style)
        words = ["--protocol", protocol, "--" + style, *login(server)]
        events, summary = look(where, *words, status=3)
        assert summary["result"] == "login-unsafe", summary
        assert summary["checks"]["chain"]["verdict"] == "unknown-authority", summary
        steps = {e["fields"]["step"] for e in events if e["event"] == "line"}
        assert "login" not in steps, steps
        _, summary = look(where, *words, "--insecure", status=3)
        assert summary["login"] == "SCRAM-SHA-256", summary


def test_a_wrong_name(server):
    done = connect(target(server, "smtp", "starttls"), "--protocol", "smtp", "--ca", server.ca,
                   "--name", "mail.example.net", status=3)
    assert "[FAIL] name" in done.text and "what to do: connect by a name" in done.text, done.text
    assert "[ ok ] chain" in done.text and "do not trust it" in done.text


def test_styles_and_ports_that_do_not_fit(server):
    done = connect(target(server, "smtp", "starttls"), "--protocol", "smtp", "--implicit", status=1)
    assert "does not speak TLS" in done.text and "try --starttls" in done.text, done.text
    done = connect(target(server, "smtp", "implicit"), "--protocol", "smtp", "--starttls",
                   "--timeout", "500ms", status=1)
    assert "did not answer in time" in done.text and "--implicit" in done.text, done.text
    done = connect(target(server, "imap", "starttls"), "--protocol", "smtp", "--starttls", status=1)
    assert "not of this protocol" in done.text, done.text
    done = connect(target(server, "imap", "implicit"), "--protocol", "smtp", "--implicit", status=1)
    assert "no_application_protocol" in done.text and "look at --protocol" in done.text, done.text


def test_nobody_listens(_):
    where = f"127.0.0.1:{harness.free_port()}"
    done = connect(where, "--protocol", "smtp", status=1)
    assert "no connection" in done.text and "refused" in done.text and "what to do" in done.text
    _, summary = look(where, "--protocol", "smtp", status=1)
    assert not summary["secure"] and "round_trips" not in summary, summary


def test_compare(server):
    for protocol in ("smtp", "imap", "pop3"):
        other = server.port(STYLES[protocol, "implicit"])
        words = ["--protocol", protocol, "--ca", server.ca, f"--compare={other}"]
        text = connect(target(server, protocol, "starttls"), *words).text
        assert f"implicit TLS, port {other}" in text and "costs 2 round trips more" in text, text
        row = next(line for line in text.splitlines() if "round trips to" in line)
        assert row.split()[-2:] == ["5", "3"], row
        row = next(line for line in text.splitlines() if "same certificate" in line)
        assert row.split()[-2:] == ["yes", "yes"], row
        assert max(map(len, text.splitlines())) <= 100, text
        done = connect(target(server, protocol, "starttls"), *words, "--json")
        parsed = [json.loads(line) for line in done.text.splitlines()]
        assert parsed[-1] == {"event": "comparison", "both_secure": True, "same_certificate": True}
        styles = [line["style"] for line in parsed if line["event"] == "summary"]
        assert styles == ["starttls", "implicit"], styles
    done = connect(target(server, "imap", "implicit"), "--protocol", "imap", "--implicit", "--ca",
                   server.ca, f"--compare={harness.free_port()}", status=1)
    assert "no secure connection" in done.text and "all is good" in done.text, done.text


LABELS = {"1.3": {"CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET",
                  "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0", "EXPORTER_SECRET"},
          "1.2": {"CLIENT_RANDOM"}}


def test_the_key_log_is_this_session_s(server):
    for version, labels in LABELS.items():
        file = server.path("keys-" + version)
        with open(file, "w") as f:
            os.fchmod(f.fileno(), 0o644)
        events, _ = look(target(server, "smtp", "implicit"), "--protocol", "smtp", "--implicit",
                         "--tls", version, "--ca", server.ca, "--keylog", file, "--show", "bytes")
        hello = next(e for e in events if e.get("name") == "ClientHello")
        random = hello["bytes"][4:4 + 64]
        lines = [line.split() for line in open(file).read().splitlines()]
        assert {line[0] for line in lines} == labels, lines
        assert all(line[1] == random for line in lines), (random, lines)
        assert all(len(line[2]) == (64 if version == "1.3" else 96) for line in lines), lines
        assert os.stat(file).st_mode & 0o777 == 0o600
    theirs, link, pipe = server.path("theirs"), server.path("link"), server.path("pipe")
    open(theirs, "w").close()
    os.symlink(theirs, link)
    os.mkfifo(pipe)
    strange = ["/nowhere/keys", link, pipe]
    if os.geteuid() == 0:  # else nobody can give a file away
        os.chown(theirs, 65534, 65534)
        strange.append(theirs)
    for file in strange:
        done = connect(target(server, "smtp", "implicit"), "--protocol", "smtp", "--keylog", file,
                       status=1)
        assert "could not write the key log" in done.errors, done.errors
    assert os.stat(theirs).st_size == 0


def test_called_wrongly(server):
    where = target(server, "smtp", "starttls")
    for words in (["--show", "everything"], ["--protocol", "http"], ["--timeout", "soon"],
                  ["--starttls", "--implicit"], ["--user", "alice"], ["--cert", "x"], ["--nothing"],
                  ["--compare"], ["--password-file", "/nowhere"], ["more"]):
        done = connect(where, *words, status=2)
        assert done.text == "" and done.errors.count("\n") in (1, 2), (words, done.errors)
    done = connect(where, status=2)
    assert "which protocol?" in done.errors
    assert connect("localhost:0", "--protocol", "smtp", status=2).errors
    assert connect("", "--protocol", "smtp", status=2).errors
    assert "Wireshark" in connect("--help").text
    done = connect("no-such-name.invalid", "--protocol", "smtp", status=1)
    assert "could not find the address" in done.errors, done.errors


def on_terminal(words, env):
    """What a terminal is shown."""
    master, slave = pty.openpty()
    process = subprocess.Popen(words, stdout=slave, stderr=slave, stdin=subprocess.DEVNULL,
                               env={**os.environ, **env})
    os.close(slave)
    shown = b""
    while select.select([master], [], [], 20)[0]:
        try:
            some = os.read(master, 65536)
        except OSError:
            break
        if not some:
            break
        shown += some
    os.close(master)
    process.wait(20)
    return shown.decode()


def test_colour_only_where_a_terminal_wants_it(server):
    words = [harness.BINARY, "connect", target(server, "smtp", "starttls"), "--protocol", "smtp",
             "--ca", server.ca]
    plain_env = {"TERM": "xterm", "NO_COLOR": ""}
    shown = on_terminal(words, plain_env)
    assert "\033[32m[ ok ]\033[0m" in shown, shown
    plain = re.sub(r"\033\[[0-9;]*m", "", shown)
    assert "\033" not in plain and "[ ok ] chain" in plain
    for env in ({"TERM": "dumb", "NO_COLOR": ""}, {"TERM": "xterm", "NO_COLOR": "1"}):
        assert "\033" not in on_terminal(words, env), env


# ---- Servers that are wrong, hostile, or lie -----------------------------------------------------


class Scripted:
    """A server of OpenSSL's that says and hears lines. script: what it says; "<" waits for a line,
    "TLS" begins a handshake, "SLOW" sends what follows byte by byte."""

    def __init__(self, script, chain=None, key=None, client_ca=None):
        self.script, self.heard, self.error, self.client = script, [], None, None
        self.context = None
        if chain is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.set_ciphers("ALL:@SECLEVEL=0")
            self.context.load_cert_chain(chain, key)
        if client_ca is not None:
            self.context.load_verify_locations(client_ca)
            self.context.verify_mode = ssl.CERT_REQUIRED
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(20)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.thread.join(20)

    def run(self):
        try:
            conn, _ = self.listener.accept()
            conn.settimeout(20)
            with contextlib.closing(conn):
                self.talk(conn)
        except OSError as error:
            self.error = error

    def talk(self, conn):
        is_slow, rest = False, b""
        for part in self.script:
            if part == "SLOW":
                is_slow = True
            elif part == "TLS":
                conn = self.context.wrap_socket(conn, server_side=True)
                self.client = conn.getpeercert()
                rest = b""
            elif part == "<":
                while b"\r\n" not in rest:
                    some = conn.recv(4096)
                    if not some:
                        return
                    rest += some
                line, rest = rest.split(b"\r\n", 1)
                self.heard.append(line.decode())
            elif is_slow:
                for byte in part.encode():
                    conn.sendall(bytes([byte]))
            else:
                conn.sendall(part.encode())
        with contextlib.suppress(OSError):
            if isinstance(conn, ssl.SSLSocket):
                conn = conn.unwrap()
            conn.shutdown(socket.SHUT_WR)
            while conn.recv(4096):
                pass


SMTP = ["220 here\r\n", "<", "250-here\r\n250 STARTTLS\r\n", "<", "220 go\r\n", "TLS", "<"]


def scripted_look(script, *words, status=0, protocol="smtp", **more):
    with Scripted(script, **more) as peer:
        result = look(f"127.0.0.1:{peer.port}", "--protocol", protocol, "--timeout", "5s", *words,
                      status=status)
    return (*result, peer)


def test_certificates_that_are_wrong(_):
    past = ("20200101000000Z", "20210101000000Z")
    with lab() as made:
        ca = made.root[0]
        chain, leaf = made.good()
        name = ["--name", HOST]
        script = SMTP + ["250-here\r\n250 AUTH PLAIN\r\n", "<", "221 bye\r\n"]
        secret = made.write("password", PASSWORD)
        words = ["--ca", ca, "--user", "alice", "--password-file", secret, *name]
        old = made.sign(HOST, made.middle, dates=past)
        alone = made.sign(HOST, None)
        foreign_root = made.sign("Foreign", None, section="authority")
        foreign = made.sign(HOST, foreign_root)
        client = made.sign(HOST, made.middle, purpose="clientAuth")
        cases = [
            ("dates", "expired", made.chain(old, made.middle), old[1]),
            ("chain", "self-signed", alone[0], alone[1]),
            ("chain", "unknown-authority", made.chain(foreign), foreign[1]),
            ("purpose", "wrong-purpose", made.chain(client, made.middle), client[1]),
        ]
        for step, verdict, file, key in cases:
            _, summary, peer = scripted_look(script, *words, status=3, chain=file, key=key)
            assert summary["checks"][step]["verdict"] == verdict, (step, summary["checks"])
            assert summary["result"] == "login-unsafe", summary
            assert peer.heard[-1] == "QUIT" and not any("AUTH" in line for line in peer.heard)
        script[-2:-2] = ["<", "235 in\r\n"]
        _, summary, peer = scripted_look(script, *words, chain=chain, key=leaf[1])
        assert summary["login"] == "PLAIN" and peer.heard[-2] == "AUTH PLAIN " + FORMS[2], peer.heard


def test_revocation(_):
    """By a list of its authority's."""
    script = SMTP + ["250 here\r\n", "<", "221 bye\r\n"]
    with lab() as made:
        chain, leaf = made.good()
        crl = made.path("crl.pem")
        by = ["-config", made.configure(), "-cert", made.middle[0], "-keyfile", made.middle[1]]
        words = ["--ca", made.root[0], "--name", HOST, "--crl", crl]
        for verdict, status in (("good", 0), ("revoked", 3)):
            harness.run(["openssl", "ca", "-gencrl", *by, "-out", crl])
            _, summary, _ = scripted_look(script, *words, status=status, chain=chain, key=leaf[1])
            assert summary["checks"]["revocation"]["verdict"] == verdict, summary["checks"]
            if verdict == "good":
                harness.run(["openssl", "ca", "-revoke", leaf[0], *by])


def test_a_server_that_says_the_password_back(_):
    with lab() as made:
        chain, leaf = made.good()
        secret = made.write("password", PASSWORD)
        words = ["--ca", made.root[0], "--name", HOST, "--user", "alice", "--password-file", secret,
                 "--show", "bytes"]
        cases = [("smtp", SMTP + ["250-x\r\n250 AUTH PLAIN\r\n", "<",
                                  f"535 {FORMS[2]} {PASSWORD}\r\n", "<"]),
                 ("smtp", SMTP + ["250-x\r\n250 AUTH LOGIN\r\n", "<", "334 UGFzcw==\r\n", "<",
                                  f"535 {FORMS[1]}\r\n", "<"]),
                 ("imap", ["* OK\r\n", "<", "* CAPABILITY STARTTLS\r\np1 OK\r\n", "<",
                           "p2 OK\r\n", "TLS", "<", "* CAPABILITY X\r\np1 OK\r\n", "<",
                           f"p2 NO not {PASSWORD}\r\n", "<"]),
                 ("pop3", ["+OK\r\n", "<", "+OK\r\nSTLS\r\n.\r\n", "<", "+OK\r\n", "TLS", "<",
                           "+OK\r\nUSER\r\n.\r\n", "<", "+OK\r\n", "<",
                           f"-ERR {PASSWORD}\r\n", "<"])]
        for protocol, script in cases:
            for begin in ([], ["SLOW"]):
                _, summary, peer = scripted_look(begin + script, *words, status=1, chain=chain,
                                                 key=leaf[1], protocol=protocol)
                assert summary["result"] == "login-refused", summary
                assert any(form in line for form in FORMS for line in peer.heard), peer.heard


def test_upgrades_that_must_not_happen(_):
    cases = [
        ("smtp", ["220 x\r\n", "<", "250-x\r\n250 XXXXXXXA\r\n", "<"], "starttls-not-offered"),
        ("imap", ["* PREAUTH hi\r\n", "<"], "preauth"),
        ("pop3", ["+OK\r\n", "<", "+OK\r\nSTLS\r\n.\r\n", "<", "-ERR no\r\n", "<"],
         "upgrade-refused"),
        ("smtp", ["220 x\r\n", "<", "250-x\r\n" * 1000], "endless"),
        ("imap", ["* OK " + "x" * 20000 + "\r\n"], "not-the-protocol"),
        ("smtp", ["220 x\n"], "not-the-protocol"),
        ("pop3", ["+OK \0\r\n"], "not-the-protocol"),
    ]
    for protocol, script, result in cases:
        _, summary, peer = scripted_look(script, status=1, protocol=protocol)
        assert summary["result"] == result and not summary["secure"], (protocol, summary)


def test_plaintext_behind_the_go_ahead_ends_it(_):
    """CVE-2011-0411 the other way round: what is slipped in would count as said under TLS."""
    script = SMTP[:4] + ["220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n"]
    with Scripted(script) as peer:
        done = connect(f"127.0.0.1:{peer.port}", "--protocol", "smtp", status=1)
    assert "not trusted" in done.text and "No secure connection" in done.text, done.text


def test_hostile_bytes_reach_no_terminal(_):
    script = ["220 \x1b[31mred\x07\x9b\r\n", "<", "250-\x1b]0;title\x07\r\n250 X\r\n", "<"]
    with Scripted(script) as peer:
        done = connect(f"127.0.0.1:{peer.port}", "--protocol", "smtp", status=1)
    assert "\x1b" not in done.text and "\x07" not in done.text, done.text
    assert "\\x1b[31mred\\x07" in done.text, done.text
    _, summary, _ = scripted_look(script, status=1)
    assert summary["result"] == "starttls-not-offered", summary


def test_a_server_of_another_version_or_group(_):
    with lab() as made:
        chain, leaf = made.good()
        for wrong, right, version in (("1.2", "1.3", ssl.TLSVersion.TLSv1_3),
                                      ("1.3", "1.2", ssl.TLSVersion.TLSv1_2)):
            for tls, status in ((wrong, 1), (right, 0)):
                with Scripted(["TLS", "220 x\r\n", "<", "250 x\r\n", "<", "221 x\r\n"], chain=chain,
                              key=leaf[1]) as peer:
                    peer.context.minimum_version = peer.context.maximum_version = version
                    peer.context.set_ecdh_curve("secp384r1")
                    done = connect(f"127.0.0.1:{peer.port}", "--protocol", "smtp", "--implicit",
                                   "--tls", tls, "--ca", made.root[0], "--name", HOST,
                                   status=status)
                text = " ".join(done.text.split())
                assert status == 0 or "try another with --tls 1.2 or 1.3" in text, done.text
                assert status == 1 or "key exchange secp384r1" in text, done.text
                assert ("HelloRetryRequest" in text) == (status == 0 and tls == "1.3"), done.text


@harness.slow
def test_against_postfix(_):
    """A server of another make, with its own TLS."""
    with harness.Server() as anybody, Postfix(anybody) as postfix:
        for version in ("1.2", "1.3"):
            _, summary = look(f"localhost:{postfix.port}", "--protocol", "smtp", "--tls", version,
                              "--ca", postfix.ca)
            assert summary["version"] == "TLSv" + version and summary["verdict"] == "good", summary
            assert summary["round_trips"] == (5 if version == "1.3" else 6), summary
            assert "STARTTLS" in summary["offers_plaintext"], summary
            assert "STARTTLS" not in summary["offers_secure"], summary
        harness.run([harness.BINARY, "cert", "check", f"localhost:{postfix.port}", "--starttls",
                     "smtp", "--ca", postfix.ca])


def test_a_certificate_of_our_own(_):
    with lab() as made:
        chain, leaf = made.good()
        ours = made.sign("alice", made.middle, purpose="clientAuth")
        words = ["--ca", made.root[0], "--name", HOST]
        script = SMTP + ["250 here\r\n", "<", "221 bye\r\n"]
        authority = made.chain(made.root, made.middle)
        for version in ("1.2", "1.3"):
            _, _, peer = scripted_look(script, *words, "--tls", version, "--cert",
                                       made.chain(ours, made.middle), "--key", ours[1],
                                       chain=chain, key=leaf[1], client_ca=authority)
            assert peer.client["subject"] == ((("commonName", "alice"),),), peer.client
            _, summary, peer = scripted_look(script, *words, "--tls", version, status=1,
                                             chain=chain, key=leaf[1], client_ca=authority)
            assert peer.client is None and summary.get("result", "ended") == "ended", summary
            assert version == "1.3" or "alert" in summary["fault"], summary
            with Scripted(script, chain=chain, key=leaf[1], client_ca=authority) as peer:
                done = connect(f"127.0.0.1:{peer.port}", "--protocol", "smtp", *words, "--tls",
                               version, status=1)
            assert "asked for a certificate of ours" in done.text, done.text
