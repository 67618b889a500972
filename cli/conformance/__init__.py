"""The conformance kit: stands between any register and a real server, misbehaves on purpose, and judges what arrives.

``driver`` speaks to the register, ``proxy`` to its gRPC client, ``checks`` are the scenarios, ``judge`` the rules that
hold over all traffic. ``reference`` is the adapter of ``altyn.register``.
"""
