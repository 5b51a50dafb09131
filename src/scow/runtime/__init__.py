"""One container from a bundle: building its OCI document, driving the runtime, shim and reaper."""
