"""How good the detectors are on labelled data, and what they cost: `sentinel eval`.

rows         labelled data: what a row holds, and what a detector is asked for it
split        which rows nobody trains on
modelled     the models that answer for some of them, asked in batches
asking       a detector and its rules, asked as a call asks them
collecting   every row asked about; what the figures need of the answers
ranking, calibration, intervals, spans, groups
             the statistics
figures, personal
             from answers to a report
report       what is saved, as frozen values
run          all of it
tables       the report in a terminal
page, blocks, charts, markup, style
             the report as one HTML file
"""
