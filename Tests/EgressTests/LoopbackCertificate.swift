/// Certificates that sign themselves, valid until 2120, with their key: for tests and nothing else.
enum LoopbackCertificate {
    /// For 127.0.0.1.
    static let address = """
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

    /// For localhost.
    static let name = """
        -----BEGIN CERTIFICATE-----
        MIIBYDCCAQegAwIBAgIBAjAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv
        c3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
        CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABM63gLmyIwxEBKD7
        58kGOfDep+2BP0IFDuADNUUzKH0AJrpyKbQIIRjWZWLc37Xu2XYf8nidNFscCMsc
        fyuMK/mjSDBGMBQGA1UdEQQNMAuCCWxvY2FsaG9zdDAPBgNVHRMBAf8EBTADAQH/
        MB0GA1UdDgQWBBQ6cnh/lIwdw1TRDKRXmnqKYz+CuTAKBggqhkjOPQQDAgNHADBE
        AiBDvg2815DzRupSCuicDAYKP0/h4lQSzly+dYTORA45OAIgd+wCr8wynbFglfuk
        rIGhBS/+xpUx2TGP8v26oTLYY1Y=
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
