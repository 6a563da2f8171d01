"""The keeper of private keys: the server has none in its memory, ends when the keeper does, goes on
when it is silent, and reloads keys that only root may read."""
import base64
import os
import re
import shutil
import signal
import smtplib
import socket
import ssl
import time

import harness
from harness import Server, Skip, keys, need, run, wait_until
from test_idle import is_sanitized

SERVER = None  # each test has one of its own


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(word) for word in f.read().split()]


def keeper_of(server):
    found = children(server.process.pid)
    assert len(found) == 1, f"the server has the children {found}"
    with open(f"/proc/{found[0]}/comm") as f:
        assert f.read() == "postern-keeper\n"
    return found[0]


def status_of(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def is_gone(pid):
    """A process that nobody has waited for is gone, too."""
    try:
        return status_of(pid)["State"].startswith("Z")
    except FileNotFoundError:
        return True


def are_stopped(pid):
    """All its threads."""
    tasks = [f"{pid}/task/{task}" for task in os.listdir(f"/proc/{pid}/task")]
    return all(status_of(task)["State"].startswith("T") for task in tasks)


def shake(server, name="imaps", timeout=10, version=None):
    """One handshake that trusts anything; the certificate that was shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version:
        context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", server.port(name)), timeout) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as tls:
            tls.recv(1)
            return tls.getpeercert(True)


# ---- How it ends --------------------------------------------------------------------------------


def test_a_killed_keeper_ends_the_server_with_a_message():
    server = Server()
    try:
        shake(server)
        keeper = keeper_of(server)
        with smtplib.SMTP("localhost", server.port("smtp")) as client:
            client.noop()
            began = time.monotonic()
            os.kill(keeper, signal.SIGKILL)
            assert server.process.wait(20) == 1
            assert time.monotonic() - began < 10
            client.close()
        server.process = None
        line = next(l for l in server.log_text().splitlines() if " error keeper ended " in l)
        assert f"pid={keeper}" in line and "signal 9 (Killed)" in line and "restart it" in line, line
    finally:
        server.stop()


def test_a_killed_server_takes_the_keeper_along():
    with Server() as server:
        keeper = keeper_of(server)
        server.kill()
        wait_until(lambda: is_gone(keeper), 10, "the keeper's end")


def test_a_stopped_server_takes_the_keeper_along():
    with Server() as server:
        keeper = keeper_of(server)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(keeper, number)  # as a terminal does; it ends with its server
        shake(server)
        assert server.terminate() == 0
        wait_until(lambda: is_gone(keeper), 10, "the keeper's end")


def test_a_silent_keeper_costs_handshakes_and_nothing_else():
    with Server(edit=keys(top={"loops": 1})) as server:
        keeper = keeper_of(server)
        with smtplib.SMTP("localhost", server.port("smtp")) as client:
            client.noop()
            os.kill(keeper, signal.SIGSTOP)
            wait_until(lambda: are_stopped(keeper), 10, "the keeper's stop")
            try:
                for _ in range(3):
                    try:
                        shake(server)
                        raise AssertionError("a handshake without a signature")
                    except (ssl.SSLError, ConnectionError):
                        pass
                assert client.noop()[0] == 250
            finally:
                os.kill(keeper, signal.SIGCONT)
            assert client.noop()[0] == 250
        assert "did not answer within its second" in server.log_text()

        def works():
            try:
                return shake(server)
            except (ssl.SSLError, ConnectionError):
                return None
        wait_until(works, 10, "a handshake after the keeper woke")
        shake(server)


def test_without_isolation_there_is_no_keeper():
    with Server(edit=keys(tls={"key_isolation": False})) as server:
        shake(server)
        assert children(server.process.pid) == []
        server.set(keys(tls={"key_isolation": True}))
        assert "key_isolation was changed: that needs a restart" in server.reload()
        server.restart()
        keeper_of(server)
        shake(server)


# ---- Confinement --------------------------------------------------------------------------------


def test_the_keeper_is_confined():
    with Server() as server:
        shake(server)
        keeper = keeper_of(server)
        status = status_of(keeper)
        assert status["NoNewPrivs"].strip() == "1"
        assert int(status["CapEff"], 16) & ~4 == 0, status["CapEff"]  # CAP_DAC_READ_SEARCH
        for task in os.listdir(f"/proc/{keeper}/task"):
            with open(f"/proc/{keeper}/task/{task}/status") as f:
                seccomp = re.search(r"Seccomp:\t(\d)", f.read())
            assert seccomp is None or seccomp.group(1) == "2" or \
                " keeper unconfined " in server.log_text()
        if os.geteuid() != 0:
            raise Skip("only root sees the descriptors of a process that cannot be looked into")
        ends = [os.readlink(f"/proc/{keeper}/fd/{fd}") for fd in os.listdir(f"/proc/{keeper}/fd")]
        # Besides standard input, output and errors: channels, and the pipe that tells of its end.
        others = [e for e in ends if not e.startswith(("socket:", "pipe:")) and e != "/dev/null"
                  and os.path.realpath(server.log_path) != e]
        assert others == [], ends


# ---- Memory -------------------------------------------------------------------------------------


def der_items(data):
    """(tag, content) of a row of DER elements."""
    at = 0
    while at < len(data):
        tag, size = data[at], data[at + 1]
        at += 2
        if size & 0x80:
            count = size & 0x7F
            size = int.from_bytes(data[at:at + count], "big")
            at += count
        yield tag, data[at:at + size]
        at += size


def needles(pem):
    """What of a key must not be seen: its text, its DER, its secret numbers in both byte orders (GMP
    keeps the lowest word first)."""
    lines = [line for line in pem.splitlines() if line and not line.startswith("-")]
    der = base64.b64decode("".join(lines))
    (_, whole), = der_items(der)
    inner = next(content for tag, content in der_items(whole) if tag == 4)
    (_, private), = der_items(inner)
    items = list(der_items(private))
    found = {"text": lines[-2].encode(), "end of text": (lines[-2] + "\n" + lines[-1]).encode(),
             "DER": inner[:64]}
    if items[1][0] == 4:
        numbers = {"scalar": items[1][1]}
    else:
        names = ("d", "p", "q", "d mod p-1", "d mod q-1", "1/q")
        numbers = {name: value for name, (_, value) in zip(names, items[3:])}
    for name, value in numbers.items():
        value = value.lstrip(b"\0")
        assert len(value) > 24
        found[name] = value
        found[name + ", lowest first"] = value[::-1]
    return found


def search(pid, wanted):
    """Which of the needles are in the memory of the process."""
    found = set()
    with open(f"/proc/{pid}/maps") as f:
        maps = f.read().splitlines()
    total = 0
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            words = line.split()
            if "r" not in words[1] or words[-1] in ("[vvar]", "[vsyscall]", "[vvar_vclock]"):
                continue
            start, end = (int(word, 16) for word in words[0].split("-"))
            if end - start > 1 << 34:
                raise Skip("a sanitizer's shadow memory is too large to be searched")
            rest = b""
            for at in range(start, end, 1 << 22):
                try:
                    memory.seek(at)
                    block = rest + memory.read(min(1 << 22, end - at))
                except OSError:
                    break
                total += len(block) - len(rest)
                found |= {name for name, needle in wanted.items() if needle in block}
                rest = block[-4096:]
    assert total > 1 << 20, f"only {total} bytes of process {pid} could be read"
    return found


def mint(server, kind, name):
    """A self-signed pair; the paths of certificate and key, and the key's text."""
    key, certificate = (os.path.join(server.home, "tls", f"{name}{end}")
                        for end in ("-key.pem", ".pem"))
    choice = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"] if kind == "rsa" else \
        ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    run(["openssl", "genpkey", *choice, "-out", key])
    run(["openssl", "req", "-x509", "-new", "-key", key, "-out", certificate, "-days", "30",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
    os.chmod(key, 0o600)
    with open(key) as f:
        return certificate, key, f.read()


def use(server, tls):
    server.set(keys(tls=tls))
    answer = server.reload()
    assert "server reloaded" in answer, answer
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        for name in ("imaps", "submissions", "pop3s"):
            shake(server, name, version=version)


# What the library works with, of the keys that the last configuration of hunt() names.
IN_USE = ("three: p, lowest first", "three: q, lowest first", "four: scalar, lowest first",
          "listed: p, lowest first", "listed: q, lowest first")


def hunt(isolation):
    """What is found in the server and in the keeper (if there is one) of keys that were used."""
    need("openssl")
    if os.geteuid() != 0:
        raise Skip("only root can read the memory of another process that forbids it")
    with Server(edit=keys(tls={"key_isolation": isolation})) as server:
        shake(server)
        with open(os.path.join(server.home, "tls", "server-key.pem")) as f:
            secrets = {"first": f.read()}
        for name, kind in (("one", "ec"), ("two", "rsa"), ("three", "rsa"), ("four", "ec")):
            certificate, key, secrets[name] = mint(server, kind, name)
            other = "client_" if name == "three" else ""
            use(server, {other + "certificate": certificate, other + "key": key})
        certificate, key, secrets["listed"] = mint(server, "rsa", "listed")
        server.set(lambda text: f'{text}\ncertificates = ( {{ certificate = "{certificate}"; '
                                f'key = "{key}" }} );\n')
        use(server, {})
        wanted = {f"{name}: {what}": needle for name, pem in secrets.items()
                  for what, needle in needles(pem).items()}
        in_server = search(server.process.pid, wanted)
        in_keeper = search(keeper_of(server), wanted) if isolation else set()
        return in_server, in_keeper


def test_no_key_is_in_the_servers_memory():
    in_server, in_keeper = hunt(True)
    assert in_server == set(), in_server
    # The same search finds what is in use where it belongs.
    for name in IN_USE:
        assert name in in_keeper, in_keeper


def test_the_search_for_keys_finds_them_without_isolation():
    in_server, _ = hunt(False)
    for name in IN_USE:
        assert name in in_server, in_server


def resident_kib(pid):
    return int(status_of(pid)["VmRSS"].split()[0])


def test_keys_of_old_configurations_are_let_go():
    with Server() as server:
        keeper = keeper_of(server)

        def reload(times):
            for _ in range(times):
                shake(server)
                assert "server reloaded" in server.reload()
            return resident_kib(keeper)
        before = reload(20)
        after = reload(60)
        # The address sanitizer keeps freed memory for a while.
        assert is_sanitized(server) or after < before + 256, \
            f"the keeper grows with each reload: {before} KiB, then {after}"


# ---- Keys that only root may read ---------------------------------------------------------------


def as_nobody(server, isolation):
    """The server becomes nobody; its key lies where only root can go."""
    if os.geteuid() != 0:
        raise Skip("only root can become another user")
    vault = os.path.join(server.dir, "vault")
    os.mkdir(vault, 0o700)
    key = os.path.join(vault, "key.pem")
    shutil.move(os.path.join(server.home, "tls", "server-key.pem"), key)
    os.chmod(key, 0o600)
    run(["chown", "-R", "nobody", server.home])
    server.set(keys(top={"user": "nobody"}, tls={"key": key, "key_isolation": isolation}))
    server.start()
    return key


def test_a_key_for_root_only_is_reloaded():
    with Server(start=False) as server:
        key = as_nobody(server, True)
        nobody = status_of(server.process.pid)["Uid"].split()[0]
        assert nobody != "0" and status_of(keeper_of(server))["Uid"].split() == [nobody] * 4
        assert status_of(server.process.pid)["CapEff"].strip("0") == ""
        old = shake(server)
        need("openssl")
        certificate, fresh, _ = mint(server, "ec", "fresh")
        shutil.copyfile(fresh, key)
        os.chmod(certificate, 0o644)
        server.set(keys(tls={"certificate": certificate}))
        answer = server.reload()
        assert "server reloaded" in answer, answer
        assert shake(server) != old
        # And what is wrong with it is said in words, the old one going on.
        good = shake(server)
        with open(key, "w") as f:
            f.write("nothing\n")
        answer = server.reload()
        assert "server not-reloaded" in answer and key in answer, answer
        assert shake(server) == good


def test_a_key_for_root_only_is_out_of_reach_without_isolation():
    with Server(start=False) as server:
        try:
            as_nobody(server, False)
            raise AssertionError("nobody has read root's key")
        except harness.ServerError as error:
            assert "not-started" in str(error) and "vault/key.pem: Permission denied" in str(error)
        assert server.process.wait(10) == 1
        server.process = None


# ---- RSA ----------------------------------------------------------------------------------------


def test_rsa_handshakes_are_capped():
    need("openssl")
    with Server() as server:
        certificate, key, _ = mint(server, "rsa", "rsa")
        server.set(keys(tls={"certificate": certificate, "key": key, "rsa_rate_max": 1}))
        assert "server reloaded" in server.reload()
        done, refused = 0, 0
        began = time.monotonic()
        for _ in range(10):
            try:
                shake(server)
                done += 1
            except ssl.SSLError as error:
                assert "ALERT" in str(error).upper(), error
                refused += 1
        assert refused >= 8 - int(time.monotonic() - began) and done >= 1, (done, refused)
        log = server.log_text()
        assert "tls rsa-capped " in log and "tls.rsa_rate_max" in log
        server.set(keys(tls={"rsa_rate_max": 0}))
        assert "server reloaded" in server.reload()
        for _ in range(10):
            shake(server)
