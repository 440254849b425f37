#!/usr/bin/python3
"""An application under steady traffic: sign_in.py URL COLUMN [SCHEMA] reads a column of users, a hundred
times a second, with a new connection after every fifty, made before the old one is closed. SIGTERM ends
it; then it says how many requests it served and how many failed."""

import signal
import sys
import time

import psycopg


def main():
    url, column, schema = (*sys.argv[1:3], sys.argv[3] if len(sys.argv) > 3 else "public")
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    served = failed = 0
    connection = None
    while not stopped:
        try:
            if connection is None:
                connection = psycopg.connect(url, autocommit=True)
            connection.execute(f"SELECT {column} FROM {schema}.users WHERE id = 1").fetchone()
            served += 1
            if served == 1:
                print("serving", flush=True)
        except psycopg.Error:
            failed += 1
        if (served + failed) % 50 == 0 and connection is not None:
            fresh = psycopg.connect(url, autocommit=True)
            connection.close()
            connection = fresh
        time.sleep(0.01)
    print(f"served {served} requests, {failed} failed", flush=True)


main()
