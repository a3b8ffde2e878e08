-- Every query of the ledger. Written for SQLite and PostgreSQL alike; postgres_queries.py says how the few differences
-- in words are bridged, and postgres/queries.sql has what must be said otherwise there.
-- "state = 'a' OR state = 'b'" repeats a partial index's condition to the letter: only so does SQLite use the index.
-- A CAST around a parameter that may be NULL tells PostgreSQL its type. "+ id" keeps SQLite from walking the whole
-- table in the order of id when a small partial index holds all the rows asked for.

-- name: add_lane
-- Give a lane a row; its tallies start at zero.
INSERT INTO lanes (name) VALUES (:name) ON CONFLICT (name) DO NOTHING

-- name: lane_id
-- The row of a lane.
SELECT id FROM lanes WHERE name = :name

-- name: reconciled_at
-- Until when a lane is known to be whole.
SELECT reconciled_at FROM lanes WHERE name = :lane

-- name: set_reconciled
-- A lane is whole until then.
UPDATE lanes SET reconciled_at = :at WHERE name = :lane

-- name: add_request
-- Keep a Start request once, however many jobs share it.
INSERT INTO requests (sha256, body) VALUES (:sha256, :body) ON CONFLICT (sha256) DO NOTHING

-- name: request_id
-- The row of a Start request.
SELECT id FROM requests WHERE sha256 = :sha256

-- name: add_job
-- Give a planned job a row, if its key has none.
INSERT INTO jobs (key, lane_id, manifest_id, target, prefix, label, request_id, created_at, updated_at)
VALUES (:key, :lane_id, :manifest_id, :target, :prefix, :label, :request_id, :now, :now)
ON CONFLICT (key) DO NOTHING

-- name: planned_job
-- What a re-read manifest may change, and whether it still may.
SELECT
    lane_id, target, label, request_id,
    state = 'discarded' OR state = 'cancelled' OR (state = 'pending' AND intent IS NULL) AS movable
FROM jobs
WHERE key = :key

-- name: take_over
-- Give a job other settings than those it was planned with.
UPDATE jobs SET lane_id = :lane_id, target = :target, label = :label, request_id = :request_id, updated_at = :now
WHERE key = :key

-- name: add_entry
-- Note that this line of this manifest asks for this job.
INSERT INTO entries (manifest_id, line, job_id)
SELECT CAST(:manifest_id AS BIGINT), CAST(:line AS BIGINT), id FROM jobs WHERE key = :key
ON CONFLICT DO NOTHING

-- name: claimable
-- The next due jobs of one manifest in a lane, the largest input first. One that is due absurdly late, or was put off
-- at a time that is still to come, is due: the clock was set back since.
SELECT * FROM job_rows
WHERE
    lane_id = (SELECT id FROM lanes WHERE name = :lane)
    AND manifest_id = :manifest_id
    AND state = 'pending'
    AND cancel_requested = 0
    AND (due_at <= :now OR due_at > :absurd OR updated_at > :now)
ORDER BY size_bytes DESC NULLS LAST, id
LIMIT :limit

-- name: any_claimable
-- One due job of a lane, whichever.
SELECT id FROM jobs
WHERE
    lane_id = (SELECT id FROM lanes WHERE name = :lane)
    AND state = 'pending'
    AND cancel_requested = 0
    AND (due_at <= :now OR due_at > :absurd OR updated_at > :now)
LIMIT 1

-- name: waiting_manifests
-- The manifests that have pending jobs in a lane: one look into the index for each, however many jobs they have.
WITH RECURSIVE waiting (manifest_id) AS (
    SELECT MIN(manifest_id) FROM jobs
    WHERE lane_id = (SELECT id FROM lanes WHERE name = :lane) AND state = 'pending'
    UNION ALL
    SELECT (
        SELECT MIN(jobs.manifest_id) FROM jobs
        WHERE
            jobs.lane_id = (SELECT id FROM lanes WHERE name = :lane)
            AND jobs.state = 'pending'
            AND jobs.manifest_id > waiting.manifest_id
    )
    FROM waiting
    WHERE waiting.manifest_id IS NOT NULL
)
SELECT manifest_id FROM waiting WHERE manifest_id IS NOT NULL

-- name: in_flight_manifests
-- How many slots of a lane each manifest holds.
SELECT manifest_id, COUNT(*) FROM jobs
WHERE
    lane_id = (SELECT id FROM lanes WHERE name = :lane)
    AND (state = 'submitting' OR state = 'running' OR state = 'finished')
    AND state <> 'finished'
GROUP BY manifest_id

-- name: unmeasured
-- Pending jobs whose input's size is not known.
SELECT * FROM job_rows
WHERE state = 'pending' AND size_bytes IS NULL AND id > :after
ORDER BY id
LIMIT :limit

-- name: measure
-- Note how large a job's input is.
UPDATE jobs SET size_bytes = :size_bytes WHERE id = :id

-- name: backlog
-- How many jobs of a lane are pending, and the mean size of those whose size is known.
SELECT COUNT(*), CAST(AVG(size_bytes) AS DOUBLE PRECISION) FROM jobs
WHERE lane_id = (SELECT id FROM lanes WHERE name = :lane) AND state = 'pending'

-- name: durations
-- How long the last jobs of a lane took that AWS completed, newest first.
SELECT jobs.ended_at - jobs.submitted_at, jobs.size_bytes
FROM events
JOIN jobs ON jobs.id = events.job_id
WHERE
    events.event = 'finished'
    AND jobs.lane_id = (SELECT id FROM lanes WHERE name = :lane)
    AND jobs.ended_at > jobs.submitted_at
ORDER BY events.id DESC
LIMIT :limit

-- name: next_due
-- When the first pending job of a lane is due; NULL when none is pending.
SELECT MIN(due_at) FROM jobs
WHERE lane_id = (SELECT id FROM lanes WHERE name = :lane) AND state = 'pending' AND cancel_requested = 0

-- name: move
-- Change one job's state, only if nobody changed it first. A wish to cancel is kept unless this clears it.
UPDATE jobs SET
    state = :state, attempt = :attempt, snoozes = :snoozes, due_at = :due_at,
    cancel_requested = COALESCE(:cancel_requested, cancel_requested),
    holder = :holder, intent = :intent, remote_id = :remote_id, output_uri = :output_uri,
    submitted_at = :submitted_at, ended_at = :ended_at, verdict = :verdict,
    documents = :documents, failed_documents = :failed_documents, reason = :reason, updated_at = :updated_at
WHERE id = :id AND state = :current_state AND attempt = :current_attempt

-- name: add_event
-- Append what happened to a job.
INSERT INTO events (job_id, at, event, attempt, detail) VALUES (:job_id, :at, :event, :attempt, :detail)

-- name: release
-- Take a submitting job out of its holder's hands, so that rescue looks it up.
UPDATE jobs SET holder = NULL, updated_at = :now
WHERE id = :id AND state = 'submitting' AND attempt = :attempt AND holder = :holder

-- name: request_cancel
-- Note a person's wish, while there is something to cancel.
UPDATE jobs SET cancel_requested = 1, updated_at = :now
WHERE
    key = :key
    AND cancel_requested = 0
    AND (state = 'pending' OR state = 'submitting' OR state = 'running')

-- name: cancelling_jobs
-- Jobs that a person wants cancelled and that are not yet.
SELECT * FROM job_rows
WHERE
    cancel_requested = 1 AND (state = 'pending' OR state = 'submitting' OR state = 'running')
    AND + id > :after
    AND (CAST(:lane AS TEXT) IS NULL OR lane = :lane)
ORDER BY + id
LIMIT :limit

-- name: job_by_key
-- One job by its key, if it is among those asked for.
SELECT * FROM job_rows
WHERE
    key = :key
    AND id > :after
    AND (CAST(:lane AS TEXT) IS NULL OR lane = :lane)
    AND (CAST(:states AS TEXT) IS NULL OR state IN (SELECT value FROM json_each(:states)))
    AND (
        CAST(:manifests AS TEXT) IS NULL
        OR id IN (
            SELECT job_id FROM entries
            WHERE manifest_id IN (SELECT CAST(value AS BIGINT) FROM json_each(:manifests))
        )
    )

-- name: jobs
-- Jobs in any state.
SELECT * FROM job_rows
WHERE
    id > :after
    AND (CAST(:lane AS TEXT) IS NULL OR lane = :lane)
    AND (CAST(:states AS TEXT) IS NULL OR state IN (SELECT value FROM json_each(:states)))
    AND (
        CAST(:manifests AS TEXT) IS NULL
        OR id IN (
            SELECT job_id FROM entries
            WHERE manifest_id IN (SELECT CAST(value AS BIGINT) FROM json_each(:manifests))
        )
    )
ORDER BY id
LIMIT :limit

-- name: live_jobs
-- The same for submitting, running and finished jobs alone, without a look at the others.
SELECT * FROM job_rows
WHERE
    (state = 'submitting' OR state = 'running' OR state = 'finished')
    AND + id > :after
    AND (CAST(:lane AS TEXT) IS NULL OR lane = :lane)
    AND (CAST(:states AS TEXT) IS NULL OR state IN (SELECT value FROM json_each(:states)))
    AND (
        CAST(:manifests AS TEXT) IS NULL
        OR id IN (
            SELECT job_id FROM entries
            WHERE manifest_id IN (SELECT CAST(value AS BIGINT) FROM json_each(:manifests))
        )
    )
ORDER BY + id
LIMIT :limit

-- name: oldest
-- Since when the oldest job of each state that is not an end has been in it.
SELECT state, MIN(updated_at)
FROM jobs
WHERE state = 'submitting' OR state = 'running' OR state = 'finished'
GROUP BY state
UNION ALL
SELECT state, MIN(updated_at)
FROM jobs
WHERE state = 'pending'
GROUP BY state

-- name: counts
-- How many jobs each lane has in each state.
SELECT lanes.name, tallies.state, CAST(SUM(tallies.jobs) AS BIGINT)
FROM tallies
JOIN lanes ON lanes.id = tallies.lane_id
GROUP BY lanes.id, lanes.name, tallies.state
ORDER BY lanes.id

-- name: manifest_counts
-- The same for the jobs of some manifests, each job once.
SELECT lanes.name, jobs.state, COUNT(*)
FROM jobs
JOIN lanes ON lanes.id = jobs.lane_id
WHERE CAST(:manifests AS TEXT) IS NULL
    OR jobs.id IN (
        SELECT job_id FROM entries
        WHERE manifest_id IN (SELECT CAST(value AS BIGINT) FROM json_each(:manifests))
    )
GROUP BY lanes.name, jobs.state

-- name: verdicts
-- How many verified jobs have which verdict, and their documents.
SELECT
    lanes.name, jobs.verdict, COUNT(*),
    CAST(COALESCE(SUM(jobs.documents), 0) AS BIGINT), CAST(COALESCE(SUM(jobs.failed_documents), 0) AS BIGINT)
FROM jobs
JOIN lanes ON lanes.id = jobs.lane_id
WHERE
    jobs.state = 'verified'
    AND (
        CAST(:manifests AS TEXT) IS NULL
        OR jobs.id IN (
            SELECT job_id FROM entries
            WHERE manifest_id IN (SELECT CAST(value AS BIGINT) FROM json_each(:manifests))
        )
    )
GROUP BY lanes.name, jobs.verdict

-- name: reasons
-- Why jobs wait, were given up or are not whole: the most frequent reasons first.
SELECT jobs.state, jobs.reason, COUNT(*) AS times
FROM jobs
WHERE
    jobs.reason IS NOT NULL
    AND (jobs.state IN ('pending', 'discarded', 'cancelled') OR (jobs.state = 'verified' AND jobs.verdict <> 'complete'))
    AND (
        CAST(:manifests AS TEXT) IS NULL
        OR jobs.id IN (
            SELECT job_id FROM entries
            WHERE manifest_id IN (SELECT CAST(value AS BIGINT) FROM json_each(:manifests))
        )
    )
GROUP BY jobs.state, jobs.reason
ORDER BY times DESC, jobs.state, jobs.reason
LIMIT :limit

-- name: history
-- All that happened to a job, in order.
SELECT at, event, attempt, detail FROM events WHERE job_id = :job_id ORDER BY id

-- name: histories
-- All that happened to the jobs whose ids are above one and up to another, job by job, in order.
SELECT job_id, at, event, attempt, detail FROM events
WHERE job_id > :after AND job_id <= :last
ORDER BY job_id, id

-- name: wrong_tallies
-- The tallies that are not a count of the jobs.
SELECT lanes.name, tallied.state, CAST(tallied.jobs AS BIGINT), COALESCE(counted.jobs, 0)
FROM (SELECT lane_id, state, SUM(jobs) AS jobs FROM tallies GROUP BY lane_id, state) AS tallied
JOIN lanes ON lanes.id = tallied.lane_id
LEFT JOIN (SELECT lane_id, state, COUNT(*) AS jobs FROM jobs GROUP BY lane_id, state) AS counted
    ON counted.lane_id = tallied.lane_id AND counted.state = tallied.state
WHERE tallied.jobs <> COALESCE(counted.jobs, 0)

-- name: note_orphan
-- Keep what AWS has under one of our names, unless a job accounts for it already.
INSERT INTO orphans (lane_id, key, attempt, remote_id, submitted_at)
SELECT lanes.id, :key, CAST(:attempt AS BIGINT), :remote_id, :submitted_at
FROM lanes
WHERE
    lanes.name = :lane
    AND NOT EXISTS (
        SELECT 1 FROM jobs
        WHERE
            jobs.key = :key
            AND (jobs.attempt > :attempt OR (jobs.attempt = :attempt AND jobs.remote_id IS NOT NULL))
    )
ON CONFLICT (lane_id, key) DO UPDATE SET
    attempt = excluded.attempt, remote_id = excluded.remote_id, submitted_at = excluded.submitted_at

-- name: orphan
-- What AWS has of a job from this attempt on.
SELECT attempt, remote_id, submitted_at FROM orphans
WHERE lane_id = (SELECT id FROM lanes WHERE name = :lane) AND key = :key AND attempt >= :attempt

-- name: forget_orphan
-- A job accounts for it now.
DELETE FROM orphans WHERE lane_id = (SELECT id FROM lanes WHERE name = :lane) AND key = :key

-- name: orphans
-- How many AWS jobs of our names belong to no job at all.
SELECT COUNT(*) FROM orphans WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.key = orphans.key)

-- name: manifest
-- What is known of a manifest.
SELECT id, digest, completed_at FROM manifests WHERE source = :source

-- name: manifests
-- All manifests in the order in which they were begun first.
SELECT id, source, lines, completed_at FROM manifests ORDER BY id

-- name: begin_manifest
-- Begin a reading of a manifest, the first or another.
INSERT INTO manifests (source, digest) VALUES (:source, :digest)
ON CONFLICT (source) DO UPDATE SET digest = excluded.digest, lines = NULL, completed_at = NULL

-- name: forget_entries
-- Drop what an older reading of a manifest asked for; the jobs stay.
DELETE FROM entries WHERE manifest_id = :manifest_id

-- name: forget_rejections
-- Drop what an older reading of a manifest rejected.
DELETE FROM rejections WHERE manifest_id = :manifest_id

-- name: complete_manifest
-- Note that a manifest was read to its end.
UPDATE manifests SET lines = :lines, completed_at = :now WHERE id = :manifest_id

-- name: add_rejection
-- Keep a line that asks for nothing that can be done.
INSERT INTO rejections (manifest_id, line, field, reason) VALUES (:manifest_id, :line, :field, :reason)

-- name: rejections
-- The rejected lines of some manifests.
SELECT manifests.source, rejections.line, rejections.field, rejections.reason
FROM rejections
JOIN manifests ON manifests.id = rejections.manifest_id
WHERE
    CAST(:manifests AS TEXT) IS NULL
    OR rejections.manifest_id IN (SELECT CAST(value AS BIGINT) FROM json_each(:manifests))
ORDER BY rejections.manifest_id, rejections.line, rejections.id

-- name: report
-- The jobs of a manifest in the order of its lines, from after a line and job on.
SELECT entries.line, job_rows.*
FROM entries
JOIN job_rows ON job_rows.id = entries.job_id
WHERE entries.manifest_id = :manifest_id AND (entries.line, entries.job_id) > (:line, :job_id)
ORDER BY entries.line, entries.job_id
LIMIT :limit

-- name: chosen_jobs
-- The jobs that a person describes, in the order of their ids.
SELECT * FROM job_rows
WHERE
    id > :after
    AND (CAST(:states AS TEXT) IS NULL OR state IN (SELECT value FROM json_each(:states)))
    AND (CAST(:lanes AS TEXT) IS NULL OR lane IN (SELECT value FROM json_each(:lanes)))
    AND (CAST(:targets AS TEXT) IS NULL OR target IN (SELECT value FROM json_each(:targets)))
    AND (CAST(:verdicts AS TEXT) IS NULL OR verdict IN (SELECT value FROM json_each(:verdicts)))
    AND (CAST(:reason_like AS TEXT) IS NULL OR LOWER(reason) LIKE LOWER(:reason_like) ESCAPE '!')
    AND (
        CAST(:manifests AS TEXT) IS NULL
        OR id IN (
            SELECT job_id FROM entries
            WHERE manifest_id IN (SELECT CAST(value AS BIGINT) FROM json_each(:manifests))
        )
    )
ORDER BY id
LIMIT :limit

-- name: sorted_jobs
-- The same in another order, from after a place in it.
SELECT * FROM (
    SELECT
        job_rows.*,
        CASE CAST(:sort AS TEXT)
            WHEN 'updated' THEN - updated_at
            WHEN 'attempt' THEN - attempt
            WHEN 'size' THEN - COALESCE(size_bytes, 0)
            ELSE 0
        END AS place,
        CASE CAST(:sort AS TEXT) WHEN 'prefix' THEN prefix ELSE '' END AS word
    FROM job_rows
    WHERE
        (CAST(:states AS TEXT) IS NULL OR state IN (SELECT value FROM json_each(:states)))
        AND (CAST(:lanes AS TEXT) IS NULL OR lane IN (SELECT value FROM json_each(:lanes)))
        AND (CAST(:targets AS TEXT) IS NULL OR target IN (SELECT value FROM json_each(:targets)))
        AND (CAST(:verdicts AS TEXT) IS NULL OR verdict IN (SELECT value FROM json_each(:verdicts)))
        AND (CAST(:reason_like AS TEXT) IS NULL OR LOWER(reason) LIKE LOWER(:reason_like) ESCAPE '!')
        AND (
            CAST(:manifests AS TEXT) IS NULL
            OR id IN (
                SELECT job_id FROM entries
                WHERE manifest_id IN (SELECT CAST(value AS BIGINT) FROM json_each(:manifests))
            )
        )
) AS chosen
WHERE CAST(:after AS BIGINT) = 0 OR (place, word, id) > (:after_place, :after_word, :after)
ORDER BY place, word, id
LIMIT :limit

-- name: chosen_counts
-- How many of them there are, by what a person sees of them.
SELECT lane, state, verdict, reason, COUNT(*) FROM job_rows
WHERE
    (CAST(:states AS TEXT) IS NULL OR state IN (SELECT value FROM json_each(:states)))
    AND (CAST(:lanes AS TEXT) IS NULL OR lane IN (SELECT value FROM json_each(:lanes)))
    AND (CAST(:targets AS TEXT) IS NULL OR target IN (SELECT value FROM json_each(:targets)))
    AND (CAST(:verdicts AS TEXT) IS NULL OR verdict IN (SELECT value FROM json_each(:verdicts)))
    AND (CAST(:reason_like AS TEXT) IS NULL OR LOWER(reason) LIKE LOWER(:reason_like) ESCAPE '!')
    AND (
        CAST(:manifests AS TEXT) IS NULL
        OR id IN (
            SELECT job_id FROM entries
            WHERE manifest_id IN (SELECT CAST(value AS BIGINT) FROM json_each(:manifests))
        )
    )
GROUP BY lane, state, verdict, reason
ORDER BY COUNT(*) DESC, lane, state

-- name: jobs_between_keys
-- The jobs whose keys lie between two.
SELECT * FROM job_rows WHERE key >= :low AND key <= :high ORDER BY id LIMIT :limit

-- name: jobs_of_remote
-- The job that AWS knows by this JobId.
SELECT * FROM job_rows WHERE remote_id = :remote_id

-- name: jobs_once_of_remote
-- The job that AWS knew by this JobId in an earlier attempt; `like` is its place in the detail of an event.
SELECT * FROM job_rows WHERE id IN (SELECT job_id FROM events WHERE event = 'accepted' AND detail LIKE :like ESCAPE '!')

-- name: jobs_of_prefix
-- The jobs that read this prefix, to the letter.
SELECT * FROM job_rows WHERE prefix = :prefix ORDER BY id LIMIT :limit

-- name: recent_events
-- What happened in each lane since a time, as far as the last events tell.
SELECT lanes.name, recent.event, COUNT(*), MIN(recent.at)
FROM (SELECT job_id, event, at FROM events ORDER BY id DESC LIMIT :limit) AS recent
JOIN jobs ON jobs.id = recent.job_id
JOIN lanes ON lanes.id = jobs.lane_id
WHERE recent.at > :since
GROUP BY lanes.name, recent.event

-- name: rejections_after
-- The rejected lines of a manifest from after a line and rejection on.
SELECT line, id, field, reason FROM rejections
WHERE manifest_id = :manifest_id AND (line, id) > (:line, :id)
ORDER BY line, id
LIMIT :limit

-- name: reopenable_jobs
-- Jobs by their ids, as they are now.
SELECT * FROM job_rows WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))

-- name: rejection_count
-- How many lines were rejected, of all manifests.
SELECT COUNT(*) FROM rejections

-- name: job_of_key
-- One job by its key.
SELECT * FROM job_rows WHERE key = :key

-- name: copied_rows
-- How many rows a copy of the ledger has, all tables together.
SELECT
    (SELECT COUNT(*) FROM lanes) + (SELECT COUNT(*) FROM requests) + (SELECT COUNT(*) FROM manifests)
    + (SELECT COUNT(*) FROM jobs) + (SELECT COUNT(*) FROM entries) + (SELECT COUNT(*) FROM rejections)
    + (SELECT COUNT(*) FROM events) + (SELECT COUNT(*) FROM orphans)

-- name: clear_orphans
-- A ledger without jobs and manifests may still know lanes, which a copy brings anew.
DELETE FROM orphans

-- name: clear_tallies
-- The same for the tallies.
DELETE FROM tallies

-- name: clear_lanes
-- The same for the lanes.
DELETE FROM lanes

-- name: clear_requests
-- The same for Start requests.
DELETE FROM requests
