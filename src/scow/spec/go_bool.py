"""The words that Go's strconv.ParseBool takes for true and for false; nothing else is either."""

TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})
