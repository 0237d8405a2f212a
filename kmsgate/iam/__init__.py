"""The part of IAM that set-up needs: users, groups, roles, policies and access keys over the wire.

What is served stands in `schemas/iam-2010-05-08.json`, generated from the service model. Every
change goes into the directory of the store, where decisions find it; every call is written down.
"""

from kmsgate.iam import access_keys, entities, managed, policies
from kmsgate.iam.desk import OPERATIONS, VERSION, IamCall, answer
from kmsgate.iam.model import CONTENT_TYPE, IamError, read_form, write_error

ROOMS = (access_keys, entities, managed, policies)
"""The modules that hold the operations; importing them registers what they do."""

__all__ = [
    "CONTENT_TYPE",
    "OPERATIONS",
    "ROOMS",
    "VERSION",
    "IamCall",
    "IamError",
    "answer",
    "read_form",
    "write_error",
]
