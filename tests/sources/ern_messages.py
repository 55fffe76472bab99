"""Hand-written deliveries: a small album in ERN 3.8 and in ERN 4.3."""

from __future__ import annotations

import hashlib
from pathlib import Path

SOUND = b"the bytes of a recording"
MD5 = hashlib.md5(SOUND).hexdigest()

ERN_38 = f"""<?xml version="1.0" encoding="UTF-8"?>
<ern:NewReleaseMessage xmlns:ern="http://ddex.net/xml/ern/38" MessageSchemaVersionId="ern/38">
 <MessageHeader><MessageId>M-38</MessageId></MessageHeader>
 <ResourceList>
  <SoundRecording>
   <SoundRecordingId><ISRC>GB-AYE-68-00011</ISRC></SoundRecordingId>
   <ResourceReference>A1</ResourceReference>
   <ReferenceTitle><TitleText>Opening</TitleText><SubTitle>Take 2</SubTitle></ReferenceTitle>
   <Duration>PT4M5.5S</Duration>
   <SoundRecordingDetailsByTerritory>
    <TerritoryCode>DE</TerritoryCode>
    <Title TitleType="DisplayTitle"><TitleText>Auftakt</TitleText></Title>
    <LabelName>German Label</LabelName>
   </SoundRecordingDetailsByTerritory>
   <SoundRecordingDetailsByTerritory>
    <TerritoryCode>Worldwide</TerritoryCode>
    <DisplayArtist SequenceNumber="2"><PartyName><FullName>Guest</FullName></PartyName>
     <ArtistRole>FeaturedArtist</ArtistRole></DisplayArtist>
    <DisplayArtist SequenceNumber="3"><PartyName><FullName>Ann Field</FullName></PartyName>
     <ArtistRole>MainArtist</ArtistRole></DisplayArtist>
    <ResourceContributor><PartyName><FullName>A Producer</FullName></PartyName>
     <ResourceContributorRole>Producer</ResourceContributorRole></ResourceContributor>
    <IndirectResourceContributor><PartyName><FullName>A. Writer</FullName></PartyName>
     <IndirectResourceContributorRole>ComposerLyricist</IndirectResourceContributorRole>
    </IndirectResourceContributor>
    <LabelName>Mill Tapes</LabelName>
    <PLine><Year>1978</Year><PLineText>(P) 1978 Mill</PLineText></PLine>
    <Genre><GenreText>Folk</GenreText></Genre>
    <TechnicalSoundRecordingDetails>
     <TechnicalResourceDetailsReference>T1</TechnicalResourceDetailsReference>
     <IsPreview>true</IsPreview>
     <File><FileName>preview.mp3</FileName></File>
    </TechnicalSoundRecordingDetails>
    <TechnicalSoundRecordingDetails>
     <TechnicalResourceDetailsReference>T2</TechnicalResourceDetailsReference>
     <File><FileName>01.flac</FileName><FilePath>resources/</FilePath>
      <HashSum><HashSum>{MD5.upper()}</HashSum><HashSumAlgorithmType>MD5</HashSumAlgorithmType></HashSum>
     </File>
    </TechnicalSoundRecordingDetails>
   </SoundRecordingDetailsByTerritory>
  </SoundRecording>
  <SoundRecording>
   <SoundRecordingId><ISRC>GBAYE6800012</ISRC></SoundRecordingId>
   <ResourceReference>A2</ResourceReference>
   <ReferenceTitle><TitleText>Closing</TitleText></ReferenceTitle>
   <Duration>PT3M</Duration>
  </SoundRecording>
  <Image><ResourceReference>A3</ResourceReference></Image>
 </ResourceList>
 <ReleaseList>
  <Release IsMainRelease="true">
   <ReleaseId><ICPN IsEan="false">074646938720</ICPN>
    <CatalogNumber Namespace="DPID:X">MILL 1</CatalogNumber></ReleaseId>
   <ReleaseReference>R0</ReleaseReference>
   <ReferenceTitle><TitleText>Mill Tapes, Volume One</TitleText></ReferenceTitle>
   <ReleaseResourceReferenceList>
    <ReleaseResourceReference ReleaseResourceType="PrimaryResource">A1</ReleaseResourceReference>
    <ReleaseResourceReference ReleaseResourceType="PrimaryResource">A2</ReleaseResourceReference>
    <ReleaseResourceReference ReleaseResourceType="SecondaryResource">A3</ReleaseResourceReference>
   </ReleaseResourceReferenceList>
   <ReleaseType>Album</ReleaseType>
   <ReleaseDetailsByTerritory>
    <TerritoryCode>Worldwide</TerritoryCode>
    <DisplayArtistName>Ann Field and friends</DisplayArtistName>
    <LabelName>Mill Records</LabelName>
    <DisplayArtist><PartyName><FullName>Ann Field</FullName></PartyName></DisplayArtist>
    <ResourceGroup>
     <ResourceGroup><SequenceNumber>1</SequenceNumber>
      <ResourceGroupContentItem><SequenceNumber>1</SequenceNumber><ResourceType>SoundRecording</ResourceType>
       <ReleaseResourceReference>A1</ReleaseResourceReference></ResourceGroupContentItem>
     </ResourceGroup>
     <ResourceGroup><SequenceNumber>2</SequenceNumber>
      <ResourceGroupContentItem><SequenceNumber>1</SequenceNumber><ResourceType>Image</ResourceType>
       <ReleaseResourceReference>A3</ReleaseResourceReference></ResourceGroupContentItem>
      <ResourceGroupContentItem><SequenceNumber>5</SequenceNumber><ResourceType>SoundRecording</ResourceType>
       <ReleaseResourceReference>A2</ReleaseResourceReference></ResourceGroupContentItem>
     </ResourceGroup>
    </ResourceGroup>
    <Genre><GenreText>World</GenreText></Genre>
    <OriginalReleaseDate>1978-05-01</OriginalReleaseDate>
   </ReleaseDetailsByTerritory>
   <CLine><Year>1979</Year></CLine>
  </Release>
  <Release>
   <ReleaseId><ISRC>GBAYE6800012</ISRC></ReleaseId>
   <ReleaseReference>R2</ReleaseReference>
   <ReferenceTitle><TitleText>Closing</TitleText></ReferenceTitle>
   <ReleaseResourceReferenceList>
    <ReleaseResourceReference>A2</ReleaseResourceReference></ReleaseResourceReferenceList>
   <ReleaseType>TrackRelease</ReleaseType>
   <ReleaseDetailsByTerritory><TerritoryCode>Worldwide</TerritoryCode>
    <Genre><GenreText>Ambient</GenreText></Genre></ReleaseDetailsByTerritory>
  </Release>
 </ReleaseList>
 <DealList><ReleaseDeal><DealReleaseReference>R0</DealReleaseReference></ReleaseDeal></DealList>
</ern:NewReleaseMessage>
"""

ERN_43 = """<?xml version="1.0" encoding="UTF-8"?>
<n:NewReleaseMessage xmlns:n="http://ddex.net/xml/ern/43">
 <MessageHeader><MessageId>M-43</MessageId></MessageHeader>
 <PartyList>
  <Party><PartyReference>P1</PartyReference><PartyName><FullName>Ann Field</FullName></PartyName></Party>
  <Party><PartyReference>P2</PartyReference>
   <PartyName><TradingName>Mill Tapes</TradingName></PartyName></Party>
  <Party><PartyReference>P3</PartyReference>
   <PartyName><KeyName>Writer</KeyName><NamesBeforeKeyName>A.</NamesBeforeKeyName></PartyName></Party>
 </PartyList>
 <ResourceList>{recordings}</ResourceList>
 <ReleaseList>{releases}</ReleaseList>
</n:NewReleaseMessage>
"""

RELEASE = """<Release>
 <ReleaseReference>R0</ReleaseReference><ReleaseType>Album</ReleaseType>
 <ReleaseId><GRid>A10302B0003989564F</GRid></ReleaseId>
 <DisplayTitle><TitleText>Mill</TitleText><SubTitle>Live</SubTitle></DisplayTitle>
 <DisplayArtist><ArtistPartyReference>P1</ArtistPartyReference></DisplayArtist>
 <ReleaseLabelReference>P2</ReleaseLabelReference>
 <PLine><Year>1978</Year></PLine>
 <ResourceGroup>{items}</ResourceGroup>
</Release>"""


def recording(
    reference: str = "A1",
    *,
    title: str = "<DisplayTitleText>Opening</DisplayTitleText>",
    isrc: str = "GBAYE6800011",
    duration: str = "PT4M5S",
    files: str = "",
    attributes: str = "",
    more: str = "",
) -> str:
    return f"""<SoundRecording {attributes}><ResourceReference>{reference}</ResourceReference>
     <SoundRecordingEdition><ResourceId><ISRC>{isrc}</ISRC></ResourceId>
      <TechnicalDetails><DeliveryFile>{files}</DeliveryFile></TechnicalDetails></SoundRecordingEdition>
     {title}<DisplayArtist><ArtistPartyReference>P1</ArtistPartyReference>
      <DisplayArtistRole>MainArtist</DisplayArtistRole></DisplayArtist>
     <DisplayArtist><ArtistPartyReference>P3</ArtistPartyReference>
      <DisplayArtistRole>Composer</DisplayArtistRole></DisplayArtist>
     <Duration>{duration}</Duration>{more}</SoundRecording>"""


def file(uri: str, algorithm: str = "", value: str = "") -> str:
    sums = f"<HashSum><Algorithm>{algorithm}</Algorithm><HashSumValue>{value}</HashSumValue></HashSum>"
    return f"<File><URI>{uri}</URI>{sums if algorithm else ''}</File>"


def items(*references: str) -> str:
    """Content items without numbers of their own."""
    return "".join(
        f"<ResourceGroupContentItem><ReleaseResourceReference>{name}</ReleaseResourceReference>"
        "</ResourceGroupContentItem>"
        for name in references
    )


def album(*recordings: str, group: str | None = None, releases: str | None = None) -> str:
    """A message of ERN 4.3 with one release that holds A1, or what ``group`` says."""
    release = RELEASE.format(items=items("A1") if group is None else group)
    return ERN_43.format(recordings="".join(recordings), releases=release if releases is None else releases)


def put(folder: Path, message: str | bytes, *, name: str = "message.xml", sound: str = "") -> Path:
    """Write a delivery, with a file of sound at ``sound``."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(message if isinstance(message, bytes) else message.encode())
    if sound:
        beside = path.parent / sound
        beside.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(SOUND)
    return path


OURS = "<PartyId>PADPIDA-OURS</PartyId><PartyName><FullName>Our Archive</FullName></PartyName>"


def header(message_id: str, created: str, *, to: str = OURS) -> str:
    return f"""<MessageHeader><MessageId>{message_id}</MessageId>
      <MessageSender><PartyId>PADPIDAMILL</PartyId>
       <PartyName><FullName>Mill Tapes</FullName></PartyName></MessageSender>
      <MessageRecipient>{to}</MessageRecipient>
      <MessageCreatedDateTime>{created}</MessageCreatedDateTime></MessageHeader>"""


def deal_list(reference: str, deals: str) -> str:
    """The deals of one release."""
    return f"<ReleaseDeal><DealReleaseReference>{reference}</DealReleaseReference>{deals}</ReleaseDeal>"


def ern_4_deal(terms: str) -> str:
    return f"<Deal><DealTerms>{terms}</DealTerms></Deal>"


def ern_3_deal(model: str, use: str, where: str, period: str) -> str:
    return f"""<Deal><DealTerms><CommercialModelType>{model}</CommercialModelType>
      <Usage><UseType>{use}</UseType></Usage>{where}<ValidityPeriod>{period}</ValidityPeriod></DealTerms></Deal>"""


def message_38(*release_deals: str, header: str = header("M-38", "2026-01-02T10:00:00+01:00")) -> str:
    """The album of ERN_38 with a header and deals: R0 is the album, R2 its second track."""
    start, end = ERN_38.index("<DealList>"), ERN_38.index("</DealList>")
    whole = f"{ERN_38[:start]}<DealList>{''.join(release_deals)}{ERN_38[end:]}"
    return whole.replace("<MessageHeader><MessageId>M-38</MessageId></MessageHeader>", header)


def message_43(
    *release_deals: str,
    header: str = header("M-43", "2026-01-02T10:00:00+01:00"),
    recordings: tuple[str, ...] | None = None,
    tracks: tuple[str, ...] = ("A1",),
) -> str:
    """An album of ERN 4.3 with deals: R0 is the album, R1 … its tracks."""
    made = recordings or tuple(recording(track, isrc=f"GBAYE680001{track[1:]}") for track in tracks)
    singles = "".join(
        f"<TrackRelease><ReleaseReference>R{track[1:]}</ReleaseReference>"
        f"<ReleaseResourceReference>{track}</ReleaseResourceReference></TrackRelease>"
        for track in tracks
    )
    release = RELEASE.format(items=items(*tracks))
    whole = ERN_43.format(recordings="".join(made), releases=release + singles)
    whole = whole.replace("<MessageHeader><MessageId>M-43</MessageId></MessageHeader>", header)
    return whole.replace("</ReleaseList>", f"</ReleaseList><DealList>{''.join(release_deals)}</DealList>")
