"""A small SMTP and LMTP server without TLS that takes any mail, or refuses as it is told: the next
hop that a test needs and no real server wants to be."""
import socket
import socketserver
import threading


class Sink(socketserver.ThreadingTCPServer):
    """replies: verb or (verb, argument) -> reply instead of the usual one; "greeting" as well.
    offers: further lines for EHLO. messages: what arrived, as (reverse-path, [forward-path], bytes),
    by LMTP one for each recipient that ("DATA", forward-path) is not refused for; framings: by which
    command each did; parameters: what stood behind each MAIL's path. address: a path makes it a unix
    socket."""
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port, address="127.0.0.1", replies=None, offers=()):
        self.messages, self.framings, self.parameters = [], [], []
        self.offers = offers
        self.connections = 0
        self.replies = replies or {}
        is_path = address.startswith("/")
        self.address_family = socket.AF_UNIX if is_path else socket.AF_INET
        super().__init__(address if is_path else (address, port), Session)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

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
        for line in self.rfile:
            verb, _, argument = line.decode("utf-8", "replace").strip().partition(" ")
            verb = verb.upper()
            if verb in ("EHLO", "LHLO"):
                is_lmtp = verb == "LHLO"
                lines = ["sink.test", "8BITMIME", *self.server.offers]
                self.say(verb, "", "".join(f"250-{x}\r\n" for x in lines) + "250 PIPELINING")
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

    def take(self, verb, sender, recipients, message, is_lmtp):
        for group in [[r] for r in recipients] if is_lmtp else [recipients]:
            if self.say(verb, group[0] if is_lmtp else "", "250 2.0.0 taken"):
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
