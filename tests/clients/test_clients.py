"""Command line clients: curl, swaks, msmtp, mbsync, mutt, fetchmail, openssl, gnutls-cli."""
import os
import re

import harness
import mailkit

MESSAGE = mailkit.cases()["dots"]


def send(server, message=MESSAGE):
    client = mailkit.smtp(server, "submissions")
    client.sendmail("alice@example.org", ["bob@example.org"], message)
    client.quit()


def wrong_ca(server):
    """An authority that the server's certificate does not come from."""
    path = os.path.join(server.dir, "other")
    if not os.path.isdir(path):
        harness.run([harness.BINARY, "init", "--dir", path, "--hostname", "localhost"])
    return os.path.join(path, "tls", "ca.pem")


def refused(done):
    assert done.returncode != 0, f"accepted an unknown authority:\n{done.text}\n{done.errors}"


# ---- curl ------------------------------------------------------------------------------------


def curl(server, url, *words, ca=None, **more):
    harness.need("curl")
    return harness.run(["curl", "-sS", "--ssl-reqd", "--cacert", ca or server.ca, "--max-time", "40",
                        "--user", "bob:hunter2", "--url", url, *words], **more)


def test_curl_smtp(server):
    file = server.path("message", MESSAGE)
    for url in (f"smtp://localhost:{server.port('submission')}",
                f"smtps://localhost:{server.port('submissions')}"):
        mailkit.empty_inbox(server)
        words = ["--mail-from", "bob@example.org", "--mail-rcpt", "bob@example.org",
                 "--upload-file", file]
        curl(server, url, *words)
        mailkit.check_same(mailkit.wait_for_inbox(server, 1)[0], MESSAGE)
        refused(curl(server, url, *words, ca=wrong_ca(server), check=False))


def test_curl_imap_and_pop3(server):
    mailkit.empty_inbox(server)
    send(server)
    for url in (f"imap://localhost:{server.port('imap')}/INBOX;MAILINDEX=1",
                f"imaps://localhost:{server.port('imaps')}/INBOX;MAILINDEX=1",
                f"pop3://localhost:{server.port('pop3')}/1",
                f"pop3s://localhost:{server.port('pop3s')}/1"):
        mailkit.check_same(curl(server, url).stdout, MESSAGE)
        refused(curl(server, url, ca=wrong_ca(server), check=False))


# ---- swaks and msmtp -------------------------------------------------------------------------


def test_swaks(server):
    harness.need("swaks")
    for mechanism in ("PLAIN", "LOGIN"):
        for words in (["--port", server.port("submission"), "--tls"],
                      ["--port", server.port("submissions"), "--tls-on-connect"]):
            mailkit.empty_inbox(server)
            base = ["swaks", "--server", "localhost", *words, "--tls-verify", "--auth", mechanism,
                    "--auth-user", "alice@example.org", "--auth-password", "secret",
                    "--from", "alice@example.org", "--to", "bob@example.org", "--body", "from swaks"]
            harness.run([*base, "--tls-ca-path", server.ca])
            assert b"from swaks" in mailkit.wait_for_inbox(server, 1)[0]
            refused(harness.run([*base, "--tls-ca-path", wrong_ca(server)], check=False))


def test_swaks_on_port_25_without_login(server):
    harness.need("swaks")
    mailkit.empty_inbox(server)
    harness.run(["swaks", "--server", "localhost", "--port", server.port("smtp"), "--tls",
                 "--tls-verify", "--tls-ca-path", server.ca, "--from", "x@client.test",
                 "--to", "bob@example.org", "--pipeline"])
    assert len(mailkit.wait_for_inbox(server, 1)) == 1


def test_msmtp(server):
    harness.need("msmtp")
    for name, starttls in (("submission", "on"), ("submissions", "off")):
        for mechanism in ("plain", "scram-sha-256", "login"):
            mailkit.empty_inbox(server)
            words = ["msmtp", "-C", "/dev/null", "--host=localhost", f"--port={server.port(name)}",
                     "--tls=on", f"--tls-starttls={starttls}", f"--auth={mechanism}", "--user=alice",
                     "--passwordeval=echo secret", "--from=alice@example.org"]
            done = harness.run([*words, f"--tls-trust-file={server.ca}", "bob@example.org"],
                               input=MESSAGE.replace(b"\r\n", b"\n"), check=False)
            if mechanism == "scram-sha-256" and "support" in done.errors:
                continue  # built without it
            assert done.returncode == 0, done.errors
            mailkit.check_same(mailkit.wait_for_inbox(server, 1)[0], MESSAGE)
            refused(harness.run([*words, f"--tls-trust-file={wrong_ca(server)}", "bob@example.org"],
                                input=MESSAGE, check=False))


def test_swaks_as_somebody_else(server):
    harness.need("swaks")
    mailkit.empty_inbox(server)
    done = harness.run(["swaks", "--server", "localhost", "--port", server.port("submission"),
                        "--tls", "--tls-verify", "--tls-ca-path", server.ca, "--auth", "PLAIN",
                        "--auth-user", "alice@example.org", "--auth-password", "secret",
                        "--from", "bob@example.org", "--to", "bob@example.org"], check=False)
    assert done.returncode != 0 and "550 5.7.1" in done.text, done.text
    assert "which may use: alice@example.org" in done.text, done.text
    server.wait_for_log('smtp sender-refused')
    assert mailkit.inbox(server) == []


def test_msmtp_blind_copies_stay_blind(server):
    """msmtp -t takes them as recipients; told to leave them in, the server still takes them out."""
    harness.need("msmtp")
    mailkit.empty_inbox(server)
    message = b"From: alice@example.org\nTo: bob@example.org\nBcc: alice@example.org,\n" \
              b" bob@example.org\nSubject: blind\nDate: Sat, 21 Nov 2026 10:00:00 +0000\n" \
              b"Message-ID: <blind@example.org>\n\nBcc: body\n"
    harness.run(["msmtp", "-C", "/dev/null", "--host=localhost", "-t", "--remove-bcc-headers=off",
                 f"--port={server.port('submissions')}", "--tls=on", "--tls-starttls=off",
                 "--auth=plain", "--user=alice", "--passwordeval=echo secret",
                 "--from=alice@example.org", f"--tls-trust-file={server.ca}"], input=message)
    blind = b"Bcc: alice@example.org,\r\n bob@example.org\r\n"
    crlf = message.replace(b"\n", b"\r\n")
    assert blind in crlf
    mailkit.check_same(mailkit.wait_for_inbox(server, 1)[0], crlf.replace(blind, b""))


# ---- mbsync, fetchmail, mutt -----------------------------------------------------------------


def mbsync_conf(server, name, ca, maildir):
    kind = "IMAPS" if name == "imaps" else "STARTTLS"
    return server.path(f"mbsyncrc-{name}", f"""
IMAPAccount test
Host localhost
Port {server.port(name)}
User bob
Pass hunter2
SSLType {kind}
CertificateFile {ca}
SystemCertificates no

IMAPStore remote
Account test

MaildirStore local
Path {maildir}/
Inbox {maildir}/INBOX
SubFolders Verbatim

Channel test
Far :remote:
Near :local:
Patterns *
Create Both
Expunge Both
SyncState *
""")


def test_mbsync_both_ways(server):
    harness.need("mbsync")
    for name in ("imap", "imaps"):
        mailkit.empty_inbox(server)
        send(server)
        maildir = server.path(f"maildir-{name}")
        os.makedirs(maildir)
        conf = mbsync_conf(server, name, server.ca, maildir)
        harness.run(["mbsync", "-c", conf, "-a"])
        new = [os.path.join(d, f) for d, _, files in os.walk(f"{maildir}/INBOX")
               for f in files if not f.startswith(".")]
        assert len(new) == 1, new
        got = open(new[0], "rb").read().replace(b"\n", b"\r\n")
        got = re.sub(rb"X-TUID: .*\r\n", b"", got)
        mailkit.check_same(got, MESSAGE)
        with open(f"{maildir}/INBOX/new/1.local", "wb") as f:
            f.write(b"Subject: from here\n\nup\n")
        harness.run(["mbsync", "-c", conf, "-a"])
        assert any(b"from here" in m for m in mailkit.inbox(server))
        refused(harness.run(["mbsync", "-c", mbsync_conf(server, name, wrong_ca(server), maildir),
                             "-a"], check=False))


def test_fetchmail(server):
    harness.need("fetchmail")
    for protocol, name, ssl in (("IMAP", "imap", ""), ("IMAP", "imaps", "ssl"),
                                ("POP3", "pop3", ""), ("POP3", "pop3s", "ssl")):
        mailkit.empty_inbox(server)
        send(server)
        out = server.path("fetched")
        open(out, "wb").close()

        def conf(ca):
            path = server.path("fetchmailrc", f"""
poll localhost protocol {protocol} port {server.port(name)}
  user "bob" password "hunter2" {ssl} {'' if ssl else 'sslproto "tls1.2+"'}
  sslcertck sslcertfile "{ca}" fetchall no rewrite
  mda "cat >> {out}"
""")
            os.chmod(path, 0o600)
            return path
        env = {**os.environ, "FETCHMAILHOME": server.dir, "HOME": server.dir}
        refused(harness.run(["fetchmail", "-f", conf(wrong_ca(server)), "--nosyslog",
                             "--pidfile", server.path("fm.pid")], check=False, env=env))
        assert len(mailkit.inbox(server)) == 1
        harness.run(["fetchmail", "-f", conf(server.ca), "--nosyslog",
                     "--pidfile", server.path("fm.pid")], env=env)
        assert b".hidden" in open(out, "rb").read()
        assert mailkit.inbox(server) == []


def test_mutt(server):
    harness.need("mutt")
    for name, url in (("imap", "imap"), ("imaps", "imaps")):
        mailkit.empty_inbox(server)
        send(server)
        out = server.path(f"mutt-{name}")
        conf = server.path("muttrc", f"""
set ssl_ca_certificates_file="{server.ca}"
set certificate_file="{server.ca}"
set ssl_starttls=yes
set ssl_force_tls=yes
set imap_user="bob"
set imap_pass="hunter2"
set folder="{url}://localhost:{server.port(name)}/"
set spoolfile="{url}://localhost:{server.port(name)}/INBOX"
set header_cache=""
set quit=yes
set delete=no
set confirmappend=no
set confirmcreate=no
set copy=no
push "<copy-message>{out}<enter><quit>"
""")
        env = {**os.environ, "HOME": server.dir, "TERM": "xterm"}
        harness.run_on_terminal(["mutt", "-n", "-F", conf], env=env)
        assert b".hidden" in open(out, "rb").read()


# ---- openssl and gnutls-cli ------------------------------------------------------------------


def test_openssl(server):
    harness.need("openssl")
    for name, words in (("smtp", ["-starttls", "smtp"]), ("submission", ["-starttls", "smtp"]),
                        ("imap", ["-starttls", "imap"]), ("pop3", ["-starttls", "pop3"]),
                        ("submissions", []), ("imaps", []), ("pop3s", [])):
        for version in ("-tls1_2", "-tls1_3"):
            base = ["openssl", "s_client", "-connect", f"localhost:{server.port(name)}", *words,
                    version, "-verify_return_error", "-verify_hostname", "localhost", "-brief"]
            done = harness.run([*base, "-CAfile", server.ca], input="")
            assert "Verification: OK" in done.errors + done.text, done.errors
            refused(harness.run([*base, "-CAfile", wrong_ca(server)], input="", check=False))
        for version in ("-tls1", "-tls1_1"):
            refused(harness.run(["openssl", "s_client", "-connect",
                                 f"localhost:{server.port(name)}", *words, version, "-cipher",
                                 "DEFAULT@SECLEVEL=0"], input="", check=False))


def test_gnutls_cli(server):
    harness.need("gnutls-cli")
    for name, words in (("submission", ["--starttls-proto=smtp"]), ("imap", ["--starttls-proto=imap"]),
                        ("pop3", ["--starttls-proto=pop3"]), ("submissions", []), ("imaps", []),
                        ("pop3s", [])):
        base = ["gnutls-cli", "--port", server.port(name), *words, "localhost"]
        done = harness.run([*base, f"--x509cafile={server.ca}"], input="")
        assert "The certificate is trusted" in done.text, done.text
        refused(harness.run([*base, f"--x509cafile={wrong_ca(server)}"], input="", check=False))
