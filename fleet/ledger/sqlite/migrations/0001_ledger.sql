-- Version 1: the first. schema.sql, which is the same by now or later, says what everything is for.

PRAGMA application_id = 1718379877;

CREATE TABLE lanes (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE, -- account/region/kind
    reconciled_at REAL NOT NULL DEFAULT 0 -- until when every job that AWS has of this lane is known here
);

CREATE TABLE requests (
    id INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
    body TEXT NOT NULL
);

CREATE TABLE manifests (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL UNIQUE,
    digest TEXT,
    lines INTEGER CHECK (lines >= 0),
    completed_at REAL
);

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE CHECK (length(key) = 16),
    lane_id INTEGER NOT NULL REFERENCES lanes (id),
    manifest_id INTEGER NOT NULL REFERENCES manifests (id),
    target TEXT NOT NULL,
    prefix TEXT NOT NULL,
    label TEXT,
    request_id INTEGER NOT NULL REFERENCES requests (id),
    size_bytes INTEGER CHECK (size_bytes >= 0),
    state TEXT NOT NULL DEFAULT 'pending' CHECK (
        state = 'pending' OR state = 'submitting' OR state = 'running' OR state = 'finished'
        OR state = 'verified' OR state = 'discarded' OR state = 'cancelled'
    ),
    attempt INTEGER NOT NULL DEFAULT 1 CHECK (attempt >= 1),
    snoozes INTEGER NOT NULL DEFAULT 0 CHECK (snoozes >= 0),
    due_at REAL NOT NULL DEFAULT 0,
    cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested = 0 OR cancel_requested = 1),
    holder TEXT CHECK (holder IS NULL OR state = 'submitting'),
    intent TEXT CHECK (
        intent IS NOT NULL OR state = 'pending' OR state = 'discarded' OR state = 'cancelled'
    ),
    remote_id TEXT CHECK (
        remote_id IS NOT NULL
        OR state = 'pending' OR state = 'submitting' OR state = 'discarded' OR state = 'cancelled'
    ),
    output_uri TEXT,
    submitted_at REAL,
    ended_at REAL,
    verdict TEXT CHECK (
        verdict IS NULL
        OR verdict = 'complete' OR verdict = 'partial' OR verdict = 'missing' OR verdict = 'unreadable'
    ),
    documents INTEGER CHECK (documents >= 0),
    failed_documents INTEGER CHECK (failed_documents >= 0),
    reason TEXT,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    CHECK ((verdict IS NOT NULL) = (state = 'verified'))
);

CREATE INDEX jobs_pending ON jobs (lane_id, manifest_id, size_bytes DESC, id) WHERE state = 'pending';

CREATE INDEX jobs_unmeasured ON jobs (id) WHERE state = 'pending' AND size_bytes IS NULL;

CREATE INDEX jobs_live ON jobs (lane_id, id) WHERE state = 'submitting' OR state = 'running' OR state = 'finished';

CREATE INDEX jobs_cancelling ON jobs (lane_id, id)
WHERE cancel_requested = 1 AND (state = 'pending' OR state = 'submitting' OR state = 'running');

CREATE VIEW job_rows AS
SELECT
    jobs.id, jobs.key, lanes.name AS lane, jobs.target, jobs.prefix, jobs.label, jobs.state, jobs.attempt, jobs.snoozes,
    jobs.due_at, jobs.cancel_requested, jobs.holder, requests.body AS request, jobs.intent, jobs.remote_id,
    jobs.output_uri, jobs.submitted_at, jobs.ended_at, jobs.verdict, jobs.documents, jobs.failed_documents, jobs.reason,
    jobs.updated_at, jobs.size_bytes, jobs.manifest_id, jobs.lane_id
FROM jobs
JOIN lanes ON lanes.id = jobs.lane_id
JOIN requests ON requests.id = jobs.request_id;

CREATE TABLE entries (
    manifest_id INTEGER NOT NULL REFERENCES manifests (id),
    line INTEGER NOT NULL,
    job_id INTEGER NOT NULL REFERENCES jobs (id),
    PRIMARY KEY (manifest_id, line, job_id)
) WITHOUT ROWID;

CREATE TABLE rejections (
    id INTEGER PRIMARY KEY,
    manifest_id INTEGER NOT NULL REFERENCES manifests (id),
    line INTEGER NOT NULL,
    field TEXT,
    reason TEXT NOT NULL
);

CREATE INDEX rejections_manifest ON rejections (manifest_id, line);

CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    job_id INTEGER NOT NULL REFERENCES jobs (id),
    at REAL NOT NULL,
    event TEXT NOT NULL CHECK (
        event = 'claimed' OR event = 'accepted' OR event = 'finished' OR event = 'verified'
        OR event = 'snoozed' OR event = 'retried' OR event = 'rescued'
        OR event = 'discarded' OR event = 'cancelled' OR event = 'reopened'
    ),
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    detail TEXT
);

CREATE INDEX events_job ON events (job_id, id);

CREATE INDEX events_finished ON events (id) WHERE event = 'finished';

CREATE TABLE tallies (
    lane_id INTEGER NOT NULL REFERENCES lanes (id),
    state TEXT NOT NULL,
    jobs INTEGER NOT NULL CHECK (jobs >= 0),
    PRIMARY KEY (lane_id, state)
) WITHOUT ROWID;

CREATE TRIGGER lanes_start_at_zero AFTER INSERT ON lanes
BEGIN
    INSERT INTO tallies (lane_id, state, jobs) VALUES
        (NEW.id, 'pending', 0), (NEW.id, 'submitting', 0), (NEW.id, 'running', 0), (NEW.id, 'finished', 0),
        (NEW.id, 'verified', 0), (NEW.id, 'discarded', 0), (NEW.id, 'cancelled', 0);
END;

CREATE TRIGGER jobs_are_counted AFTER INSERT ON jobs
BEGIN
    UPDATE tallies SET jobs = jobs + 1 WHERE lane_id = NEW.lane_id AND state = NEW.state;
END;

CREATE TRIGGER jobs_are_recounted AFTER UPDATE OF state, lane_id ON jobs
BEGIN
    UPDATE tallies SET jobs = jobs - 1 WHERE lane_id = OLD.lane_id AND state = OLD.state;
    UPDATE tallies SET jobs = jobs + 1 WHERE lane_id = NEW.lane_id AND state = NEW.state;
END;

CREATE TRIGGER jobs_are_uncounted AFTER DELETE ON jobs
BEGIN
    UPDATE tallies SET jobs = jobs - 1 WHERE lane_id = OLD.lane_id AND state = OLD.state;
END;
