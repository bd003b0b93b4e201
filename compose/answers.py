"""Health check: `python -S answers.py PORT PATH` ends with 0 if 127.0.0.1:PORT answers 200 within 2 seconds.

It imports nothing slow, as it runs every few seconds.
"""

import socket
import sys

port, path = sys.argv[1:]
with socket.create_connection(("127.0.0.1", int(port)), timeout=2) as connection:
    connection.settimeout(2)
    connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
    status = connection.recv(64).split(b" ")[1]
sys.exit(status != b"200")
