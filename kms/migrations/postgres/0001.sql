-- One row: the version of this schema, which content this is, how often its records were changed.
CREATE TABLE store (
    version BIGINT NOT NULL,
    incarnation TEXT NOT NULL,
    revision BIGINT NOT NULL
);

-- One row: the store key, wrapped under the root key (CORE K-108).
CREATE TABLE root_key (
    generation BIGINT NOT NULL,
    kind TEXT NOT NULL,
    parameters TEXT NOT NULL,
    wrapped BYTEA NOT NULL
);

-- The state. A record that is gone keeps its name and revision, so that other processes learn of it.
CREATE TABLE records (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    revision BIGINT NOT NULL,
    body TEXT,
    sealed BYTEA,
    PRIMARY KEY (kind, name)
);

CREATE INDEX records_by_revision ON records (revision);

-- Every event, never changed. The columns beside the text are there to find it.
CREATE TABLE events (
    number BIGINT PRIMARY KEY,
    at TEXT NOT NULL,
    operation TEXT NOT NULL,
    caller TEXT NOT NULL,
    error_code TEXT,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    text TEXT NOT NULL,
    hash TEXT NOT NULL
);

CREATE INDEX events_by_time ON events (at);
CREATE INDEX events_by_operation ON events (operation);
CREATE INDEX events_by_caller ON events (caller);

CREATE TABLE event_resources (
    resource TEXT NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (resource, number)
);

CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are never changed or removed';
END $$;

CREATE TRIGGER events_stay BEFORE UPDATE OR DELETE ON events
FOR EACH ROW EXECUTE FUNCTION refuse();
