"""The secrets that are looked for, as data: type, expression, score, check.

The formats are those their issuers document; which of them to cover follows what detect-secrets' plugins and
GitHub's secret scanning lead users to expect. A group `value` is what is reported, else the whole match.
Every expression is bounded, so that its work is.
"""

from __future__ import annotations

import enum

import msgspec


class Check(enum.Enum):
    """What decides beyond the expression."""

    NONE = "none"
    RANDOM = "random"  # entropy; placeholders are rejected
    PASSWORD = "password"  # no plain word, no placeholder
    NOT_PLACEHOLDER = "not_placeholder"
    CRC32 = "crc32"  # GitHub's and npm's; a wrong one lowers the score
    JWT = "jwt"
    DISCORD = "discord"


class SecretRule(msgspec.Struct, frozen=True):
    """`folds` makes the expression blind to case."""

    type: str
    name: str
    pattern: str
    score: float
    check: Check = Check.NONE
    folds: bool = False


_EDGE = r"(?<![A-Za-z0-9_\-])"
_END = r"(?![A-Za-z0-9_\-])"


def _token(type: str, name: str, body: str, score: float = 0.95, check: Check = Check.RANDOM) -> SecretRule:
    """A token that its own prefix or shape gives away."""
    return SecretRule(type, name, _EDGE + body + _END, score, check)


_ASSIGN = r"""["'`\]]{0,2}\s{0,4}(?::=|=>|==|=|:)\s{0,4}"""
_VALUE = (
    r"""(?:"(?P<value>[^"\s]{6,256})"|'(?P<value>[^'\s]{6,256})'|`(?P<value>[^`\s]{6,256})`"""
    r"""|(?P<value>[^\s"'`,;&<>(){}\[\]|\\]{6,256}))"""
)

RULES: tuple[SecretRule, ...] = (
    _token("AWS_ACCESS_KEY", "access key id", r"(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z2-7]{16}"),
    SecretRule(
        "AWS_SECRET_KEY",
        "secret access key beside the word `aws`",
        r"aws.{0,24}?(?:secret|key|pw|password|token).{0,24}?[\"'`=:\s](?P<value>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        0.9,
        Check.RANDOM,
        folds=True,
    ),
    _token("GITHUB_TOKEN", "token with checksum", r"gh[pousr]_[A-Za-z0-9]{36}", 0.95, Check.CRC32),
    _token("GITHUB_TOKEN", "fine-grained token", r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    _token(
        "GITLAB_TOKEN", "token", r"gl(?:pat|dt|ptt|rt|cbt|oas|ft|soat|agent|imt|ffct)-[A-Za-z0-9_\-]{20,64}"
    ),
    _token("GITLAB_TOKEN", "runner registration token", r"GR1348941[A-Za-z0-9_\-]{20}"),
    _token("SLACK_TOKEN", "token", r"xox[abeoprs]-(?:\d+-)?[A-Za-z0-9\-]{10,200}"),
    _token("SLACK_TOKEN", "app token", r"xapp-\d-[A-Z0-9]{8,14}-\d{10,16}-[a-f0-9]{32,80}"),
    SecretRule(
        "SLACK_WEBHOOK",
        "incoming webhook",
        r"https://hooks\.slack\.com/(?:services|workflows)/[A-Z0-9]{7,12}/[A-Z0-9]{7,12}/[A-Za-z0-9]{16,32}",
        0.95,
        Check.RANDOM,
    ),
    _token("STRIPE_KEY", "live key", r"(?:sk|rk)_live_[A-Za-z0-9]{16,247}"),
    _token("STRIPE_KEY", "test key", r"(?:sk|rk)_test_[A-Za-z0-9]{16,247}", 0.6),
    _token("STRIPE_KEY", "webhook secret", r"whsec_[A-Za-z0-9+/=]{32,64}"),
    _token("TWILIO_KEY", "account or API key id", r"(?:AC|SK)[a-f0-9]{32}", 0.8),
    _token("SENDGRID_KEY", "API key", r"SG\.[A-Za-z0-9_\-]{22}\.[A-Za-z0-9_\-]{43}"),
    _token("MAILCHIMP_KEY", "API key", r"[0-9a-f]{32}-us[0-9]{1,2}", 0.9),
    _token("MAILGUN_KEY", "API key", r"key-[0-9a-f]{32}", 0.85),
    _token("NPM_TOKEN", "token with checksum", r"npm_[A-Za-z0-9]{36}", 0.95, Check.CRC32),
    SecretRule(
        "NPM_TOKEN",
        "registry token",
        r"_authToken\s{0,4}=\s{0,4}(?P<value>[A-Za-z0-9\-_]{20,128})",
        0.9,
        Check.RANDOM,
    ),
    _token("PYPI_TOKEN", "API token", r"pypi-AgE[A-Za-z0-9_\-]{50,1000}", 0.95, Check.NONE),
    _token(
        "OPENAI_KEY",
        "API key",
        r"sk-(?:[a-z]{2,12}-)?[A-Za-z0-9_\-]{16,120}T3BlbkFJ[A-Za-z0-9_\-]{16,120}",
        0.99,
        Check.NONE,
    ),
    _token("OPENAI_KEY", "project or service key", r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_\-]{40,200}"),
    _token("ANTHROPIC_KEY", "API key", r"sk-ant-(?:api|admin|oat|sid)\d{2}-[A-Za-z0-9_\-]{60,120}", 0.99),
    _token("HUGGING_FACE_TOKEN", "access token", r"hf_[A-Za-z]{34}"),
    _token("HUGGING_FACE_TOKEN", "organisation token", r"api_org_[A-Za-z]{34}"),
    _token("GOOGLE_API_KEY", "API key", r"AIza[A-Za-z0-9_\-]{35}"),
    _token("GOOGLE_OAUTH_SECRET", "client secret", r"GOCSPX-[A-Za-z0-9_\-]{28}"),
    _token("GOOGLE_OAUTH_TOKEN", "access token", r"ya29\.[A-Za-z0-9_\-]{20,400}", 0.9),
    SecretRule(
        "AZURE_STORAGE_KEY",
        "account key",
        r"(?:AccountKey|SharedAccessKey|account[_-]?key)\s{0,4}[=:]\s{0,4}[\"']?(?P<value>[A-Za-z0-9+/]{42,86}={1,2})",
        0.97,
        Check.RANDOM,
        folds=True,
    ),
    _token(
        "AZURE_CLIENT_SECRET", "application secret", r"[A-Za-z0-9_.\-]{3}\dQ~[A-Za-z0-9_.~\-]{31,34}", 0.9
    ),
    _token("DATABRICKS_TOKEN", "access token", r"dapi[a-f0-9]{32}(?:-\d)?"),
    _token("DIGITALOCEAN_TOKEN", "token", r"do[opr]_v1_[a-f0-9]{64}"),
    _token(
        "DISCORD_TOKEN",
        "bot token",
        r"[MNO][A-Za-z0-9]{23,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,40}",
        0.9,
        Check.DISCORD,
    ),
    SecretRule(
        "DISCORD_WEBHOOK",
        "webhook",
        r"https://(?:ptb\.|canary\.)?discord(?:app)?\.com/api/webhooks/\d{17,20}/[A-Za-z0-9_\-]{60,80}",
        0.95,
    ),
    _token("TELEGRAM_BOT_TOKEN", "bot token", r"\d{8,10}:AA[A-Za-z0-9_\-]{33}", 0.95),
    _token("SHOPIFY_TOKEN", "token", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    _token("SQUARE_TOKEN", "access token", r"(?:sq0atp-[A-Za-z0-9_\-]{22}|EAAA[A-Za-z0-9_\-]{60})"),
    _token("SQUARE_TOKEN", "application secret", r"sq0csp-[A-Za-z0-9_\-]{43}"),
    _token("LINEAR_KEY", "API key", r"lin_(?:api|oauth)_[A-Za-z0-9]{32,64}"),
    _token("GRAFANA_TOKEN", "token", r"glsa_[A-Za-z0-9]{32}_[a-fA-F0-9]{8}|glc_[A-Za-z0-9+/]{32,400}={0,2}"),
    _token("VAULT_TOKEN", "HashiCorp Vault token", r"hv[sbr]\.[A-Za-z0-9_\-]{24,200}"),
    _token("TERRAFORM_TOKEN", "Terraform Cloud token", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_\-=]{60,70}"),
    _token("ARTIFACTORY_TOKEN", "API key", r"AKC[A-Za-z0-9]{10,80}", 0.85),
    _token("ARTIFACTORY_TOKEN", "encrypted password", r"AP[0-9ABCDEF][A-Za-z0-9]{8,80}", 0.5),
    SecretRule(
        "IBM_CLOUD_KEY",
        "IAM API key",
        r"(?:ibm|iam|bluemix|cloud)[_-]?(?:cloud)?[_-]?(?:iam)?[_-]?(?:api)?[_-]?key"
        + _ASSIGN
        + r"[\"']?(?P<value>[A-Za-z0-9_\-]{44})"
        + _END,
        0.9,
        Check.RANDOM,
        folds=True,
    ),
    SecretRule(
        "CLOUDANT_KEY",
        "password or API key",
        r"(?:cloudant|cl)[_-]?(?:api)?[_-]?(?:key|password|pw|pwd|pass)"
        + _ASSIGN
        + r"[\"']?(?P<value>[0-9a-f]{64}|[a-z]{24})"
        + _END,
        0.85,
        Check.RANDOM,
        folds=True,
    ),
    SecretRule(
        "SOFTLAYER_KEY",
        "API key",
        r"(?:softlayer|sl)[_-]?(?:api)?[_-]?key" + _ASSIGN + r"[\"']?(?P<value>[a-z0-9]{64})" + _END,
        0.85,
        Check.RANDOM,
        folds=True,
    ),
    _token(
        "JWT",
        "JSON web token",
        r"eyJ[A-Za-z0-9_\-]{10,2000}\.[A-Za-z0-9_\-]{4,8000}\.[A-Za-z0-9_\-]{0,2000}",
        0.9,
        Check.JWT,
    ),
    SecretRule(
        "PRIVATE_KEY",
        "PEM or PGP block",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:(?:(?!-----)[\s\S]){0,20000}-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"|[A-Za-z0-9+/=\s\\]{0,20000})",
        0.99,
    ),
    SecretRule(
        "PRIVATE_KEY",
        "PuTTY key file",
        r"PuTTY-User-Key-File-[23]:[\s\S]{0,4000}?Private-MAC: [0-9a-f]{40,64}",
        0.99,
    ),
    _token(
        "PRIVATE_KEY",
        "age secret key",
        r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}",
        0.99,
        Check.NONE,
    ),
    SecretRule(
        "URL_PASSWORD",
        "password in a URL or connection string",
        r"\b[A-Za-z][A-Za-z0-9+.\-]{1,30}://[^\s:@/?#<>\"'`]{0,128}:(?P<value>[^\s@/<>\"'`]{3,256})@[A-Za-z0-9\[_]",
        0.85,
        Check.NOT_PLACEHOLDER,
    ),
    SecretRule(
        "AUTH_HEADER",
        "Authorization header",
        r"authorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?:basic|bearer|token)\s{1,4}(?P<value>[A-Za-z0-9+/_.\-]{16,2000}={0,2})",
        0.8,
        Check.RANDOM,
        folds=True,
    ),
    SecretRule(
        "PASSWORD",
        "value assigned to a password",
        r"(?:pass(?:word|wd|phrase|code)|\bpwd|_pwd|_pass|db_pass)(?:_[a-z0-9]{1,20})?" + _ASSIGN + _VALUE,
        0.6,
        Check.PASSWORD,
        folds=True,
    ),
    SecretRule(
        "PASSWORD",
        "password told in a sentence",
        r"\b(?:password|passphrase|passcode)\s{1,3}(?:is|was|to)\s{1,3}[:\"'`]{0,2}(?P<value>[^\s\"'`]{6,128}?)(?=[.,;!?)]?(?:[\s\"'`]|$))",
        0.5,
        Check.PASSWORD,
        folds=True,
    ),
    SecretRule(
        "GENERIC_SECRET",
        "random value assigned to a key, secret or token",
        r"(?:api[_\- ]?key|secret|token|auth[_\-]?key|access[_\-]?key|private[_\-]?key|encryption[_\-]?key"
        r"|signing[_\-]?key|credentials?|client[_\-]?secret)"
        r"(?:_[a-z0-9]{1,20})?" + _ASSIGN + _VALUE,
        0.6,
        Check.RANDOM,
        folds=True,
    ),
)
