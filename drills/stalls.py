"""Reads a table over and over until SIGTERM, then prints its longest wait: stalls.py URL TABLE"""

import signal
import sys
import time

import psycopg

stopped = []
signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
url, table = sys.argv[1:]
longest = 0
with psycopg.connect(url, autocommit=True, application_name="checkout page") as connection:
    while not stopped:
        start = time.monotonic()
        connection.execute(f"SELECT count(*) FROM {table}")
        longest = max(longest, time.monotonic() - start)
        time.sleep(0.01)
print(f"longest stall of a reader: {longest:.2f} s")
