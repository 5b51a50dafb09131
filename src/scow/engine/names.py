"""Random names for containers that were given none: ``adjective_surname``, as Docker's look."""

import random
from collections.abc import Container

_words = str.split

_ADJECTIVES = _words(
    "able agile alert amber ample ardent astute balmy blithe bold brave breezy bright brisk calm candid "
    "careful cheerful civil clear clever cosy crisp curious daring deft direct eager earnest easy elated "
    "exact fair fearless fluent fond frank free fresh gentle glad golden grand hardy happy honest humble "
    "jolly jovial keen kind lively loyal lucid mellow merry mild modest neat nimble noble patient plucky "
    "polite prompt proud quick quiet ready robust serene sharp silent simple sincere smart sober spry "
    "stable steady stoic subtle sunny swift tender tidy tranquil trusty upbeat valiant vivid warm watchful "
    "wise witty worthy zealous zesty"
)

# People of computing, mathematics, the sciences and the sea.
_SURNAMES = _words(
    "abel agnesi allen ampere antonelli archimedes atanasoff babbage backus bardeen bartik bell bernoulli "
    "blackwell bohr boole bose brahmagupta brattain cannon carson cauchy cerf chandrasekhar chebyshev cook "
    "copernicus curie darwin descartes dijkstra dirac drake einstein elion erdos euclid euler faraday "
    "fermat fermi feynman fibonacci franklin galileo galois gauss germain goldberg hamilton heisenberg "
    "hilbert hodgkin holberton hopper huygens hypatia jacobi jemison johnson joliot kahan kepler khorana "
    "knuth kovalevskaya lamarr lamport laplace leavitt leibniz liskov lovelace magellan maxwell mayer "
    "mccarthy mcclintock meitner mendel mirzakhani morse nash neumann newton nobel noether ohm pascal "
    "pasteur perlman planck poincare ptolemy ramanujan rhodes riemann ritchie rubin sagan shannon shockley "
    "snyder sutherland tesla thompson torvalds turing vaughan villani volta wescoff wiles wing wozniak wu "
    "yalow yonath zhukovsky"
)


def random_name(taken: Container[str], choose: random.Random | None = None) -> str:
    """A name that is not in ``taken``; after a few collisions a digit is appended."""
    rng = choose or random.SystemRandom()
    for attempt in range(1000):
        name = f"{rng.choice(_ADJECTIVES)}_{rng.choice(_SURNAMES)}"
        if attempt >= 6:
            name += str(rng.randrange(10 ** (1 + attempt // 100)))
        if name not in taken:
            return name
    raise RuntimeError("no free container name was found in 1000 tries")
