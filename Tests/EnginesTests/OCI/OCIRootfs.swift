import Glibc
import TestSupport

@testable import Engines

/// A root file system out of the host's own programs, made once for all tests of this process and removed with it.
struct OCIRootfs: Sendable {
    static let script = """
        set -e
        export PATH=/usr/sbin:/usr/bin:/sbin:/bin
        root=$1/rootfs
        mkdir -p $root/usr/bin $root/usr/lib $root/usr/lib64 $root/{tmp,etc,var/tmp} && chmod 1777 $root/tmp $root/var/tmp
        for name in bin lib lib64; do ln -s usr/$name $root/$name; done
        for name in bash sh cat ls echo env id sleep seq head tail wc stat od mkdir ln readlink date cp cmp grep mknod \
            mount rm tr timeout kill sync touch chmod cut sort uname find setsid test true mv; do
          file=$(readlink -f "$(type -P $name)")
          cp "$file" $root/usr/bin/$name
          for library in $(ldd "$file" 2>/dev/null | grep -o '/[^ ]*' || true); do
            mkdir -p $root$(dirname $library)
            [ -e $root$library ] || cp -L $library $root$library
          done
        done
        """

    /// Makes it in a folder.
    /// - Returns: its path.
    static func make(in folder: String) throws -> String {
        try HostProgram.run("/bin/bash", ["-c", script, "rootfs", folder])
        return "\(folder)/rootfs"
    }
}
