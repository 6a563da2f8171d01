"""An HTTPS server for policies of MTA-STS: for each host name a certificate and an answer."""
import http.server
import ssl
import threading
import time


class PolicyHost(http.server.ThreadingHTTPServer):
    """pairs: host -> pair of minter.py, "" for all others. answers: host -> text, or a dictionary with
    status, type, text, headers, or wait (seconds before it answers). asked: (host, path)."""
    daemon_threads = True

    def __init__(self, port, address, pairs, answers):
        self.answers, self.asked = answers, []
        self.contexts = {host: make_context(pair) for host, pair in pairs.items()}
        outer = make_context(pairs[""])
        outer.sni_callback = self.choose
        super().__init__((address, port), Answer)
        self.socket = outer.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def choose(self, connection, name, context):
        connection.context = self.contexts.get(name, self.contexts[""])

    def handle_error(self, request, client_address):
        pass  # a client that does not like the certificate

    def __exit__(self, *ignored):
        self.shutdown()
        self.server_close()


def make_context(pair):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    return context


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        host = self.headers["Host"].partition(":")[0]
        self.server.asked.append((host, self.path))
        answer = self.server.answers.get(host, {"status": 404, "text": ""})
        answer = answer if isinstance(answer, dict) else {"text": answer}
        time.sleep(answer.get("wait", 0))
        body = answer.get("text", "").encode()
        self.send_response(answer.get("status", 200))
        self.send_header("Content-Type", answer.get("type", "text/plain; charset=utf-8"))
        self.send_header("Content-Length", str(len(body)))
        for name, value in answer.get("headers", {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *ignored):
        pass
