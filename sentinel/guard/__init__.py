"""The course of one exchange, without I/O: events in, commands out.

The driver (`proxy.driver`, `sdk`) reads wire bytes or text, tells the Session what happened, and performs the
command that comes back. So every course an exchange can take is a table test with neither a network nor a
clock.

screener   Screener: a policy and the detectors that it asks, swapped as one when rules are reloaded
events     what the driver tells the session
commands   what the session asks of the driver
session    Session: the states of a unary exchange
answer     AnswerScreen: a streamed answer, which asks the model plane while it passes (`asking`)
cascade    what the model plane is asked, and how its answers count; `reading`: about complete texts
recording  a finished session -> core.record.Record, redacted here and nowhere else
"""
