-- Gift cards: series, print runs and cards are facts (0001_facts.sql); whether a card was sold and what is on it is the journal's.
--
-- Numbers and PINs are never here, only HMAC-SHA-256 under the identity key. They are told once, when a print run is issued.

SET LOCAL lock_timeout = '5s';

CREATE TABLE gift_card_series (
    tenant     text NOT NULL REFERENCES tenants,
    series     text NOT NULL CHECK (octet_length(series) BETWEEN 1 AND 64),
    series_no  integer NOT NULL CHECK (series_no > 0),
    title      text NOT NULL DEFAULT '',
    template   text NOT NULL CHECK (octet_length(template) BETWEEN 4 AND 40),
    asset      text NOT NULL CHECK (octet_length(asset) BETWEEN 1 AND 64),
    currency   text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    pin_digits smallint NOT NULL DEFAULT 0 CHECK (pin_digits = 0 OR pin_digits BETWEEN 4 AND 8),
    valid_days integer NOT NULL DEFAULT 0 CHECK (valid_days BETWEEN 0 AND 36500),
    state      text NOT NULL DEFAULT 'ACTIVE' CHECK (state IN ('ACTIVE', 'BLOCKED')),
    version    bigint NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to   timestamptz NOT NULL DEFAULT 'infinity',
    deleted    boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, series, version),
    CHECK (valid_from < valid_to)
);
CREATE UNIQUE INDEX gift_card_series_current ON gift_card_series (tenant, series) WHERE valid_to = 'infinity';
CREATE UNIQUE INDEX gift_card_series_current_no ON gift_card_series (tenant, series_no) WHERE valid_to = 'infinity';
CREATE INDEX gift_card_series_feed ON gift_card_series (tenant, version) WHERE valid_to = 'infinity';
COMMENT ON TABLE gift_card_series IS 'How gift cards of a kind are numbered, which money is on them and how long it lasts.';
COMMENT ON COLUMN gift_card_series.series_no IS 'Stands for the series in memory and in the journal: kept for ever, also when deleted.';
COMMENT ON COLUMN gift_card_series.template IS '# a random digit, ? the check digit of what stands before it, anything else itself.';
COMMENT ON COLUMN gift_card_series.asset IS 'Of kind MONEY; several series may share one.';
COMMENT ON COLUMN gift_card_series.pin_digits IS 'Of cards issued from now on; 0: they have no PIN.';
COMMENT ON COLUMN gift_card_series.valid_days IS 'The value ends with the day that is so many days after the sale, in the program''s zone; 0: never.';

CREATE SEQUENCE gift_card_ids;
CREATE SEQUENCE gift_card_batch_ids;

CREATE TABLE gift_card_batches (
    tenant      text NOT NULL REFERENCES tenants,
    batch_id    bigint NOT NULL CHECK (batch_id > 0),
    series      text NOT NULL,
    title       text NOT NULL DEFAULT '',
    cards_count integer NOT NULL CHECK (cards_count > 0),
    state       text NOT NULL DEFAULT 'ORDERED' CHECK (state IN ('ORDERED', 'ISSUED')),
    ordered_by  text NOT NULL,
    ordered_at  timestamptz NOT NULL,
    issued_by   text,
    issued_at   timestamptz,
    PRIMARY KEY (tenant, batch_id)
);
CREATE INDEX gift_card_batches_by_series ON gift_card_batches (tenant, series, batch_id);
COMMENT ON TABLE gift_card_batches IS 'Print runs. One person orders one; another has it made and gets its numbers, once.';

CREATE TABLE gift_cards (
    tenant       text NOT NULL REFERENCES tenants,
    gift_card_id bigint NOT NULL CHECK (gift_card_id > 0),
    number_hash  bytea NOT NULL CHECK (octet_length(number_hash) = 32),
    last4        text NOT NULL CHECK (octet_length(last4) <= 4),
    pin_hash     bytea CHECK (octet_length(pin_hash) = 32),
    series_no    integer NOT NULL,
    batch_id     bigint NOT NULL,
    account_id   bigint NOT NULL CHECK (account_id > 0),
    state        text NOT NULL DEFAULT 'OPEN' CHECK (state IN ('OPEN', 'BLOCKED')),
    block_reason text NOT NULL DEFAULT '',
    version      bigint NOT NULL,
    valid_from   timestamptz NOT NULL,
    valid_to     timestamptz NOT NULL DEFAULT 'infinity',
    deleted      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, gift_card_id, version),
    CHECK (valid_from < valid_to)
);
CREATE UNIQUE INDEX gift_cards_current ON gift_cards (tenant, gift_card_id) WHERE valid_to = 'infinity';
CREATE UNIQUE INDEX gift_cards_current_number ON gift_cards (tenant, number_hash) WHERE valid_to = 'infinity' AND NOT deleted;
CREATE INDEX gift_cards_current_account ON gift_cards (tenant, account_id) WHERE valid_to = 'infinity';
CREATE INDEX gift_cards_current_batch ON gift_cards (tenant, batch_id, gift_card_id) WHERE valid_to = 'infinity';
CREATE INDEX gift_cards_feed ON gift_cards (tenant, version) WHERE valid_to = 'infinity';
COMMENT ON TABLE gift_cards IS
    'Each has an account of its own, whose money is the card''s; a gift_card_id keeps one number and one account for life.';
COMMENT ON COLUMN gift_cards.state IS 'Whether the back office lets it be used. New, sold and spent are the journal''s.';
