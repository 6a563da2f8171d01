"""Three servers and routes between them: whose certificate must be good, who logs in, what is
refused, and what a reload does to mail that waits."""
import os
import sqlite3

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


def add_route(server, domain, **words):
    server.cli("route", "add", domain, *(f"{k}={v}" for k, v in words.items()))


def test_a_route_is_added_while_mail_waits_and_survives_a_kill():
    port = harness.free_port()
    rows = (route([".test"], "host", host="127.0.0.1", port=port),)
    with last("carol.test", "carol:pw3") as two, \
            first(rows, tls={"trusted": two.ca}) as one:
        send(one, "waits", ["carol@carol.test"])
        wait_for_attempt(one)
        add_route(one, "carol.test", via="host", **to(two))
        one.cli("queue", "flush")
        assert len(mailkit.wait_for_inbox(two, 1, "carol", "pw3")) == 1
        wait_for_empty_queue(one)
        one.kill()
        listed = one.cli("route", "list").text.splitlines()
        assert len(listed) == 2 and listed[0].startswith(".test via=host ") and \
            listed[0].endswith(" (configuration)"), listed
        assert listed[1] == f"carol.test via=host host=localhost port={two.port('smtp')}", listed
        one.start()
        send(one, "after the kill", ["carol@carol.test"])
        assert len(mailkit.wait_for_inbox(two, 2, "carol", "pw3")) == 2
        one.cli("route", "delete", "carol.test")
        send(one, "waits again", ["carol@carol.test"])
        wait_for_attempt(one)


def test_a_password_comes_by_input_or_file_and_is_shown_nowhere():
    with last("dave.test", "dave:pw4") as three, first(()) as one:
        one.set(keys(tls={"trusted": three.ca}))
        three.set(keys(smtp={"sender_check": "off"}))
        three.reload()
        one.reload()
        way = [f"{k}={v}" for k, v in
               {"via": "host", "user": "dave", **to(three, "submission")}.items()]
        done = one.cli("route", "add", "dave.test", *way, "password=pw4", check=False)
        assert done.returncode == 2 and "can be read by everybody" in done.errors, done.errors
        done = one.cli("route", "add", "dave.test", *way, input="\n", check=False)
        assert done.returncode == 1 and "first line of standard input" in done.errors, done.errors
        one.cli("route", "add", "dave.test", *way, input="pw4\n")
        send(one, "with a login", ["dave@dave.test"])
        assert len(mailkit.wait_for_inbox(three, 1, "dave", "pw4")) == 1
        one.cli("route", "delete", "dave.test")
        secret = one.path("secret", b"pw4\nmore\n")
        one.cli("route", "add", "dave.test", *way, f"password_file={secret}")
        send(one, "once more", ["dave@dave.test"])
        assert len(mailkit.wait_for_inbox(three, 2, "dave", "pw4")) == 2
        for length, status in ((298, 0), (299, 1)):
            long = one.path("long", b"x" * length + b"\n")
            for words, text in (([f"password_file={long}"], None), ([], "x" * length)):
                one.cli("route", "delete", "long.test", check=False)
                done = one.cli("route", "add", "long.test", *way, *words, input=text, check=False)
                assert done.returncode == status, (length, words, done.errors)
                assert ("at most 298 bytes" in done.errors) == (status == 1), done.errors
        for shown in (one.cli("route", "list").text, one.log_text(),
                      one.cli("route", "test", "dave@dave.test").text):
            assert "pw4" not in shown, shown
        assert "password=(hidden)" in one.cli("route", "list").text
        data = os.path.join(one.home, "data")
        for name in os.listdir(data):
            path = os.path.join(data, name)
            assert os.stat(path).st_mode & 0o077 == 0, path


def test_what_route_says_before_anything_is_changed():
    rows = (route(["conf.test"], "mx"),)
    with first(rows) as one:
        for words, text in ((["add", "conf.test", "via=mx"], "`routes` of the configuration"),
                            (["add", "first.test", "via=mx"], "`domains` of the configuration"),
                            (["add", "a b", "via=mx"], "is no domain of a route"),
                            (["add", "a.test", "via=host"], "without routes.host"),
                            (["add", "*", "via=mx", "accept_from=anyone"], "an open relay")):
            done = one.cli("route", *words, check=False)
            assert done.returncode == 1 and text in done.errors, done.errors
        for words in (["add", "a.test"], ["delete"], ["list", "x"], ["rename", "a", "b"]):
            assert one.cli("route", *words, check=False).returncode == 2, words
        add_route(one, ".Far.TEST", via="lmtp", host="/run/x")
        add_route(one, "gone.test", via="refuse", text="moved")
        one.cli("alias", "add", "out", "x@a.far.test")
        for domain in ("z.test", "zz.test", ".test", ".zz.test"):
            add_route(one, domain, via="lmtp", host="/run/same")
        for i in range(11):
            said = one.cli("alias", "add", f"far{i}", f"far{i + 1}@first.test").text
            assert "leads too far" not in said, said
        said = one.cli("alias", "add", "far0", "alice@first.test").text
        assert "far0@first.test leads too far" in said, said
        one.cli("alias", "add", "ring", "bell@first.test")
        one.cli("alias", "add", "bell", "ring@first.test")
        for address, status, parts in (
                ("alice", 0, ["its domain is kept here", "the mailbox of alice@first.test"]),
                ("out", 0, ["by an alias to x@a.far.test", 'route ".far.test" of the store',
                            "socket /run/x by LMTP", "in plaintext"]),
                ("x@conf.test", 0, ['route "conf.test" of the configuration', "MX records"]),
                ("x@gone.test", 1, ["refused: 550 5.7.1 moved"]),
                ("nobody", 1, ["nobody has it"]),
                ("x@zz.test", 0, ['route "zz.test" of the store']),
                ("x@a.zz.test", 0, ['route ".zz.test" of the store']),
                ("far0", 1, ["mailbox of alice@first.test", "put off: 450 4.2.4"]),
                ("far1", 1, ["nobody has it"]),
                ("ring", 1, ["its aliases lead in a circle"]),
                ("x@else.lab", 0, ["no route names it", "MX records of else.lab"])):
            done = one.cli("route", "test", address, check=False)
            assert done.returncode == status, (address, done.text, done.errors)
            assert address != "ring" or "nobody" not in done.text, done.text
            for part in parts:
                assert part in done.text, (address, done.text)


def test_the_store_takes_so_many_routes():
    """10,000: put there while nothing runs, the last one by the command."""
    with first(()) as one:
        one.terminate()
        with sqlite3.connect(os.path.join(one.home, "data", "store.db")) as store:
            store.executemany("INSERT INTO route(domain, words) VALUES(?, 'via=mx')",
                              [(f"d{i}.test",) for i in range(9999)])
        store.close()
        one.start()
        add_route(one, "last.test", via="mx")
        done = one.cli("route", "add", "over.test", "via=mx", check=False)
        assert done.returncode == 1 and "10000 routes and takes no more" in done.errors, done.errors
        assert len(one.cli("route", "list").text.splitlines()) == 10000
        one.cli("route", "delete", "d17.test")
        add_route(one, "over.test", via="mx")


def stranger(server, rcpt, subject):
    client = mailkit.smtp(server, "smtp", login=False)
    client.sendmail("s@elsewhere.test", [rcpt],
                    f"Subject: {subject}\r\n\r\nHello.\r\n".encode())
    client.quit()


def test_a_gateway_takes_strangers_mail_and_no_open_relay():
    with last("carol.test", "carol:pw3") as two, first(()) as one:
        one.set(keys(tls={"trusted": two.ca}))
        one.reload()
        for domain in ("carol.test", "else.test"):
            try:
                stranger(one, f"carol@{domain}", "before")
                raise AssertionError("relayed for a stranger")
            except mailkit.smtplib.SMTPRecipientsRefused as refused:
                assert refused.recipients[f"carol@{domain}"][0] == 550
        add_route(one, "carol.test", via="host", accept_from="anyone", **to(two))
        stranger(one, "carol@carol.test", "through")
        assert len(mailkit.wait_for_inbox(two, 1, "carol", "pw3")) == 1
        try:
            stranger(one, "carol@else.test", "after")
            raise AssertionError("relayed for a stranger")
        except mailkit.smtplib.SMTPRecipientsRefused as refused:
            assert refused.recipients["carol@else.test"][0] == 550
        # The next hop's refusal of a recipient goes to the sender as a report.
        send(one, "nobody there", ["nobody@carol.test"])
        check_report(reports(one)[0], "nobody@carol.test", "5.1.1", "nobody there")
        # Nobody there: it is taken all the same, and waits.
        two.terminate()
        stranger(one, "carol@carol.test", "waits")
        wait_for_attempt(one)
        two.start()
        one.cli("queue", "flush")
        assert len(mailkit.wait_for_inbox(two, 2, "carol", "pw3")) == 2


def test_two_servers_that_forward_to_each_other():
    """round@first.test -> back@carol.test -> round@first.test: each forwards it once, then it
    comes home as a report, with the third Received field and not the hundredth."""
    with last("carol.test", "carol:pw3") as two, first(()) as one:
        trusted = both_authorities(two.dir, one, two)
        for server in (one, two):
            server.set(keys(tls={"trusted": trusted}))
            server.reload()
        add_route(one, "carol.test", via="host", **to(two))
        add_route(two, "first.test", via="host", **to(one))
        one.cli("alias", "add", "round", "back@carol.test")
        two.cli("alias", "add", "back@carol.test", "round@first.test")
        send(one, "round", ["round@first.test"])
        report = reports(one)[0]
        check_report(report, "round@first.test", "5.4.6", "round")
        original = report.get_payload()[2].as_string()
        assert original.count("\nReceived:") + original.startswith("Received:") <= 3, original
        assert original.count("Delivered-To: round@first.test") == 1, original
        wait_for_empty_queue(one)
        wait_for_empty_queue(two)
        # From nobody: nobody is told, and it ends as soon.
        client = mailkit.smtp(one, "smtp", login=False)
        client.sendmail("", ["round@first.test"], b"Subject: null\r\n\r\n")
        client.quit()
        two.wait_for_log("5.4.6", where=len(two.log_text().encode()) // 2)
        wait_for_empty_queue(one)
        wait_for_empty_queue(two)
        assert len(mailkit.inbox(one, "alice", "secret")) == 1
