-- The ledger on SQLite, as it is now: all of migrations/ in a row gives exactly this (tests/ledger proves it).
--
-- Times are Unix seconds. Yes and no are 1 and 0. States, events and verdicts are the words of fleet/core/job.py.
-- "x = 'a' OR x = 'b'" stands where IN would: SQLite builds a tree for every evaluation of an IN in a CHECK or in a
-- partial index, which made the insert of a job twice as slow.
-- PostgreSQL differs in: INTEGER PRIMARY KEY (there an identity column), REAL (there DOUBLE PRECISION), BLOB (there
-- BYTEA), WITHOUT ROWID (there nothing), and the body of triggers (there a function).

PRAGMA application_id = 1718379877; -- "flee": how a ledger is told from another program's SQLite file

CREATE TABLE lanes (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE, -- account/region/kind
    reconciled_at REAL NOT NULL DEFAULT 0 -- until when every job that AWS has of this lane is known here
);

-- Start requests without what differs from job to job: the jobs of one configuration share one row.
CREATE TABLE requests (
    id INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
    body TEXT NOT NULL
);

CREATE TABLE manifests (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL UNIQUE, -- a path, an s3:// URI, or -
    digest TEXT, -- of the content; NULL where it cannot be known beforehand
    lines INTEGER CHECK (lines >= 0),
    completed_at REAL -- NULL while a reading is not finished
);

-- One row per unit of work, in the order in which the manifests named them.
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE CHECK (length(key) = 16), -- half the size of its hex text, and so is its index
    lane_id INTEGER NOT NULL REFERENCES lanes (id),
    manifest_id INTEGER NOT NULL REFERENCES manifests (id), -- the first that asked for it: lanes are shared fairly
    target TEXT NOT NULL,
    prefix TEXT NOT NULL,
    label TEXT,
    request_id INTEGER NOT NULL REFERENCES requests (id),
    size_bytes INTEGER CHECK (size_bytes >= 0), -- of its input; NULL while it is not known
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

-- Only live rows are in these indexes, so they stay small while the ended jobs grow to millions. They hold no column
-- that a snooze or a poll changes, so that such a write touches the row alone.
CREATE INDEX jobs_pending ON jobs (lane_id, manifest_id, size_bytes DESC, id) WHERE state = 'pending';

CREATE INDEX jobs_unmeasured ON jobs (id) WHERE state = 'pending' AND size_bytes IS NULL;

CREATE INDEX jobs_live ON jobs (lane_id, id) WHERE state = 'submitting' OR state = 'running' OR state = 'finished';

CREATE INDEX jobs_cancelling ON jobs (lane_id, id)
WHERE cancel_requested = 1 AND (state = 'pending' OR state = 'submitting' OR state = 'running');

-- A job as fleet/core/job.py knows it, in the order of its fields' names there.
CREATE VIEW job_rows AS
SELECT
    jobs.id, jobs.key, lanes.name AS lane, jobs.target, jobs.prefix, jobs.label, jobs.state, jobs.attempt, jobs.snoozes,
    jobs.due_at, jobs.cancel_requested, jobs.holder, requests.body AS request, jobs.intent, jobs.remote_id,
    jobs.output_uri, jobs.submitted_at, jobs.ended_at, jobs.verdict, jobs.documents, jobs.failed_documents, jobs.reason,
    jobs.updated_at, jobs.size_bytes, jobs.manifest_id, jobs.lane_id
FROM jobs
JOIN lanes ON lanes.id = jobs.lane_id
JOIN requests ON requests.id = jobs.request_id;

-- Which line of which manifest asked for which job. One line asks for one job per kind; two lines may ask for one job.
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
    field TEXT, -- NULL where the whole line is meant
    reason TEXT NOT NULL
);

CREATE INDEX rejections_manifest ON rejections (manifest_id, line);

-- What happened, append only. `attempt` is the attempt that the event belongs to: retried closes it.
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
    detail TEXT -- a JSON object, or NULL
);

CREATE INDEX events_job ON events (job_id, id);

-- What a lane has learned of its durations is read from its last finished jobs.
CREATE INDEX events_finished ON events (id) WHERE event = 'finished';

-- How many jobs each lane has in each state, so that no count ever scans a million rows. Only triggers write it.
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

-- AWS jobs of our names that no job here accounts for: their job is to be added yet, or is in an older attempt than
-- theirs, because the ledger was lost or is an old backup. A job that is claimed adopts its orphan instead of starting.
CREATE TABLE orphans (
    lane_id INTEGER NOT NULL REFERENCES lanes (id),
    key BLOB NOT NULL CHECK (length(key) = 16),
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    remote_id TEXT NOT NULL,
    submitted_at REAL,
    PRIMARY KEY (lane_id, key)
) WITHOUT ROWID;
