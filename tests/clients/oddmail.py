"""Some 150 odd but possible messages, the same ones in every run: nested and broken MIME, strange
headers, charsets, long lines. For comparing what servers make of them."""
import base64
import random

CRLF = b"\r\n"
WORDS = ("alpha beta gamma delta epsilon zeta report invoice holiday meeting Grüße naïve Ελλάδα привет "
         "needle haystack 日本語 résumé").split()
DATES = ("Mon, 2 Mar 2026 10:11:12 +0100", "Sun, 1 Mar 2026 23:59:59 -0800", "1 Jan 99 00:00 EST",
         "Thu, 29 Feb 2024 12:00:00 GMT (leap)", "Fri,  6 Mar 2026 01:02:03 +1400", "not a date", "",
         "Tue, 3 Mar 2026 04:05:06 -0000")
ADDRESSES = (
    "alice@example.org", "Alice Smith <alice@example.org>", '"Smith, Alice" <alice@example.org>',
    "alice@example.org (Alice Smith)", "=?UTF-8?Q?Alic=C3=A9?= <alice@example.org>",
    "<alice@example.org>", '"quo\\"ted \\\\ name" <a@example.org>', '"odd local"@example.org',
    "A (comment) <a (inner) @example.org>", "Friends: a@example.org, Bob <b@example.net>;",
    "undisclosed-recipients:;", "Team: =?utf-8?b?w5w=?= <ue@example.org>;, c@example.com",
    "a@[192.0.2.1]", "<@relay.example,@other.example:a@example.org>", "a@example.org,b@example.org",
    "First.Last@sub.example.org", "Dr. A. Smith <dr@example.org>", ", , a@example.org ,,",
    "nobody", "", "<>", '"" <empty@example.org>', "a@example.org\r\n (folded\r\n comment)",
    "Grüße <raw@example.org>", "Long " * 30 + "<long@example.org>")
SUBJECTS = (
    "plain", "", "=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=", "=?iso-8859-1?q?caf=E9?= au lait",
    "=?UTF-8?B?5pel5pys?=\r\n =?UTF-8?B?6Kqe?=", "folded\r\n subject line", "tab\r\n\tfolded needle",
    "with \"quotes\" and \\ slashes", "raw Grüße", "=?broken?=", "=?UTF-8?Q?unclosed", "x" * 900,
    "=?utf-8*en?q?language?=", "{12} literal-like", "trailing space   ", "Re: [list] (paren) NIL")


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.count = 0

    def pick(self, items):
        return self.random.choice(items)

    def words(self, count):
        return " ".join(self.pick(WORDS) for _ in range(count))

    def boundary(self):
        self.count += 1
        return f"b{self.count}" + self.pick(["", "=_x", "'()+_,-./:=?", "--"])

    def header(self):
        lines = []
        for name, chance in (("From", 95), ("To", 90), ("Cc", 30), ("Bcc", 10), ("Sender", 15),
                             ("Reply-To", 20)):
            if self.random.randrange(100) < chance:
                lines.append(f"{name}: {self.pick(ADDRESSES)}")
        if self.random.randrange(100) < 90:
            lines.append(f"Subject: {self.pick(SUBJECTS)}")
        if self.random.randrange(100) < 90:
            lines.append(f"Date: {self.pick(DATES)}")
        if self.random.randrange(100) < 70:
            lines.append(f"Message-ID: <{self.random.randrange(10 ** 9)}@example.org>")
        if self.random.randrange(100) < 30:
            lines.append("In-Reply-To: <1@example.org>\r\n <2@example.org>")
        if self.random.randrange(100) < 20:
            lines.append("X-Empty:")
        if self.random.randrange(100) < 20:
            lines.append("Received: from a by b; " + self.pick(DATES))
        self.random.shuffle(lines)
        return lines

    def leaf(self):
        kind = self.random.randrange(9)
        extra = self.extra()
        if kind == 0:
            return extra, self.text(3)
        if kind == 1:
            return ["Content-Type: text/plain; charset=utf-8", *extra], self.text(4)
        if kind == 2:
            text = base64.encodebytes(self.text(6)).replace(b"\n", CRLF)
            return ["Content-Type: text/html; charset=\"utf-8\"",
                    "Content-Transfer-Encoding: base64", *extra], text
        if kind == 3:
            return ["Content-Type: TEXT/Plain; charset=ISO-8859-1; format=flowed",
                    "Content-Transfer-Encoding: Quoted-Printable", *extra], b"caf=E9 =\r\nneedle" + CRLF
        if kind == 4:
            data = bytes(self.random.randrange(256) for _ in range(200))
            return ["Content-Type: application/octet-stream; name=\"a b.bin\"",
                    "Content-Transfer-Encoding: base64",
                    "Content-Disposition: attachment; filename=\"a b.bin\"; size=200"], \
                base64.encodebytes(data).replace(b"\n", CRLF)
        if kind == 5:
            return ["Content-Type: application/pdf;\r\n name*0*=utf-8''na%C3%AF;\r\n name*1=ve.pdf",
                    "Content-Disposition: attachment;\r\n filename*=utf-8'en'na%C3%AFve.pdf"], b"%PDF"
        if kind == 6:
            return ["Content-Type: text/plain; charset=x-unknown", *extra], bytes(range(128, 256))
        if kind == 7:
            return ["Content-Type: image/png", "Content-ID: <img@example.org>",
                    "Content-Description: a picture", "Content-Location: http://example.org/a.png",
                    "Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==", "Content-Transfer-Encoding: binary"], b"P"
        return ["Content-Type: text/plain", *extra], b""

    def extra(self):
        return [line for line in ("Content-Language: en, de", "Content-Disposition: inline",
                                  "Content-Description: =?utf-8?q?d=C3=A9?=",
                                  "Content-Transfer-Encoding: 8bit")
                if self.random.randrange(100) < 15]

    def text(self, lines):
        return b"".join(self.words(self.random.randrange(8)).encode() + CRLF for _ in range(lines))

    def entity(self, depth):
        """Header lines and body of a part."""
        kind = self.random.randrange(10)
        if depth <= 0 or kind < 4:
            return self.leaf()
        if kind < 8:
            return self.multipart(depth, self.pick(["mixed", "alternative", "related", "MIXED",
                                                    "signed", "report"]))
        if kind == 8:
            return ["Content-Type: message/rfc822", *self.extra()], self.message(depth - 1)
        return self.digest(depth)

    def join(self, boundary, parts):
        mark = b"--" + boundary.encode()
        body = self.pick([b"", b"preamble" + CRLF, CRLF])
        for part in parts:
            body += mark + self.pick([b"", b"  "]) + CRLF + part + CRLF
        return body + self.pick([mark + b"--" + CRLF, mark + b"--", mark + b"--" + CRLF + b"epilogue"
                                 + CRLF, b"", mark + b"-- " + CRLF + CRLF])

    def multipart(self, depth, subtype):
        boundary = self.boundary()
        parts = []
        for _ in range(self.random.randrange(4)):
            lines, body = self.entity(depth - 1)
            parts.append(block(lines) + CRLF + body)
        return [f"Content-Type: multipart/{subtype};\r\n\tboundary=\"{boundary}\"",
                *self.extra()], self.join(boundary, parts)

    def digest(self, depth):
        boundary = self.boundary()
        parts = [CRLF + self.message(0) for _ in range(self.random.randrange(1, 3))]
        if self.random.randrange(3) == 0:
            parts.append(b"Content-Type: text/plain" + CRLF + CRLF + b"not a message" + CRLF)
        return [f"Content-Type: multipart/digest; boundary=\"{boundary}\""], self.join(boundary, parts)

    def message(self, depth):
        lines, body = self.entity(depth)
        head = self.header()
        if self.random.randrange(4) > 0:
            head.append("MIME-Version: 1.0")
        return block(head + lines) + CRLF + body


def block(lines):
    return b"".join(line.encode() + CRLF for line in lines)


def broken():
    head = b"From: a@example.org\r\nSubject: broken\r\n"
    mixed = head + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    long_line = b"needle" * 2000
    return [
        b"no header at all, only text\r\n",
        b"\r\nbody after an empty header\r\n",
        head,
        head + b"\r\n",
        head + b"no colon here\r\nX: y\r\n\r\nbody\r\n",
        b" continued from nowhere\r\n" + head + b"\r\nbody\r\n",
        b"From : spaced@example.org\r\nSUBJECT\t: tabbed\r\n\r\nbody\r\n",
        head + b"Subject: second\r\nFrom: b@example.org\r\nTo: x@a.example\r\nTo: y@a.example\r\n\r\nb\r\n",
        head + b"X-Long: " + b"v" * 5000 + b"\r\n\r\n" + long_line + b"\r\n",
        head + b"Content-Type: multipart/mixed\r\n\r\nno boundary\r\n",
        head + b"Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\nx\r\n----\r\n",
        mixed,
        mixed + b"no delimiter at all\r\n",
        mixed + b"--b\r\n",
        mixed + b"--b",
        mixed + b"--b--\r\n",
        mixed + b"--b\r\n\r\n--b--\r\n",
        mixed + b"--b\r\n\r\n\r\n--b--\r\n",
        mixed + b"--b\r\nContent-Type: text/plain\r\n--b\r\n\r\nsecond\r\n--b--\r\n",
        mixed + b"--b\r\n\r\nfirst\r\n--bb\r\nnot a delimiter\r\n--b \t\r\n\r\nlast\r\n--b--\r\nepilogue\r\n",
        mixed + b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsame\r\n--b--\r\n--b--\r\n",
        mixed + b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\ninner\r\n--b\r\n\r\nouter\r\n--b--\r\n",
        mixed + b"--b\r\nContent-Type: message/rfc822\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
        mixed + b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: cut\r\n--b--\r\n",
        head + b"Content-Type: message/rfc822\r\n\r\n",
        head + b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nbody\r\n",
        head + b"Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\nSubject: in in\r\n\r\nx\r\n",
        head + b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA0KDQp5DQo=\r\n",
        head + b"Content-Type: message/partial; id=x; number=1\r\n\r\nSubject: p\r\n\r\ny\r\n",
        head + b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns;a\r\n\r\n",
        head + b"Content-Type: text\r\n\r\nx\r\n",
        head + b"Content-Type: text/\r\n\r\nx\r\n",
        head + b"Content-Type: /plain\r\n\r\nx\r\n",
        head + b"Content-Type: \r\n\r\nx\r\n",
        head + b"Content-Type: text/plain; charset\r\n\r\nx\r\n",
        head + b"Content-Type: text/plain; charset=\r\n\r\nx\r\n",
        head + b"Content-Type: text/plain; charset=us-ascii; charset=utf-8\r\n\r\nx\r\n",
        head + b"Content-Type: text/plain; name=\"unclosed\r\n\r\nx\r\n",
        head + b"Content-Type: text/plain; name=a b c; x=y\r\n\r\nx\r\n",
        head + b"Content-Type: text/plain (comment) ; (c) charset (d) = (e) utf-8 (f)\r\n\r\nx\r\n",
        head + b"Content-Type: text/plain; a*1=y; a*0=x; a*2*=%41\r\n\r\nx\r\n",
        head + b"Content-Type: text/plain; name=\"=?utf-8?q?n=C3=A4me?=\"\r\n\r\nx\r\n",
        head + b"Content-Type: TEXT/PLAIN; CHARSET=UTF-8\r\nContent-Transfer-Encoding: (c) BASE64 (d)\r\n\r\nbmVlZGxl\r\n",
        head + b"Content-Transfer-Encoding: x-strange\r\n\r\nx\r\n",
        head + b"Content-Transfer-Encoding: \r\n\r\nx\r\n",
        head + b"Content-Disposition: \r\nContent-Language: \r\nContent-Location:\r\n\r\nx\r\n",
        head + b"Content-Disposition: attachment; filename=a;filename=b\r\nContent-Language: (c) en (d), de\r\n\r\nx\r\n",
        head + b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + "Grüße привет 日本語\r\n".encode(),
        head + b"Content-Type: text/plain; charset=windows-1252\r\n\r\n\x93needle\x94 \x80\r\n",
        head + b"Content-Type: text/plain; charset=iso-8859-15\r\n\r\n\xa4 caf\xe9\r\n",
        head + b"\r\nno final newline",
        head + b"\r\n" + CRLF * 5,
    ]


def possible():
    """Those that a mailer could have written."""
    maker = Maker(20260301)
    return [maker.message(depth) for depth in (0, 1, 2, 3, 4) for _ in range(20)]


def messages():
    return broken() + possible()
