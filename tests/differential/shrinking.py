"""The shortest sequence that still differs."""

from request import smaller


def shrink(sequence, differs, most=200):
    """Leaves requests out of a sequence, then parts of requests, for as long as it still differs. `differs` runs a
    sequence; it is asked `most` times at most."""
    asked = 0

    def still(candidate):
        nonlocal asked
        if asked >= most:
            return False
        asked += 1
        return differs(candidate)

    sequence = list(sequence)
    # Often the last one differs whatever was before.
    if len(sequence) > 1 and still(sequence[-1:]):
        sequence = sequence[-1:]
    before = None
    while sequence != before:
        before = sequence
        sequence = with_smaller(with_fewer(sequence, still), still)
    return sequence


def with_fewer(sequence, still):
    length = max(1, len(sequence) // 2)
    while True:
        at, cut = 0, False
        while at < len(sequence):
            candidate = sequence[:at] + sequence[at + length:]
            if candidate and still(candidate):
                sequence, cut = candidate, True
            else:
                at += length
        if length > 1:
            length //= 2
        elif not cut:
            return sequence


def with_smaller(sequence, still):
    at = 0
    while at < len(sequence):
        for less in smaller(sequence[at]):
            candidate = sequence[:at] + [less] + sequence[at + 1:]
            if still(candidate):
                sequence = candidate
                break
        else:
            at += 1
    return sequence
