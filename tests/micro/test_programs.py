"""The tests in C++, one program for each folder of micro/, under AddressSanitizer and UndefinedBehaviorSanitizer."""

import re
import subprocess
from pathlib import Path

import pytest

CMAKE = Path(__file__).parent / "CMakeLists.txt"
PROGRAMS = re.findall(r"^tfodcl_test\((\w+) ", CMAKE.read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_passes(micro_tests, name):
    result = subprocess.run([micro_tests / "tests" / f"{name}_test"], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    passed = re.search(r"\[  PASSED  \] (\d+) tests?\.", result.stdout)
    assert passed and int(passed[1]) > 0


def test_every_folder_with_tests_is_a_program():
    folders = {source.parent.name for source in CMAKE.parent.glob("*/*_test.cc")}
    assert folders == set(PROGRAMS)
