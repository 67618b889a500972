"""Every index of a projected table costs the projector time with every row, so it must serve a question."""

from __future__ import annotations

import re

from altyn.admin_api.accounts.repository import ENTRIES
from altyn.admin_api.receipts.repository import OF_CUSTOMER
from altyn.admin_api.stores.repository import REGISTER
from altyn.cli.verify import histories
from altyn.infra.database import connect
from altyn.server import shifts

# Tables that have a row or more for every receipt.
TABLES = ["receipts", "receipt_lines", "receipt_discounts", "ledger_entries"]
WEEK = "receipts.business_date BETWEEN '2026-06-01' AND '2026-06-07'"
QUESTIONS = {
    "receipts_pkey": histories.RECEIPTS,
    "receipts_by_key": shifts._STORED,
    "receipts_by_customer": OF_CUSTOMER,
    "receipts_by_date": f"SELECT store_id, sum(to_pay_minor) FROM receipts WHERE {WEEK} GROUP BY 1",
    "receipt_lines_pkey": f"SELECT * FROM receipts JOIN receipt_lines USING (seq) WHERE {WEEK} AND sku = 'loaf'",
    "receipt_discounts_pkey": f"""
        SELECT promotion_id, sum(amount_minor) FROM receipts JOIN receipt_discounts USING (seq) WHERE {WEEK} GROUP BY 1
    """,
    "ledger_entries_pkey": histories.ENTRIES,
    "ledger_entries_by_account": ENTRIES,
}
LAST_OF_REGISTER = f"SELECT {REGISTER} FROM registers WHERE tenant = 'demo' AND valid_to = 'infinity'"


async def test_every_index_of_a_large_projected_table_serves_a_question_and_no_question_goes_without(
    schema_dsn: str,
) -> None:
    connection = await connect(schema_dsn, name="test")
    indexes = await connection.fetch("SELECT indexname FROM pg_indexes WHERE tablename = ANY ($1)", TABLES)
    assert {index["indexname"] for index in indexes} == set(QUESTIONS)
    # The tables are empty; these are the plans of full ones, whatever the arguments.
    await connection.execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
    for index, question in [*QUESTIONS.items(), ("receipts_by_key", LAST_OF_REGISTER)]:
        arguments = ", ".join(["NULL"] * len(set(re.findall(r"\$\d", question))))
        await connection.execute(f"PREPARE question AS {question}")
        plan = await connection.fetch(f"EXPLAIN EXECUTE question{f' ({arguments})' if arguments else ''}")
        assert any(index in line[0] for line in plan), (index, plan)
        assert not any("Seq Scan on receipt" in line[0] or "Seq Scan on ledger" in line[0] for line in plan), plan
        await connection.execute("DEALLOCATE question")
    await connection.close()
