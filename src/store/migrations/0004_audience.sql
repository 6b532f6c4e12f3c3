-- Lists of profiles, the resources they subscribe to, and counters that are kept up to date with them.
-- Lists and resources are numbered from 1 in each company: a number says nothing about other tenants.
CREATE TABLE audience_lists (
    company_id  INTEGER NOT NULL REFERENCES companies (id),
    id          INTEGER NOT NULL CHECK (id > 0),
    name        TEXT    NOT NULL,
    name_folded TEXT    NOT NULL,
    -- A disabled one is not found by the contract; nothing of it is lost.
    enabled     INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    -- Kept up to date with audience_profiles.
    profiles    INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,
    edited_at   INTEGER,
    PRIMARY KEY (company_id, id),
    UNIQUE (company_id, name_folded)
) STRICT, WITHOUT ROWID;

CREATE TABLE audience_resources (
    company_id  INTEGER NOT NULL REFERENCES companies (id),
    id          INTEGER NOT NULL CHECK (id > 0),
    name        TEXT    NOT NULL,
    name_folded TEXT    NOT NULL,
    enabled     INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    created_at  INTEGER NOT NULL,
    edited_at   INTEGER,
    PRIMARY KEY (company_id, id),
    UNIQUE (company_id, name_folded)
) STRICT, WITHOUT ROWID;

CREATE TABLE audience_profiles (
    id         INTEGER PRIMARY KEY,
    company_id INTEGER NOT NULL,
    list_id    INTEGER NOT NULL,
    -- The id on the wire, as 12 bytes.
    key        BLOB    NOT NULL CHECK (length(key) = 12),
    email      TEXT,
    phones     TEXT    NOT NULL DEFAULT '[]' CHECK (json_valid(phones)),
    first_name TEXT,
    last_name  TEXT,
    -- The profile's own status, by the contract's number; 5 is suspended.
    status     INTEGER NOT NULL DEFAULT 0 CHECK (status BETWEEN 0 AND 6),
    -- Whether one of its addresses is on the company's suppression list.
    suppressed INTEGER NOT NULL DEFAULT 0 CHECK (suppressed IN (0, 1)),
    fields     TEXT    NOT NULL DEFAULT '{}' CHECK (json_valid(fields)),
    created_at INTEGER NOT NULL,
    edited_at  INTEGER,
    FOREIGN KEY (company_id, list_id) REFERENCES audience_lists (company_id, id)
) STRICT;
-- By the id on the wire; and what counts a list's profiles without reading them.
CREATE UNIQUE INDEX audience_profiles_by_key ON audience_profiles (company_id, list_id, key);

-- What a profile is found by: its address, its phones, its own fields. Not unique: of several, the oldest profile is
-- meant. The order serves matching in a list and suppression in the whole company.
CREATE TABLE audience_identities (
    company_id INTEGER NOT NULL,
    -- `email`, `phone`, or `field:` and the field's name.
    kind       TEXT    NOT NULL,
    value      TEXT    NOT NULL,
    list_id    INTEGER NOT NULL,
    profile_id INTEGER NOT NULL REFERENCES audience_profiles (id),
    PRIMARY KEY (company_id, kind, value, list_id, profile_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX audience_identities_by_profile ON audience_identities (profile_id);

-- One per profile, resource and channel, deleted ones included.
CREATE TABLE audience_subscriptions (
    profile_id  INTEGER NOT NULL REFERENCES audience_profiles (id),
    resource_id INTEGER NOT NULL,
    -- email 0, sms 1, push 2, notify 3, viber 4, whatsapp 5, telegram_bot 6
    channel     INTEGER NOT NULL CHECK (channel BETWEEN 0 AND 6),
    company_id  INTEGER NOT NULL,
    list_id     INTEGER NOT NULL,
    -- subscribed 0, unsubscribed 1, complained 2, hardbounced 3, unconfirmed 4, suspended 5, invalid 6
    status      INTEGER NOT NULL CHECK (status BETWEEN 0 AND 6),
    -- Whether its profile is neither suspended nor suppressed: a copy, so that counting reads one index.
    sendable    INTEGER NOT NULL CHECK (sendable IN (0, 1)),
    -- What goes with the channel, such as an address of its own: JSON.
    details     TEXT    CHECK (json_valid(details)),
    deleted_at  INTEGER,
    created_at  INTEGER NOT NULL,
    edited_at   INTEGER,
    PRIMARY KEY (profile_id, resource_id, channel),
    FOREIGN KEY (company_id, resource_id) REFERENCES audience_resources (company_id, id)
) STRICT, WITHOUT ROWID;
-- The count: everything it needs and nothing else; without deleted_at the engine would look it up in the table.
CREATE INDEX audience_subscriptions_count
    ON audience_subscriptions (company_id, list_id, resource_id, channel, status, sendable, deleted_at)
    WHERE deleted_at IS NULL;

-- What that index would count to, moved in the transaction of each change.
CREATE TABLE audience_counters (
    company_id  INTEGER NOT NULL,
    list_id     INTEGER NOT NULL,
    resource_id INTEGER NOT NULL,
    channel     INTEGER NOT NULL,
    status      INTEGER NOT NULL,
    sendable    INTEGER NOT NULL,
    count       INTEGER NOT NULL,
    PRIMARY KEY (company_id, list_id, resource_id, channel, status, sendable)
) STRICT, WITHOUT ROWID;
CREATE INDEX audience_counters_by_resource ON audience_counters (company_id, resource_id);

-- The latest count of each resource in each list, as it is published.
CREATE TABLE audience_counts (
    company_id  INTEGER NOT NULL,
    list_id     INTEGER NOT NULL,
    resource_id INTEGER NOT NULL,
    counted_at  INTEGER NOT NULL,
    took_micros INTEGER NOT NULL,
    figures     TEXT    NOT NULL CHECK (json_valid(figures)),
    PRIMARY KEY (company_id, list_id, resource_id)
) STRICT, WITHOUT ROWID;

-- The counts that were asked for, by their task.
CREATE TABLE audience_refreshes (
    task        TEXT    NOT NULL PRIMARY KEY,
    company_id  INTEGER NOT NULL,
    list_id     INTEGER NOT NULL,
    resource_id INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    ended_at    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX audience_refreshes_open
    ON audience_refreshes (company_id, list_id, resource_id) WHERE ended_at IS NULL;
CREATE INDEX audience_refreshes_by_age ON audience_refreshes (created_at);

-- Whom to tell when a count has ended.
CREATE TABLE audience_feedback (
    task         TEXT NOT NULL REFERENCES audience_refreshes (task),
    content_type TEXT NOT NULL CHECK (content_type IN ('json', 'xml')),
    url          TEXT NOT NULL,
    PRIMARY KEY (task, content_type, url)
) STRICT, WITHOUT ROWID;

-- Addresses a company sends nothing to.
CREATE TABLE audience_suppressed (
    company_id INTEGER NOT NULL REFERENCES companies (id),
    kind       TEXT    NOT NULL CHECK (kind IN ('email', 'phone')),
    -- As it is compared.
    value      TEXT    NOT NULL,
    -- As it was given.
    address    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (company_id, kind, value)
) STRICT, WITHOUT ROWID;
