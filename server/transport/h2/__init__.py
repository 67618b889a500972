"""The compiled door: gRPC over HTTP/2 frames of our own and libnghttp2's HPACK. Built where its headers are found.

semantics (gRPC's text) ◂ stream (one call) ◂ peer (one connection's state) ◂ fields (blocks of headers), replies
(frames out) ◂ frames (frames in) ◂ connection (asyncio's side; what they have in common: lobby) ◂ door.
"""
