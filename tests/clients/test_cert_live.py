"""postern cert check HOST:PORT: the certificates of a live server, by STARTTLS of each protocol and
by TLS from the first byte, are judged as those of a file are."""
import harness
from test_cert_check import HOST, RSA_WEAK, cert, check_says, lab
from test_connect import Scripted

SERVER = {}
PORTS = {"smtp": ("smtp", "submissions"), "imap": ("imap", "imaps"), "pop3": ("pop3", "pop3s")}


def test_our_own_server(server):
    for protocol, (upgraded, implicit) in PORTS.items():
        for where, more in ((upgraded, ["--starttls", protocol]), (implicit, [])):
            target = f"localhost:{server.port(where)}"
            done = cert("check", target, *more, "--ca", server.ca)
            check_says(done, 0, target, "leads to CN=Postern CA", "days left", "it names localhost")
            done = cert("check", target, *more, "--ca", server.ca, "--name", "mx.example.net")
            check_says(done, 1, "is for another name", "what to do: ")
            done = cert("check", target, *more)
            check_says(done, 1, "not among the trusted")


def check_shown(status, script, chain, key, *words):
    with Scripted(script, chain=chain, key=key) as peer:
        done = cert("check", f"127.0.0.1:{peer.port}", *words)
    assert not any("EHLO" in line for line in peer.heard[2:]), peer.heard
    return done


def test_live_says_what_the_file_says(_):
    """Word by word, but for its first line and what is said of a key."""
    past = ("20200101000000Z", "20210101000000Z")
    upgrade = ["220 x\r\n", "<", "250-x\r\n250 STARTTLS\r\n", "<", "220 go\r\n", "TLS"]
    with lab() as made:
        good, leaf = made.good()
        old = made.sign(HOST, made.middle, dates=past)
        weak = made.sign(HOST, made.middle, key=RSA_WEAK)
        cases = [(0, good, leaf[1]), (1, made.chain(old, made.middle), old[1]),
                 (1, leaf[0], leaf[1]), (1, made.chain(leaf, made.root, made.middle), leaf[1]),
                 (1, made.chain(weak, made.middle), weak[1])]
        for status, chain, key in cases:
            words = ["--ca", made.root[0]]
            file = cert("check", chain, "--host", HOST, *words)
            wanted = [line for line in file.text.splitlines() if "--key" not in line]
            for script, more in ((upgrade, ["--starttls", "smtp"]), (["TLS"], [])):
                done = check_shown(status, script, chain, key, "--name", HOST, *words, *more)
                assert done.returncode == status, done.text + done.errors
                assert done.text.splitlines()[2:] == wanted, (done.text, wanted)


def test_nothing_to_judge(server):
    plain = f"localhost:{server.port('smtp')}"
    check_says(cert("check", plain), 1, "does not speak TLS", "say --starttls")
    done = cert("check", f"localhost:{harness.free_port()}")
    check_says(done, 1, "could not connect", "look whether the server runs")
    with Scripted(["220 x\r\n", "<", "250 x\r\n", "<"]) as peer:
        done = cert("check", f"127.0.0.1:{peer.port}", "--starttls", "smtp")
    check_says(done, 1, "showed no certificate", "does not offer STARTTLS")
    for words in (["localhost", "--starttls", "http"], ["localhost:x"],
                  [plain, "--key", "k"], [plain, "--purpose", "client"]):
        check_says(cert("check", *words), 2)
