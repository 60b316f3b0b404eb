# SPDX-License-Identifier: GPL-2.0
"""A server that keeps every connection, and 60 clients that give up after two seconds."""
import socket
import sys
import time

PORT = 8080


def serve():
    server = socket.create_server(("127.0.0.1", PORT), backlog=128)
    kept = []
    while True:
        try:
            kept.append(server.accept())
        except OSError:
            time.sleep(0.1)


def give_up():
    clients = [socket.create_connection(("127.0.0.1", PORT)) for _ in range(60)]
    time.sleep(2)
    for client in clients:
        client.close()


{"serve": serve, "give-up": give_up}[sys.argv[1]]()
