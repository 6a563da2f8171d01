"""TLS reports over real sockets: a server relays to a next hop without TLS; the day is moved in the
store while it is down; after the start the report arrives, once, and Python's parsers read it."""
import email
import email.policy
import gzip
import json
import os
import sqlite3
import time

from dnsd import NameServer
from harness import Server, free_port, keys, wait_until
from smtpsink import Sink
from test_relay import send as relay_send

SERVER = None


def relay(dns, port, **more):
    relay_keys = {"resolver": dns.at, "mx_port": port, "tls_reports": True, "tls_report_delay": "0s",
                  "retry_min": "1s", "retry_max": "1s", **more}
    return Server(domains=["first.test"], users=["alice:secret"], edit=keys(relay=relay_keys))


def zones(record="v=TLSRPTv1; rua=mailto:reports@far.test"):
    return {"far.test": {"mx": [(10, "mx.far.test")]}, "mx.far.test": {"a": ["127.0.0.1"]},
            "_smtp._tls.far.test": {"txt": [record.encode()]}}


def send(one, count):
    for i in range(count):
        relay_send(one, f"number {i}", ["bob@far.test"])


def database(one):
    return sqlite3.connect(os.path.join(one.home, "data", "store.db"))


def to_yesterday(one):
    """The server is down."""
    with database(one) as db:
        assert db.execute("UPDATE tls_result SET day = day - 1").rowcount > 0
    db.close()


def results(one):
    db = database(one)
    rows = db.execute("SELECT domain, policy, result, sessions FROM tls_result").fetchall()
    db.close()
    return rows


def reports(sink):
    return [m for m in sink.messages if m[1] == ["reports@far.test"]]


def check_json(report, today):
    day = time.strftime("%Y-%m-%d", time.gmtime((today - 1) * 86400))
    assert report["organization-name"] == "localhost"
    assert report["date-range"] == {"start-datetime": day + "T00:00:00Z",
                                    "end-datetime": day + "T23:59:59Z"}
    assert report["contact-info"] == "postmaster@localhost"
    assert report["report-id"]
    [policy] = report["policies"]
    assert policy["policy"] == {"policy-type": "no-policy-found", "policy-domain": "far.test"}
    assert policy["summary"]["total-successful-session-count"] == 0
    [failure] = policy["failure-details"]
    assert failure["result-type"] == "starttls-not-supported"
    assert failure["sending-mta-ip"] == "127.0.0.1" == failure["receiving-ip"]
    assert failure["receiving-mx-hostname"] == "mx.far.test"
    assert failure["failed-session-count"] >= 1
    assert policy["summary"]["total-failure-session-count"] == failure["failed-session-count"]


def check_mail(raw, today):
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message["TLS-Report-Domain"] == "far.test"
    assert message["TLS-Report-Submitter"] == "localhost"
    assert message["TLS-Required"] == "No"
    assert message["Subject"].startswith("Report Domain: far.test Submitter: localhost Report-ID: <")
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "tlsrpt"
    text, packed = message.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert packed.get_content_type() == "application/tlsrpt+gzip"
    begin = (today - 1) * 86400
    assert packed.get_filename() == f"localhost!far.test!{begin}!{begin + 86399}.json.gz"
    check_json(json.loads(gzip.decompress(packed.get_content())), today)


def test_a_report_arrives_once_after_the_day():
    port = free_port()
    with NameServer(zones()) as dns, Sink(port) as sink, relay(dns, port) as one:
        send(one, 2)
        wait_until(lambda: len(sink.messages) == 2, what="the mail")
        assert reports(sink) == []
        one.terminate()
        assert [row[:3] for row in results(one)] == [
            ("far.test", "no-policy-found", "starttls-not-supported")]
        to_yesterday(one)
        today = int(time.time() // 86400)
        one.start()
        wait_until(lambda: reports(sink), what="the report")
        sender, _, raw = reports(sink)[0]
        assert sender == "postmaster@localhost"
        check_mail(raw, today)
        assert "domain=far.test" in one.wait_for_log("tlsrpt reported")
        one.terminate()
        assert results(one) == []  # the report's own session is not told of
        one.start()
        one.wait_for_log("server ready")
        send(one, 1)
        wait_until(lambda: len(sink.messages) == 4, what="the mail after it")
        assert len(reports(sink)) == 1


def test_who_asks_for_none_gets_none():
    port = free_port()
    with NameServer(zones("v=spf1 -all")) as dns, Sink(port) as sink, relay(dns, port) as one:
        send(one, 1)
        wait_until(lambda: len(sink.messages) == 1, what="the mail")
        one.terminate()
        to_yesterday(one)
        one.start()
        wait_until(lambda: results(one) == [], what="the end of the results")
        assert reports(sink) == []
