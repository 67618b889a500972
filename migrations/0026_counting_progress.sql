-- How far a server has counted the earlier purchases that a release asks for and waits for.

SET LOCAL lock_timeout = '5s';

ALTER TABLE server_status
    ADD COLUMN numbers_asked     int    NOT NULL DEFAULT 0,
    ADD COLUMN numbers_ready     int    NOT NULL DEFAULT 0,
    ADD COLUMN history_seq       bigint NOT NULL DEFAULT 0,
    ADD COLUMN history_until_seq bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN server_status.numbers_asked IS
    'Numbers of earlier purchases that the newest waiting release asks for; numbers_ready of them can be read. 0: none waits.';
COMMENT ON COLUMN server_status.history_seq IS
    'Operations up to it are counted for all of them, of those up to history_until_seq; both 0: counting has not begun, or is through.';
