"""`altyn chaos`: break a system of its own on purpose, under load, and prove that nothing acknowledged was lost."""

import os

# Processes are started while gRPC runs here. Its fork handlers would start threads in the child, which then may not
# enter a user namespace; a child that goes straight to exec needs none of them. Read when gRPC is first imported.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
