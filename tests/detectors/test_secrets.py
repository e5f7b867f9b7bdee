"""Secrets of every kind. Values are put together here: none is real, and none stands in the source as a
whole."""

from __future__ import annotations

import base64
import binascii
import json
import random

import pytest

from sentinel.core.errors import ConfigError
from sentinel.core.finding import Finding
from sentinel.core.needs import everything
from sentinel.detectors import _secret_checks as checks
from sentinel.detectors._secret_rules import RULES
from sentinel.detectors.detector_set import DetectorSet
from tests.detectors.conftest import Load

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
HEX = "0123456789abcdef"


def chars(count: int, alphabet: str = BASE62, seed: int = 1) -> str:
    return "".join(random.Random(seed).choices(alphabet, k=count))


def with_crc(prefix: str) -> str:
    body, number, digits = chars(30), 0, ""
    number = binascii.crc32(body.encode())
    for _ in range(6):
        number, place = divmod(number, 62)
        digits = BASE62[place] + digits
    return f"{prefix}_{body}{digits}"


def b64(value: bytes | str) -> str:
    data = value.encode() if isinstance(value, str) else value
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


JWT = ".".join([b64(json.dumps({"alg": "HS256"})), b64(json.dumps({"sub": "synthetic"})), chars(43)])
PEM = (
    "-----BEGIN RSA PRIVATE "
    + "KEY-----\n"
    + chars(64)
    + "\n"
    + chars(20)
    + "\n-----END RSA PRIVATE "
    + "KEY-----"
)
UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
LOWER_HEX_AND_UPPER = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"

FOUND = [
    ("AWS_ACCESS_KEY", "AK" + "IA" + chars(16, UPPER)),
    ("GITHUB_TOKEN", with_crc("gh" + "p")),
    ("GITHUB_TOKEN", "github" + "_pat_" + chars(22) + "_" + chars(59)),
    ("GITLAB_TOKEN", "gl" + "pat-" + chars(20)),
    ("SLACK_TOKEN", "xo" + "xb-" + chars(12, "0123456789") + "-" + chars(24)),
    (
        "SLACK_WEBHOOK",
        "https://hooks.slack"
        + ".com/services/T"
        + chars(9, UPPER)
        + "/B"
        + chars(9, UPPER)
        + "/"
        + chars(24),
    ),
    ("STRIPE_KEY", "sk_" + "live_" + chars(24)),
    ("TWILIO_KEY", "S" + "K" + chars(32, HEX)),
    ("SENDGRID_KEY", "S" + "G." + chars(22) + "." + chars(43)),
    ("MAILCHIMP_KEY", chars(32, HEX) + "-us12"),
    ("MAILGUN_KEY", "key-" + chars(32, HEX)),
    ("NPM_TOKEN", with_crc("n" + "pm")),
    ("PYPI_TOKEN", "pypi-" + "AgE" + chars(60)),
    ("OPENAI_KEY", "sk-" + chars(20) + "T3Blbk" + "FJ" + chars(20)),
    ("OPENAI_KEY", "sk-" + "proj-" + chars(48)),
    ("ANTHROPIC_KEY", "sk-" + "ant-api03-" + chars(93)),
    ("HUGGING_FACE_TOKEN", "h" + "f_" + chars(34, BASE62[10:])),
    ("GOOGLE_API_KEY", "AI" + "za" + chars(35)),
    ("GOOGLE_OAUTH_SECRET", "GOC" + "SPX-" + chars(28)),
    ("DIGITALOCEAN_TOKEN", "do" + "p_v1_" + chars(64, HEX)),
    ("DATABRICKS_TOKEN", "da" + "pi" + chars(32, HEX)),
    ("DISCORD_TOKEN", b64("1234" + "56789012345678") + "." + chars(6) + "." + chars(30)),
    ("DISCORD_WEBHOOK", "https://discord" + ".com/api/webhooks/" + chars(18, "123456789") + "/" + chars(68)),
    ("TELEGRAM_BOT_TOKEN", chars(9, "123456789") + ":A" + "A" + chars(33)),
    ("SHOPIFY_TOKEN", "shp" + "at_" + chars(32, HEX)),
    ("SQUARE_TOKEN", "sq0" + "atp-" + chars(22)),
    ("GRAFANA_TOKEN", "gl" + "sa_" + chars(32) + "_" + chars(8, HEX)),
    ("VAULT_TOKEN", "hv" + "s." + chars(90)),
    ("TERRAFORM_TOKEN", chars(14) + ".atlas" + "v1." + chars(65)),
    ("LINEAR_KEY", "lin_" + "api_" + chars(40)),
    ("AZURE_CLIENT_SECRET", "abc8" + "Q~" + chars(34)),
    ("ARTIFACTORY_TOKEN", "AK" + "C" + chars(60)),
    ("JWT", JWT),
    ("PRIVATE_KEY", PEM),
    ("PRIVATE_KEY", "AGE-SECRET" + "-KEY-1" + chars(58, LOWER_HEX_AND_UPPER)),
]

# Text, and the part of it that is the secret.
IN_PLACE = [
    ("AWS_SECRET_KEY", "aws_secret_access_key = '{}'", chars(40)),
    ("AZURE_STORAGE_KEY", "AccountName=x;Account" + "Key={};EndpointSuffix=y", chars(86) + "=="),
    ("IBM_CLOUD_KEY", "ibm_cloud_api_key: {}", chars(44)),
    ("CLOUDANT_KEY", "cloudant_password = '{}'", chars(64, HEX)),
    ("SOFTLAYER_KEY", "softlayer_api_key='{}'", chars(64, HEX)),
    ("URL_PASSWORD", "postgres://app:{}@db.internal:5432/main", "s3cr3t-pw"),
    ("URL_PASSWORD", "https://bob:{}@host.example.com/", "Tr0ub4dor"),
    ("AUTH_HEADER", "Authorization: Bearer {}", chars(40)),
    ("PASSWORD", 'password = "{}"', "hunter2!x"),
    ("PASSWORD", "DB_PASSWORD={}", "aX9-kk-31"),
    ("PASSWORD", "My password is {}, do not tell", "Blue42horse"),
    ("GENERIC_SECRET", "api_key: '{}'", chars(32)),
    ("GENERIC_SECRET", '"client_secret": "{}"', chars(40)),
    ("GENERIC_SECRET", "token => {}", chars(24, HEX)),
    ("NPM_TOKEN", "//registry/:_auth" + "Token={}", chars(36)),
]

NOT_FOUND = [
    "api_key = '<your-key>'",
    "api_key: ${API_KEY}",
    "secret = process.env.SECRET_VALUE",
    "token: xxxxxxxxxxxxxxxx",
    "password: password",
    "password = changeme",
    'password = "********"',
    "The password is required for this step.",
    "the token is then passed to the parser",
    "postgres://user:password@localhost/db",
    "https://user:${PASSWORD}@host.example.com",
    "secret: abcdefghijkl",
    "api_key = AAAAAAAAAAAAAAAAAAAAAAAA",
    "AK" + "IA" + "EXAMPLEEXAMPLE22",
    "eyJ" + chars(20) + "." + chars(20) + "." + chars(20),
    "ghp_short",
    "A plain sentence about keys, tokens and secrets.",
    "key-value stores; sk-learn; hf_hub_download; xoxo",
]


def secrets(detectors: DetectorSet, text: str) -> list[Finding]:
    answer = detectors.inspect(text, detectors.view(everything(["secrets"])))
    assert not answer.failed
    return list(answer.findings)


@pytest.mark.parametrize(("kind", "value"), FOUND, ids=[f"{kind}-{i}" for i, (kind, _) in enumerate(FOUND)])
@pytest.mark.parametrize("around", ["{}", "my key is {} ok", "KEY='{}'", "\n{}\n", "({}), then"])
def test_found(kind: str, value: str, around: str, detectors: DetectorSet) -> None:
    text = around.format(value)
    places = [(f.type, text[f.start : f.end]) for f in secrets(detectors, text)]
    assert places == [(kind, value)]


@pytest.mark.parametrize(
    ("kind", "text", "value"), IN_PLACE, ids=[f"{row[0]}-{i}" for i, row in enumerate(IN_PLACE)]
)
def test_found_in_place(kind: str, text: str, value: str, detectors: DetectorSet) -> None:
    text = text.format(value)
    assert [(f.type, text[f.start : f.end]) for f in secrets(detectors, text)] == [(kind, value)]


@pytest.mark.parametrize("text", NOT_FOUND)
def test_not_found(text: str, detectors: DetectorSet) -> None:
    assert secrets(detectors, text) == []


def test_every_rule_has_an_example() -> None:
    assert {rule.type for rule in RULES} <= {kind for kind, _ in FOUND} | {row[0] for row in IN_PLACE} | {
        "GOOGLE_OAUTH_TOKEN"
    }


def test_a_wrong_checksum_lowers_the_score(detectors: DetectorSet) -> None:
    right, wrong = with_crc("gh" + "p"), "gh" + "p_" + chars(36)
    assert [f.score for f in secrets(detectors, right)] == [1.0]
    (finding,) = secrets(detectors, wrong)
    assert finding.score < 0.5 and "checksum" in finding.why


def test_published_checksum_example() -> None:
    # From GitHub's article on its token format: a revoked token.
    assert checks.crc32_base62("gh" + "p_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ" + "0mLq17")


def test_settings(load: Load) -> None:
    value = chars(32)
    allowed = load(secrets={"allow_list": [value]})
    assert secrets(allowed, f"api_key = '{value}'") == []
    by_expression = load(secrets={"allow_list": ["^hunter"], "allow_list_match": "regex"})
    assert secrets(by_expression, "password: hunter2!x") == []
    assert secrets(load(secrets={"disable": ["PASSWORD"]}), "password: hunter2!x") == []
    assert secrets(load(secrets={"min_score": 0.9}), f"api_key = '{value}'") == []
    assert (
        secrets(load(secrets={"base64_entropy": 8.0}), "token: " + chars(16)) != []
    )  # shrinks with the length


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"disable": ["NO_SUCH"]}, "detectors.secrets.disable"),
        ({"allow_list": ["("], "allow_list_match": "regex"}, "detectors.secrets.allow_list[0]"),
    ],
)
def test_mistakes(settings: dict[str, object], key: str, load: Load) -> None:
    with pytest.raises(ConfigError) as caught:
        load(secrets=settings)
    assert caught.value.key == key


@pytest.mark.parametrize(
    "value", ["<key>", "${X}", "xxxx-xxxx", "example-token", "aaaa", "os.environ[x]", "{{ key }}"]
)
def test_placeholders(value: str) -> None:
    assert checks.is_placeholder(value)


def test_why_never_quotes_the_text(detectors: DetectorSet) -> None:
    for _, value in FOUND:
        assert all(value not in finding.why for finding in secrets(detectors, value))
