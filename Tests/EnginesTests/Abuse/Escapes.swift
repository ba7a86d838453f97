import Glibc
import Sandbox
import TestSupport
import Testing

@testable import Engines

/// Ways out that a program tries with what it finds inside. What succeeds prints `ESCAPED`.
struct Escapes {
    let rig: any EngineRig
    /// Where the host has the files of the sandbox's work directory.
    let work: (SandboxSpec) -> String

    func check() async throws {
        let port = try LoopbackListener()
        defer { withExtendedLifetime(port) {} }
        try await Bystanders.with(rig) { bystanders in
            let spec = try rig.spec("escapee")
            let sandbox = try await rig.provider.provision(spec)
            try plant(work(spec))
            try await sandbox.put(Array(Self.script.utf8), at: "/workspace/escape.sh", mode: 0o644)
            let text = try await sandbox.bash(
                "CANARY=\(bystanders.file) PORT=\(port.port) bash ./escape.sh 2>/dev/null", timeout: 120_000)
            #expect(!text.contains("ESCAPED") && !text.contains(bystanders.secret), "\(text)")
            #expect(text.contains("tried everything"), "\(text)")
            try await bystanders.areWell("escapes")
            // Everything that it can kill, which is itself.
            _ = try await sandbox.bash("kill -KILL -1; sleep 1")
            #expect(try await sandbox.bash("echo alive").contains("alive"))
            await sandbox.destroy()
        }
    }

    /// As an imported archive might bring them: a node of a device, and a program of root's with the set-user-id bit.
    private func plant(_ folder: String) throws {
        #expect(mknod("\(folder)/planted-node", S_IFCHR | 0o666, 0x103) == 0)
        try HostProgram.run("/bin/cp", ["/usr/bin/id", "\(folder)/planted-id"])
        #expect(chown("\(folder)/planted-id", 0, 0) == 0 && chmod("\(folder)/planted-id", 0o6755) == 0)
    }

    /// `kernel/pid_max` is not among what it writes: since Linux 6.14 each process namespace has one of its own, for its owner to set.
    /// That the host's stays is for the bystanders to see.
    private static let script = #"""
        try() { what=$1; shift; "$@" > /dev/null 2>&1 && echo "ESCAPED: $what"; }
        put() { (printf %s "$2" > "$1") 2> /dev/null && echo "ESCAPED: wrote $1"; }
        get() { (exec 9< "$1") 2> /dev/null && echo "ESCAPED: opened $1"; }
        mkdir -p m; cp "$(type -P id)" own-id; chmod 6755 own-id

        try "bind mount" mount --bind /workspace /usr; try "tmpfs" mount -t tmpfs none m; try "proc" mount -t proc none m
        try "cgroup" mount -t cgroup -o memory none m; try "cgroup2" mount -t cgroup2 none m; try "sysfs" mount -t sysfs none m
        try "overlay" mount -t overlay -o lowerdir=/usr,upperdir=m,workdir=m none m
        for p in / /usr /etc /opt/perimeter /dev /proc; do try "remount $p" mount -o remount,rw $p; done
        try "umount" umount -l /usr

        for f in $(cd /proc/sys; echo kernel/{core_pattern,sysrq,hostname,modprobe,panic,randomize_va_space} \
            vm/{overcommit_memory,panic_on_oom,drop_caches} fs/{suid_dumpable,protected_symlinks,file-max}); do
          put /proc/sys/$f "$(cat /proc/sys/$f 2> /dev/null || echo 1)"
        done
        (echo 999 > /proc/sys/kernel/pid_max) 2> /dev/null; put /proc/sysrq-trigger h; put /proc/irq/default_smp_affinity 3; put /proc/self/uid_map "0 0 1"
        put /proc/self/oom_score_adj -1000; put /proc/1/oom_score_adj 1000
        for f in kcore kmsg kpagecount kallsyms-x keys-x; do get /proc/$f > /dev/null; done
        [ "$(head -c 64 /proc/kcore 2> /dev/null | wc -c)" -gt 0 ] && echo "ESCAPED: read the kernel's memory"

        for f in mem environ maps auxv ns/mnt ns/user ns/net fd/0 fd/3 map_files; do get /proc/1/$f; done
        for d in root cwd fd map_files; do try "listed /proc/1/$d" ls /proc/1/$d/; done
        for p in /proc/[0-9]*; do
          grep -q perimeter/execd $p/cmdline 2> /dev/null && [ $p != /proc/1 ] && echo "ESCAPED: saw another daemon"
          [ -e "$p/root$CANARY" ] && echo "ESCAPED: saw the host through $p"
        done
        [ "$(ls -d /proc/[0-9]* | wc -l)" -lt 30 ] || echo "ESCAPED: saw the host's processes"
        for s in TERM INT HUP KILL STOP ABRT; do kill -$s 1; done

        [ "$(./own-id -u)" = 1000 ] || echo "ESCAPED: set-user-id of my own"
        [ "$(./planted-id -u)" = 1000 ] || echo "ESCAPED: set-user-id of root"
        for p in su passwd mount newgrp chsh gpasswd sudo pkexec; do
          f=$(type -P $p) && [ -u $f ] && ! grep -q 'NoNewPrivs:.1' /proc/self/status && echo "ESCAPED: $p may gain rights"
        done
        [ "$(su -c 'id -u' < /dev/null)" = 0 ] && echo "ESCAPED: su"
        grep -E '^Cap(Prm|Eff|Bnd|Amb)' /proc/self/status | grep -qv 0000000000000000 && echo "ESCAPED: has capabilities"

        for place in /workspace /tmp /dev/shm /run /var/tmp /dev; do
          for node in "b 8 0" "b 7 0" "c 1 1" "c 1 3" "c 10 237"; do try "node in $place" mknod $place/node $node; done
        done
        (head -c 1 < planted-node) 2> /dev/null && (: > planted-node) 2> /dev/null && echo "ESCAPED: used a planted node"
        ls /dev | grep -E '^(sd|vd|nvme|loop|dm-|mem|kmem|port|kvm|fuse|net)' && echo "ESCAPED: has devices"

        for f in $(find /sys/fs/cgroup /sys/kernel /sys/power -writable 2> /dev/null); do put $f 0; done
        for f in /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/*/release_agent; do put $f 0; done

        for n in user mount pid net ipc uts cgroup; do try "unshare $n" unshare --$n true; done
        (echo > /dev/tcp/127.0.0.1/$PORT) 2> /dev/null && echo "ESCAPED: reached the host's loopback"
        for a in 169.254.169.254/80 10.0.0.1/80 1.1.1.1/53; do
          (timeout 2 bash -c "echo > /dev/tcp/$a") 2> /dev/null && echo "ESCAPED: reached $a"
        done
        grep -E 'execd.sock|/run/' /proc/net/unix && echo "ESCAPED: sees sockets of the host"

        cat "$CANARY" "/proc/self/root$CANARY" "/proc/$$/cwd/../../../..$CANARY" 2> /dev/null
        ln -s "$CANARY" link; cat link 2> /dev/null; ln "$CANARY" hard 2> /dev/null && echo "ESCAPED: linked"
        put /opt/perimeter/execd x; try "replaced the daemon" mv /opt/perimeter/execd m/; put /etc/passwd x; put /usr/bin/x x
        try "set the clock" date -s "@$(date +%s)"
        echo tried everything
        """#
}
