"""The report: made without network, and every entry opens in a headless Chromium."""

import re
import shutil
import subprocess
import time

import pytest
from limits import HANG, SOON
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from .checkout import SMOKE
from .chromium import browser, errors, missing

pytestmark = [pytest.mark.workflow, pytest.mark.rig]

PAGES = (
    "tables/table3",
    "report/runs",
    "report/data",
    "report/versions",
    "report/theory/estimates",
)
CATEGORIES = ("Table 3", "Runs", "Theory", "Figures")
DESKTOP, PHONE = (1280, 900), (390, 844)


@pytest.fixture(scope="module")
def made(smoke_run, tmp_path_factory):
    """A finished run with its report, made where no network can be reached if that can be had."""
    checkout = smoke_run.checkout.copy(tmp_path_factory.mktemp("report"))
    offline = ["unshare", "--map-root-user", "--net"]
    if not shutil.which("unshare") or subprocess.run([*offline, "true"]).returncode:
        offline = []
    style = ["--report-stylesheet", "workflow/report/style.css"]
    command = checkout.command("--report", "results/report.html", *style, config=SMOKE)
    result = subprocess.run(
        [*offline, *command],
        cwd=checkout.root,
        env=checkout.environment(),
        capture_output=True,
        text=True,
        timeout=HANG,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "(WARNING/" not in result.stderr  # of docutils, about a caption
    print("report made", "without network" if offline else "(network not cut off)")
    return checkout.root / "results"


@pytest.fixture(scope="module")
def chromium():
    reason = missing()
    if reason:
        pytest.skip(reason)


def test_the_report_names_no_address_to_load_from(made):
    text = (made / "report.html").read_text()
    assert 10**6 < len(text) < 10**8
    assert not re.search(r'<(script|link|img|iframe)[^>]+(src|href)\s*=\s*["\']?https?:', text)
    for page in PAGES:
        assert "://" not in (made / f"{page}.html").read_text()


class Reader:
    """Somebody who clicks through the report."""

    def __init__(self, driver):
        self.driver = driver

    def find(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def wait(self, condition):
        return WebDriverWait(self.driver, SOON, 0.05).until(lambda driver: condition())

    def menu(self):
        """Names of the entries of the menu that is open."""
        return [link.text for link in self.find("nav a.block")]

    def open(self, *names):
        """Clicks on entries of the menu, one after the other, from its first page on."""
        self.find("nav a svg")[1].find_element(By.XPATH, "./..").click()  # home
        for name in names:
            self.wait(lambda name=name: name in self.menu())
            next(link for link in self.find("nav a.block") if link.text == name).click()

    def lists(self):
        """The ways to every list of entries: category, or category and experiment."""
        for category in CATEGORIES:
            self.open(category)
            self.wait(lambda category=category: category not in self.menu())
            folders = self.menu()
            yield from [(category, folder) for folder in folders] or [(category,)]

    def rows(self):
        return self.find("nav tbody tr")

    def state(self, name):
        return self.driver.execute_script(f"return app.state.{name}")


def shown(reader):
    """What the content shows: a picture's natural width, or the heading and widths of a page."""
    pictures = reader.find("#app .grow img")
    if pictures:
        script = "return arguments[0].complete && arguments[0].naturalWidth"
        return reader.wait(lambda: reader.driver.execute_script(script, pictures[0]))
    reader.driver.switch_to.frame(reader.wait(lambda: reader.find("iframe"))[0])
    title = reader.wait(lambda: [heading.text for heading in reader.find("h1")])[0]
    wide, window = reader.driver.execute_script(
        "return [document.documentElement.scrollWidth, window.innerWidth]"
    )
    reader.driver.switch_to.default_content()
    assert wide <= window, f"{title} scrolls sideways"
    return len(title)


@pytest.mark.parametrize(("width", "height"), [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_every_entry_opens(made, chromium, tmp_path, width, height):
    started = time.perf_counter()
    with browser(tmp_path, width, height) as driver:
        reader = Reader(driver)
        driver.get((made / "report.html").as_uri())
        reader.wait(lambda: set(CATEGORIES) <= set(reader.menu()))
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width
        assert "Critical batch size" in reader.find("#app .prose h1")[0].text
        reader.wait(lambda: reader.find("#app .grow svg, #app .grow canvas"))  # the graph
        seen = {}
        for path in list(reader.lists()):
            reader.open(*path)
            for index in range(len(reader.wait(reader.rows))):
                row = reader.rows()[index]
                label = row.text
                row.find_elements(By.TAG_NAME, "a")[0].click()
                reader.wait(lambda: reader.state("resultPath") not in (None, *seen))
                result = reader.state("resultPath")
                assert label  # and not a file name:
                assert label not in result
                assert shown(reader) > 0
                caption = driver.execute_script("return results[arguments[0]].caption", result)
                seen[result] = (path[0], label, caption)
            reader.rows()[-1].find_elements(By.TAG_NAME, "a")[1].click()  # its description
            assert reader.wait(lambda: reader.find("nav .prose"))[0].text
        for entry in ("Statistics", "About"):
            reader.open(entry)
        assert errors(driver) == []
        assert set(seen) == set(driver.execute_script("return Object.keys(results)"))
    print(f"{len(seen)} entries at {width} px in {time.perf_counter() - started:.0f} s")
    categories = [category for category, *_ in seen.values()]
    assert {name: categories.count(name) for name in CATEGORIES} == {
        "Table 3": 1,
        "Runs": 3,
        "Theory": len(list((made / "report/theory").glob("*.html"))),
        "Figures": len(list((made / "figures").rglob("*.png"))),
    }
    assert min(map(categories.count, CATEGORIES)) > 0
    captions = {result: " ".join(caption.split()) for result, (*_, caption) in seen.items()}
    assert all("{" not in caption and "None" not in caption for caption in captions.values())
    sfo = captions["results/figures/dcgan/sfo.png"]
    assert "Adam: critical batch size 4 (single seeds: 4; 2 of 2 arrived there" in sfo
    assert "threshold classifier-FID 95" in sfo
    assert "wgan" not in sfo.lower()
    assert "AdaBelief measured nothing" in captions["results/tables/table3.html"]


@pytest.mark.parametrize("page", PAGES)
def test_pages_read_well_on_a_phone(made, chromium, tmp_path, page):
    with browser(tmp_path, *PHONE) as driver:
        driver.get((made / f"{page}.html").as_uri())
        width = driver.execute_script("return document.documentElement.scrollWidth")
        assert width <= PHONE[0]
        sizes = driver.execute_script(
            "return [...document.querySelectorAll('td')].map(e => [e.getBoundingClientRect().right,"
            " parseFloat(getComputedStyle(e).fontSize)])"
        )
        assert len(sizes) > 5
        assert max(right for right, _ in sizes) <= PHONE[0]
        assert min(size for _, size in sizes) >= 12
        assert errors(driver) == []
