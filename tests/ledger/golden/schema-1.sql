PRAGMA application_id = 1718379877;
BEGIN TRANSACTION;
CREATE TABLE entries (
    manifest_id INTEGER NOT NULL REFERENCES manifests (id),
    line INTEGER NOT NULL,
    job_id INTEGER NOT NULL REFERENCES jobs (id),
    PRIMARY KEY (manifest_id, line, job_id)
) WITHOUT ROWID;
INSERT INTO "entries" VALUES(1,7,7);
INSERT INTO "entries" VALUES(2,1,8);
INSERT INTO "entries" VALUES(2,3,1);
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
INSERT INTO "events" VALUES(1,1,1700000010.0,'cancelled',1,'{"reason":"a person asked"}');
INSERT INTO "events" VALUES(2,2,1700000020.0,'claimed',1,'{"holder":"this process"}');
INSERT INTO "events" VALUES(3,2,1700000020.0,'discarded',1,'{"reason":"NO_INPUT_FILES: nothing there"}');
INSERT INTO "events" VALUES(4,3,1700000030.0,'claimed',1,'{"holder":"this process"}');
INSERT INTO "events" VALUES(5,3,1700000030.0,'accepted',1,'{"due_at":1700000002.0,"remote_id":"11111111111111111111111111111111","submitted_at":1700000001.5}');
INSERT INTO "events" VALUES(6,3,1700000030.0,'finished',1,'{"ended_at":1700000700.25,"output_uri":"s3://corpus-out/results/output.tar.gz"}');
INSERT INTO "events" VALUES(7,3,1700000030.0,'verified',1,'{"documents":99,"failed_documents":1,"reason":"1 x INTERNAL_SERVER_ERROR","verdict":"partial"}');
INSERT INTO "events" VALUES(8,4,1700000040.0,'claimed',1,'{"holder":"this process"}');
INSERT INTO "events" VALUES(9,4,1700000040.0,'accepted',1,'{"due_at":1700000002.0,"remote_id":"11111111111111111111111111111111","submitted_at":1700000001.5}');
INSERT INTO "events" VALUES(10,4,1700000040.0,'finished',1,'{"ended_at":1700000700.25,"output_uri":"s3://corpus-out/results/output.tar.gz"}');
INSERT INTO "events" VALUES(11,5,1700000050.0,'claimed',1,'{"holder":"this process"}');
INSERT INTO "events" VALUES(12,5,1700000050.0,'accepted',1,'{"due_at":1700000002.0,"remote_id":"11111111111111111111111111111111","submitted_at":1700000001.5}');
INSERT INTO "events" VALUES(13,6,1700000060.0,'claimed',1,'{"holder":"this process"}');
INSERT INTO "events" VALUES(14,8,1700000070.0,'claimed',2,'{"adopted":true}');
INSERT INTO "events" VALUES(15,8,1700000070.0,'accepted',2,'{"adopted":true,"remote_id":"22222222222222222222222222222222","submitted_at":1700000002.5}');
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
INSERT INTO "jobs" VALUES(1,X'5FECEB66FFC86F38D952786C6D696C79',1,1,'main','s3://corpus-in/0/',NULL,1,NULL,'cancelled',1,0,0.0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'a person asked',1700000000.0,1700000070.0);
INSERT INTO "jobs" VALUES(2,X'6B86B273FF34FCE19D6B804EFF5A3F57',1,1,'main','s3://corpus-in/1/','label 1',1,NULL,'discarded',1,0,0.0,0,NULL,'{"ClientRequestToken":"b71aea999ee77844356156d8d040483e5c5a291aac14c15e6a4047afbad862de","DataAccessRoleArn":"arn:aws:iam::123456789012:role/comprehend","InputDataConfig":{"S3Uri":"s3://corpus-in/1/"},"JobName":"fleet-6b86b273ff34fce19d6b804eff5a3f57-1","LanguageCode":"en"}',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'NO_INPUT_FILES: nothing there',1700000010.0,1700000020.0);
INSERT INTO "jobs" VALUES(3,X'D4735E3A265E16EEE03F59718B9B5D03',1,1,'main','s3://corpus-in/2/','label 2',1,NULL,'verified',1,0,1700000002.0,0,NULL,'{"ClientRequestToken":"06f3ab2e235ee06b88445b4c97ea92c8971da8f707eb6d23c9e7d9d77a107a3d","DataAccessRoleArn":"arn:aws:iam::123456789012:role/comprehend","InputDataConfig":{"S3Uri":"s3://corpus-in/2/"},"JobName":"fleet-d4735e3a265e16eee03f59718b9b5d03-1","LanguageCode":"en"}','11111111111111111111111111111111','s3://corpus-out/results/output.tar.gz',1700000001.5,1700000700.25,'partial',99,1,'1 x INTERNAL_SERVER_ERROR',1700000020.0,1700000030.0);
INSERT INTO "jobs" VALUES(4,X'4E07408562BEDB8B60CE05C1DECFE3AD',1,1,'main','s3://corpus-in/3/','label 3',1,NULL,'finished',1,0,1700000002.0,0,NULL,'{"ClientRequestToken":"f6533d70aa2f241ca61b4eb73530d5fd3fcc4a744dbd2d84f7d66171ab9fdc45","DataAccessRoleArn":"arn:aws:iam::123456789012:role/comprehend","InputDataConfig":{"S3Uri":"s3://corpus-in/3/"},"JobName":"fleet-4e07408562bedb8b60ce05c1decfe3ad-1","LanguageCode":"en"}','11111111111111111111111111111111','s3://corpus-out/results/output.tar.gz',1700000001.5,1700000700.25,NULL,NULL,NULL,NULL,1700000030.0,1700000040.0);
INSERT INTO "jobs" VALUES(5,X'4B227777D4DD1FC61C6F884F48641D02',1,1,'main','s3://corpus-in/4/','label 4',1,NULL,'running',1,0,1700000002.0,0,NULL,'{"ClientRequestToken":"bc407df554dfd60b516c7615965beeed2601b94f573c3b0da2c712d77301d595","DataAccessRoleArn":"arn:aws:iam::123456789012:role/comprehend","InputDataConfig":{"S3Uri":"s3://corpus-in/4/"},"JobName":"fleet-4b227777d4dd1fc61c6f884f48641d02-1","LanguageCode":"en"}','11111111111111111111111111111111',NULL,1700000001.5,NULL,NULL,NULL,NULL,NULL,1700000040.0,1700000050.0);
INSERT INTO "jobs" VALUES(6,X'EF2D127DE37B942BAAD06145E54B0C61',1,1,'main','s3://corpus-in/5/','label 5',1,NULL,'submitting',1,0,0.0,0,'this process','{"ClientRequestToken":"80334b735252bee53954eab1b27a8fe1e3141519cb628f7c50e57d0794259c19","DataAccessRoleArn":"arn:aws:iam::123456789012:role/comprehend","InputDataConfig":{"S3Uri":"s3://corpus-in/5/"},"JobName":"fleet-ef2d127de37b942baad06145e54b0c61-1","LanguageCode":"en"}',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1700000050.0,1700000060.0);
INSERT INTO "jobs" VALUES(7,X'E7F6C011776E8DB7CD330B54174FD76F',1,1,'main','s3://corpus-in/6/','label 6',1,NULL,'pending',1,0,0.0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1700000060.0,1700000060.0);
INSERT INTO "jobs" VALUES(8,X'F5CA38F748A1D6EAF726B8A42FB575C3',2,2,'main','s3://corpus-in/20/',NULL,1,4096,'running',2,0,0.0,0,NULL,'{"ClientRequestToken":"8d1238ccb40e277f829f74846571426f4b290171073fa66724c614a2d267179f","DataAccessRoleArn":"arn:aws:iam::123456789012:role/comprehend","InputDataConfig":{"S3Uri":"s3://corpus-in/20/"},"JobName":"fleet-f5ca38f748a1d6eaf726b8a42fb575c3-2","LanguageCode":"en"}','22222222222222222222222222222222',NULL,1700000002.5,NULL,NULL,NULL,NULL,NULL,1700000070.0,1700000070.0);
CREATE TABLE lanes (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE, -- account/region/kind
    reconciled_at REAL NOT NULL DEFAULT 0 -- until when every job that AWS has of this lane is known here
);
INSERT INTO "lanes" VALUES(1,'123456789012/us-east-1/entities',1700000500.0);
INSERT INTO "lanes" VALUES(2,'123456789012/us-east-1/sentiment',0.0);
CREATE TABLE manifests (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL UNIQUE,
    digest TEXT,
    lines INTEGER CHECK (lines >= 0),
    completed_at REAL
);
INSERT INTO "manifests" VALUES(1,'first.jsonl',NULL,NULL,NULL);
INSERT INTO "manifests" VALUES(2,'second.csv','digest',3,1700000070.0);
CREATE TABLE rejections (
    id INTEGER PRIMARY KEY,
    manifest_id INTEGER NOT NULL REFERENCES manifests (id),
    line INTEGER NOT NULL,
    field TEXT,
    reason TEXT NOT NULL
);
INSERT INTO "rejections" VALUES(1,2,2,'kinds','''entites'' is unknown');
CREATE TABLE requests (
    id INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
    body TEXT NOT NULL
);
INSERT INTO "requests" VALUES(1,X'4761A3EF588E35063C6407C03E0626858030379849F3B8CFFAF3BBA5961D8E4B','{"DataAccessRoleArn":"arn:aws:iam::123456789012:role/comprehend","LanguageCode":"en"}');
CREATE TABLE tallies (
    lane_id INTEGER NOT NULL REFERENCES lanes (id),
    state TEXT NOT NULL,
    jobs INTEGER NOT NULL CHECK (jobs >= 0),
    PRIMARY KEY (lane_id, state)
) WITHOUT ROWID;
INSERT INTO "tallies" VALUES(1,'cancelled',1);
INSERT INTO "tallies" VALUES(1,'discarded',1);
INSERT INTO "tallies" VALUES(1,'finished',1);
INSERT INTO "tallies" VALUES(1,'pending',1);
INSERT INTO "tallies" VALUES(1,'running',1);
INSERT INTO "tallies" VALUES(1,'submitting',1);
INSERT INTO "tallies" VALUES(1,'verified',1);
INSERT INTO "tallies" VALUES(2,'cancelled',0);
INSERT INTO "tallies" VALUES(2,'discarded',0);
INSERT INTO "tallies" VALUES(2,'finished',0);
INSERT INTO "tallies" VALUES(2,'pending',0);
INSERT INTO "tallies" VALUES(2,'running',1);
INSERT INTO "tallies" VALUES(2,'submitting',0);
INSERT INTO "tallies" VALUES(2,'verified',0);
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
CREATE INDEX rejections_manifest ON rejections (manifest_id, line);
CREATE INDEX events_job ON events (job_id, id);
CREATE INDEX events_finished ON events (id) WHERE event = 'finished';
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
COMMIT;
PRAGMA user_version = 1;
