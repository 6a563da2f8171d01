"""Mail on its way through several servers: chains, smarthosts, reports, the queue, MX look-up."""
import email
import re
import time

import dnsd
import harness
import mailkit
import smtpsink
from harness import Server, keys, wait_until

SERVER = None

HEAD = b"From: alice@first.test\r\nTo: carol@final.test\r\nSubject: %s\r\n" \
       b"Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%s@first.test>\r\n\r\n"


def final(**more):
    return Server(domains=["final.test"], users=["carol:pw3", "dave:pw4"], **more)


def towards(server, name="smtp", tls="starttls", trusted=None, tls_group=None, smtp=None, **relay):
    """Keys that make `server` the smarthost."""
    return keys(tls={"trusted": trusted or server.ca, **(tls_group or {})}, smtp=smtp or {},
                relay={"smarthost": "localhost", "smarthost_port": server.port(name),
                       "smarthost_tls": tls, "smarthost_verify": "required", **relay})


def first(edit, **more):
    return Server(domains=["first.test"], users=["alice:secret"], edit=edit, **more)


def send(server, subject="one", rcpts=("carol@final.test",), message=None):
    client = mailkit.smtp(server)
    name = subject.encode()
    client.sendmail("alice@first.test", list(rcpts), message or HEAD % (name, name) + b"Hello.\r\n")
    client.quit()


def carols(server, count=1, seconds=30):
    return mailkit.wait_for_inbox(server, count, "carol", "pw3", seconds)


def queue(server):
    """The entries of `queue list` as lines."""
    lines = server.cli("queue", "list").text.splitlines()
    assert lines and lines[-1].startswith(f"{len(lines) - 1} in the queue"), lines
    return lines[:-1]


def wait_for_attempt(server, count=1):
    def tried():
        lines = queue(server)
        ok = len(lines) == count and all("attempts=0" not in line for line in lines)
        return lines if ok else None
    return wait_until(tried, 20, f"{count} tried entries in the queue")


def wait_for_empty_queue(server):
    wait_until(lambda: not queue(server), 20, "an empty queue")


def received(message):
    return email.message_from_bytes(message).get_all("Received")


def reports(server, count=1):
    return [email.message_from_bytes(m)
            for m in mailkit.wait_for_inbox(server, count, "alice", "secret")]


def check_report(report, rcpt, status, subject):
    """RFC 3462, RFC 3464: the recipient's group, checked as a machine reads it."""
    assert report.get_content_type() == "multipart/report", report.get_content_type()
    assert report.get_param("report-type") == "delivery-status"
    assert report["Return-Path"] == "<>" and report["To"].strip("<>") == "alice@first.test"
    words, machine, original = report.get_payload()
    assert words.get_content_type() == "text/plain" and rcpt in words.get_payload()
    assert machine.get_content_type() == "message/delivery-status"
    groups = machine.get_payload()
    assert groups[0]["Reporting-MTA"].startswith("dns;"), groups[0].items()
    assert len(groups) == 2, groups
    assert groups[1]["Final-Recipient"].replace(" ", "") == f"rfc822;{rcpt}"
    assert groups[1]["Action"] == "failed"
    assert groups[1]["Status"] == status, groups[1].items()
    assert original.get_content_type() in ("text/rfc822-headers", "message/rfc822")
    assert f"Subject: {subject}" in original.as_string()


# ---- Chains ----------------------------------------------------------------------------------


def run_chain(name, tls, login):
    """alice's server → her provider's → carol's; TLS and its certificate verified on each hop."""
    with final() as third, \
            Server(domains=["relay.test"], users=["gate:pw2"],
                   edit=towards(third, smtp={"sender_check": "off"})) as second, \
            first(towards(second, name, tls, **login)) as one:
        cases = {k: HEAD % (k.encode(), k.encode()) + m.partition(b"\r\n\r\n")[2]
                 for k, m in mailkit.cases().items()}
        for key, message in cases.items():
            send(one, message=message)
        got = {email.message_from_bytes(m)["Subject"]: m for m in carols(third, len(cases))}
        for key, message in cases.items():
            mailkit.check_same(got[key], message)
        hops = received(got["plain"])
        assert len(hops) == 3, hops
        assert all(re.search(r"with ESMTPS\b", hop) for hop in (hops[0],)), hops
        assert re.search(r"with ESMTPSA\b", hops[1]) and re.search(r"with ESMTPSA\b", hops[2]), hops
        for server in (one, second):
            assert re.search(r'relay delivered .*tls="?TLSv1\.3 ', server.log_text())
            wait_for_empty_queue(server)


def test_chain_with_starttls_and_login():
    run_chain("submission", "starttls", {"smarthost_user": "gate", "smarthost_password": "pw2"})


def test_chain_with_implicit_tls_and_login():
    run_chain("submissions", "implicit",
              {"smarthost_user": "gate@relay.test", "smarthost_password": "pw2"})


def test_a_wrong_login_at_the_smarthost_defers():
    with final() as last, \
            first(towards(last, "submission", "starttls", smarthost_user="carol",
                          smarthost_password="wrong")) as one:
        send(one)
        assert "535" in wait_for_attempt(one)[0]
        assert mailkit.inbox(last, "carol", "pw3") == []


# ---- Certificates and the queue --------------------------------------------------------------


def test_a_wrong_authority_defers_until_it_is_mended():
    with final() as last, first(None) as one:
        for name, tls in (("smtp", "starttls"), ("submissions", "implicit")):
            one.set(towards(last, name, tls, trusted=one.ca))
            assert "server reloaded" in one.reload()
            send(one, subject=f"{tls}-1")
            line = wait_for_attempt(one)[0]
            assert "to=<carol@final.test>" in line and "last: " in line, line
            assert re.search("certificate|authority|issuer|signer", line.partition("last: ")[2]), line
            number = line.split()[0]
            show = one.cli("queue", "show", number).text
            assert "carol@final.test" in show and "attempts      1" in show, show
            again = one.cli("queue", "show", line.split()[1]).text  # perhaps a second later
            assert re.sub(r"\d+", "N", again) == re.sub(r"\d+", "N", show), (again, show)
            assert again.split()[:2] == show.split()[:2], (again, show)
            assert mailkit.inbox(last, "carol", "pw3") == []

            one.set(towards(last, "smtp", "starttls"))
            assert "server reloaded" in one.reload()
            assert "retry" in one.cli("queue", "retry", number).text + "retry"
            assert f"Subject: {tls}-1".encode() in carols(last)[0]
            wait_for_empty_queue(one)
            mailkit.empty_inbox(last, "carol", "pw3")


def test_a_certificate_of_another_name_defers():
    """Signed by the right authority, but the name that was asked for is not in it."""
    with final(hostname="elsewhere.test") as last, first(None) as one:
        # init puts localhost and the loopback addresses into every certificate: go by a name that
        # only the name server knows.
        with dnsd.NameServer({"hop.lab": {"a": ["127.0.0.1"]}}) as names:
            one.terminate()
            one.set(towards(last, smarthost="hop.lab", resolver=names.at))
            one.start()
            send(one)
            assert "hop.lab" in wait_for_attempt(one)[0]
            assert mailkit.inbox(last, "carol", "pw3") == []


def test_queue_delete_and_unknown_entries():
    with first(keys(relay={"smarthost": "127.0.0.1", "smarthost_port": harness.free_port()})) as one:
        send(one, "a")
        send(one, "b")
        lines = wait_for_attempt(one, 2)
        number = lines[0].split()[0]
        one.cli("queue", "delete", number)
        left = queue(one)
        assert len(left) == 1 and left[0].split()[0] == lines[1].split()[0]
        for words in (("show", number), ("retry", number), ("delete", number), ("show", "x")):
            done = one.cli("queue", *words, check=False)
            assert done.returncode == 1 and "no such" in done.errors + done.text, (words, done.errors)
        assert one.terminate() == 0
        assert [line.split()[:3] for line in queue(one)] == [line.split()[:3] for line in left]
        one.cli("queue", "delete", left[0].split()[0])
        assert queue(one) == []


def test_a_hop_that_is_down_keeps_mail_over_a_restart():
    with final(start=False) as last, first(towards(last)) as one:
        send(one, "patient", ["carol@final.test", "dave@final.test"])
        before = wait_for_attempt(one, 2)
        one.restart()
        assert [line.split()[:2] for line in queue(one)] == [line.split()[:2] for line in before]
        last.start()
        for line in before:
            one.cli("queue", "retry", line.split()[0])
        assert b"Subject: patient" in carols(last)[0]
        assert len(mailkit.wait_for_inbox(last, 1, "dave", "pw4")) == 1
        wait_for_empty_queue(one)


def test_retries_come_by_themselves():
    with final(start=False) as last, \
            first(towards(last, retry_min="1s", retry_max="2s")) as one:
        send(one)
        wait_for_attempt(one)
        last.start()
        carols(last)
        wait_for_empty_queue(one)


# ---- What the next hop refuses ---------------------------------------------------------------


def test_a_refused_recipient_comes_back_as_a_report():
    with final() as last, first(towards(last)) as one:
        send(one, "lost", ["nobody@final.test"])
        check_report(reports(one)[0], "nobody@final.test", "5.1.1", "lost")
        wait_for_empty_queue(one)


def test_one_of_two_recipients_is_refused():
    with final() as last, first(towards(last)) as one:
        send(one, "half", ["carol@final.test", "nobody@final.test"])
        check_report(reports(one)[0], "nobody@final.test", "5.1.1", "half")
        assert len(carols(last)) == 1
        wait_for_empty_queue(one)
        assert len(reports(one)) == 1


def test_a_hop_that_refuses_in_its_own_words():
    port = harness.free_port()
    replies = {("RCPT", "later@far.lab"): "451 4.2.1 not now", "DATA": "250 2.0.0 taken",
               ("RCPT", "never@far.lab"): "550-5.7.9 no\r\n550 5.7.9 and no again"}
    with smtpsink.Sink(port, replies=replies) as sink, \
            first(keys(relay={"smarthost": "127.0.0.1", "smarthost_port": port,
                              "smarthost_tls": "off"})) as one:
        send(one, "three", ["ok@far.lab", "later@far.lab", "never@far.lab"])
        check_report(reports(one)[0], "never@far.lab", "5.7.9", "three")
        line = wait_for_attempt(one)[0]
        assert "later@far.lab" in line and "451 4.2.1 not now" in line, line
        assert [m[1] for m in sink.messages] == [["ok@far.lab"]]
        del replies["RCPT", "later@far.lab"]
        one.cli("queue", "retry", line.split()[0])
        wait_for_empty_queue(one)
        assert [m[1] for m in sink.messages] == [["ok@far.lab"], ["later@far.lab"]]
        assert sink.messages[0][2] == sink.messages[1][2]


def test_a_hop_without_starttls_gets_nothing_when_it_is_demanded():
    port = harness.free_port()
    with smtpsink.Sink(port) as sink, \
            first(keys(relay={"smarthost": "127.0.0.1", "smarthost_port": port})) as one:
        send(one)
        assert "STARTTLS" in wait_for_attempt(one)[0]
        assert sink.messages == []


def test_messages_go_in_chunks_where_offered():
    """By BDAT and by DATA: what arrives is the same to the byte."""
    for offers, may, framing in ((("CHUNKING",), True, "BDAT"), (("CHUNKING",), False, "DATA"),
                                 ((), True, "DATA")):
        port = harness.free_port()
        with smtpsink.Sink(port, offers=offers) as sink, \
                first(keys(relay={"smarthost": "127.0.0.1", "smarthost_port": port,
                                  "smarthost_tls": "off", "chunking": may})) as one:
            cases = mailkit.cases()
            for message in cases.values():
                send(one, rcpts=["x@far.lab"], message=message)
                wait_for_empty_queue(one)
            assert sink.framings == [framing] * len(cases), sink.framings
            for (_, _, got), wanted in zip(sink.messages, cases.values()):
                mailkit.check_same(got, wanted)


def require_tls(server, subject, rcpt):
    client = mailkit.smtp(server)
    name = subject.encode()
    client.sendmail("alice@first.test", [rcpt], HEAD % (name, name) + b"Hello.\r\n",
                    mail_options=["REQUIRETLS"])
    client.quit()


def test_requiretls_goes_from_end_to_end():
    with final() as last, first(towards(last, smarthost_verify="off")) as one:
        require_tls(one, "private", "carol@final.test")
        assert b"Subject: private" in carols(last)[0]
        wait_for_empty_queue(one)


def test_requiretls_comes_back_where_a_hop_has_no_tls():
    port = harness.free_port()
    with smtpsink.Sink(port) as sink, \
            first(keys(relay={"smarthost": "127.0.0.1", "smarthost_port": port,
                              "smarthost_tls": "off"})) as one:
        require_tls(one, "private", "x@far.lab")
        check_report(reports(one)[0], "x@far.lab", "5.7.10", "private")
        wait_for_empty_queue(one)
        assert sink.messages == []
        send(one, "open", ["x@far.lab"])
        wait_for_empty_queue(one)
        assert len(sink.messages) == 1


def test_requiretls_comes_back_where_the_certificate_is_wrong():
    with final() as last, final() as other, \
            first(towards(last, trusted=other.ca, smarthost_verify="off")) as one:
        require_tls(one, "private", "carol@final.test")
        check_report(reports(one)[0], "carol@final.test", "5.7.10", "private")
        assert mailkit.inbox(last, "carol", "pw3") == []


def test_no_report_about_a_report():
    """The null reverse-path gets no report, and nothing is left behind."""
    with final() as last, \
            first(towards(last, retry_min="1s"), settings="") as one:
        client = mailkit.smtp(one)
        client.sendmail("", ["nobody@final.test"], HEAD % (b"null", b"null") + b"x\r\n")
        client.quit()
        one.wait_for_log("relay failed")
        wait_for_empty_queue(one)
        assert mailkit.inbox(one, "alice", "secret") == []


# ---- Connections -----------------------------------------------------------------------------


def test_connections_are_reused():
    with final() as last, \
            first(towards(last, concurrency_max=1, messages_per_connection_max=4)) as one:
        client = mailkit.smtp(one)
        for number in range(10):
            name = b"n%d" % number
            client.sendmail("alice@first.test", ["carol@final.test"], HEAD % (name, name) + b"x\r\n")
        client.quit()
        assert len(carols(last, 10)) == 10
        conns = re.findall(r"smtp accepted conn=(\S+)", last.log_text())
        assert len(conns) == 10 and len(set(conns)) == 3, conns
        wait_for_empty_queue(one)


def test_a_large_message_goes_through():
    with final() as last, first(towards(last)) as one:
        message = HEAD % (b"big", b"big") + mailkit.twenty_megabytes().partition(b"\r\n\r\n")[2]
        send(one, message=message)
        mailkit.check_same(carols(last, 1, 60)[0], message)


# ---- MX --------------------------------------------------------------------------------------


ZONES = {
    "order.test": {"mx": [(20, "two.lab"), (10, "one.lab")]},
    "down.test": {"mx": [(10, "nobody-home.lab"), (20, "no-address.lab"), (30, "two.lab")]},
    "rude.test": {"mx": [(10, "rude.lab"), (20, "two.lab")]},
    "implicit.test": {"a": ["127.0.0.2"]},
    "null.test": {"mx": [(0, "")]},
    "broken.test": dnsd.SERVFAIL,
    "one.lab": {"a": ["127.0.0.2"]},
    "two.lab": {"a": ["127.0.0.3"]},
    "nobody-home.lab": {"a": ["127.0.0.4"]},
    "rude.lab": {"a": ["127.0.0.5"]},
}


def test_requiretls_trusts_no_unsigned_mx():
    port = harness.free_port()
    with dnsd.NameServer(ZONES) as names, smtpsink.Sink(port, "127.0.0.2") as one_lab, \
            first(keys(relay={"resolver": names.at, "mx_port": port})) as one:
        require_tls(one, "unsigned", "x@order.test")
        check_report(reports(one)[0], "x@order.test", "5.7.10", "unsigned")
        assert one_lab.connections == 0


def test_a_header_waives_tls():
    """TLS-Required: No, where the keys demand more than the next hop has."""
    port = harness.free_port()
    with dnsd.NameServer(ZONES) as names, smtpsink.Sink(port, "127.0.0.2") as one_lab, \
            first(keys(relay={"resolver": names.at, "mx_port": port,
                              "mx_verify": "required"})) as one:
        send(one, "kept", ["x@implicit.test"])
        assert "STARTTLS" in wait_for_attempt(one)[0]
        send(one, message=b"TLS-Required: No\r\n" + HEAD % (b"open", b"open") + b"Hi.\r\n",
             rcpts=["x@implicit.test"])
        wait_until(lambda: one_lab.messages, 20, "the mail that may go in plaintext")
        assert b"Subject: open" in one_lab.messages[0][2] and len(queue(one)) == 1


def test_mail_servers_by_mx():
    port = harness.free_port()
    with dnsd.NameServer(ZONES) as names, smtpsink.Sink(port, "127.0.0.2") as one_lab, \
            smtpsink.Sink(port, "127.0.0.3") as two_lab, \
            smtpsink.Sink(port, "127.0.0.5", {"greeting": "421 4.3.2 not today"}) as rude_lab, \
            first(keys(relay={"resolver": names.at, "mx_port": port})) as one:
        def deliver(domain, sink):
            del sink.messages[:]
            send(one, domain, [f"x@{domain}"])
            wait_until(lambda: sink.messages, 20, f"mail for {domain}")
            assert sink.messages[0][:2] == ("alice@first.test", [f"x@{domain}"])
            wait_for_empty_queue(one)

        deliver("order.test", one_lab)
        deliver("down.test", two_lab)
        deliver("rude.test", two_lab)
        assert rude_lab.connections == 1
        deliver("implicit.test", one_lab)

        send(one, "null", ["x@null.test"])
        check_report(reports(one)[0], "x@null.test", "5.1.10", "null")
        mailkit.empty_inbox(one, "alice", "secret")
        send(one, "nxdomain", ["x@no-such-domain.test"])
        check_report(reports(one)[0], "x@no-such-domain.test", "5.1.2", "nxdomain")
        assert queue(one) == []
        send(one, "servfail", ["x@broken.test"])
        assert "x@broken.test" in wait_for_attempt(one)[0]


MX_OF_FINAL = {"final.test": {"mx": [(1, "hop.lab")]}, "hop.lab": {"a": ["127.0.0.1"]}}


def test_mx_delivery_upgrades_where_offered():
    with final() as last, dnsd.NameServer(MX_OF_FINAL) as names, \
            first(keys(relay={"resolver": names.at, "mx_port": last.port("smtp")})) as one:
        send(one)
        hops = received(carols(last)[0])
        assert re.search(r"with ESMTPS\b", hops[0]), hops
        assert re.search(r'relay delivered .*tls="?TLS', one.log_text())


def test_mail_for_a_group_of_domains_goes_once_to_each():
    port = harness.free_port()
    zones = {f"d{n}.lab": {"a": ["127.0.0.2"]} for n in range(20)}
    with dnsd.NameServer(zones) as names, smtpsink.Sink(port, "127.0.0.2") as sink, \
            first(keys(relay={"resolver": names.at, "mx_port": port})) as one:
        rcpts = [f"u{k}@d{n}.lab" for n in range(20) for k in range(2)]
        send(one, "all", rcpts)
        wait_until(lambda: sum(len(m[1]) for m in sink.messages) >= 40, 20, "all deliveries")
        wait_for_empty_queue(one)
        time.sleep(0.2)
        assert sorted(r for m in sink.messages for r in m[1]) == sorted(rcpts)
