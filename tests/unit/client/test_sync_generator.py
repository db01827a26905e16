"""The synchronous modules are those that the generator writes."""

import ast

from graft_client.sync_generator import BY_HAND, SOURCE, TARGET, generate, translate


def test_the_synchronous_modules_are_up_to_date() -> None:
    generated = generate()
    committed = {
        path.name: path.read_text("utf-8")
        for path in TARGET.glob("*.py")
        if path.name not in BY_HAND
    }
    assert committed == generated, "run `python -m graft_client.sync_generator`"


def test_nothing_asynchronous_is_left() -> None:
    for path in TARGET.glob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        kinds = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)
        assert [node for node in nodes if isinstance(node, kinds)] == []
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        imported = {
            one.name for node in nodes if isinstance(node, ast.ImportFrom) for one in node.names
        }
        assert [name for name in names | imported if name.startswith("Async")] == []


def test_the_modules_written_by_hand_have_the_same_names() -> None:
    tops = []
    for place in (SOURCE, TARGET):
        tree = ast.parse((place / "runtime.py").read_text("utf-8"))
        names = {
            node.name
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        names |= {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name) and not target.id.startswith("_")
        }
        tops.append(names)
    assert tops[0] == tops[1] >= {"sleep", "iterate", "peek"}


def test_words_in_prose_stay() -> None:
    assert translate("# Waiting asynchronously for Asia\n") == "# Waiting asynchronously for Asia\n"
    assert translate("async for x in await self.take(1):") == "for x in self.take(1):"
    assert translate("AsyncIterator[AsyncJob]") == "Iterator[Job]"
