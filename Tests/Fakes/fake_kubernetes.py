#!/usr/bin/env python3
"""A Kubernetes API server and kubelet for tests: real HTTP, remote commands over WebSocket, and Pods that really run (bubblewrap, control
groups, mounted volumes), as root. Knows the parts of the API that Perimeter uses, and answers like the real one there.

    fake_kubernetes.py FOLDER EXECD HOOK TOKEN_FILE     serves the listening socket at descriptor 3

Variables, all optional: FAKE_PRUNES, a member of Pod specifications that is dropped; FAKE_INJECTS=1 adds a container to Pods; FAKE_OPEN=1
enforces no NetworkPolicy; FAKE_AGENT_SANDBOX=1 installs agent-sandbox (fake_agent_sandbox.py); FAKE_PROTOCOL, the only stream protocol; FAKE_SLOPPY_VOLUMES=1 gives every volume 2 GiB;
FAKE_CERTIFICATE and FAKE_KEY, PEM files, and FAKE_CLIENT_AUTHORITY for clients: then it speaks TLS.
"""

import base64
import copy
import hashlib
import http.server
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import urllib.parse
import uuid
import zlib

sys.dont_write_bytecode = True
import fake_agent_sandbox

FOLDER, EXECD, HOOK, TOKEN_FILE = sys.argv[1:5]
spec = importlib.util.spec_from_file_location("hook", HOOK)
hook = importlib.util.module_from_spec(spec)
spec.loader.exec_module(hook)

STORE = {"pods": {}, "secrets": {}, "persistentvolumeclaims": {}, "networkpolicies": {}}
KINDS = {"pods": "Pod", "secrets": "Secret", "persistentvolumeclaims": "PersistentVolumeClaim",
         "networkpolicies": "NetworkPolicy"}
LOCK = threading.RLock()
KUBELETS = {}
IMAGES = {"sandbox:1", "execd:1"}
GROUPS = {kind: "/apis/networking.k8s.io/v1" if kind == "networkpolicies" else "/api/v1" for kind in KINDS}
if fake_agent_sandbox.IS_INSTALLED:
    STORE.update({kind: {} for kind in fake_agent_sandbox.KINDS})
    KINDS.update(fake_agent_sandbox.KINDS)
    GROUPS.update({kind: f"/apis/{group}" for kind, group in fake_agent_sandbox.GROUPS.items()})
PATH = re.compile(r"(/api/v1|/apis/[a-z0-9.-]+/[a-z0-9]+)/namespaces/([a-z0-9-]+)/([a-z]+)(?:/([a-z0-9.-]+))?(/exec)?\Z")
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\Z")
LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?\Z")
UNITS = {"": 1, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}
PLAIN = hook.PLAIN


class Failure(Exception):
    def __init__(self, code, reason, message):
        super().__init__(message)
        self.code, self.reason = code, reason

    def status(self):
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": str(self),
                "reason": self.reason, "code": self.code}


def quantity(text):
    match = re.match(r"([0-9]+)(Ki|Mi|Gi|)\Z", text)
    if not match:
        raise Failure(422, "Invalid", f"quantities must match the regular expression: {text}")
    return int(match[1]) * UNITS[match[2]]


class Kubelet:
    """One Pod on the only node."""

    def __init__(self, namespace, pod):
        self.namespace, self.pod, self.spec = namespace, pod, pod["spec"]
        self.name = pod["metadata"]["name"]
        self.folder = f"{FOLDER}/pods/{pod['metadata']['uid']}"
        self.groups = hook.Groups(f"{namespace}-{self.name}")
        self.user = 0x30000000 + (zlib.crc32(pod["metadata"]["uid"].encode()) & 0x0FFFFFFF)
        self.process, self.volumes, self.stopped = None, {}, threading.Event()
        self.work = threading.Lock()

    def status(self, phase, reason=None, container=None):
        with LOCK:
            entry = {"name": "sandbox", "ready": phase == "Running", "state": container or {}}
            ready = "True" if phase == "Running" else "False"
            self.pod["status"] = {"phase": phase, "containerStatuses": [entry], "conditions": [{"type": "Ready", "status": ready}]}
            if phase == "Running":
                self.pod["status"]["podIPs"] = [{"ip": "10.244.0.7"}]
            if reason:
                self.pod["status"]["reason"] = reason
            settle()

    def waiting(self, reason, message=""):
        self.status("Pending", None, {"waiting": {"reason": reason, "message": message}})

    def run(self):
        try:
            with self.work:
                if self.stopped.is_set():
                    return
                self.waiting("ContainerCreating")
                self.prepare()
            self.status("Running", None, {"running": {"startedAt": "2026-01-01T00:00:00Z"}})
            timer = threading.Timer(self.spec.get("activeDeadlineSeconds", 1 << 20), self.end, ["DeadlineExceeded"])
            timer.daemon = True
            timer.start()
            code = self.process.wait()
            timer.cancel()
            if self.pod["status"].get("reason") != "DeadlineExceeded":
                self.status("Failed", "Error", {"terminated": {"exitCode": code & 255, "reason": "Error"}})
        except Failure as failure:
            self.waiting(failure.reason, str(failure))
        except (hook.Refusal, OSError) as error:
            self.waiting("CreateContainerError", str(error))

    def end(self, reason):
        self.status("Failed", reason, {"terminated": {"exitCode": 137, "reason": reason}})
        self.groups.destroy()

    def prepare(self):
        for container in self.spec.get("initContainers", []) + self.spec["containers"]:
            if container["image"] not in IMAGES:
                raise Failure(0, "ImagePullBackOff", f"Back-off pulling image \"{container['image']}\"")
        os.makedirs(self.folder, mode=0o711)
        for volume in self.spec["volumes"]:
            self.volumes[volume["name"]] = self.volume(volume)
        for container in self.spec.get("initContainers", []):
            self.install(container)
        container = next(entry for entry in self.spec["containers"] if entry["name"] == "sandbox")
        limits = container["resources"]["limits"]
        # A kubelet's own bound on processes is far above that of a sandbox.
        self.groups.create({"memoryBytes": quantity(limits["memory"]), "processes": 4096,
                            "cpuPercent": int(limits["cpu"].removesuffix("m")) // 10})
        variables = {"PATH": PLAIN["PATH"], "KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(PORT)}
        for entry in container.get("env", []):
            if "value" in entry:
                variables[entry["name"]] = entry["value"]
                continue
            reference = entry["valueFrom"]["secretKeyRef"]
            secret = self.await_secret(reference["name"])
            variables[entry["name"]] = base64.b64decode(secret["data"][reference["key"]]).decode()

        def enter():
            os.setsid()
            self.groups.join()
            os.setgroups([])
            os.setresgid(self.user, self.user, self.user)
            os.setresuid(self.user, self.user, self.user)

        with open(f"{self.folder}/log", "wb") as log:
            reader, writer = os.pipe()
            self.process = subprocess.Popen(
                self.system(container) + ["--info-fd", str(writer), "--"] + container["command"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=variables, preexec_fn=enter, pass_fds=[writer])
            os.close(writer)
            with os.fdopen(reader) as info:
                text = info.read()
        self.child = json.loads(text)["child-pid"] if text else None

    def await_secret(self, name):
        for _ in range(200):
            with LOCK:
                if name in STORE["secrets"]:
                    return STORE["secrets"][name]
            if self.stopped.wait(0.05):
                break
        raise Failure(0, "CreateContainerConfigError", f'secret "{name}" not found')

    def volume(self, volume):
        if "persistentVolumeClaim" not in volume:
            path = f"{self.folder}/{volume['name']}"
            os.makedirs(path)
            os.chown(path, self.user, self.user)
            return path
        name = volume["persistentVolumeClaim"]["claimName"]
        with LOCK:
            claim = STORE["persistentvolumeclaims"].get(name)
        if claim is None:
            raise Failure(0, "FailedScheduling", f'persistentvolumeclaim "{name}" not found')
        image, mount = f"{FOLDER}/volumes/{name}.img", f"{self.folder}/mount"
        os.makedirs(f"{FOLDER}/volumes", exist_ok=True)
        if not os.path.exists(image):
            size = quantity(claim["spec"]["resources"]["requests"]["storage"])
            with open(image, "wb") as file:
                file.truncate(2 << 30 if os.environ.get("FAKE_SLOPPY_VOLUMES") else size)
            hook.run("mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", image)
        os.makedirs(mount)
        hook.run("mount", "-t", "ext4", "-o", "loop,nodev,nosuid", image, mount)
        # fsGroup, as far as a file system without mapped users has it.
        hook.run("chown", "-R", f"{self.user}:{self.user}", mount)
        return mount

    def install(self, container):
        assert container["command"][:2] == ["/perimeter-execd", "--install"], container["command"]
        place = container["volumeMounts"][0]
        path = container["command"][2].replace(place["mountPath"], self.volumes[place["name"]], 1)
        hook.run(EXECD, "--install", path)

    def system(self, container):
        words = ["bwrap", "--unshare-all", "--unshare-user", "--disable-userns", "--as-pid-1", "--new-session"]
        if not self.is_closed():
            words.append("--share-net")
        words += ["--hostname", self.spec.get("hostname", self.name), "--cap-drop", "ALL", "--ro-bind", "/usr", "/usr"]
        words += ["--uid", str(container["securityContext"]["runAsUser"]), "--gid", str(container["securityContext"]["runAsGroup"])]
        for link in ("bin", "sbin", "lib", "lib32", "lib64"):
            if os.path.islink(f"/{link}"):
                words += ["--symlink", os.readlink(f"/{link}"), f"/{link}"]
        words += ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--size", str(1 << 20), "--tmpfs", "/dev/shm"]
        hosts = f"{self.folder}/hosts"
        with open(hosts, "w") as file:
            file.write("127.0.0.1 localhost\n::1 localhost\n")
        os.chmod(hosts, 0o644)
        words += ["--ro-bind", hosts, "/etc/hosts"]
        kinds = {volume["name"]: volume for volume in self.spec["volumes"]}
        for place in container["volumeMounts"]:
            directory = kinds[place["name"]].get("emptyDir", {})
            if directory.get("medium") == "Memory":
                size = str(quantity(directory["sizeLimit"]))
                words += ["--perms", "1777", "--size", size, "--tmpfs", place["mountPath"]]
            else:
                bind = "--ro-bind" if place.get("readOnly") else "--bind"
                words += [bind, self.volumes[place["name"]], place["mountPath"]]
        return words + ["--chdir", container["workingDir"], "--remount-ro", "/dev", "--remount-ro", "/"]

    def is_closed(self):
        labels = self.pod["metadata"].get("labels", {})
        with LOCK:
            policies = [] if os.environ.get("FAKE_OPEN") else list(STORE["networkpolicies"].values())
        return any(
            all(labels.get(key) == value for key, value in entry["spec"]["podSelector"].get("matchLabels", {}).items())
            and {"Ingress", "Egress"} <= set(entry["spec"]["policyTypes"]) and not entry["spec"].get("egress")
            for entry in policies)

    def command(self, words):
        """Starts a program in the Pod, as the runtime does."""
        enter = ["nsenter", "--target", str(self.child), "--user", "--mount", "--pid", "--net", "--ipc", "--uts",
                 "--setuid", "1000", "--setgid", "1000", "--wd=/", "--"]
        return subprocess.Popen(
            enter + words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=PLAIN, bufsize=0)

    def remove(self):
        self.stopped.set()
        with self.work:
            self.groups.destroy()
        if self.process:
            self.process.wait()
        mount = f"{self.folder}/mount"
        while os.path.ismount(mount):
            subprocess.run(["umount", mount], stderr=subprocess.DEVNULL, env=PLAIN)
        shutil.rmtree(self.folder, ignore_errors=True)
        with LOCK:
            if STORE["pods"].get(self.name) is self.pod:
                del STORE["pods"][self.name]
                KUBELETS.pop(self.name, None)
            settle()


def admit(kind, namespace, thing):
    metadata = thing["metadata"]
    if thing.get("kind") != KINDS[kind] or not NAME.match(metadata["name"]):
        raise Failure(422, "Invalid", f"metadata.name: Invalid value: {metadata['name']}")
    for value in metadata.get("labels", {}).values():
        if not LABEL.match(value):
            raise Failure(422, "Invalid", f"metadata.labels: Invalid value: {value}")
    if not all(isinstance(value, str) for value in metadata.get("annotations", {}).values()):
        raise Failure(400, "BadRequest", "annotations are strings")
    if kind == "secrets":
        for key, value in thing.pop("stringData", {}).items():
            thing.setdefault("data", {})[key] = base64.b64encode(value.encode()).decode()
    if kind == "persistentvolumeclaims":
        quantity(thing["spec"]["resources"]["requests"]["storage"])
    if kind in fake_agent_sandbox.KINDS:
        fake_agent_sandbox.check(kind, thing)
        metadata.setdefault("labels", {})
        metadata.setdefault("annotations", {})
    if kind == "pods":
        thing["spec"].pop(os.environ.get("FAKE_PRUNES", ""), None)
        if os.environ.get("FAKE_INJECTS"):
            thing["spec"]["containers"].append({"name": "mesh", "image": "sandbox:1"})
        for entry in thing["spec"]["containers"]:
            # What a real one fills in.
            entry.setdefault("terminationMessagePath", "/dev/termination-log")
        thing["spec"].update(schedulerName="default-scheduler", nodeName="node-1")
        thing["status"] = {"phase": "Pending"}
    metadata.update(namespace=namespace, uid=str(uuid.uuid4()), resourceVersion="1", creationTimestamp="2026-01-01T00:00:00Z",
                    managedFields=[{"manager": "test", "fieldsV1": {"f:metadata": {"f:labels": {".": {}}}}}])


def create(namespace, kind, thing):
    admit(kind, namespace, thing)
    STORE[kind][thing["metadata"]["name"]] = thing
    if kind == "pods":
        kubelet = KUBELETS[thing["metadata"]["name"]] = Kubelet(namespace, thing)
        threading.Thread(target=kubelet.run, daemon=True).start()
    return thing


def delete(kind, name):
    if kind == "pods":
        STORE[kind][name]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        threading.Thread(target=KUBELETS[name].remove, daemon=True).start()
        return
    del STORE[kind][name]
    if kind == "persistentvolumeclaims" and os.path.exists(f"{FOLDER}/volumes/{name}.img"):
        os.unlink(f"{FOLDER}/volumes/{name}.img")


def settle():
    """Lets the controllers of agent-sandbox act on what has changed, and on the next end of a life."""
    if not fake_agent_sandbox.IS_INSTALLED:
        return
    with LOCK:
        seconds = fake_agent_sandbox.Controllers(STORE, lambda kind, thing: create(NAMESPACE[0], kind, thing), delete).settle()
    if seconds is not None and seconds < 3600:
        timer = threading.Timer(seconds, settle)
        timer.daemon = True
        timer.start()


NAMESPACE = ["default"]
WORKER_VERBS = {"pods": ("GET",), "persistentvolumeclaims": ("GET",), "secrets": ("GET", "POST", "DELETE"), "sandboxes": ("GET", "PATCH")}


def merge(target, patch):
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            merge(target.setdefault(key, {}), value)
        else:
            target[key] = value


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_any(self):
        try:
            self.query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
            length = int(self.headers.get("content-length", 0))
            body = json.loads(self.rfile.read(length)) if length else {}
            with open(TOKEN_FILE) as file:
                token = file.read().strip()
            if token and self.headers.get("authorization") != f"Bearer {token}":
                raise Failure(401, "Unauthorized", "Unauthorized")
            self.falter()
            match = PATH.match(urllib.parse.urlsplit(self.path).path)
            if not match or GROUPS.get(match[3]) != match[1]:
                return self.send(404, "text/plain; charset=utf-8", b"404 page not found\n")
            if match[5]:
                return self.exec(match[4])
            self.answer(200 if self.command != "POST" else 201, self.serve(match[2], match[3], match[4], body))
        except Failure as failure:
            self.answer(failure.code, failure.status())
        except (KeyError, AssertionError) as error:
            self.answer(422, Failure(422, "Invalid", f"missing {error}").status())

    do_GET = do_POST = do_DELETE = do_PATCH = handle_any

    def falter(self):
        """A number in the file `fault` is that of requests that are still answered."""
        with LOCK:
            if os.path.exists(f"{FOLDER}/fault"):
                with open(f"{FOLDER}/fault", "r+") as file:
                    left = int(file.read())
                    file.seek(0)
                    file.write(f"{left - 1:9}")
                if left <= 0:
                    raise Failure(500, "InternalError", "etcdserver: request timed out")

    def serve(self, namespace, kind, name, body):
        # As the chart's role for claims has it.
        if fake_agent_sandbox.IS_INSTALLED and self.command not in WORKER_VERBS.get(kind, (self.command,)):
            raise Failure(403, "Forbidden", f'{kind} is forbidden: User "worker" cannot {self.command} resource "{kind}"')
        with LOCK:
            things = STORE[kind]
            if self.command == "POST":
                if body["metadata"]["name"] in things:
                    raise Failure(409, "AlreadyExists", f'{kind} "{body["metadata"]["name"]}" already exists')
                NAMESPACE[0] = namespace
                made = copy.deepcopy(create(namespace, kind, body))
                settle()
                return made
            if name is None:
                return self.list(kind)
            if name not in things:
                raise Failure(404, "NotFound", f'{kind} "{name}" not found')
            if self.command == "PATCH":
                if self.headers["content-type"] != "application/merge-patch+json":
                    raise Failure(415, "UnsupportedMediaType", "the body of the request was in an unknown format")
                if body.get("metadata", {}).get("uid", things[name]["metadata"]["uid"]) != things[name]["metadata"]["uid"]:
                    raise Failure(409, "Conflict", "Precondition failed: UID in precondition")
                changed = copy.deepcopy(things[name])
                merge(changed, body)
                if kind in fake_agent_sandbox.KINDS:
                    fake_agent_sandbox.check(kind, changed)
                merge(things[name], body)
                changed = copy.deepcopy(things[name])
                settle()
                return changed
            elif self.command == "DELETE":
                self.delete(kind, name, body)
            return things.get(name, {"kind": "Status", "apiVersion": "v1", "status": "Success"})

    def list(self, kind):
        wanted = dict(part.split("=", 1) for part in self.query.get("labelSelector", [""])[0].split(",") if part)
        found = [thing for name, thing in sorted(STORE[kind].items())
                 if all(thing["metadata"].get("labels", {}).get(key) == value for key, value in wanted.items())]
        # Pages are small here, so that a second one is common.
        start = int(self.query.get("continue", ["0"])[0])
        page, metadata = found[start:start + 2], {"resourceVersion": "1"}
        if start + 2 < len(found):
            metadata["continue"] = str(start + 2)
        return {"kind": f"{KINDS[kind]}List", "apiVersion": "v1", "metadata": metadata, "items": page}

    def delete(self, kind, name, options):
        thing = STORE[kind][name]
        if options.get("preconditions", {}).get("uid", thing["metadata"]["uid"]) != thing["metadata"]["uid"]:
            raise Failure(409, "Conflict", "the UID in the precondition does not match")
        if kind in fake_agent_sandbox.KINDS and options.get("propagationPolicy") == "Foreground":
            thing["metadata"].setdefault("deletionTimestamp", "2026-01-01T00:00:00Z")
        elif kind != "pods" or "deletionTimestamp" not in thing["metadata"]:
            delete(kind, name)
        settle()

    def answer(self, status, value):
        self.send(status, "application/json", json.dumps(value).encode())

    def send(self, status, kind, body):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    # Remote commands (RFC 6455, remotecommand)

    def exec(self, name):
        with LOCK:
            kubelet = KUBELETS.get(name)
            if kubelet is None:
                raise Failure(404, "NotFound", f'pods "{name}" not found')
            if kubelet.pod["status"].get("phase") != "Running" or not kubelet.child:
                raise Failure(500, "InternalError", "container not found (\"sandbox\")")
        offered = [word.strip() for word in self.headers.get("sec-websocket-protocol", "").split(",")]
        known = [os.environ["FAKE_PROTOCOL"]] if "FAKE_PROTOCOL" in os.environ else ["v5.channel.k8s.io", "v4.channel.k8s.io"]
        chosen = next((word for word in offered if word in known), None)
        if self.query.get("stdin") != ["true"] or self.query.get("tty", ["false"]) != ["false"]:
            raise Failure(400, "BadRequest", "stdin without a terminal is what is known here")
        key = self.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("upgrade", "websocket")
        self.send_header("connection", "Upgrade")
        self.send_header("sec-websocket-accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        if chosen:
            self.send_header("sec-websocket-protocol", chosen)
        self.end_headers()
        self.wfile.flush()
        self.close_connection = True
        self.sending = threading.Lock()
        self.carry(kubelet.command(self.query["command"]), canClose=chosen == "v5.channel.k8s.io")

    def carry(self, process, canClose):
        for channel in (1, 2, 3):
            self.frame(2, bytes([channel]))
        readers = [threading.Thread(target=self.copy, args=(process.stdout, 1)), threading.Thread(target=self.copy, args=(process.stderr, 2))]
        for reader in readers:
            reader.start()

        def finish():
            code = process.wait()
            for reader in readers:
                reader.join()
            status = {"metadata": {}, "status": "Success"}
            if code:
                status = {"metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
                          "message": f"command terminated with non-zero exit code: exit status {code}",
                          "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]}}
            self.frame(2, b"\x03" + json.dumps(status).encode())
            self.frame(8, b"\x03\xe8")

        threading.Thread(target=finish, daemon=True).start()
        try:
            while message := self.read_frame():
                opcode, data = message
                if opcode == 8:
                    break
                if opcode == 9:
                    self.frame(10, data)
                elif opcode == 2 and data[:1] == b"\x00":
                    process.stdin.write(data[1:])
                elif opcode == 2 and canClose and data == b"\xff\x00":
                    process.stdin.close()
        except (OSError, ValueError):
            pass
        try:
            process.stdin.close()
        except OSError:
            pass

    def copy(self, source, channel):
        while piece := source.read(1 << 16):
            message = bytes([channel]) + piece
            # In two frames where that is possible: messages may be cut anywhere.
            middle = len(message) // 2
            with self.sending:
                self.raw_frame(2, message[:middle], isLast=False)
                self.raw_frame(0, message[middle:])

    def frame(self, opcode, data):
        with self.sending:
            self.raw_frame(opcode, data)

    def raw_frame(self, opcode, data, isLast=True):
        first = (0x80 if isLast else 0) | opcode
        size = len(data)
        head = bytes([first, size]) if size < 126 else (
            struct.pack(">BBH", first, 126, size) if size < 1 << 16 else struct.pack(">BBQ", first, 127, size))
        try:
            self.wfile.write(head + data)
            self.wfile.flush()
        except OSError:
            pass

    def read_frame(self):
        head = self.rfile.read(2)
        if len(head) < 2:
            return None
        size = head[1] & 127
        if size == 126:
            size = struct.unpack(">H", self.rfile.read(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", self.rfile.read(8))[0]
        if not head[1] & 128 or size > 1 << 20:
            return None
        mask, data = self.rfile.read(4), self.rfile.read(size)
        key = (mask * (size // 4 + 1))[:size]
        return head[0] & 15, (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")

    def log_message(self, format, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def watch(parent):
    """Ends with the tests, however they end."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def stop(*_):
    for kubelet in list(KUBELETS.values()):
        kubelet.remove()
    os._exit(0)


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Handler, bind_and_activate=False)
    server.socket = socket.socket(fileno=3)
    server.socket.setblocking(True)
    PORT = server.socket.getsockname()[1]
    if "FAKE_CERTIFICATE" in os.environ:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.environ["FAKE_CERTIFICATE"], os.environ["FAKE_KEY"])
        if "FAKE_CLIENT_AUTHORITY" in os.environ:
            context.load_verify_locations(os.environ["FAKE_CLIENT_AUTHORITY"])
            context.verify_mode = ssl.CERT_REQUIRED
        server.socket = context.wrap_socket(server.socket, server_side=True)
    # In a thread of its own: the handler runs in the first one, and stops Pods that wait for locks of others.
    threading.Thread(target=server.serve_forever, daemon=True).start()
    signal.signal(signal.SIGTERM, stop)
    threading.Thread(target=watch, args=[os.getppid()], daemon=True).start()
    while True:
        signal.pause()
