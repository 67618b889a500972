-- Virtual cards: what an app shows is a token that lives for seconds, and not the number.

SET LOCAL lock_timeout = '5s';

ALTER TABLE cards ADD COLUMN kind text NOT NULL DEFAULT 'PLASTIC' CHECK (kind IN ('PLASTIC', 'VIRTUAL'));
COMMENT ON COLUMN cards.kind IS 'VIRTUAL: known by short-lived tokens made of its card_id; its number by itself identifies nobody.';
