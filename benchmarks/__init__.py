"""How fast kmsgate is, next to its peers on the same machine in the same run: `make bench`."""
