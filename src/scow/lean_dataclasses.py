"""``dataclass`` with methods that all classes have in common; takes the place of the library's.

The library writes, compiles and keeps up to seven functions for each class, 14 KB if it is frozen with slots.
Only ``__init__`` need be the class's own. Here the others are one function for all classes, and what tells
classes apart is an ``operator.attrgetter``, as fast as written code: 6 KB. Classes and instances behave as
ever, but for ``__dataclass_params__``, which says that there is neither ``repr`` nor ``eq``, and for classes
without a docstring, which get none (docs/decisions/0009-lean-data-classes.md).
"""

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from reprlib import recursive_repr
from typing import Any

_written_dataclass = dataclasses.dataclass


def dataclass(
    cls: type | None = None, /, *, repr: bool = True, eq: bool = True, **options: Any
) -> type | Callable[[type], type]:
    """As ``dataclasses.dataclass``, with its options."""

    def decorate(cls: type) -> type:
        if options.get("order") or options.get("unsafe_hash"):
            return _written_dataclass(cls, repr=repr, eq=eq, **options)  # rare
        given = {name for name, value in vars(cls).items() if value is not None}  # no hash beside an own ==
        made = _made(cls, **options)
        _forget_first_class(made)
        _share(made, given, repr=repr, eq=eq, frozen=bool(options.get("frozen")))
        kind: type = made
        return kind

    return decorate if cls is None else decorate(cls)


def _made(cls: type, **options: Any) -> Any:
    """By the library, which would write a docstring for a class without one; by ``inspect``, 0.7 MB."""
    docstring = cls.__doc__
    cls.__doc__ = docstring or cls.__name__
    made: Any = _written_dataclass(cls, repr=False, eq=False, **options)
    made.__doc__ = docstring
    return made


def _share(cls: Any, given: set[str], *, repr: bool, eq: bool, frozen: bool) -> None:
    """Give ``cls`` what the options ask for, except for what its author wrote."""
    fields = dataclasses.fields(cls)
    if repr and "__repr__" not in given:
        cls.__dataclass_shown__ = tuple(field.name for field in fields if field.repr)
        cls.__repr__ = _repr
    if eq:
        cls.__dataclass_compared__ = _getter(field for field in fields if field.compare)
        if "__eq__" not in given:
            cls.__eq__ = _eq
        if "__hash__" not in given:
            cls.__dataclass_hashed__ = _getter(
                field for field in fields if (field.compare if field.hash is None else field.hash)
            )
            cls.__hash__ = _hash if frozen else None
    if frozen:
        cls.__setattr__ = _refuse_setting
        cls.__delattr__ = _refuse_deleting


def _forget_first_class(cls: type) -> None:
    """``slots=True`` makes a class anew and leaves it a descriptor that keeps the first one, 5 KB.

    The new class has no use for it: with ``__slots__`` its instances have no weak references.
    """
    descriptor = vars(cls).get("__weakref__")
    if descriptor is not None and descriptor.__objclass__ is not cls:
        del cls.__weakref__  # type: ignore[attr-defined]  # of classes with slots


def _getter(fields: Any) -> Callable[[Any], Any]:
    names = [field.name for field in fields]
    return attrgetter(*names) if names else _nothing


class _Nothing:
    """The values of no field. An object, as a function would become a method where it is kept."""

    def __call__(self, _instance: object) -> tuple[()]:
        return ()


_nothing = _Nothing()


@recursive_repr()
def _repr(self: Any) -> str:
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__dataclass_shown__)
    return f"{self.__class__.__qualname__}({shown})"


def _eq(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    values = self.__dataclass_compared__
    return values(self) == values(other)


def _hash(self: Any) -> int:
    return hash(self.__dataclass_hashed__(self))


def _is_frozen(self: Any, name: str) -> bool:
    """Whether it is one of the fields; what a subclass that is no dataclass adds may change."""
    cls = type(self)
    return "__dataclass_fields__" in vars(cls) or name in cls.__dataclass_fields__


def _refuse_setting(self: Any, name: str, value: object) -> None:
    if _is_frozen(self, name):
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
    object.__setattr__(self, name, value)


def _refuse_deleting(self: Any, name: str) -> None:
    if _is_frozen(self, name):
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
    object.__delattr__(self, name)


dataclasses.dataclass = dataclass  # type: ignore[assignment]  # for all who import it from now on
