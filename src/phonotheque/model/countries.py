"""Names of countries in English, as catalogues write them: the table behind ``normal.country_code``."""

from __future__ import annotations

# ISO 3166-1 alpha-2, then the names: ISO's short one, and others that Discogs, labels and people use.
NAMES = """
AD Andorra
AE United Arab Emirates | UAE
AF Afghanistan
AG Antigua and Barbuda
AI Anguilla
AL Albania
AM Armenia
AO Angola
AQ Antarctica
AR Argentina
AS American Samoa
AT Austria
AU Australia
AW Aruba
AX Åland Islands | Åland
AZ Azerbaijan
BA Bosnia and Herzegovina
BB Barbados
BD Bangladesh
BE Belgium
BF Burkina Faso
BG Bulgaria
BH Bahrain
BI Burundi
BJ Benin
BL Saint Barthélemy
BM Bermuda
BN Brunei | Brunei Darussalam
BO Bolivia | Bolivia, Plurinational State of
BQ Bonaire, Sint Eustatius and Saba | Caribbean Netherlands
BR Brazil
BS Bahamas
BT Bhutan
BV Bouvet Island
BW Botswana
BY Belarus
BZ Belize
CA Canada
CC Cocos Islands | Cocos (Keeling) Islands
CD Democratic Republic of the Congo | Congo, Democratic Republic of the | DR Congo | Congo-Kinshasa
CF Central African Republic
CG Congo | Republic of the Congo | Congo, Republic of the | Congo-Brazzaville
CH Switzerland
CI Côte d'Ivoire | Ivory Coast
CK Cook Islands
CL Chile
CM Cameroon
CN China | People's Republic of China
CO Colombia
CR Costa Rica
CU Cuba
CV Cabo Verde | Cape Verde
CW Curaçao
CX Christmas Island
CY Cyprus
CZ Czechia | Czech Republic
DE Germany | West Germany
DJ Djibouti
DK Denmark
DM Dominica
DO Dominican Republic
DZ Algeria
EC Ecuador
EE Estonia
EG Egypt
EH Western Sahara
ER Eritrea
ES Spain
ET Ethiopia
FI Finland
FJ Fiji
FK Falkland Islands | Falkland Islands (Malvinas)
FM Micronesia | Micronesia, Federated States of | Federated States of Micronesia
FO Faroe Islands
FR France
GA Gabon
GB United Kingdom | UK | Great Britain | Britain | England | Scotland | Wales | Northern Ireland
GD Grenada
GE Georgia
GF French Guiana
GG Guernsey
GH Ghana
GI Gibraltar
GL Greenland
GM Gambia
GN Guinea
GP Guadeloupe
GQ Equatorial Guinea
GR Greece
GS South Georgia | South Georgia and the South Sandwich Islands
GT Guatemala
GU Guam
GW Guinea-Bissau
GY Guyana
HK Hong Kong
HM Heard Island and McDonald Islands
HN Honduras
HR Croatia
HT Haiti
HU Hungary
ID Indonesia
IE Ireland | Republic of Ireland
IL Israel
IM Isle of Man
IN India
IO British Indian Ocean Territory
IQ Iraq
IR Iran | Iran, Islamic Republic of
IS Iceland
IT Italy
JE Jersey
JM Jamaica
JO Jordan
JP Japan
KE Kenya
KG Kyrgyzstan
KH Cambodia
KI Kiribati
KM Comoros
KN Saint Kitts and Nevis | St Kitts and Nevis
KP North Korea | Korea, Democratic People's Republic of
KR South Korea | Korea, Republic of | Korea
KW Kuwait
KY Cayman Islands
KZ Kazakhstan
LA Laos | Lao People's Democratic Republic
LB Lebanon
LC Saint Lucia | St Lucia
LI Liechtenstein
LK Sri Lanka
LR Liberia
LS Lesotho
LT Lithuania
LU Luxembourg
LV Latvia
LY Libya
MA Morocco
MC Monaco
MD Moldova | Moldova, Republic of
ME Montenegro
MF Saint Martin | Saint Martin (French part)
MG Madagascar
MH Marshall Islands
MK North Macedonia | Macedonia
ML Mali
MM Myanmar | Burma
MN Mongolia
MO Macao | Macau
MP Northern Mariana Islands
MQ Martinique
MR Mauritania
MS Montserrat
MT Malta
MU Mauritius
MV Maldives
MW Malawi
MX Mexico
MY Malaysia
MZ Mozambique
NA Namibia
NC New Caledonia
NE Niger
NF Norfolk Island
NG Nigeria
NI Nicaragua
NL Netherlands | Holland
NO Norway
NP Nepal
NR Nauru
NU Niue
NZ New Zealand
OM Oman
PA Panama
PE Peru
PF French Polynesia | Tahiti
PG Papua New Guinea
PH Philippines
PK Pakistan
PL Poland
PM Saint Pierre and Miquelon | St Pierre and Miquelon
PN Pitcairn | Pitcairn Islands
PR Puerto Rico
PS Palestine | Palestine, State of
PT Portugal
PW Palau
PY Paraguay
QA Qatar
RE Réunion
RO Romania
RS Serbia
RU Russia | Russian Federation
RW Rwanda
SA Saudi Arabia
SB Solomon Islands
SC Seychelles
SD Sudan
SE Sweden
SG Singapore
SH Saint Helena | Saint Helena, Ascension and Tristan da Cunha
SI Slovenia
SJ Svalbard and Jan Mayen
SK Slovakia
SL Sierra Leone
SM San Marino
SN Senegal
SO Somalia
SR Suriname
SS South Sudan
ST Sao Tome and Principe | São Tomé and Príncipe
SV El Salvador
SX Sint Maarten | Sint Maarten (Dutch part)
SY Syria | Syrian Arab Republic
SZ Eswatini | Swaziland
TC Turks and Caicos Islands
TD Chad
TF French Southern Territories
TG Togo
TH Thailand
TJ Tajikistan
TK Tokelau
TL Timor-Leste | East Timor
TM Turkmenistan
TN Tunisia
TO Tonga
TR Türkiye | Turkey
TT Trinidad and Tobago
TV Tuvalu
TW Taiwan | Taiwan, Province of China
TZ Tanzania | Tanzania, United Republic of
UA Ukraine
UG Uganda
UM United States Minor Outlying Islands
US United States | US | USA | United States of America | America
UY Uruguay
UZ Uzbekistan
VA Vatican City | Holy See | Holy See (Vatican City State) | Vatican
VC Saint Vincent and the Grenadines | St Vincent and the Grenadines
VE Venezuela | Venezuela, Bolivarian Republic of
VG British Virgin Islands | Virgin Islands, British
VI US Virgin Islands | Virgin Islands, U.S. | United States Virgin Islands | Virgin Islands
VN Vietnam
VU Vanuatu
WF Wallis and Futuna
WS Samoa | Western Samoa
YE Yemen
YT Mayotte
ZA South Africa
ZM Zambia
ZW Zimbabwe
"""

# Countries that are no more (ISO 3166-3) or that ISO has no code for, and wider areas. Codes that begin with
# X are user-assigned, with the meaning that MusicBrainz gives them.
OTHERS = """
AN Netherlands Antilles
CS Serbia and Montenegro
DD East Germany | German Democratic Republic | German Democratic Republic (GDR) | GDR | DDR
DY Dahomey
HV Upper Volta
RH Rhodesia | Southern Rhodesia
SU Soviet Union | USSR | Union of Soviet Socialist Republics
VD South Vietnam
XC Czechoslovakia
YD South Yemen
YU Yugoslavia
ZR Zaire
XE Europe
XK Kosovo
XW Worldwide | World | Unlimited
"""
