"""From findings to a decision: what the users' rules say, without I/O but for reading the rule files.

rule       RuleConfig: one rule as it is written; Rule: the same, compiled
match      names and globs against names
condition  `when:` in CEL: compiled and checked at load, evaluated on facts that hold no text
source     YAML with the line of every key
load       rule files -> Policy, or every mistake at once
engine     Policy.select(stage, ctx) -> Selection.decide(...) -> Decision
judging    what each rule says about one message, put in order
operators  edit(): what the texts become after the redact rules
vault      pseudonyms of one exchange, and the way back
examples   runs the examples that rules carry
schema     JSON Schema for editors

What always holds:
- the strictest enforced rule wins: allow < flag < redact < block; the order of rules and files is irrelevant;
- a shadow rule is told and recorded and never changes a text or an outcome;
- a rule that cannot be checked does what its `on_error` says, and the decision says so;
- nothing of an exchange's text is in a message, a reason or an error.
"""
