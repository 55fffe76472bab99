-- MusicBrainz says that it is the same recording.
CREATE OR REPLACE TABLE pair AS
WITH first_told AS (SELECT mbid, min(fact) AS a FROM named_fact GROUP BY mbid HAVING count(*) > 1)
SELECT a, fact AS b, fact AS evidence FROM first_told JOIN named_fact USING (mbid) WHERE fact <> a;
