"""The controllers of kubernetes-sigs/agent-sandbox (v1beta1) for fake_kubernetes.py: pools keep Sandboxes ready, claims adopt one or have one
made, Sandboxes have a Pod and volumes, and what is owned goes with its owner. One pass over everything, after every change."""

import copy
import datetime
import os
import uuid
import zlib

CORE = "agents.x-k8s.io/v1beta1"
EXTENSIONS = f"extensions.{CORE}"
KINDS = {"sandboxes": "Sandbox", "sandboxclaims": "SandboxClaim", "sandboxtemplates": "SandboxTemplate", "sandboxwarmpools": "SandboxWarmPool"}
GROUPS = {kind: CORE if kind == "sandboxes" else EXTENSIONS for kind in KINDS}
PREFIX = "agents.x-k8s.io/"
OWNED = ("sandboxes", "pods", "persistentvolumeclaims")


def digest(text):
    return f"{zlib.crc32(text.encode()):08x}"


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def controller(thing):
    return next((entry for entry in thing["metadata"].get("ownerReferences", []) if entry.get("controller")), {})


def reference(owner):
    return [{"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
             "controller": True, "blockOwnerDeletion": True}]


def set_condition(thing, kind, status, reason, message):
    conditions = thing.setdefault("status", {}).setdefault("conditions", [])
    conditions[:] = [entry for entry in conditions if entry["type"] != kind]
    if status is not None:
        conditions.append({"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": "2026-01-01T00:00:00Z",
                           "observedGeneration": 1})


def condition(thing, kind):
    return next((entry for entry in thing.get("status", {}).get("conditions", []) if entry["type"] == kind), {})


def check(kind, thing):
    """What the schemas of the kinds ask for."""
    spec = thing["spec"]
    if kind == "sandboxclaims":
        assert spec["warmPoolRef"]["name"], "spec.warmPoolRef.name"
        life = spec.get("lifecycle", {})
        assert life.get("shutdownPolicy", "Retain") in ("Delete", "DeleteForeground", "Retain"), "spec.lifecycle.shutdownPolicy"
        if "shutdownTime" in life:
            moment(life["shutdownTime"])
    if kind == "sandboxes":
        assert spec.get("operatingMode", "Running") in ("Running", "Suspended"), "spec.operatingMode"
        assert spec.get("shutdownPolicy", "Retain") in ("Delete", "Retain"), "spec.shutdownPolicy"
        if "shutdownTime" in spec:
            moment(spec["shutdownTime"])
    if kind == "sandboxwarmpools":
        spec.setdefault("replicas", 1)
        assert spec["sandboxTemplateRef"]["name"], "spec.sandboxTemplateRef.name"
    if kind == "sandboxtemplates":
        assert spec["podTemplate"]["spec"]["containers"], "spec.podTemplate.spec.containers"
        spec.setdefault("networkPolicyManagement", "Managed")


class Controllers:
    """Called under the API server's lock."""

    def __init__(self, store, create, delete):
        self.store, self.create, self.delete = store, create, delete

    def settle(self):
        """Reconciles until nothing changes. - Returns: seconds until something has to end, or None."""
        while True:
            before = copy.deepcopy(self.store)
            self.collect()
            for reconcile, kind in ((self.template, "sandboxtemplates"), (self.pool, "sandboxwarmpools"), (self.claim, "sandboxclaims"),
                                    (self.sandbox, "sandboxes")):
                for thing in list(self.store[kind].values()):
                    if "deletionTimestamp" not in thing["metadata"]:
                        reconcile(thing)
            if before == self.store:
                break
        ends = [spec["shutdownTime"] for spec in self.lives() if "shutdownTime" in spec]
        left = [(moment(end) - now()).total_seconds() for end in ends]
        return min([max(seconds, 0.05) for seconds in left if seconds > -1], default=None)

    def lives(self):
        return [claim["spec"].get("lifecycle", {}) for claim in self.store["sandboxclaims"].values()] + [
            sandbox["spec"] for sandbox in self.store["sandboxes"].values()]

    def collect(self):
        """Garbage collection, and finalizers: a thing with dependents that block it stays until they are gone; so does a volume in use."""
        owners = {thing["metadata"]["uid"]: thing for kind in self.store for thing in self.store[kind].values()}
        for kind in OWNED:
            for name, thing in list(self.store[kind].items()):
                owner = controller(thing)
                if not owner:
                    continue
                above = owners.get(owner["uid"])
                if (above is None or "deletionTimestamp" in above["metadata"]) and "deletionTimestamp" not in thing["metadata"]:
                    if kind == "pods":
                        self.delete(kind, name)
                    else:
                        thing["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        for kind in ("persistentvolumeclaims", "sandboxes", "sandboxclaims"):
            for name, thing in list(self.store[kind].items()):
                if "deletionTimestamp" not in thing["metadata"]:
                    continue
                if kind == "persistentvolumeclaims":
                    held = any(volume.get("persistentVolumeClaim", {}).get("claimName") == name
                               for pod in self.store["pods"].values() for volume in pod["spec"]["volumes"])
                else:
                    held = any(controller(other).get("uid") == thing["metadata"]["uid"] for other_kind in OWNED
                               for other in self.store[other_kind].values())
                if not held:
                    self.delete(kind, name)

    def template(self, template):
        """A Managed template has a policy, which opens the public network unless it says otherwise."""
        name = template["metadata"]["name"] + "-network-policy"
        if template["spec"]["networkPolicyManagement"] == "Unmanaged" or name in self.store["networkpolicies"]:
            return
        chosen = template["spec"].get("networkPolicy") or {"ingress": [{}], "egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]}
        labels = {f"{PREFIX}sandbox-template-ref-hash": digest(template["metadata"]["name"])}
        self.create("networkpolicies", {
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name},
            "spec": {"podSelector": {"matchLabels": labels}, "policyTypes": ["Ingress", "Egress"], **chosen}})

    def template_of(self, pool):
        return self.store["sandboxtemplates"].get(pool["spec"]["sandboxTemplateRef"]["name"])

    def pool(self, pool):
        template = self.template_of(pool)
        own = [sandbox for sandbox in self.store["sandboxes"].values() if controller(sandbox).get("uid") == pool["metadata"]["uid"]]
        if template is None:
            return
        for _ in range(pool["spec"]["replicas"] - len(own)):
            sandbox = self.made(template, f"{pool['metadata']['name']}-{uuid.uuid4().hex[:5]}", pool, "warm")
            for labels in (sandbox["metadata"]["labels"], sandbox["spec"]["podTemplate"]["metadata"]["labels"]):
                labels[f"{PREFIX}warm-pool-sandbox"] = digest(pool["metadata"]["name"])
            self.create("sandboxes", sandbox)
        for sandbox in own[pool["spec"]["replicas"]:]:
            sandbox["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        pool["status"] = {"replicas": pool["spec"]["replicas"]}

    def made(self, template, name, owner, launch):
        spec = {key: copy.deepcopy(value) for key, value in template["spec"].items() if key in ("podTemplate", "volumeClaimTemplates", "service")}
        spec["podTemplate"]["spec"].setdefault("automountServiceAccountToken", False)
        spec["operatingMode"] = "Running"
        labels = {f"{PREFIX}sandbox-template-ref-hash": digest(template["metadata"]["name"])}
        spec["podTemplate"].setdefault("metadata", {}).setdefault("labels", {}).update(labels)
        return {"apiVersion": CORE, "kind": "Sandbox", "spec": spec,
                "metadata": {"name": name, "labels": {**labels, f"{PREFIX}launch-type": launch}, "ownerReferences": reference(owner),
                             "annotations": {f"{PREFIX}sandbox-template-ref": template["metadata"]["name"]}}}

    def claim(self, claim):
        life = claim["spec"].get("lifecycle", {})
        if "shutdownTime" in life and moment(life["shutdownTime"]) <= now():
            assert life.get("shutdownPolicy") == "Delete", "Retain is not known here"
            claim["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
            return
        more = claim["spec"].get("additionalPodMetadata", {})
        for key in more.get("labels", {}):
            domain = key.split("/")[0]
            if domain != "sandbox.users.io" and not domain.endswith(".sandbox.users.io"):
                return set_condition(claim, "Ready", "False", "InvalidMetadata", f'label domain "{domain}" is not in the allowlist')
        pool = self.store["sandboxwarmpools"].get(claim["spec"]["warmPoolRef"]["name"])
        if pool is None:
            return set_condition(claim, "Ready", "False", "WarmPoolNotFound", f"SandboxWarmPool \"{claim['spec']['warmPoolRef']['name']}\" not found")
        template = self.template_of(pool)
        if template is None:
            return set_condition(claim, "Ready", "False", "TemplateNotFound", "SandboxTemplate of the pool not found")
        sandbox = self.given(claim) or self.adopted(claim, pool)
        if sandbox is None:
            sandbox = self.made(template, claim["metadata"]["name"], claim, "cold")
            self.create("sandboxes", sandbox)
        meta = copy.deepcopy(template["spec"]["podTemplate"].get("metadata", {}))
        meta.setdefault("labels", {}).update({f"{PREFIX}claim-uid": claim["metadata"]["uid"],
                                              f"{PREFIX}sandbox-template-ref-hash": digest(template["metadata"]["name"])})
        meta.setdefault("annotations", {}).update(more.get("annotations", {}))
        sandbox["spec"]["podTemplate"]["metadata"] = meta
        sandbox["metadata"]["labels"][f"{PREFIX}claim-uid"] = claim["metadata"]["uid"]
        claim.setdefault("status", {})["sandbox"] = {"name": sandbox["metadata"]["name"], "podIPs": sandbox.get("status", {}).get("podIPs", [])}
        ready = condition(sandbox, "Ready")
        set_condition(claim, "Ready", ready.get("status", "False"), ready.get("reason", "SandboxNotReady"),
                      ready.get("message", "Sandbox is not ready"))

    def given(self, claim):
        names = (claim.get("status", {}).get("sandbox", {}).get("name"), claim["metadata"].get("annotations", {}).get(f"{PREFIX}sandbox-name"),
                 claim["metadata"]["name"])
        found = (self.store["sandboxes"].get(name) for name in names if name)
        return next((sandbox for sandbox in found if sandbox and controller(sandbox).get("uid") == claim["metadata"]["uid"]), None)

    def adopted(self, claim, pool):
        """One that the pool kept, ready ones first."""
        own = [sandbox for sandbox in self.store["sandboxes"].values() if controller(sandbox).get("uid") == pool["metadata"]["uid"]
               and "deletionTimestamp" not in sandbox["metadata"] and sandbox.get("status", {}).get("podIPs")]
        own.sort(key=lambda sandbox: condition(sandbox, "Ready").get("status") != "True")
        if not own:
            return None
        sandbox = own[0]
        name = sandbox["metadata"]["name"]
        claim["metadata"].setdefault("annotations", {})[f"{PREFIX}sandbox-name"] = name
        sandbox["metadata"]["labels"].pop(f"{PREFIX}warm-pool-sandbox", None)
        sandbox["metadata"]["annotations"][f"{PREFIX}pod-name"] = name
        sandbox["metadata"]["ownerReferences"] = reference(claim)
        return sandbox

    def sandbox(self, sandbox):
        spec, name = sandbox["spec"], sandbox["metadata"]["name"]
        pod_name = sandbox["metadata"]["annotations"].get(f"{PREFIX}pod-name", name)
        pod = self.store["pods"].get(pod_name)
        if "shutdownTime" in spec and moment(spec["shutdownTime"]) <= now():
            if pod and "deletionTimestamp" not in pod["metadata"]:
                self.delete("pods", pod_name)
            sandbox.setdefault("status", {}).pop("podIPs", None)
            return set_condition(sandbox, "Ready", "False", "SandboxExpired", "Sandbox has expired")
        for template in spec.get("volumeClaimTemplates", []):
            volume = f"{template['metadata']['name']}-{name}"
            if volume not in self.store["persistentvolumeclaims"]:
                self.create("persistentvolumeclaims", {
                    "apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": copy.deepcopy(template["spec"]),
                    "metadata": {"name": volume, "labels": {f"{PREFIX}sandbox-name-hash": digest(name)}, "ownerReferences": reference(sandbox)}})
        if spec.get("operatingMode", "Running") == "Suspended":
            if pod and "deletionTimestamp" not in pod["metadata"]:
                self.delete("pods", pod_name)
            if not pod:
                sandbox["metadata"]["annotations"].pop(f"{PREFIX}pod-name", None)
                sandbox.setdefault("status", {}).pop("podIPs", None)
            set_condition(sandbox, "Suspended", "False" if pod else "True", "PodTerminating" if pod else "PodTerminated", "")
            return set_condition(sandbox, "Ready", "False", "SandboxSuspended", "Sandbox is suspending" if pod else "Sandbox is suspended")
        set_condition(sandbox, "Suspended", "False", "NotSuspended", "Sandbox is not suspended")
        pod = pod or self.pod(sandbox)
        meta = spec["podTemplate"].get("metadata", {})
        pod["metadata"]["labels"].update({key: value for key, value in meta.get("labels", {}).items() if not key.startswith(PREFIX)})
        pod["metadata"]["labels"][f"{PREFIX}sandbox-name-hash"] = digest(name)
        for key in ("sandbox-template-ref-hash", "warm-pool-sandbox"):
            pod["metadata"]["labels"].pop(PREFIX + key, None)
            if PREFIX + key in sandbox["metadata"]["labels"]:
                pod["metadata"]["labels"][PREFIX + key] = sandbox["metadata"]["labels"][PREFIX + key]
        pod["metadata"].setdefault("annotations", {}).update(meta.get("annotations", {}))
        sandbox["metadata"]["annotations"][f"{PREFIX}pod-name"] = pod["metadata"]["name"]
        self.report(sandbox, pod)

    def report(self, sandbox, pod):
        status = pod.get("status", {})
        phase, ips = status.get("phase", "Pending"), [entry["ip"] for entry in status.get("podIPs", [])]
        sandbox.setdefault("status", {})["podIPs"] = ips
        set_condition(sandbox, "Finished", None, None, None)
        if phase in ("Failed", "Succeeded"):
            set_condition(sandbox, "Finished", "True", f"Pod{phase}", "")
            return set_condition(sandbox, "Ready", "False", f"Pod{phase}", "Pod failed")
        if phase == "Running" and ips and condition(pod, "Ready").get("status") == "True":
            return set_condition(sandbox, "Ready", "True", "DependenciesReady", "Pod is Ready")
        set_condition(sandbox, "Ready", "False", "DependenciesNotReady", f"Pod exists with phase: {phase}")

    def pod(self, sandbox):
        name, spec = sandbox["metadata"]["name"], copy.deepcopy(sandbox["spec"]["podTemplate"]["spec"])
        volumes = [{"name": template["metadata"]["name"], "persistentVolumeClaim": {"claimName": f"{template['metadata']['name']}-{name}"}}
                   for template in sandbox["spec"].get("volumeClaimTemplates", [])]
        replaced = {volume["name"] for volume in volumes}
        spec["volumes"] = [volume for volume in spec.get("volumes", []) if volume["name"] not in replaced] + volumes
        return self.create("pods", {"apiVersion": "v1", "kind": "Pod", "spec": spec,
                                    "metadata": {"name": name, "labels": {}, "annotations": {}, "ownerReferences": reference(sandbox)}})


IS_INSTALLED = "FAKE_AGENT_SANDBOX" in os.environ
