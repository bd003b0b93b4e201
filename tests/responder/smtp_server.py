"""A small SMTP server on loopback that keeps the mails it is given (RFC 5321, without extensions)."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default


class SmtpServer:
    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.port = 0


@contextmanager
def smtp_server() -> Iterator[SmtpServer]:
    kept = SmtpServer()

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 test")
            for line in self.rfile:
                verb = line.strip().upper()
                if verb.startswith(b"RCPT"):
                    kept.recipients.append(line.decode().strip())
                if verb.startswith(b"DATA"):
                    self.say("354 go on")
                    kept.mails.append(message_from_bytes(self.mail(), policy=default))
                if verb.startswith(b"QUIT"):
                    self.say("221 bye")
                    return
                self.say("250 ok")

        def mail(self) -> bytes:
            lines = []
            for line in self.rfile:
                if line == b".\r\n":
                    break
                lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            return b"".join(lines)

        def say(self, answer: str) -> None:
            self.wfile.write(answer.encode() + b"\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        kept.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield kept
        finally:
            server.shutdown()
            thread.join()
