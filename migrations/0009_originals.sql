-- What takes a sale back is found by the sale: returns, voids, and returns that wait for a sale not stored yet (docs/decisions/0016).
--
-- `journal` gets the column, since a batch is one COPY; `operations` keeps it for ever and has the index, so that it outlives a partition's
-- stay in the database. Each partition's guard enters it there, as it does with the other keys.

SET LOCAL lock_timeout = '5s';

ALTER TABLE journal ADD COLUMN original_key uuid;
COMMENT ON COLUMN journal.original_key IS 'Of a return and of a void: receipt_key of the sale; of a return whose sale is known by its Commit''s op_id only: that op_id.';

ALTER TABLE operations ADD COLUMN original_key uuid;
CREATE INDEX operations_original ON operations (original_key, seq) WHERE original_key IS NOT NULL;

CREATE FUNCTION journal_make_guard(part text) RETURNS void LANGUAGE plpgsql AS $make$
BEGIN
    -- A function of its own for every partition keeps its plans prepared. The batch is read back by the primary key, which
    -- costs less than a transition table that would copy every body; the settings keep it on that index, whatever the
    -- statistics say.
    EXECUTE format($guard$
        CREATE OR REPLACE FUNCTION %2$I() RETURNS trigger LANGUAGE plpgsql
        SET enable_seqscan = off SET enable_bitmapscan = off AS $body$
        DECLARE
            mine smallint := current_setting('altyn.shard')::smallint;
            owner shard_owner%%ROWTYPE;
            fresh record;
        BEGIN
            SELECT * INTO owner FROM shard_owner WHERE shard = mine FOR UPDATE;
            WITH rows AS (
                SELECT op_id, receipt_key, natural_key, original_key, seq, shard, epoch FROM %1$I WHERE shard = mine AND seq > owner.last_seq
            ), entered AS (
                INSERT INTO operations (op_id, receipt_key, natural_key, original_key, seq, shard)
                SELECT op_id, receipt_key, natural_key, original_key, seq, shard FROM rows
            )
            SELECT min(seq) AS first, max(seq) AS last, count(*) AS count, min(epoch) AS low, max(epoch) AS high
              INTO fresh FROM rows;
            IF fresh.low IS DISTINCT FROM owner.epoch OR fresh.high <> owner.epoch THEN
                RAISE EXCEPTION 'epoch %% does not own shard %%: %% does', fresh.low, mine, owner.epoch USING ERRCODE = 'AL001';
            END IF;
            IF fresh.first <> owner.last_seq + 1 OR fresh.last - fresh.first + 1 <> fresh.count THEN
                RAISE EXCEPTION 'seqs %% to %% do not go on after %%', fresh.first, fresh.last, owner.last_seq
                    USING ERRCODE = 'AL001';
            END IF;
            UPDATE shard_owner SET last_seq = fresh.last WHERE shard = mine;
            RETURN NULL;
        END $body$
    $guard$, part, part || '_guard');
END $make$;

CREATE OR REPLACE FUNCTION journal_make_partition(number bigint) RETURNS void LANGUAGE plpgsql AS $make$
DECLARE
    part text := 'journal_' || lpad(number::text, 6, '0');
    seq_from bigint := number * 4194304 + 1;
    seq_to bigint := (number + 1) * 4194304 + 1;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('journal_make_partition'));
    IF to_regclass(part) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE journal INCLUDING STORAGE, PRIMARY KEY (shard, seq),
        CONSTRAINT bounds CHECK (seq >= %s AND seq < %s)) WITH (toast_tuple_target = 8160)', part, seq_from, seq_to);
    PERFORM journal_make_guard(part);
    EXECUTE format('CREATE TRIGGER guard AFTER INSERT ON %I FOR EACH STATEMENT EXECUTE FUNCTION %I()', part, part || '_guard');
    EXECUTE format('ALTER TABLE journal ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', part, seq_from, seq_to);
    EXECUTE format('ALTER TABLE %I DROP CONSTRAINT bounds', part);
END $make$;

SELECT journal_make_guard(inhrelid::regclass::text) FROM pg_inherits WHERE inhparent = 'journal'::regclass;
