-- One ISRC on several recordings: each against the one that carries it most. (The merge step's own doubts about
-- ISRCs are among these.)
DELETE FROM doubt WHERE kind = 'isrc';
INSERT INTO doubt
WITH coded AS (
    SELECT isrc, cluster, min(t) AS t, count(*) AS times
    FROM (SELECT t, unnest(isrcs) AS isrc FROM track) JOIN member USING (t)
    GROUP BY isrc, cluster
),
ranked AS (
    SELECT isrc, t, first_value(t) OVER (PARTITION BY isrc ORDER BY times DESC, t) AS main FROM coded
)
SELECT 'isrc', isrc, main, t, false FROM ranked WHERE t <> main;

CREATE TABLE conflict AS
SELECT kind, doubt.evidence, p.recording AS recording_a, q.recording AS recording_b,
       p.track AS track_a, q.track AS track_b,
       json_object(
           'disagree', list_filter([
               CASE WHEN lengths_differ(x.duration_ms, y.duration_ms) THEN 'duration' END,
               CASE WHEN people_differ(x.people, y.people) THEN 'artist' END,
               CASE WHEN x.recording_mbid <> y.recording_mbid THEN 'recording_mbid' END
           ], lambda word: word IS NOT NULL),
           'merged', p.recording = q.recording,
           'durations_ms', [x.duration_ms, y.duration_ms],
           'artists', [x.credit, y.credit],
           'titles', [x.title, y.title],
           'recording_mbids', [x.recording_mbid, y.recording_mbid]
       )::TEXT AS detail
FROM doubt
JOIN track x ON x.t = doubt.a JOIN track y ON y.t = doubt.b
JOIN numbered p ON p.t = doubt.a JOIN numbered q ON q.t = doubt.b
WHERE merged OR p.recording <> q.recording
QUALIFY row_number() OVER (
    PARTITION BY kind, doubt.evidence, p.recording, q.recording ORDER BY p.track, q.track
) = 1;
