-- What the back office keeps of the program itself: its money, how long points live, series of cards, keys that end.

SET LOCAL lock_timeout = '5s';

ALTER TABLE tenants
    ADD COLUMN currency text NOT NULL DEFAULT 'RUB' CHECK (currency ~ '^[A-Z]{3}$'),
    ADD COLUMN exponent smallint NOT NULL DEFAULT 2 CHECK (exponent BETWEEN 0 AND 4);
COMMENT ON COLUMN tenants.currency IS 'Of stores that name none.';

ALTER TABLE assets ADD COLUMN expire_after_days integer CHECK (expire_after_days BETWEEN 1 AND 36500);
COMMENT ON COLUMN assets.expire_after_days IS
    'Points given by hand without an expiry of their own live so long; null: for ever. Promotions say it themselves.';

ALTER TABLE register_credentials ADD COLUMN expires_at timestamptz CHECK (isfinite(expires_at));
COMMENT ON COLUMN register_credentials.expires_at IS 'From then on the key is unknown; set when another one takes its place.';

CREATE SEQUENCE card_batch_ids;

CREATE TABLE card_series (
    tenant     text NOT NULL REFERENCES tenants,
    series     text NOT NULL CHECK (octet_length(series) BETWEEN 1 AND 64),
    title      text NOT NULL DEFAULT '',
    template   text NOT NULL CHECK (octet_length(template) BETWEEN 4 AND 40),
    card_type  text NOT NULL DEFAULT '' CHECK (octet_length(card_type) <= 64),
    state      text NOT NULL DEFAULT 'ACTIVE' CHECK (state IN ('ACTIVE', 'CLOSED')),
    updated_by text NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, series)
);
COMMENT ON TABLE card_series IS 'How cards of a kind are numbered. Servers do not read it: a card carries its type and state.';
COMMENT ON COLUMN card_series.template IS '# a random digit, ? the check digit of what stands before it, anything else itself.';

CREATE TABLE card_batches (
    tenant      text NOT NULL REFERENCES tenants,
    batch_id    bigint NOT NULL CHECK (batch_id > 0),
    series      text NOT NULL,
    title       text NOT NULL DEFAULT '',
    cards_count integer NOT NULL CHECK (cards_count > 0),
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant, batch_id)
);
CREATE INDEX card_batches_by_series ON card_batches (tenant, series, batch_id);
COMMENT ON TABLE card_batches IS 'Print runs: anonymous cards that were issued together. Their numbers were told once.';

ALTER TABLE cards
    ADD COLUMN series text NOT NULL DEFAULT '' CHECK (octet_length(series) <= 64),
    ADD COLUMN batch_id bigint;
CREATE INDEX cards_current_series ON cards (tenant, series, card_id) WHERE valid_to = 'infinity' AND series <> '';
