"""``scow buildx bake``: definitions in HCL, JSON or of Compose become targets, and targets become builds.

hcl_nodes, hcl_parser     text → a body of attributes and blocks, expressions as trees
hcl_json                  the same body out of JSON
hcl_evaluate, hcl_functions, hcl_values     expressions → values
definitions               all files together → targets and groups as they were written
target, plan              inheritance, matrices, overrides → what is to be built, in which order
running                   the builds themselves, side by side
"""
