"""Delivery status notifications (RFC 3461, 3464), asked for by smtplib, read by Python's parser."""
import email
import random
import smtplib
import threading

import harness
import mailkit
import smtpsink
import test_postfix
from harness import Server, keys, wait_until

SERVER = None

TEXT = b"From: alice@first.test\r\nTo: x@final.test\r\nSubject: %s\r\n\r\nA line of the body.\r\n"
SUCCESS = ["NOTIFY=SUCCESS,FAILURE"]


def send(server, rcpts, rcpt_options, mail_options=(), subject="dsn"):
    client = mailkit.smtp(server)
    assert client.has_extn("dsn")
    refused = client.sendmail("alice@first.test", rcpts, TEXT % subject.encode(),
                              mail_options, rcpt_options)
    assert refused == {}
    client.quit()


def first(users=("alice:secret", "bob:hunter2"), **relay):
    return Server(domains=["first.test"], users=users, edit=keys(relay=relay) if relay else None)


def towards_sink(port, **more):
    return first(smarthost="127.0.0.1", smarthost_port=port, smarthost_tls="off", **more)


class Report:
    """One report, taken apart as RFC 3464 has it."""

    def __init__(self, message):
        report = email.message_from_bytes(message)
        assert report.get_content_type() == "multipart/report", report.get_content_type()
        assert report.get_param("report-type") == "delivery-status"
        assert report["Return-Path"] == "<>" and report["Auto-Submitted"] == "auto-replied"
        assert report["To"] == "<alice@first.test>"
        assert not report.defects, report.defects
        self.words, machine, self.original = report.get_payload()
        assert machine.get_content_type() == "message/delivery-status"
        self.about, *self.rcpts = machine.get_payload()
        assert self.about["Reporting-MTA"] == "dns; localhost"

    def of(self, rcpt):
        found = [r for r in self.rcpts if r["Final-Recipient"] == f"rfc822; {rcpt}"]
        assert len(found) == 1, [r.items() for r in self.rcpts]
        return found[0]


def reports(server, count=1):
    """All of alice's, of which there are so many now and when the queue is empty."""
    mailkit.wait_for_inbox(server, count, "alice", "secret")
    wait_until(lambda: server.cli("queue", "list").text.startswith("0 "), 20, "an empty queue")
    found = mailkit.inbox(server, "alice", "secret")
    assert len(found) == count, found
    return [Report(m) for m in found]


# ---- What happened here ----------------------------------------------------------------------


def test_local_mail_is_reported_as_delivered():
    with first() as one:
        send(one, ["bob@first.test"], [*SUCCESS, "ORCPT=rfc822;bob+2Bx@first.test"],
             ["RET=FULL", "ENVID=QQ+2B314"])
        send(one, ["bob@first.test"], ["NOTIFY=FAILURE,DELAY"])
        send(one, ["bob@first.test"], ["NOTIFY=NEVER"])
        report, = reports(one)
        assert report.about["Original-Envelope-Id"] == "QQ+314"
        rcpt = report.of("bob@first.test")
        assert rcpt["Original-Recipient"] == "rfc822;bob+x@first.test"
        assert rcpt["Action"] == "delivered" and rcpt["Status"] == "2.1.5", rcpt.items()
        assert "Remote-MTA" not in rcpt
        # RET=FULL is for failures only.
        assert report.original.get_content_type() == "text/rfc822-headers"
        assert "Subject: dsn" in report.original.get_payload()
        assert "A line" not in report.original.get_payload()
        assert len(mailkit.inbox(one)) == 3


def test_alias_for_several_is_reported_as_expanded():
    with first() as one:
        for target in ("alice@first.test", "bob@first.test"):
            one.cli("alias", "add", "all@first.test", target)
        one.cli("alias", "add", "sole@first.test", "bob@first.test")
        send(one, ["all@first.test"], SUCCESS, subject="expanded")
        wait_until(lambda: len(mailkit.inbox(one, "alice", "secret")) == 2, 20, "mail and report")
        mails = mailkit.inbox(one, "alice", "secret")
        told = [Report(m) for m in mails if b"multipart/report" in m]
        assert [r["Action"] for r in told[0].rcpts] == ["expanded"]
        assert told[0].of("all@first.test")["Status"] == "2.1.5"
        mailkit.empty_inbox(one, "alice", "secret")
        send(one, ["sole@first.test"], SUCCESS)
        report, = reports(one)
        assert report.of("bob@first.test")["Action"] == "delivered"


# ---- Next hops -------------------------------------------------------------------------------


def test_hop_without_dsn_is_reported_as_relayed():
    port = harness.free_port()
    with smtpsink.Sink(port) as sink, towards_sink(port) as one:
        send(one, ["a@far.lab", "b@far.lab"], SUCCESS, ["ENVID=e1"])
        send(one, ["c@far.lab"], ["NOTIFY=FAILURE"])
        report, = reports(one)
        assert report.about["Original-Envelope-Id"] == "e1"
        for name in ("a@far.lab", "b@far.lab"):
            rcpt = report.of(name)
            assert rcpt["Action"] == "relayed" and rcpt["Status"] == "2.0.0", rcpt.items()
            assert rcpt["Remote-MTA"] == "dns; 127.0.0.1"
            assert rcpt["Diagnostic-Code"].startswith("smtp; 250 2.0.0"), rcpt.items()
        assert len(sink.messages) == 2


def test_hop_with_dsn_is_told_and_tells():
    """first → final, which both are Postern: the wishes go on, the report comes back."""
    with Server(domains=["final.test"], users=["carol:pw3"]) as last, \
            Server(domains=["first.test"], users=["alice:secret"],
                   edit=keys(tls={"trusted": last.ca},
                             relay={"smarthost": "localhost",
                                    "smarthost_port": last.port("smtp")})) as one:
        last.set(keys(tls={"trusted": one.ca},
                      relay={"smarthost": "localhost", "smarthost_port": one.port("smtp")}))
        last.reload()
        send(one, ["carol@final.test"], [*SUCCESS, "ORCPT=rfc822;c+2Bo@old.test"], ["ENVID=q1"])
        report, = reports(one)
        assert report.about["Original-Envelope-Id"] == "q1"
        rcpt = report.of("carol@final.test")
        assert rcpt["Action"] == "delivered"
        assert rcpt["Original-Recipient"] == "rfc822;c+o@old.test"
        assert " relay reported " in last.log_text()
        assert " relay reported " not in one.log_text()


@harness.slow
def test_wishes_pass_through_postfix():
    """first → Postfix → final: what was wished and named arrives, Postfix reports nothing."""
    with test_postfix.final() as last, test_postfix.Postfix(last) as postfix, \
            test_postfix.first(postfix) as one:
        last.set(keys(tls={"trusted": one.ca},
                      relay={"smarthost": "localhost", "smarthost_port": one.port("smtp")}))
        last.reload()
        send(one, ["carol@final.test"], [*SUCCESS, "ORCPT=rfc822;c+2Bo@old.test"],
             ["ENVID=QQ+2B1", "RET=HDRS"])
        report, = reports(one)
        assert report.about["Original-Envelope-Id"] == "QQ+1"
        rcpt = report.of("carol@final.test")
        assert rcpt["Action"] == "delivered"
        assert rcpt["Original-Recipient"] == "rfc822;c+o@old.test"
        assert " relay reported " in last.log_text()


def test_failures_share_a_report_with_the_whole_message():
    port = harness.free_port()
    replies = {("RCPT", "a@far.lab"): "550 5.1.1 no such user here",
               ("RCPT", "c@far.lab"): "553-5.7.1 not\r\n553 5.7.1 for you"}
    with smtpsink.Sink(port, replies=replies) as sink, towards_sink(port) as one:
        send(one, ["a@far.lab", "b@far.lab", "c@far.lab"], [], ["RET=FULL"])
        report, = reports(one)
        assert len(report.rcpts) == 2
        assert report.of("a@far.lab")["Status"] == "5.1.1"
        assert report.of("c@far.lab")["Status"] == "5.7.1"
        assert {r["Action"] for r in report.rcpts} == {"failed"}
        assert report.original.get_content_type() == "message/rfc822"
        assert report.original.get_payload()[0].get_payload() == "A line of the body.\r\n"
        assert [m[1] for m in sink.messages] == [["b@far.lab"]]


def test_delay_is_reported_once_over_a_restart():
    port = harness.free_port()
    replies = {"RCPT": "450 4.2.1 not now"}
    with smtpsink.Sink(port, replies=replies) as sink, \
            towards_sink(port, retry_min="1s", retry_max="1s", delay_report="2s") as one:
        send(one, ["a@far.lab"], [])
        mailkit.wait_for_inbox(one, 1, "alice", "secret")
        one.restart()
        wait_until(lambda: one.log_text().count(" relay deferred ") >= 6, 30, "further attempts")
        replies.clear()
        report, = reports(one)
        rcpt = report.of("a@far.lab")
        assert rcpt["Action"] == "delayed" and rcpt["Status"] == "4.2.1", rcpt.items()
        assert rcpt["Will-Retry-Until"]
        assert len(sink.messages) == 1


# ---- kill -9 ---------------------------------------------------------------------------------


def keep_sending(server, kill, taken):
    """One mail after the other on one connection, until the server is gone."""
    count = 0
    try:
        with smtplib.SMTP("localhost", server.port("smtp"), timeout=20) as client:
            while True:
                name = f"k{kill}n{count}"
                client.sendmail("alice@first.test", ["bob@first.test"], TEXT % name.encode(),
                                [f"ENVID={name}"], SUCCESS)
                taken.add(name)
                count += 1
    except (smtplib.SMTPException, OSError):
        return


def test_kill_neither_loses_nor_doubles_a_success():
    chance = random.Random(3461)
    kills, taken = 8, set()
    with first() as one:
        for kill in range(kills):
            sender = threading.Thread(target=keep_sending, args=(one, kill, taken))
            sender.start()
            wait_until(lambda: any(n.startswith(f"k{kill}n") for n in list(taken)), 20, "a mail")
            sender.join(chance.uniform(0.005, 0.15))
            one.kill()
            sender.join()
            one.start()
        wait_until(lambda: one.cli("queue", "list").text.startswith("0 "), 60, "an empty queue")
        told = sorted(Report(m).about["Original-Envelope-Id"]
                      for m in mailkit.inbox(one, "alice", "secret"))
        there = sorted(email.message_from_bytes(m)["Subject"] for m in mailkit.inbox(one))
        assert len(set(there)) == len(there) and taken <= set(there)
        assert told == there, (set(there) ^ set(told), len(told), len(there))
        assert len(taken) >= kills
