"""A small SMTP and LMTP server that takes any mail, or refuses as it is told: the next
hop that a test needs and no real server wants to be."""
import socket
import socketserver
import ssl
import threading


class Sink(socketserver.ThreadingTCPServer):
    """replies: verb or (verb, argument) -> reply instead of the usual one; "greeting" as well.
    offers: further lines for EHLO. messages: what arrived, as (reverse-path, [forward-path], bytes),
    by LMTP one for each recipient that ("DATA", forward-path) is not refused for; framings: by which
    command each did; parameters: what stood behind each MAIL's path. address: a path makes it a unix
    socket. pair (of minter.py): offers STARTTLS with it; secured: whether each message came over TLS;
    server_names: what each handshake asked for (SNI); failures: handshakes that came to nothing."""
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port, address="127.0.0.1", replies=None, offers=(), pair=None):
        self.messages, self.framings, self.parameters = [], [], []
        self.offers = list(offers) + (["STARTTLS"] if pair else [])
        self.secured, self.server_names, self.failures = [], [], []
        self.context = self.make_context(pair) if pair else None
        self.connections = 0
        self.replies = replies or {}
        is_path = address.startswith("/")
        self.address_family = socket.AF_UNIX if is_path else socket.AF_INET
        super().__init__(address if is_path else (address, port), Session)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def make_context(self, pair):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        context.sni_callback = lambda sock, name, ctx: self.server_names.append(name)
        return context

    def __exit__(self, *ignored):
        self.shutdown()
        self.server_close()


class Session(socketserver.StreamRequestHandler):
    def say(self, verb, argument, usual):
        replies = self.server.replies
        reply = replies.get((verb, argument), replies.get(verb, usual))
        self.wfile.write(reply.encode() + b"\r\n")
        return reply[:1] in "23"

    def handle(self):
        self.server.connections += 1
        sender, recipients, is_lmtp = None, [], False
        if not self.say("greeting", "", "220 sink.test ESMTP"):
            return
        for line in iter(lambda: self.rfile.readline(), b""):
            verb, _, argument = line.decode("utf-8", "replace").strip().partition(" ")
            verb = verb.upper()
            if verb in ("EHLO", "LHLO"):
                is_lmtp = verb == "LHLO"
                lines = ["sink.test", "8BITMIME", *self.offers()]
                self.say(verb, "", "".join(f"250-{x}\r\n" for x in lines) + "250 PIPELINING")
            elif verb == "STARTTLS" and self.server.context:
                if self.say(verb, "", "220 2.0.0 go ahead") and not self.secure():
                    return
            elif verb == "MAIL":
                if self.say(verb, path(argument), "250 2.1.0 sender ok"):
                    sender, recipients, chunks = path(argument), [], b""
                    self.server.parameters.append(argument.partition(">")[2].split())
            elif verb == "RCPT":
                if self.say(verb, path(argument), "250 2.1.5 recipient ok"):
                    recipients.append(path(argument))
            elif verb == "DATA" and not recipients:
                self.say("none", "", "554 5.5.1 no recipients")
            elif verb == "DATA":
                self.say("354", "", "354 go on")
                message = self.read_message()
                self.take(verb, sender, recipients, message, is_lmtp)
                recipients = []
            elif verb == "BDAT":
                size, _, last = argument.partition(" ")
                chunks += self.rfile.read(int(size))
                if last == "LAST":
                    self.take(verb, sender, recipients, chunks, is_lmtp)
                    recipients = []
                else:
                    self.say("chunk", "", "250 2.0.0 go on")
            elif verb == "QUIT":
                self.say(verb, "", "221 2.0.0 bye")
                return
            else:
                self.say(verb, "", "250 2.0.0 ok")

    def offers(self):
        is_secure = isinstance(self.connection, ssl.SSLSocket)
        return [x for x in self.server.offers if x != "STARTTLS" or not is_secure]

    def secure(self):
        try:
            self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
        except (ssl.SSLError, OSError) as error:
            self.server.failures.append(str(error))
            return False
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        return True

    def take(self, verb, sender, recipients, message, is_lmtp):
        for group in [[r] for r in recipients] if is_lmtp else [recipients]:
            if self.say(verb, group[0] if is_lmtp else "", "250 2.0.0 taken"):
                self.server.secured.append(isinstance(self.connection, ssl.SSLSocket))
                self.server.messages.append((sender, group, message))
                self.server.framings.append(verb)

    def read_message(self):
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)


def path(argument):
    return argument[argument.index("<") + 1:argument.index(">")] if "<" in argument else ""
