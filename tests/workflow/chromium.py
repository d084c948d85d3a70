"""A headless Chromium of the machine, or the reason why there is none."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from limits import HANG
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

PROGRAMS = ("chromium", "chromedriver")
PACKAGES = ("chromium", "chromium-driver")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # whatever it asks the network for, it does not get
)


def missing() -> str:
    """Why there is no browser; "" where there is one. Installed where root may do that."""
    if all(map(shutil.which, PROGRAMS)):
        return ""
    if os.geteuid() or not shutil.which("apt-get"):
        return f"not on PATH: {', '.join(PROGRAMS)}; install Debian's {' and '.join(PACKAGES)}"
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "--yes", "--no-install-recommends", *PACKAGES]):
        command = ["apt-get", "--quiet", *words]
        result = subprocess.run(command, env=quiet, capture_output=True, text=True, timeout=HANG)
        if result.returncode:
            lines = (result.stderr or result.stdout).strip().splitlines() or ["no message"]
            return f"{' '.join(command)}: {lines[-1]}"
    return "" if all(map(shutil.which, PROGRAMS)) else "the packages lack the programs"


@contextmanager
def browser(profile: Path, width: int, height: int) -> Iterator[webdriver.Chrome]:
    """A window of this size in CSS pixels, with a new profile in the folder `profile`."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = Service(shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    try:
        # A window has a least width; the emulated screen of a phone has not.
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        yield driver
    finally:
        driver.quit()


def errors(driver: webdriver.Chrome) -> list[str]:
    """What the console complained about since the last call."""
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
