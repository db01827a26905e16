import pytest

from app.errors import ValidationFailed
from app.models.references import ModelReference, parse_reference


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("ants", ModelReference("ants")),
        ("3.ants_and-bees", ModelReference("3.ants_and-bees")),
        ("a" * 63, ModelReference("a" * 63)),
        ("ants@champion", ModelReference("ants", alias="champion")),
        ("ants:12", ModelReference("ants", version=12)),
    ],
)
def test_each_form_is_parsed_and_formatted(text: str, reference: ModelReference) -> None:
    assert parse_reference(text) == reference
    assert str(reference) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a model's name is"),
        ("Ants", "a model's name is"),
        ("ants\n", "a model's name is"),
        ("a" * 64, "a model's name is"),
        ("../ants", "a model's name is"),
        ("ants\x00", "a model's name is"),
        ("@champion", "a model's name is"),
        ("imagenet", "reserved"),
        ("none:1", "reserved"),
        ("ants@", "after '@' an alias must follow"),
        ("ants@1st", "after '@' an alias must follow"),
        ("ants@champion:1", "after '@' an alias must follow"),
        ("ants:", "after ':' a version must follow"),
        ("ants:0", "after ':' a version must follow"),
        ("ants:-1", "after ':' a version must follow"),
        ("ants:1\n", "after ':' a version must follow"),
        ("ants:\u0663", "after ':' a version must follow"),
        ("ants:9999999999", "after ':' a version must follow"),
    ],
)
def test_invalid_references_are_refused_with_the_invalid_part(text: str, message: str) -> None:
    with pytest.raises(ValidationFailed, match=message) as refused:
        parse_reference(text, loc=("query", "model"))
    (problem,) = refused.value.problems
    assert problem.loc == ("query", "model")
    assert problem.allowed == ("name", "name@alias", "name:version")
