-- Who did what: a row per process of any service. Comptoir's own activity is recorded the same way.
CREATE TABLE actions (
    id                  INTEGER PRIMARY KEY,
    company_id          INTEGER NOT NULL REFERENCES companies (id),
    -- NULL: the server itself did it, on nobody's behalf.
    user_id             INTEGER REFERENCES users (id),
    username            TEXT    NOT NULL CHECK (length(username) BETWEEN 2 AND 256),
    process_code        BLOB    NOT NULL CHECK (length(process_code) = 16),
    -- For Comptoir's own activity: the number of the event that vouches for the row as it stands (audit_events).
    -- NULL: a service reported it, and may say more later.
    seal                INTEGER,
    -- Numbers are the places in the contract's enumerations.
    service             INTEGER NOT NULL CHECK (service BETWEEN 0 AND 7),
    process_type        INTEGER NOT NULL CHECK (process_type BETWEEN 0 AND 7),
    status              INTEGER NOT NULL CHECK (status BETWEEN 0 AND 7),
    -- Of its first request.
    operation           TEXT    NOT NULL CHECK (length(operation) BETWEEN 3 AND 256),
    time                INTEGER NOT NULL,
    offset_minutes      INTEGER NOT NULL,
    -- The bounds are the contract's: a reader refuses more.
    points              INTEGER NOT NULL CHECK (points BETWEEN 0 AND 100000000),
    elements            INTEGER NOT NULL CHECK (elements BETWEEN 0 AND 100000000),
    result_version      INTEGER NOT NULL CHECK (result_version BETWEEN 0 AND 1000000),
    preparing           INTEGER NOT NULL CHECK (preparing BETWEEN 0 AND 999999999999),
    business_validation INTEGER NOT NULL CHECK (business_validation BETWEEN 0 AND 999999999999),
    math_validation     INTEGER NOT NULL CHECK (math_validation BETWEEN 0 AND 999999999999),
    waiting             INTEGER NOT NULL CHECK (waiting BETWEEN 0 AND 999999999999),
    calculation         INTEGER NOT NULL CHECK (calculation BETWEEN 0 AND 999999999999),
    input_file_exists   INTEGER NOT NULL DEFAULT 0 CHECK (input_file_exists IN (0, 1)),
    output_file_exists  INTEGER NOT NULL DEFAULT 0 CHECK (output_file_exists IN (0, 1)),
    UNIQUE (company_id, process_code)
) STRICT;

-- One for each field that a list may be sorted by, ties by process_code; each holds whatever a list may be filtered by,
-- so that passing over rows costs no look into the table.
CREATE INDEX actions_by_time ON actions
    (company_id, time, process_code, user_id, service, process_type, operation, status);
CREATE INDEX actions_by_username ON actions
    (company_id, username, process_code, time, user_id, service, process_type, operation, status);
CREATE INDEX actions_by_service ON actions
    (company_id, service, process_code, time, user_id, process_type, operation, status);
CREATE INDEX actions_by_process_type ON actions
    (company_id, process_type, process_code, time, user_id, service, operation, status);
CREATE INDEX actions_by_operation ON actions
    (company_id, operation, process_code, time, user_id, service, process_type, status);
CREATE INDEX actions_by_status ON actions
    (company_id, status, process_code, time, user_id, service, process_type, operation);
CREATE INDEX actions_by_points ON actions
    (company_id, points, process_code, time, user_id, service, process_type, operation, status);

-- The requests made for an action, in the order they were told of.
CREATE TABLE action_requests (
    action_id      INTEGER NOT NULL REFERENCES actions (id) ON DELETE CASCADE,
    number         INTEGER NOT NULL,
    company_id     INTEGER NOT NULL,
    -- Whether a service told of it; else it is a request to Comptoir itself, whose code is random.
    reported       INTEGER NOT NULL CHECK (reported IN (0, 1)),
    request_code   BLOB    NOT NULL CHECK (length(request_code) = 16),
    operation      TEXT    NOT NULL CHECK (length(operation) BETWEEN 3 AND 256),
    env            TEXT    NOT NULL CHECK (length(env) BETWEEN 2 AND 256),
    pod            TEXT    NOT NULL CHECK (length(pod) BETWEEN 2 AND 256),
    time           INTEGER NOT NULL,
    offset_minutes INTEGER NOT NULL,
    PRIMARY KEY (action_id, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX action_requests_reported ON action_requests (company_id, request_code) WHERE reported = 1;

-- How many actions there are, per UTC day and whatever they are filtered by; moved in the transaction of each action.
-- Each counts twice, for its user and for everyone, so that neither reading has to go through the other's rows.
CREATE TABLE action_days (
    company_id   INTEGER NOT NULL,
    -- 0: the server itself; -1: everyone.
    user_id      INTEGER NOT NULL,
    -- Days since 1970-01-01.
    day          INTEGER NOT NULL,
    service      INTEGER NOT NULL,
    process_type INTEGER NOT NULL,
    operation    TEXT    NOT NULL,
    status       INTEGER NOT NULL,
    count        INTEGER NOT NULL CHECK (count >= 0),
    PRIMARY KEY (company_id, user_id, day, service, process_type, operation, status)
) STRICT, WITHOUT ROWID;

-- What is known of Comptoir's own activity for good: a chain of events per company, each bound to the one before it by
-- its hash. A row that is changed, put in or taken out breaks the chain.
CREATE TABLE audit_events (
    -- The company's row key; 0: the installation.
    chain     INTEGER NOT NULL,
    -- From 1, without a gap.
    seq       INTEGER NOT NULL CHECK (seq > 0),
    -- When it was written.
    at        INTEGER NOT NULL,
    kind      TEXT    NOT NULL,
    -- The action it vouches for, if any, and the SHA-256 of that row and its request. No reference: an action that is
    -- gone is to be found out, not prevented.
    action_id INTEGER,
    digest    BLOB    CHECK (length(digest) = 32),
    -- What else there is to know, as JSON.
    detail    TEXT    NOT NULL CHECK (json_valid(detail)),
    -- SHA-256 of all of the above and the hash before it.
    hash      BLOB    NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (chain, seq),
    CHECK ((action_id IS NULL) = (digest IS NULL))
) STRICT, WITHOUT ROWID;

-- Where each chain ends, and where it begins since retention has taken its oldest events.
CREATE TABLE audit_chains (
    chain        INTEGER NOT NULL PRIMARY KEY,
    seq          INTEGER NOT NULL,
    hash         BLOB    NOT NULL CHECK (length(hash) = 32),
    removed_seq  INTEGER NOT NULL DEFAULT 0,
    removed_hash BLOB    NOT NULL DEFAULT (zeroblob(32)) CHECK (length(removed_hash) = 32)
) STRICT;

CREATE TRIGGER audit_events_stay BEFORE UPDATE ON audit_events BEGIN
    SELECT raise(ABORT, 'events of the audit are not changed');
END;
CREATE TRIGGER audit_events_go_with_retention BEFORE DELETE ON audit_events
WHEN old.seq > (SELECT removed_seq FROM audit_chains WHERE chain = old.chain) BEGIN
    SELECT raise(ABORT, 'events of the audit are removed by retention only');
END;
