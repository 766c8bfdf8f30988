"""What has a fingerprint: an instance's labels, metadata and tags, the project's metadata."""

import answers
from answers import Document, only
from operations import Operations
from store import Store, fingerprint


class Marked:
    """Changes of what has a fingerprint: each says which content it knows."""

    def __init__(self, store: Store, operations: Operations, project: Document) -> None:
        self._store = store
        self._operations = operations
        self._project = project

    def set_labels(self, place: str, name: str, body: Document, asked: str) -> Document:
        """Give an instance other labels."""
        only(body, {"labels": dict, "labelFingerprint": str}, "resource")
        instance = self._store.find(place, name)
        labels = answers.labels(body.get("labels", {}))
        _compare(body.get("labelFingerprint"), instance["labelFingerprint"])
        put_labels(instance, labels)
        return self._operations.begin("setLabels", place, instance, asked, lambda: None)

    def set_metadata(self, place: str, name: str, body: Document, asked: str) -> Document:
        """Give an instance other metadata."""
        instance = self._store.find(place, name)
        items = answers.metadata(body)
        _compare(body.get("fingerprint"), instance["metadata"]["fingerprint"])
        put_metadata(instance, "metadata", items)
        return self._operations.begin("setMetadata", place, instance, asked, lambda: None)

    def set_common(self, body: Document, asked: str) -> Document:
        """Give the project other metadata."""
        items = answers.metadata(body)
        _compare(body.get("fingerprint"), self._project["commonInstanceMetadata"]["fingerprint"])
        put_metadata(self._project, "commonInstanceMetadata", items)
        return self._operations.begin(
            "compute.projects.setCommonInstanceMetadata", "", self._project, asked, lambda: None
        )


def put_labels(thing: Document, labels: dict[str, str]) -> None:
    """Put labels on a thing, with their fingerprint."""
    thing.update(labels=labels, labelFingerprint=fingerprint(labels))


def put_metadata(thing: Document, field: str, items: list[Document]) -> None:
    """Put metadata on a thing, with its fingerprint."""
    content = {"kind": "compute#metadata", "fingerprint": fingerprint(items)}
    thing[field] = {**content, "items": items} if items else content


def put_tags(thing: Document, tags: Document) -> None:
    """Put network tags on a thing, with their fingerprint."""
    only(tags, {"items": list, "fingerprint": str}, "resource.tags")
    items = [answers.name(item, "resource.tags.items") for item in tags.get("items", [])]
    content = {"fingerprint": fingerprint(items)}
    thing["tags"] = {"items": items, **content} if items else content


def _compare(given: object, current: str) -> None:
    if given != current:
        raise answers.stale()
