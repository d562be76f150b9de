"""Files that cannot be read, and files that nobody reads, are problems."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflow_jobs.loading import load_all

from .conftest import EXAMPLES, problems

JOB = "job:\n  name: a\n  image: a:1\n"
BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
)

UNREADABLE = [
    (b"", "it is empty"),
    (b"# only a comment\n", "it is empty"),
    (b"job: caf\xe9\n", "UTF-8"),
    ("job: {}".encode("utf-16"), "UTF-8"),
    (b"job:\n  name: \x00\n", "character"),
    (BOMB.encode(), "values, with aliases written out"),
    (b"a: &a [*a]\n", "aliases"),
    (b"a: " + b"[" * 900 + b"]" * 900, "nested too deep"),
    (b"x" * 1_000_001, "longer than"),
]
WRONG_AT_THE_TOP = [
    (b"[job]", "must be a mapping"),
    (b"just text", "must be a mapping"),
    (b"---\n", "has no value"),
    (b"{}", "has no job"),
    (
        b"kind: Pod\nmetadata: {}\nspec: {}\n",
        "has no job: all of it is below this key; there is kind",
    ),
    (b"name: a\nimage: a:1\n", "write job: above name, image, and indent them"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workflow with one job."""
    (tmp_path / "sales" / "jobs").mkdir(parents=True)
    (tmp_path / "sales" / "jobs" / "a.yaml").write_text(JOB)
    return tmp_path


@pytest.mark.parametrize(("content", "says"), UNREADABLE)
def test_a_file_that_cannot_be_read(folder: Path, content: bytes, says: str) -> None:
    file = folder / "sales" / "jobs" / "b.yaml"
    file.write_bytes(content)
    (problem,) = problems(folder)
    assert (problem.file, problem.rule) == (file, "yaml")
    assert says in problem.message


@pytest.mark.parametrize(("content", "says"), WRONG_AT_THE_TOP)
def test_a_file_with_another_top_level(folder: Path, content: bytes, says: str) -> None:
    file = folder / "sales" / "jobs" / "b.yaml"
    file.write_bytes(content)
    (problem,) = problems(folder)
    assert problem.file == file
    assert says in problem.message


@pytest.mark.parametrize("content", [JOB.encode("utf-8-sig"), JOB.replace("\n", "\r\n").encode()])
def test_files_of_windows_are_read(folder: Path, content: bytes) -> None:
    (folder / "sales" / "jobs" / "a.yaml").write_bytes(content)
    assert problems(folder) == []


def test_the_line_of_a_character_that_is_not_utf_8(folder: Path) -> None:
    (folder / "sales" / "jobs" / "a.yaml").write_bytes(JOB.encode() + b"  description: caf\xe9\n")
    (problem,) = problems(folder)
    assert problem.line == 4


def _moved(old: str, new: str) -> Callable[[Path], object]:
    def move(folder: Path) -> None:
        (folder / new).parent.mkdir(parents=True, exist_ok=True)
        (folder / old).rename(folder / new)

    return move


def _added(name: str, text: str = JOB) -> Callable[[Path], object]:
    def add(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)

    return add


def _linked(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).symlink_to("nothing")


NOT_READ = [
    (_moved("sales/jobs", "sales/job"), "sales/job", "error", '"jobs"?'),
    (_moved("sales/jobs", "sales/jbos"), "sales/jbos", "error", '"jobs"?'),
    (_added("sales/job/b.yaml"), "sales/job", "error", 'what is in it to "jobs"'),
    (_added("sales/jobs/b/b.yaml"), "sales/jobs/b", "error", "no folders below jobs/"),
    (_added("sales/jobs/b/notes.txt"), "sales/jobs/b", "warning", "no folders below jobs/"),
    (_added("sales/jobs/b.YAML"), "sales/jobs/b.YAML", "error", "end in .yaml"),
    (_added("sales/jobs/b.yaml "), "sales/jobs/b.yaml ", "error", "end in .yaml"),
    (_added("sales/jobs/b.yam"), "sales/jobs/b.yam", "error", "end in .yaml"),
    (_added("sales/jobs/b.json"), "sales/jobs/b.json", "warning", "end in .yaml"),
    (_added("sales/jobs/b.yaml.bak"), "sales/jobs/b.yaml.bak", "warning", "end in .yaml"),
    (_added("sales/jobs/b"), "sales/jobs/b", "warning", "end in .yaml"),
    (
        _added("sales/workflows.yaml", "workflow: {}"),
        "sales/workflows.yaml",
        "error",
        '"workflow.yaml"?',
    ),
    (
        _added("sales/workflow.YAML", "workflow: {}"),
        "sales/workflow.YAML",
        "error",
        "workflow.yaml",
    ),
    (_added("sales/worfklow.yml"), "sales/worfklow.yml", "error", '"workflow.yaml"?'),
    (_added("sales/b.yaml"), "sales/b.yaml", "error", "move it there"),
    (_added("sales/tasks/b.yaml"), "sales/tasks", "error", "move it there"),
    (_added("b.yaml"), "b.yaml", "error", "<workflow>/jobs/<job>.yaml"),
    (_added("other/b.yaml"), "other", "error", "<workflow>/jobs/<job>.yaml"),
    (_added("other/job/b.yaml"), "other/job", "error", '"jobs"?'),
    (_added("other/deep/jobs/b.yaml"), "other", "error", "<workflow>/jobs/<job>.yaml"),
]


@pytest.mark.parametrize(("do", "name", "level", "says"), NOT_READ)
def test_what_is_not_read_is_told(
    folder: Path, do: Callable[[Path], object], name: str, level: str, says: str
) -> None:
    do(folder)
    (problem,) = problems(folder)
    assert (problem.file, problem.level, problem.rule) == (folder / name, level, "not-read")
    assert says in problem.message


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "sales/README.md",
        "sales/jobs/README.md",
        "sales/jobs/.gitkeep",
        "sales/queries/a.sql",
        "sales/.hidden.yaml",
        "notes.txt",
        "values.yaml",
        "sales/values.yaml",
        "charts/values.yaml",
        "sales/jobs/__pycache__/a.pyc",
    ],
)
def test_what_is_for_people_and_tools_is_no_problem(folder: Path, name: str) -> None:
    _added(name, "jobs: {enabled: true}\n")(folder)
    assert problems(folder) == []


@pytest.mark.parametrize("name", ["sales/jobs/b.yaml", "sales/workflow.yaml"])
def test_a_link_to_nothing(folder: Path, name: str) -> None:
    _linked(name)(folder)
    (problem,) = problems(folder)
    assert (problem.file, problem.rule) == (folder / name, "yaml")
    assert "a link to nothing" in problem.message


SETTINGS = "workflow: {dependencies: {b: [a]}}\n"


@pytest.mark.parametrize("name", ["other", "other/jobs"])
def test_a_folder_that_is_a_link_to_nothing_is_one_problem(folder: Path, name: str) -> None:
    (folder / "other").mkdir()
    (folder / "other" / "workflow.yaml").write_text(SETTINGS)
    if name == "other":
        shutil.rmtree(folder / name)
    (folder / name).symlink_to("nothing")
    (problem,) = problems(folder)
    assert (problem.file, problem.rule) == (folder / name, "unreadable")
    assert "a link to nothing" in problem.message
    assert [each.name for each in load_all(folder) if not each.errors] == ["sales"]


def test_a_link_to_nothing_that_is_named_as_a_file_is_no_workflow(folder: Path) -> None:
    (folder / "README.md").symlink_to("nothing")
    assert problems(folder) == []


def test_jobs_that_are_no_folder(folder: Path) -> None:
    _added("other/workflow.yaml", SETTINGS)(folder)
    _added("other/jobs")(folder)
    (problem,) = problems(folder)
    assert (problem.file, problem.rule) == (folder / "other" / "jobs", "unreadable")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can read, while the tests run as somebody without privileges."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        load_all(EXAMPLES)  # reads the schemas
        before = os.geteuid()
        if before == 0:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(before)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("other", 0o000),
        ("other", 0o444),
        ("other/jobs", 0o000),
        ("other/jobs", 0o444),
        ("other/jobs/a.yaml", 0o000),
        ("other/workflow.yaml", 0o000),
    ],
)
def test_what_may_not_be_read_stops_no_other_workflow(
    open_folder: Path, name: str, mode: int
) -> None:
    for file in ("other/jobs/a.yaml", "sales/jobs/a.yaml"):
        _added(file)(open_folder)
    _added("other/workflow.yaml", "workflow: {}\n")(open_folder)
    (open_folder / name).chmod(mode)
    (problem,) = problems(open_folder)
    assert "Permission denied" in problem.message
    assert problem.file.relative_to(open_folder).parts[0] == "other"
    assert [each.name for each in load_all(open_folder) if not each.errors] == ["sales"]


def test_a_folder_of_workflows_that_may_not_be_read(open_folder: Path) -> None:
    root = open_folder / "workflows"
    _added("sales/jobs/a.yaml")(root)
    root.chmod(0o000)
    (problem,) = problems(root)
    assert (problem.file, problem.rule) == (root, "unreadable")


@pytest.mark.parametrize(
    "name",
    [
        ".git/jobs/a.yaml",
        "..data/workflow.yaml",
        "lost+found/jobs/a.yaml",
        "..data/sales--jobs--b.yaml",
        ".sales--jobs--b.yaml",
        ".b.yaml",
        "sales/.b.yaml",
        "sales/jobs/.b.yaml",
        "sales/jobs/.hidden/b.yaml",
        "other/.hidden/b.yaml",
        "other/.b.yaml",
    ],
)
def test_hidden_entries_are_neither_workflows_nor_jobs(folder: Path, name: str) -> None:
    _added(name, "job: [\n")(folder)
    assert problems(folder) == []
    (sales,) = load_all(folder)
    assert [*sales.jobs] == ["a"]


def test_two_files_of_one_workflow(folder: Path) -> None:
    for name in ("workflow.yaml", "workflow.yml"):
        (folder / "sales" / name).write_text("workflow: {}\n")
    (problem,) = problems(folder)
    assert (problem.file.name, problem.rule) == ("workflow.yml", "two-files")
    assert "remove one" in problem.message


def test_two_files_of_one_job(folder: Path) -> None:
    _added("sales/jobs/b.yml")(folder)
    (problem,) = problems(folder)
    assert (problem.file.name, problem.rule, problem.line) == ("b.yml", "duplicate-name", 2)
    assert "in a.yaml as well" in problem.message


def test_two_workflows_of_one_name(folder: Path) -> None:
    _added("shop/jobs/a.yaml")(folder)
    _added("shop/workflow.yaml", "workflow: {name: sales}\n")(folder)
    (problem,) = problems(folder)
    assert (problem.file, problem.rule) == (folder / "shop" / "workflow.yaml", "duplicate-name")
    assert "another name" in problem.message


@pytest.mark.parametrize("name", ["", "sales"])
def test_a_workflow_without_jobs(tmp_path: Path, name: str) -> None:
    (tmp_path / "sales" / "jobs").mkdir(parents=True)
    (problem,) = problems(tmp_path / name)
    assert (problem.file, problem.rule) == (tmp_path / "sales", "no-job")


def test_a_folder_without_workflows(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path)
    assert (problem.file, problem.rule) == (tmp_path, "no-workflow")


def test_one_workflow_of_many(folder: Path) -> None:
    assert problems(EXAMPLES / "sales") == []
    assert problems(folder / "sales") == []
    _added("b.yaml")(folder)
    assert problems(folder / "sales") == []


@pytest.mark.parametrize("name", ["my flow", "-sales", "sales.", "ventas-año", "x" * 64])
def test_the_name_of_a_folder_that_is_none_of_a_workflow(folder: Path, name: str) -> None:
    (folder / "sales").rename(folder / name)
    (problem,) = problems(folder)
    assert (problem.file, problem.rule) == (folder / name, "bad-name")
    file = folder / name / "workflow.yaml"
    file.write_text("workflow: {owner: me}\n")
    (problem,) = problems(folder)
    assert (problem.file, problem.rule) == (file, "bad-name")
    file.write_text(problem.message.partition("workflow.yaml: ")[2])
    assert problems(folder) == []


def test_the_name_of_files_without_folders_that_is_none_of_a_workflow(tmp_path: Path) -> None:
    for file in ("workflow", "jobs--a"):
        text = JOB if "job" in file else "workflow: {}\n"
        (tmp_path / f"my flow--{file}.yaml").write_text(text)
    (problem,) = problems(tmp_path)
    assert (problem.file.name, problem.rule) == ("my flow--workflow.yaml", "bad-name")
    problem.file.write_text("workflow: {name: my-flow}\n")
    assert problems(tmp_path) == []


def test_a_name_without_folders_has_no_slash(tmp_path: Path) -> None:
    _added("sales--jobs--a.yaml")(tmp_path)
    _added("a--b--workflow.yaml", "workflow: {}\n")(tmp_path)
    (problem,) = problems(tmp_path)
    assert (problem.file.name, problem.rule) == ("a--b--workflow.yaml", "not-read")


def test_files_without_folders_as_in_a_config_map(tmp_path: Path) -> None:
    sales = EXAMPLES / "sales"
    for file in sales.rglob("*.yaml"):
        parts = file.relative_to(EXAMPLES).parts
        (tmp_path / "--".join(parts)).write_text(file.read_text())
    assert problems(tmp_path) == []
    broken = tmp_path / "sales--jobs--load.yaml"
    broken.write_text("[")
    assert [problem.file for problem in problems(tmp_path)] == [broken]
    broken.rename(tmp_path / "sales--job--load.yaml")
    (tmp_path / "sales--job--load.yaml").write_text(JOB)
    assert ("sales--job--load.yaml", "not-read") in {
        (problem.file.name, problem.rule) for problem in problems(tmp_path)
    }
