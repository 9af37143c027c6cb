"""The decision whether a key is sensitive."""

import pytest

from sqreen_mw.scrubbing.sensitive_keys import SensitiveKeys, Sensitivity

KEYS = SensitiveKeys()


@pytest.mark.parametrize(
    "key",
    [
        *("password", "secret", "passwd", "authorization", "api_key", "apikey", "access_token"),
        *(
            "token",
            "user_password",
            "x-api-key",
            "password2",
            "newPassword",
            "PASSWORD",
            "PassWord",
        ),
        *("APIKey", "HTTP_AUTHORIZATION", "user[password]", "user%5Bpassword%5D", "db.password"),
        *(
            "passwordConfirmation",
            "passwordconfirm",
            "password_again",
            "secret_value",
            "dbpassword",
        ),
        *("auth", "pass", "smtp_pass", "credentials", "privateKey", "csrfmiddlewaretoken"),
        *(
            "\uff50\uff41\uff53\uff53word",
            "pass\u200bword",
            "mot de passe",
            "MotDePasse",
            "neues_passwort",
        ),
        *("ŞİFRE", "yeniŞifre", "подтверждение_пароля", "新密码", "パスワード確認", "비밀번호확인"),
        *("mật_khẩu_mới", "รหัสผ่านใหม่", "كلمة المرور", "पासवर्ड", "κωδικός πρόσβασης", "סיסמה"),
        *("csrf_token", "ansible_become_pass", "db_pw", "pin", "otp_code", "previous_token"),
        *("session_id", "sessionId", "PHPSESSID", "connect.sid", "verification_code", "mfaCode"),
        *("2fa_code", "one-time-code", "ssn", "user_ssn", "nationalIdNumber", "codice_fiscale"),
        *("身份证号", "SAMLResponse", "code_verifier", "authorizationCode", "security_answer"),
        *("mothersMaidenName", "X-Hub-Signature", "oauth_verifier", "securityAnswer2"),
        "x" * 500 + "_password",
    ],
)
def test_sensitive_keys(key: str) -> None:
    """A key is sensitive if its last word is a secret's name, in any case and language."""
    assert KEYS.match(key)


@pytest.mark.parametrize(
    "key",
    [
        *("token_count", "authorization_status", "password_changed", "secretary", "tokenizer"),
        *("passenger", "compass", "bypass", "max_tokens", "password_policy_id", "secret_santa"),
        *("boarding_pass", "author", "key", "value", "new", "", "_", "123", "primary_key"),
        *(
            "next_token",
            "page_token",
            "nextPageToken",
            "pagetoken",
            "prev_page_token",
            "has_secret",
        ),
        *("continuationToken", "cancel_token", "eos_token", "token_symbol", "password_changed_at"),
        *("session_count", "otp_sent", "country_code", "status_code", "tax_rate", "code", "answer"),
        *("verification_status", "signature_date", "passport_country", "session", "nation"),
        *("public_key", "passport", "clave_producto", "passwordless", "密码强度", "cookie_consent"),
    ],
)
def test_harmless_keys(key: str) -> None:
    """A key that only mentions a secret, or sounds like one, is not sensitive."""
    assert not KEYS.match(key)


@pytest.mark.parametrize("key", ["session", "sid", "sig", "request_sig", "code", "hmac"])
def test_ambiguous_keys(key: str) -> None:
    """The values of some keys are secret only if they look generated."""
    assert KEYS.sensitivity(key) is Sensitivity.BY_VALUE
