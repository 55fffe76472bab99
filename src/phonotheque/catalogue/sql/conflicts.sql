-- What disagrees, each as two facts side by side. `score` says how much it deserves a look; nothing is deleted for it.

-- One ISRC on several recordings: each against the one that carries it most. The file is in the order of codes.
CREATE OR REPLACE TABLE suspect AS
WITH several AS (
    SELECT DISTINCT isrc_code(isrc) AS isrc
    FROM (SELECT isrc, lag(isrc) OVER () AS before FROM written_isrcs) WHERE isrc = before
),
carriers AS (
    SELECT isrc, recording, min(fact) AS fact, count(*) AS times
    FROM code SEMI JOIN several USING (isrc) JOIN placed USING (fact) GROUP BY isrc, recording
),
ranked AS (
    SELECT isrc, fact, first_value(fact) OVER (PARTITION BY isrc ORDER BY times DESC, recording) AS main FROM carriers
)
SELECT 'isrc' AS kind, isrc AS evidence, main AS a, fact AS b, false AS merged FROM ranked WHERE fact <> main
UNION ALL
-- … (the ISRC step's own doubts are among these) and what the other steps would not decide.
SELECT kind, evidence, a, b, merged FROM doubt WHERE kind <> 'isrc';

-- Titles that say that a recording was altered, beside the one they may be made from: same artists, without those words.
CREATE OR REPLACE TABLE altered AS
SELECT fact, duration_ms, hash(people) AS who,
       hash(trim(regexp_replace(regexp_replace(title_key, '\b(sped|speed) up\b|\bslowed( down)?\b|\bnightcore\b|\bdaycore\b|\breverb\b|\b8d( audio)?\b|\bpitched( (up|down))?\b|\bversion\b', ' ', 'g'), '\s+', ' ', 'g'))) AS title
FROM fact
WHERE regexp_matches(title_key, '\b(sped|speed) up\b|\bslowed\b|\bnightcore\b|\bdaycore\b|\b8d( audio)?\b|\bpitched (up|down)\b');

CREATE OR REPLACE TABLE origin AS
SELECT altered.fact, min(model.fact) AS model
FROM altered JOIN (
    SELECT fact, hash(title_key) AS title, hash(people) AS who, duration_ms FROM fact WHERE len(people) > 0
) model ON model.title = altered.title AND model.who = altered.who AND model.fact <> altered.fact
   AND altered.duration_ms / model.duration_ms BETWEEN 0.75 AND 1.35
GROUP BY altered.fact;

INSERT INTO suspect
SELECT CASE WHEN model IS NULL THEN 'tokens' ELSE 'speed' END, fact, coalesce(model, fact), fact, false
FROM altered LEFT JOIN origin USING (fact);

-- A registrant seen once for an artist whose other codes, nine or more, all come from one other.
CREATE OR REPLACE TABLE lone AS
WITH registered AS (
    SELECT artist, isrc // 10000000 AS registrant, count(*) AS times, min(fact) AS fact
    FROM code JOIN credit USING (fact) WHERE place = 0 GROUP BY artist, registrant
)
SELECT arg_min(fact, times) AS fact, arg_max(fact, times) AS usual
FROM registered GROUP BY artist HAVING count(*) = 2 AND min(times) = 1 AND sum(times) >= 10;

INSERT INTO suspect SELECT 'registrant', fact, usual, fact, false FROM lone;

CREATE OR REPLACE TABLE side AS
SELECT fact, recording, title, credit, title_key, people, isrcs, duration_ms, recording_mbid, source,
       coalesce(pcm_sha256, file_sha256) AS sound
FROM fact SEMI JOIN (SELECT a AS fact FROM suspect UNION SELECT b FROM suspect UNION SELECT evidence FROM suspect) USING (fact)
JOIN placed USING (fact);

CREATE OR REPLACE TABLE out_conflicts AS
WITH beside AS (
    SELECT kind, merged, x.fact AS fact_a, y.fact AS fact_b, x.recording AS recording_a, y.recording AS recording_b,
           CASE kind
               WHEN 'isrc' THEN isrc_text(evidence)
               WHEN 'fingerprint' THEN 'bit error rate ' || printf('%.4f', link.score)
               WHEN 'sound' THEN coalesce(shown.sound, '')
               WHEN 'registrant' THEN y.isrcs[1][1:5]
               ELSE shown.title_key || ' / ' || array_to_string(shown.people, ', ')
           END AS evidence,
           coalesce(lengths_differ(x.duration_ms, y.duration_ms), false) AS length,
           coalesce(people_differ(x.people, y.people), false) AS artist,
           coalesce(x.recording_mbid <> y.recording_mbid, false) AS mbid,
           kind = 'speed' OR kind <> 'title' AND (
               coalesce(lengths_differ(x.duration_ms, y.duration_ms), false) AND x.title_key = y.title_key
               AND x.duration_ms / y.duration_ms BETWEEN 0.75 AND 1.35
           ) AS speed,
           x.source = y.source AS alone,
           [x.duration_ms, y.duration_ms] AS durations, [x.credit, y.credit] AS artists, [x.title, y.title] AS titles,
           [x.recording_mbid, y.recording_mbid] AS mbids, [x.source, y.source] AS sources
    FROM suspect
    JOIN side x ON x.fact = suspect.a JOIN side y ON y.fact = suspect.b
    LEFT JOIN side shown ON kind <> 'isrc' AND kind <> 'fingerprint' AND shown.fact = suspect.evidence
    LEFT JOIN link ON kind = 'fingerprint' AND link.number = suspect.evidence
    WHERE merged OR x.recording <> y.recording OR kind = 'tokens'
)
SELECT kind, evidence, recording_a, recording_b, fact_a, fact_b,
       least(1.0, round(
           CASE kind WHEN 'sound' THEN 0.6 WHEN 'fingerprint' THEN 0.5 WHEN 'speed' THEN 0.6 WHEN 'isrc' THEN 0.3
               WHEN 'title' THEN 0.15 ELSE 0.2 END
           + CASE WHEN artist THEN 0.3 ELSE 0 END + CASE WHEN length AND kind <> 'title' THEN 0.1 ELSE 0 END
           + CASE WHEN mbid THEN 0.05 ELSE 0 END + CASE WHEN speed AND kind <> 'speed' THEN 0.1 ELSE 0 END
           + CASE WHEN alone THEN 0.05 ELSE 0 END, 2
       ))::DOUBLE AS score,
       json_object(
           'disagree', list_filter([
               CASE WHEN length THEN 'duration' END, CASE WHEN artist THEN 'artist' END,
               CASE WHEN mbid THEN 'recording_mbid' END, CASE WHEN speed THEN 'speed' END
           ], lambda word: word IS NOT NULL),
           'merged', recording_a = recording_b AND kind <> 'tokens', 'uncorroborated', alone,
           'durations_ms', durations, 'artists', artists, 'titles', titles, 'recording_mbids', mbids, 'sources', sources
       )::TEXT AS detail
FROM beside
QUALIFY row_number() OVER (PARTITION BY kind, evidence, recording_a, recording_b ORDER BY fact_a, fact_b) = 1;
