"""The programs behind the figures of docs/benchmarks.md: the same work for dockerd and scowd, in turns.

.venv/bin/python -m benchmarks list
.venv/bin/python -m benchmarks run-host --pairs 7
"""
