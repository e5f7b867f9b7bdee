"""The nouns of Sentinel: frozen, slotted values without I/O, which every other layer may import.

exchange  Stage, Role, TextPart, CallContext: what a call says and where it goes
finding   Finding, Inspection: what detectors report
decision  Action, Level, RuleHit, Decision: what the policy decided and why
record    Record: what is kept of an exchange
redact    Redactor: the one place where a matched value becomes a keyed hash
errors    the errors that a caller branches on
ids       exchange, decision and trace identifiers
"""
