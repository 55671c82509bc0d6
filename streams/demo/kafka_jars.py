"""The jars of a real Apache Kafka: found in a cache folder, or brought there once by Maven."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from importlib.resources import as_file, files
from pathlib import Path

JARS_VARIABLE = "WEIR_KAFKA_JARS"
OLDEST_JAVA = 17
INSTALL = "sudo apt-get install -y default-jre-headless maven"


class KafkaMissingError(Exception):
    """A real Kafka cannot be run on this machine; the message says what is missing and what to install."""


def find_java() -> Path:
    """The Java that `JAVA_HOME` or `PATH` names.

    Raises:
        KafkaMissingError: there is none, or it is too old.
    """
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=str(Path(home) / "bin")) if home else None
    java = java or shutil.which("java")
    if java is None:
        raise KafkaMissingError(
            f"a real Kafka needs Java {OLDEST_JAVA} or later, and there is no `java` on PATH: {INSTALL}"
        )
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    version = re.search(r'version "(\d+)', said.stderr + said.stdout)
    if version is None or int(version[1]) < OLDEST_JAVA:
        first = ((said.stderr + said.stdout).splitlines() or ["nothing"])[0]
        raise KafkaMissingError(
            f"a real Kafka needs Java {OLDEST_JAVA} or later, and {java} says: {first}; "
            f"fix: install a newer one, or name it by JAVA_HOME"
        )
    return Path(java)


def find_jars(cache: Path) -> Path:
    """The folder that holds the jars: `WEIR_KAFKA_JARS` if set, else one below `cache`, filled by Maven if needed.

    Raises:
        KafkaMissingError: no jars there, and Maven is missing or failed.
    """
    given = os.environ.get(JARS_VARIABLE)
    if given:
        if not any(Path(given).glob("kafka_2.13-*.jar")):
            raise KafkaMissingError(f"{JARS_VARIABLE}={given} holds no kafka_2.13-*.jar: name a folder of Kafka's jars")
        return Path(given)
    pom = files("streams.demo") / "kafka-pom.xml"
    # Named by the pom's content: a new version of Kafka gets a new folder.
    jars = cache.resolve() / f"jars-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}"
    if not jars.is_dir():
        with as_file(pom) as path:
            _fetch(path, jars)
    return jars


def _fetch(pom: Path, jars: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaMissingError(f"Kafka's jars are not in {jars}, and there is no `mvn` to bring them: {INSTALL}")
    jars.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=jars.parent) as work:
        target = Path(work) / "jars"
        command = [maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={target}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            said = (done.stdout + done.stderr).strip()
            raise KafkaMissingError(
                f"Maven could not bring Kafka's jars; is its repository reachable? It said:\n{said}"
            )
        try:
            target.rename(jars)
        except OSError:
            if not jars.is_dir():  # else another process was first, with the same jars
                raise
