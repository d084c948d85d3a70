"""Downloads the published weights of the Inception network and checks their digest."""

import argparse
import shutil
import urllib.request
from http.client import HTTPException
from urllib.error import URLError

from critical_batch.runtime.errors import UserError, exit_cleanly
from critical_batch.runtime.files import atomic_path, sha256

URL = (
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
    "pt_inception-2015-12-05-6726825d.pth"
)
TIMEOUT_SECONDS = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sha256", required=True, help="what the file must have")
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    fetch(URL, arguments.sha256.lower(), arguments.output)


def fetch(url: str, expected: str, output: str) -> None:
    """Streams `url` to the file `output`, which appears only once it is whole and has the digest.

    expected: SHA-256 in lower case. UserError where the download fails or has another digest.
    """
    remedy = f"put the file at {output}, or name it in the configuration, inception.weights"
    try:
        with atomic_path(output) as temporary:
            with (
                urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response,
                open(temporary, "wb") as file,
            ):
                shutil.copyfileobj(response, file)
            found = sha256(temporary)
            if found != expected:
                raise UserError(f"{url} has the SHA-256 {found}, not {expected}: {remedy}")
    except (URLError, HTTPException, ConnectionError, TimeoutError) as error:
        reason = " ".join(str(getattr(error, "reason", error) or error).split())
        raise UserError(f"cannot download {url} ({reason}): {remedy}") from None
    print(f"{output}: {expected}")


if __name__ == "__main__":
    exit_cleanly(main)
