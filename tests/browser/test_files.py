"""Files and transfers on the page Clouds, as a person uses them."""

import re

from playwright.sync_api import expect


def last_job(web):
    return web("GET", "jobs?limit=1").json()["items"][0]


def names(page):
    page.locator("#files tr").first.wait_for()
    return [text.strip() for text in page.locator("#files td:first-child").all_inner_texts()]


def test_folders_are_browsed(visit):
    page = visit(query="?store=aws")
    assert names(page) == ["runs/", "readme.txt"]
    expect(page.locator("#files tr").nth(1)).to_contain_text("2.0 KiB")
    page.get_by_role("button", name="runs/", exact=True).click()
    expect(page.locator("#files")).to_contain_text("a.csv")
    expect(page.locator("#seen")).to_contain_text("As of")
    page.locator("#way").get_by_role("button", name="aws").click()
    expect(page.locator("#files")).to_contain_text("readme.txt")


def test_a_name_is_shown_as_text_whatever_stands_in_it(visit, files, notes):
    evil = "<script>document.title='owned'</script>"
    inside = notes.listing("aws", f"{evil}/", "<img src=x onerror=alert(1)>")
    files(
        listings=[notes.listing("aws", "", f"{evil}/", evil), inside],
        transfers=[notes.transfer("x", "failed", source=f"aws:{evil}", error=evil)],
    )
    page = visit(query="?store=aws")
    assert names(page) == [f"{evil}/", evil]
    expect(page.locator("#transfers")).to_contain_text(f"aws:{evil}")
    page.get_by_role("button", name=f"{evil}/", exact=True).click()
    expect(page.locator("#files")).to_contain_text("<img src=x")
    # The slash of the closing tag is one of a path.
    expect(page.locator("#way")).to_contain_text("<script>document.title='owned'<")
    page.get_by_role("button", name="Copy <img").click()
    expect(page.locator("#source")).to_have_text(f"aws:{evil}/<img src=x onerror=alert(1)>")
    assert page.locator("#files img, #files script, #way script, #transfers script").count() == 0
    assert page.locator("#source img, #source script").count() == 0
    assert page.title() == "Clouds"


def test_a_file_is_copied(visit, web):
    page = visit(query="?store=aws&path=runs")
    page.get_by_role("button", name="Copy a.csv").click()
    dialog = page.locator("#transfer")
    expect(dialog.locator("#source")).to_have_text("aws:runs/a.csv")
    expect(dialog.get_by_label("Delete there")).not_to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).not_to_be_visible()
    before = web("GET", "jobs").json()["total"]
    page.get_by_role("button", name="Copy a.csv").click()
    dialog.get_by_label("To store").select_option("local")
    dialog.get_by_label("To path").fill("in/b.csv")
    dialog.get_by_label("Verify").select_option("read")
    dialog.get_by_role("button", name="Copy", exact=True).click()
    expect(page.locator("#notice")).to_contain_text("begun")
    expect(page.locator("#jobs tr").first).to_contain_text("aws:runs/a.csv → local:in/b.csv")
    assert web("GET", "jobs").json()["total"] == before + 1
    assert last_job(web)["parameters"] == {
        "source": "aws:runs/a.csv",
        "target": "local:in/b.csv",
        "verify": "read",
        "delete": False,
    }


def test_enter_in_the_dialog_copies(visit, web):
    page = visit(query="?store=aws&path=runs")
    page.get_by_role("button", name="Copy a.csv").click()
    page.get_by_label("To path").fill("in/by-enter.csv")
    page.get_by_label("To path").press("Enter")
    expect(page.locator("#notice")).to_contain_text("begun")
    assert last_job(web)["parameters"]["target"].endswith(":in/by-enter.csv")


def test_deleting_at_the_target_asks_once_more(visit, web):
    page = visit(query="?store=aws&path=runs/")
    before = web("GET", "jobs").json()["total"]

    def order() -> None:
        page.get_by_role("button", name="Copy all of it").click()
        page.get_by_label("Delete there").check()
        page.locator("#transfer").get_by_role("button", name="Copy", exact=True).click()
        question = "Delete in azure:runs/ what is not in aws:runs/?"
        expect(page.locator("#question")).to_have_text(question)

    order()
    page.locator("#ask").get_by_role("button", name="Cancel").click()
    expect(page.locator("#ask")).not_to_be_visible()
    assert web("GET", "jobs").json()["total"] == before
    order()
    page.get_by_role("button", name="Yes").click()
    expect(page.locator("#notice")).to_contain_text("begun")
    assert last_job(web)["parameters"]["delete"] is True


def test_who_opens_a_new_folder_looks_into_it(visit, web, files, notes):
    page = visit(query="?store=aws&path=runs/")
    with page.expect_request("**/listings?wait=20") as asked:
        page.get_by_role("button", name="deep er/", exact=True).click()
    assert asked.value.post_data_json == {"path": "runs/deep er/"}
    expect(page.locator("#notice")).to_contain_text("aws:runs/deep er/: looking")
    expect(page.locator("#seen")).to_contain_text("Nobody has looked")
    expect(page.locator("#jobs tr").first).to_contain_text("aws:runs/deep er/")
    # What the engine does then; no scheduler runs here.
    files(listings=[notes.listing("aws", "runs/deep er/", "found.txt")])
    web.finish(last_job(web)["id"])
    # It asks for 20 s, and a busy machine may have come too late.
    expect(page.locator("#notice")).to_contain_text(re.compile("looked into|still looking"))
    assert names(page) == ["found.txt"]


def test_a_viewer_is_told_that_it_may_neither_look_nor_copy(visit):
    page = visit("Viewer", query="?store=aws")
    page.get_by_role("button", name="Look", exact=True).click()
    expect(page.locator("#notice")).to_contain_text("may not")
    page.get_by_role("button", name="Copy readme.txt").click()
    page.locator("#transfer").get_by_role("button", name="Copy", exact=True).click()
    expect(page.locator("#notice")).to_contain_text("runs of the DAG move_file")


def test_transfers_show_how_far_they_are(visit, files, notes):
    known = {"files_known": 9, "bytes_known": 12000, "listed": True}
    going = notes.transfer("going", "running", **known)
    lost = notes.transfer("lost", "failed", failed=2, error="azure: does not answer")
    files(transfers=[going, lost])
    page = visit()
    row = page.locator("#transfers tr", has_text="azure:going")
    expect(row).to_contain_text("3 of 9 files, 2.9 KiB of 11.7 KiB")
    assert row.locator("progress").evaluate("bar => bar.position") == 0.25
    other = page.locator("#transfers tr", has_text="azure:lost")
    expect(other).to_contain_text("1 there already, 2 failed: azure: does not answer")
    files(transfers=[{**going, "state": "done"}, lost])
    expect(row).to_contain_text("done")


def test_a_thousand_files_are_searched_and_paged(visit, files, notes):
    many = [f"{number:04}.csv" for number in range(1000)]
    files(listings=[notes.listing("aws", "", *many, truncated=True)])
    page = visit(query="?store=aws")
    expect(page.locator("#range")).to_contain_text("1 to 100 of 1000 and more")
    page.get_by_role("button", name="More").click()
    expect(page.locator("#files tr").first).to_contain_text("0100.csv")
    page.get_by_label("Search").fill("99.c")
    expect(page.locator("#range")).to_contain_text("1 to 10 of 10")


def test_the_age_of_files_goes_on_and_leaves_the_focus(visit):
    page = visit(query="?store=aws&path=runs/")
    above = page.locator("#way").get_by_role("button", name="aws")
    above.focus()
    changed = page.locator("#files tr", has_text="a.csv").locator("td").nth(2)
    for now, age in (("2026-11-21T09:00Z", "1 d ago"), ("2026-12-20T09:00Z", "30 d ago")):
        page.clock.set_fixed_time(now)
        expect(changed).to_have_text(age, timeout=15_000)
        expect(above).to_be_focused()


def test_the_keyboard_is_enough(visit):
    page = visit(query="?store=aws")
    names(page)
    page.get_by_role("button", name="runs/", exact=True).focus()
    page.keyboard.press("Enter")
    here = page.locator("#way button").last
    expect(here).to_have_text("runs")
    expect(here).to_be_focused()
    copy = page.get_by_role("button", name="Copy a.csv")
    copy.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#transfer")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#transfer")).not_to_be_visible()
    expect(copy).to_be_focused()


def test_on_a_phone_long_names_do_not_widen_the_page(visit, files, notes):
    long = "x" * 300
    files(
        listings=[notes.listing("aws", f"{long}/", long)],
        transfers=[notes.transfer("long", "failed", source=f"aws:{long}", error=long)],
    )
    page = visit(query=f"?store=aws&path={long}/", viewport={"width": 360, "height": 640})
    names(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.get_by_role("button", name=f"Copy {long}").click()
    dialog = page.locator("#transfer")
    expect(dialog).to_be_visible()
    assert dialog.evaluate("box => box.scrollWidth <= box.clientWidth")


def test_a_scan_of_the_dialog_finds_nothing_serious(visit, files, notes, scan):
    files(transfers=[notes.transfer("going", "running", files_known=9, bytes_known=12000)])
    page = visit(query="?store=aws", bypass_csp=True)
    page.get_by_role("button", name="Copy readme.txt").click()
    assert scan(page) == []
