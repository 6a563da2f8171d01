"""A Postern server in a temporary directory, and small tools to run clients against it."""
import fcntl
import os
import pty
import random
import select
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

BINARY = None
PORTS = {"smtp": 25, "submission": 587, "submissions": 465, "imap": 143, "imaps": 993,
         "pop3": 110, "pop3s": 995}


class Skip(Exception):
    """The test cannot run here; the reason is its text."""


class ServerError(Exception):
    pass


def slow(test):
    test.is_slow = True
    return test


# offset -> the lock that keeps it ours, on this machine
taken_offsets = {}


def free_offset():
    """A port offset at which all seven ports are free, ours until give_back(): a server that is not
    started yet has its ports, too, and tests may run side by side. Below 32768: above it lie the
    ports of outgoing connections, one of which could take a stopped server's port."""
    for _ in range(600):
        offset = random.randrange(11, 32) * 1000
        if offset in taken_offsets:
            continue
        path = os.path.join(tempfile.gettempdir(), f"postern-test-ports-{os.getuid()}-{offset}")
        lock = open(path, "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            time.sleep(0.01)
            continue
        if all(is_free(offset + port) for port in PORTS.values()):
            taken_offsets[offset] = lock
            return offset
        lock.close()
    raise ServerError("no free ports")


def give_back(offset):
    lock = taken_offsets.pop(offset, None)
    if lock is not None:
        lock.close()


def free_port(address="127.0.0.1"):
    """A port below those of outgoing connections that nobody uses right now."""
    for _ in range(200):
        port = random.randrange(10000, 32000)
        if port % 1000 not in PORTS.values() and is_free(port, address):
            return port
    raise ServerError("no free port")


def is_free(port, address="127.0.0.1"):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((address, port))
            return True
        except OSError:
            return False


def keys(**groups):
    """For Server(edit=...) and Server.set(): changes keys at the top and of groups in what init wrote:
    keys(top={"log_level": "debug"}, relay={"smarthost": "localhost"})."""
    def edit(text):
        for group, values in groups.items():
            for key, value in values.items():
                text = set_key(text, group, key, value)
        return text
    return edit


def set_key(text, group, key, value):
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, (list, tuple)):
        value = "[ " + ", ".join(f'"{v}"' for v in value) + " ]"
    elif not isinstance(value, int):
        value = f'"{value}"'
    indent = "" if group == "top" else "    "
    line = f"{indent}{key} = {value};"
    text, count = re.subn(rf"(?m)^{indent}{key} = [^\n]*$", lambda _: line, text)
    if count:
        return text
    if group == "top":
        return text + line + "\n"
    if not re.search(rf"(?m)^{group} = {{$", text):
        text += f"\n{group} = {{\n}};\n"
    return re.sub(rf"(?m)^{group} = {{$", lambda m: m.group(0) + "\n" + line, text)


class Server:
    """hostname is localhost, so that the certificate's name is what clients connect to."""

    def __init__(self, domains=("example.org",), users=("alice:secret", "bob:hunter2"),
                 settings="", edit=None, hostname="localhost", start=True, listen="127.0.0.1"):
        self.dir = tempfile.mkdtemp(prefix="postern-test-")
        os.chmod(self.dir, 0o755)
        self.home = os.path.join(self.dir, "server")
        self.offset = free_offset()
        self.process = None
        self.domains = domains
        words = [BINARY, "init", "--dir", self.home, "--hostname", hostname,
                 "--port-offset", str(self.offset), "--listen", listen]
        for domain in domains:
            words += ["--domain", domain]
        for user in users:
            words += ["--user", user]
        self.run(words)
        self.conf = os.path.join(self.home, "postern.conf")
        self.ca = os.path.join(self.home, "tls", "ca.pem")
        # The same on every machine: root's init finds the user "postern" where a server ever ran.
        run(["chown", "-R", f"{os.geteuid()}:{os.getegid()}", self.home])
        text = open(self.conf).read().replace('\nuser = "postern";', '\nuser = "";')
        text = edit(text) if edit else text
        if "dnssec_anchors" not in text:  # the tests' name servers do not sign
            text = set_key(text, "relay", "dnssec_anchors", "")
        open(self.conf, "w").write(text + "\n" + settings)
        self.log_path = os.path.join(self.dir, "log")
        if start:
            try:
                self.start()
            except BaseException:
                if self.process.poll() is None:
                    self.kill()
                self.remove()
                raise

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None and kind is not Skip:
            print(f"the log of the server at port offset {self.offset}:\n{self.log_tail()}")
        complaint = self.stop()
        if complaint and kind is None:
            raise AssertionError(complaint)

    def run(self, words, input=None, check=True, timeout=60, **more):
        return run(words, input=input, check=check, timeout=timeout, **more)

    def cli(self, *words, **more):
        return self.run([BINARY, words[0], *words[1:2], "-c", self.conf, *words[2:]], **more)

    def spawn(self):
        """Starts the process; where its log begins."""
        with open(self.log_path, "ab") as log:
            where = os.path.getsize(self.log_path)
            self.process = subprocess.Popen([BINARY, "serve", "-c", self.conf], stderr=log,
                                            stdin=subprocess.DEVNULL)
        return where

    def start(self):
        where = self.spawn()
        self.wait_for_log(" server ready ", where, 60)

    def set(self, edit):
        """Changes the configuration's text; start or reload() makes it count."""
        with open(self.conf) as f:
            text = edit(f.read())
        with open(self.conf, "w") as f:
            f.write(text)

    def reload(self):
        """SIGHUP; the log from there until it was done or refused."""
        where = os.path.getsize(self.log_path)
        self.process.send_signal(signal.SIGHUP)
        return self.wait_for_log(" server reloaded ", where, 20, or_text=" server not-reloaded ")

    def terminate(self, seconds=45):
        """SIGTERM and wait; the directory stays. The exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(seconds)
        self.process = None
        return status

    def restart(self):
        status = self.terminate()
        assert status == 0, f"the server ended with {status}:\n{self.log_tail(60)}"
        self.start()

    def wait_for_log(self, text, where=0, seconds=30, or_text=None):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with open(self.log_path, "rb") as log:
                log.seek(where)
                found = log.read().decode("utf-8", "replace")
            if text in found or (or_text is not None and or_text in found):
                return found
            if self.process.poll() is not None:
                raise ServerError(f"the server ended with {self.process.returncode}:\n{found}")
            time.sleep(0.02)
        raise ServerError(f"the log did not show {text!r}:\n{self.log_tail()}")

    def log_text(self):
        if not os.path.exists(self.log_path):
            return ""
        return open(self.log_path, "rb").read().decode("utf-8", "replace")

    def log_tail(self, lines=40):
        return "\n".join("    | " + line for line in self.log_text().splitlines()[-lines:])

    def is_alive(self):
        """True also for a server that a test stopped on purpose."""
        return self.process is None or self.process.poll() is None

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def stop(self):
        """A sentence when the server did not end as it should."""
        complaint = None
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                rc = self.process.wait(45)
                if rc != 0:
                    complaint = f"the server ended with {rc}:\n{self.log_tail(60)}"
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                complaint = f"the server did not stop:\n{self.log_tail()}"
            self.process = None
        self.remove()
        return complaint

    def remove(self):
        give_back(self.offset)
        shutil.rmtree(self.dir, ignore_errors=True)

    def port(self, name):
        return PORTS[name] + self.offset

    def context(self):
        return ssl.create_default_context(cafile=self.ca)

    def path(self, name, data=None):
        """A file in the test's directory, written when data is given."""
        path = os.path.join(self.dir, name)
        if data is not None:
            with open(path, "wb") as f:
                f.write(data if isinstance(data, bytes) else data.encode())
        return path


def run(words, input=None, check=True, timeout=60, **more):
    if isinstance(input, str):
        input = input.encode()
    if input is None:
        more.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run([str(w) for w in words], input=input, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=timeout, **more)
    done.text = done.stdout.decode("utf-8", "replace")
    done.errors = done.stderr.decode("utf-8", "replace")
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(str(w) for w in words)}: exit {done.returncode}\n"
                             f"{done.text}\n{done.errors}")
    return done


def run_on_terminal(words, env, timeout=30):
    """Runs a program that wants a terminal; what it paints is thrown away."""
    try:
        master, slave = pty.openpty()
    except OSError as error:
        raise Skip(f"there are no terminals here: {error}") from None
    process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, env=env,
                               start_new_session=True)
    os.close(slave)
    end = time.monotonic() + timeout
    try:
        while process.poll() is None and time.monotonic() < end:
            if select.select([master], [], [], 0.1)[0]:
                try:
                    os.read(master, 65536)
                except OSError:
                    break  # the program has closed the terminal
        return process.wait(max(0.1, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError(f"{words[0]} did not end") from None
    finally:
        os.close(master)


def need(*programs):
    for program in programs:
        if shutil.which(program) is None:
            raise Skip(f"{program} is not installed")


def wait_until(question, seconds=20, what="it"):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = question()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {seconds} s")


def strip_trace(message):
    """A message without the trace fields that we put in front."""
    while message.startswith((b"Return-Path:", b"Received:", b"Delivered-To:")):
        end = message.index(b"\r\n") + 2
        while message[end:end + 1] in (b" ", b"\t"):
            end = message.index(b"\r\n", end) + 2
        message = message[end:]
    return message
