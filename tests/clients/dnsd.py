"""A name server on loopback with answers from a table, by UDP, without DNSSEC."""
import socket
import struct
import threading

A, PTR, MX, TXT, AAAA, SRV, TLSA = 1, 12, 15, 16, 28, 33, 52
NXDOMAIN, SERVFAIL = 3, 2


class NameServer:
    """zones: name -> {"mx": [(10, "a.test")], "a": ["127.0.0.2"], "aaaa": ["::1"], "ptr": ["a.test"],
    "txt": ["text", ["in", "parts"]], "srv": [(0, 1, 587, "a.test")], "tlsa": [(3, 1, 1, bytes)]}, or
    an rcode. Texts may be bytes. What is not in the table does not exist."""

    def __init__(self, zones, address="127.0.0.1"):
        self.zones = zones
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.at = f"{address}:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.socket.close()

    def serve(self):
        while True:
            try:
                packet, peer = self.socket.recvfrom(4096)
                self.socket.sendto(self.answer(packet), peer)
            except OSError:
                return

    def answer(self, packet):
        number, flags = struct.unpack("!HH", packet[:4])
        name, end = read_name(packet, 12)
        kind = struct.unpack("!H", packet[end:end + 2])[0]
        self.asked.append((name, kind))
        zone = self.zones.get(name, NXDOMAIN)
        rcode, records = (zone, []) if isinstance(zone, int) else (0, records_of(zone, kind))
        head = struct.pack("!6H", number, 0x8080 | (flags & 0x0100) | rcode, 1, len(records), 0, 0)
        body = packet[12:end + 4]
        for record in records:
            body += b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(record)) + record
        return head + body


def read_name(packet, at):
    labels = []
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode().lower())
        at += 1 + packet[at]
    return ".".join(labels), at + 1


def write_name(name):
    labels = [label.encode() for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def write_text(text):
    parts = [part.encode() if isinstance(part, str) else part
             for part in (text if isinstance(text, list) else [text])]
    return b"".join(bytes([len(part)]) + part for part in parts)


def records_of(zone, kind):
    if kind == A:
        return [socket.inet_aton(address) for address in zone.get("a", [])]
    if kind == AAAA:
        return [socket.inet_pton(socket.AF_INET6, address) for address in zone.get("aaaa", [])]
    if kind == MX:
        return [struct.pack("!H", preference) + write_name(host)
                for preference, host in zone.get("mx", [])]
    if kind == PTR:
        return [write_name(host) for host in zone.get("ptr", [])]
    if kind == TXT:
        return [write_text(text) for text in zone.get("txt", [])]
    if kind == SRV:
        return [struct.pack("!3H", *numbers) + write_name(host)
                for *numbers, host in zone.get("srv", [])]
    if kind == TLSA:
        return [bytes(numbers) + data for *numbers, data in zone.get("tlsa", [])]
    return []
