-- Version 2: what AWS runs under our names and no job here accounts for, so that it is adopted when its job comes.

CREATE TABLE orphans (
    lane_id INTEGER NOT NULL REFERENCES lanes (id),
    key BLOB NOT NULL CHECK (length(key) = 16),
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    remote_id TEXT NOT NULL,
    submitted_at REAL,
    PRIMARY KEY (lane_id, key)
) WITHOUT ROWID;
