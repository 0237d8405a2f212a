-- One row: which content this is, and how often its records were changed.
CREATE TABLE store (
    incarnation TEXT NOT NULL,
    revision INTEGER NOT NULL
) STRICT;

-- One row: the store key, wrapped under the root key (CORE K-108).
CREATE TABLE root_key (
    generation INTEGER NOT NULL,
    kind TEXT NOT NULL,
    parameters TEXT NOT NULL,
    wrapped BLOB NOT NULL
) STRICT;

-- The state. A record that is gone keeps its name and revision, so that other processes learn of it.
CREATE TABLE records (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    revision INTEGER NOT NULL,
    body TEXT,
    sealed BLOB,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX records_by_revision ON records (revision);

-- Every event, never changed. The columns beside the text are there to find it.
CREATE TABLE events (
    number INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    operation TEXT NOT NULL,
    caller TEXT NOT NULL,
    error_code TEXT,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    text TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;

CREATE INDEX events_by_time ON events (at);
CREATE INDEX events_by_operation ON events (operation);
CREATE INDEX events_by_caller ON events (caller);

CREATE TABLE event_resources (
    resource TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (resource, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER events_stay BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are never changed');
END;

CREATE TRIGGER events_remain BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are never removed');
END;
