"""The twenty carriers of the simulated fleet."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Carrier:
    """One carrier: the name its supplier uses, the SPN its profiles report, and its network.

    ``mnc`` keeps the vendor's spelling: eSIMfly does not pad it (upstreams §7.2.3, ``"2"``).
    """

    name: str
    spn: str
    issuer: str
    operator: str
    mcc: str
    mnc: str
    country: str
    country_iso2: str


#: Names with quotes, commas and differing SPNs are there on purpose: they are what breaks clients.
CARRIERS: tuple[Carrier, ...] = (
    Carrier("Optus", "Optus", "896102", "Optus", "505", "2", "Australia", "AU"),
    Carrier("Play", "Play", "894806", "Play", "260", "6", "Poland", "PL"),
    Carrier("Fred's Fast Wireless Service", "Mobile", "890131", "T-Mobile", "310", "260", "United States", "US"),
    Carrier("Daffy Duck's Digital Service, Inc.", "Daffy Duck's Digital Service, Inc.", "890132", "AT&T", "310",
            "410", "United States", "US"),
    Carrier("O'Neill Mobile", "O'Neill Mobile", "893530", "Three", "272", "5", "Ireland", "IE"),
    Carrier("Vodafone UK", "Vodafone UK", "894410", "Vodafone", "234", "15", "United Kingdom", "GB"),
    Carrier("EE", "EE", "894430", "EE", "234", "30", "United Kingdom", "GB"),
    Carrier("Telekom.de", "Telekom.de", "894902", "Telekom", "262", "1", "Germany", "DE"),
    Carrier("Orange F", "Orange F", "893301", "Orange", "208", "1", "France", "FR"),
    Carrier("Bouygues Telecom", "Bouygues Telecom", "893320", "Bouygues", "208", "20", "France", "FR"),
    Carrier("Movistar", "Movistar", "893407", "Movistar", "214", "7", "Spain", "ES"),
    Carrier("TIM", "TIM", "893901", "TIM", "222", "1", "Italy", "IT"),
    Carrier("Telia", "Telia", "894601", "Telia", "240", "1", "Sweden", "SE"),
    Carrier("Swisscom", "Swisscom", "894101", "Swisscom", "228", "1", "Switzerland", "CH"),
    Carrier("KPN Mobile", "KPN", "893108", "KPN", "204", "8", "Netherlands", "NL"),
    Carrier("Proximus", "Proximus", "893201", "Proximus", "206", "1", "Belgium", "BE"),
    Carrier("NTT DOCOMO", "NTT DOCOMO", "898110", "NTT DOCOMO", "440", "10", "Japan", "JP"),
    Carrier("CSL Mobile", "csl", "898520", "csl", "454", "0", "Hong Kong", "HK"),
    Carrier("Rogers Wireless", "ROGERS", "890272", "Rogers", "302", "720", "Canada", "CA"),
    Carrier("Telstra", "Telstra", "896101", "Telstra", "505", "1", "Australia", "AU"),
)  # fmt: skip


def normalized(carrier: str) -> str:
    """Return Digi's ``normalized_carrier`` for a reported SPN.

    Vendors page 001 says only that the system makes it "for display and matching purposes";
    lower-case words without punctuation is inferred (upstreams §7.1, ``Mobile`` -> ``mobile``).
    """
    return re.sub(r"[^\w]+", " ", carrier.replace("'", "")).strip().lower()
