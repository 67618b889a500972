"""Stores, their registers, and the keys and certificates these speak with."""

from __future__ import annotations

from altyn.admin_api.console.programme.things import Act, Answer, Field, Table, Thing
from altyn.admin_api.stores import handlers as stores

STORE = (
    Field("title"),
    Field("zone", is_needed=True),
    Field("region"),
    Field("format"),
    Field("cluster"),
    Field("currency"),
    Field("exponent", "number"),
)

REGISTERS = Table(
    name="registers",
    path="/programme/stores/{store_id}/registers",
    call=stores.list_registers,
    rows="registers",
    key="register_id",
    columns=(("register_id", "text"), ("title", "text"), ("last_receipt_at", "moment")),
    filters=(Field("text"),),
    make=(
        Act(
            "make",
            stores.put_register,
            (Field("register_id", is_needed=True), Field("title")),
            picture="plus",
            answer=Answer.ONE,
        ),
    ),
    leads="/programme/stores/{store_id}/registers/{register_id}",
)
KEYS = Table(
    name="keys",
    path="/programme/stores/{store_id}/registers/{register_id}/keys",
    call=stores.list_keys,
    rows="keys",
    key="key_id",
    columns=(
        ("key_id", "hash"),
        ("kind", "word"),
        ("name", "text"),
        ("revoked", "truth"),
        ("expires_at", "moment"),
        ("changed_at", "moment"),
    ),
    make=(
        Act("issue", stores.issue_key, picture="key", answer=Answer.SECRET),
        Act("rotate", stores.rotate_key, (Field("overlap_s", "number"),), picture="refresh", answer=Answer.SECRET),
        Act("bind", stores.bind_certificate, (Field("fingerprint"), Field("name")), picture="plus"),
    ),
    acts=(Act("revoke", stores.revoke_key, picture="x", is_final=True, unless="revoked"),),
)
STORES = Table(
    name="stores",
    path="/programme/stores",
    call=stores.list_stores,
    rows="stores",
    key="store_id",
    columns=(
        ("store_id", "text"),
        ("title", "text"),
        ("region", "text"),
        ("format", "text"),
        ("cluster", "text"),
        ("zone", "text"),
        ("currency", "text"),
    ),
    filters=(Field("text"),),
    make=(
        Act("make", stores.put_store, (Field("store_id", is_needed=True), *STORE), picture="plus", answer=Answer.ONE),
    ),
    leads="/programme/stores/{store_id}",
)
STORE_PAGE = Thing(
    name="store",
    path="/programme/stores/{store_id}",
    call=stores.get_store,
    title="{store_id}",
    facts=(
        ("store_id", "text"),
        ("zone", "text"),
        ("region", "text"),
        ("format", "text"),
        ("cluster", "text"),
        ("currency", "text"),
    ),
    save=Act("save", stores.put_store, STORE),
    acts=(Act("delete", stores.delete_store, picture="trash", answer=Answer.UP, is_final=True),),
    parts=(REGISTERS,),
    kind="store",
    object_id="{store_id}",
    above="/programme/stores",
)
REGISTER_PAGE = Thing(
    name="register",
    path="/programme/stores/{store_id}/registers/{register_id}",
    call=stores.get_register,
    title="{register_id}",
    facts=(("store_id", "text"), ("register_id", "text"), ("last_receipt_at", "moment")),
    save=Act("save", stores.put_register, (Field("title"),)),
    acts=(Act("delete", stores.delete_register, picture="trash", answer=Answer.UP, is_final=True),),
    parts=(KEYS,),
    kind="register",
    object_id="{store_id}/{register_id}",
    above="/programme/stores/{store_id}",
)
