-- Outgoing calls. What a delivery goes through stands in src/webhooks/mod.rs.
CREATE TABLE webhook_endpoints (
    id              INTEGER PRIMARY KEY,
    guid            TEXT    NOT NULL UNIQUE,
    company_id      INTEGER NOT NULL REFERENCES companies (id),
    url             TEXT    NOT NULL,
    -- Words of event types joined by commas.
    events          TEXT    NOT NULL,
    enabled         INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    -- Why the server disabled it, if it was the server.
    disabled_reason TEXT,
    secret          BLOB    NOT NULL,
    -- The secret before, valid until then.
    previous_secret BLOB,
    previous_until  INTEGER,
    created_at      INTEGER NOT NULL,
    edited_at       INTEGER,
    -- A deleted endpoint is gone for everybody; its row stays until the last of its deliveries goes, without secrets.
    deleted_at      INTEGER,
    CHECK ((previous_secret IS NULL) = (previous_until IS NULL))
) STRICT;
CREATE INDEX webhook_endpoints_by_company ON webhook_endpoints (company_id, id) WHERE deleted_at IS NULL;
CREATE INDEX webhook_endpoints_deleted ON webhook_endpoints (id) WHERE deleted_at IS NOT NULL;

-- What signs a company's deliveries to URLs that are no endpoint's.
CREATE TABLE webhook_secrets (
    company_id      INTEGER PRIMARY KEY REFERENCES companies (id),
    secret          BLOB NOT NULL,
    previous_secret BLOB,
    previous_until  INTEGER,
    CHECK ((previous_secret IS NULL) = (previous_until IS NULL))
) STRICT;

-- The outbox: one row per message and receiver, written in the transaction of its cause.
CREATE TABLE webhook_deliveries (
    id           INTEGER PRIMARY KEY,
    -- `webhook-id`: the same at every attempt.
    guid         TEXT    NOT NULL UNIQUE,
    company_id   INTEGER NOT NULL REFERENCES companies (id),
    -- Where to: an endpoint, whose URL may change on the way, or a URL of its own.
    endpoint_id  INTEGER REFERENCES webhook_endpoints (id),
    url          TEXT,
    event        TEXT    NOT NULL,
    content_type TEXT    NOT NULL,
    -- The bytes as they are sent and signed.
    body         BLOB    NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('pending', 'delivered', 'failed', 'held')),
    -- Since it was last begun.
    attempts     INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- When it is due, while it is pending.
    next_at      INTEGER,
    last_status  INTEGER,
    last_error   TEXT,
    created_at   INTEGER NOT NULL,
    ended_at     INTEGER,
    CHECK ((endpoint_id IS NULL) <> (url IS NULL)),
    CHECK ((next_at IS NULL) = (state <> 'pending')),
    CHECK ((ended_at IS NULL) = (state IN ('pending', 'held')))
) STRICT;
-- Lists, newest first: of a company or of an endpoint, in one state or in any.
CREATE INDEX webhook_deliveries_by_company ON webhook_deliveries (company_id, id);
CREATE INDEX webhook_deliveries_by_company_state ON webhook_deliveries (company_id, state, id);
CREATE INDEX webhook_deliveries_by_endpoint ON webhook_deliveries (endpoint_id, id) WHERE endpoint_id IS NOT NULL;
CREATE INDEX webhook_deliveries_by_endpoint_state ON webhook_deliveries (endpoint_id, state, id)
    WHERE endpoint_id IS NOT NULL;
-- Retention.
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (ended_at) WHERE ended_at IS NOT NULL;

-- The log: one row per call.
CREATE TABLE webhook_attempts (
    delivery_id INTEGER NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
    number      INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    url         TEXT    NOT NULL,
    status      INTEGER,
    took_micros INTEGER NOT NULL,
    error       TEXT,
    -- The beginning of the answer's body.
    answer      TEXT    NOT NULL,
    PRIMARY KEY (delivery_id, number)
) STRICT, WITHOUT ROWID;
