-- MusicBrainz' editors tell recordings apart on purpose: weaker evidence does not overrule two different MBIDs.
INSERT INTO doubt
SELECT getvariable('step'), evidence, a, b, false
FROM pair WHERE a IN (FROM named) AND b IN (FROM named);

-- First what has no MBID comes together …
CREATE OR REPLACE TABLE remaining AS
SELECT * FROM pair WHERE (a IN (FROM named)) <> (b IN (FROM named));
DELETE FROM pair WHERE a IN (FROM named) OR b IN (FROM named);
