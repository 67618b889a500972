-- Sums by day for reports: made from the other projections, in the transaction that writes those, so that a report never
-- adds up receipts one by one. Rebuilt with them: empty all, set the checkpoint to 0.

SET LOCAL lock_timeout = '5s';

CREATE TABLE receipt_days (
    day                   date NOT NULL,
    store_id              text NOT NULL,
    receipts_count        bigint NOT NULL,
    member_receipts_count bigint NOT NULL,
    lines_count           bigint NOT NULL,
    gross_minor           bigint NOT NULL,
    discount_minor        bigint NOT NULL,
    points_paid_minor     bigint NOT NULL,
    to_pay_minor          bigint NOT NULL,
    PRIMARY KEY (day, store_id)
);
COMMENT ON TABLE receipt_days IS 'Committed receipts of a store by business date; those that were not applied are in it, as they are in receipts.';

CREATE TABLE return_days (
    day           date NOT NULL,
    store_id      text NOT NULL,
    returns_count bigint NOT NULL,
    voids_count   bigint NOT NULL,
    refund_minor  bigint NOT NULL,
    PRIMARY KEY (day, store_id)
);
COMMENT ON TABLE return_days IS 'Returns and voids by the day they were recorded, by the store''s wall clock.';

CREATE TABLE promotion_days (
    day            date NOT NULL,
    promotion_id   text NOT NULL,
    store_id       text NOT NULL,
    receipts_count bigint NOT NULL,
    lines_count    bigint NOT NULL,
    discount_minor bigint NOT NULL,
    PRIMARY KEY (day, promotion_id, store_id)
);
COMMENT ON TABLE promotion_days IS 'What a promotion took off, by business date. A receipt counts once for a promotion.';

CREATE TABLE points_days (
    day      date NOT NULL,
    store_id text NOT NULL,
    asset_no smallint NOT NULL,
    kind     smallint NOT NULL,
    points   bigint NOT NULL,
    PRIMARY KEY (day, store_id, asset_no, kind)
);
COMMENT ON TABLE points_days IS
    'Postings on customers'' accounts by kind of entry: of receipts by business date, of everything else by the day it was recorded. store_id is empty where no store took part.';

CREATE TABLE coupon_days (
    day             date NOT NULL,
    series_no       integer NOT NULL,
    issued_count    bigint NOT NULL,
    used_count      bigint NOT NULL,
    freed_count     bigint NOT NULL,
    cancelled_count bigint NOT NULL,
    PRIMARY KEY (day, series_no)
);
COMMENT ON TABLE coupon_days IS 'What receipts did to codes of a series, by the day of UTC it was recorded.';

CREATE FUNCTION day_at(moment timestamptz, of_store text) RETURNS date LANGUAGE sql STABLE AS $$
    SELECT (moment AT TIME ZONE coalesce(
        (SELECT zone FROM stores WHERE store_id = of_store AND valid_to = 'infinity' LIMIT 1), 'UTC'))::date
$$;
COMMENT ON FUNCTION day_at IS 'The date on the wall clock of a store; without one, of UTC.';

CREATE FUNCTION add_report_days(after_seq bigint, last_seq bigint) RETURNS void LANGUAGE sql AS $$
    INSERT INTO receipt_days AS known
    SELECT business_date, store_id, count(*), count(customer_id), sum(lines_count), sum(gross_minor), sum(discount_minor),
           sum(points_paid_minor), sum(to_pay_minor)
      FROM receipts WHERE seq > after_seq AND seq <= last_seq GROUP BY 1, 2
    ON CONFLICT (day, store_id) DO UPDATE SET
        receipts_count = known.receipts_count + excluded.receipts_count,
        member_receipts_count = known.member_receipts_count + excluded.member_receipts_count,
        lines_count = known.lines_count + excluded.lines_count,
        gross_minor = known.gross_minor + excluded.gross_minor,
        discount_minor = known.discount_minor + excluded.discount_minor,
        points_paid_minor = known.points_paid_minor + excluded.points_paid_minor,
        to_pay_minor = known.to_pay_minor + excluded.to_pay_minor;

    INSERT INTO return_days AS known
    SELECT day_at(recorded_at, store_id), store_id, count(*) FILTER (WHERE NOT is_void), count(*) FILTER (WHERE is_void),
           sum(refund_minor)
      FROM receipt_returns WHERE seq > after_seq AND seq <= last_seq GROUP BY 1, 2
    ON CONFLICT (day, store_id) DO UPDATE SET
        returns_count = known.returns_count + excluded.returns_count,
        voids_count = known.voids_count + excluded.voids_count,
        refund_minor = known.refund_minor + excluded.refund_minor;

    INSERT INTO promotion_days AS known
    SELECT business_date, promotion_id, store_id, count(DISTINCT seq), count(*), sum(amount_minor)
      FROM receipt_discounts JOIN receipts USING (seq)
     WHERE receipts.seq > after_seq AND receipts.seq <= last_seq AND receipt_discounts.seq > after_seq
       AND receipt_discounts.seq <= last_seq AND promotion_id <> ''
     GROUP BY 1, 2, 3
    ON CONFLICT (day, promotion_id, store_id) DO UPDATE SET
        receipts_count = known.receipts_count + excluded.receipts_count,
        lines_count = known.lines_count + excluded.lines_count,
        discount_minor = known.discount_minor + excluded.discount_minor;

    INSERT INTO points_days AS known
    SELECT coalesce(receipts.business_date, day_at(entry.recorded_at, coalesce(receipt_returns.store_id, ''))),
           coalesce(receipts.store_id, receipt_returns.store_id, ''), asset_no, kind, sum(points)
      FROM ledger_entries AS entry LEFT JOIN receipts USING (seq) LEFT JOIN receipt_returns USING (seq)
     WHERE entry.seq > after_seq AND entry.seq <= last_seq AND entry.account_id > 0
     GROUP BY 1, 2, 3, 4
    ON CONFLICT (day, store_id, asset_no, kind) DO UPDATE SET points = known.points + excluded.points;

    INSERT INTO coupon_days AS known
    SELECT (recorded_at AT TIME ZONE 'UTC')::date, series_no, count(*) FILTER (WHERE issued), count(*) FILTER (WHERE use = 3),
           count(*) FILTER (WHERE use = 1 AND NOT issued), count(*) FILTER (WHERE use = 4)
      FROM coupon_changes WHERE seq > after_seq AND seq <= last_seq GROUP BY 1, 2
    ON CONFLICT (day, series_no) DO UPDATE SET
        issued_count = known.issued_count + excluded.issued_count,
        used_count = known.used_count + excluded.used_count,
        freed_count = known.freed_count + excluded.freed_count,
        cancelled_count = known.cancelled_count + excluded.cancelled_count
$$;
COMMENT ON FUNCTION add_report_days IS 'Add what the projector has just written, (after_seq, last_seq], to the sums by day.';

SELECT add_report_days(0, (SELECT seq FROM projector_checkpoint WHERE projection = 'receipts'));
