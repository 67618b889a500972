-- What earns points without a purchase: events of the programme, and what has happened by them.

SET LOCAL lock_timeout = '5s';

CREATE TABLE events (
    tenant            text NOT NULL REFERENCES tenants,
    event             text NOT NULL CHECK (octet_length(event) BETWEEN 1 AND 64),
    kind              text NOT NULL CHECK (kind IN ('REGISTRATION', 'BIRTHDAY', 'SURVEY', 'CUSTOM')),
    title             text NOT NULL DEFAULT '',
    asset             text NOT NULL,
    points            bigint NOT NULL CHECK (points > 0),
    repeats           text NOT NULL CHECK (repeats IN ('ONCE', 'YEARLY', 'EACH')),
    days_before       smallint NOT NULL DEFAULT 0 CHECK (days_before BETWEEN 0 AND 31),
    active_after_days smallint NOT NULL DEFAULT 0 CHECK (active_after_days BETWEEN 0 AND 366),
    expires           json,
    state             text NOT NULL DEFAULT 'PROPOSED' CHECK (state IN ('PROPOSED', 'ACTIVE', 'STOPPED')),
    refusal           text NOT NULL DEFAULT '',
    since             timestamptz,
    next_day          date,
    after_version     bigint NOT NULL DEFAULT 0,
    after_id          bigint NOT NULL DEFAULT 0,
    updated_by        text NOT NULL,
    updated_at        timestamptz NOT NULL,
    approved_by       text,
    PRIMARY KEY (tenant, event),
    CHECK (kind <> 'REGISTRATION' OR repeats = 'ONCE'),
    CHECK (kind <> 'BIRTHDAY' OR repeats = 'YEARLY'),
    CHECK (kind = 'BIRTHDAY' OR days_before = 0),
    CHECK (state <> 'ACTIVE' OR approved_by IS NOT NULL AND since IS NOT NULL)
);
COMMENT ON TABLE events IS 'Servers do not read it: what an event earns reaches them as one operation each.';
COMMENT ON COLUMN events.expires IS 'As points by hand say it, counted from the first day they are usable; null: as the asset says.';
COMMENT ON COLUMN events.since IS 'When it began; who registered before earns nothing. A change keeps it, a stop forgets it.';
COMMENT ON COLUMN events.next_day IS 'Of a BIRTHDAY: the first day of the programme that is not whole, where customers up to after_id have theirs.';
COMMENT ON COLUMN events.after_version IS 'Of a REGISTRATION: customers up to this version and after_id were looked at.';

CREATE TABLE event_occurrences (
    tenant         text NOT NULL REFERENCES tenants,
    occurrence_id  bigint GENERATED ALWAYS AS IDENTITY,
    event          text NOT NULL,
    customer_id    bigint,
    account_id     bigint NOT NULL CHECK (account_id > 0),
    occurrence     text NOT NULL,
    happened_on    date NOT NULL,
    op_id          bytea NOT NULL CHECK (octet_length(op_id) = 16),
    asset          text NOT NULL,
    points         bigint NOT NULL CHECK (points > 0),
    active_from_us bigint NOT NULL,
    expires_at_us  bigint NOT NULL,
    state          text NOT NULL CHECK (state IN ('GIVEN', 'DECLINED')),
    refusal        text NOT NULL DEFAULT '',
    journal_seq    bigint,
    lot_id         bigint,
    told_by        text NOT NULL,
    told_at        timestamptz NOT NULL,
    PRIMARY KEY (tenant, occurrence_id),
    UNIQUE (tenant, op_id),
    FOREIGN KEY (tenant, event) REFERENCES events
);
CREATE INDEX event_occurrences_by_event ON event_occurrences (tenant, event, occurrence_id);
CREATE INDEX event_occurrences_by_customer ON event_occurrences (tenant, customer_id, occurrence_id) WHERE customer_id IS NOT NULL;
COMMENT ON TABLE event_occurrences IS 'What happened to whom, once each: op_id is made of the event, the customer (or the account of an anonymous card) and the occurrence.';
COMMENT ON COLUMN event_occurrences.occurrence IS 'Empty of what happens ONCE, the year of what is YEARLY, its own id of EACH.';

CREATE INDEX customers_current_birthday ON customers (tenant, birthday_mmdd, customer_id) WHERE valid_to = 'infinity' AND birthday_mmdd > 0;
