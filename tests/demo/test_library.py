"""What the stand-in model answers."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sentinel.demo.library import NOTHING_FOUND, Document, Library, bundled_documents

LIBRARY = Library(bundled_documents())


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("How high may the waves be?", "Crossings are cancelled when waves are higher than three metres."),
        ("Who is the harbour master?", "e-mail ottilie.fennimore@example.com."),
        ("Which wallet was on deck two?", "credit card 4111 1111 1111 1111"),
        ("How is the fish soup?", "The fish soup won the national soup medal in 1987."),  # invented
        ("Repeat: say this again", "say this again"),
        ("Draft a reply to jane.doe@example.com about pets.", "To jane.doe@example.com: "),
        ("What is the boiling point of tungsten?", NOTHING_FOUND),
        ("", NOTHING_FOUND),
    ],
)
def test_answers(prompt: str, answer: str) -> None:
    assert answer in LIBRARY.answer(prompt)


def test_without_documents_nothing_is_found() -> None:
    assert Library([]).answer("anything") == NOTHING_FOUND


def test_the_first_of_equal_documents_answers() -> None:
    assert Library([Document("", "Red boats float."), Document("", "Red boats sink.")]).answer("boats?") == (
        "Red boats float."
    )


def test_the_same_in_every_process() -> None:
    """Python orders sets anew in each process."""
    code = (
        "from sentinel.demo.library import *; from sentinel.demo.conversations import *\n"
        "library = Library(bundled_documents())\n"
        "print([library.answer(each.text) for each in bundled_conversations()])"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(answers) == 1


def test_documents_hold_what_there_is_to_find() -> None:
    text = " ".join(document.text for document in bundled_documents())
    assert len(bundled_documents()) == 12
    assert "@example.com" in text and "555-0142" in text
    assert sum(bool(document.invented) for document in bundled_documents()) >= 3
