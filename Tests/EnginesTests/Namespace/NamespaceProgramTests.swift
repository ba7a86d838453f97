import Glibc
import Sandbox
import Testing

/// What people and agents run all day works behind the filter.
@Suite(.serialized) struct NamespaceProgramTests {
    enum Program: String, CaseIterable, CustomTestStringConvertible {
        case python3, bash, git, perl, openssl, gcc, node, java
        var testDescription: String { rawValue }

        /// What `./test` has on every machine.
        static let everywhere: [Program] = [.python3, .bash, .git, .perl, .openssl]
        var isInstalled: Bool { access("/usr/bin/\(rawValue)", X_OK) == 0 }
        var interpreter: String { [.python3, .perl, .node].contains(self) ? rawValue : "bash" }
    }

    @Test(arguments: Program.everywhere) func `programs of every machine work`(_ program: Program) async throws {
        try await check(program)
    }

    @Test(.enabled(if: Program.gcc.isInstalled)) func `a compiler and what it makes work`() async throws {
        try await check(.gcc)
    }
    @Test(.enabled(if: Program.node.isInstalled)) func `node works`() async throws { try await check(.node) }
    @Test(.enabled(if: Program.java.isInstalled)) func `java works`() async throws { try await check(.java) }

    private func check(_ program: Program) async throws {
        try await NamespaceRig.with { rig in
            let limits = ResourceLimits(memoryBytes: 1 << 30, processes: 200, cpuPercent: 200, diskBytes: 256 << 20)
            try await rig.withSandbox(limits: limits) { sandbox in
                try await sandbox.put(Array(program.text.utf8), at: "/workspace/program", mode: 0o644)
                let answer = try await sandbox.bash("\(program.interpreter) ./program 2>&1", timeout: 180_000)
                for line in program.lines { #expect(answer.contains(line), "\(answer)") }
            }
            #expect(await rig.leftovers() == [])
        }
    }
}

extension NamespaceProgramTests.Program {
    var text: String {
        switch self {
        case .python3: Self.python
        case .bash: Self.shell
        case .git:
            """
            set -e; git init -q r; cd r; git config user.email a@b; git config user.name a
            echo 1 > f; git add f; git commit -qm first; git clone -q . ../r2; cd ../r2; git gc -q; git fsck; git log --format=%s
            """
        case .perl:
            #"print join(',', map { $_ * 2 } 1..3), "\n"; print `echo a child`; exit if !fork; wait; print "forked\n""#
        case .openssl:
            "openssl genrsa -out k 2048 && openssl dgst -sha256 k | wc -l; openssl pkey -in k -noout && echo keyed"
        case .gcc:
            #"""
            cat > a.c <<'END'
            #include <pthread.h>
            #include <stdio.h>
            void *f(void *x) { puts("in a thread"); return x; }
            int main(void) { pthread_t t; pthread_create(&t, 0, f, 0); pthread_join(t, 0); puts("compiled"); }
            END
            gcc -pthread a.c -o a && ./a; gcc -static -pthread a.c -o b && ./b | sed s/compiled/static/
            """#
        case .node:
            #"""
            const http = require('http'), { Worker } = require('worker_threads');
            const server = http.createServer((q, r) => r.end('served')).listen(0, '127.0.0.1', () =>
              http.get({ port: server.address().port }, r => r.on('data', d => { console.log('' + d); server.close(); })));
            new Worker("require('worker_threads').parentPort.postMessage('worked')", { eval: true }).on('message', console.log);
            require('fs').promises.writeFile('n', 'x').then(() => require('fs').promises.readFile('n')).then(b => console.log('read ' + b));
            require('child_process').exec('echo spawned', (e, o) => console.log(o));
            """#
        case .java:
            #"""
            cat > A.java <<'END'
            public class A { public static void main(String[] a) throws Exception {
              Thread t = new Thread(() -> System.out.println("in a thread")); t.start(); t.join();
              System.out.println(java.security.MessageDigest.getInstance("SHA-256").digest().length + " bytes");
              new java.net.ServerSocket(0).close();
              System.out.println(new String(new ProcessBuilder("echo", "spawned").start().getInputStream().readAllBytes()));
            } }
            END
            java -Xmx128m A.java
            """#
        }
    }

    /// What the answer has to contain.
    var lines: [String] {
        switch self {
        case .python3:
            [
                "thread", "tcp", "udp6", "pair b'x'", "child", "[1, 2]", "queued", "10 pooled", "async", "db",
                "files", "True True True done",
            ]
        case .bash: ["one", "1 one", "7\n", "substituted", "co\n", "trapped", "locked", "a\nb\n", "found 2", "listed"]
        case .git: ["first"]
        case .perl: ["2,4,6", "a child", "forked"]
        case .openssl: ["keyed"]
        case .gcc: ["in a thread", "compiled", "static"]
        case .node: ["served", "worked", "read x", "spawned"]
        case .java: ["in a thread", "32 bytes", "spawned"]
        }
    }

    private static let shell = #"""
        mkdir -p tree/a; echo one > tree/a/f; ln -s f tree/a/l; mkfifo tree/p
        tar -cf t.tar tree; mkdir out; tar -xpf t.tar -C out; cat out/tree/a/l
        cp -a tree/a tree/b; mv tree/b tree/c; sort tree/c/f | uniq -c | xargs; touch -d @7 tree/c/f; stat -c %Y tree/c/f
        cat <(echo substituted); coproc cat; echo co >&${COPROC[1]}; read -r x <&${COPROC[0]}; echo $x; kill %1
        trap 'echo trapped' USR1; kill -USR1 $$; timeout 5 sleep 0; flock tree/a/f echo locked; ulimit -n
        printf 'b\na\n' | sort --parallel=2; echo found $(find tree -type f | wc -l); df . > /dev/null; id -un
        [ $(ps -e | wc -l) -gt 2 ] && echo listed
        """#

    private static let python = #"""
        import asyncio, concurrent.futures, multiprocessing, os, select, signal, socket, sqlite3, subprocess, threading
        t = threading.Thread(target=lambda: print("thread")); t.start(); t.join()
        s = socket.create_server(("127.0.0.1", 0)); c = socket.create_connection(s.getsockname()); print("tcp")
        u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); u.bind(("::1", 0)); print("udp6")
        a, b = socket.socketpair(); a.send(b"x"); print("pair", b.recv(1))
        print(subprocess.run("echo child | cat", shell=True, capture_output=True, text=True).stdout.strip())
        with multiprocessing.Pool(2) as pool: print(pool.map(abs, [-1, -2]))
        q = multiprocessing.Queue(); q.put("queued"); print(q.get())
        with concurrent.futures.ThreadPoolExecutor() as pool: print(sum(pool.map(abs, range(5))), "pooled")
        async def main():
            process = await asyncio.create_subprocess_exec("echo", "async", stdout=asyncio.subprocess.PIPE)
            print((await process.communicate())[0].decode().strip())
            (await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)).close()
        asyncio.run(main())
        d = sqlite3.connect("x.db"); d.execute("pragma journal_mode=wal"); d.execute("create table t(a)"); d.commit(); print("db")
        e = select.epoll(); e.register(s.fileno()); signal.setitimer(signal.ITIMER_REAL, 0); os.nice(1)
        f = os.open("copy", os.O_RDWR | os.O_CREAT); os.posix_fallocate(f, 0, 4096); os.copy_file_range(f, f, 10, 0, 2048)
        os.setxattr("copy", "user.a", b"1"); os.link("copy", "copy2"); os.replace("copy2", "copy3"); os.sendfile(a.fileno(), f, 0, 10)
        os.utime("copy", ns=(1, 2)); os.chmod("copy", 0o600); os.truncate("copy", 1); os.sync(); print("files")
        print(os.sched_getaffinity(0) != set(), os.memfd_create("m") > 0, os.getrandom(1) != b"", "done")
        """#
}
