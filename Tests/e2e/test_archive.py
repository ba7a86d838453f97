"""What is kept for long: snapshots in an archive, and how long they and the files of sessions stay."""

import json
import os
import subprocess
import urllib.request

import boto3
import pytest
from moto.server import ThreadedMotoServer

from harness import ADMIN_KEY, BINARY, Server, TOOLSET, World, wait_until

DISK = {"PERIMETER_DISK_LIMIT": "64MiB"}


@pytest.fixture(scope="module")
def store():
    """An S3-compatible store that checks signatures, with a bucket and a key to it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    url = "http://%s:%d" % server.get_host_and_port()

    def client(service, key="bootstrap", secret="bootstrap"):
        return boto3.client(
            service, endpoint_url=url, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret
        )

    client("s3").create_bucket(Bucket="kept")
    iam = client("iam")
    iam.create_user(UserName="perimeter")
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam.put_user_policy(UserName="perimeter", PolicyName="all", PolicyDocument=json.dumps(allowed))
    key = iam.create_access_key(UserName="perimeter")["AccessKey"]
    # From now on every request needs a right signature.
    plain = {"content-type": "text/plain"}
    urllib.request.urlopen(urllib.request.Request(url + "/moto-api/reset-auth", data=b"0", headers=plain))
    settings = {
        "PERIMETER_ARCHIVE_BUCKET": "kept", "PERIMETER_ARCHIVE_ENDPOINT": url,
        "PERIMETER_ARCHIVE_ACCESS_KEY": key["AccessKeyId"], "PERIMETER_ARCHIVE_SECRET_KEY": key["SecretAccessKey"],
    }
    yield settings, client("s3", key["AccessKeyId"], key["SecretAccessKey"])
    server.stop()


class Kept:
    """A server with an archive, and the commands on its host."""

    def __init__(self, folder, start, **settings):
        self.settings = settings
        self.server = start(Server(folder, command="up", **DISK, **settings))
        self.world = World(self.server)

    def run(self, *arguments, status=0, text=None, **settings):
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.server.folder), "ANTHROPIC_API_KEY": ADMIN_KEY,
            "PERIMETER_SERVER_URL": self.server.url, "PERIMETER_EXECD": os.environ.get("PERIMETER_EXECD", ""),
            "PERIMETER_DATA_DIR": str(self.server.folder / "data"), **self.settings, **settings,
        }
        environment = {name: value for name, value in environment.items() if value}
        done = subprocess.run([BINARY, *arguments], env=environment, input=text, capture_output=True, timeout=240)
        assert done.returncode == status, f"{done.returncode}: {done.stdout[-500:]}{done.stderr}"
        return done

    def inside(self, session, command):
        return self.run("sessions", "attach", session, "--", command, text=b"").stdout

    def places(self):
        lines = self.run("snapshots", "list", "--json").stdout.splitlines()
        return {item["name"]: item["places"] for item in map(json.loads, lines)}

    def restart(self, **settings):
        """With other settings; the worker looks at what is kept too long at once."""
        self.server.stop()
        self.server.environment.update(settings)
        self.server.start()


def start_from(kept, original, name):
    created = kept.run(
        "sessions", "create", "--agent", original.agent.id, "--environment", original.environment_id, "--from-snapshot", name, "--json"
    )
    return json.loads(created.stdout.splitlines()[0])["id"]


@pytest.mark.timeout(240)
def test_snapshots_go_into_a_bucket_and_come_back(tmp_path, start, store):
    settings, s3 = store
    kept = Kept(tmp_path, start, **settings)
    session = kept.world.session(TOOLSET, kind="cloud")
    # More than one part of an upload.
    expected = kept.inside(session.id, "head -c 20M /dev/urandom > big; sha256sum big")
    name = f"{session.environment_id}-base"
    kept.run("sessions", "snapshot", session.id, "base")
    kept.run("snapshots", "push", name)
    assert kept.places() == {name: ["host", "archive"]}
    assert b"already" in kept.run("snapshots", "push", name, status=1).stderr
    objects = s3.list_objects_v2(Bucket="kept")["Contents"]
    assert {item["Key"].split(".", 1)[1][-4:] for item in objects} == {"json", "pack"}
    # Holes are left out, and nothing of the upload is left behind.
    assert 20 << 20 < sum(item["Size"] for item in objects) < 30 << 20
    assert not s3.list_multipart_uploads(Bucket="kept").get("Uploads")

    kept.run("snapshots", "remove", name)
    kept.run("snapshots", "pull", name)
    assert kept.inside(start_from(kept, session, "base"), "sha256sum big") == expected

    # A byte that changed in the bucket, a wrong key, and a name that is not there.
    kept.run("snapshots", "remove", name)
    (pack,) = [item["Key"] for item in objects if item["Key"].endswith(".pack")]
    body = bytearray(s3.get_object(Bucket="kept", Key=pack)["Body"].read())
    body[len(body) // 2] ^= 1
    s3.put_object(Bucket="kept", Key=pack, Body=bytes(body))
    assert b"not what was put there" in kept.run("snapshots", "pull", name, status=1).stderr
    assert kept.places() == {name: ["archive"]}
    assert not list((tmp_path / "data" / "worker-archive").iterdir())
    wrong = kept.run("snapshots", "list", status=1, PERIMETER_ARCHIVE_SECRET_KEY="another").stderr
    assert b"403" in wrong and b"another" not in wrong
    assert b"no snapshot" in kept.run("snapshots", "pull", f"{session.environment_id}-none", status=3).stderr
    kept.run("snapshots", "remove", "--archive", name)
    assert kept.places() == {} and not s3.list_objects_v2(Bucket="kept").get("Contents")


def test_the_newest_stay_on_the_host_and_in_a_folder(tmp_path, start):
    kept = Kept(tmp_path, start, PERIMETER_ARCHIVE_FOLDER=str(tmp_path / "archive"))
    session = kept.world.session(TOOLSET, kind="cloud")
    other = kept.world.session(TOOLSET, kind="cloud")
    kept.inside(session.id, "echo content > file")
    names = []
    host = tmp_path / "data" / "sandboxes" / "snapshots" / "namespace"
    for number in range(2):
        kept.run("sessions", "snapshot", session.id, f"n{number}")
        names.append(f"{session.environment_id}-n{number}")
        kept.run("snapshots", "push", names[-1])
        # Times of snapshots are in seconds.
        for file in host.glob(f"{names[-1]}*"):
            os.utime(file, (1_700_000_000 + number, 1_700_000_000 + number))
    kept.inside(other.id, "true")
    kept.run("sessions", "snapshot", other.id, "its")
    theirs = f"{other.environment_id}-its"
    kept.restart(PERIMETER_KEEP_SNAPSHOTS="1", PERIMETER_KEEP_ARCHIVES="1")

    def swept():
        return not [*host.glob(f"{names[0]}*"), *(tmp_path / "archive").glob(f"{names[0]}.*")]

    wait_until(swept, 20, "the end of what is kept too long")
    assert kept.places() == {names[1]: ["host", "archive"], theirs: ["host"]}
    assert kept.inside(start_from(kept, session, "n1"), "cat file") == b"content\n"
    both = kept.run("snapshots", "list", status=2, PERIMETER_ARCHIVE_BUCKET="kept").stderr
    assert b"archive.folder and archive.bucket" in both


def test_files_go_with_their_session_and_never_before(tmp_path, start):
    kept = Kept(tmp_path, start)
    world = kept.world
    environment = world.environment("cloud", metadata={"perimeter.idle_seconds": "1"})
    living, archived, deleted = (world.session(TOOLSET, environment=environment) for _ in range(3))
    for session in (living, archived, deleted):
        kept.inside(session.id, "echo mine > file")
    workspaces = tmp_path / "data" / "sandboxes" / "workspaces"
    image = {session.id: workspaces / f"{session.id}.img" for session in (living, archived, deleted)}
    assert all(path.exists() for path in image.values())
    # Of no session of this server: nobody said that it is over.
    stranger = workspaces / "sesn_ofanotherserver.img"
    stranger.write_bytes(b"x")
    old = 1_700_000_000
    world.client.beta.sessions.archive(archived.id)
    world.client.beta.sessions.delete(deleted.id)
    kept.restart()
    wait_until(lambda: not image[deleted.id].exists(), 20, "the end of the deleted session's files")
    assert image[archived.id].exists() and image[living.id].exists() and stranger.exists()
    assert not (tmp_path / "data" / "worker" / deleted.id).exists()
    # Long unused, but of a session that lives: what is forgotten goes after 30 days, this does not.
    kept.server.stop()
    os.utime(image[living.id], (old, old))
    kept.restart(PERIMETER_KEEP_ARCHIVED_SESSION_DAYS="0")
    wait_until(lambda: not image[archived.id].exists(), 20, "the end of the archived session's files")
    assert kept.inside(living.id, "cat file") == b"mine\n"
    assert stranger.exists()
