"""LLB as another way into the graph: definitions of BuildKit's clients become vertices.

definition   bytes → operations, each checked against the digest that names it
sources      what a source operation asks for
programs     exec operations → RunOp
files        file operations → FileOp
translate    all operations → vertices

All of it is pure. Images, folders of the client's and what else a definition begins with are found by
``scow.build.frontend.definitions``.
"""
