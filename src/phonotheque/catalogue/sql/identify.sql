-- Who inherits an id of the previous snapshot: the cluster that holds the track its UUID was made from, else the
-- smallest of its tracks that is still here. So an id goes to one cluster only, also when a recording was split.
CREATE TABLE heir AS
SELECT old.id AS old_id, old.seed, first(member.cluster ORDER BY evidence <> old.seed, evidence) AS cluster
FROM previous_recordings old
JOIN (SELECT DISTINCT recording, evidence FROM previous_tracks) USING (recording)
JOIN (SELECT evidence, min(t) AS t FROM track GROUP BY evidence) USING (evidence)
JOIN member USING (t)
GROUP BY old.id, old.seed;

-- The id: an MBID (the one it had, if it still has it), else the UUID of the seed; the seed: inherited, else the
-- smallest evidence.
CREATE TABLE identity AS
WITH claimed AS (
    SELECT DISTINCT cluster, recording_mbid AS mbid
    FROM member JOIN track USING (t) WHERE recording_mbid IS NOT NULL
),
inherited AS (
    SELECT heir.cluster, min(seed) AS seed, min(mbid) AS mbid
    FROM heir LEFT JOIN claimed ON claimed.cluster = heir.cluster AND claimed.mbid = heir.old_id
    GROUP BY heir.cluster
),
own AS (
    SELECT cluster, min(evidence) AS evidence, min(recording_mbid) AS mbid
    FROM member JOIN track USING (t) GROUP BY cluster
)
SELECT cluster, coalesce(inherited.mbid, own.mbid) AS mbid, coalesce(inherited.seed, own.evidence) AS seed,
       coalesce(inherited.mbid, own.mbid, local_id('recording', coalesce(inherited.seed, own.evidence))) AS id
FROM own LEFT JOIN inherited USING (cluster);
