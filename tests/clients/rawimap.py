"""An IMAP client that shows what was really said: untagged responses as parsed trees, in order.
Strings are bytes, NIL is None, atoms are str."""
import socket
import ssl


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def value(self):
        c = self.data[self.at:self.at + 1]
        if c == b"(":
            return self.list()
        if c == b'"':
            return self.quoted()
        if c == b"{":
            return self.literal()
        start = self.at
        depth = 0
        while self.at < len(self.data):
            c = self.data[self.at:self.at + 1]
            if depth == 0 and c in (b" ", b"(", b")"):
                break
            depth += (c == b"[") - (c == b"]")
            self.at += 1
        atom = self.data[start:self.at].decode("latin-1")
        assert atom or self.at < len(self.data), self.data[start - 20:start + 20]
        return None if atom == "NIL" else atom

    def list(self):
        out = []
        self.at += 1
        while self.data[self.at:self.at + 1] != b")":
            if self.data[self.at:self.at + 1] == b" ":
                self.at += 1
                continue
            out.append(self.value())
        self.at += 1
        return out

    def quoted(self):
        out = bytearray()
        self.at += 1
        while self.data[self.at] != 34:
            if self.data[self.at] == 92:
                self.at += 1
            out.append(self.data[self.at])
            self.at += 1
        self.at += 1
        return bytes(out)

    def literal(self):
        end = self.data.index(b"}\r\n", self.at)
        size = int(self.data[self.at + 1:end])
        self.at = end + 3 + size
        return self.data[end + 3:self.at]

    def all(self):
        out = []
        while self.at < len(self.data):
            if self.data[self.at:self.at + 1] == b" ":
                self.at += 1
                continue
            out.append(self.value())
        return out


class Client:
    def __init__(self, port, user, password, context=None, host="localhost"):
        self.sock = socket.create_connection((host, port), timeout=60)
        if context is not None:
            self.sock = context.wrap_socket(self.sock, server_hostname=host)
        self.file = self.sock.makefile("rb")
        self.number = 0
        self.greeting = self.file.readline()
        self.ok(f"LOGIN {user} {password}")

    def response(self):
        """One response, literals included, without its line end."""
        line = self.file.readline()
        assert line, "the server closed"
        while line.endswith(b"}\r\n") and line[line.rfind(b"{") + 1:-3].isdigit():
            line += self.file.read(int(line[line.rfind(b"{") + 1:-3]))
            line += self.file.readline()
        return line[:-2]

    def send(self, command):
        self.number += 1
        tag = f"t{self.number}"
        self.sock.sendall(tag.encode() + b" " + (command.encode() if isinstance(command, str)
                                                  else command) + b"\r\n")
        return tag.encode()

    def run(self, command):
        """(tagged line without the tag, untagged responses as bytes without "* ")"""
        return self.collect(self.send(command))

    def collect(self, tag):
        untagged = []
        while True:
            line = self.response()
            if line.startswith(tag + b" "):
                return line[len(tag) + 1:], untagged
            assert line.startswith(b"* "), line
            untagged.append(line[2:])

    def ok(self, command):
        tagged, untagged = self.run(command)
        assert tagged.startswith(b"OK"), (command, tagged)
        return untagged

    def append(self, mailbox, message, options=""):
        return self.run(f"APPEND {mailbox} {options}{{{len(message)}+}}\r\n".encode() + message)

    def fetch(self, number, item):
        """The item's value of one message, or the tagged line when it was refused."""
        tagged, untagged = self.run(f"FETCH {number} ({item})")
        for line in untagged:
            words = Reader(line).all()
            if len(words) == 3 and words[1] == "FETCH" and words[0] == str(number) and \
                    words[2][0] != "FLAGS":
                return words[2]
        return tagged.split(b" ", 1)[0]

    def logout(self):
        self.run("LOGOUT")
        self.sock.close()
