/// The commands that install packages in a sandbox whose system may change. Pure.
///
/// They run in one shell, as the system's root; what they need besides lies in the work directory, which is emptied in the end.
struct PackageScript {
    let mirrors: PackageMirrors

    /// Nothing of a package may start by itself, and what the loopback of the sandbox stands for is outside.
    static let beginning = """
        export NO_PROXY= no_proxy= HOME=/workspace/.packages TMPDIR=/workspace/.packages/tmp
        mkdir -p "$TMPDIR" && printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d
        """
    static let end = """
        rm -rf /usr/sbin/policy-rc.d /var/cache/apt/*.bin /var/cache/apt/archives/*.deb /var/lib/apt/lists/*
        mkdir -p /var/lib/apt/lists/partial; cd /; find /workspace -mindepth 1 -delete; find /workspace -mindepth 1 | head -5; sync
        """

    func install(_ part: PackageList.Part) -> String {
        let names = part.names.map(Self.quote).joined(separator: " ")
        let mirror = mirrors[part.manager]
        let commands =
            switch part.manager {
            case .apt: apt(names, mirror)
            case .cargo: cargo(names, mirror)
            case .gem: gem(names, mirror)
            case .go: go(names, mirror)
            case .npm: npm(names, mirror)
            case .pip: pip(names, mirror)
            }
        // A shell of its own: what it sets and how it ends stays there.
        return "(\n\(commands)\n) </dev/null 2>&1"
    }

    /// What a person has to see of a failed command: its end.
    static func excerpt(_ text: String) -> String {
        let lines = text.split(separator: "\n").filter { !$0.allSatisfy(\.isWhitespace) }
        return String(lines.suffix(12).joined(separator: "\n").suffix(1500))
    }

    static func quote(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }

    private func need(_ program: String, _ manager: PackageManager) -> String {
        "command -v \(program) >/dev/null || { echo 'the system of the sandbox has no \(program)'; exit 1; }"
    }

    /// Runs a command for each name, and says which one failed.
    private func each(_ names: String, _ command: String) -> String {
        "for name in \(names); do\n\(command) || { echo \"this was $name\"; exit 1; }\ndone"
    }

    private func apt(_ names: String, _ mirror: String?) -> String {
        // Methods of apt would become another user, which has no files here.
        let options =
            "-o APT::Sandbox::User=root -o APT::Update::Error-Mode=any -o Dpkg::Use-Pty=0 -o Acquire::Retries=2 "
            + "-o Dpkg::Options::=--force-unsafe-io -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold"
        let sources: String
        if let mirror, mirror.hasPrefix("deb ") {
            let lines = mirror.split(separator: ";").map { Self.quote(String($0.drop { $0 == " " })) }
            sources = "printf '%s\\n' \(lines.joined(separator: " "))"
        } else if let mirror {
            sources = "echo deb \(Self.quote(mirror)) \"$VERSION_CODENAME\" main"
        } else {
            sources = """
                case "$ID" in
                ubuntu) for at in archive:$VERSION_CODENAME security:$VERSION_CODENAME-security; do
                    echo deb http://${at%%:*}.ubuntu.com/ubuntu ${at#*:} main universe; done ;;
                debian) echo deb http://deb.debian.org/debian $VERSION_CODENAME main
                    echo deb http://security.debian.org/debian-security $VERSION_CODENAME-security main ;;
                *) echo "no public registry is known for $ID: set PERIMETER_PACKAGE_MIRROR_APT" >&2; exit 1 ;;
                esac
                """
        }
        return """
            \(need("apt-get", .apt))
            . /etc/os-release
            mkdir -p /etc/apt/apt.conf.d /etc/apt/preferences.d
            { \(sources)
            } > /etc/apt/sources.list || exit 1
            export DEBIAN_FRONTEND=noninteractive
            apt-get \(options) -qq update || exit 1
            apt-get \(options) -qq -y --no-install-recommends install -- \(names)
            """
    }

    private func cargo(_ names: String, _ mirror: String?) -> String {
        let source = mirror.map { address in
            [
                #"source.crates-io.replace-with="mirror""#, #"source.mirror.registry="sparse+\#(address)""#,
            ].map { " --config " + Self.quote($0) }.joined()
        }
        return need("cargo", .cargo) + "\nexport CARGO_HOME=\"$HOME/cargo\"\n"
            + each(names, "cargo\(source ?? "") install --quiet --root /usr/local -- \"$name\"")
    }

    private func gem(_ names: String, _ mirror: String?) -> String {
        let source = mirror.map { " --clear-sources --source \(Self.quote($0))" } ?? ""
        return need("gem", .gem) + "\n" + each(names, "gem install --no-document\(source) \"$name\"")
    }

    private func go(_ names: String, _ mirror: String?) -> String {
        let proxy = mirror.map { "export GOSUMDB=off GOPROXY=\(Self.quote($0))\n" } ?? ""
        return need("go", .go) + "\n\(proxy)export GOBIN=/usr/local/bin GOPATH=\"$HOME/go\" GOFLAGS=-modcacherw\n"
            + each(names, "case \"$name\" in *@*) ;; *) name=\"$name@latest\" ;; esac; go install \"$name\"")
    }

    private func npm(_ names: String, _ mirror: String?) -> String {
        let registry = mirror.map { " --registry \(Self.quote($0))" } ?? ""
        return """
            \(need("npm", .npm))
            npm install --global --prefix /usr/local --no-audit --no-fund --no-update-notifier\(registry) -- \(names)
            """
    }

    private func pip(_ names: String, _ mirror: String?) -> String {
        let host = mirrors.rules(for: .pip).first ?? ""
        let index = mirror.map { " --index-url \(Self.quote($0)) --trusted-host \(Self.quote(host))" } ?? ""
        // Debian keeps pip as an archive for its virtual environments also where the command is not installed.
        return """
            \(need("python3", .pip))
            archive=$(ls /usr/share/python-wheels/pip-*.whl 2>/dev/null | tail -1)
            if python3 -m pip --version >/dev/null 2>&1; then set -- -m pip
            elif [ -n "$archive" ]; then set -- "$archive/pip"
            else echo 'the system of the sandbox has no pip: put python3-pip among the apt packages'; exit 1; fi
            export PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
            python3 "$@" install --quiet --no-input --no-cache-dir\(index) -- \(names)
            """
    }
}
