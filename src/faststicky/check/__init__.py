"""`faststicky check`: what the labels of a stack file, or of the services that run, mean before anything depends on it.

A source of declarations (stack_file.py, running.py) gives what the operator wrote (declared.py). The readers that the
proxy uses (labels/dialects.py) and its assembly of the table (discovery/pool.py) say what becomes of that; nothing here
reads a label's value itself. What they do not see is in suspicions.py. report.py puts it together, label by label.
"""
