# SPDX-License-Identifier: BSD-3-Clause
"""xv.conf as a dict."""

import json


def conf_text(value, indent=""):
    """libconfig's syntax for a dict."""
    lines = []
    for key, v in value.items():
        if isinstance(v, dict):
            lines.append(f"{indent}{key} = {{\n{conf_text(v, indent + '  ')}{indent}}};\n")
        else:
            lines.append(f"{indent}{key} = {_value(v)};\n")
    return "".join(lines)


def _value(v):
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, dict):
        return "{ " + conf_text(v).replace("\n", " ") + "}"
    if isinstance(v, (list, tuple)):
        inner = ", ".join(_value(e) for e in v)
        return f"( {inner} )" if v and isinstance(v[0], dict) else f"[ {inner} ]"
    return json.dumps(v) if isinstance(v, str) else str(v)


def merge(base, more):
    for key, v in more.items():
        if isinstance(v, dict) and isinstance(base.get(key), dict):
            merge(base[key], v)
        else:
            base[key] = v
    return base
