-- A year of what promotions took off is millions of rows by day, promotion and store, and every report of it drops one of the two. So the
-- sums are kept without each, in the transaction that writes promotion_days, whoever does. Rebuilt with it: empty all three.

SET LOCAL lock_timeout = '5s';

CREATE TABLE promotion_network_days (
    day            date NOT NULL,
    promotion_id   text NOT NULL,
    receipts_count bigint NOT NULL,
    lines_count    bigint NOT NULL,
    discount_minor bigint NOT NULL,
    PRIMARY KEY (day, promotion_id)
);
COMMENT ON TABLE promotion_network_days IS 'promotion_days of all stores together.';
CREATE TABLE promotion_store_days (
    day            date NOT NULL,
    store_id       text NOT NULL,
    receipts_count bigint NOT NULL,
    lines_count    bigint NOT NULL,
    discount_minor bigint NOT NULL,
    PRIMARY KEY (day, store_id)
);
COMMENT ON TABLE promotion_store_days IS 'promotion_days of all promotions together: a receipt counts once for each promotion.';
CREATE INDEX promotion_days_by_store ON promotion_days (store_id, day);

CREATE FUNCTION add_promotion_sums() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO promotion_network_days AS known
        SELECT day, promotion_id, sum(receipts_count), sum(lines_count), sum(discount_minor) FROM written GROUP BY 1, 2
        ON CONFLICT (day, promotion_id) DO UPDATE SET
            receipts_count = known.receipts_count + excluded.receipts_count,
            lines_count = known.lines_count + excluded.lines_count,
            discount_minor = known.discount_minor + excluded.discount_minor;
        INSERT INTO promotion_store_days AS known
        SELECT day, store_id, sum(receipts_count), sum(lines_count), sum(discount_minor) FROM written GROUP BY 1, 2
        ON CONFLICT (day, store_id) DO UPDATE SET
            receipts_count = known.receipts_count + excluded.receipts_count,
            lines_count = known.lines_count + excluded.lines_count,
            discount_minor = known.discount_minor + excluded.discount_minor;
    ELSE
        UPDATE promotion_network_days AS known SET
            receipts_count = known.receipts_count + grown.receipts_count,
            lines_count = known.lines_count + grown.lines_count,
            discount_minor = known.discount_minor + grown.discount_minor
          FROM (SELECT day, promotion_id, sum(written.receipts_count - before.receipts_count) AS receipts_count,
                       sum(written.lines_count - before.lines_count) AS lines_count,
                       sum(written.discount_minor - before.discount_minor) AS discount_minor
                  FROM written JOIN before USING (day, promotion_id, store_id) GROUP BY 1, 2) AS grown
         WHERE known.day = grown.day AND known.promotion_id = grown.promotion_id;
        UPDATE promotion_store_days AS known SET
            receipts_count = known.receipts_count + grown.receipts_count,
            lines_count = known.lines_count + grown.lines_count,
            discount_minor = known.discount_minor + grown.discount_minor
          FROM (SELECT day, store_id, sum(written.receipts_count - before.receipts_count) AS receipts_count,
                       sum(written.lines_count - before.lines_count) AS lines_count,
                       sum(written.discount_minor - before.discount_minor) AS discount_minor
                  FROM written JOIN before USING (day, promotion_id, store_id) GROUP BY 1, 2) AS grown
         WHERE known.day = grown.day AND known.store_id = grown.store_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER promotion_sums_of_new AFTER INSERT ON promotion_days REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION add_promotion_sums();
CREATE TRIGGER promotion_sums_of_grown AFTER UPDATE ON promotion_days REFERENCING OLD TABLE AS before NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION add_promotion_sums();
INSERT INTO promotion_network_days
SELECT day, promotion_id, sum(receipts_count), sum(lines_count), sum(discount_minor) FROM promotion_days GROUP BY 1, 2;
INSERT INTO promotion_store_days
SELECT day, store_id, sum(receipts_count), sum(lines_count), sum(discount_minor) FROM promotion_days GROUP BY 1, 2;

-- The page of jobs tells how much waits of what works all the time.
CREATE INDEX notices_new ON notices (tenant, created_at) WHERE state = 'NEW';
CREATE INDEX coupon_exports_asked ON coupon_exports (tenant, asked_at) WHERE state = 'ASKED';

-- What was done last with each family of a page.
CREATE INDEX account_acts_by_family ON account_acts (tenant, family_id, act_id) WHERE family_id IS NOT NULL;
