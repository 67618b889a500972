-- Print runs of cards and gift cards that are blocked as a whole. The reason stands on every card the run blocked, so
-- that unblocking the run leaves alone what was blocked one by one.

ALTER TABLE card_batches ADD COLUMN block_reason text NOT NULL DEFAULT '';
ALTER TABLE gift_card_batches ADD COLUMN block_reason text NOT NULL DEFAULT '';
CREATE INDEX cards_current_batch ON cards (tenant, batch_id, card_id) WHERE valid_to = 'infinity' AND batch_id IS NOT NULL;
