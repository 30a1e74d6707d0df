"""The OCI archive as docs/install.md has it, run by podman: read-only root, account 10001, volumes."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from tests.conftest import AUDIENCES
from tests.install.built import built
from tests.install.pages import blocks
from tests.install.reader import Reader
from tests.support.paths import ROOT

pytestmark = pytest.mark.packages

PERSON = "somebody@three.test"
#: one network with the sandbox, and no more files and processes than whoever runs the tests may allow
CONTAINERS = """
[containers]
netns = "host"
default_ulimits = ["nofile={files}:{files}", "nproc=1024:1024"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
"""
STORAGE = """
[storage]
driver = "overlay"
graphroot = "{folder}/graph"
runroot = "{folder}/run"
"""


class Host:
    """This machine, with images, containers and volumes of a test's own."""

    def __init__(self, folder: Path) -> None:
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        (folder / "containers.conf").write_text(CONTAINERS.format(files=files), encoding="utf-8")
        (folder / "storage.conf").write_text(STORAGE.format(folder=folder), encoding="utf-8")
        self._env = {
            "PATH": os.environ["PATH"],
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "TMPDIR": str(folder),
        }

    def run(
        self,
        argv: Sequence[str],
        user: str = "root",
        env: Mapping[str, str] | None = None,
        *,
        place: str = "/",
        stdin: str = "",
        timeout: float = 300,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as root. Raises subprocess.TimeoutExpired."""
        assert user == "root"
        return subprocess.run(
            argv,
            env={**self._env, **(env or {})},
            cwd=place,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )


@pytest.fixture
def archive() -> Path:
    return built("syncer-*.oci.tar")


@pytest.fixture
def host(archive: Path, tmp_path: Path) -> Iterator[Host]:
    """Skips where podman runs nothing, with its reason."""
    host = Host(tmp_path)
    try:
        loaded = host.run(["podman", "load", "--quiet", "--input", str(archive)])
    except FileNotFoundError:
        pytest.skip("podman is missing")
    image = loaded.stdout.strip().rpartition("image: ")[2]
    try:
        tried = host.run(["podman", "run", "--rm", "--entrypoint", "/bin/true", image])
        if tried.returncode != 0:
            pytest.skip(f"podman runs nothing here: {(loaded.stdout + tried.stdout)[-300:]}")
        yield host
    finally:
        for words in (["rm", "--all", "--force", "--time", "10"], ["rmi", "--all", "--force"]):
            host.run(["podman", *words])


@pytest.fixture
def reader(host: Host, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox) -> Reader:
    for audience in AUDIENCES:
        mailchimp.add(PERSON, audience)
    activecampaign.add(PERSON)
    return Reader(host, mailchimp, activecampaign)


def test_what_the_page_says_of_the_container_can_be_typed(
    archive: Path, reader: Reader, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    page = (ROOT / "docs/install.md").read_text(encoding="utf-8")
    made, address, *keys, start = [block.text for block in blocks(page) if block.chapter == "Container"]

    assert "key file /etc/syncer/keys/syncer.key: made" in reader.types(made, place=str(archive.parent))
    folder = "\"$(podman volume inspect --format '{{.Mountpoint}}' syncer-etc)\""
    reader.types(address)
    reader.types(
        f'sed -i \'s|^# base_url = "http://127.0.0.1:8001".*|base_url = "{mailchimp.url}"|\' {folder}/settings.toml'
    )
    for block in keys:
        reader.types(block)
    assert "FAIL" not in reader.types(start)

    reader.types(f"echo {PERSON} | podman exec --interactive syncer syncer submit erasure")
    assert '"held": 0' in reader.until("podman exec syncer syncer status --json", '"fulfilled": 1')
    assert activecampaign.contact(PERSON) is None
    # nobody writes beside the volumes, and nobody is root
    inside = "podman exec syncer sh -c "
    assert reader.types(f"{inside} 'id --user; id --group'") == "10001\n10001\n"
    assert "Read-only file system" in reader.tries(f"{inside} 'touch /var/lib/x'")[1]
    assert "Read-only file system" in reader.types("podman exec --user root syncer touch /usr/lib/syncer/x || true")
    assert "Operation not permitted" in reader.tries(f"{inside} 'chown root /var/lib/syncer'")[1]

    reader.types("podman stop syncer")
    assert reader.types("podman inspect --format '{{.State.ExitCode}}' syncer") == "0\n"
    assert "daemon.stopped" in reader.types("podman logs syncer 2>&1")
    volumes = "--volume syncer-etc:/etc/syncer --volume syncer-data:/var/lib/syncer"
    assert "unbroken" in reader.types(f"podman run --rm --read-only {volumes} syncer audit verify --full")
    assert "That took" in reader.types("podman run --rm --read-only --workdir /tmp syncer demo")


def test_the_archive_says_what_it_is(archive: Path) -> None:
    with tarfile.open(archive) as tar:

        def blob(digest: str) -> Any:
            file = tar.extractfile(f"blobs/sha256/{digest.removeprefix('sha256:')}")
            assert file is not None
            found: Any = json.load(file)
            return found

        index = json.load(tar.extractfile("index.json"))
        (manifest,) = index["manifests"]
        image = blob(blob(manifest["digest"])["config"]["digest"])

    config = image["config"]
    assert config["User"] == "10001:10001"
    assert config["Volumes"] == {"/var/lib/syncer": {}}
    assert (config["Entrypoint"], config["Cmd"]) == (["/usr/bin/syncer"], ["run"])
    assert archive.name == f"syncer-{config['Labels']['org.opencontainers.image.version']}.oci.tar"
