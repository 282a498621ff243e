"""From the labels of a service to its routes, its port and its stickiness. One file a dialect; `dialects.read` chooses.

What a wrong label does: it becomes one `model.Warning` that names service, label, value and remedy, and no other
service is affected. A wrong value of a label that only tunes something (weight, priority, a cookie attribute) falls
back to the default; a wrong port, rule or protocol leaves the service out, since every guess could send users to the
wrong place.
"""
