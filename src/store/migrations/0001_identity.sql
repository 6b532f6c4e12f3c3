-- What the installation as a whole remembers: one row per fact.
CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value ANY  NOT NULL
) STRICT, WITHOUT ROWID;

-- Companies are the tenants of all five contracts; every row elsewhere names its company.
CREATE TABLE companies (
    id         INTEGER PRIMARY KEY,
    guid       TEXT    NOT NULL UNIQUE,
    key        TEXT    NOT NULL,
    key_folded TEXT    NOT NULL UNIQUE,
    name       TEXT    NOT NULL,
    enabled    INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    created_at INTEGER NOT NULL,
    edited_at  INTEGER
) STRICT;

CREATE TABLE users (
    id              INTEGER PRIMARY KEY,
    guid            TEXT    NOT NULL UNIQUE,
    company_id      INTEGER NOT NULL REFERENCES companies (id),
    username        TEXT    NOT NULL,
    -- Lower case, so that Ivan and ivan cannot both exist.
    username_folded TEXT    NOT NULL UNIQUE,
    -- Argon2id in PHC form; NULL: no password, the user lives on API tokens.
    password_hash   TEXT,
    -- Words of the account contract joined by commas; at most two.
    roles           TEXT    NOT NULL DEFAULT '',
    operator        INTEGER NOT NULL DEFAULT 0 CHECK (operator IN (0, 1)),
    enabled         INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    -- Credential generation: JWTs carry it and die when it moves on.
    generation      INTEGER NOT NULL DEFAULT 0,
    timezone        INTEGER NOT NULL DEFAULT 0 CHECK (timezone BETWEEN -12 AND 12),
    specification   TEXT,
    email           TEXT,
    phone           TEXT,
    attributes      TEXT    NOT NULL DEFAULT '[]' CHECK (json_valid(attributes)),
    created_at      INTEGER NOT NULL,
    edited_at       INTEGER
) STRICT;
CREATE INDEX users_by_company ON users (company_id, username_folded);

CREATE TABLE api_tokens (
    id           INTEGER PRIMARY KEY,
    guid         TEXT    NOT NULL UNIQUE,
    company_id   INTEGER NOT NULL REFERENCES companies (id),
    user_id      INTEGER NOT NULL REFERENCES users (id),
    name         TEXT    NOT NULL,
    hint         TEXT    NOT NULL,
    -- SHA-256 of the whole token; the token itself is shown once and kept nowhere.
    secret_hash  BLOB    NOT NULL UNIQUE CHECK (length(secret_hash) = 32),
    granted      TEXT    NOT NULL,
    -- The token whose bearer made this one: revoking a leaked token ends what was made with it.
    made_with    INTEGER REFERENCES api_tokens (id) ON DELETE CASCADE,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER
) STRICT;
CREATE INDEX api_tokens_by_user ON api_tokens (user_id, id);
CREATE INDEX api_tokens_by_maker ON api_tokens (made_with) WHERE made_with IS NOT NULL;
CREATE INDEX api_tokens_by_company ON api_tokens (company_id, id);

-- JWTs signed out before they expired; a row goes when its token would have expired anyway.
CREATE TABLE revoked_jwts (
    jti        TEXT    NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_jwts_by_expiry ON revoked_jwts (expires_at);

CREATE TABLE jwt_keys (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    key        BLOB    NOT NULL CHECK (length(key) = 32),
    created_at INTEGER NOT NULL
) STRICT;

-- The one invalidation point of every cache of identities. Triggers move it, so whoever changes a row that decides
-- what a caller may do (this server, the command line beside it, a person with a SQL shell) ends every cached answer.
CREATE TABLE identity_epoch (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL
) STRICT;
INSERT INTO identity_epoch (id, epoch) VALUES (1, 1);

CREATE TRIGGER companies_epoch AFTER UPDATE OF key, enabled ON companies BEGIN
    UPDATE identity_epoch SET epoch = epoch + 1 WHERE id = 1;
END;
CREATE TRIGGER companies_epoch_delete AFTER DELETE ON companies BEGIN
    UPDATE identity_epoch SET epoch = epoch + 1 WHERE id = 1;
END;
CREATE TRIGGER users_epoch
AFTER UPDATE OF company_id, username, password_hash, roles, operator, enabled, generation, timezone ON users BEGIN
    UPDATE identity_epoch SET epoch = epoch + 1 WHERE id = 1;
END;
CREATE TRIGGER users_epoch_delete AFTER DELETE ON users BEGIN
    UPDATE identity_epoch SET epoch = epoch + 1 WHERE id = 1;
END;
CREATE TRIGGER api_tokens_epoch
AFTER UPDATE OF company_id, user_id, secret_hash, granted, expires_at ON api_tokens BEGIN
    UPDATE identity_epoch SET epoch = epoch + 1 WHERE id = 1;
END;
CREATE TRIGGER api_tokens_epoch_delete AFTER DELETE ON api_tokens BEGIN
    UPDATE identity_epoch SET epoch = epoch + 1 WHERE id = 1;
END;
CREATE TRIGGER revoked_jwts_epoch AFTER INSERT ON revoked_jwts BEGIN
    UPDATE identity_epoch SET epoch = epoch + 1 WHERE id = 1;
END;
CREATE TRIGGER jwt_keys_epoch AFTER UPDATE ON jwt_keys BEGIN
    UPDATE identity_epoch SET epoch = epoch + 1 WHERE id = 1;
END;

-- Answers of the house API to POSTs that carried an Idempotency-Key, so that a retry is not a second effect.
CREATE TABLE idempotency_keys (
    user_id     INTEGER NOT NULL REFERENCES users (id),
    key         TEXT    NOT NULL,
    operation   TEXT    NOT NULL,
    -- SHA-256 of the request, to refuse the key for another one.
    fingerprint BLOB    NOT NULL,
    answer      TEXT    NOT NULL CHECK (json_valid(answer)),
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (user_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
