"""The dashboard sends a large archive in parts, over a line that breaks."""

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.large_uploads import MB, interrupting, write_archive
from tests.servers import RunningGraft


def test_a_large_archive_survives_a_dropped_line(
    open_page: OpenPage, service: RunningGraft, tmp_path: Path
) -> None:
    archive = tmp_path / "noise.zip"
    write_archive(archive, 150 * MB)
    with interrupting(service.url) as proxy:
        page = open_page(f"{proxy.url}/ui/datasets")
        page.get_by_label("Archives of images").set_input_files(archive)
        expect(page.get_by_label("Name", exact=True)).to_have_value("noise")
        proxy.after(proxy.num_bytes + 40 * MB, proxy.cut)
        proxy.after(proxy.num_bytes + 110 * MB, proxy.cut)
        page.get_by_role("button", name="Upload", exact=True).click()
        page.get_by_role("link", name="noise").first.click()
        expect(page.get_by_role("link", name="Train on this dataset")).to_be_visible()
        assert proxy.num_waiting == 0
        page.close()
