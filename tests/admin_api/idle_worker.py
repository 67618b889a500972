"""Stands for the worker of a backtest: tells how far it is, with its process id as the step, and goes no further."""

from __future__ import annotations

import os
import sys
import time

import orjson

sys.stdin.buffer.readline()
told = {"step": str(os.getpid()), "done_count": 3, "total_count": 10}
sys.stdout.buffer.write(orjson.dumps(told) + b"\n")
sys.stdout.buffer.flush()
time.sleep(0 if "dies" in os.environ.get("ALTYN_TEST_WORKER", "") else 600)
