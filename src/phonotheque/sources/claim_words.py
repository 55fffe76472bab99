"""The verdict on a claim in careful words, English or French: what is known, and what that does not prove."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from phonotheque.catalogue.registrants import Registrant
from phonotheque.model.rights import Answer as Decided
from phonotheque.sources.already import Answer
from phonotheque.sources.claims import Claim, Seen

LANGUAGES: Final = ("en", "fr")

_WORDS: Final = {
    "unknown": (
        "Nothing is known here of {asked}. That says nothing about whose it is.",
        "On ne sait rien ici de {asked}. Cela ne dit rien de son titulaire.",
    ),
    "not-compared": ("The file cannot be compared: {reason}.", "Le fichier ne peut être comparé : {reason}."),
    "first": (
        "First seen here on {day}, from {source} ({location}), by {agent}; that is no proof of ownership.",
        "Vu ici d’abord le {day}, par {source} ({location}), versé par {agent} ; ce n’est pas un titre.",
    ),
    "bytes": ("The archive knows this very file.", "L’archive connaît ce fichier même."),
    "audio": (
        "The archive knows the same sound, in a file with other tags or of another form.",
        "L’archive connaît le même son, dans un fichier étiqueté ou codé autrement.",
    ),
    "recording": (
        "The archive knows what sounds like the same recording, in another encoding.",
        "L’archive connaît ce qui semble être le même enregistrement, dans un autre codage.",
    ),
    "perhaps": (
        "The archive knows something that may be the same recording: it takes listening to tell.",
        "L’archive connaît un enregistrement qui est peut-être le même : il faut l’écouter pour le dire.",
    ),
    "no": (
        "No file here has these bytes, this sound, or one like it.",
        "Aucun fichier d’ici n’a ces octets, ce son, ni un son semblable.",
    ),
    "bearers": (
        "{isrcs} is on {count} here: {titles}.",
        "{isrcs} est porté ici par {count} : {titles}.",
    ),
    "recordings": ("{count} recording|{count} recordings", "{count} enregistrement|{count} enregistrements"),
    "agree": (
        "Nothing here contradicts that; others may know more.",
        "Rien ici ne le contredit ; d’autres en savent peut-être davantage.",
    ),
    "differing": (
        "The same is told under different names: {names}. Not all of them can be right.",
        "La même chose est dite sous des noms différents : {names}. Tous ne peuvent être exacts.",
    ),
    "titles": (
        "It is told with different titles: {titles}.",
        "Des titres différents lui sont donnés : {titles}.",
    ),
    "uncatalogued": (
        "The catalogue was not told yet of {count} of the files that match: what they say was not compared.",
        "Fichiers qui y répondent sans être encore au catalogue, et dont rien n’a été comparé : {count}.",
    ),
    "several": (
        "One ISRC should stand for one recording; this one stands for several here.",
        "Un ISRC devrait désigner un seul enregistrement ; celui-ci en désigne plusieurs ici.",
    ),
    "alone": (
        "Only one accession says so: nobody else has confirmed it.",
        "Un seul versement le dit : personne d’autre ne l’a confirmé.",
    ),
    "registrant-known": (
        "Other recordings by {artist} have ISRCs of the registrant {code}.",
        "D’autres enregistrements de {artist} ont des ISRC du déposant {code}.",
    ),
    "registrant-new": (
        "No other recording by {artist} here has an ISRC of the registrant {code}; theirs are of {usual}.",
        "Aucun autre enregistrement de {artist} n’a ici d’ISRC du déposant {code} ; ils sont de {usual}.",
    ),
    "registrant-doubt": (
        "It may be somebody else’s code, or only that of another label.",
        "Ce code est peut-être celui d’un autre, ou seulement d’un autre label.",
    ),
    "registrant-alone": (
        "No other ISRC of {artist} is known here, so its registrant {code} cannot be compared.",
        "Aucun autre ISRC de {artist} n’est connu ici : son déposant {code} ne peut être comparé.",
    ),
    "published": (
        "Files that may be distributed by what is recorded here: {yes} of {all}.",
        "Fichiers que l’on peut distribuer, d’après ce qui est consigné ici : {yes} sur {all}.",
    ),
    "withdrawn": (
        "It was asked to be taken back on {day}: the request is {state}.",
        "Son retrait a été demandé le {day} : la demande est {state}.",
    ),
    "withdrawn-perhaps": (
        "What may be the same was asked to be taken back on {day}: the request is {state}.",
        "Le retrait de ce qui est peut-être le même a été demandé le {day} : la demande est {state}.",
    ),
}
_STATES: Final = {
    "requested": "déposée",
    "on hold": "en suspens, le contenu étant masqué",
    "accepted": "acceptée",
    "refused": "rejetée",
    "reversed": "annulée",
}
_SHOWN: Final = 5


def verdict(claim: Claim, language: str = "en") -> list[str]:
    """Return what the archive knows of a claim, and what it does not, as sentences."""
    return list(_Teller(LANGUAGES.index(language)).tell(claim))


class _Teller:
    def __init__(self, language: int) -> None:
        self._language = language

    def say(self, key: str, **values: object) -> str:
        return _WORDS[key][self._language].format(**values)

    def tell(self, claim: Claim) -> Iterator[str]:
        if claim.answer is Answer.REFUSED:
            yield self.say("not-compared", reason=claim.reason)
        elif claim.answer is not None and claim.answer.value in _WORDS:
            yield self.say(claim.answer.value)
        if not claim.known:
            yield self.say("unknown", asked=claim.asked)
            return
        if (seen := claim.first_seen) is not None:
            yield self._first(seen)
        yield from self._bearers(claim)
        for registrant in claim.registrants:
            yield from self._registrant(registrant)
        if certain := [file for file in claim.files if file.certain]:
            yes = sum(file.decision.answer is Decided.YES for file in certain)
            yield self.say("published", yes=yes, all=len(certain))
        for key, withdrawals in (
            ("withdrawn", claim.withdrawals),
            ("withdrawn-perhaps", claim.perhaps_withdrawn),
        ):
            for asked in withdrawals:
                state = asked.state.value
                told = state if self._language == 0 else _STATES[state]
                yield self.say(key, day=asked.requested_at[:10], state=told)

    def _first(self, seen: Seen) -> str:
        return self.say(
            "first", day=seen.at[:10], source=seen.source, location=seen.location, agent=seen.agent
        )

    def _registrant(self, registrant: Registrant) -> Iterator[str]:
        shown = registrant.used[:_SHOWN]
        for used in shown:
            usual = ", ".join(f"{code} ({count})" for code, count in used.usual[:_SHOWN])
            key = {True: "known", False: "new", None: "alone"}[used.known]
            yield self.say(f"registrant-{key}", artist=used.artist, code=registrant.code, usual=usual)
        if any(used.known is False for used in shown):
            yield self.say("registrant-doubt")

    def _bearers(self, claim: Claim) -> Iterator[str]:
        bearing = [bearer for bearer in claim.bearers if set(claim.isrcs) & set(bearer.isrcs)]
        if bearing:
            number = len(bearing) + claim.more
            one, many = _WORDS["recordings"][self._language].split("|")
            count = (one if number == 1 else many).format(count=number)
            titles = "; ".join(_title(bearer.title, bearer.artist) for bearer in bearing[:_SHOWN])
            yield self.say("bearers", isrcs=", ".join(claim.isrcs), count=count, titles=titles)
            if number > len(claim.isrcs):
                yield self.say("several")
        if claim.differing:
            yield self.say("differing", names="; ".join(claim.differing[: 2 * _SHOWN]))
        if claim.titles:
            yield self.say("titles", titles="; ".join(claim.titles[: 2 * _SHOWN]))
        if claim.uncatalogued:
            yield self.say("uncatalogued", count=claim.uncatalogued)
        for bearer in claim.bearers[:_SHOWN]:
            yield from bearer.otherwise[:_SHOWN]
        certain = [bearer for bearer in claim.bearers if bearer.certain]
        if len({seen.accession for bearer in certain for seen in bearer.said_by}) == 1:
            yield self.say("alone")
        if certain and not _in_doubt(claim):
            yield self.say("agree")


def _in_doubt(claim: Claim) -> bool:
    """Whether anything speaks against a claim, was not looked at, or could not be compared."""
    bearing = [bearer for bearer in claim.bearers if set(claim.isrcs) & set(bearer.isrcs)]
    return bool(
        claim.differing
        or claim.titles
        or claim.withdrawals
        or claim.perhaps_withdrawn
        or claim.uncatalogued
        or claim.more
        or len(bearing) > len(claim.isrcs)
        or any(bearer.otherwise for bearer in claim.bearers)
        or any(used.known is False for registrant in claim.registrants for used in registrant.used)
        or claim.answer not in (None, Answer.BYTES, Answer.AUDIO, Answer.RECORDING)
    )


def _title(title: str | None, artist: str | None) -> str:
    return f"“{title or '?'}” – {artist or '?'}"
