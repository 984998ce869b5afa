"""The one module that knows cel-expr-python: text in, a checked tree or the problems out.

The checker is given exactly the functions of the rule language (a subset of CEL's), so that all three back-ends can do
whatever passes it. Its answer is a serialised `cel.expr.CheckedExpr` (github.com/google/cel-spec, proto/cel/expr), of
which the few fields that matter are decoded here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from cel_expr_python import cel  # type: ignore[import-untyped]  # has stubs but no py.typed marker
from google.protobuf import (  # type: ignore[import-untyped]  # stubs are a package of their own
    descriptor_pb2,
    descriptor_pool,
    message_factory,
)

from engine.core import lookback
from engine.decide.problems import ConditionError, Problem, translate
from engine.decide.vocabulary import Scope

_ORDERED = ("int64", "double", "string", "timestamp", "duration")
_FUNCTIONS: dict[str, tuple[str, ...]] = {
    "_&&_": ("logical_and",),
    "_||_": ("logical_or",),
    "!_": ("logical_not",),
    "_==_": ("equals",),
    "_!=_": ("not_equals",),
    "_<_": tuple(f"less_{one}" for one in _ORDERED),
    "_<=_": tuple(f"less_equals_{one}" for one in _ORDERED),
    "_>_": tuple(f"greater_{one}" for one in _ORDERED),
    "_>=_": tuple(f"greater_equals_{one}" for one in _ORDERED),
    "@in": ("in_list",),
    "_+_": ("add_int64", "add_double", "add_timestamp_duration", "add_duration_timestamp"),
    "_-_": ("subtract_int64", "subtract_double", "subtract_timestamp_timestamp", "subtract_timestamp_duration"),
    "_*_": ("multiply_int64", "multiply_double"),
    "_/_": ("divide_int64", "divide_double"),
    "_%_": ("modulo_int64",),
    "-_": ("negate_int64", "negate_double"),
    "size": ("size_string", "string_size"),
    "startsWith": ("starts_with_string",),
    "endsWith": ("ends_with_string",),
    "contains": ("contains_string",),
    "timestamp": ("string_to_timestamp",),
    "duration": ("string_to_duration",),
    "int": ("double_to_int64",),
    "double": ("int64_to_double",),
}
_SUBSET = "name: premura\nstdlib:\n  disable_macros: true\n  include_functions:\n" + "".join(
    f'    - name: "{name}"\n      overloads: [{", ".join(f"{{id: {one}}}" for one in overloads)}]\n'
    for name, overloads in _FUNCTIONS.items()
)
_KNOWN = cel.FunctionDecl("known", [cel.Overload("known_any", cel.Type.BOOL, [cel.Type.DYN], is_member=False)])
_LOOKBACKS = [
    cel.FunctionDecl(
        name,
        [
            cel.Overload(f"{name}_{texts}", cel.Type(kind), [cel.Type.STRING] * texts, is_member=False)
            for texts in ((1, 2) if name in lookback.ABOUT_EVENTS else (0, 1))
        ],
    )
    for name, kind in lookback.ANSWERS.items()
]
_ONE, _MANY = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL, descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
_MESSAGES: dict[str, tuple[tuple[str, int, str, int], ...]] = {  # field, number, type, label; names as in cel.expr
    "Constant": (
        ("null_value", 1, "int64", _ONE),
        ("bool_value", 2, "bool", _ONE),
        ("int64_value", 3, "int64", _ONE),
        ("uint64_value", 4, "uint64", _ONE),
        ("double_value", 5, "double", _ONE),
        ("string_value", 6, "string", _ONE),
        ("bytes_value", 7, "bytes", _ONE),
    ),
    "Ident": (("name", 1, "string", _ONE),),
    "Call": (("target", 1, "Expr", _ONE), ("function", 2, "string", _ONE), ("args", 3, "Expr", _MANY)),
    "List": (("elements", 1, "Expr", _MANY),),
    "Other": (),
    "Expr": (
        ("const_expr", 3, "Constant", _ONE),
        ("ident_expr", 4, "Ident", _ONE),
        ("call_expr", 6, "Call", _ONE),
        ("list_expr", 7, "List", _ONE),
        ("struct_expr", 8, "Other", _ONE),
        ("id", 2, "int64", _ONE),
    ),
    "Position": (("key", 1, "int64", _ONE), ("value", 2, "int32", _ONE)),
    "SourceInfo": (("positions", 4, "Position", _MANY),),
    "Checked": (("expr", 4, "Expr", _ONE), ("source_info", 5, "SourceInfo", _ONE)),
    "Answer": (("value", 2, "Checked", _ONE),),  # google.protobuf.Any, whose type is always the same here
}
_CHOICES = {"Constant": 7, "Expr": 5}
"""Messages whose first fields are a oneof, and how many."""


def _answer() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="premura/checked.proto", package="premura", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        if name in _CHOICES:
            message.oneof_decl.add(name="kind")
        for index, (label, number, kind, cardinality) in enumerate(fields):
            one = message.field.add(name=label, number=number, label=cardinality)
            if kind in _MESSAGES:
                one.type, one.type_name = one.TYPE_MESSAGE, f".premura.{kind}"
            else:
                one.type = one.Type.Value(f"TYPE_{kind.upper()}")
            if index < _CHOICES.get(name, 0):
                one.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("premura.Answer"))


_Answer = _answer()


@lru_cache(maxsize=256)
def _environment(scope: Scope) -> Any:
    types = {name: cel.Type(one.type) for name, one in scope.fields.items()}
    types |= {short: types[name] for short, name in scope.aliases.items()}
    return cel.NewEnv(config=cel.NewEnvConfigFromYaml(_SUBSET), variables=types, functions=[_KNOWN, *_LOOKBACKS])


def check(source: str, scope: Scope) -> Any:
    """The `CheckedExpr` of a condition that is well-formed, well-typed and true or false.

    Raises ConditionError with every problem.
    """
    try:
        expression = _environment(scope).compile(source)
    except RuntimeError as error:
        raise ConditionError(translate(str(error), source, scope)) from None
    kind = expression.return_type().name()
    if kind != "BOOL":
        text = f"a condition is true or false, this is a {kind.lower()}"
        raise ConditionError([Problem(offset=0, code="R035", text=text, hint="compare it with something")])
    return _Answer.FromString(expression.serialize()).value
