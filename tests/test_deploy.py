"""docs/deploy is what the program takes: the unit, the compose file, the image, and every command of the page."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from engine import config, workspace
from engine.cli import run
from engine.daemon.life import ROLES
from engine.daemon.serve import PULSE
from engine.errors import ConfigError
from engine.status import Status
from engine.web.server import serving
from tests.shop import Shop
from tests.test_docs import blocks

ROOT = workspace.shipped()
DEPLOY = ROOT / "docs" / "deploy"
PAGE = (DEPLOY / "README.md").read_text(encoding="utf-8")
UNIT = (DEPLOY / "premura.service").read_text(encoding="utf-8")
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
HOME = "/var/lib/premura"
PROGRAM = "/opt/premura/bin/premura"


def said(key: str) -> list[str]:
    """The values of a key of the unit."""
    return re.findall(rf"^{key}=(.*)$", UNIT, re.MULTILINE)


def parses(words: list[str]) -> None:
    """These words are a command of ours."""
    assert run([*words, "--help"]) == 0, words


# systemd


def test_the_unit_starts_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    (start,) = said("ExecStart")
    program, *words = start.split()
    assert program == PROGRAM
    parses(words)
    assert "--workspace" in capsys.readouterr().out
    assert words[-1].startswith(said("ReadWritePaths")[0])
    assert said("WorkingDirectory") == [words[-1]]
    assert [f"/var/lib/{name}" for name in said("StateDirectory")] == said("ReadWritePaths") == [HOME]


def test_the_unit_listens_to_what_the_daemon_says() -> None:
    assert said("Type") == ["notify"]
    assert said("ExecReload") == ["/bin/kill -HUP $MAINPID"]
    (watchdog,) = said("WatchdogSec")
    assert watchdog == "2min"
    assert 4 * PULSE < 120 / 2, "it looks often enough to answer in time"
    assert said("RestartPreventExitStatus") == [str(ConfigError.exit_code)]


def systemd_analyze(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What systemd itself says of the unit, with a program that is there."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("this machine has no systemd-analyze")
    unit = folder / "premura.service"
    unit.write_text(UNIT.replace(PROGRAM, sys.executable), encoding="utf-8")
    return subprocess.run(["systemd-analyze", *words, str(unit)], capture_output=True, text=True, check=False)


def test_systemd_understands_every_line(tmp_path: Path) -> None:
    found = systemd_analyze(tmp_path, "verify", "--man=no")
    ours = [line for line in found.stderr.splitlines() if "premura.service" in line]
    assert (found.returncode, ours) == (0, [])


def test_a_misspelt_line_would_be_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "UNIT", UNIT.replace("ProtectHome=", "ProtectHouse="))
    assert "ProtectHouse" in systemd_analyze(tmp_path, "verify", "--man=no").stderr


def test_the_unit_gives_away_little(tmp_path: Path) -> None:
    found = systemd_analyze(tmp_path, "security", "--no-pager", "--offline=true", "--threshold=15")
    assert found.returncode == 0, found.stdout


# The page


def commands() -> list[list[str]]:
    """The lines of the page's blocks that call premura on this machine, as words."""
    lines = chain.from_iterable(block.splitlines() for block in blocks(PAGE))
    return [shlex.split(line.partition(f"{PROGRAM} ")[2]) for line in lines if f"-- {PROGRAM} " in line]


def test_the_pages_commands_make_a_workspace_that_is_sound(tmp_path: Path) -> None:
    done = [[word.replace(HOME, str(tmp_path)) for word in words] for words in commands()]
    assert [words[0] for words in done] == ["init", "check", "db"]
    assert [run(words) for words in done] == [0, 0, 0]
    assert (tmp_path / "shop" / "premura.toml").is_file()


def test_every_other_command_of_the_page_is_one() -> None:
    inline = re.findall(rf"`runuser -u premura -- {PROGRAM} ([^`]+)`", PAGE)
    contained = [line.partition("run --rm engine ")[2] for line in PAGE.splitlines() if "run --rm engine " in line]
    roles = re.findall(r"`premura (run --role [a-z]+)`", PAGE)
    assert len(inline) == 1
    assert len(contained) == 4
    assert {words.split()[-1] for words in roles} == set(ROLES)
    for words in [*inline, *contained, *roles]:
        parses(words.strip("`,.").partition("`")[0].split())


def test_every_file_and_link_of_the_page_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", PAGE):
        assert (DEPLOY / target).exists(), target
    assert (ROOT / "docs/deploy/premura.service").is_file()
    assert "cp docs/deploy/premura.service /etc/systemd/system/" in PAGE


def test_the_settings_of_the_page_are_settings() -> None:
    (block,) = blocks(PAGE, "toml")
    shop = '[shop]\nname = "Bellini"\nemail = "ciao@bellini.example"\n'
    settings = config.parse(block + shop)
    assert (settings.web.host, settings.web.port) == ("0.0.0.0", 8750)  # noqa: S104 - what a container must say
    assert settings.store == tomllib.loads(block)["store"]
    assert "@db/premura" in settings.store
    assert ":" not in settings.store.partition("//")[2], "the password is not in it"


# Containers


@pytest.fixture
def compose() -> dict[str, Any]:
    """The compose file, its references resolved."""
    found: dict[str, Any] = import_module("yaml").safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return found


def test_each_role_is_a_service(compose: dict[str, Any]) -> None:
    services = {name: one for name, one in compose["services"].items() if name != "db"}
    roles = {name: one["command"][one["command"].index("--role") + 1] for name, one in services.items()}
    assert sorted(roles.values()) == sorted(ROLES)
    for name, service in services.items():
        parses(service["command"])
        assert service["depends_on"] == {"db": {"condition": "service_healthy"}}, name
        assert service["volumes"] == ["./shop:/shop"]
        assert "no-new-privileges:true" in service["security_opt"]
        assert service["environment"].keys() == {"PGPASSWORD"}


def test_every_service_listens_where_it_is_asked(compose: dict[str, Any]) -> None:
    """By the port of the settings, or by its own where it would have none."""
    services = {name: one for name, one in compose["services"].items() if name != "db"}
    for service in services.values():
        assert service["healthcheck"]["test"][:3] == ["CMD", "python", "-c"]
        assert "'http://127.0.0.1:8750/healthz'" in service["healthcheck"]["test"][3]
    assert services["dispatch"]["command"][-2:] == ["--port", "8750"]
    assert services["web"]["ports"] == ["127.0.0.1:8750:8750"]


@pytest.mark.parametrize("alive", [True, False])
def test_the_health_check_tells_life_from_death(compose: dict[str, Any], shop: Shop, alive: bool) -> None:
    status = Status(patience=60)
    if not alive:
        status.expect("dispatch", line="stages", every=1, now=-1e9)
    asked = compose["services"]["engine"]["healthcheck"]["test"]
    with serving(shop.app, status, port=0) as address:
        code = asked[3].replace("http://127.0.0.1:8750", address)
        found = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert (found.returncode == 0) is alive


def test_the_variables_of_the_compose_file_are_explained(compose: dict[str, Any]) -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    names = set(re.findall(r"\$\{([A-Z_]+)", text))
    assert names == {"PREMURA_UID", "PREMURA_GID", "PREMURA_DB_PASSWORD"}
    assert all(f"{name}=" in PAGE for name in names)
    assert {name for name in compose["services"] if f"| `{name}` |" in PAGE} == set(compose["services"])
    assert compose["services"]["db"]["environment"]["POSTGRES_USER"] == "premura"


def test_docker_reads_the_compose_file() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("this machine has no docker compose; the file is read as YAML above")
    command = [docker, "compose", "-f", str(DEPLOY / "compose.yaml"), "config", "--quiet"]
    environment = {"PATH": str(Path(docker).parent), "PREMURA_DB_PASSWORD": "x"}
    found = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert found.returncode == 0, found.stderr


def test_the_image_gets_all_that_the_wheel_is_made_of() -> None:
    copied = {name for line in re.findall(r"^COPY (.+) /src/\S*$", DOCKERFILE, re.MULTILINE) for name in line.split()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel["force-include"], project["project"]["readme"], "pyproject.toml"}
    needed |= set(project["project"]["license-files"])
    assert needed == copied
    assert all((ROOT / name).exists() for name in copied)
    assert "postgres" in project["project"]["optional-dependencies"]
    assert 'ENTRYPOINT ["premura"]' in DOCKERFILE
