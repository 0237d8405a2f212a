"""Decision requests: the public format of `kmsgate decide`, read and answered."""
