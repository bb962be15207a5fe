import subprocess
import sys

import pytest

HEAVY = ("torch", "diffusers", "transformers", "kornia", "cv2", "av")


def imported_by(statement):
    """Which of the heavy packages a fresh interpreter holds afterwards."""
    code = f"import sys\n{statement}\nprint(*(name for name in {HEAVY} if name in sys.modules))"
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()


def test_the_package_imports_nothing_heavy():
    assert imported_by("import revideo; dir(revideo); revideo.__version__") == []


@pytest.mark.slow
def test_what_needs_no_network_imports_no_networks():
    names = "ModelConfig", "Trajectories", "parse_tracks", "Edit", "make_conditions", "SamplerOptions"
    assert imported_by(f"import revideo; {', '.join('revideo.' + name for name in names)}") == ["torch"]


def test_every_public_name_leads_somewhere():
    import revideo

    for name in revideo.__all__:
        assert getattr(revideo, name).__name__ == name
        assert name in dir(revideo)


def test_a_name_that_is_not_there_is_an_attribute_error():
    import revideo

    with pytest.raises(AttributeError, match="module 'revideo' has no attribute 'Revideo'"):
        revideo.Revideo  # noqa: B018
