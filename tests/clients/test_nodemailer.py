"""nodemailer, as programs in JavaScript send mail: through our submission ports, and to Postern as their
next hop, the certificate verified."""
import json
import os

import harness
import mailkit
from harness import run

SERVER = {"users": ["alice:secret", "bob:hunter2"]}

# Reads {transport, mail} from its standard input; prints what the server said, or why it did not work.
PROGRAM = """
const fs = require('fs');
const {transport, mail} = JSON.parse(fs.readFileSync(0, 'utf8'));
if (transport.tls.ca) transport.tls.ca = fs.readFileSync(transport.tls.ca);
const sender = require('nodemailer').createTransport(transport);
sender.sendMail(mail).then(
  (info) => { console.log(JSON.stringify(info)); sender.close(); },
  (error) => { console.log(JSON.stringify({error: error.message, code: error.code}));
               process.exitCode = 1; sender.close(); });
"""


def send(server, port="submission", trusted=True, auth=True, **mail):
    harness.need("node")
    # By address: it takes the first one of localhost, and no other, where that may be ::1.
    transport = {"host": "127.0.0.1", "port": server.port(port), "secure": port == "submissions",
                 "requireTLS": port != "submissions",
                 "tls": {"servername": "localhost", **({"ca": server.ca} if trusted else {})}}
    if auth:
        transport["auth"] = {"user": "alice@example.org", "pass": "secret"}
    mail = {"from": "alice@example.org", "to": "bob@example.org", "text": "Hello.", **mail}
    program = server.path("send.js", PROGRAM)
    done = run(["node", program], input=json.dumps({"transport": transport, "mail": mail}),
               env={**os.environ, "NODE_PATH": "/usr/share/nodejs:/usr/lib/nodejs"}, check=False)
    assert done.text, done.errors
    return json.loads(done.text)


def test_nodemailer_sends_over_both_submission_ports(server):
    mailkit.empty_inbox(server)
    for port in ("submission", "submissions"):
        said = send(server, port, subject=f"over {port}", html="<p>gr\u00fc\u00dfe</p>",
                    attachments=[{"filename": "a.bin", "content": "AAEC/w==", "encoding": "base64"}])
        assert said["response"].startswith("250 2.0.0"), said
        assert said["accepted"] == ["bob@example.org"], said
    got = mailkit.wait_for_inbox(server, 2)
    assert b"Subject: over submission\r\n" in got[0] and b"Subject: over submissions\r\n" in got[1]
    assert all(b"AAEC/w==" in message for message in got)


def test_nodemailer_sends_five_megabytes(server):
    mailkit.empty_inbox(server)
    said = send(server, subject="five", attachments=[{"filename": "five", "content": "x" * 5000000}])
    assert "error" not in said, said
    assert len(mailkit.wait_for_inbox(server, 1)[0]) > 6500000


def test_nodemailer_hears_who_was_refused(server):
    mailkit.empty_inbox(server)
    said = send(server, to="bob@example.org, nobody@example.org", subject="two")
    assert said["accepted"] == ["bob@example.org"], said
    assert said["rejected"] == ["nobody@example.org"], said
    assert len(mailkit.wait_for_inbox(server, 1)) == 1


def test_nodemailer_asks_for_notifications(server):
    mailkit.empty_inbox(server, "alice", "secret")
    said = send(server, subject="told", dsn={"id": "n-1", "return": "headers", "notify": ["success"],
                                             "recipient": "alice@example.org"})
    assert "error" not in said, said
    report = mailkit.wait_for_inbox(server, 1, "alice", "secret")[0]
    assert b"Original-Envelope-Id: n-1" in report and b"Action: delivered" in report, report


def test_nodemailer_refuses_an_unknown_authority(server):
    said = send(server, trusted=False)
    assert "error" in said and "certificate" in said["error"], said


def test_nodemailer_brings_mail_to_the_mx(server):
    """Without a login, as a program on another machine would; strangers' mail goes to us only."""
    mailkit.empty_inbox(server)
    said = send(server, "smtp", auth=False, **{"from": "carol@elsewhere.test"})
    assert said["response"].startswith("250 2.0.0"), said
    said = send(server, "smtp", auth=False, to="dave@elsewhere.test")
    assert "550 5.7.1" in said["error"] or "554 5.7.1" in said["error"], said
    assert len(mailkit.wait_for_inbox(server, 1)) == 1
