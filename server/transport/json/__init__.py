"""The JSON door: the calls of the contract over HTTP, for tills without gRPC.

forms (messages as JSON) ◂ calls (one call) ◂ door (HTTP); openapi describes what the others do.
"""
