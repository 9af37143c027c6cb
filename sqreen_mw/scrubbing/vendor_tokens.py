"""Masks keys and tokens in the documented formats of vendors."""

import re
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Final

from sqreen_mw.protocol.mask import MASK
from sqreen_mw.scrubbing.mask import mask_spans
from sqreen_mw.scrubbing.prefilter import words_of_tokens

# At least 14 letters and digits in a row, with a digit: excludes kebab-case and snake_case words.
_RANDOM: Final = r"(?=[\w-]{0,48}[A-Za-z0-9]{14})(?=[\w-]{0,64}[0-9])[\w-]"

FORMATS: Final = (
    r"AGE-SECRET-KEY-1[A-Z0-9]{30,}",
    r"AIza[\w-]{30,}",  # Google
    r"A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9])",  # AWS
    r"ABSK[A-Za-z0-9+/]{40,}={0,2}",  # AWS Bedrock
    r"AKID[A-Za-z0-9]{32}(?![A-Za-z0-9])",  # Tencent
    r"AQVN[\w-]{35,}",  # Yandex
    r"ATATT3[\w=-]{40,}",  # Atlassian
    r"ATCTT3[\w=-]{40,}",
    r"ATBB[A-Za-z0-9]{24,}",
    r"CCIP(?:AT|RT)_[\w-]{20,}",  # CircleCI
    r"CFPAT-[\w-]{40,}",  # Contentful
    r"CLOJARS_[a-z0-9]{50,}",
    r"EAA[\w-]{60,}",  # Meta, Square
    r"EZ[AT]K[A-Za-z0-9]{50,}",  # EasyPost
    r"FLWSECK(?:_TEST)?-[A-Za-z0-9-]{12,}",  # Flutterwave
    r"GOCSPX-[\w-]{20,}",  # Google OAuth
    r"HRKU-[\w-]{30,}",  # Heroku
    r"LTAI[A-Za-z0-9]{16,24}(?![A-Za-z0-9])",  # Alibaba
    r"NR(?:AK|JS|II|IQ|RA|AL)-[A-Za-z0-9-]{16,}",  # New Relic
    r"PMAK-[a-f0-9-]{40,}",  # Postman
    r"SG\.[\w-]{16,}\.[\w-]{16,}",  # SendGrid
    r"SK[0-9a-f]{32}(?![A-Za-z0-9])",  # Twilio
    r"aio_[A-Za-z0-9]{24,}",  # Adafruit
    r"b3BlbnNzaC1rZXktdjE[A-Za-z0-9+/=]+",  # the body of an OpenSSH key
    r"bkua_[a-z0-9]{32,}",  # Buildkite
    r"c[ks]_[a-f0-9]{40}(?![A-Za-z0-9])",  # WooCommerce
    r"dapi[a-f0-9]{32}(?:-\d)?(?![A-Za-z0-9])",  # Databricks
    r"dckr_[op]at_[\w-]{20,}",  # Docker
    r"do[opr]_v1_[a-f0-9]{32,}",  # DigitalOcean
    r"dp\.(?:st|pt|ct|sa|scim|audit)\.[\w.-]{30,}",  # Doppler
    r"dt0[a-z]\d\d\.[A-Z0-9]{16,}\.[A-Z0-9]{40,}",  # Dynatrace
    r"duffel_(?:live|test)_[\w-]{30,}",
    r"figd_[\w-]{30,}",  # Figma, Frame, Fly
    r"fio-u-[\w-]{50,}",
    r"fo1_[\w-]{30,}",
    r"fm[12]_[\w+/=-]{40,}",
    r"gh[pousr]_[A-Za-z0-9]{20,}",  # GitHub
    r"github_pat_\w{20,}",
    r"gl(?:agent|cbt|dt|ffct|ft|imt|oas|pat|ptt|rt|rtr|soat|wt)-[\w.-]{16,}",  # GitLab
    r"glsa_\w{30,}",  # Grafana
    r"glc_[A-Za-z0-9+/=]{30,}",
    r"gsk_[A-Za-z0-9]{32,}",  # Groq
    r"hf_[A-Za-z]{30,}",  # Hugging Face
    r"hf_[A-Za-z0-9]{30,}",
    r"api_org_[A-Za-z0-9]{30,}",
    r"hv[bsr]\.[\w-]{20,}",  # Vault
    r"key-[a-f0-9]{32}(?![A-Za-z0-9])",  # Mailgun
    r"lin_(?:api|oauth)_[A-Za-z0-9]{30,}",  # Linear
    r"lsv2_(?:pt|sk)_\w{30,}",  # LangSmith
    r"napi_[a-z0-9]{40,}",
    r"nfp_[A-Za-z0-9]{30,}",
    r"npm_[A-Za-z0-9]{30,}",
    r"ntn_[A-Za-z0-9]{40,}",
    r"ops_eyJ[\w=-]{40,}",  # 1Password
    r"pat-(?:na|eu|ap)\d-[a-f0-9-]{30,}",  # HubSpot
    r"pat[A-Za-z0-9]{14}\.[a-f0-9]{60,}",  # Airtable
    r"phx_[A-Za-z0-9]{30,}",
    r"pnu_[A-Za-z0-9]{30,}",
    r"pplx-[A-Za-z0-9]{30,}",
    r"pul-[a-f0-9]{40}",
    r"pscale_(?:tkn|pw|oauth)_[\w=.-]{30,}",  # PlanetScale
    r"pypi-[\w-]{40,}",
    r"r8_[A-Za-z0-9]{30,}",
    r"rdme_[a-z0-9]{60,}",
    r"rubygems_[a-f0-9]{40,}",
    r"re_[A-Za-z0-9]{6,12}_[A-Za-z0-9]{16,}",  # Resend
    r"rnd_[A-Za-z0-9]{28,}",  # Render, RunPod
    r"rpa_[A-Z0-9]{30,}",
    r"rzp_(?:live|test)_[A-Za-z0-9]{14,}",  # Razorpay
    r"rk_(?:live|test|prod)_\w{10,}",  # Stripe
    r"sk_(?:live|test|prod)_\w{10,}",
    r"whsec_[A-Za-z0-9+/=_-]{16,}",
    r"sbp_(?:v0_)?[a-f0-9]{40,}",  # Supabase
    r"sb_secret_[\w-]{20,}",
    r"secret_[A-Za-z0-9]{40,}",  # Notion
    r"sgp_[\w-]{40,}",  # Sourcegraph
    r"shp(?:at|ca|pa|ss|tka)_[A-Fa-f0-9]{30,}",  # Shopify
    r"shippo_(?:live|test)_[a-f0-9]{32,}",
    rf"s(?<![\w-]s)k-{_RANDOM}{{20,}}",  # OpenAI, Anthropic, DeepSeek, OpenRouter
    r"sntry[su]_[A-Za-z0-9+/=_-]{30,}",  # Sentry
    r"sq0[a-z]{3}-[\w-]{20,}",  # Square, SonarQube
    r"sq[apu]_[a-f0-9]{40}",
    r"sqm_[A-Za-z0-9]{4,}_[\w-]{16,}",  # ours
    r"tfp_[\w.=-]{40,}",  # Typeform, Tailscale
    r"tk-us-[\w-]{40,}",
    r"tskey-[a-z]{2,12}-[\w-]{16,}",
    r"v1\.0-[a-f0-9]{20,}-[a-f0-9]{100,}",  # Cloudflare
    r"xai-[A-Za-z0-9]{60,}",  # xAI, Brevo
    r"xkeysib-[a-f0-9]{60,}[\w-]*",
    r"xapp-\d-[A-Za-z0-9-]{20,}",  # Slack
    r"xox[a-z](?:\.xox[a-z])?-[\w-]{10,}",
    r"y[0-3]_[\w-]{50,}",  # Yandex, Google OAuth
    r"ya29\.[\w-]{16,}",
    r"zpka_\w{30,}",
    r"AKCp[A-Za-z0-9]{60,}",  # Artifactory
    r"ATTA[a-f0-9]{64}",  # Trello
    r"BBDC-[\w+/-]{30,}",  # Bitbucket
    r"F(?:wo|Qo)GZXIvYXdz[\w+/=-]{40,}",  # AWS session
    r"IQoJb3JpZ2lu[\w+/=-]{40,}",
    r"access_token\$(?:production|sandbox)\$[\w$]{30,}",  # PayPal
    r"amzn\.mws\.[a-f0-9-]{36}",
    r"cio[A-Za-z0-9]{32}(?![A-Za-z0-9])",  # crates.io
    r"fw_[A-Za-z0-9]{22,}",  # Fireworks
    rf"live_{_RANDOM}{{30,}}",  # Mollie, Lob, GoCardless
    r"md-[A-Za-z0-9_-]{22}(?![\w-])",  # Mandrill
    r"oy2[a-z0-9]{43}(?![A-Za-z0-9])",  # NuGet
    r"pcsk_\w{40,}",  # Pinecone
    r"sk-lf-[a-f0-9-]{36}",  # Langfuse
    r"sk_[a-f0-9]{48}(?![A-Za-z0-9])",  # ElevenLabs
    r"sl\.(?:u\.)?[\w-]{100,}",  # Dropbox
    r"tgp_v1_[\w-]{40,}",  # Together
    r"tvly-(?:dev-)?[A-Za-z0-9]{24,}",  # Tavily
    r"1//0[\w-]{30,}",  # Google: refresh token, code, key
    r"4/0A[\w-]{30,}",
    r"AQ\.Ab8RN6[\w-]{30,}",
    r"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}",  # 1Password
    r"API-(?=[A-Z]{0,24}\d)(?=\d{0,24}[A-Z])[A-Z0-9]{25,32}(?![A-Za-z0-9-])",  # Octopus
    r"GR1348941[\w-]{20,}",  # GitLab runner
    r"MII[EJ][A-Za-z0-9+/]{2}IBA[AD][A-Za-z0-9+/=]{40,}",  # private keys (PKCS 1, PKCS 8)
    r"M(?:HcCAQEE|IGHAgEAMBMG|C4CAQAwBQYDK2Vw)[A-Za-z0-9+/=]{40,}",
    r"SWMTKN-1-[a-z0-9]{40,}-[a-z0-9]{20,}",  # Docker Swarm
    r"WPL_AP[01]\.[\w.=-]{16,}",  # LinkedIn
    r"access-(?:sandbox|development|production)-[a-f0-9-]{36}",  # Plaid
    r"cf(?:ut|at|k)_[A-Za-z0-9]{40,}",  # Cloudflare
    r"cmVmdGtuOj[A-Za-z0-9+/=]{40,}",  # Artifactory
    r"csk-[a-z0-9]{40,}",  # Cerebras
    r"dG9rO[\w=]{50,}",  # Intercom
    r"dd[opw]_[A-Za-z0-9]{36}",  # Deno
    r"dnkey-[\w-]{60,}",  # Defined
    r"eyJrIjoi[\w+/=-]{40,}",  # Grafana
    r"fc-[a-f0-9]{32}(?![A-Za-z0-9])",  # Firecrawl
    r"hc[abx]ik_[a-z0-9]{50,}",  # Honeycomb
    r"ico-[A-Za-z0-9]{32}(?![A-Za-z0-9])",  # Infracost
    r"jina_[A-Za-z0-9_-]{40,}",
    r"lip_[A-Za-z0-9]{20}(?![A-Za-z0-9])",  # Lichess
    r"mfa\.[\w-]{80,}",  # Discord
    r"nvapi-[\w-]{50,}",  # NVIDIA
    r"p8e-[A-Za-z0-9]{32}(?![A-Za-z0-9])",  # Adobe
    r"pat\.[\w-]{22}\.[a-f0-9]{24}\.[A-Za-z0-9]{20}",  # Harness
    r"phs_[A-Za-z0-9]{40,}",  # PostHog
    r"s\.(?=[A-Za-z]{0,23}\d)[A-Za-z0-9]{24}(?![A-Za-z0-9])",  # Vault, before 1.10
    r"s[ca]_[a-z0-9]{5,30}\.[a-z0-9]{4,6}\.acc[_-][\w.-]{40,}",  # Authress
    r"sdk-[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[a-f0-9]{4}-[a-f0-9]{12}",  # LaunchDarkly
    r"sk_org_(?:live|test)_\w{10,}",  # Stripe
    r"sm_(?:pat|aat|sat)_[A-Za-z0-9]{16}",  # Settlemint
    r"snyk_uat\.[a-f0-9]{8}\.[\w.-]{40,}",
    r"t1\.[\w-]{20,}\.[\w-]{80,}",  # Yandex
    r"vc[aiprk]_[A-Za-z0-9]{50,}",  # Vercel
    r"vercel_blob_rw_\w{40,}",
    r"xa[ap]t-[a-f0-9-]{36}",  # Axiom
    r"xsmtpsib-[a-f0-9]{60,}[\w-]*",  # Brevo
    r"M[\w-]{23,27}\.[\w-]{6,7}\.[\w-]{27,}",  # Discord
    r"N[\w-]{23,27}\.[\w-]{6,7}\.[\w-]{27,}",
    r"O[\w-]{23,27}\.[\w-]{6,7}\.[\w-]{27,}",
)
"""The formats of tokens with a known prefix."""


def _by_first_letter(formats: tuple[str, ...]) -> str:
    """Return a pattern that tries only the formats with the same first letter.

    Small letters come first, because most words begin with one.
    """
    groups = groupby(sorted(formats, reverse=True), key=itemgetter(0))
    return "|".join(f"{first}(?:{'|'.join(one[1:] for one in group)})" for first, group in groups)


_TOKENS: Final = re.compile(rf"([^A-Za-z0-9])(?:{_by_first_letter(FORMATS)})", re.ASCII)
_LONG_WORD: Final = re.compile(b"a" * 20 + rb"a*+")
_SHORT_WORD: Final = re.compile(b"a" * 15 + rb"a*+")
_JWT: Final = (  # RFC 7519, also JWE; not inside a word
    r"()eyJ(?:(?<![\w-]eyJ)|(?<=%[0-9A-Fa-f]{2}eyJ)|(?<=\\[nrt]eyJ)|(?<=_eyJ))"
    r"[\w-]{8,4096}+\.[\w-]{8,}+(?:\.[\w-]*+){0,3}+"
)
_WEBHOOK: Final = (  # Slack, Discord, Teams, Make
    r"(hooks\.slack\.com/|/api/webhooks/|\.webhook\.office\.com/"
    r"|outlook\.office(?:365)?\.com/webhookb?2?/|hook\.(?:[a-z]{2}\d\.make|integromat)\.com/)"
    r"(?:(?<=k\.com/)[a-z]+/[\w/+-]{20,}|(?<=s/)\d{8,20}/[\w-]{40,}"
    r"|(?:(?<=e\.com/)|(?<=k/)|(?<=b/)|(?<=b2/))[\w@/-]{40,}"
    r"|(?:(?<=make\.com/)|(?<=mat\.com/))[\w-]{20,})"
)
_AZURE: Final = (  # keys with a known marker
    r"([^A-Za-z0-9+/])[A-Za-z0-9+/]{33,76}"
    r"(?:AIoT|\+A(?:St|Eh|Sb|Ba|CR|Rm)|ACDb|AzFu|AzSe|APIM|AzCa)[A-Za-z0-9+/]{5}[AQgw]={1,2}"
)
# Formats without a known prefix, or with unusual characters: a text that they contain, and a
# pattern that begins with a rare character. Both are chosen to be fast.
_MARKED: Final = (
    ("eyJ", _JWT),
    (".atla", r"()\w{1,64}\.atlasv1\.[\w=-]{40,}"),  # Terraform
    ("Q~", r"([^\w.~-])[\w.~-]{3}[0-9]Q~[\w.~-]{31,34}(?![\w.~-])"),  # Entra
    (":AA", r"(\D)\d{8,10}:AA[\w-]{30,}"),  # Telegram
    (":APA9", r"([^A-Za-z0-9])AAAA[\w-]{7}:APA91[\w-]{100,}"),  # Firebase
    ("auth:", r"([^A-Za-z0-9])oauth:[a-z0-9]{30}(?![A-Za-z0-9])"),  # Twitch
    ("AAAAA", r"([^A-Za-z0-9])A{21}[\w%]{50,}"),  # X
    ("hook", _WEBHOOK),
    ("=", _AZURE),
)
_PATTERNS: Final = tuple((mark, re.compile(pattern, re.ASCII)) for mark, pattern in _MARKED)
_DJANGO: Final = re.compile(r"([^A-Za-z0-9])django-insecure-\S{30,}")
# Hexadecimal digits with a suffix: Mailgun and Mailchimp.
_HEX: Final = bytes(97 if byte in b"0123456789abcdef" else byte for byte in range(256))
_HEX_KEY: Final = b"a" * 32 + b"-"
_SUFFIXED: Final = re.compile(
    r"([^A-Za-z0-9-])[a-f0-9]{32}-(?:[a-f0-9]{8}-[a-f0-9]{8}|us\d{1,2})(?![A-Za-z0-9-])"
)


def mask_vendor_tokens(text: str) -> str:
    """Return a text with all keys and tokens of documented formats masked."""
    data = text.encode("ascii", "replace")
    # Tokens of Slack and Stripe can be shorter.
    word = _SHORT_WORD if "xox" in text or "k_" in text else _LONG_WORD
    words = [match.span() for match in word.finditer(words_of_tokens(data))]
    masked = mask_spans(text, _tokens(text, words))
    if "insecure-" in text:
        masked = _mask(_DJANGO, masked)
    if words:
        if _HEX_KEY in data.translate(_HEX):
            masked = _mask(_SUFFIXED, masked)
        for mark, pattern in _PATTERNS:
            if mark in text:
                masked = _mask(pattern, masked)
    return masked


def _tokens(text: str, words: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the positions of tokens in long words."""
    framed = f"\n{text}"  # each token follows a character
    for start, end in words:
        position = start
        while token := _TOKENS.search(framed, position, end + 1):
            yield token.start(), token.end() - 1
            position = token.end()


def _mask(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(rf"\1{MASK}", f"\n{text}")[1:]
