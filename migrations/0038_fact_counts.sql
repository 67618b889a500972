-- Pages tell how many customers a segment has, and how many cards, gift cards and coupon codes a series. Counted anew for every page these
-- are millions of rows, so the counts are kept, in the transaction that writes the facts, whoever does. Nobody waits for them: writers of a
-- tenant follow one another already (0001_facts.sql). Whoever doubts them counts again: SELECT count_facts().

SET LOCAL lock_timeout = '5s';

CREATE TABLE fact_counts (
    tenant     text NOT NULL REFERENCES tenants,
    subject    text NOT NULL,
    name       text NOT NULL,
    state      text NOT NULL,
    rows_count bigint NOT NULL,
    PRIMARY KEY (tenant, subject, name, state)
) WITH (fillfactor = 50);
COMMENT ON TABLE fact_counts IS 'How many current rows a table of facts has, deleted ones left out. Kept by triggers.';
COMMENT ON COLUMN fact_counts.subject IS 'The table.';
COMMENT ON COLUMN fact_counts.name IS 'Of customer_segments the segment, of cards the series, of gift_cards and coupon_codes the series_no.';
COMMENT ON COLUMN fact_counts.state IS 'The state of these rows; empty where there is none.';

CREATE FUNCTION keep_fact_counts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    counted constant text := 'SELECT tenant, %s::text AS name, %s::text AS state, %s AS more FROM %s'
                             ' WHERE valid_to = ''infinity'' AND NOT deleted';
    added   constant text := format(counted, TG_ARGV[0], TG_ARGV[1], '1', 'written');
    gone    constant text := format(counted, TG_ARGV[0], TG_ARGV[1], '-1', 'before');
BEGIN
    EXECUTE format(
        'INSERT INTO fact_counts AS known SELECT tenant, %L, name, state, sum(more) FROM (%s) AS moved'
        ' GROUP BY tenant, name, state HAVING sum(more) <> 0 ORDER BY tenant, name, state'
        ' ON CONFLICT (tenant, subject, name, state) DO UPDATE SET rows_count = known.rows_count + excluded.rows_count',
        TG_TABLE_NAME, CASE TG_OP WHEN 'INSERT' THEN added WHEN 'DELETE' THEN gone ELSE added || ' UNION ALL ' || gone END);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION keep_fact_counts IS 'Arguments: what gives the name and the state of a row.';

CREATE FUNCTION count_facts() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE customer_segments, cards, gift_cards, coupon_codes IN SHARE MODE;
    DELETE FROM fact_counts;
    INSERT INTO fact_counts (tenant, subject, name, state, rows_count)
    SELECT tenant, 'customer_segments', segment, '', count(*) FROM customer_segments
     WHERE valid_to = 'infinity' AND NOT deleted GROUP BY tenant, segment
     UNION ALL
    SELECT tenant, 'cards', series, state, count(*) FROM cards
     WHERE valid_to = 'infinity' AND NOT deleted GROUP BY tenant, series, state
     UNION ALL
    SELECT tenant, 'gift_cards', series_no::text, state, count(*) FROM gift_cards
     WHERE valid_to = 'infinity' AND NOT deleted GROUP BY tenant, series_no, state
     UNION ALL
    SELECT tenant, 'coupon_codes', series_no::text, state, count(*) FROM coupon_codes
     WHERE valid_to = 'infinity' AND NOT deleted GROUP BY tenant, series_no, state;
END $$;
COMMENT ON FUNCTION count_facts IS 'Count all of them again; who writes these facts waits meanwhile.';

DO $$
DECLARE
    kept record;
BEGIN
    FOR kept IN VALUES ('customer_segments', 'segment', ''''''), ('cards', 'series', 'state'),
                       ('gift_cards', 'series_no', 'state'), ('coupon_codes', 'series_no', 'state') LOOP
        EXECUTE format('CREATE TRIGGER fact_counts_of_new AFTER INSERT ON %I REFERENCING NEW TABLE AS written'
            ' FOR EACH STATEMENT EXECUTE FUNCTION keep_fact_counts(%L, %L)', kept.column1, kept.column2, kept.column3);
        EXECUTE format('CREATE TRIGGER fact_counts_of_changed AFTER UPDATE ON %I REFERENCING OLD TABLE AS before NEW TABLE AS written'
            ' FOR EACH STATEMENT EXECUTE FUNCTION keep_fact_counts(%L, %L)', kept.column1, kept.column2, kept.column3);
        EXECUTE format('CREATE TRIGGER fact_counts_of_gone AFTER DELETE ON %I REFERENCING OLD TABLE AS before'
            ' FOR EACH STATEMENT EXECUTE FUNCTION keep_fact_counts(%L, %L)', kept.column1, kept.column2, kept.column3);
    END LOOP;
END $$;
SELECT count_facts();
