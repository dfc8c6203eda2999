"""Run conformance checkers on a paper."""

import subprocess

import page as page_validation

PROFILES = [page_validation.ValidationProfile.PDF_UA_1, page_validation.ValidationProfile.PDF_A_3A]


def run(*command: str, pdf: bytes) -> str:
    """Run a program on a paper and return its output; it must report no problem."""
    done = subprocess.run(command, input=pdf, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b""), done.stdout.decode() + done.stderr.decode()
    return done.stdout.decode()


def failures(pdf: bytes) -> list[str]:
    """Return the violations of PDF/UA-1 and PDF/A-3a, both of which papers claim."""
    endless = page_validation.SafetyLimits.unlimited()  # by default it reads no table of more than 1,024 rows
    reports = [page_validation.validate_pdf_bytes(pdf, profile=profile, limits=endless) for profile in PROFILES]
    found = [f"{failure.rule_id}: {failure.message}" for report in reports for failure in report.failures]
    assert all(report.is_compliant for report in reports) != bool(found)
    return found
