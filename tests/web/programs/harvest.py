"""Harvests with other people's clients; prints what they got, as JSON. Run by the harvesters' Python.

harvest.py sickle|scythe URL
"""

from __future__ import annotations

import json
import sys
from typing import Any


def by_sickle(url: str) -> dict[str, Any]:
    import sickle

    client = sickle.Sickle(url)
    records = [
        {
            "id": one.header.identifier,
            "deleted": bool(one.deleted),
            "title": None if one.deleted else (one.metadata.get("title") or [None])[0],
        }
        for one in client.ListRecords(metadataPrefix="oai_dc")
    ]
    return {
        "name": client.Identify().repositoryName,
        "sets": [one.setSpec for one in client.ListSets()],
        "formats": [one.metadataPrefix for one in client.ListMetadataFormats()],
        "records": records,
        "ids": [one.identifier for one in client.ListIdentifiers(metadataPrefix="oai_dc")],
        "standing": [
            one.header.identifier for one in client.ListRecords(metadataPrefix="oai_dc", ignore_deleted=True)
        ],
        "one": client.GetRecord(identifier=records[0]["id"], metadataPrefix="oai_dc").header.identifier,
    }


def by_scythe(url: str) -> dict[str, Any]:
    import oaipmh_scythe

    with oaipmh_scythe.Scythe(url) as client:
        records = [
            {
                "id": one.header.identifier,
                "deleted": bool(one.deleted),
                "title": None if one.deleted else (one.metadata.get("title") or [None])[0],
            }
            for one in client.list_records()
        ]
        return {
            "name": client.identify().repositoryName,
            "sets": [one.setSpec for one in client.list_sets()],
            "formats": [one.metadataPrefix for one in client.list_metadata_formats()],
            "records": records,
            "ids": [one.identifier for one in client.list_identifiers()],
            "standing": [one.header.identifier for one in client.list_records(ignore_deleted=True)],
            "one": client.get_record(identifier=records[0]["id"]).header.identifier,
        }


if __name__ == "__main__":
    print(json.dumps({"sickle": by_sickle, "scythe": by_scythe}[sys.argv[1]](sys.argv[2])))
