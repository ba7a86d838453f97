/// The rule set of `allow_package_managers`: where the common package managers fetch from, by default.
public enum PackageRegistries {
    public static let rules = [
        // Python, Node.js
        "pypi.org", "files.pythonhosted.org", "registry.npmjs.org", "registry.yarnpkg.com",
        // Rust, Go, Ruby
        "crates.io", "index.crates.io", "static.crates.io", "proxy.golang.org", "sum.golang.org", "rubygems.org",
        "index.rubygems.org",
        // Java, .NET, PHP
        "repo.maven.apache.org", "repo1.maven.org", "plugins.gradle.org", "services.gradle.org", "api.nuget.org",
        "repo.packagist.org",
        // Debian, Ubuntu, Alpine, Conda
        "deb.debian.org", "security.debian.org", "archive.ubuntu.com", "security.ubuntu.com", "ports.ubuntu.com",
        "dl-cdn.alpinelinux.org", "conda.anaconda.org", "repo.anaconda.com",
    ]
}
