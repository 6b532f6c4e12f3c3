-- The catalogue of each company, and imports into it.

-- A catalogue has a version that moves with each change of it. While a plan is being written into it, its rows carry the
-- next version, which nobody reads yet: moving the number shows all of them at once.
CREATE TABLE nomenclature_catalogues (
    company_id   INTEGER PRIMARY KEY REFERENCES companies (id),
    version      INTEGER NOT NULL DEFAULT 0 CHECK (version >= 0),
    live         INTEGER NOT NULL DEFAULT 0 CHECK (live >= 0),
    archived     INTEGER NOT NULL DEFAULT 0 CHECK (archived >= 0),
    -- The plan that is being written as version + 1; nothing else changes the catalogue meanwhile.
    pending_plan INTEGER
) STRICT;

-- A good as it was from one version of the catalogue until before another. Values of a row never change.
CREATE TABLE nomenclature_goods (
    id             INTEGER PRIMARY KEY,
    company_id     INTEGER NOT NULL REFERENCES companies (id),
    -- The good, whatever its version: the number of the row of the plan that made it.
    good           INTEGER NOT NULL,
    guid           BLOB    NOT NULL CHECK (length(guid) = 16),
    since          INTEGER NOT NULL,
    -- The largest integer while nothing follows.
    until          INTEGER NOT NULL DEFAULT 9223372036854775807,
    name           TEXT    NOT NULL,
    name_folded    TEXT    NOT NULL,
    article        TEXT,
    article_folded TEXT,
    group_path     TEXT,
    group_folded   TEXT,
    unit           TEXT,
    -- Minor units.
    price          INTEGER CHECK (price BETWEEN 0 AND 99999999999999),
    -- Per cent; -1: without VAT; NULL: nobody said.
    vat            INTEGER CHECK (vat IN (-1, 0, 5, 7, 10, 20, 22)),
    -- Codes joined by commas: what is shown and compared. nomenclature_barcodes is what is searched.
    ean13          TEXT    NOT NULL DEFAULT '',
    local          TEXT    NOT NULL DEFAULT '',
    -- 0 product, 1 service
    subject        INTEGER NOT NULL CHECK (subject IN (0, 1)),
    archived       INTEGER NOT NULL CHECK (archived IN (0, 1)),
    created_at     INTEGER NOT NULL,
    changed_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX nomenclature_goods_by_good ON nomenclature_goods (company_id, good);
CREATE INDEX nomenclature_goods_by_guid ON nomenclature_goods (company_id, guid);
CREATE INDEX nomenclature_goods_by_name ON nomenclature_goods (company_id, name_folded, good);

-- Which good has which barcode, by version of the catalogue in the same way. That a code has one good among those that
-- are not archived is looked at by whoever writes: only one version of the catalogue is looked at.
CREATE TABLE nomenclature_barcodes (
    company_id INTEGER NOT NULL,
    -- 0 EAN-13, 1 local
    kind       INTEGER NOT NULL CHECK (kind IN (0, 1)),
    code       TEXT    NOT NULL,
    good       INTEGER NOT NULL,
    since      INTEGER NOT NULL,
    until      INTEGER NOT NULL DEFAULT 9223372036854775807,
    PRIMARY KEY (company_id, kind, code, good, since)
) STRICT, WITHOUT ROWID;

-- Uploaded workbooks, in pieces: 0 is being written, 1 is there, 2 is to be removed.
CREATE TABLE nomenclature_uploads (
    id         INTEGER PRIMARY KEY,
    guid       BLOB    NOT NULL UNIQUE CHECK (length(guid) = 16),
    company_id INTEGER NOT NULL REFERENCES companies (id),
    state      INTEGER NOT NULL CHECK (state IN (0, 1, 2)),
    name       TEXT    NOT NULL,
    size       INTEGER NOT NULL DEFAULT 0 CHECK (size >= 0),
    written_at INTEGER NOT NULL
) STRICT;
CREATE INDEX nomenclature_uploads_by_state ON nomenclature_uploads (state, written_at);

CREATE TABLE nomenclature_chunks (
    id        INTEGER PRIMARY KEY,
    upload_id INTEGER NOT NULL REFERENCES nomenclature_uploads (id),
    number    INTEGER NOT NULL,
    bytes     BLOB    NOT NULL,
    UNIQUE (upload_id, number)
) STRICT;

-- How many bytes of uploads each company has, those being written or removed included.
CREATE TABLE nomenclature_storage (
    company_id INTEGER PRIMARY KEY REFERENCES companies (id),
    bytes      INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT;

CREATE TABLE nomenclature_imports (
    id              INTEGER PRIMARY KEY,
    guid            BLOB    NOT NULL UNIQUE CHECK (length(guid) = 16),
    company_id      INTEGER NOT NULL REFERENCES companies (id),
    user_id         INTEGER NOT NULL REFERENCES users (id),
    -- The background task that does it.
    task            BLOB    NOT NULL UNIQUE CHECK (length(task) = 16),
    upload_id       INTEGER NOT NULL REFERENCES nomenclature_uploads (id),
    -- 0 full, 1 incremental
    strategy        INTEGER NOT NULL CHECK (strategy IN (0, 1)),
    use_name        INTEGER NOT NULL CHECK (use_name IN (0, 1)),
    use_ean13       INTEGER NOT NULL CHECK (use_ean13 IN (0, 1)),
    use_local       INTEGER NOT NULL CHECK (use_local IN (0, 1)),
    auto_confirm    INTEGER NOT NULL CHECK (auto_confirm IN (0, 1)),
    is_confirmed    INTEGER NOT NULL DEFAULT 0 CHECK (is_confirmed IN (0, 1)),
    -- 0 in queue, 1 in progress, 2 waiting for feedback, 3 completed, 4 canceled
    status          INTEGER NOT NULL CHECK (status BETWEEN 0 AND 4),
    -- The plan that was shown last.
    plan_id         INTEGER,
    -- Goods had changed since the plan before it was shown.
    replanned       INTEGER NOT NULL DEFAULT 0 CHECK (replanned IN (0, 1)),
    -- The version of the catalogue that it made.
    applied_version INTEGER,
    -- Why it ended without being applied, as a fact and not in words.
    failure         INTEGER,
    failure_a       TEXT    NOT NULL DEFAULT '',
    failure_b       TEXT    NOT NULL DEFAULT '',
    failure_row     INTEGER NOT NULL DEFAULT 0,
    failure_column  INTEGER,
    meta            TEXT    CHECK (length(meta) <= 128),
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    ended_at        INTEGER,
    deleted_at      INTEGER,
    -- 0 nobody asked, 1 it is being undone, 2 it is undone, 3 that failed
    undo            INTEGER NOT NULL DEFAULT 0 CHECK (undo BETWEEN 0 AND 3),
    undo_plan       INTEGER,
    undone_at       INTEGER,
    -- Whether its upload and its plan are still kept.
    kept            INTEGER NOT NULL DEFAULT 1 CHECK (kept IN (0, 1)),
    CHECK ((ended_at IS NULL) = (status < 3))
) STRICT;
CREATE INDEX nomenclature_imports_by_company ON nomenclature_imports (company_id, id);
CREATE INDEX nomenclature_imports_kept ON nomenclature_imports (ended_at) WHERE kept = 1 AND ended_at IS NOT NULL;
CREATE INDEX nomenclature_imports_applied ON nomenclature_imports (company_id, applied_version)
    WHERE kept = 1 AND applied_version IS NOT NULL;

-- How imports stood, from one change of any of them until before another: a list is read as it was when its first page
-- was.
CREATE TABLE nomenclature_import_states (
    id         INTEGER PRIMARY KEY,
    import_id  INTEGER NOT NULL REFERENCES nomenclature_imports (id),
    company_id INTEGER NOT NULL,
    user_id    INTEGER NOT NULL,
    status     INTEGER NOT NULL,
    deleted    INTEGER NOT NULL CHECK (deleted IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- The largest integer while nothing follows.
    until      INTEGER NOT NULL DEFAULT 9223372036854775807
) STRICT;
CREATE INDEX nomenclature_import_states_of ON nomenclature_import_states (import_id, id);
CREATE INDEX nomenclature_import_states_by_creation
    ON nomenclature_import_states (company_id, user_id, created_at, import_id);
CREATE INDEX nomenclature_import_states_by_update
    ON nomenclature_import_states (company_id, user_id, updated_at, import_id);

-- What an import would do, or what undoing one would. Plans are numbered for good: goods are named for their rows.
CREATE TABLE nomenclature_plans (
    id         INTEGER PRIMARY KEY,
    import_id  INTEGER NOT NULL REFERENCES nomenclature_imports (id),
    company_id INTEGER NOT NULL,
    -- The version of the catalogue it goes by.
    version    INTEGER NOT NULL,
    -- 0 is being made, 1 is whole, 2 is to be removed, 3 is removed
    state      INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3),
    undoes     INTEGER NOT NULL DEFAULT 0 CHECK (undoes IN (0, 1)),
    sheet      TEXT    NOT NULL DEFAULT '',
    rows       INTEGER NOT NULL DEFAULT 0,
    created    INTEGER NOT NULL DEFAULT 0,
    updated    INTEGER NOT NULL DEFAULT 0,
    unchanged  INTEGER NOT NULL DEFAULT 0,
    archived   INTEGER NOT NULL DEFAULT 0,
    refused    INTEGER NOT NULL DEFAULT 0,
    -- Of the problems, so many of each kind.
    infos      INTEGER NOT NULL DEFAULT 0,
    warnings   INTEGER NOT NULL DEFAULT 0,
    errors     INTEGER NOT NULL DEFAULT 0,
    -- How many goods there were that are not archived, and how the two counts will change.
    live       INTEGER NOT NULL DEFAULT 0,
    more_live  INTEGER NOT NULL DEFAULT 0,
    more_archived INTEGER NOT NULL DEFAULT 0,
    -- Equal for plans that would do the same.
    digest     BLOB    CHECK (length(digest) = 32)
) STRICT;
CREATE INDEX nomenclature_plans_by_import ON nomenclature_plans (import_id, id);
CREATE INDEX nomenclature_plans_to_remove ON nomenclature_plans (id) WHERE state = 2;

-- The rows of plans. The id is the plan's times 2^24 plus the row of the sheet; goods that are archived because no row
-- mentions them come after the last row.
CREATE TABLE nomenclature_plan_rows (
    id             INTEGER PRIMARY KEY,
    -- 0 create, 1 update, 2 leave unchanged, 3 archive, 4 refuse, 5 restore, 6 remove
    outcome        INTEGER NOT NULL CHECK (outcome BETWEEN 0 AND 6),
    -- The version of the good that is followed by a new one.
    old_id         INTEGER,
    -- The version whose values come back.
    from_id        INTEGER,
    good           INTEGER,
    guid           BLOB,
    codes_changed  INTEGER NOT NULL DEFAULT 0 CHECK (codes_changed IN (0, 1)),
    name           TEXT,
    name_folded    TEXT,
    article        TEXT,
    article_folded TEXT,
    group_path     TEXT,
    group_folded   TEXT,
    unit           TEXT,
    price          INTEGER,
    vat            INTEGER,
    ean13          TEXT,
    local          TEXT,
    subject        INTEGER,
    archived       INTEGER,
    created_at     INTEGER
) STRICT;

-- What was found about rows: facts, not words.
CREATE TABLE nomenclature_problems (
    id        INTEGER PRIMARY KEY,
    plan_id   INTEGER NOT NULL REFERENCES nomenclature_plans (id),
    -- 0: of the whole file.
    row       INTEGER NOT NULL,
    "column"  INTEGER,
    code      INTEGER NOT NULL,
    a         TEXT    NOT NULL,
    b         TEXT    NOT NULL
) STRICT;
CREATE INDEX nomenclature_problems_by_row ON nomenclature_problems (plan_id, row, id);
