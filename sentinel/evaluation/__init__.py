"""How good the detectors are on labelled data, and what they cost: `sentinel eval`.

split     which rows nobody trains on
"""
