-- Background work: one row per task. The state diagram stands in src/tasks/mod.rs.
CREATE TABLE tasks (
    id               INTEGER PRIMARY KEY,
    guid             TEXT    NOT NULL UNIQUE,
    -- NULL: a task of the installation itself.
    company_id       INTEGER REFERENCES companies (id),
    -- The same with 0 for the installation, so that indexes and comparisons need no NULL.
    tenant           INTEGER NOT NULL GENERATED ALWAYS AS (ifnull(company_id, 0)) VIRTUAL,
    -- Whoever asked for it, if it was a user.
    user_id          INTEGER REFERENCES users (id),
    kind             TEXT    NOT NULL,
    state            TEXT    NOT NULL CHECK (state IN ('waiting', 'running', 'feedback', 'done', 'failed', 'canceled')),
    progress         INTEGER NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
    -- What it is doing, in words for people.
    detail           TEXT,
    payload          TEXT    NOT NULL CHECK (json_valid(payload)),
    -- Where a task that is interrupted goes on.
    checkpoint       TEXT    CHECK (json_valid(checkpoint)),
    -- What a person said to a task in feedback.
    answer           TEXT    CHECK (json_valid(answer)),
    result           TEXT    CHECK (json_valid(result)),
    -- Why the latest attempt failed, in words for people.
    error            TEXT,
    -- Counted when the task is claimed, so that one that takes the process down uses its attempts up all the same.
    attempts         INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    max_attempts     INTEGER NOT NULL CHECK (max_attempts >= 1),
    -- Not before this instant.
    run_at           INTEGER NOT NULL,
    -- The number of the latest claim. It only ever grows: whoever holds an older one has lost the task.
    lease            INTEGER NOT NULL DEFAULT 0,
    -- The boot (one run of the server process) that runs it, and until when it is believed to.
    lease_owner      TEXT,
    lease_until      INTEGER,
    dedupe_key       TEXT,
    cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
    created_at       INTEGER NOT NULL,
    started_at       INTEGER,
    ended_at         INTEGER,
    updated_at       INTEGER NOT NULL,
    CHECK ((ended_at IS NULL) = (state IN ('waiting', 'running', 'feedback'))),
    CHECK ((lease_owner IS NULL) = (state <> 'running')),
    CHECK ((lease_until IS NULL) = (state <> 'running'))
) STRICT;

-- The claim: due tasks by kind, tenant by tenant.
CREATE INDEX tasks_due ON tasks (kind, tenant, run_at, id) WHERE state = 'waiting';
-- Whatever runs: few rows, looked through when leases end, and counted per tenant at the claim.
CREATE INDEX tasks_running ON tasks (kind, tenant) WHERE state = 'running';
-- Unfinished tasks by dedupe key, and the guard: at most one of a key that waits and was never begun.
CREATE UNIQUE INDEX tasks_unfinished_key
    ON tasks (kind, tenant, dedupe_key, (CASE WHEN state = 'waiting' AND lease = 0 THEN 0 ELSE id END))
    WHERE dedupe_key IS NOT NULL AND ended_at IS NULL;
-- Lists, newest first (a later id is a later task).
CREATE INDEX tasks_by_company ON tasks (company_id, id);
CREATE INDEX tasks_by_company_kind ON tasks (company_id, kind, id);
CREATE INDEX tasks_by_company_state ON tasks (company_id, state, id);
CREATE INDEX tasks_by_owner ON tasks (company_id, user_id, id) WHERE user_id IS NOT NULL;
-- Retention.
CREATE INDEX tasks_ended ON tasks (ended_at) WHERE ended_at IS NOT NULL;

-- Periodic work: when each key is due next. Kept, so that a period missed while the server was down runs once.
CREATE TABLE task_periods (
    key    TEXT    NOT NULL PRIMARY KEY,
    due_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
