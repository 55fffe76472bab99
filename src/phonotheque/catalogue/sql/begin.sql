-- Which cluster a fact is in, for those that are not alone; a cluster is named by its smallest fact.
CREATE OR REPLACE TABLE member (fact BIGINT, cluster BIGINT);

-- What looked the same and was not merged, or was merged in spite of something. `evidence` is a fact that shows it,
-- an ISRC's code, or a link's number, by kind.
CREATE OR REPLACE TABLE doubt (kind TEXT, evidence BIGINT, a BIGINT, b BIGINT, merged BOOLEAN);

-- Facts that MusicBrainz' editors identified.
CREATE OR REPLACE TABLE named_fact AS
SELECT fact, recording_mbid::UUID AS mbid FROM fact WHERE recording_mbid IS NOT NULL;
