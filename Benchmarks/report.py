"""Percentiles, and what a measurement prints: a table for people and one line of JSON."""

import datetime
import json
import os
import pathlib
import platform

import harness


def percentile(values, share):
    """The nearest-rank percentile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * share // 100) - 1))]


def summary(values, target=None):
    """Percentiles of milliseconds; `target` is `(percentile, limit)`."""
    result = {"n": len(values)}
    for share in (50, 95, 99):
        result[f"p{share}"] = round(percentile(values, share), 3)
    result["max"] = round(max(values), 3)
    if target:
        name, limit = target
        result["target"] = f"{name} <= {limit} ms"
        result["met"] = result[name] <= limit
    return result


def milliseconds(earlier, later):
    """Between two wire times."""
    return (moment(later) - moment(earlier)).total_seconds() * 1000


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def machine():
    model = next(
        (line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown"
    )
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release()}


def publish(name, rows, **facts):
    """Prints the table and the line, and appends the line to `BENCH_RESULTS` when that is set.

    Each row is a dictionary; `what` names it.
    """
    print(f"\n{name} ({harness.build_kind()} build)")
    columns = ["what", *dict.fromkeys(key for row in rows for key in row if key != "what")]
    cells = [[shown(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(column), *(len(row[i]) for row in cells)) for i, column in enumerate(columns)]
    for row in [columns, *cells]:
        left = row[0].ljust(widths[0])
        print("  " + "  ".join([left, *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]))
    for key, value in facts.items():
        print(f"  {key}: {value}")
    line = json.dumps({"benchmark": name, "build": harness.build_kind(), "machine": machine(), **facts, "rows": rows})
    print(line, flush=True)
    if os.environ.get("BENCH_RESULTS"):
        with pathlib.Path(os.environ["BENCH_RESULTS"]).open("a") as file:
            file.write(line + "\n")


def shown(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, (int, float)) else str(value)
