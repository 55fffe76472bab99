"""Tests that open ledgers and do not run a second time, on PostgreSQL, with the reason for each file.

What a run costs there is mostly the decoding, packing and sending of bytes, and starting programs. So
everything that says something of its own to the ledger runs on both, and of whole commands on whole archives
one of each kind does: ``tests/cli/test_commands.py`` and ``tests/endtoend`` with its kills.
"""

from __future__ import annotations

from typing import Final

ONCE: Final = {
    "tests/cli/test_add_source.py": "about catalogues; test_importing_resume.py is about accessions",
    "tests/cli/test_beside_music.py": "asks the ledger what test_sidecars and test_publish_sidecars do",
    "tests/cli/test_damage_shown.py": "about decoders, and how damage is said",
    "tests/cli/test_one_file_a_recording.py": "asks the ledger what test_publish and test_planning do",
    "tests/cli/test_own_proxy.py": "about whom commands ask",
    "tests/cli/test_resolve_on.py": "about Spark and the catalogue",
    "tests/cli/test_holdings_and_health.py": "asks the ledger what test_taking_reports and test_health do",
    "tests/browser/test_every_page.py": "about what a browser shows; tests/web/room asks the ledger",
    "tests/browser/test_figures.py": "about what a browser shows; tests/web/room asks the ledger",
    "tests/browser/test_first_screen.py": "about what a browser shows; tests/web/room asks the ledger",
    "tests/browser/test_listening.py": "about what a browser shows; tests/web/room asks the ledger",
    "tests/browser/test_requests.py": "about what a browser shows; tests/web/room asks the ledger",
    "tests/browser/test_still_pages.py": "about what a browser shows; tests/web/room asks the ledger",
    "tests/docs/test_walkthrough.py": "runs commands that their own tests run on both",
    "tests/endtoend/test_hostile_trees.py": "about public trees, before anything of them is recorded",
    "tests/jobs/test_cluster.py": "about where files are read; what comes of it is written as always",
    "tests/mirrors/test_by_key.py": "about what is followed; what comes of it is written as always",
    "tests/mirrors/test_hostile_origin.py": "about public trees, before anything of them is recorded",
    "tests/mirrors/test_mirror_list.py": "about public trees; test_choosing is about the ledger",
    "tests/mirrors/test_limits.py": "about transfers",
    "tests/mirrors/test_offering.py": "about what peers are offered",
    "tests/mirrors/test_repair.py": "about the bytes of bags",
    "tests/mirrors/test_reporting.py": "about what is told; mirrors of other tests have a ledger there",
    "tests/mirrors/test_several_origins.py": "about what is followed; what comes of it is written as always",
    "tests/mirrors/test_serving.py": "about HTTP, logs and signals; test_working.py asks the ledger",
    "tests/mirrors/test_single.py": "about what is fetched without a ledger",
    "tests/mirrors/test_sync.py": "about transfers; mirrors with a ledger there are killed in tests/endtoend",
    "tests/sources/test_already.py": "about files that are not taken in",
    "tests/web/subsonic/test_answers.py": "about what is told over HTTP; test_browsing asks the ledger",
    "tests/web/subsonic/test_keeping.py": "about a file of its own; test_browsing asks the ledger",
    "tests/web/subsonic/test_login.py": "about a file of its own; test_browsing asks the ledger",
    "tests/web/subsonic/test_other_players.py": "about clients; test_browsing asks the ledger",
    "tests/web/subsonic/test_shelves.py": "about files; test_browsing asks the ledger",
    "tests/web/subsonic/test_specification.py": "about a description; test_browsing asks the ledger",
    "tests/web/test_still_pages.py": "about files; tests/web/room asks the ledger",
    "tests/web/test_web_report_load.py": "about HTTP; test_taking_reports is about what is recorded",
    "tests/web/test_web_reports.py": "about HTTP; test_taking_reports is about what is recorded",
}
