"""The API does what its OpenAPI document says, whatever it is sent."""

from .fuzzing import fuzz


def test_nothing_breaks_it_and_every_answer_is_documented(web, inventory, tmp_path):
    fuzz(web.url, web.token("Admin"), tmp_path)
