-- Registers that show a client certificate: bound like a key, by what is kept of it.

SET LOCAL lock_timeout = '5s';

ALTER TABLE register_credentials
    ADD COLUMN kind text NOT NULL DEFAULT 'KEY' CHECK (kind IN ('KEY', 'CERTIFICATE', 'CERTIFICATE_NAME')),
    ADD COLUMN name text NOT NULL DEFAULT '' CHECK (octet_length(name) <= 256);
COMMENT ON COLUMN register_credentials.kind IS
    'What key_hash is the SHA-256 of: a key; a certificate in DER, its fingerprint; "certificate name", a zero byte and '
    'a name that certificates carry. A revoked one of the last two refuses the certificate, whatever else is known of it.';
COMMENT ON COLUMN register_credentials.name IS 'Of a CERTIFICATE_NAME: the name. Otherwise empty.';
