-- The projector writes twenty lines and as many discounts a receipt, and nothing asks for either by its SKU or promotion alone: what
-- was sold or given is asked of a period, so by `receipts_by_date` and from there by seq, which both tables have as their primary key.
-- These two indexes took half of the projector's time, and after every checkpoint a page of WAL for almost each of those rows.

SET LOCAL lock_timeout = '5s';

DROP INDEX receipt_lines_by_sku;
DROP INDEX receipt_discounts_by_promotion;
