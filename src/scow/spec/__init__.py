"""The standards as typed values: Engine API bodies, OCI documents, references, digests, filters. No I/O."""
