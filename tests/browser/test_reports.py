"""The report of a job in the dashboard."""

import io
import zipfile

import httpx
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage, find_violations, upload
from tests.servers import RunningGraft
from tests.uploads import draw_picture

CLASS_NAMES = ("amber", "blue")


def make_shifted_zip(num_train: int = 20, num_val: int = 16) -> bytes:
    """Pack a dataset in which half of the validation images, and only these, are mislabelled."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(2 * (num_train + num_val)):
            label = CLASS_NAMES[number % 2]
            split = "train" if number < 2 * num_train else "val"
            shown = CLASS_NAMES[number // 2 % 2] if split == "val" else label
            archive.writestr(f"{split}/{label}/{number:03}.jpg", draw_picture(shown, number))
    return file.getvalue()


def test_splits_that_differ_are_noticed(service: RunningGraft, open_page: OpenPage) -> None:
    dataset_id = upload(service, make_shifted_zip(), "shifted")
    request = {"dataset_id": dataset_id, "architecture": "squeezenet1_0", "input_size": 64}
    job = httpx.post(f"{service.url}/jobs", json=request, timeout=60)
    assert job.status_code == 202, job.text
    path = f"/ui/jobs/{job.json()['id']}"
    for device, theme in (("desktop", "light"), ("phone", "dark")):
        page = open_page(f"{path}?tab=report", device=device, theme=theme)
        expect(page.get_by_text("succeeded", exact=True)).to_be_visible(timeout=120_000)
        expect(page.get_by_text("The splits differ.")).to_be_visible()
        expect(page.get_by_text("The validation accuracy is 0.500")).to_be_visible()
        cross_validated = page.get_by_role("term").filter(has_text="Cross-validated")
        expect(cross_validated).to_be_visible()
        assert find_violations(page) == []
