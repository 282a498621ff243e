"""What runs for every request must be C and nothing else: no object is made, counted or called in it.

Cython would rather call Python than refuse: a misspelt attribute, an untyped variable or a checked division turns a
line into calls of the interpreter, and all tests still pass. So the generated C is looked at, with what it calls in its
module.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "src" / "faststicky" / "core"
HOT = {
    "_h1": ["h1_request", "h1_response", "h1_chunk_next"],
    "_cookie": ["cookie_find", "cookie_strip"],
    "_table": ["map_find", "Service.find", "choose_backend", "Routes.find_service"],
}
FUNCTION = re.compile(r"^static [^\n;=]*?\b(__pyx_f_\w+)\([^\n;]*\) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
PYTHON = re.compile(r"\b(?:_?Py[A-Z]\w*|_?Py_[A-Z]\w*|__Pyx_[A-Z]\w*|__Pyx_Py\w*)\s*\(|\bPyObject \*")
# Py_ssize_t and the like are types; these are macros of the compiler's, not of the interpreter's.
HARMLESS = re.compile(r"\b(?:likely|unlikely|__Pyx_RefNannySetupContext|__Pyx_RefNannyFinishContext)\s*\(")


def directives() -> list[str]:
    """The compiler directives of setup.py, without its switches."""
    for node in ast.walk(ast.parse((ROOT / "setup.py").read_text())):
        if isinstance(node, ast.keyword) and node.arg == "compiler_directives":
            found = eval(ast.unparse(node.value), {"DEBUG": False, "TRACE": False})
            return [f"{name}={value}" for name, value in found.items() if name != "language_level"]
    raise AssertionError("setup.py has no compiler_directives")


def generate(source: Path, folder: Path, include: Path) -> str:
    """The C of a .pyx file, as setup.py has it made."""
    out = folder / f"{source.stem}.c"
    options = [option for each in directives() for option in ("-X", each)]
    command = [sys.executable, "-m", "cython", "-3", "-I", str(include), *options, "-o", str(out), str(source)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return out.read_text()


def functions(code: str) -> dict[str, str]:
    """Every C function of the module by name, without comments."""
    return {name: COMMENT.sub("", body) for name, body in FUNCTION.findall(code)}


def called_by(name: str, all_of_them: dict[str, str]) -> set[str]:
    """A function and all that it calls in its module: directly, or as methods of a class through its table."""
    found, todo = set(), [name]
    while todo:
        here = todo.pop()
        if here not in found:
            found.add(here)
            body = all_of_them[here]
            methods = {f"_{method}" for method in re.findall(r"__pyx_vtab\)?->(\w+)", body)}
            todo += [other for other in all_of_them if re.search(rf"\b{other}\(", body)]
            todo += [
                other
                for other in all_of_them
                if any(re.search(rf"\d{method[1:]}$|{method}$", other) for method in methods)
            ]
    return found


def python_in(code: str, name: str) -> list[str]:
    """Lines of a function, and of those that it calls, in which the interpreter has a part; of NAME or CLASS.NAME."""
    everything = functions(code)
    ending = "".join(f"{len(part)}{part}_" for part in name.split(".")[:-1]) + name.split(".")[-1]
    # free functions and methods alike: __pyx_f_ PACKAGE MODULE [CLASS_]NAME
    roots = [each for each in everything if each.endswith(f"_{ending}")]
    assert len(roots) == 1, f"{name}: {roots} of {sorted(everything)}"
    return [
        f"{each.removeprefix('__pyx_f_')}: {line.strip()}"
        for each in sorted(called_by(roots[0], everything))
        for line in everything[each].splitlines()
        if PYTHON.search(HARMLESS.sub("", line))
    ]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("generated")
    return {module: generate(CORE / f"{module}.pyx", folder, ROOT / "src") for module in HOT}


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in HOT.items() for name in names])
def test_hot_functions_are_plain_c(generated: dict[str, str], module: str, name: str) -> None:
    assert python_in(generated[module], name) == []


SLIPS = """
cdef int clean(const unsigned char *p, int n) noexcept nogil:
    return inner(p, n) + 1

cdef int inner(const unsigned char *p, int n) noexcept nogil:
    return p[n]

cdef int calls_python(int n) noexcept:
    return len(str(n))

cdef int forgot_a_type(int n) noexcept:
    total = None
    return n if total is None else 0

cdef int by_another(int n) noexcept:
    return calls_python(n)

cdef int may_raise(int n) except -1:
    if n > 3:
        raise ValueError(n)
    return n

cdef class Thing:
    cdef int method(self, int n) noexcept:
        return self.other(n)

    cdef int other(self, int n) noexcept:
        return int(f"{n}")

print(clean(b"ab", 1), by_another(1), forgot_a_type(1), may_raise(1), Thing().method(1))
"""


def test_this_test_finds_python(tmp_path: Path) -> None:
    source = tmp_path / "slips.pyx"
    source.write_text(SLIPS)
    code = generate(source, tmp_path, tmp_path)
    assert python_in(code, "clean") == []
    for name in ("calls_python", "forgot_a_type", "by_another", "may_raise", "Thing.method"):
        assert python_in(code, name), f"{name} passes for C"
