"""The catalogue, product groups, and the import of a file; segments, their members, and lists that are written."""

from __future__ import annotations

from altyn.admin_api.catalogue import handlers as catalogue
from altyn.admin_api.console.programme.things import Act, Answer, Field, Table, Thing
from altyn.admin_api.segments import handlers as segments
from altyn.admin_api.segments.schemas import Mode

PRODUCTS = Table(
    name="products",
    path="/programme/products",
    call=catalogue.list_products,
    rows="products",
    key="sku",
    columns=(
        ("sku", "text"),
        ("title", "text"),
        ("group_id", "text"),
        ("brand_id", "text"),
        ("supplier_id", "text"),
        ("flags", "flags"),
        ("min_price_minor", "money"),
    ),
    filters=(Field("text"), Field("group_id")),
    make=(
        Act(
            "import",
            catalogue.import_products,
            (Field("file", "file", is_needed=True), Field("all_or_nothing", "truth")),
            picture="package",
            answer=Answer.REPORT,
        ),
    ),
    leads="/programme/products/{sku}",
)
PRODUCT = Thing(
    name="product",
    path="/programme/products/{sku}",
    call=catalogue.get_product,
    title="{sku}",
    facts=(
        ("sku", "text"),
        ("group_id", "text"),
        ("brand_id", "text"),
        ("supplier_id", "text"),
        ("flags", "flags"),
        ("min_price_minor", "money"),
        ("vat_code", "number"),
        ("attributes", "pairs"),
        ("feed_version", "number"),
    ),
    above="/programme/products",
)
GROUPS = Table(
    name="groups",
    path="/programme/groups",
    call=catalogue.list_groups,
    rows="groups",
    key="group_id",
    columns=(("group_id", "text"), ("title", "text"), ("products_count", "number")),
    filters=(Field("text"),),
    leads="/programme/groups/{group_id}",
)
GROUP = Thing(
    name="group",
    path="/programme/groups/{group_id}",
    call=catalogue.get_group,
    title="{group_id}",
    facts=(("group_id", "text"), ("products_count", "number")),
    save=Act("save", catalogue.put_group, (Field("title", is_needed=True),)),
    kind="product_group",
    object_id="{group_id}",
    above="/programme/groups",
)

MEMBERS = Table(
    name="members",
    path="/programme/segments/{segment}/members",
    call=segments.list_members,
    rows="customer_ids",
    key="customer_id",
    columns=(("customer_id", "text"),),
    make=(
        Act("change", segments.change_members, (Field("add", "numbers"), Field("remove", "numbers")), picture="edit"),
    ),
)
UPLOADS = Table(
    name="uploads",
    path="/programme/segments/{segment}/uploads",
    call=segments.list_jobs,
    rows="jobs",
    key="job_id",
    columns=(
        ("job_id", "text"),
        ("mode", "word"),
        ("state", "state"),
        ("progress", "progress"),
        ("wrong_count", "number"),
        ("created_by", "who"),
        ("created_at", "moment"),
    ),
    make=(
        Act(
            "upload",
            segments.make_job,
            (
                Field("file", "file", is_needed=True),
                Field("mode", "choice", tuple(Mode), is_needed=True),
                Field("all_or_nothing", "truth"),
            ),
            picture="package",
            answer=Answer.ONE,
        ),
    ),
    leads="/programme/segments/{segment}/uploads/{job_id}",
)
UPLOAD = Thing(
    name="upload",
    path="/programme/segments/{segment}/uploads/{job_id}",
    call=segments.get_job,
    title="{job_id}",
    facts=(
        ("mode", "word"),
        ("progress", "progress"),
        ("changed_count", "number"),
        ("rows_count", "number"),
        ("wrong_count", "number"),
        ("created_by", "who"),
        ("created_at", "moment"),
        ("updated_at", "moment"),
        ("problems", "problems"),
    ),
    acts=(Act("cancel", segments.cancel_job, picture="player-stop", states=("QUEUED", "RUNNING")),),
    above="/programme/segments/{segment}",
)
SEGMENTS = Table(
    name="segments",
    path="/programme/segments",
    call=segments.list_segments,
    rows="segments",
    key="segment",
    columns=(("segment", "text"), ("title", "text"), ("members_count", "number")),
    filters=(Field("text"),),
    make=(
        Act(
            "make",
            segments.put_segment,
            (Field("segment", is_needed=True), Field("title", is_needed=True)),
            picture="plus",
            answer=Answer.ONE,
        ),
    ),
    leads="/programme/segments/{segment}",
)
SEGMENT = Thing(
    name="segment",
    path="/programme/segments/{segment}",
    call=segments.get_segment,
    title="{segment}",
    facts=(("segment", "text"), ("members_count", "number")),
    save=Act("save", segments.put_segment, (Field("title", is_needed=True),)),
    acts=(Act("delete", segments.delete_segment, picture="trash", answer=Answer.UP, is_final=True),),
    parts=(MEMBERS, UPLOADS),
    kind="segment",
    object_id="{segment}",
    above="/programme/segments",
)
