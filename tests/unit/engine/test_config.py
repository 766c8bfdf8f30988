from pathlib import Path

import pytest

from cloudmesh_engine import config
from cloudmesh_engine.errors import ConfigError


@pytest.fixture
def write(tmp_path: Path):
    def load(text: str, **environ: str) -> config.Settings:
        (tmp_path / "secrets").mkdir(exist_ok=True)
        (tmp_path / "c.yaml").write_text(text)
        return config.load(
            {
                "CLOUDMESH_CONFIG": str(tmp_path / "c.yaml"),
                "CLOUDMESH_SECRETS_DIR": str(tmp_path / "secrets"),
                **environ,
            }
        )

    return load


def test_variables_come_from_the_environment(write) -> None:
    text = 'cloudmesh: {a: "${A}", b: "x${B:-two}y", c: "${C:-d}", d: "$$A $A", e: ["${A}"], f: 3}'
    found = write(text, A="one", C="").data["cloudmesh"]
    assert found == {"a": "one", "b": "xtwoy", "c": "d", "d": "$A $A", "e": ["one"], "f": 3}


def test_a_variable_that_is_not_set_is_named(write) -> None:
    with pytest.raises(ConfigError, match=r"cloudmesh\.a\.b: NOPE is not set: set it"):
        write('cloudmesh: {a: {b: "${NOPE}"}}')


def test_a_file_key_becomes_the_content(write, tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/pw").write_text("top secret\n")
    (tmp_path / "elsewhere").write_text("other secret")
    settings = write(f"cloudmesh: {{P_FILE: pw, q_FILE: {tmp_path}/elsewhere}}")
    assert settings.data["cloudmesh"] == {"P": "top secret", "q": "other secret"}
    assert settings.redact("x top secret other secret") == "x ******** ********"
    assert "top secret" not in repr(settings.secrets) or "secrets" not in repr(settings)


def test_a_secret_is_not_expanded_again(write, tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/pw").write_text("a${B}$$c")
    assert write("cloudmesh: {P_FILE: pw}").data["cloudmesh"]["P"] == "a${B}$$c"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cloudmesh: {P_FILE: nope}", r"cloudmesh\.P_FILE: secret file .*/nope: No such file"),
        ("cloudmesh: {P_FILE: [1]}", "must be the name of a file"),
        ("cloudmesh: {P_FILE: x, P: y}", "P is there too"),
        ("cloudmesh: {P_FILE: empty}", "is empty"),
        ("a: 1", "no `cloudmesh:` section"),
        ("", "no `cloudmesh:` section"),
        ("cloudmesh:\n  a: 1\n b: 2", r"c\.yaml, line 3, column 2: not valid YAML"),
        ("cloudmesh:\n\ta: 1", r"line 2, column \d+: not valid YAML"),
    ],
)
def test_a_mistake_is_told_with_its_place(write, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/empty").write_text("\n")
    with pytest.raises(ConfigError, match=message) as caught:
        write(text)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_yaml_error_shows_no_piece_of_a_password(write) -> None:
    with pytest.raises(ConfigError) as caught:
        write("cloudmesh:\n  password: *hunter22")
    assert "hunter22" not in str(caught.value)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file: copy config/cloudmesh\.yaml"):
        config.load({"CLOUDMESH_CONFIG": str(tmp_path / "nope.yaml")})


def test_masking_hides_secrets_and_shows_placeholders() -> None:
    shown = config.masked(
        {
            "secret_access_key": "abc",
            "account_key": "abc=",
            "EC2_SECRET_KEY": "TBD",
            "l": [{"token": 1}],
        }
    )
    assert shown == {
        "secret_access_key": "********",
        "account_key": "********",
        "EC2_SECRET_KEY": "TBD",
        "l": [{"token": "********"}],
    }
