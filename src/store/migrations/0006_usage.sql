-- What services report of their work: processes, the usage that follows from them, its limits, and the data that went in
-- and came out. Services and process types are numbered as the account contract lists them.

-- A process as it was reported. What the audit shows of it stands in `actions`; here is what reporting it goes by.
CREATE TABLE account_processes (
    id           INTEGER PRIMARY KEY,
    company_id   INTEGER NOT NULL REFERENCES companies (id),
    -- Whom it is for.
    user_id      INTEGER NOT NULL REFERENCES users (id),
    process_code BLOB    NOT NULL CHECK (length(process_code) = 16),
    service      INTEGER NOT NULL CHECK (service BETWEEN 0 AND 7),
    process_type INTEGER NOT NULL CHECK (process_type BETWEEN 0 AND 7),
    status       INTEGER NOT NULL CHECK (status BETWEEN 0 AND 7),
    -- When the work began, as reported.
    time         INTEGER NOT NULL,
    -- The user's local day of that instant, in days since 1970-01-01. A later change of time zone moves nothing.
    day          INTEGER NOT NULL,
    points       INTEGER NOT NULL CHECK (points BETWEEN 0 AND 100000000),
    elements     INTEGER NOT NULL DEFAULT 0 CHECK (elements BETWEEN 0 AND 100000000),
    -- SHA-256 of what the start and the end were reported with: the same again is the same, anything else contradicts.
    start_print  BLOB    NOT NULL CHECK (length(start_print) = 32),
    finish_print BLOB    CHECK (length(finish_print) = 32),
    -- Whether its end is still to come.
    open         INTEGER NOT NULL CHECK (open IN (0, 1)),
    -- When something was last heard of it.
    heard_at     INTEGER NOT NULL,
    UNIQUE (company_id, process_code)
) STRICT;
CREATE INDEX account_processes_by_user ON account_processes (company_id, user_id, id);
CREATE INDEX account_processes_running ON account_processes (company_id, user_id, service, process_type)
    WHERE open = 1;
CREATE INDEX account_processes_silent ON account_processes (heard_at) WHERE open = 1;

-- The requests made for processes, by the company's own codes.
CREATE TABLE account_requests (
    company_id   INTEGER NOT NULL REFERENCES companies (id),
    request_code BLOB    NOT NULL CHECK (length(request_code) = 16),
    process_id   INTEGER NOT NULL REFERENCES account_processes (id),
    print        BLOB    NOT NULL CHECK (length(print) = 32),
    PRIMARY KEY (company_id, request_code)
) STRICT, WITHOUT ROWID;

-- Daily usage. The bounds are the contract's: what is over them is refused when it is reported.
CREATE TABLE account_usage (
    company_id    INTEGER NOT NULL REFERENCES companies (id),
    user_id       INTEGER NOT NULL REFERENCES users (id),
    day           INTEGER NOT NULL,
    service       INTEGER NOT NULL CHECK (service BETWEEN 0 AND 7),
    process_type  INTEGER NOT NULL CHECK (process_type BETWEEN 0 AND 7),
    processes     INTEGER NOT NULL CHECK (processes BETWEEN 0 AND 100000000),
    points        INTEGER NOT NULL CHECK (points BETWEEN 0 AND 100000000),
    unique_points INTEGER NOT NULL CHECK (unique_points BETWEEN 0 AND 100000000),
    elements      INTEGER NOT NULL CHECK (elements BETWEEN 0 AND 100000000),
    PRIMARY KEY (company_id, user_id, day, service, process_type)
) STRICT, WITHOUT ROWID;
-- For the report of a whole company, which goes by day.
CREATE INDEX account_usage_by_day ON account_usage (company_id, day, user_id, service, process_type);

-- The points that daily usage has seen, as the first half of the SHA-256 of their keys.
CREATE TABLE account_points (
    company_id   INTEGER NOT NULL REFERENCES companies (id),
    user_id      INTEGER NOT NULL REFERENCES users (id),
    day          INTEGER NOT NULL,
    service      INTEGER NOT NULL,
    process_type INTEGER NOT NULL,
    point        BLOB    NOT NULL CHECK (length(point) = 16),
    PRIMARY KEY (company_id, user_id, day, service, process_type, point)
) STRICT, WITHOUT ROWID;

-- What a user may use. No row: no limit.
CREATE TABLE account_quotas (
    company_id               INTEGER NOT NULL REFERENCES companies (id),
    user_id                  INTEGER NOT NULL REFERENCES users (id),
    service                  INTEGER NOT NULL CHECK (service BETWEEN 0 AND 7),
    process_type             INTEGER NOT NULL CHECK (process_type BETWEEN 0 AND 7),
    points_per_request       INTEGER NOT NULL CHECK (points_per_request BETWEEN 0 AND 1000000),
    points_per_day           INTEGER NOT NULL CHECK (points_per_day BETWEEN 0 AND 100000000),
    max_concurrent_execution INTEGER NOT NULL CHECK (max_concurrent_execution BETWEEN 0 AND 1000),
    PRIMARY KEY (company_id, user_id, service, process_type)
) STRICT, WITHOUT ROWID;

-- Data files of processes. They are written in slices: 0 is being written, 1 is there, 2 is to be removed. Only the
-- second is ever shown.
CREATE TABLE account_files (
    id         INTEGER PRIMARY KEY,
    company_id INTEGER NOT NULL REFERENCES companies (id),
    process_id INTEGER NOT NULL REFERENCES account_processes (id),
    -- 0: input, 1: output.
    flow       INTEGER NOT NULL CHECK (flow IN (0, 1)),
    state      INTEGER NOT NULL CHECK (state IN (0, 1, 2)),
    size       INTEGER NOT NULL DEFAULT 0 CHECK (size >= 0),
    sha256     BLOB    CHECK (length(sha256) = 32),
    -- When the last byte of it came.
    written_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX account_files_there ON account_files (process_id, flow) WHERE state = 1;
CREATE INDEX account_files_by_state ON account_files (state, written_at);

CREATE TABLE account_chunks (
    id      INTEGER PRIMARY KEY,
    file_id INTEGER NOT NULL REFERENCES account_files (id),
    number  INTEGER NOT NULL,
    bytes   BLOB    NOT NULL,
    UNIQUE (file_id, number)
) STRICT;

-- How many bytes of data files each company has, those being written or removed included.
CREATE TABLE account_storage (
    company_id INTEGER PRIMARY KEY REFERENCES companies (id),
    bytes      INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT;
