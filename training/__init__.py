"""How the shipped models are made from labelled data: `python -m training.NAME --data DIR`. No part of the
wheel."""
