"""The compiled door: gRPC over a libnghttp2 session per connection. Built where libnghttp2's headers are found.

semantics (gRPC's text) ◂ stream (one call) ◂ session (nghttp2's callbacks) ◂ connection (asyncio's side; what they
have in common: lobby) ◂ door.
"""
