"""What a reader's first visit transfers. Sizes are those of files, so they do not vary."""

import gzip
from pathlib import PurePosixPath

PACKED = {".png", ".jpg", ".woff2"}  # compressed already

LOAD_ALL_PICTURES = """Promise.all([...document.images].map((image) => {
    image.loading = "eager";
    return image.decode();
}))"""


def test_first_visit_is_light(site, visit, chapter):
    visited = visit(chapter)
    visited.page.evaluate(LOAD_ALL_PICTURES)
    bodies = {name: (site / name).read_bytes() for name in visited.requested}
    assert any(name.endswith("tex-svg.js") for name in bodies)
    assert sum(map(len, bodies.values())) < 5_000_000
    packed = {
        name: len(body) if PurePosixPath(name).suffix in PACKED else len(gzip.compress(body))
        for name, body in bodies.items()
    }
    assert sum(packed.values()) < 1_600_000
