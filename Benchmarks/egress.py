"""The way out of a sandbox beside plain proxies: small requests and large bodies over HTTP, tunnels, and read inside TLS."""

import argparse
import os
import socket
import subprocess
import time

import harness
import report

NGINX = """
daemon off; master_process on; worker_processes 1; error_log {folder}/nginx.log; pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; keepalive_requests 1000000; root {folder}/files;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{
    listen 127.0.0.1:{plain}; listen 127.0.0.1:{secure} ssl;
    ssl_certificate {folder}/host.pem; ssl_certificate_key {folder}/host.key;
  }}
}}
"""
CERTIFICATES = """
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=house
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout host.key -out host.csr -subj /CN=localhost
printf 'subjectAltName=DNS:localhost' > names
openssl x509 -req -in host.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out host.pem
"""
TINYPROXY = "Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 256\nLogLevel Critical\nLogFile \"{folder}/tinyproxy.log\"\nAllow 127.0.0.1\n"
SQUID = """
http_port 127.0.0.1:{port}
http_access allow all
cache deny all
cache_log {folder}/squid.log
access_log none
pid_filename {folder}/squid.pid
shutdown_lifetime 0 seconds
workers 1
"""
SIZE = 64 << 20
# Lines of one tool result.
PIECE = 2000


def ready(port, child):
    deadline = time.monotonic() + 20
    while True:
        child.check()
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                return
        if time.monotonic() > deadline:
            raise SystemExit(f"{child.arguments[0]} does not listen")
        time.sleep(0.02)


class Upstream(harness.Process):
    """nginx with a file of 1 KiB and one of 64 MiB, plain and under TLS."""

    def __init__(self, folder):
        self.plain = harness.free_port()
        self.secure = self.plain + 10_000
        files = folder / "files"
        files.mkdir()
        folder.chmod(0o755)
        (files / "small").write_bytes(os.urandom(1024))
        (files / "large").write_bytes(os.urandom(1 << 20) * (SIZE >> 20))
        subprocess.run(["bash", "-ec", CERTIFICATES], cwd=folder, check=True, capture_output=True)
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, plain=self.plain, secure=self.secure))
        super().__init__(["nginx", "-p", folder, "-c", folder / "nginx.conf"], folder, "upstream")

    def __enter__(self):
        super().__enter__()
        ready(self.plain, self)
        return self


class Proxy(harness.Process):
    """A plain proxy on a port of its own."""

    def __init__(self, folder, name, text, *arguments):
        self.port = harness.free_port()
        path = folder / f"{name}.conf"
        path.write_text(text.format(port=self.port, folder=folder))
        super().__init__([name, *arguments, path], folder, name)

    def __enter__(self):
        super().__enter__()
        ready(self.port, self)
        return self


def commands(proxy, url, options):
    """A shell command: many small answers over connections of their own, some at once, then a large one five times."""
    through = f"-x http://{proxy}" if proxy else ""
    curl = f"curl -sSk --noproxy '{'' if proxy else '*'}' {through} -o /dev/null"
    small = f"-Z --parallel-immediate --parallel-max {options.width} -H 'connection: close'"
    return (
        f"begin=$(date +%s%N); {curl} {small} -w 'small %{{http_code}} %{{time_total}}\\n' '{url}/small?[1-{options.requests}]'; "
        f"end=$(date +%s%N); echo wall $((end - begin)); for n in 1 2 3 4 5; do "
        f"{curl} -w 'large %{{http_code}} %{{time_total}} %{{size_download}}\\n' {url}/large; done"
    )


def measured(name, text, options):
    """The row of one way, from what the commands printed."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    small = [float(line[2]) * 1000 for line in lines if line[:2] == ["small", "200"]]
    large = sorted(float(line[2]) for line in lines if line[:2] == ["large", "200"] and int(line[3]) == SIZE)
    if len(small) != options.requests or len(large) != 5:
        others = [line for line in lines if line[1:2] != ["200"] and line[0] != "wall"]
        raise SystemExit(f"{name}: {len(small)} of {options.requests} and {len(large)} of 5; {others[:5]}")
    wall = next(int(line[1]) for line in lines if line[0] == "wall") / 1e9
    summary = report.summary(small)
    return {
        "what": name, "small/s": round(len(small) / wall), "p50 ms": summary["p50"], "p99 ms": summary["p99"],
        "MB/s": round(SIZE / 1e6 / large[2]),
    }  # fmt: skip


def outside(name, proxy, url, options):
    done = subprocess.run(["bash", "-ec", commands(proxy, url, options)], text=True, capture_output=True)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stdout[-1000:]}{done.stderr[-1000:]}")
    return measured(name, done.stdout, options)


class Inside:
    """A session whose sandbox runs the same commands."""

    def __init__(self, server):
        self.client = harness.Client(server.port)
        self.agent, self.environment = self.client.agent(), self.client.environment("cloud")

    def row(self, name, url, options):
        # What the model sees of an output is bounded: the times go to a file that is read in pieces.
        script = f"{{ {commands('127.0.0.1:3128', url, options)}; }} > /tmp/times 2> /tmp/errors; wc -l < /tmp/times"
        pieces = -(-(options.requests + 6) // PIECE)
        reads = [f"tail -n +{1 + PIECE * n} /tmp/times | head -n {PIECE}" for n in range(pieces)]
        session = self.client.session(self.agent, self.environment, harness.bash_plan([script, *reads]))
        results = [e for e in self.client.finished(session, 600) if e["type"] == "agent.tool_result"]
        texts = ["".join(block.get("text", "") for block in result["content"]) for result in results]
        if any(result["is_error"] for result in results):
            raise SystemExit(f"{name}: {[text[-1000:] for text in texts]}")
        return measured(name, "\n".join(texts[1:]), options)


def ours(upstream, rule, rows, options):
    """Rows of our gate under one rule; `rows` are names with addresses."""
    with harness.Folder() as folder:
        settings = {"PERIMETER_ALLOWED_HOSTS": rule, "PERIMETER_EGRESS_AUTHORITY": str(upstream.folder / "ca.pem")}
        with harness.Perimeter(folder, "up", **harness.MANY, **settings) as server:
            inside = Inside(server)
            return [inside.row(name, url, options) for name, url in rows]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--width", type=int, default=16)
    options = parser.parse_args()
    rows = []
    with harness.Folder() as folder, Upstream(folder) as upstream:
        plain, secure = f"http://localhost:{upstream.plain}", f"https://localhost:{upstream.secure}"
        for kind, url in (("http", plain), ("tls", secure)):
            rows.append(outside(f"no proxy, {kind}", None, url, options))
        for name, text, arguments in (("tinyproxy", TINYPROXY, ["-d", "-c"]), ("squid", SQUID, ["-N", "-f"])):
            with Proxy(folder, name, text, *arguments) as proxy:
                for kind, url in (("http", plain), ("tunnel", secure)):
                    rows.append(outside(f"{name}, {kind}", f"127.0.0.1:{proxy.port}", url, options))
        named = f"localhost:{upstream.plain},localhost:{upstream.secure}"
        rows += ours(upstream, named, [("our gate, http", plain), ("our gate, tunnel", secure)], options)
        read = f"GET https://localhost:{upstream.secure}/*"
        rows += ours(upstream, read, [("our gate, read inside TLS", secure)], options)
    report.publish("egress", rows)


if __name__ == "__main__":
    main()
