-- Parties: the producers and distributors of a company, numbered as its partners know them.
CREATE TABLE parties (
    company_id  INTEGER NOT NULL REFERENCES companies (id),
    -- Fewer than 13 digits, so that no number can be both an id and a GLN.
    id          INTEGER NOT NULL CHECK (id BETWEEN 1 AND 999999999999),
    -- GS1 Global Location Number, check digit verified.
    gln         TEXT    NOT NULL CHECK (length(gln) = 13),
    name        TEXT    NOT NULL,
    kind        TEXT    NOT NULL CHECK (kind IN ('PRODUCER', 'DISTRIBUTOR', 'BOTH')),
    -- IANA name; NULL: the company's.
    zone        TEXT,
    -- A disabled one is not found by the contract; nothing of it is lost.
    enabled     INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    created_at  INTEGER NOT NULL,
    edited_at   INTEGER,
    PRIMARY KEY (company_id, id),
    UNIQUE (company_id, gln)
) STRICT, WITHOUT ROWID;

-- The time zone of a company's parties that have none of their own; no row: Europe/Kyiv.
CREATE TABLE company_zones (
    company_id INTEGER NOT NULL PRIMARY KEY REFERENCES companies (id),
    zone       TEXT    NOT NULL
) STRICT;

-- Whom a user may act for. It is read in the transaction of the act itself, so nothing has to be told when it changes.
CREATE TABLE user_parties (
    user_id    INTEGER NOT NULL REFERENCES users (id),
    company_id INTEGER NOT NULL,
    party_id   INTEGER NOT NULL,
    PRIMARY KEY (user_id, party_id),
    FOREIGN KEY (company_id, party_id) REFERENCES parties (company_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_parties_by_party ON user_parties (company_id, party_id);

-- An e-mail address signs its user in once an ADMIN has confirmed it; another address is another matter.
ALTER TABLE users ADD COLUMN email_confirmed INTEGER NOT NULL DEFAULT 0 CHECK (email_confirmed IN (0, 1));
CREATE INDEX users_by_confirmed_email ON users (lower(email)) WHERE email_confirmed = 1;
CREATE TRIGGER users_email_changed AFTER UPDATE OF email ON users WHEN new.email IS NOT old.email BEGIN
    UPDATE users SET email_confirmed = 0 WHERE id = new.id AND email_confirmed = 1;
END;

-- Sessions of the schedules contract: they end by themselves when they are idle, and with the password, the user or its
-- roles.
CREATE TABLE sids (
    -- SHA-256 of the SID; the SID itself is kept nowhere.
    secret_hash  BLOB    NOT NULL PRIMARY KEY CHECK (length(secret_hash) = 32),
    user_id      INTEGER NOT NULL REFERENCES users (id),
    -- As they were at the sign-in.
    generation   INTEGER NOT NULL,
    roles        TEXT    NOT NULL,
    operator     INTEGER NOT NULL CHECK (operator IN (0, 1)),
    -- The party it was signed in for, if one was named.
    party_id     INTEGER,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    -- Its time was over when it was cleared away: that need not be told to anybody.
    stale        INTEGER NOT NULL DEFAULT 0 CHECK (stale IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE INDEX sids_by_use ON sids (last_used_at);
CREATE INDEX sids_by_user ON sids (user_id);
CREATE TRIGGER sids_epoch AFTER UPDATE OF user_id, generation, roles, operator, party_id ON sids BEGIN
    UPDATE identity_epoch SET epoch = epoch + 1 WHERE id = 1;
END;
CREATE TRIGGER sids_epoch_delete AFTER DELETE ON sids WHEN old.stale = 0 BEGIN
    UPDATE identity_epoch SET epoch = epoch + 1 WHERE id = 1;
END;

-- The highest number a schedule of a company ever had: none comes twice, calendars know events by it.
CREATE TABLE schedule_numbers (
    company_id INTEGER NOT NULL PRIMARY KEY REFERENCES companies (id),
    last       INTEGER NOT NULL
) STRICT;

-- Days are days of the common era, civil days in the producer's zone as it was when the schedule was saved: a zone that
-- is put right later leaves every schedule on its days.
CREATE TABLE schedules (
    company_id   INTEGER NOT NULL,
    id           INTEGER NOT NULL,
    producer_id  INTEGER NOT NULL,
    name         TEXT    NOT NULL,
    -- 1 individual, 2 general
    kind         INTEGER NOT NULL CHECK (kind IN (1, 2)),
    block        INTEGER NOT NULL CHECK (block IN (0, 1)),
    -- Unix seconds, as it was sent.
    date_start   INTEGER NOT NULL,
    start_day    INTEGER NOT NULL,
    -- Of the last occurrence; without one, a day after the calendar.
    end_day      INTEGER NOT NULL CHECK (end_day >= start_day),
    -- Seconds after midnight.
    time_from    INTEGER NOT NULL CHECK (time_from BETWEEN 0 AND 86399),
    time_to      INTEGER NOT NULL CHECK (time_to BETWEEN 0 AND 86399 AND time_to <> time_from),
    time_remind  INTEGER CHECK (time_remind BETWEEN 0 AND 86399),
    -- NULL: it does not repeat.
    frequency    TEXT    CHECK (frequency IN ('DAILY', 'WEEKLY')),
    interval     INTEGER NOT NULL DEFAULT 1 CHECK (interval > 0),
    count        INTEGER CHECK (count > 0),
    -- Unix seconds, as it was sent, and the civil day of it.
    date_until   INTEGER,
    until_day    INTEGER,
    -- Bit 0 is Monday.
    week_days    INTEGER NOT NULL DEFAULT 0 CHECK (week_days BETWEEN 0 AND 127),
    -- Ids in the order they were sent, joined by commas: what is shown. schedule_distributors is what is searched.
    distributors TEXT    NOT NULL DEFAULT '',
    -- How often calendars have to know of a change.
    sequence     INTEGER NOT NULL DEFAULT 0,
    created_at   INTEGER NOT NULL,
    changed_at   INTEGER NOT NULL,
    PRIMARY KEY (company_id, id),
    FOREIGN KEY (company_id, producer_id) REFERENCES parties (company_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX schedules_by_change ON schedules (company_id, producer_id, changed_at DESC, id DESC);
-- Of two general schedules of a producer no spans overlap, so the one that begins last before a day is found at once.
CREATE INDEX schedules_general ON schedules (company_id, producer_id, start_day, end_day) WHERE kind = 2;
CREATE INDEX schedules_general_running ON schedules (company_id, end_day) WHERE kind = 2;

-- The same for the individual ones, by distributor.
CREATE TABLE schedule_distributors (
    company_id     INTEGER NOT NULL,
    producer_id    INTEGER NOT NULL,
    distributor_id INTEGER NOT NULL,
    start_day      INTEGER NOT NULL,
    schedule_id    INTEGER NOT NULL,
    end_day        INTEGER NOT NULL,
    PRIMARY KEY (company_id, producer_id, distributor_id, start_day, schedule_id),
    FOREIGN KEY (company_id, schedule_id) REFERENCES schedules (company_id, id),
    FOREIGN KEY (company_id, distributor_id) REFERENCES parties (company_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX schedule_distributors_by_schedule ON schedule_distributors (company_id, schedule_id, distributor_id);
CREATE INDEX schedule_distributors_running ON schedule_distributors (company_id, distributor_id, end_day);

CREATE TABLE schedule_exceptions (
    company_id  INTEGER NOT NULL,
    schedule_id INTEGER NOT NULL,
    day         INTEGER NOT NULL,
    kind        TEXT    NOT NULL CHECK (kind IN ('SKIP', 'EXTRA', 'MOVE')),
    time_from   INTEGER CHECK (time_from BETWEEN 0 AND 86399),
    time_to     INTEGER CHECK (time_to BETWEEN 0 AND 86399 AND time_to <> time_from),
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (company_id, schedule_id, day),
    FOREIGN KEY (company_id, schedule_id) REFERENCES schedules (company_id, id),
    CHECK ((time_from IS NULL) = (time_to IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE holidays (
    company_id INTEGER NOT NULL REFERENCES companies (id),
    day        INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (company_id, day)
) STRICT, WITHOUT ROWID;

-- What reminders are waited for.
CREATE TABLE schedule_reminders (
    company_id  INTEGER NOT NULL,
    schedule_id INTEGER NOT NULL,
    -- Unix seconds; 0: it has to be worked out.
    next_at     INTEGER NOT NULL,
    -- Every reminder up to this instant is done with.
    done_until  INTEGER NOT NULL,
    -- While an occurrence is being told of: the last distributor that was.
    cursor      INTEGER,
    PRIMARY KEY (company_id, schedule_id),
    FOREIGN KEY (company_id, schedule_id) REFERENCES schedules (company_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX schedule_reminders_due ON schedule_reminders (next_at);

-- Who was reminded of which occurrence, so that nobody is twice whatever is changed about the schedule.
CREATE TABLE schedule_reminded (
    company_id     INTEGER NOT NULL,
    schedule_id    INTEGER NOT NULL,
    day            INTEGER NOT NULL,
    distributor_id INTEGER NOT NULL,
    at             INTEGER NOT NULL,
    PRIMARY KEY (company_id, schedule_id, day, distributor_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX schedule_reminded_by_age ON schedule_reminded (at);

-- Addresses of calendars: whoever knows the secret reads the calendar.
CREATE TABLE calendar_feeds (
    id             INTEGER PRIMARY KEY,
    guid           TEXT    NOT NULL UNIQUE,
    company_id     INTEGER NOT NULL REFERENCES companies (id),
    -- Whose it is: it works while this user may act for the party. NULL: the command line's.
    user_id        INTEGER REFERENCES users (id),
    schedule_id    INTEGER,
    distributor_id INTEGER,
    name           TEXT    NOT NULL,
    hint           TEXT    NOT NULL,
    -- SHA-256 of the secret, which is shown once.
    secret_hash    BLOB    NOT NULL UNIQUE CHECK (length(secret_hash) = 32),
    created_at     INTEGER NOT NULL,
    CHECK ((schedule_id IS NULL) <> (distributor_id IS NULL)),
    FOREIGN KEY (company_id, schedule_id) REFERENCES schedules (company_id, id),
    FOREIGN KEY (company_id, distributor_id) REFERENCES parties (company_id, id)
) STRICT;
CREATE INDEX calendar_feeds_by_company ON calendar_feeds (company_id, id);
CREATE INDEX calendar_feeds_by_schedule ON calendar_feeds (company_id, schedule_id) WHERE schedule_id IS NOT NULL;
