-- Partitions of the journal that were moved to files (docs/decisions/0015). A row here is written before the partition is
-- detached and says where the chain enters and leaves the file: what is not in `journal` must be in one of these.

SET LOCAL lock_timeout = '5s';

CREATE TABLE journal_archive (
    number      bigint   PRIMARY KEY CHECK (number >= 0),
    shard       smallint NOT NULL,
    first_seq   bigint   NOT NULL,
    last_seq    bigint   NOT NULL CHECK (last_seq >= first_seq),
    hash_before bytea    NOT NULL,
    hash_last   bytea    NOT NULL,
    bytes       bigint   NOT NULL,
    sha256      bytea    NOT NULL,
    archived_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE journal_archive IS 'Partitions of the journal that live in files; rows are added by altyn journal archive and removed by attach.';
COMMENT ON COLUMN journal_archive.sha256 IS 'Of the file journal_<number>.copy, a PostgreSQL binary COPY of the partition in order of seq.';
COMMENT ON COLUMN journal_archive.hash_before IS 'Chain hash of the row before first_seq; 32 zero bytes at the beginning.';
