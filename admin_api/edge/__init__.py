"""The edge of the back office: every call passes here once, and only here.

Order: size, key, scope, transaction, Idempotency-Key, the area's handler, audit rows, commit, wake-up, answer.
"""
