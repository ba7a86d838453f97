import Glibc
import TestSupport
import Testing

@testable import Engines

/// A root file system out of the host's own programs, made once for all tests of a suite.
struct OCIRootfs: SuiteTrait, TestScoping {
    @TaskLocal static var path = "/no/root/file/system"

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        let folder = "/tmp/perimeter-oci-\(String(UInt32.random(in: 0...UInt32.max), radix: 36))"
        guard mkdir(folder, 0o755) == 0 else { throw NamespaceRig.Failure("no folder") }
        defer { HostView.removeTree(folder) }
        try HostProgram.run("/bin/bash", ["-c", Self.script, "rootfs", folder])
        try await Self.$path.withValue("\(folder)/rootfs") { try await function() }
        #expect(!(HostView.text("/proc/self/mountinfo") ?? "").contains(folder), "nothing of it stays mounted")
    }

    private static let script = """
        set -e
        export PATH=/usr/sbin:/usr/bin:/sbin:/bin
        root=$1/rootfs
        mkdir -p $root/usr/bin $root/usr/lib $root/usr/lib64 $root/{tmp,etc,var/tmp} && chmod 1777 $root/tmp $root/var/tmp
        for name in bin lib lib64; do ln -s usr/$name $root/$name; done
        # Those of Debian 12 ask the kernel what gVisor of that age does not know.
        for name in ls stat; do cp "$(type -P busybox)" $root/usr/bin/$name; done
        for name in bash sh cat echo env id sleep seq head tail wc od mkdir ln readlink date cp cmp grep mknod \
            mount rm tr timeout kill sync touch chmod cut sort uname find setsid test true mv unshare; do
          file=$(readlink -f "$(type -P $name)")
          cp "$file" $root/usr/bin/$name
          for library in $(ldd "$file" 2>/dev/null | grep -o '/[^ ]*' || true); do
            mkdir -p $root$(dirname $library)
            [ -e $root$library ] || cp -L $library $root$library
          done
        done
        """
}

extension Trait where Self == OCIRootfs {
    static var ociRootfs: OCIRootfs { OCIRootfs() }
}
