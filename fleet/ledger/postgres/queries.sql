-- Queries that PostgreSQL needs in other words than queries.sql has for them, and those of what only it has: leases.

-- name: claimable
-- As in queries.sql; jobs that another transaction is about to claim are passed over.
SELECT * FROM job_rows
WHERE id IN (
    SELECT id FROM jobs
    WHERE
        lane_id = (SELECT id FROM lanes WHERE name = :lane)
        AND manifest_id = :manifest_id
        AND state = 'pending'
        AND cancel_requested = 0
        AND (due_at <= :now OR due_at > :absurd OR updated_at > :now)
    ORDER BY size_bytes DESC NULLS LAST, id
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
)
ORDER BY size_bytes DESC NULLS LAST, id

-- name: fold_tallies
-- Make few rows of many. Rows that another transaction folds are left to it.
WITH folded AS (
    DELETE FROM tallies
    WHERE id IN (SELECT id FROM tallies ORDER BY id LIMIT 20000 FOR UPDATE SKIP LOCKED)
    RETURNING lane_id, state, jobs
)
INSERT INTO tallies (lane_id, state, jobs) SELECT lane_id, state, SUM(jobs) FROM folded GROUP BY lane_id, state

-- name: fence
-- One row if this replica still holds this lease in this epoch, and its code may still write; nobody can take the lease
-- before the transaction ends.
SELECT epoch FROM leases
WHERE
    name = :lease AND holder = :holder AND epoch = :epoch
    AND (SELECT min_code FROM fleet_schema) <= :code
FOR SHARE

-- name: add_lease
-- A lease exists, in nobody's hands.
INSERT INTO leases (name) VALUES (:lease) ON CONFLICT (name) DO NOTHING

-- name: seen_replica
-- A replica lives.
INSERT INTO replicas (name, host, pid, version, started_at, seen_at, draining, serves)
VALUES (:name, :host, :pid, :version, clock_timestamp(), clock_timestamp(), :draining, :serves)
ON CONFLICT (name) DO UPDATE SET
    seen_at = clock_timestamp(), draining = excluded.draining, serves = excluded.serves

-- name: renew_lease
-- A lease is held for so many seconds from now on, if nobody took it meanwhile.
UPDATE leases SET expires_at = clock_timestamp() + make_interval(secs => :lease_s)
WHERE name = :lease AND holder = :holder AND epoch = :epoch

-- name: take_lease
-- A free or expired lease is in other hands, in its next epoch. One that is written to at this moment is left alone.
UPDATE leases SET
    holder = :holder, epoch = epoch + 1, expires_at = clock_timestamp() + make_interval(secs => :lease_s)
WHERE name = (
    SELECT name FROM leases
    WHERE name = :lease AND (holder IS NULL OR expires_at <= clock_timestamp())
    FOR UPDATE SKIP LOCKED
)
RETURNING epoch

-- name: give_lease
-- A lease is free, if it was still in these hands.
UPDATE leases SET holder = NULL, expires_at = clock_timestamp()
WHERE name = :lease AND holder = :holder AND epoch = :epoch

-- name: leases
-- Every lease: its holder, epoch, seconds until it expires, and whether its lane has unfinished jobs.
SELECT
    leases.name, leases.holder, leases.epoch,
    CAST(EXTRACT(EPOCH FROM GREATEST(leases.expires_at, '2000-01-01') - clock_timestamp()) AS DOUBLE PRECISION),
    COALESCE(unfinished.jobs, 0) > 0
FROM leases
LEFT JOIN (
    SELECT lanes.name, SUM(tallies.jobs) AS jobs
    FROM tallies
    JOIN lanes ON lanes.id = tallies.lane_id
    WHERE tallies.state IN ('pending', 'submitting', 'running', 'finished')
    GROUP BY lanes.name
) AS unfinished ON unfinished.name = leases.name
ORDER BY leases.name

-- name: replicas
-- Every replica: who it is, when it began, seconds since it was seen, whether it is leaving, what it could hold.
SELECT
    name, host, pid, version, CAST(EXTRACT(EPOCH FROM started_at) AS DOUBLE PRECISION),
    CAST(EXTRACT(EPOCH FROM clock_timestamp() - seen_at) AS DOUBLE PRECISION), draining, serves
FROM replicas
ORDER BY started_at, name

-- name: forget_replica
-- A replica has left.
DELETE FROM replicas WHERE name = :name

-- name: forget_dead_replicas
-- Replicas and writers that nobody has seen for a day are gone.
DELETE FROM replicas WHERE seen_at < clock_timestamp() - make_interval(days => 1)

-- name: forget_dead_writers
-- The same for writers.
DELETE FROM writers WHERE seen_at < clock_timestamp() - make_interval(days => 1)

-- name: forget_writer
-- A writer has left.
DELETE FROM writers WHERE name = :name

-- name: schema
-- The schema's version, and how many versions a fleet must know to write to it.
SELECT version, min_code FROM fleet_schema

-- name: lock_tables
-- Nobody else changes the ledger until this transaction ends; everybody may read it.
LOCK TABLE lanes, requests, manifests, jobs, entries, rejections, events, orphans IN SHARE ROW EXCLUSIVE MODE

-- name: lift_limits
-- This one transaction may take long. The newest PostgreSQL alone knows transaction_timeout.
SELECT SET_CONFIG(name, CASE name WHEN 'transaction_timeout' THEN '0' ELSE '10min' END, TRUE)
FROM pg_settings
WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')

-- name: number_on
-- Ids go on after the highest that there is, where rows came with ids of their own.
SELECT
    SETVAL(PG_GET_SERIAL_SEQUENCE('lanes', 'id'), COALESCE((SELECT MAX(id) FROM lanes), 0) + 1, FALSE),
    SETVAL(PG_GET_SERIAL_SEQUENCE('requests', 'id'), COALESCE((SELECT MAX(id) FROM requests), 0) + 1, FALSE),
    SETVAL(PG_GET_SERIAL_SEQUENCE('manifests', 'id'), COALESCE((SELECT MAX(id) FROM manifests), 0) + 1, FALSE),
    SETVAL(PG_GET_SERIAL_SEQUENCE('jobs', 'id'), COALESCE((SELECT MAX(id) FROM jobs), 0) + 1, FALSE),
    SETVAL(PG_GET_SERIAL_SEQUENCE('rejections', 'id'), COALESCE((SELECT MAX(id) FROM rejections), 0) + 1, FALSE),
    SETVAL(PG_GET_SERIAL_SEQUENCE('events', 'id'), COALESCE((SELECT MAX(id) FROM events), 0) + 1, FALSE)

-- name: analyze
-- The planner knows at once how many rows came.
ANALYZE lanes, requests, manifests, jobs, entries, rejections, events, orphans
