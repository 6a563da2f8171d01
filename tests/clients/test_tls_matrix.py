"""Every client, version, kind of key, protocol and style: a handshake is done and verified with the
right authority and refused with a wrong one. Then resumption, as openssl sees it and as we log it."""
import concurrent.futures
import itertools
import os
import tempfile

import harness
import minter
import rawtls
from harness import Server

SERVER = None
AT_ONCE = 4
SECONDS = 30


# ---- The clients: how each is called, and what it says when all is well ---------------------------


def openssl_words(listener, port, version, ca):
    starttls = ["-starttls", rawtls.PROTOCOLS[listener]] if rawtls.STARTTLS[listener] else []
    return ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost",
            "-verify_hostname", "localhost", "-verify_return_error", "-CAfile", ca, "-no-CApath",
            "-no-CAstore", "-tls" + version.replace(".", "_"), *starttls]


def gnutls_words(listener, port, version, ca):
    starttls = [f"--starttls-proto={rawtls.PROTOCOLS[listener]}"] if rawtls.STARTTLS[listener] else []
    return ["gnutls-cli", f"--x509cafile={ca}", f"--priority=NORMAL:-VERS-ALL:+VERS-TLS{version}",
            *starttls, f"--port={port}", "localhost"]


def curl_words(listener, port, version, ca):
    scheme = rawtls.PROTOCOLS[listener] + ("" if rawtls.STARTTLS[listener] else "s")
    harmless = "CAPA" if scheme.startswith("pop3") else "NOOP"
    return ["curl", "-v", "-sS", "--ssl-reqd", "--cacert", ca, f"--tlsv{version}", "--tls-max", version,
            "--max-time", SECONDS, "-X", harmless, f"{scheme}://localhost:{port}"]


# name -> words, what it says of a verified handshake in that version, and what of a wrong authority
CLIENTS = {
    "openssl": (openssl_words, ("Verify return code: 0 (ok)", "New, TLSv{}"), "verify error"),
    "gnutls-cli": (gnutls_words, ("certificate is trusted", "(TLS{}"), "issuer is unknown"),
    "curl": (curl_words, ("SSL certificate verify ok", "SSL connection using TLSv{} "),
             "unable to get local issuer certificate"),
}
KINDS = ("ecdsa", "rsa", "ed25519")
VERSIONS = ("1.2", "1.3")
LISTENERS = ("smtp", "submissions", "imap", "imaps", "pop3", "pop3s")


def fault_of(server, client, listener, version, right_ca, wrong_ca):
    """What was wrong with one case, or None."""
    words, good, bad = CLIENTS[client]
    port = server.port(listener)
    done = harness.run(words(listener, port, version, right_ca), check=False, timeout=SECONDS)
    said = done.text + done.errors
    missing = [text for text in (t.format(version) for t in good) if text not in said]
    if done.returncode != 0 or missing:
        return f"wanted a handshake, got exit {done.returncode} without {missing}:\n{said[-1500:]}"
    done = harness.run(words(listener, port, version, wrong_ca), check=False, timeout=SECONDS)
    said = done.text + done.errors
    if done.returncode == 0 or bad not in said:
        return f"wanted a refusal, got exit {done.returncode} without {bad!r}:\n{said[-1500:]}"
    return None


def check_all(cases, work):
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        faults = [f"{case}: {fault}" for case, fault
                  in zip(cases, pool.map(lambda case: work(*case), cases)) if fault]
    assert not faults, f"{len(faults)} of {len(cases)} cases:\n" + "\n".join(faults[:10])


def test_clients_versions_keys_and_styles():
    harness.need("openssl", "gnutls-cli", "curl")
    with tempfile.TemporaryDirectory(prefix="postern-matrix-") as directory:
        authority = minter.Authority(os.path.join(directory, "ca"))
        wrong = minter.Authority(os.path.join(directory, "wrong"), name="Wrong CA")
        for kind in KINDS:
            with Server(start=False, edit=minter.without_rsa_cap) as server:
                minter.use(server, authority.mint(kind, kind))
                server.start()
                check_all(list(itertools.product(CLIENTS, LISTENERS, VERSIONS)),
                          lambda client, listener, version:
                          fault_of(server, client, listener, version, authority.ca, wrong.ca))


# ---- Resumption ------------------------------------------------------------------------------------

# protocol -> what ends a session, so that openssl has read all tickets before it
FAREWELL = {"smtp": b"QUIT\r\n", "imap": b"a LOGOUT\r\n", "pop3": b"QUIT\r\n"}


def s_client(server, listener, version, *more):
    words = openssl_words(listener, server.port(listener), version, server.ca)
    return harness.run([*words, "-nocommands", "-ign_eof", *more],
                       input=FAREWELL[rawtls.PROTOCOLS[listener]], timeout=SECONDS).text


def established_lines(server, listener):
    return [line for line in server.log_text().splitlines()
            if " tls established " in line and f" listener={listener} " in line]


def wait_for_established(server, listener, count):
    """The line of the listener's handshake of that number; the client may be done before it is there."""
    lines = harness.wait_until(
        lambda: established_lines(server, listener)[count - 1:], SECONDS,
        f"a log line of handshake {count} at {listener}")
    return lines[-1]


def resumption_fault(server, listener, version):
    file = server.path(f"session-{listener}-{version}")
    before = len(established_lines(server, listener))
    if f"New, TLSv{version}" not in s_client(server, listener, version, "-sess_out", file):
        return "the first handshake was not a new session"
    if " resumed=0 " not in wait_for_established(server, listener, before + 1):
        return "the first handshake was not logged as resumed=0"
    said = s_client(server, listener, version, "-sess_in", file)
    if f"Reused, TLSv{version}" not in said:
        return f"the second handshake did not resume:\n{said[-1500:]}"
    if " resumed=1 " not in wait_for_established(server, listener, before + 2):
        return "the second handshake was not logged as resumed=1"
    return None


def test_sessions_are_resumed():
    harness.need("openssl")
    with Server() as server:
        for version in VERSIONS:  # not at once: a listener's lines are counted
            check_all([(listener, version) for listener in rawtls.NAMES],
                      lambda listener, version: resumption_fault(server, listener, version))


def test_sessions_are_resumed_across_a_reload_and_not_across_a_restart():
    harness.need("openssl")
    with Server() as server:
        for version in VERSIONS:
            file = server.path("session-" + version)
            s_client(server, "imaps", version, "-sess_out", file)
            said = server.reload()
            assert " server reloaded " in said, said
            assert f"Reused, TLSv{version}" in s_client(server, "imaps", version, "-sess_in", file)
            server.restart()
            assert f"New, TLSv{version}" in s_client(server, "imaps", version, "-sess_in", file)


def ticket_fault(server, number):
    file = server.path(f"parting-{number}")
    words = openssl_words("imaps", server.port("imaps"), "1.3", server.ca)
    harness.run([*words, "-sess_out", file], input=b"", check=False, timeout=SECONDS)
    return None if os.path.exists(file) and os.path.getsize(file) > 0 else "no session was kept"


def test_a_client_that_leaves_behind_its_finished_has_its_ticket():
    """openssl goes at the end of its input, which is empty: it keeps a TLS 1.3 session only where the
    tickets came in one piece with the server's flight."""
    harness.need("openssl")
    with Server() as server:
        check_all([(number,) for number in range(200)],
                  lambda number: ticket_fault(server, number))
