/// A certificate for the loopback address that signs itself, valid until 2120, with its key: for tests and nothing else.
enum LoopbackCertificate {
    static let pem = """
        -----BEGIN CERTIFICATE-----
        MIIBXDCCAQKgAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAkxMjcuMC4w
        LjEwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
        CTEyNy4wLjAuMTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABM63gLmyIwxEBKD7
        58kGOfDep+2BP0IFDuADNUUzKH0AJrpyKbQIIRjWZWLc37Xu2XYf8nidNFscCMsc
        fyuMK/mjQzBBMA8GA1UdEQQIMAaHBH8AAAEwDwYDVR0TAQH/BAUwAwEB/zAdBgNV
        HQ4EFgQUOnJ4f5SMHcNU0QykV5p6imM/grkwCgYIKoZIzj0EAwIDSAAwRQIhAO80
        FUYOomAH990Y8OEdOCVR8vtb6ndAREm8Kii3wtxwAiBOf7wSAELmDfl6bXWIO/Uw
        AeDaRgLwov6LpoRExqc/Eg==
        -----END CERTIFICATE-----
        """

    static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgoi5QTS8a2TsIXV9q
        tqkA/Ov6Uhds/PbF8F8GPDlpHrmhRANCAATOt4C5siMMRASg++fJBjnw3qftgT9C
        BQ7gAzVFMyh9ACa6cim0CCEY1mVi3N+17tl2H/J4nTRbHAjLHH8rjCv5
        -----END PRIVATE KEY-----
        """
}
