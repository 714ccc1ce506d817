"""One process, one request at a time."""

import os

bind = f"127.0.0.1:{os.environ['BENCH_PORT']}"
workers = 1
worker_class = "sync"
loglevel = "warning"
# The heartbeat is a file: not on a disk.
worker_tmp_dir = "/dev/shm"
