"""What may be done. Deny by default: a call names exactly one scope, and whoever is without it is refused.

A scope is ``area:verb``. It must never imply another one. Which role has which: ``people/roles.py``.
"""

from __future__ import annotations

SCOPES = {
    "promotions:read": "read, validate and evaluate promotions",
    "promotions:write": "draft, change, submit, activate and archive promotions, record sample receipts",
    "promotions:approve": "approve and reject promotions in review",
    "promotions:stop": "stop a promotion at the tills",
    "publishing:write": "change whose eyes a promotion needs",
    "releases:read": "read releases and which server runs which",
    "releases:publish": "publish and roll back releases",
    "stores:read": "read stores and registers",
    "stores:write": "change stores and registers, issue and revoke keys of registers",
    "catalogue:read": "read products and assets",
    "catalogue:write": "import products, declare assets",
    "customers:read": "find a customer by the full card number or phone, read cards and card series",
    "customers:personal": "read names and phones; every reading is audited",
    "customers:write": "create customers, issue, close and attach cards, set segments, favourites and birthday",
    "cards:block": "block a card, replace it by another",
    "cards:unblock": "unblock a card",
    "cards:issue": "define card series, issue print runs: their numbers are told once",
    "segments:read": "read segments and their members",
    "segments:write": "create, fill and delete segments, grant promotions to customers",
    "coupons:read": "read coupon series and batches, find a coupon by the full code",
    "coupons:write": "define coupon series, block and unblock codes",
    "coupons:issue": "generate coupon codes, which are told once, and import them",
    "receipts:read": "read stored receipts and why they cost what they cost",
    "exceptions:read": "read facts that a person should look at",
    "exceptions:write": "resolve them",
    "program:write": "change the program's title and money",
    "accounts:read": "read balances and the history of accounts",
    "accounts:adjust": "give points by hand",
    "servers:read": "see what the processing servers do",
    "keys:read": "list keys of this API",
    "keys:write": "issue and revoke keys of this API, never with more scopes than one's own",
    "people:read": "see who may sign in, with which roles",
    "people:write": "add people, grant roles, reset passwords, end sessions; never for oneself",
    "own:read": "see one's own name, roles and sessions",
    "own:write": "one's own password, second factor and sign-out",
    "audit:read": "read the audit log and verify its chain",
}
