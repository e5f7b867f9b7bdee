"""Generated messages only (`make proto`). Import a module of it where it is used, not at the top of a module
that configuration or the SDK imports: a process may hold another package's copy of the same protocol, and
protobuf allows each message name once.
"""
