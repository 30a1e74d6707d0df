"""Finding 11: `check` says which anchors take anybody's word, and by which way a note can be kept back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json

TSA = 'kind = "timestamp"\nurl = "{url}"\n'
MAIL = 'kind = "email"\nto = "dpo@site.test"\nsender = "log@site.test"\nhost = "{host}"\n'


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "said"),
    [
        (TSA.format(url="https://tsa.site.test"), "set [anchors.one] root_file"),
        (TSA.format(url="http://tsa.site.test"), "set [anchors.one] root_file"),
        (TSA.format(url="http://tsa.site.test") + 'root_file = "root.pem"\n', "asked without TLS"),
        (TSA.format(url="https://tsa.site.test") + 'root_file = "root.pem"\n', None),
        (TSA.format(url="http://127.0.0.1:9") + 'root_file = "root.pem"\n', None),
        (MAIL.format(host="mail.site.test"), 'set [anchors.one] tls = "starttls"'),
        (MAIL.format(host="mail.site.test") + 'tls = "tls"\n', None),
        (MAIL.format(host="localhost"), None),
    ],
)
def test_finding_11_check_warns_of_an_anchor_whose_word_is_anybodys(
    settings_file: Callable[..., Path], table: str, said: str | None
) -> None:
    settings = settings_file()
    assert run(settings, "init").returncode == 0
    text = settings.read_text(encoding="utf-8")
    settings.write_text(f"{text}\n[anchors.one]\n{table}", encoding="utf-8")

    checks = {item["name"]: item for item in as_json(settings, "check")["checks"]}

    if said is None:
        assert "anchor one" not in checks
    else:
        assert (checks["anchor one"]["ok"], checks["anchor one"]["level"]) == (True, "warn")
        assert said in f"{checks['anchor one']['detail']}; {checks['anchor one']['remedy']}"
