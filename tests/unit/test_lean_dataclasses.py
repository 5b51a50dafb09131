"""Data classes that share their methods, against the library's own."""

import subprocess
import sys

CASES = """
import copy, pickle, sys, weakref
if "lean" in sys.argv:
    import scow.lean_dataclasses
import dataclasses
from dataclasses import InitVar, dataclass, field
from typing import ClassVar, Generic, TypeVar

@dataclass(frozen=True, slots=True)
class Point:
    'A point.'
    x: int
    y: int = 2
    note: str = field(default="", compare=False, repr=False)

@dataclass(frozen=True)
class Named:
    name: str

@dataclass(frozen=True)
class Child(Named):
    others: tuple = ()

class Undecorated(Named):
    pass

@dataclass
class Open:
    items: list = field(default_factory=list)
    shared: ClassVar[int] = 1
    given: InitVar[int] = 0
    def __post_init__(self, given):
        self.items.append(given)

@dataclass(frozen=True)
class Nothing:
    pass

@dataclass(frozen=True, slots=True)
class One:
    only: int

@dataclass(frozen=True)
class Own:
    a: int
    def __repr__(self):
        return "own"
    def __eq__(self, other):
        return True
    def __hash__(self):
        return 7

@dataclass
class OwnEq:
    a: int
    def __eq__(self, other):
        return True

@dataclass(order=True)
class Ordered:
    a: int

@dataclass(eq=False)
class Same:
    a: int

@dataclass
class Looped:
    me: object = None

@dataclass(slots=True)
class Slotted:
    x: int

@dataclass(frozen=True, slots=True, weakref_slot=True)
class Watched:
    x: int

@dataclass(frozen=True, slots=True)
class Base:
    x: int
    def doubled(self):
        return self.x * 2

@dataclass(frozen=True, slots=True)
class Derived(Base):
    y: int = field(default=1, kw_only=True)

@dataclass(unsafe_hash=True)
class Hashed:
    x: int
    y: int = field(default=0, hash=False)

T = TypeVar("T")

@dataclass(frozen=True, slots=True)
class Of(Generic[T]):
    value: T

looped = Looped()
looped.me = looped
def told(call):
    try:
        return call()
    except Exception as exc:
        return type(exc).__name__, str(exc)

p = Point(1)
plain = Undecorated("n")
plain.extra = 1
del plain.extra
for value in [
    p, dataclasses.replace(p, x=2), p == Point(1, 2, "other"), p == Point(2), p != Point(2), p == (1, 2),
    hash(p) == hash(Point(1, 2, "x")), len({p, Point(1), Point(3)}), told(lambda: setattr(p, "x", 3)),
    told(lambda: delattr(p, "x")), dataclasses.asdict(p),
    dataclasses.astuple(p), copy.copy(p) == p, copy.deepcopy(p) == p, pickle.loads(pickle.dumps(p)) == p,
    Point.__match_args__, told(lambda: weakref.ref(p)), Point.__doc__, hasattr(p, "__dict__"),
    Child("a"), Child("a") == Named("a"), Child("a", (1,)) == Child("a", (1,)),
    told(lambda: setattr(Child("a"), "others", 1)), told(lambda: setattr(plain, "name", 1)),
    hasattr(plain, "extra"), told(lambda: delattr(plain, "name")), plain,
    Open(given=4), Open(given=4) == Open(given=4), told(lambda: hash(Open())), Open.shared,
    Nothing(), Nothing() == Nothing(), hash(Nothing()) == hash(Nothing()),
    One(1), One(1) == One(1), One(1.0) == One(1), len({One(1), One(1)}),
    Own(1), Own(1) == 3, hash(Own(1)), OwnEq(1), OwnEq(1) == 2, told(lambda: hash(OwnEq(1))),
    Ordered(1) < Ordered(2), sorted([Ordered(2), Ordered(1)]), Same(1) == Same(1), len({Same(1), Same(1)}),
    looped, Slotted(1), Slotted(1) == Slotted(1), told(lambda: hash(Slotted(1))),
    dataclasses.make_dataclass("Made", ["a"])(1), dataclasses.is_dataclass(p),
    [one.name for one in dataclasses.fields(Point)],
    weakref.ref(watched := Watched(1))() is watched, weakref.ref(plain)() is plain,
    told(lambda: weakref.ref(Derived(1))), Derived(2), Derived(2).doubled(), Derived(2) == Base(2),
    Base(2) == Derived(2), Derived(2, y=3) == Derived(2, y=3),
    told(lambda: setattr(Derived(2), "x", 1)), told(lambda: Derived(2, 3)), isinstance(Derived(1), Base),
    pickle.loads(pickle.dumps(Derived(2, y=5))), copy.deepcopy(Derived(2, y=[1])), vars(plain),
    copy.copy(plain) == plain,
    getattr(copy, "replace", dataclasses.replace)(Derived(2), y=7), hash(Hashed(1, 2)) == hash(Hashed(1, 3)),
    Of(1), Of(1) == Of(1), Of[int], Base.__subclasses__() == [Derived], Point.__qualname__, Point.__module__,
    Point.__slots__, Point.__annotations__, Point.__weakrefoffset__,
]:
    print(value)
"""


def run(code: str, *arguments: str) -> str:
    """What a fresh interpreter prints."""
    argv = [sys.executable, "-I", "-c", code, *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_they_behave_as_those_of_the_library() -> None:
    assert run(CASES, "lean") == run(CASES)


def test_they_take_less_than_half_of_the_memory() -> None:
    code = """
import sys
if "lean" in sys.argv:
    import scow.lean_dataclasses
import gc, tracemalloc
from dataclasses import dataclass

def make():
    @dataclass(frozen=True, slots=True)
    class Value:
        'A value.'
        a: int
        b: str = ""
        c: int | None = None
    return Value

kept = [make()]
tracemalloc.start()
kept += [make() for _ in range(50)]
gc.collect()
print(tracemalloc.get_traced_memory()[0])
"""
    assert int(run(code, "lean")) < int(run(code)) / 2
