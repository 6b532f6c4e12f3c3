-- External systems, whose connectors report, and merchants ('personal cabinets' at marketplaces). A row is never deleted:
-- series refer to it by number. Codes are the company's own; the same one may stand in another company.
CREATE TABLE connector_systems (
    id         INTEGER PRIMARY KEY,
    company_id INTEGER NOT NULL REFERENCES companies (id),
    -- externalSystemId
    code       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    -- A disabled one is not found by the contract; nothing of it is lost.
    enabled    INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    created_at INTEGER NOT NULL,
    edited_at  INTEGER,
    UNIQUE (company_id, code)
) STRICT;

CREATE TABLE connector_merchants (
    id         INTEGER PRIMARY KEY,
    company_id INTEGER NOT NULL REFERENCES companies (id),
    -- merchantId
    code       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    enabled    INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    created_at INTEGER NOT NULL,
    edited_at  INTEGER,
    UNIQUE (company_id, code)
) STRICT;

-- What one key of one system and merchant is: the only place where a key is written out. It has the newest value by
-- timestamp, so that latest values are one range of this table, in the order of keys.
CREATE TABLE connector_series (
    company_id    INTEGER NOT NULL REFERENCES companies (id),
    key           TEXT    NOT NULL CHECK (key <> ''),
    system_id     INTEGER NOT NULL REFERENCES connector_systems (id),
    -- 0: none.
    merchant_id   INTEGER NOT NULL,
    id            INTEGER NOT NULL UNIQUE,
    -- The newest value; the columns are those of connector_values.
    latest_at     INTEGER NOT NULL,
    kind          INTEGER NOT NULL,
    number        ANY,
    text          TEXT,
    -- Older values than this are thinned already.
    thinned_until INTEGER NOT NULL DEFAULT 0,
    -- Whether an alert rule ever looked at it: the others are spared the question.
    watched       INTEGER NOT NULL DEFAULT 0 CHECK (watched IN (0, 1)),
    PRIMARY KEY (company_id, key, system_id, merchant_id)
) STRICT, WITHOUT ROWID;
-- The keys of one system, in their order.
CREATE INDEX connector_series_by_system ON connector_series (company_id, system_id, key);

-- A row a value, in the order in which a series is read. There is no foreign key on purpose: it would cost each value a
-- look into connector_series, which has just been read and of which nothing is ever deleted.
CREATE TABLE connector_values (
    series_id INTEGER NOT NULL,
    -- Unix seconds, as they were sent.
    at        INTEGER NOT NULL,
    -- 0 null, 1 boolean, 2 number, 3 text, 4 instant
    kind      INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 4),
    -- 1: 0 or 1; 2: the number as an integer or a float; 4: microseconds since 1970-01-01T00:00:00Z.
    number    ANY,
    -- 2: as it was written, if `number` is not written the same way; 3: the text.
    text      TEXT,
    PRIMARY KEY (series_id, at)
) STRICT, WITHOUT ROWID;

CREATE TABLE connector_alert_rules (
    id          INTEGER PRIMARY KEY,
    guid        TEXT    NOT NULL UNIQUE,
    company_id  INTEGER NOT NULL REFERENCES companies (id),
    name        TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    -- NULL: any.
    system_id   INTEGER REFERENCES connector_systems (id),
    -- NULL: any, none included; 0: none.
    merchant_id INTEGER,
    -- 1 above, 2 below, 3 no data
    condition   INTEGER NOT NULL CHECK (condition BETWEEN 1 AND 3),
    -- 1, 2: where an alert starts, and where it ends.
    threshold   REAL,
    clear       REAL,
    -- 3: seconds.
    silence     INTEGER CHECK (silence > 0),
    enabled     INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    -- Deleted: it goes once its alerts have ended.
    deleted     INTEGER NOT NULL DEFAULT 0 CHECK (deleted IN (0, 1)),
    created_at  INTEGER NOT NULL,
    edited_at   INTEGER,
    CHECK ((condition = 3) = (threshold IS NULL) AND (condition = 3) = (clear IS NULL)
           AND (condition = 3) = (silence IS NOT NULL))
) STRICT;
CREATE INDEX connector_alert_rules_by_key ON connector_alert_rules (company_id, key);
CREATE INDEX connector_alert_rules_by_company ON connector_alert_rules (company_id, id);

-- What a rule knows of a series.
CREATE TABLE connector_watches (
    series_id  INTEGER NOT NULL REFERENCES connector_series (id),
    rule_id    INTEGER NOT NULL REFERENCES connector_alert_rules (id),
    company_id INTEGER NOT NULL,
    -- When the clock has to look, in Unix seconds; NULL: only values can change anything.
    due_at     INTEGER,
    -- The alert that is on, if one is: its id in both of its events, and when it started (microseconds).
    alert      TEXT,
    started_at INTEGER,
    PRIMARY KEY (series_id, rule_id),
    CHECK ((alert IS NULL) = (started_at IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX connector_watches_by_rule ON connector_watches (rule_id, series_id);
CREATE INDEX connector_watches_due ON connector_watches (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX connector_watches_on ON connector_watches (company_id, started_at, series_id, rule_id)
    WHERE alert IS NOT NULL;
