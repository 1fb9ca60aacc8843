import pytest

from tfodcl.command import Parser, run
from tfodcl.errors import InputError


def exit_code(main) -> int:
    with pytest.raises(SystemExit) as ended:
        run(main, "prog")
    return ended.value.code


def fail(error: BaseException):
    def main() -> None:
        raise error

    return main


def parser() -> Parser:
    made = Parser(prog="prog", description="Does.", epilog="example: prog --count 3")
    made.add_argument("--count", type=int, choices=(1, 2, 3))
    return made


def test_a_command_that_ends_well_exits_with_0_and_is_silent(capsys):
    assert exit_code(lambda: None) == 0
    assert capsys.readouterr() == ("", "")


def test_bad_input_is_one_line_and_exit_code_2(capsys):
    assert exit_code(fail(InputError("count must be 1. Received: count=2."))) == 2
    assert capsys.readouterr() == ("", "prog: error: count must be 1. Received: count=2.\n")


def test_line_ends_of_a_received_value_do_not_break_the_line(capsys):
    assert exit_code(fail(InputError("name must be short. Received: a\nb\r\n\u2028c."))) == 2
    assert capsys.readouterr().err == "prog: error: name must be short. Received: a b c.\n"


def test_an_interrupted_command_says_so_in_one_line(capsys):
    assert exit_code(fail(KeyboardInterrupt())) == 130
    error = capsys.readouterr().err
    assert error.startswith("prog: interrupted") and error.count("\n") == 1


def test_a_defect_of_the_program_is_not_disguised_as_bad_input():
    with pytest.raises(ZeroDivisionError):
        run(fail(ZeroDivisionError()), "prog")


@pytest.mark.parametrize("arguments", [["--count", "x"], ["--count", "9"], ["--cou", "1"], ["more"], ["a\nb"]])
def test_wrong_arguments_are_one_line_and_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(arguments)
    assert ended.value.code == 2
    out, error = capsys.readouterr()
    assert out == "" and error.startswith("prog: error: ") and error.splitlines() == [error.rstrip("\n")]


def test_help_shows_the_example(capsys):
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["--help"])
    assert ended.value.code == 0
    assert "example: prog --count 3" in capsys.readouterr().out
