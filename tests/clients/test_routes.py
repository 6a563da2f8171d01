"""Three servers and routes between them: whose certificate must be good, who logs in, what is
refused, and what a reload does to mail that waits."""
import os

import harness
import mailkit
from harness import Server, keys
from test_relay import check_report, queue, reports, send, wait_for_attempt, wait_for_empty_queue

SERVER = None


def last(domain, user):
    return Server(domains=[domain], users=[user])


def route(domains, via, **more):
    words = {"domains": "[ " + ", ".join(f'"{d}"' for d in domains) + " ]", "via": f'"{via}"'}
    words.update({k: str(v) if isinstance(v, int) else f'"{v}"' for k, v in more.items()})
    return "    { " + " ".join(f"{k} = {v};" for k, v in words.items()) + " }"


def routes(*rows):
    return "routes = (\n" + ",\n".join(rows) + "\n);\n"


def first(rows, **edit):
    return Server(domains=["first.test"], users=["alice:secret"], settings=routes(*rows),
                  edit=keys(**edit))


def both_authorities(one, *servers):
    path = one + "/trusted.pem"
    with open(path, "w") as out:
        for server in servers:
            out.write(open(server.ca).read())
    return path


def to(server, name="smtp", **more):
    return {"host": "localhost", "port": server.port(name), **more}


def test_each_domain_goes_to_its_own_server():
    with last("carol.test", "carol:pw3") as two, \
            Server(domains=["dave.test"], users=["dave:pw4"],
                   edit=keys(smtp={"sender_check": "off"})) as three:
        trusted = both_authorities(two.dir, two, three)
        rows = (route(["carol.test"], "host", **to(two)),
                route(["dave.test", ".dave.test"], "host",
                      **to(three, "submission", user="dave", password="pw4")),
                route(["*"], "refuse", text="this laboratory sends nothing else"))
        with first(rows, tls={"trusted": trusted}) as one:
            one.cli("check")
            send(one, "routes", ["carol@carol.test", "dave@dave.test"])
            assert len(mailkit.wait_for_inbox(two, 1, "carol", "pw3")) == 1
            assert len(mailkit.wait_for_inbox(three, 1, "dave", "pw4")) == 1
            wait_for_empty_queue(one)
            assert "tls=\"TLSv1.3" in one.wait_for_log("relay delivered")
            assert "user=dave@dave.test" in three.wait_for_log(" smtp login ")
            try:
                send(one, "no", ["x@far.test"])
                raise AssertionError("a refused domain was taken")
            except mailkit.smtplib.SMTPRecipientsRefused as refused:
                code, text = refused.recipients["x@far.test"]
                assert code == 550 and text.startswith(b"5.7.1 ") and \
                    text.endswith(b": this laboratory sends nothing else"), text


def test_a_route_that_demands_a_good_certificate():
    """The third server's authority is not trusted: nothing goes there, until the route no longer
    demands it, which is told."""
    with last("carol.test", "carol:pw3") as two, last("dave.test", "dave:pw4") as three:
        rows = (route(["carol.test"], "host", **to(two)), route(["dave.test"], "host", **to(three)))
        with first(rows, tls={"trusted": two.ca}) as one:
            send(one, "good and bad", ["carol@carol.test", "dave@dave.test"])
            assert len(mailkit.wait_for_inbox(two, 1, "carol", "pw3")) == 1
            line = wait_for_attempt(one)[0]
            assert "dave@dave.test" in line and "certificate" in line, line
            assert mailkit.inbox(three, "dave", "pw4") == []
            looked_at = route(["dave.test"], "host", **to(three, verify="opportunistic"))
            one.set(lambda text: text.replace(rows[1], looked_at))
            one.reload()
            one.cli("queue", "retry", queue(one)[0].split()[0])
            assert len(mailkit.wait_for_inbox(three, 1, "dave", "pw4")) == 1
            assert "host=localhost" in one.wait_for_log(" tls unverified ")
            wait_for_empty_queue(one)


def test_what_waits_for_a_domain_that_is_refused_now_is_reported():
    port = harness.free_port()
    rows = (route(["far.test"], "host", host="127.0.0.1", port=port),)
    with first(rows) as one:
        send(one, "waits", ["x@far.test"])
        line = wait_for_attempt(one)[0]
        text = open(one.conf).read()
        refused = routes(route([".test"], "mx"), route(["far.test"], "refuse", text="moved away"))
        open(one.conf, "w").write(text.replace(routes(*rows), refused))
        one.reload()
        one.cli("queue", "retry", line.split()[0])
        report = reports(one)[0]
        check_report(report, "x@far.test", "5.7.1", "waits")
        assert "moved away" in report.as_string()
        wait_for_empty_queue(one)


def test_check_names_the_line_of_a_bad_route():
    with Server(domains=["first.test"], users=[], start=False) as one:
        lines = open(one.conf).read().count("\n") + 1
        with open(one.conf, "a") as out:
            out.write("\nroutes = (\n" + route(["a.test"], "host") + "\n);\n")
        done = one.cli("check", check=False)
        assert done.returncode == 1 and f"postern.conf:{lines + 2}: routes.via" in done.errors, \
            done.errors
        text = open(one.conf).read().replace(
            'via = "host";', 'via = "host"; host = "h"; user = "u"; password = "p";')
        open(one.conf, "w").write(text)
        os.chmod(one.conf, 0o644)
        done = one.cli("check", check=False)
        assert done.returncode == 1 and "chmod o=" in done.errors, done.errors
        os.chmod(one.conf, 0o640)
        one.cli("check")
