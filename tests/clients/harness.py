"""A Postern server in a temporary directory, and small tools to run clients against it."""
import os
import random
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


def free_offset():
    """A port offset at which all seven ports are free right now."""
    for _ in range(200):
        offset = random.randrange(11, 60) * 1000
        if all(is_free(offset + port) for port in PORTS.values()):
            return offset
    raise ServerError("no free ports")


def is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


class Server:
    """hostname is localhost, so that the certificate's name is what clients connect to."""

    def __init__(self, domains=("example.org",), users=("alice:secret", "bob:hunter2"),
                 settings="", edit=None, hostname="localhost", start=True):
        self.dir = tempfile.mkdtemp(prefix="postern-test-")
        os.chmod(self.dir, 0o755)
        self.home = os.path.join(self.dir, "server")
        self.offset = free_offset()
        self.process = None
        self.domains = domains
        words = [BINARY, "init", "--dir", self.home, "--hostname", hostname,
                 "--port-offset", str(self.offset), "--listen", "127.0.0.1"]
        for domain in domains:
            words += ["--domain", domain]
        for user in users:
            words += ["--user", user]
        self.run(words)
        self.conf = os.path.join(self.home, "postern.conf")
        self.ca = os.path.join(self.home, "tls", "ca.pem")
        if settings or edit:
            text = open(self.conf).read()
            text = edit(text) if edit else text
            open(self.conf, "w").write(text + "\n" + settings)
        if start:
            self.start()

    def run(self, words, input=None, check=True, timeout=60, **more):
        return run(words, input=input, check=check, timeout=timeout, **more)

    def cli(self, *words, **more):
        return self.run([BINARY, words[0], *words[1:2], "-c", self.conf, *words[2:]], **more)

    def start(self):
        self.log_path = os.path.join(self.dir, "log")
        self.log = open(self.log_path, "ab")
        where = os.path.getsize(self.log_path)
        self.process = subprocess.Popen([BINARY, "serve", "-c", self.conf], stderr=self.log,
                                        stdin=subprocess.DEVNULL)
        self.wait_for_log(" server ready ", where, 60)

    def wait_for_log(self, text, where=0, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with open(self.log_path, "rb") as log:
                log.seek(where)
                found = log.read().decode("utf-8", "replace")
            if text in found:
                return found
            if self.process.poll() is not None:
                raise ServerError(f"the server ended with {self.process.returncode}:\n{found}")
            time.sleep(0.02)
        raise ServerError(f"the log did not show {text!r}:\n{self.log_tail()}")

    def log_text(self):
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
